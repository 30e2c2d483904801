package reconciletest_test

import (
	"testing"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	reconciletest.Conform(t, func(_ *testing.T, w *netstate.Observed) reconciletest.Subject {
		target, denied := reconciletest.New(w), map[netstate.Scope]netstate.Listing{}
		target.States = 4
		target.Refuse = func(s netstate.Scope, l netstate.Listing) *netstate.Error {
			if denied[s] != l {
				return nil
			}
			return &netstate.Error{Op: "list", Scope: s, Kind: netstate.Denied, Code: "UnauthorizedOperation"}
		}
		return reconciletest.Subject{Target: target, Deny: func(s netstate.Scope, l netstate.Listing) { denied[s] = l }}
	})
}
