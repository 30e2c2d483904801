package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/status"
)

// daemonFlags are those that mean something to the daemon only.
func (a *app) daemonFlags() *pflag.FlagSet {
	f := pflag.NewFlagSet("daemon", pflag.ContinueOnError)
	f.DurationVar(&a.interval, "interval", time.Minute, "time between full passes of the daemon, give or take a tenth")
	a.listen.flags(f)
	a.leader.flags(f)
	return f
}

// daemon makes passes until it is told to stop. SIGHUP makes one at once.
func (a *app) daemon(ctx context.Context, f *pflag.FlagSet) error {
	if err := a.checkDaemon(f); err != nil {
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
	d := newDaemon(a, log)
	if d.source, err = a.source(a.spec); err != nil {
		return err
	}
	if d.leader.elect {
		if d.election, err = newElection(d.leader.lease, log, d.onLead); err != nil {
			return exitError{reconcile.ExitFailed, err}
		}
		d.state.OnLead(false)
	}
	target, err := d.target(ctx)
	if err != nil {
		return err
	}
	if err := d.prepare(ctx, target, limits); err != nil {
		return err
	}
	return d.run(ctx)
}

// daemon is the parts of a daemon, wired.
type daemon struct {
	*app
	log       *slog.Logger
	source    reconcile.Source
	state     *status.State
	election  *election // nil: nobody else writes
	listeners []listener
	loop      *reconcile.Loop
	systemd   *systemd

	say func(reconcile.Turn) // tells people of a turn

	fetchNow, passNow chan struct{} // LoopConfig.Fetch and Full
}

func newDaemon(a *app, log *slog.Logger) *daemon {
	return &daemon{app: a, log: log, state: a.newState(a.interval), systemd: newSystemd(log), say: func(t reconcile.Turn) { sayTurn(log, t) },
		fetchNow: make(chan struct{}, 1), passNow: make(chan struct{}, 1)}
}

// prepare makes everything that can fail before anything is done.
func (d *daemon) prepare(ctx context.Context, target reconcile.Target, limits plan.Limits) error {
	memory := d.stateOf(d.source)
	applied, err := memory.read()
	if err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	if d.listeners, err = d.listen.open(ctx, d.state, d.fetchNow, d.log); err != nil {
		return err
	}
	d.loop = reconcile.NewLoop(reconcile.LoopConfig{
		Target: target, Source: d.source, Load: d.loadCommit, Interval: d.interval, Prune: d.prune, Limits: limits, Applied: applied,
		Observe: func() bool { return d.dryRun || d.standby() }, Paused: func() bool { return d.paused() || d.standby() },
		Fetch: d.fetchNow, Full: d.passNow, Log: d.log,
		OnCommit: func(c reconcile.Commit) { d.remember(memory, c) },
		OnWake:   d.state.OnWake,
		OnTurn:   func(t reconcile.Turn) { d.state.OnTurn(t); d.say(t); d.systemd.turn(t) },
		OnDone:   d.state.OnDone,
	})
	return nil
}

// run goes on until ctx ends, or one of the parts fails; then the pass ends in order.
func (d *daemon) run(ctx context.Context) error {
	defer onHangup(d.passNow)()
	parts, ctx := errgroup.WithContext(ctx)
	leading, giveBack := context.WithCancel(context.WithoutCancel(ctx))
	parts.Go(func() error {
		defer giveBack() // the lease, once the last call has ended: until then nobody else may write
		return d.loop.Run(ctx)
	})
	for _, l := range d.listeners {
		parts.Go(func() error { return status.Serve(ctx, l.Listener, l.handler, l.cfg) })
	}
	parts.Go(func() error { return d.systemd.run(ctx, d.state.Alive) })
	if d.election != nil && !d.dryRun { // who never writes must not keep others from it
		parts.Go(func() error { return d.election.run(leading) })
	}
	if err := parts.Wait(); err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	return nil
}

// standby reports whether another process is the one that writes.
func (d *daemon) standby() bool { return d.election != nil && !d.election.leads() }

// onLead makes a pass at once, so that what the leader before left is found; and so that who leads no more is not shown as paused, which
// it was in the middle of a pass.
func (d *daemon) onLead(leads bool) {
	d.state.OnLead(leads)
	wake(d.passNow)
}

// remember notes a commit before anything of it is applied. Where that fails, the next start may take an older commit for a newer one: it
// is said, and no reason to leave drift as it is.
func (d *daemon) remember(memory stateFile, c reconcile.Commit) {
	if d.dryRun {
		return
	}
	if err := memory.write(c.Hash); err != nil {
		d.log.Error("the commit is not remembered", "commit", c.Hash, "err", err)
	}
}

// target is AWS, or a sandbox made from the first spec.
func (d *daemon) target(ctx context.Context) (reconcile.Target, error) {
	if !d.sandbox {
		return d.app.target(nil, d.state)
	}
	c, err := d.app.fetch(ctx, d.source, "")
	if err != nil {
		return nil, err
	}
	set, err := d.loadCommit(c)
	if err != nil {
		return nil, exitError{reconcile.ExitSpec, err}
	}
	return d.app.target(set, d.state)
}

// checkDaemon refuses flags that mean nothing to the daemon.
func (a *app) checkDaemon(f *pflag.FlagSet) error {
	if err := a.checkSource(f, a.spec); err != nil {
		return err
	}
	switch {
	case len(a.targets) > 0:
		return usageError("--target is for a single pass: say --once")
	case a.output != "text":
		return usageError("-o %s is for a single pass: say --once", a.output)
	case a.metricsTextfile != "":
		return usageError("--metrics-textfile is for a single pass: the daemon serves its metrics at --listen")
	case a.interval <= 0:
		return usageError("--interval %v: say a time above zero, such as 1m", a.interval)
	}
	if err := a.leader.check(f); err != nil {
		return err
	}
	if err := a.listen.check(f); err != nil {
		return err
	}
	return a.checkPass()
}

// newState is what metrics and status are made from.
func (a *app) newState(interval time.Duration) *status.State {
	b := builtFrom(debug.ReadBuildInfo())
	return status.New(status.Config{Build: status.Build{Version: b.Version, Revision: b.Revision, Go: b.Go}, Interval: interval, Git: a.repo.Repo != "", Webhook: a.listen.secretFile != ""})
}

// wake puts a value into a channel of capacity one, unless one is there.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// onHangup puts a value into full at every SIGHUP; the returned function ends that.
func onHangup(full chan<- struct{}) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
				wake(full)
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(signals); close(done) }
}

// sayTurn logs one line a pass, and nothing at INFO where nothing changed.
func sayTurn(log *slog.Logger, t reconcile.Turn) {
	if t.Report == nil || t.Report.Err != nil {
		return // said where it was decided
	}
	add, change, remove := 0, 0, 0
	if t.Report.First != nil {
		add, change, remove = t.Report.First.Count()
	}
	level := slog.LevelDebug
	if add+change+remove > 0 {
		level = slog.LevelInfo
	}
	log.Log(context.Background(), level, "pass", "mode", t.Mode, "commit", t.Commit.Hash, "add", add, "change", change, "delete", remove,
		"verdict", verdictText(t.Report.Exit()), "took", t.Report.Finished.Sub(t.Report.Started))
}

func verdictText(exit int) string {
	switch exit {
	case reconcile.ExitInSync:
		return "in sync"
	case reconcile.ExitChanges:
		return "only left on purpose"
	}
	return "needs attention"
}
