package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/sandbox"
	"github.com/peerd/peerd/pkg/spec"
)

//go:embed demo/*.yaml
var demoFiles embed.FS

func (a *app) demoCommand() *cobra.Command {
	var whole time.Duration
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch the daemon at work on a simulated AWS",
		Long: "Run the daemon on a simulated AWS and a git repository that it makes in a directory of its own, and removes at the end. Commits are made, " +
			"somebody changes things by hand, and what peerd finds and does is printed. Its metrics are served meanwhile. No credentials are needed or used.",
		Example: `  peerd demo --for 2m &
  curl -s http://127.0.0.1:9797/metrics | grep peerd_drift`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if whole < 6*time.Second {
				return usageError("--for %v: the story needs at least 6s", whole)
			}
			return a.demo(cmd.Context(), whole)
		},
	}
	cmd.Flags().DurationVar(&whole, "for", time.Minute, "how long it goes on")
	cmd.Flags().StringVar(&a.listen.main, "listen", "127.0.0.1:9797", "`ADDR` of /metrics, /api/v1/status and a page for people; \"\": none")
	return cmd
}

// demo is the daemon with a story around it.
type demo struct {
	*daemon
	box  *sandbox.Box
	repo *git.Repository
	dir  string // its work tree

	shown string // the latest plan
}

// demo tells the story, and ends when it is told.
func (a *app) demo(ctx context.Context, whole time.Duration) error {
	dir, err := os.MkdirTemp("", "peerd-demo")
	if err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	defer os.RemoveAll(dir)
	d, err := a.newDemo(ctx, dir, whole)
	if err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	if err := d.tell(ctx, whole); err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	return d.showMetrics()
}

func (a *app) newDemo(ctx context.Context, dir string, whole time.Duration) (*demo, error) {
	a.repo.Repo, a.repo.Branch, a.interval, a.awsShare, a.maxDelete = dir, "main", max(whole/30, time.Second), 1, "10%"
	log, err := a.logger()
	if err != nil {
		return nil, err
	}
	d := &demo{daemon: newDaemon(a, log), dir: dir}
	if d.repo, err = git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.Main}}); err != nil {
		return nil, err
	}
	set, err := spec.Load(demoFiles, "")
	if err != nil {
		return nil, err
	}
	if d.box, err = sandbox.New(set); err != nil {
		return nil, err
	}
	if d.source, err = a.source(""); err != nil {
		return nil, err
	}
	d.say = d.show
	return d, d.prepare(ctx, a.targetIn(d.box, d.state, d.stopped(ctx)), plan.Limits{})
}

// scene is one of the story.
type scene struct {
	what string
	make func(context.Context) error
}

func (d *demo) scenes() []scene {
	return []scene{
		{"a commit peers the hub with payments", d.commit("network.yaml", "payments.yaml")},
		{"somebody deletes a route by hand", d.deleteRoute},
		{"a commit peers the hub with data, in another region", d.commit("data.yaml")},
		{"somebody revokes a rule, and adds one of their own, which stays", d.changeRules},
		{"a commit has a mistake in it", d.mistake},
		{"a commit mends it", d.commit("data.yaml")},
	}
}

// tell makes one step after the other, with the same time after each. The daemon begins once there is a commit.
func (d *demo) tell(ctx context.Context, whole time.Duration) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	scenes := d.scenes()
	for i, s := range scenes {
		fmt.Fprintf(d.stdout, "== %d/%d %s\n", i+1, len(scenes), s.what)
		if err := s.make(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
		if i == 0 {
			go func() { ended <- d.run(ctx) }()
		}
		select {
		case <-time.After(whole / time.Duration(len(scenes))):
		case err := <-ended: // it was told to, or a part of it failed
			return err
		}
	}
	stop()
	return <-ended
}

// show prints what a turn found, unless that was printed already; what is wrong with commits is logged.
func (d *demo) show(t reconcile.Turn) {
	if t.Report == nil || t.Report.First == nil || t.Mode == reconcile.ModeWaiting {
		return
	}
	var b bytes.Buffer
	_ = render.PlanText(&b, t.Report.First) // a buffer takes everything
	if text := b.String(); text != d.shown {
		d.shown = text
		d.indented(text)
	}
}

