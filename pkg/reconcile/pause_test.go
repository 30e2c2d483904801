package reconcile_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
)

// F62: a pause before the pass changes nothing; one in the middle of it lets at most what is in flight end.
func TestPause(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]int{"before": 0, "after the first call": 1, "after the third": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				target := reconciletest.New(world())
				var paused atomic.Bool
				paused.Store(at == 0)
				done, later := 0, 0
				target.After = func(plan.Action) *netstate.Error {
					if paused.Load() {
						later++
					}
					done++
					paused.Store(paused.Load() || done >= at)
					return nil
				}
				r := reconcile.New(reconcile.Config{Target: target, Paused: paused.Load}).Cycle(t.Context(), reconcile.Input{Spec: load(t)})
				mustExit(t, r, reconcile.ExitChanges)
				if !r.Paused || later > 1 || at == 0 && len(target.Applied()) > 0 {
					t.Errorf("paused %v, %d calls after it, applied %v", r.Paused, later, target.Applied())
				}
			})
		})
	}
}
