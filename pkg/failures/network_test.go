package failures_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// In a whole pass: somebody re-points a route after peerd has read it, and before peerd would delete or replace it. The route stays theirs.
func TestF45RepointedDuringThePass(t *testing.T) {
	t.Parallel()
	const private = "rtb-0000000000000a002"
	for name, extra := range map[string]bool{"before its removal": true, "before its replacement": false} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, sameAccount)
			id := ours(t, applied(t, r))
			to := wanted
			if extra {
				to = "10.77.0.0/16"
				r.Do(network, west, "CreateRoute", "RouteTableId", private, "DestinationCidrBlock", to, "VpcPeeringConnectionId", id)
			} else {
				r.Do(network, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
			}
			during(r, "DescribeRouteTables", func(url.Values) { // what that listing answers is settled
				r.Do(network, west, "ReplaceRoute", "RouteTableId", private, "DestinationCidrBlock", to, "NatGatewayId", "nat-0000000000000a001")
			})
			report, calls := r.Prune(100)
			decided := slices.ContainsFunc(report.First.Actions, func(a plan.Action) bool {
				return strings.Contains(a.String(), "route "+to) && strings.Contains(a.String(), private)
			})
			failures.Shown(t, 45, decided && calls[0].Action == "ReplaceRoute" && calls[0].Params.Get("NatGatewayId") != "", "a route is re-pointed by hand after peerd has read it")
			for _, c := range calls[1:] {
				if strings.HasSuffix(c.Action, "Route") && c.Params.Get("RouteTableId") == private && c.Params.Get("DestinationCidrBlock") == to {
					t.Errorf("%s %s", c.Action, c.Params.Encode())
				}
			}
			if !holds(r.Sim.Dump(), " route "+private+" "+to+" -> nat-0000000000000a001") {
				t.Errorf("not left as it was pointed:\n%s", strings.Join(linesWith(r.Sim.Dump(), " route "+private), "\n"))
			}
		})
	}
}

// A longer prefix, a propagated route or a prefix list's takes traffic from our route: the peering is reported as not ready, and nothing is
// done about what is not ours, whatever may be pruned. What does not take traffic from it is no matter.
func TestF46Shadowed(t *testing.T) {
	t.Parallel()
	const list = "pl-0000000000000a009"
	const vpcs = "      eu-west-1:\n        vpcs:\n          - id: vpc-0000000000000a001"
	for name, tc := range map[string]struct {
		to, via, entry string // a route of the hub's main table, and an entry of the prefix list that it leads to
		shadow         string // what is said to take traffic; empty: nothing is
	}{
		"longer prefix":                        {to: "10.1.4.0/24", via: "tgw-0000000000000a001", shadow: "10.1.4.0/24 in " + hubMain + " points at tgw-0000000000000a001"},
		"longer prefix, blackhole":             {to: "10.1.4.0/24", via: "pcx-0000000000000fade", shadow: "10.1.4.0/24 in " + hubMain + " points at pcx-0000000000000fade"},
		"longer prefix, propagated":            {to: "10.1.4.0/24", via: "vgw-0000000000000a001, origin: EnableVgwRoutePropagation", shadow: "10.1.4.0/24 in " + hubMain + " points at vgw-0000000000000a001"},
		"list with a longer prefix":            {to: list, via: "tgw-0000000000000a001", entry: "10.1.4.0/24", shadow: "10.1.4.0/24 of pl-0000000000000a009 in " + hubMain + " points at tgw-0000000000000a001"},
		"same prefix, propagated: static wins": {to: "10.1.0.0/16", via: "vgw-0000000000000a001, origin: EnableVgwRoutePropagation"},
		"list with the same: the CIDR wins":    {to: list, via: "tgw-0000000000000a001", entry: "10.1.0.0/16"},
		"list beside":                          {to: list, via: "tgw-0000000000000a001", entry: "10.5.0.0/16"},
		"wider prefix":                         {to: "10.0.0.0/8", via: "tgw-0000000000000a001"},
	} {
		inBubble(t, name, func(t *testing.T) {
			replace := []string{beside, beside + ", {to: " + tc.to + ", via: " + tc.via + "}"}
			if tc.to == list {
				replace = append(replace, vpcs, strings.Replace(vpcs, "        vpcs:", "        prefixLists: [{id: "+list+", name: l, max: 9, entries: [{cidr: 192.0.2.0/24}, {cidr: "+tc.entry+"}]}]\n        vpcs:", 1))
			}
			r := simtest.New(t, ec2sim.Config{World: edited(t, replace...)}, sameAccount)
			before := simtest.Lines(r.Sim.Dump())
			target, _, _ := strings.Cut(tc.via, ",")
			failures.Shown(t, 46, holds(r.Sim.Dump(), " route "+hubMain+" "+tc.to+" -> "+target) && (tc.to != list || holds(r.Sim.Dump(), " prefix-list "+list, tc.entry)), "a route beside ours that may take traffic from it")
			report, _ := r.Apply()
			simtest.MustExit(t, "pass", report, reconcile.ExitInSync)
			again, calls := r.Prune(100)
			simtest.MustExit(t, "pass with --prune", again, reconcile.ExitInSync)
			simtest.WantActions(t, nil, calls)
			mustKeep(t, "both passes", before, simtest.Lines(r.Sim.Dump()))
			if !holds(r.Sim.Dump(), " route "+hubMain+" "+wanted+" -> "+ours(t, r.Sim.Dump()), "state=active") {
				t.Error("our route is not there")
			}
			if got := again.Verdicts()[0]; got.Ready != (tc.shadow == "") {
				t.Errorf("ready is %v: %v", got.Ready, got.Reasons)
			}
			if tc.shadow != "" {
				mustSay(t, again, "hub-tools: in sync, not ready", "route-shadowed: "+tc.shadow, "comes before "+wanted)
			}
		})
	}
}
