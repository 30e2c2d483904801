package failures_test

import (
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// One account is throttled for five minutes: it is asked ever more slowly and nothing of it is changed, while the others go on at their pace.
func TestF23ThrottledForMinutes(t *testing.T) {
	t.Parallel()
	inBubble(t, "every call of payments", func(t *testing.T) {
		r := drifted(t)
		before := r.Sim.Dump()
		r.Sim.Inject(fault.Rule{Service: "ec2", Account: payments, Kind: fault.Error, Code: "RequestLimitExceeded", Before: true})
		loop := reconcile.New(reconcile.Config{Target: simtest.Target(r.Sim)})
		in := reconcile.Input{Spec: r.Spec, Prune: true, Limits: plan.Limits{Number: 100}}
		pass := func() *reconcile.Report {
			start := time.Now()
			rep := loop.Cycle(t.Context(), in)
			in.Memory = rep.Memory
			time.Sleep(time.Until(start.Add(time.Minute)))
			return rep
		}
		start := time.Now()
		for range 5 {
			simtest.MustExit(t, "a pass", pass(), reconcile.ExitAttention)
		}
		for _, l := range append(gained(r, before), lost(r, before)...) {
			if !holds(l, "111111111111/eu-west-1 route", "10.1.0.0/16") {
				t.Errorf("changed: %s", l)
			}
		}
		if got := repaired(r); len(got) != 1 || got[0] != "hub-tools" {
			t.Errorf("repaired %v", got)
		}
		var asking time.Duration // the SDK's own back-off alone makes half a minute of it
		for minute := range 5 {
			begin := start.Add(time.Duration(minute) * time.Minute)
			n, took := spread(r.Sim.Calls(), payments, begin)
			asking += took
			if _, took := spread(r.Sim.Calls(), network, begin); n == 0 || minute > 0 && took > time.Second {
				t.Errorf("pass %d: %d calls of the throttled account; the other was asked for %s", minute, n, took)
			}
		}
		if asking < 70*time.Second {
			t.Errorf("the throttled account was asked for %s of five minutes: it was not asked more slowly", asking)
		}
		failures.Shown(t, 23, r.Sim.Fired()[fault.Error] > 10, "one account is throttled")
		r.Sim.ClearFaults()
		for range 3 {
			pass()
		}
		if got := repaired(r); len(got) != 3 {
			t.Errorf("once it is over, repaired %v", got)
		}
	})
}

// spread says how many calls an account had in the minute from a time on, and for how long they went on.
func spread(calls []ec2sim.Call, account string, begin time.Time) (n int, took time.Duration) {
	for _, c := range calls {
		if since := c.Time.Sub(begin); c.Account == account && c.Service == "ec2" && since >= 0 && since < time.Minute {
			n, took = n+1, since
		}
	}
	return n, took
}
