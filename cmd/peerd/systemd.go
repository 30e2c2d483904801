package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/peerd/peerd/pkg/reconcile"
)

// systemd is told how the daemon does, as sd_notify(3) wants it. Where systemd did not start peerd, nobody is told.
type systemd struct {
	log  *slog.Logger
	tell func(state string)
	last string // what the last pass found
}

func newSystemd(log *slog.Logger) *systemd {
	return &systemd{log: log, tell: func(state string) {
		if _, err := sd.SdNotify(false, state); err != nil {
			log.Warn("systemd was not told", "err", err)
		}
	}}
}

// run says that peerd serves, then that it is alive, twice in each WatchdogSec, and at the end that it stops. A first pass is not waited for:
// with the repository out of reach there is none for long, and starting peerd anew would not help.
func (s *systemd) run(ctx context.Context, alive func() error) error {
	s.tell(sd.SdNotifyReady)
	defer s.tell(sd.SdNotifyStopping)
	limit, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("systemd's watchdog is not fed", "err", err)
	}
	if limit > 0 {
		s.watch(ctx, limit/2, alive)
	}
	<-ctx.Done()
	return nil
}

// watch feeds the watchdog as long as the loop is alive. Of one that hangs, systemd makes an end that shows where: SIGABRT prints the stacks.
func (s *systemd) watch(ctx context.Context, every time.Duration, alive func() error) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if err := alive(); err != nil {
			s.log.Error("systemd's watchdog is not fed any more", "err", err)
			continue
		}
		s.tell(sd.SdNotifyWatchdog)
	}
}

// turn sets the line that systemctl status shows. There is nothing in it that somebody else chose: a line more would be taken for an order.
func (s *systemd) turn(t reconcile.Turn) {
	if r := t.Report; r != nil {
		s.last = fmt.Sprintf("%s at %s, commit %.12s", verdictText(r.Exit()), r.Finished.UTC().Format("15:04:05 UTC"), t.Commit.Hash)
	}
	state := "STATUS=" + cmp.Or(s.last, "no spec yet")
	switch {
	case t.FetchErr != nil:
		state += "; the spec cannot be fetched"
	case t.SpecErr != nil:
		state += "; the newest commit does not load"
	}
	s.tell(state)
}
