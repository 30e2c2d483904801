package reconcile_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
	"github.com/peerd/peerd/pkg/spec"
)

// F31: whatever the look after the last call lags behind, it is looked at again; nothing is done twice and nothing is called foreign.
func TestLaggingLooksSettle(t *testing.T) {
	t.Parallel()
	second := func(n *int, full bool) bool {
		if full {
			*n++
		}
		return full && *n == 2
	}
	for name, lag := range map[string]func() func(o *netstate.Observed, full bool){
		"a list without the connections just made": func() func(*netstate.Observed, bool) {
			n := 0
			return func(o *netstate.Observed, full bool) {
				if second(&n, full) {
					clear(o.Connections)
				}
			}
		},
		"an older state of the connections": func() func(*netstate.Observed, bool) {
			n := 0
			return func(o *netstate.Observed, full bool) {
				for id, c := range o.Connections {
					if full && n == 1 {
						c.Status = netstate.Provisioning
						o.Connections[id] = c
					}
				}
				second(&n, full)
			}
		},
		"tags not visible for two seconds": func() func(*netstate.Observed, bool) {
			start := time.Now()
			return func(o *netstate.Observed, _ bool) {
				for id, c := range o.Connections {
					if time.Since(start) < 2*time.Second {
						c.Views[0].Tags = nil
						o.Connections[id] = c
					}
				}
			}
		},
		"a listing throttled once": func() func(*netstate.Observed, bool) {
			n := 0
			return func(o *netstate.Observed, full bool) {
				if second(&n, full) {
					at := netstate.Scope{Account: "222222222222", Region: "us-east-1"}
					o.Fail(at, netstate.ListTables, &netstate.Error{Op: "list tables", Scope: at, Kind: netstate.Throttled, Code: "RequestLimitExceeded"})
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				target := reconciletest.New(world())
				target.Unread = lag()
				mustExit(t, cycle(t, target), reconcile.ExitInSync)
				once(t, target)
			})
		})
	}
}

// once fails the test if an action took effect twice.
func once(t *testing.T, target *reconciletest.Target) {
	t.Helper()
	seen := map[string]bool{}
	for _, a := range target.Applied() {
		if seen[a] {
			t.Errorf("done twice: %s", a)
		}
		seen[a] = true
	}
}

// A leftover that is gone is not looked at again.
func TestRemovalThatIsShownIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		mustExit(t, cycle(t, target), reconcile.ExitInSync)
		before, _ := target.Looks()
		text := twoPeerings[:strings.Index(twoPeerings, "  - {name: three-one")]
		s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(text)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		in := reconcile.Input{Spec: s, Prune: true, Limits: plan.Limits{Number: 1}}
		mustExit(t, reconcile.New(reconcile.Config{Target: target}).Cycle(t.Context(), in), reconcile.ExitInSync)
		if full, _ := target.Looks(); full-before > 3 { // before, with what the leftover needs, and after
			t.Errorf("%d full looks", full-before)
		}
		for id, c := range target.World().Connections {
			if c.Status.Alive() != (c.Views[0].Tags[netstate.TagLink] == "one-two") {
				t.Errorf("%s of %v is %s", id, c.Views[0].Tags, c.Status)
			}
		}
	})
}

// F56: a refused option holds up neither rules nor routes.
func TestRefusedOptionHoldsUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		target.Fault = func(a plan.Action) *netstate.Error {
			if a.Step() == plan.StepOptions {
				return reconciletest.Fail(a, netstate.Invalid, "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled")
			}
			return nil
		}
		r := cycle(t, target)
		mustExit(t, r, reconcile.ExitAttention)
		for _, a := range r.Final.Actions {
			if a.Step() != plan.StepOptions {
				t.Errorf("left undone: %s", a)
			}
		}
	})
}

// A suspended peering whose request is pending is not waited for.
func TestSuspendedIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text := strings.Replace(twoPeerings, "accepter: {vpc: one}}", "accepter: {vpc: one}, suspend: {reason: INC-42}}", 1)
		s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(text)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		w := world()
		tags := netstate.Tags{netstate.TagOwner: "acme", netstate.TagLink: "three-one"}
		w.Connections["pcx-s"] = netstate.Connection{ID: "pcx-s", Status: netstate.Pending, Views: [2]netstate.View{{Seen: true, Tags: tags}, {Seen: true, Tags: tags}},
			Requester: netstate.VPC{Scope: netstate.Scope{Account: "222222222222", Region: "us-east-1"}, ID: "vpc-0000000000000000c"},
			Accepter:  netstate.VPC{Scope: netstate.Scope{Account: "111111111111", Region: "eu-west-1"}, ID: "vpc-0000000000000000a"}}
		start := time.Now()
		r := reconcile.New(reconcile.Config{Target: reconciletest.New(w)}).Cycle(t.Context(), reconcile.Input{Spec: s})
		mustExit(t, r, reconcile.ExitChanges)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// An active connection of which one view does not show is given the settle time, not the timeout.
func TestUnseenViewIsGivenTheSettleTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		target.Unread = func(o *netstate.Observed, _ bool) {
			for id, c := range o.Connections {
				if c.Status == netstate.Active {
					c.Views[netstate.AccepterSide] = netstate.View{}
					o.Connections[id] = c
				}
			}
		}
		target.Fault = func(a plan.Action) *netstate.Error {
			if a.Step() == plan.StepTag {
				return reconciletest.Fail(a, netstate.Stale, "InvalidVpcPeeringConnectionID.NotFound")
			}
			return nil
		}
		start := time.Now()
		r := cycle(t, target)
		mustExit(t, r, reconcile.ExitAttention)
		if took := time.Since(start); took > 3*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}
