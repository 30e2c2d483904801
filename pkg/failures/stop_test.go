package failures_test

import (
	"context"
	"sync"
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
