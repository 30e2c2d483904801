package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/demo"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
)

func (a *app) demoCommand() *cobra.Command {
	var whole time.Duration
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch the daemon at work on a simulated AWS",
		Long: "Run the daemon on a simulated AWS and a git repository that it makes in a directory of its own, and removes at the end. Commits are made, " +
			"somebody changes things by hand, and what peerd finds is printed. Its metrics are served meanwhile. No credentials are needed or used.",
		Example: `  peerd demo --for 2m &
  curl -s http://127.0.0.1:9797/metrics | grep peerd_drift`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if whole < 12*time.Second {
				return usageError("--for %v: the story needs at least 12s", whole)
			}
			a.listen = listenOptions{main: listen}
			return a.demo(cmd.Context(), whole)
		},
	}
	cmd.Flags().DurationVar(&whole, "for", time.Minute, "how long it goes on")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9797", "`ADDR` of /metrics, /api/v1/status and a page for people; \"\": none")
	return cmd
}

// teller is the daemon with somebody who gives it something to do.
type teller struct {
	*daemon
	scenes []demo.Scene
	each   time.Duration // from one scene to the next
	shown  string        // the latest plan
}

// demo tells the story, and ends when it is told.
func (a *app) demo(ctx context.Context, whole time.Duration) error {
	dir, err := os.MkdirTemp("", "peerd-demo")
	if err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	defer os.RemoveAll(dir)
	s, err := a.newTeller(ctx, dir, whole)
	if err != nil {
		return err
	}
	if err := s.tell(ctx); err != nil {
		return err
	}
	return s.showMetrics(filepath.Join(dir, "metrics"))
}

func (a *app) newTeller(ctx context.Context, dir string, whole time.Duration) (*teller, error) {
	a.repo.Repo, a.interval, a.awsShare = dir, max(whole/60, 500*time.Millisecond), 1
	log, err := a.logger()
	if err != nil {
		return nil, err
	}
	place, err := demo.New(dir)
	if err != nil {
		return nil, exitError{reconcile.ExitFailed, err}
	}
	s := &teller{daemon: newDaemon(a, log), scenes: place.Scenes()}
	s.each, s.say = whole/time.Duration(len(s.scenes)), s.show
	if s.source, err = a.source(""); err != nil {
		return nil, err
	}
	return s, s.prepare(ctx, a.targetIn(place.Box, s.state), plan.Limits{})
}

// tell plays one scene after the other. The daemon begins once there is a commit.
func (s *teller) tell(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	for i, scene := range s.scenes {
		fmt.Fprintf(s.stdout, "== %d/%d %s\n", i+1, len(s.scenes), scene.What)
		if err := scene.Play(ctx); err != nil {
			return exitError{reconcile.ExitFailed, fmt.Errorf("%s: %w", scene.What, err)}
		}
		if i == 0 {
			go func() { ended <- s.run(ctx) }()
		}
		select {
		case <-time.After(s.each):
		case err := <-ended: // it was told to, or a part of it failed
			return err
		}
	}
	stop()
	return <-ended
}

// show prints what a turn found, unless that was printed already. What is wrong with a commit is logged.
func (s *teller) show(t reconcile.Turn) {
	if t.Report == nil || t.Report.First == nil || t.Mode == reconcile.ModeWaiting {
		return
	}
	var b bytes.Buffer
	_ = render.PlanText(&b, t.Report.First) // a buffer takes everything
	if text := b.String(); text != s.shown {
		s.shown = text
		s.indented(text)
	}
}

func (s *teller) indented(text string) {
	for line := range strings.Lines(text) {
		_, _ = s.stdout.Write(s.paint([]byte("   " + line)))
	}
}

var told = regexp.MustCompile(`(?m)^peerd_(peering_in_sync|peering_ready|drift_detected_total|changes_total|spec_last_load_successful|git_fetches_total)\b.* [^0].*\n`)

// showMetrics prints those metrics that the story is about; they go through a file of that path.
func (s *teller) showMetrics(path string) error {
	if err := s.state.WriteTextfile(path); err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	fmt.Fprintln(s.stdout, "== metrics")
	for _, line := range told.FindAll(text, -1) {
		s.indented(string(line))
	}
	return nil
}