func (d *demo) indented(text string) {
	for line := range strings.Lines(text) {
		_, _ = d.stdout.Write(d.paint([]byte("   " + line)))
	}
}

// commit adds files of the demo as they are to the repository.
func (d *demo) commit(names ...string) func(context.Context) error {
	return func(context.Context) error {
		files := map[string][]byte{}
		for _, n := range names {
			text, err := demoFiles.ReadFile("demo/" + n)
			if err != nil {
				return err
			}
			files[n] = text
		}
		return d.push("Add "+strings.Join(names, " and "), files)
	}
}

func (d *demo) mistake(context.Context) error {
	text, err := demoFiles.ReadFile("demo/data.yaml")
	if err != nil {
		return err
	}
	return d.push("Open a port for the hub", map[string][]byte{"data.yaml": bytes.ReplaceAll(text, []byte("ports: 5432"), []byte("port: 5432"))})
}

func (d *demo) push(message string, files map[string][]byte) error {
	tree, err := d.repo.Worktree()
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(d.dir, name), text, 0o600); err != nil {
			return err
		}
		if _, err := tree.Add(name); err != nil {
			return err
		}
	}
	who := &object.Signature{Name: "peerd demo", Email: "demo@example.com", When: time.Now()}
	if _, err := tree.Commit(message, &git.CommitOptions{Author: who, AllowEmptyCommits: true}); err != nil {
		return err
	}
	wake(d.fetchNow)
	return nil
}

// deleteRoute deletes the first of our routes in the hub.
func (d *demo) deleteRoute(ctx context.Context) error {
	c, err := d.console(ctx, "111111111111", "eu-west-1")
	if err != nil {
		return err
	}
	tables, err := c.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{})
	if err != nil {
		return err
	}
	for _, t := range tables.RouteTables {
		for _, r := range t.Routes {
			if r.VpcPeeringConnectionId != nil {
				_, err := c.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: t.RouteTableId, DestinationCidrBlock: r.DestinationCidrBlock})
				return err
			}
		}
	}
	return errors.New("there is no route of ours yet")
}

// changeRules revokes the database's rule, and opens its group to everybody.
func (d *demo) changeRules(ctx context.Context) error {
	c, err := d.console(ctx, "222222222222", "us-east-1")
	if err != nil {
		return err
	}
	rules, err := c.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{})
	if err != nil {
		return err
	}
	for _, r := range rules.SecurityGroupRules {
		if aws.ToInt32(r.FromPort) != 5432 {
			continue
		}
		if _, err := c.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: r.GroupId, SecurityGroupRuleIds: []string{aws.ToString(r.SecurityGroupRuleId)}}); err != nil {
			return err
		}
		_, err := c.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: r.GroupId, IpPermissions: []types.IpPermission{
			{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(5432), ToPort: aws.Int32(5432), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}})
		return err
	}
	return errors.New("there is no rule of ours yet")
}

// console is what somebody with credentials of the account works with by hand.
func (d *demo) console(ctx context.Context, account netstate.AccountID, region string) (*ec2.Client, error) {
	cfg, err := d.box.Source(ctx, netstate.Access{Account: account})
	if err != nil {
		return nil, err
	}
	cfg.Region = region
	return ec2.NewFromConfig(cfg), nil
}

var told = regexp.MustCompile(`(?m)^peerd_(peering_in_sync|peering_ready|drift_detected_total|changes_total|spec_last_load_successful|git_fetches_total)\b.* [^0].*\n`)

// showMetrics prints those metrics that the story is about.
func (d *demo) showMetrics() error {
	path := filepath.Join(d.dir, "metrics")
	if err := d.state.WriteTextfile(path); err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	fmt.Fprintln(d.stdout, "== metrics")
	for _, line := range told.FindAll(text, -1) {
		d.indented(string(line))
	}
	return nil
}
