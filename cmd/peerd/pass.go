package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/sandbox"
	"github.com/peerd/peerd/pkg/spec"
	"github.com/peerd/peerd/pkg/status"
	"github.com/spf13/pflag"
)

var _ reconcile.Target = (*awsnet.Target)(nil)

// pass makes one pass and prints it: the plan before anything is done, progress on stderr, and what is left.
func (a *app) pass(ctx context.Context, path string) error {
	if err := a.checkPass(); err != nil {
		return err
	}
	limits, err := plan.ParseLimits(a.maxDelete)
	if err != nil {
		return usageError("--max-deletes %v", err)
	}
	log, err := a.logger()
	if err != nil {
		return err
	}
	state := a.newState(0)
	turn := reconcile.Turn{Fetched: true, Mode: reconcile.ModeFull}
	in := reconcile.Input{DryRun: a.dryRun, Prune: a.prune, Limits: limits}
	err = a.read(ctx, path, &turn, &in)
	if err == nil {
		turn.Report, err = a.apply(ctx, in, state, log)
	}
	state.OnTurn(turn)
	if a.metricsTextfile != "" {
		if written := state.WriteTextfile(a.metricsTextfile); written != nil && err == nil {
			err = exitError{reconcile.ExitFailed, fmt.Errorf("--metrics-textfile: %w", written)}
		}
	}
	return err
}

// read fills in what is to be applied; the turn says where that failed.
func (a *app) read(ctx context.Context, path string, turn *reconcile.Turn, in *reconcile.Input) error {
	source, err := a.source(path)
	if turn.FetchErr = err; err != nil {
		return err
	}
	memory := a.stateOf(source)
	applied, err := memory.read()
	if turn.FetchErr = err; err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	began := time.Now()
	c, err := a.fetch(ctx, source, applied)
	turn.Took, turn.FetchErr = time.Since(began), err
	if err != nil {
		return err
	}
	if in.Spec, err = a.loadCommit(c); err != nil {
		turn.SpecErr = err
		if wrong := (*spec.Errors)(nil); errors.As(err, &wrong) {
			err = fmt.Errorf("the spec is not valid; nothing was sent to AWS\n%w", err)
		}
		return exitError{reconcile.ExitSpec, err}
	}
	turn.Commit, in.Limits.Allowed = c, plan.AllowedBy(c.Message)
	if in.Only, err = a.links(in.Spec); err != nil {
		return err
	}
	if in.Prune && len(in.Only) > 0 {
		return usageError("--prune with --target: what nobody wants can be judged only with all peerings in view")
	}
	if in.DryRun {
		return nil
	}
	if err := memory.write(c.Hash); err != nil {
		return exitError{reconcile.ExitFailed, err} // a rewind would go unseen next time
	}
	return nil
}

// apply makes the pass; the report is nil where there was none.
func (a *app) apply(ctx context.Context, in reconcile.Input, state *status.State, log *slog.Logger) (*reconcile.Report, error) {
	target, err := a.target(in.Spec, state)
	if err != nil {
		return nil, err
	}
	cfg := reconcile.Config{Target: target, Log: log, Timeout: a.timeout, Settle: a.settle, Paused: a.paused, OnDone: state.OnDone}
	if a.output != "json" {
		a.narrate(&cfg, in)
	}
	report := reconcile.New(cfg).Cycle(ctx, in)
	return report, a.finish(report)
}

// checkOnce refuses what would not hold for a single pass. Of the daemon's flags that is what the command line says: the environment may be one
// for both, as that of the units in deploy/systemd is.
func (a *app) checkOnce(f, daemonOnly *pflag.FlagSet) error {
	if a.leader.elect {
		return usageError("--leader-elect is for the daemon: a single pass would write, whoever leads")
	}
	for _, name := range a.given {
		if daemonOnly.Lookup(name) != nil {
			return usageError("--%s is for the daemon: a single pass goes by none; leave it out, or --once", name)
		}
	}
	if err := a.leader.check(f); err != nil {
		return err
	}
	return a.checkSource(f, a.spec)
}

// checkPass refuses flags of a pass that mean nothing. Zero is none of them: a time of zero would be taken for one that was not given.
func (a *app) checkPass() error {
	if a.output != "text" && a.output != "json" && a.output != "markdown" {
		return usageError("-o %q: say text, json or markdown", a.output)
	}
	return a.checkBounds()
}

