package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

// daemon makes passes until it is told to stop. SIGHUP makes one at once.
func (a *app) daemon(ctx context.Context) error {
	if err := a.checkDaemon(); err != nil {
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
	source, err := a.source()
	if err != nil {
		return err
	}
	target, err := a.daemonTarget(ctx, source)
	if err != nil {
		return err
	}
	defer stopping(log)
	full := make(chan struct{}, 1)
	defer onHangup(full)()
	watch := newWatchdog(log)
	loop := reconcile.NewLoop(reconcile.LoopConfig{
		Target: target, Source: source, Load: a.loadCommit, Interval: a.interval, Prune: a.prune, Limits: limits, Observe: a.dryRun,
		Paused: a.paused, Full: full, Log: log,
		OnTurn: func(t reconcile.Turn) { sayTurn(log, t); watch.turn() },
	})
	return loop.Run(ctx)
}

// checkDaemon refuses flags that mean nothing to the daemon.
func (a *app) checkDaemon() error {
	switch {
	case a.spec == "":
		return usageError("say --spec PATH for what to apply, and --once for a single pass")
	case len(a.targets) > 0:
		return usageError("--target is for a single pass: say --once")
	case a.output != "text":
		return usageError("-o %s is for a single pass: say --once", a.output)
	case a.interval <= 0:
		return usageError("--interval %v: say a time above zero, such as 1m", a.interval)
	}
	return a.checkPass()
}

// loadCommit loads a commit's files and settles whose they are.
func (a *app) loadCommit(c reconcile.Commit) (*spec.Set, error) {
	set, err := spec.Load(c.Files, a.specDir)
	if err != nil {
		return nil, err
	}
	return a.complete(set)
}

// source is where the daemon's spec comes from.
func (a *app) source() (reconcile.Source, error) {
	files, dir, err := specFiles(a.spec)
	if err != nil {
		return nil, exitError{reconcile.ExitSpec, err}
	}
	a.specDir = dir
	return local{files}, nil
}

// daemonTarget is AWS, or a sandbox made from the first spec.
func (a *app) daemonTarget(ctx context.Context, source reconcile.Source) (reconcile.Target, error) {
	stopped := func() bool { return a.paused() || ctx.Err() != nil }
	if !a.sandbox {
		return a.target(nil, stopped)
	}
	c, err := source.Fetch(ctx, "")
	if err != nil {
		return nil, exitError{reconcile.ExitFailed, err}
	}
	set, err := a.loadCommit(c)
	if err != nil {
		return nil, exitError{reconcile.ExitSpec, err}
	}
	return a.target(set, stopped)
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
				select {
				case full <- struct{}{}:
				default: // one is due already
				}
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

// watchdog tells systemd that peerd is ready once it has made its first turn, and alive at every turn since (sd_notify). Without systemd it
// does nothing.
type watchdog struct {
	log   *slog.Logger
	ready bool
}

func newWatchdog(log *slog.Logger) *watchdog { return &watchdog{log: log} }

func (w *watchdog) turn() {
	state := daemon.SdNotifyWatchdog
	if !w.ready {
		w.ready, state = true, daemon.SdNotifyReady
	}
	notify(w.log, state)
}

func stopping(log *slog.Logger) { notify(log, daemon.SdNotifyStopping) }

func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd was not told", "err", err)
	}
}
