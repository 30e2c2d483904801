package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
	"github.com/peerd/peerd/pkg/spec"
)

const twoPeerings = `
apiVersion: peerd/v1
owner: acme
accounts:
  a: {id: "111111111111", role: peerd}
  b: {id: "222222222222", role: peerd}
vpcs:
  one: {account: a, region: eu-west-1, id: vpc-0000000000000000a}
  two: {account: b, region: eu-west-1, id: vpc-0000000000000000b}
  three: {account: b, region: us-east-1, id: vpc-0000000000000000c}
peerings:
  - {name: one-two, requester: {vpc: one, dns: true, rules: [{group: sg-0000000000000000a, protocol: tcp, ports: [443, 80]}]}, accepter: {vpc: two}}
  - {name: three-one, requester: {vpc: three}, accepter: {vpc: one}}
`

func load(t *testing.T) *spec.Set {
	t.Helper()
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(twoPeerings)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// world has the three VPCs, each with one table.
func world() *netstate.Observed {
	o := netstate.NewObserved(time.Now())
	for i, v := range []netstate.VPC{
		{Scope: netstate.Scope{Account: "111111111111", Region: "eu-west-1"}, ID: "vpc-0000000000000000a"},
		{Scope: netstate.Scope{Account: "222222222222", Region: "eu-west-1"}, ID: "vpc-0000000000000000b"},
		{Scope: netstate.Scope{Account: "222222222222", Region: "us-east-1"}, ID: "vpc-0000000000000000c"},
	} {
		cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16)
		o.VPCs[v] = netstate.Facts{CIDRs: []netip.Prefix{cidr}, DNSSupport: netstate.Yes, DNSHostnames: netstate.Yes}
		o.Tables[netstate.TableKey{Scope: v.Scope, ID: netstate.TableID("rtb-" + v.ID)}] = netstate.Table{VPC: v.ID, Main: true}
	}
	hub := netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	o.Groups[netstate.GroupKey{Scope: hub, ID: "sg-0000000000000000a"}] = netstate.Group{VPC: "vpc-0000000000000000a", Owner: hub.Account, Name: "app"}
	return o
}

// cycle runs one cycle against the target.
func cycle(t *testing.T, target *reconciletest.Target) *reconcile.Report {
	t.Helper()
	return reconcile.New(reconcile.Config{Target: target}).Cycle(t.Context(), reconcile.Input{Spec: load(t)})
}

// mustExit fails the test with all that the report says when the exit code is another.
func mustExit(t *testing.T, r *reconcile.Report, want int) {
	t.Helper()
	if got := r.Exit(); got != want {
		t.Errorf("exit %d, want %d\nerr: %v\nresults: %v\nverdicts: %+v", got, want, r.Err, r.Results, r.Verdicts())
	}
}

func TestOneCycleMakesEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		r := cycle(t, target)
		mustExit(t, r, reconcile.ExitInSync)
		var announced []string
		for _, a := range r.First.Actions {
			announced = append(announced, strings.ReplaceAll(a.String(), "(known after accept)", "pcx")[1:])
		}
		var done []string
		for _, a := range target.Applied() {
			done = append(done, strings.NewReplacer("pcx-1", "pcx", "pcx-2", "pcx", "pcx-3", "pcx", "pcx-4", "pcx").Replace(a)[1:])
		}
		slices.Sort(announced)
		slices.Sort(done)
		if d := cmp.Diff(announced, done); d != "" {
			t.Errorf("what was announced and what was done differ (-announced +done):\n%s", d)
		}
		if full, _ := target.Looks(); full != 2 {
			t.Errorf("%d full looks, want one before and one after", full)
		}
		again := cycle(t, target)
		mustExit(t, again, reconcile.ExitInSync)
		if len(again.Results) > 0 {
			t.Errorf("the second cycle did %v", again.Results)
		}
	})
}

func TestDryRunAppliesNothing(t *testing.T) {
	t.Parallel()
	target := reconciletest.New(world())
	r := reconcile.New(reconcile.Config{Target: target}).Cycle(t.Context(), reconcile.Input{Spec: load(t), DryRun: true})
	mustExit(t, r, reconcile.ExitChanges)
	if done := target.Applied(); len(done) > 0 {
		t.Errorf("a dry run applied %v", done)
	}
}

func TestDeniedAccountDoesNotStopTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		target.Fault = func(a plan.Action) *netstate.Error {
			if a.Link() == "one-two" && a.Step() == plan.StepAccept {
				return reconciletest.Fail(a, netstate.Denied, "UnauthorizedOperation")
			}
			return nil
		}
		r := cycle(t, target)
		mustExit(t, r, reconcile.ExitAttention)
		verdicts := map[netstate.Link]reconcile.Verdict{}
		for _, v := range r.Verdicts() {
			verdicts[v.Link] = v.Verdict
		}
		want := map[netstate.Link]reconcile.Verdict{"one-two": reconcile.Attention, "three-one": reconcile.InSync}
		if d := cmp.Diff(want, verdicts); d != "" {
			t.Errorf("verdicts (-want +got):\n%s", d)
		}
		if said := fmt.Sprint(r.Verdicts()); strings.Contains(said, "--timeout") {
			t.Errorf("nothing was waited for: %s", said)
		}
	})
}

func TestLostAnswerIsLookedUpNotRepeated(t *testing.T) {
	t.Parallel()
	for _, step := range []plan.Step{plan.StepOpen, plan.StepAccept, plan.StepTag, plan.StepOptions, plan.StepRules, plan.StepRoutes} {
		synctest.Test(t, func(t *testing.T) {
			target := reconciletest.New(world())
			lost := map[string]bool{}
			target.After = func(a plan.Action) *netstate.Error {
				if a.Step() != step || lost[plan.Key(a)] {
					return nil
				}
				lost[plan.Key(a)] = true
				return reconciletest.Fail(a, netstate.Ambiguous, "")
			}
			mustExit(t, cycle(t, target), reconcile.ExitInSync)
			if n := len(target.World().Connections); n != 2 {
				t.Errorf("step %d: %d connections, want 2", step, n)
			}
			if len(lost) == 0 {
				t.Errorf("step %d: no answer was lost", step)
			}
			seen := map[string]bool{}
			for _, a := range target.Applied() {
				if seen[a] {
					t.Errorf("step %d: done twice: %s", step, a)
				}
				seen[a] = true
			}
		})
	}
}

// A look right after the last call may not show it; that is no drift, and nothing is done twice.
func TestStaleLookIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		full := 0
		target.Unread = func(o *netstate.Observed, isFull bool) {
			if !isFull {
				return
			}
			if full++; full == 2 || full == 3 {
				for k := range o.Routes {
					delete(o.Routes, k)
				}
			}
		}
		mustExit(t, cycle(t, target), reconcile.ExitInSync)
		if full != 4 {
			t.Errorf("%d full looks, want 4: one before, two stale ones, one that agrees", full)
		}
		seen := map[string]int{}
		for _, a := range target.Applied() {
			if seen[a]++; seen[a] > 1 {
				t.Errorf("done twice: %s", a)
			}
		}
	})
}

// A write whose answer was lost is not repeated before everything was read again, even while another peering's state is polled.
func TestNoRepeatBeforeAFullLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		full, tried, started := 0, map[string]int{}, time.Now()
		target.Unread = func(o *netstate.Observed, isFull bool) {
			if isFull {
				full++
				return
			}
			for id, c := range o.Connections { // three-one stays in its state for long
				if c.Views[0].Tags[netstate.TagLink] == "three-one" && time.Since(started) < time.Minute {
					c.Status = netstate.Provisioning
					o.Connections[id] = c
				}
			}
		}
		target.Fault = func(a plan.Action) *netstate.Error {
			k := plan.Key(a)
			if n, again := tried[k]; again && n == full {
				t.Errorf("tried twice after one look: %s", a)
			}
			tried[k] = full
			if a.Link() == "one-two" && a.Step() == plan.StepRoutes && full < 3 {
				return reconciletest.Fail(a, netstate.Ambiguous, "")
			}
			return nil
		}
		mustExit(t, cycle(t, target), reconcile.ExitInSync)
	})
}

