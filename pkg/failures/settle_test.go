package failures_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// EC2 is eventually consistent: what a call has just made may not be found, listed or tagged for a while. It is waited for, and nothing is
// made or removed twice meanwhile.
func TestF31NotVisibleYet(t *testing.T) {
	t.Parallel()
	want, facts := undisturbedWrites(t)
	for name, c := range map[string]struct {
		delays world.Delays
		rules  []fault.Rule
		retry  string // an action that is refused until it can be had; empty: none
	}{
		"ids are not found":                            {rules: []fault.Rule{{Service: "ec2", Kind: fault.NotFound, Delay: 8 * time.Second}}, retry: "AcceptVpcPeeringConnection"},
		"connections are not listed":                   {rules: []fault.Rule{{Operation: "DescribeVpcPeeringConnections", Kind: fault.Stale, Delay: 15 * time.Second}}},
		"routes are not listed":                        {rules: []fault.Rule{{Operation: "DescribeRouteTables", Kind: fault.Stale, Delay: 15 * time.Second}}},
		"rules are not listed":                         {rules: []fault.Rule{{Operation: "DescribeSecurityGroupRules", Kind: fault.Stale, Delay: 15 * time.Second}}},
		"nothing is listed as it is":                   {rules: []fault.Rule{{Service: "ec2", Kind: fault.Stale, Delay: 15 * time.Second}}},
		"every second list is not as it is":            {rules: []fault.Rule{{Service: "ec2", Kind: fault.Stale, Delay: 20 * time.Second, Rate: 0.5, Seed: 1}}},
		"every passing state takes its time":           {delays: simtest.Lagging},
		"routes and options are listed late":           {delays: world.Delays{Routes: 10 * time.Second, Options: 10 * time.Second}},
		"connections are seen late and deleted slowly": {delays: world.Delays{VisibleRequester: 10 * time.Second, Visible: 20 * time.Second, Deleting: 30 * time.Second}},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := beforeEveryWrite(t, ec2sim.Config{Delays: c.delays})
			for _, f := range c.rules {
				r.Sim.Inject(f)
			}
			pass, calls := r.Prune(100)
			simtest.MustExit(t, "the pass", pass, reconcile.ExitInSync)
			worked := map[string]int{}
			for _, x := range calls {
				if x.Service == "ec2" && x.Applied {
					worked[x.Action]++
				}
			}
			if d := cmp.Diff(want, worked); d != "" {
				t.Errorf("calls that took effect (-undisturbed +got):\n%s", d)
			}
			fired := c.delays != world.Delays{}
			for _, n := range r.Sim.Fired() {
				fired = fired || n > 0
			}
			failures.Shown(t, 31, fired && (c.retry == "" || count(calls, c.retry) > worked[c.retry]), name)
			r.Sim.ClearFaults()
			time.Sleep(time.Minute)
			simtest.WantSame(t, "undisturbed", facts, "late", simtest.Anonymous(simtest.Lines(r.Sim.Dump())))
			mustRest(t, r)
		})
	}
}

// A request that no list shows yet did not come to nothing: once its partner has accepted it, the same pass goes on.
func TestF31RequestNotVisibleYet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{}, toPartner)
		r.Sim.Inject(fault.Rule{Operation: "DescribeVpcPeeringConnections", Kind: fault.Stale, Delay: 15 * time.Second})
		time.AfterFunc(100*time.Millisecond, func() { r.Try(partner, west, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", "PCX") })
		pass, calls := r.Apply()
		simtest.MustExit(t, "the pass", pass, reconcile.ExitInSync)
		if n := asks(calls); n != 1 {
			t.Errorf("%d requests for one connection", n)
		}
		wantOne(t, "route to the partner", facts(r, " route ", "10.200.0.0/16 -> pcx-"))
		failures.Shown(t, 31, r.Sim.Fired()[fault.Stale] > 3, "lists from before the request")
		r.Sim.ClearFaults()
		mustRest(t, r)
	})
}

