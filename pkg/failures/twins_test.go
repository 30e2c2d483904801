package failures_test

import (
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// Both directions of a pair are live, and the second is our own request: it is deleted, with --prune and counted by the guard.
func TestF69OurTwin(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, account, from, toAccount, to string }{
		"asked by the accepter":         {twoAccounts, payments, pay, network, hub},
		"within one account and region": {sameAccount, network, tools, network, hub},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, tc.text)
			before := r.Sim.Dump()
			twin := ask(r, tc.account, tc.from, tc.toAccount, tc.to, "peerd:owner", "acme")
			time.Sleep(simtest.Lagging.Initiating + simtest.Lagging.Visible)
			pending := facts(r, " connection "+twin, "status=pending-acceptance", `"peerd:owner":"acme"`)
			kept, calls := r.Apply()
			simtest.MustExit(t, "pass without --prune", kept, reconcile.ExitChanges)
			simtest.WantActions(t, nil, calls)
			mustSay(t, kept, "extra: connection "+twin)
			withheld, calls := r.Prune(0)
			simtest.MustExit(t, "pass over the limit", withheld, reconcile.ExitAttention)
			simtest.WantActions(t, nil, calls)
			pruned, calls := r.Prune(1)
			simtest.MustExit(t, "pass with --prune", pruned, reconcile.ExitInSync)
			wantOrder(t, calls, "DeleteVpcPeeringConnection")
			if !answered(calls, "DeleteVpcPeeringConnection", twin) {
				t.Errorf("deleted another than %s: %v", twin, calls)
			}
			wantNone(t, "gone", lost(r, before))
			mustRest(t, r)
			failures.Shown(t, 69, len(pending) == 1, "a request of ours waits beside the active connection")
		})
	}
}

// Both directions are live, and the second is not ours: it is reported, and left.
func TestF69StrangersTwin(t *testing.T) {
	t.Parallel()
	for name, tags := range map[string][]string{"nobody's": nil, "another owner's": {"peerd:owner", "umbrella"}, "released": {"peerd:owner", "none"}, "labeled as ours": {"peerd:peering", "hub-pay"}} {
		inBubble(t, name, func(t *testing.T) {
			r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, twoAccounts)
			ours := id(wantOne(t, "ours", facts(r, " connection ", "view=requester", `"hub-pay"`)), 2)
			twin := ask(r, payments, pay, network, hub, tags...)
			time.Sleep(simtest.Lagging.Initiating + simtest.Lagging.Visible)
			before := r.Sim.Dump()
			for range 2 {
				pass, calls := r.Prune(100)
				simtest.WantActions(t, nil, calls)
				mustPlan(t, pass, "connection-twin: "+twin+" (pending-acceptance) joins the same two VPCs as "+ours+": delete it")
			}
			wantNone(t, "gone", lost(r, before))
			failures.Shown(t, 69, len(facts(r, " connection "+twin, "status=pending-acceptance", "view=accepter")) == 1, "a stranger's request waits beside the active connection")
		})
	}
	inBubble(t, "a stranger's is the active one, and ours waits", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, twoAccounts)
		stranger := ask(r, payments, pay, network, hub)
		time.Sleep(simtest.Lagging.Initiating + simtest.Lagging.Visible)
		r.Do(network, west, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", stranger)
		time.Sleep(simtest.Lagging.Provisioning)
		ours := ask(r, network, hub, payments, pay, "peerd:owner", "acme")
		time.Sleep(simtest.Lagging.Initiating + simtest.Lagging.Visible)
		mustLeave(t, r, reconcile.ExitAttention, "connection-foreign: "+stranger)
		failures.Shown(t, 69, len(facts(r, stranger, "status=active")) == 2 && len(facts(r, ours, "status=pending-acceptance")) == 2, "both directions are live")
	})
}

// Both directions are our own requests and neither is active: the older is taken, and the younger deleted.
func TestF69TwoRequestsOfOurs(t *testing.T) {
	t.Parallel()
	for name, turned := range map[string]bool{"the older one is the spec's": false, "the older one is turned": true} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, twoAccounts)
			asked := [2]func() string{
				func() string { return ask(r, network, hub, payments, pay, "peerd:owner", "acme") },
				func() string { return ask(r, payments, pay, network, hub, "peerd:owner", "acme") },
			}
			if turned {
				asked[0], asked[1] = asked[1], asked[0]
			}
			older := asked[0]()
			time.Sleep(time.Minute)
			younger := asked[1]()
			time.Sleep(simtest.Lagging.Initiating + simtest.Lagging.Visible)
			both := len(facts(r, older, "status=pending-acceptance")) == 2 && len(facts(r, younger, "status=pending-acceptance")) == 2
			pass, calls := r.Prune(1)
			simtest.MustExit(t, "pass", pass, reconcile.ExitInSync)
			if !answered(calls, "AcceptVpcPeeringConnection", older) || !answered(calls, "DeleteVpcPeeringConnection", younger) || len(of(calls, "CreateVpcPeeringConnection")) > 0 {
				t.Errorf("not the older of %s and %s taken, and the younger deleted: %v", older, younger, counted(calls))
			}
			mustRest(t, r)
			failures.Shown(t, 69, both, "two requests of ours wait")
		})
	}
}

// mustPlan fails the test unless the plan has a problem with these words.
func mustPlan(t *testing.T, pass *reconcile.Report, words string) {
	t.Helper()
	for _, p := range pass.First.Problems {
		if strings.Contains(p.String(), words) {
			return
		}
	}
	t.Errorf("the plan does not say %q: %v", words, pass.First.Problems)
}
