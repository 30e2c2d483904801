package reconcile_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
)

var (
	aWest = netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	bWest = netstate.Scope{Account: "222222222222", Region: "eu-west-1"}
	bEast = netstate.Scope{Account: "222222222222", Region: "us-east-1"}
)

// A report says of every account and region that was asked whether it could be read, what the spec calls the accounts, and how long each part
// of the cycle took.
func TestReportOfScopesAndPhases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := world()
		denied := &netstate.Error{Op: "list", Scope: bEast, Kind: netstate.Denied, Code: "UnauthorizedOperation"}
		o.Fail(bEast, netstate.ListTables, denied)
		r := cycle(t, reconciletest.New(o))
		got := map[netstate.Scope]*netstate.Error{}
		for _, s := range r.Scopes {
			got[s.Scope] = s.Err
			if s.At.Before(r.Started) || s.At.After(r.Finished) {
				t.Errorf("%s was read at %v, the cycle was from %v to %v", s.Scope, s.At, r.Started, r.Finished)
			}
		}
		if d := cmp.Diff(map[netstate.Scope]*netstate.Error{aWest: nil, bWest: nil, bEast: denied}, got); d != "" {
			t.Errorf("scopes (-want +got):\n%s", d)
		}
		if d := cmp.Diff(map[netstate.AccountID]string{"111111111111": "a", "222222222222": "b"}, r.Accounts); d != "" {
			t.Errorf("accounts (-want +got):\n%s", d)
		}
		if r.Took.Apply == 0 || r.Took.Read+r.Took.Diff+r.Took.Apply != r.Finished.Sub(r.Started) {
			t.Errorf("%+v of %v", r.Took, r.Finished.Sub(r.Started))
		}
	})
}

// What a pass over some peerings did not read is as an earlier report says.
func TestOverKeepsWhatIsElsewhere(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	left := []plan.Unmanaged{{Scope: aWest, Resource: plan.ResourceRoute, Count: 7}}
	withheld := &plan.Withheld{Reason: "too many"}
	earlier := &reconcile.Report{
		Scopes: []reconcile.ScopeRead{{Scope: aWest, At: begin}, {Scope: bWest, At: begin}, {Scope: bEast, At: begin}},
		First:  &plan.Plan{Withheld: withheld},
		Final:  &plan.Plan{Unmanaged: left, Quotas: []plan.QuotaUse{{VPC: "one", Quota: "x", Used: 1}, {VPC: "one", Quota: "y", Used: 1}, {VPC: "two", Quota: "x", Used: 1}}},
	}
	now := &reconcile.Report{
		Scopes: []reconcile.ScopeRead{{Scope: bWest, At: begin.Add(time.Minute)}},
		First:  &plan.Plan{Owned: 3},
		Final:  &plan.Plan{Quotas: []plan.QuotaUse{{VPC: "one", Quota: "x", Used: 2}}},
	}
	got := now.Over(earlier, []netstate.Link{"b"})
	want := []reconcile.ScopeRead{{Scope: aWest, At: begin}, {Scope: bWest, At: begin.Add(time.Minute)}, {Scope: bEast, At: begin}}
	if d := cmp.Diff(want, got.Scopes); d != "" {
		t.Errorf("scopes (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]plan.QuotaUse{{VPC: "one", Quota: "x", Used: 2}, {VPC: "two", Quota: "x", Used: 1}}, got.Final.Quotas); d != "" {
		t.Errorf("quotas (-want +got):\n%s", d)
	}
	if d := cmp.Diff(left, got.Final.Unmanaged); d != "" {
		t.Errorf("unmanaged (-want +got):\n%s", d)
	}
	if got.First.Withheld != withheld || got.First.Owned != 3 || now.First.Withheld != nil {
		t.Errorf("withheld: %+v", got.First)
	}
}
