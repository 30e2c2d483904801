package reconcile_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
)

// lateAnswers lets an acceptance take effect long before its answer comes, and notes the most requests that ever waited at once.
type lateAnswers struct {
	*reconciletest.Target
	most atomic.Int64
}

func (l *lateAnswers) Apply(ctx context.Context, b plan.Batch, wanted func() bool) []plan.Outcome {
	out := l.Target.Apply(ctx, b, wanted)
	if b[0].Step() == plan.StepAccept {
		time.Sleep(3 * time.Second)
	}
	n := int64(0)
	for _, c := range l.World().Connections {
		if c.Status == netstate.Initiating || c.Status == netstate.Pending {
			n++
		}
	}
	for most := l.most.Load(); n > most && !l.most.CompareAndSwap(most, n); most = l.most.Load() {
	}
	return out
}

// F48: at most 25 requests of one account and region wait at once, also while looks show an acceptance before its answer comes.
func TestOutstandingRequestsStayBelowTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, w := fleet(t, 80, 1)
		target := &lateAnswers{Target: reconciletest.New(w)}
		mustExit(t, reconcile.New(reconcile.Config{Target: target}).Cycle(t.Context(), reconcile.Input{Spec: s}), reconcile.ExitInSync)
		if most := target.most.Load(); most > 25 || most < 5 {
			t.Errorf("%d requests waited at once", most)
		}
	})
}