// What a pass did and no list shows when it ends is no drift for the next pass.
func TestF31StaleLookOfTheNextPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := beforeEveryWrite(t, ec2sim.Config{})
		r.Sim.Inject(fault.Rule{Service: "ec2", Kind: fault.Stale, Delay: 80 * time.Second}) // longer than a pass waits
		in := reconcile.Input{Prune: true, Limits: plan.Limits{Number: 100}}
		first, _ := r.Run(in)
		after := r.Sim.Dump()
		in.Memory = first.Memory
		next, calls := r.Run(in)
		simtest.MustExit(t, "the pass that sees the past", next, reconcile.ExitInSync)
		simtest.WantActions(t, nil, calls)
		failures.Shown(t, 31, r.Sim.Fired()[fault.Stale] > 3, "lists from before the last pass")
		wantNone(t, "changed", append(gained(r, after), lost(r, after)...))
		r.Sim.ClearFaults()
		mustRest(t, r)
	})
}

// A process that remembers nothing, and sees the world as it was some time ago, changes nothing by doing once more what was to be done then.
func TestF31StaleLookOfAFreshProcess(t *testing.T) {
	t.Parallel()
	for name, rate := range map[string]float64{"everything": 0, "every second list": 0.5, "every third list": 0.33} {
		inBubble(t, name, func(t *testing.T) {
			r := beforeEveryWrite(t, ec2sim.Config{})
			r.Sim.Inject(fault.Rule{Account: "000000000000", Kind: fault.Stale, Delay: time.Hour}) // meets nobody; from here on the past is kept
			time.Sleep(time.Second)
			begun := time.Now()
			first, _ := r.Prune(100)
			simtest.MustExit(t, "the pass", first, reconcile.ExitInSync)
			after := r.Sim.Dump()
			for seed := range uint64(5) {
				r.Sim.Inject(fault.Rule{Service: "ec2", Kind: fault.Stale, Delay: time.Since(begun) + time.Second, Rate: rate, Seed: seed, Count: 30})
				_, calls := r.Prune(100)
				wantNone(t, fmt.Sprintf("changed by %d calls", len(calls)), append(gained(r, after), lost(r, after)...))
			}
			failures.Shown(t, 31, r.Sim.Fired()[fault.Stale] > 10, "lists from before the last pass")
			r.Sim.ClearFaults()
			mustRest(t, r)
		})
	}
}

// A list that shows what was just made, but not yet its tags: it is not taken for somebody else's.
func TestF31TagsNotVisibleYet(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"DescribeVpcPeeringConnections", "DescribeSecurityGroupRules"} {
		inBubble(t, action, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, everyWrite)
			end := time.Now().Add(15 * time.Second)
			bare := spoil(r, action, func(body []byte) []byte {
				if time.Now().After(end) {
					return body
				}
				return tagSets.ReplaceAll(body, nil)
			})
			pass, calls := r.Prune(100)
			simtest.MustExit(t, "the pass", pass, reconcile.ExitInSync)
			if n := asks(calls); n != 1 {
				t.Errorf("%d requests for one connection", n)
			}
			if action == "DescribeVpcPeeringConnections" && !accepted(calls, end) {
				t.Error("the request was not accepted before its tags were listed")
			}
			failures.Shown(t, 31, bare.Load() > 0, "tags that are not visible yet")
			time.Sleep(15 * time.Second)
			mustRest(t, r)
		})
	}
}

// accepted reports whether a request was accepted before a time.
func accepted(calls []ec2sim.Call, end time.Time) bool {
	return slices.ContainsFunc(calls, func(c ec2sim.Call) bool {
		return c.Action == "AcceptVpcPeeringConnection" && c.Applied && c.Time.Before(end)
	})
}

var tagSets = regexp.MustCompile(`(?s)<tagSet>.*?</tagSet>`)