func (a *app) checkBounds() error {
	switch {
	case a.timeout <= 0:
		return usageError("--timeout %v: say a time above zero, such as 10m", a.timeout)
	case a.settle <= 0:
		return usageError("--settle %v: say a time above zero, such as 60s", a.settle)
	case !(a.awsShare > 0 && a.awsShare <= 1): // NaN is neither
		return usageError("--aws-share %v: say a part of EC2's request rates, above 0 and up to 1", a.awsShare)
	}
	return nil
}

// target is AWS, or a sandbox made from the set.
func (a *app) target(set *spec.Set, state *status.State) (*awsnet.Target, error) {
	if !a.sandbox {
		return a.targetIn(nil, state), nil
	}
	box, err := sandbox.New(set)
	if err != nil {
		return nil, exitError{reconcile.ExitFailed, fmt.Errorf("make a sandbox from the spec: %w", err)}
	}
	return a.targetIn(box, state), nil
}

// targetIn is AWS where there is no box.
func (a *app) targetIn(box *sandbox.Box, state *status.State) *awsnet.Target {
	cfg := awsnet.Config{Share: a.awsShare, OnCall: func(c awsnet.Call) {
		state.OnCall(status.Call{Operation: c.Operation, Outcome: string(c.Outcome), Duration: c.Duration})
	}}
	if box != nil {
		cfg.HTTPClient, cfg.Source = box.HTTPClient(), box.Source
	}
	return awsnet.New(cfg)
}

// paused reports whether the pause file exists. A path that cannot be looked at counts as there: who names one wants to be able to stop.
func (a *app) paused() bool {
	if a.pauseFile == "" {
		return false
	}
	_, err := os.Stat(a.pauseFile)
	return !errors.Is(err, fs.ErrNotExist)
}

// narrate prints the plan to stdout as soon as it is made, and what is done to stderr while it is done.
func (a *app) narrate(cfg *reconcile.Config, in reconcile.Input) {
	total, done := 0, 0
	cfg.OnPlan = func(p *plan.Plan, o *netstate.Observed) {
		total = len(p.Actions)
		a.showPlan(p, in.Spec, o)
		if total > 0 && !in.DryRun {
			fmt.Fprintln(a.stdout)
		}
	}
	count := cfg.OnDone
	cfg.OnDone = func(r reconcile.Result) {
		count(r)
		if r.Err != nil {
			fmt.Fprintf(a.stderr, "not applied  %s: %s: %s\n", r.Action.Link(), render.Plain(r.Action.String()), render.Plain(r.Err.Error()))
			return
		}
		done++
		fmt.Fprintf(a.stderr, "[%*d/%d] %s: %s\n", len(fmt.Sprint(total)), done, total, r.Action.Link(), render.Plain(r.Action.String()))
	}
	var waited []netstate.Link
	cfg.OnWait = func(w reconcile.Waiting) {
		if fmt.Sprint(waited) != fmt.Sprint(w.Links) {
			waited = w.Links
			fmt.Fprintf(a.stderr, "waiting for %d of the connections to change state\n", len(w.Links))
		}
	}
}

// showPlan prints the plan as asked for. A closed pipe shows itself again at the end of the pass.
func (a *app) showPlan(p *plan.Plan, s *spec.Set, o *netstate.Observed) {
	var b bytes.Buffer
	switch {
	case a.output == "markdown":
		_ = render.PlanMarkdown(&b, p)
	case a.explain != "":
		want, _ := plan.Expand(s, o) // its problems are in the plan
		_ = render.ExplainText(&b, p, func(x plan.Action) plan.Explanation { return plan.Explain(want, o, x) })
	default:
		_ = render.PlanText(&b, p)
	}
	_, _ = a.stdout.Write(a.paint(b.Bytes()))
}

func (a *app) paint(text []byte) []byte {
	if a.output == "text" && a.painted(a.stdout) {
		return []byte(render.Color(string(text)))
	}
	return text
}

// finish prints the end of a pass and turns it into the exit code.
func (a *app) finish(r *reconcile.Report) error {
	var b bytes.Buffer
	write := render.ReportText
	switch a.output {
	case "json":
		write = render.ReportJSON
	case "markdown":
		write = render.ReportMarkdown
	}
	if err := write(&b, r); err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	if _, err := a.stdout.Write(a.paint(b.Bytes())); err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	if r.First != nil {
		if err := a.toGitHub(r); err != nil {
			return exitError{reconcile.ExitFailed, err}
		}
	}
	if code := r.Exit(); code != reconcile.ExitInSync {
		return exitError{code: code}
	}
	return nil
}
