package failures_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// A call in flight that gets no answer is given ten seconds once the pass is told to end, and no other is begun meanwhile.
func TestF04CallInFlightHangs(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"CreateVpcPeeringConnection", "AcceptVpcPeeringConnection", "CreateTags", "CreateRoute"} {
		inBubble(t, action, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, twoAccounts)
			r.Sim.Inject(fault.Rule{Operation: action, Kind: fault.Hang})
			ctx, cancel := context.WithCancel(t.Context())
			var told time.Time
			var once sync.Once
			r.Sim.After(func(c ec2sim.Call) {
				if c.Action == action {
					once.Do(func() {
						told = time.Now()
						cancel()
					})
				}
			})
			pass := reconcile.New(reconcile.Config{Target: simtest.Target(r.Sim)}).Cycle(ctx, reconcile.Input{Spec: r.Spec})
			simtest.MustExit(t, "the pass", pass, reconcile.ExitFailed)
			if took := time.Since(told); took < 9*time.Second || took > 11*time.Second {
				t.Errorf("it ended after %s", took)
			}
			for _, c := range simtest.Mutating(r.Sim.Calls()) {
				if c.Time.After(told) {
					t.Errorf("begun %s after it was told: %s", c.Time.Sub(told), c.Action)
				}
			}
			failures.Shown(t, 4, r.Sim.Fired()[fault.Hang] > 0, "a call that hangs when the pass is told to end")
			r.Sim.After(nil)
			r.Sim.ClearFaults()
			applied(t, r)
		})
	}
}

// A pass that is told to end while a call is under way lets it end, and begins no other: not even the next step of the same peering.
func TestF04NoNextStep(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"CreateVpcPeeringConnection", "AcceptVpcPeeringConnection", "CreateTags"} {
		inBubble(t, "after "+action, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, twoAccounts)
			ctx, cancel := context.WithCancel(t.Context())
			var told atomic.Bool
			r.Sim.After(func(c ec2sim.Call) {
				if c.Action == action && c.Mutating && told.CompareAndSwap(false, true) {
					time.Sleep(time.Second) // so that what runs beside it is over
					cancel()
				}
			})
			reconcile.New(reconcile.Config{Target: simtest.Target(r.Sim)}).Cycle(ctx, reconcile.Input{Spec: r.Spec})
			made := simtest.Mutating(r.Sim.Calls())
			if last := made[len(made)-1]; last.Action != action {
				t.Errorf("%s was begun after it was told to end during %s", last.Action, action)
			}
			failures.Shown(t, 4, told.Load() && len(made) > 0, "told to end while a call is under way")
			r.Sim.After(nil)
			applied(t, r)
		})
	}
}
