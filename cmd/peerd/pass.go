package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/sandbox"
	"github.com/peerd/peerd/pkg/spec"
)

var _ reconcile.Target = (*awsnet.Target)(nil)

// pass makes one pass and prints it: the plan before anything is done, progress on stderr, and what is left.
func (a *app) pass(ctx context.Context, path string, dryRun bool) error {
	if err := a.checkPass(); err != nil {
		return err
	}
	set, err := a.load(path)
	if err != nil {
		return err
	}
	only, err := a.links(set)
	if err != nil {
		return err
	}
	limits, err := plan.ParseLimits(a.maxDelete)
	if err != nil {
		return usageError("--max-deletes %v", err)
	}
	if a.prune && len(only) > 0 {
		return usageError("--prune with --target: what nobody wants can be judged only with all peerings in view")
	}
	target, err := a.target(set, func() bool { return a.paused() || ctx.Err() != nil })
	if err != nil {
		return err
	}
	log, err := a.logger()
	if err != nil {
		return err
	}
	cfg := reconcile.Config{Target: target, Log: log, Timeout: a.timeout, Settle: a.settle, Paused: a.paused}
	if a.output != "json" {
		a.narrate(&cfg, dryRun)
	}
	return a.finish(reconcile.New(cfg).Cycle(ctx, reconcile.Input{Spec: set, DryRun: dryRun, Only: only, Prune: a.prune, Limits: limits}))
}

// checkPass refuses flags of a pass that mean nothing. Zero is none of them: a time of zero would be taken for one that was not given.
func (a *app) checkPass() error {
	switch {
	case a.output != "text" && a.output != "json" && a.output != "markdown":
		return usageError("-o %q: say text, json or markdown", a.output)
	case a.timeout <= 0:
		return usageError("--timeout %v: say a time above zero, such as 10m", a.timeout)
	case a.settle <= 0:
		return usageError("--settle %v: say a time above zero, such as 60s", a.settle)
	case !(a.awsShare > 0 && a.awsShare <= 1): // NaN is neither
		return usageError("--aws-share %v: say a part of EC2's request rates, above 0 and up to 1", a.awsShare)
	}
	return nil
}

// load reads the spec and settles whose it is.
func (a *app) load(path string) (*spec.Set, error) {
	if path == "" {
		return nil, usageError("say --spec PATH: a file, or a directory of *.yaml files")
	}
	set, err := loadSpec(path)
	if err != nil {
		return nil, exitError{reconcile.ExitSpec, fmt.Errorf("the spec is not valid; nothing was sent to AWS\n%w", err)}
	}
	set, err = a.complete(set)
	if err != nil {
		return nil, exitError{reconcile.ExitSpec, err}
	}
	return set, nil
}

// complete adds to a spec what the command line says: whose it is, and where STS is asked.
func (a *app) complete(set *spec.Set) (*spec.Set, error) {
	set, err := set.WithOwner(netstate.OwnerID(a.owner))
	if err != nil {
		return nil, err
	}
	for _, account := range set.Accounts {
		if account.STSRegion == "" {
			account.STSRegion = netstate.Region(a.stsRegion)
		}
	}
	return set, nil
}

// target is AWS, or the sandbox. No write is sent to it once stopped says so.
func (a *app) target(set *spec.Set, stopped func() bool) (*awsnet.Target, error) {
	cfg := awsnet.Config{Share: a.awsShare, Stopped: stopped}
	if a.sandbox {
		box, err := sandbox.New(set)
		if err != nil {
			return nil, exitError{reconcile.ExitFailed, fmt.Errorf("make a sandbox from the spec: %w", err)}
		}
		cfg.HTTPClient, cfg.Source = box.HTTPClient(), box.Source
	}
	return awsnet.New(cfg), nil
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
func (a *app) narrate(cfg *reconcile.Config, dryRun bool) {
	total, done := 0, 0
	cfg.OnPlan = func(p *plan.Plan) {
		total = len(p.Actions)
		a.showPlan(p)
		if total > 0 && !dryRun {
			fmt.Fprintln(a.stdout)
		}
	}
	cfg.OnDone = func(r reconcile.Result) {
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
func (a *app) showPlan(p *plan.Plan) {
	var b bytes.Buffer
	if a.output == "markdown" {
		_ = render.PlanMarkdown(&b, p)
	} else {
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
	if a.output == "json" {
		write = render.ReportJSON
	}
	if err := write(&b, r); err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	if _, err := a.stdout.Write(a.paint(b.Bytes())); err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	if r.First != nil {
		if err := a.toGitHub(r.First); err != nil {
			return exitError{reconcile.ExitFailed, err}
		}
	}
	if code := r.Exit(); code != reconcile.ExitInSync {
		return exitError{code: code}
	}
	return nil
}