func TestFailedAdditionIsTriedAgainAfterALook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		left := 3
		target.Fault = func(a plan.Action) *netstate.Error {
			if a.Step() == plan.StepRules && left > 0 {
				left--
				return reconciletest.Fail(a, netstate.Stale, "InvalidGroup.NotFound")
			}
			return nil
		}
		mustExit(t, cycle(t, target), reconcile.ExitInSync)
	})
}

func TestUnreadListingHoldsOnlyWhatNeedsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		at := netstate.Scope{Account: "222222222222", Region: "us-east-1"}
		target.Unread = func(o *netstate.Observed, _ bool) {
			o.Fail(at, netstate.ListTables, &netstate.Error{Op: "list tables", Scope: at, Kind: netstate.Denied, Code: "UnauthorizedOperation"})
		}
		r := cycle(t, target)
		mustExit(t, r, reconcile.ExitAttention)
		for _, a := range target.Applied() {
			if strings.Contains(a, "vpc-0000000000000000c") {
				t.Errorf("something was done for a peering that could not be read: %s", a)
			}
		}
		if len(target.World().Connections) != 1 {
			t.Error("the other peering was not made")
		}
	})
}

func TestCancelBeginsNoNewCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		target := reconciletest.New(world())
		target.Fault = func(a plan.Action) *netstate.Error {
			if a.Step() == plan.StepAccept {
				cancel(errors.New("somebody rang"))
			}
			return nil
		}
		r := reconcile.New(reconcile.Config{Target: target}).Cycle(ctx, reconcile.Input{Spec: load(t)})
		mustExit(t, r, reconcile.ExitFailed)
		for _, a := range target.Applied() {
			if strings.Contains(a, "route") || strings.Contains(a, "rule") {
				t.Errorf("begun after the end: %s", a)
			}
		}
		if said := fmt.Sprint(r.Verdicts()); strings.Contains(said, "--timeout") {
			t.Errorf("nothing was waited for: %s", said)
		}
		if want := "stopped before it was done: somebody rang; what was done stays, and the next pass does the rest"; r.Err.Error() != want {
			t.Errorf("said %q", r.Err)
		}
	})
}

func TestStuckConnectionEndsAtTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		target.States = 1 << 30
		start := time.Now()
		r := cycle(t, target)
		mustExit(t, r, reconcile.ExitAttention)
		if said := r.Verdicts()[0].Reasons; len(said) == 0 || !strings.HasPrefix(said[0], "--timeout is over: pcx-") {
			t.Errorf("said %q", said)
		}
		if took := time.Since(start); took < 10*time.Minute || took > 12*time.Minute {
			t.Errorf("took %v, want the timeout of ten minutes and the settle time at most", took)
		}
	})
}

func TestPanicInOnePeeringLeavesTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := reconciletest.New(world())
		target.Fault = func(a plan.Action) *netstate.Error {
			if a.Link() == "one-two" && a.Step() == plan.StepRoutes {
				panic("a bug")
			}
			return nil
		}
		r := cycle(t, target)
		mustExit(t, r, reconcile.ExitAttention)
		for _, v := range r.Verdicts() {
			if v.Link == "three-one" && v.Verdict != reconcile.InSync {
				t.Errorf("three-one: %+v", v)
			}
		}
	})
}

// A rule that two peerings want is made by the other when the one that acts for it fails.
func TestSharedRuleOfAFailedPeering(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text := strings.Replace(twoPeerings, "accepter: {vpc: one}}", "accepter: {vpc: one, rules: [{group: app, protocol: tcp, ports: 443, peer: [{cidr: 10.1.0.0/16, wider: true}]}]}}", 1)
		s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(text)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		target := reconciletest.New(world())
		target.Fault = func(a plan.Action) *netstate.Error {
			if a.Link() == "one-two" && a.Step() == plan.StepRules {
				return reconciletest.Fail(a, netstate.Denied, "UnauthorizedOperation")
			}
			return nil
		}
		r := reconcile.New(reconcile.Config{Target: target}).Cycle(t.Context(), reconcile.Input{Spec: s})
		mustExit(t, r, reconcile.ExitAttention)
		if n := len(target.World().Rules); n != 1 {
			t.Errorf("%d rules, want the shared one: %v", n, target.Applied())
		}
	})
}
