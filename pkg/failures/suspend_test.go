package failures_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
)

// someSuspended is a spec of a peering that a test suspends, and of one that goes on.
const someSuspended = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}
  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}
peerings:
  - name: hub-pay
    requester: {vpc: hub, dns: true, routes: {tables: main, to: [10.20.0.0/16]}, rules: [{group: app, protocol: tcp, ports: [443, 8443], peer: [10.20.0.0/16]}]}
    accepter: {vpc: pay, routes: {tables: main, to: [10.0.0.0/16]}}
  - {name: tools-east, requester: {vpc: tools}, accepter: {vpc: east}}
`

const entryOfPay = "accepter: {vpc: pay, routes: {tables: main, to: [10.0.0.0/16]}}\n"

// driftByHand lets both peerings drift in every way, by hand, and returns how hub-pay differs then from a spec that asks for another port too.
func driftByHand(r *simtest.Rig) map[string]int {
	r.T.Helper()
	pcx := id(wantOne(r.T, "the connection", facts(r, " connection ", "view=requester", `"hub-pay"`, "status=active")), 2)
	rule := id(wantOne(r.T, "the rule", facts(r, " rule ", "tcp 443-443 10.20.0.0/16")), 2)
	r.Do(network, west, "DeleteRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.20.0.0/16")
	r.Do(payments, west, "DeleteRoute", "RouteTableId", "rtb-0000000000000b001", "DestinationCidrBlock", "10.0.0.0/16")
	r.Do(network, west, "CreateRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.21.0.0/16", "VpcPeeringConnectionId", pcx)
	r.Do(network, west, "ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId", pcx, "RequesterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", "false")
	revoke(rule).Make(r.T, r.Sim)
	r.Do(payments, west, "DeleteTags", "ResourceId.1", pcx, "Tag.1.Key", "peerd:owner")
	r.Do(network, west, "DeleteRoute", "RouteTableId", "rtb-0000000000000a004", "DestinationCidrBlock", "10.2.0.0/16")
	time.Sleep(simtest.Lagging.VisibleRequester + simtest.Lagging.Routes)
	return map[string]int{"route missing": 2, "route extra": 1, "options changed": 1, "rule missing": 1, "rule changed": 1, "tags missing": 1}
}

// changed is the spec's next commit: another port.
var changed = []string{"[443, 8443]", "[443, 9443]"}

// mustStandStill makes passes with --prune that repair tools-east and change nothing else, while the drift of hub-pay is measured.
func mustStandStill(t *testing.T, r *simtest.Rig, want map[string]int, words ...string) {
	t.Helper()
	before := r.Sim.Dump()
	for _, calls := range [][]string{{"CreateRoute"}, nil} {
		pass, made := r.Prune(100)
		simtest.MustExit(t, "pass", pass, reconcile.ExitChanges)
		mustSay(t, pass, words...)
		simtest.WantActions(t, calls, made)
		wantUnplanned(t, pass, "hub-pay")
		got := map[string]int{}
		for _, d := range pass.Final.Drift {
			if d.Link == "hub-pay" {
				got[fmt.Sprint(d.Resource, " ", d.Kind)]++
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("drift of what is suspended (-want +got):\n%s", d)
		}
	}
	wantNone(t, "gone", lost(r, before))
	if made := wantOne(t, "the repair of the other peering", gained(r, before)); !strings.Contains(made, "route rtb-0000000000000a004 10.2.0.0/16") {
		t.Errorf("made: %s", made)
	}
}

// wantUnplanned checks that nothing is even planned for a peering.
func wantUnplanned(t *testing.T, pass *reconcile.Report, link netstate.Link) {
	t.Helper()
	for _, a := range pass.First.Actions {
		if a.Link() == link {
			t.Errorf("planned for what is suspended: %s", a)
		}
	}
}

// The entry of a peering is suspended: nothing of it is changed, whatever drifted or was committed; its drift is measured, the others go on.
func TestF62SuspendedEntry(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		suspend string
		until   string // as the report says it
		there   bool   // the peering was made before
	}{
		"for ever":                  {"{reason: INC-42}", "\n", true},
		"until later":               {"{reason: INC-42, until: 2099-01-01T00:00:00Z}", " (until 2099-01-01T00:00:00Z)\n", true},
		"before the connection is":  {"{reason: INC-42}", "\n", false},
		"until later, before it is": {"{reason: INC-42, until: 2099-01-01T00:00:00Z}", " (until 2099-01-01T00:00:00Z)\n", false},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, someSuspended)
			suspended := []string{entryOfPay, entryOfPay + "    suspend: " + tc.suspend + "\n"}
			want := map[string]int{"connection missing": 1, "options changed": 1, "route missing": 2, "rule missing": 2}
			if !tc.there {
				r.Spec = simtest.LoadSpec(t, someSuspended, suspended...)
				pass, _ := r.Apply()
				simtest.MustExit(t, "first pass", pass, reconcile.ExitChanges)
				wantNone(t, "a connection of what is suspended", facts(r, " connection ", pay))
				r.Do(network, west, "DeleteRoute", "RouteTableId", "rtb-0000000000000a004", "DestinationCidrBlock", "10.2.0.0/16")
				time.Sleep(simtest.Lagging.Routes)
			} else {
				applied(t, r)
				want = driftByHand(r)
				r.Spec = simtest.LoadSpec(t, someSuspended, append(suspended, changed...)...)
			}
			mustStandStill(t, r, want, "suspended: INC-42"+tc.until)
			r.Spec = simtest.LoadSpec(t, someSuspended, append([]string{entryOfPay, entryOfPay + "    suspend: {reason: INC-42, until: 1999-12-31T00:00:00Z}\n"}, changed...)...)
			pass, _ := r.Prune(100)
			simtest.MustExit(t, "the pass after its end", pass, reconcile.ExitInSync)
			if !slices.ContainsFunc(pass.Final.Problems, func(p plan.Problem) bool { return p.Code == plan.CodeSuspendOver }) {
				t.Errorf("nothing says that the suspension is over: %v", pass.Final.Problems)
			}
			mustRest(t, r)
			failures.Shown(t, 62, len(facts(r, "10.20.0.0/16 -> pcx-")) == 1, "what was suspended drifted, and was repaired afterwards only")
		})
	}
}

// A peering is renamed as its entry is suspended, and its rules are changed or dropped: what was made under the former name stays too.
func TestF62SuspendedUnderANewName(t *testing.T) {
	t.Parallel()
	const suspend = "    suspend: {reason: INC-42}\n"
	for name, after := range map[string]string{
		"its rule is changed":                   withPeerings(withRule("a", "444") + suspend),
		"its rule is changed into another kind": withPeerings(withRule("a", "444, direction: egress") + suspend),
		"its rule is dropped":                   withPeerings(strings.Replace(hubPay, "hub-pay", "a", 1) + suspend),
	} {
		inBubble(t, name, func(t *testing.T) {
			r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, withPeerings(withRule("hub-pay", "443")))
			wantOne(t, "the rule", opens(r))
			r.Spec = simtest.LoadSpec(t, after)
			for range 2 {
				pass, calls := r.Prune(100)
				simtest.MustExit(t, "pass", pass, reconcile.ExitChanges)
				simtest.WantActions(t, nil, calls)
				mustSay(t, pass, "suspended: INC-42")
				wantUnplanned(t, pass, "a")
			}
			r.Spec = simtest.LoadSpec(t, strings.Replace(after, suspend, "", 1))
			pass, _ := r.Prune(100)
			simtest.MustExit(t, "the pass after its end", pass, reconcile.ExitInSync)
			failures.Shown(t, 62, len(opens(r)) == 0, "what was suspended was to lose its rule, and lost it afterwards only")
			mustRest(t, r)
		})
	}
}

// The tag peerd:suspend on either view of a connection, or on either VPC: nothing of its peerings is changed until it is taken off.
func TestF71SuspendTag(t *testing.T) {
	t.Parallel()
	connection := func(view string) func(*simtest.Rig) string {
		return func(r *simtest.Rig) string {
			return id(wantOne(r.T, "the connection", facts(r, " connection ", "status=active view="+view, `"hub-pay"`)), 2)
		}
	}
	vpc := func(id string) func(*simtest.Rig) string { return func(*simtest.Rig) string { return id } }
	for name, tc := range map[string]struct {
		account string
		on      func(*simtest.Rig) string
	}{
		"on the requester's view": {network, connection("requester")},
		"on the accepter's view":  {payments, connection("accepter")},
		"on the requester's VPC":  {network, vpc(hub)},
		"on the accepter's VPC":   {payments, vpc(pay)},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, someSuspended)
			on := tc.on(r)
			want := driftByHand(r)
			r.Do(tc.account, west, "CreateTags", "ResourceId.1", on, "Tag.1.Key", "peerd:suspend", "Tag.1.Value", "INC-42")
			tagged := len(facts(r, on, `"peerd:suspend":"INC-42"`)) == 1
			r.Spec = simtest.LoadSpec(t, someSuspended, changed...)
			mustStandStill(t, r, want, "suspended: INC-42 (tag peerd:suspend on "+on+")")
			r.Do(tc.account, west, "DeleteTags", "ResourceId.1", on, "Tag.1.Key", "peerd:suspend")
			pass, _ := r.Prune(100)
			simtest.MustExit(t, "the pass without the tag", pass, reconcile.ExitInSync)
			mustRest(t, r)
			failures.Shown(t, 71, tagged, "the tag is there")
		})
	}
	for name, tc := range map[string]struct {
		account string
		on      func(*simtest.Rig) string
		closed  bool // by hand, before
	}{
		"on a view of a leftover":          {network, connection("requester"), false},
		"on the other view of a leftover":  {payments, connection("accepter"), false},
		"on a VPC of a leftover":           {network, vpc(hub), false},
		"on the other VPC of a leftover":   {payments, vpc(pay), false},
		"on the VPC of rules without more": {network, vpc(hub), true},
	} {
		inBubble(t, name, func(t *testing.T) {
			text := someSuspended
			if tc.closed {
				text += hubTools // so that hub is looked at, if not its groups
			}
			r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, text)
			pcx := connection("requester")(r)
			r.Do(tc.account, west, "CreateTags", "ResourceId.1", tc.on(r), "Tag.1.Key", "peerd:suspend", "Tag.1.Value", "INC-42")
			if tc.closed {
				r.Do(network, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", pcx)
			}
			r.Spec = withoutPeering(r.Spec, "hub-pay")
			time.Sleep(simtest.Lagging.VisibleRequester)
			before := r.Sim.Dump()
			pass, calls := r.Prune(100)
			simtest.MustExit(t, "pass", pass, reconcile.ExitChanges)
			simtest.WantActions(t, nil, calls)
			wantUnplanned(t, pass, "hub-pay")
			wantNone(t, "gone from what is suspended", lost(r, before))
			failures.Shown(t, 71, len(facts(r, `"peerd:suspend":"INC-42"`)) == 1 && len(facts(r, " rule ", `"hub-pay"`)) == 2, "there is a leftover, and the tag")
		})
	}
}

// The tag appears in the middle of a pass: nothing is written there after the next read of it.
func TestF71SuspendTagInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, account := range map[string]string{"on the requester's view": network, "on the accepter's view": payments} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, someSuspended)
			during(r, "AcceptVpcPeeringConnection", func(p url.Values) { // of hub-pay: tools-east is accepted in another region
				r.Do(account, west, "CreateTags", "ResourceId.1", p.Get("VpcPeeringConnectionId"), "Tag.1.Key", "peerd:suspend", "Tag.1.Value", "INC-42")
			})
			r.Spec = withoutPeering(r.Spec, "tools-east")
			pass, calls := r.Apply()
			simtest.MustExit(t, "pass", pass, reconcile.ExitChanges)
			late := writesAfterRead(r.Sim.Calls(), account, "peerd:suspend")
			wantNone(t, "written after the next read", late)
			wantNone(t, "made", facts(r, "-> pcx-", "10.20.0.0/16"))
			mustSay(t, pass, "suspended: INC-42")
			failures.Shown(t, 71, answered(calls, "AcceptVpcPeeringConnection", "pcx-"), "the tag was set when the request was accepted")
		})
	}
	inBubble(t, "while its routes are being made", func(t *testing.T) {
		delays := simtest.Lagging
		delays.Visible = time.Minute // the request to pay is waited for, and so hub's connections are read again and again
		r := simtest.New(t, ec2sim.Config{Delays: delays}, manyRoutes()+hubPay)
		var made atomic.Int64
		r.Sim.After(func(c ec2sim.Call) {
			if c.Action == "CreateRoute" && strings.HasPrefix(c.Params.Get("DestinationCidrBlock"), "10.") {
				if made.Add(1) == 40 {
					r.Do(network, west, "CreateTags", "ResourceId.1", c.Params.Get("VpcPeeringConnectionId"), "Tag.1.Key", "peerd:suspend", "Tag.1.Value", "INC-42")
				}
			}
		})
		pass, _ := r.Apply()
		simtest.MustExit(t, "pass", pass, reconcile.ExitChanges)
		tools := id(wantOne(t, "the connection", facts(r, " connection ", `"peerd:suspend":"INC-42"`)), 2)
		wantNone(t, "written after the next read, of routes to tools", holding(writesAfterRead(r.Sim.Calls(), network, "peerd:suspend"), tools))
		failures.Shown(t, 71, made.Load() < 120, "not all routes were made")
	})
}

// writesAfterRead are the writes later than the first list of an account's connections that follows a call with the word among its
// parameters.
func writesAfterRead(calls []ec2sim.Call, account, word string) []string {
	tagged, read := false, time.Time{}
	var out []string
	for _, c := range calls {
		switch {
		case strings.Contains(c.Params.Encode(), url.QueryEscape(word)):
			tagged = true
		case tagged && read.IsZero() && c.Account == account && c.Region == west && c.Action == "DescribeVpcPeeringConnections":
			read = c.Time
		case !read.IsZero() && c.Mutating && c.Time.After(read):
			out = append(out, c.Action+" "+c.Params.Get("VpcPeeringConnectionId"))
		}
	}
	return out
}

// withoutPeering is a spec without one of its peerings.
func withoutPeering(s *spec.Set, name netstate.Link) *spec.Set {
	out := *s
	out.Peerings = slices.DeleteFunc(slices.Clone(s.Peerings), func(p *spec.Peering) bool { return p.Name == name })
	return &out
}
