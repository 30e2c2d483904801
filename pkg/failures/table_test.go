package failures_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// The hub's other tables: one for a subnet, one that its internet gateway uses, and one that nothing uses.
const (
	hubPrivate = "rtb-0000000000000a002"
	hubEdge    = "rtb-0000000000000a003"
	hubSpare   = "rtb-0000000000000a00f"
)

// withSpare is simtest.World with a table of the hub that nothing uses, and a tag on the hub's subnet.
func withSpare(t *testing.T) []byte {
	const edge = "              - {id: rtb-0000000000000a003, name: hub-edge, gateway: true}\n"
	const subnet = "{name: hub-private, cidr: 10.0.1.0/24, table: hub-private}"
	return edited(t, edge, edge+"              - {id: "+hubSpare+", name: hub-spare, tags: {tier: private}}\n", subnet, strings.Replace(subnet, "}", ", tags: {tier: app}}", 1))
}

// choosing is sameAccount with that selector of the hub's tables.
func choosing(tables string) string {
	return strings.Replace(sameAccount, "requester: {vpc: hub}", "requester: {vpc: hub, routes: {tables: "+tables+"}}", 1)
}

// mustRoute fails the test unless these tables of the hub, and no others, route the wanted destination through our connection.
func mustRoute(t *testing.T, dump string, tables ...string) {
	t.Helper()
	var got []string
	for _, l := range linesWith(dump, network+"/"+west+" route ", " "+wanted+" -> "+ours(t, dump), "state=active") {
		got = append(got, strings.Fields(l)[2])
	}
	slices.Sort(got)
	if d := cmp.Diff(tables, got); d != "" {
		t.Errorf("tables that route %s (-want +got):\n%s", wanted, d)
	}
}

// associationOf is the id by which a table is tied to a subnet or gateway, or is the main one.
func associationOf(t *testing.T, r *simtest.Rig, table string) string {
	t.Helper()
	tables, err := r.Sim.World().RouteTables(world.At{Scope: world.Scope{Account: network, Region: west}, Now: time.Now()}, world.Query{IDs: []string{table}})
	if err != nil || len(tables) != 1 || len(tables[0].Associations) != 1 {
		t.Fatalf("%s has not one association: %v %v", table, tables, err)
	}
	return tables[0].Associations[0].ID
}

// What happens to a route table between two passes is found at the next one: tables are asked for anew by their selector, a gateway's is
// never among them, and routes in a table that is not selected any more are left alone.
func TestF47Tables(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tables string // the selector
		first  []string
		edit   func(t *testing.T, r *simtest.Rig)
		fact   []string // what the world says then
		then   []string // the tables that route after the next pass
		calls  []string
	}{
		"deleted": {tables: "all", first: []string{hubMain, hubPrivate, hubSpare}, fact: []string{" vpc " + hub}, then: []string{hubMain, hubPrivate},
			edit: func(_ *testing.T, r *simtest.Rig) { r.Do(network, west, "DeleteRouteTable", "RouteTableId", hubSpare) }},
		"deleted, one of a tag": {tables: "{tags: {tier: private}}", first: []string{hubPrivate, hubSpare}, fact: []string{" vpc " + hub}, then: []string{hubPrivate},
			edit: func(_ *testing.T, r *simtest.Rig) { r.Do(network, west, "DeleteRouteTable", "RouteTableId", hubSpare) }},
		"association moved": {tables: "{subnets: {tags: {tier: app}}}", first: []string{hubPrivate}, fact: []string{" table " + hubSpare, "associations=subnet-"},
			edit: func(t *testing.T, r *simtest.Rig) {
				r.Do(network, west, "ReplaceRouteTableAssociation", "AssociationId", associationOf(t, r, hubPrivate), "RouteTableId", hubSpare)
			}, then: []string{hubPrivate, hubSpare}, calls: []string{"CreateRoute"}},
		"association removed: the main table is in effect": {tables: "{subnets: {tags: {tier: app}}}", first: []string{hubPrivate}, fact: []string{" table " + hubPrivate, "associations= "},
			edit: func(t *testing.T, r *simtest.Rig) {
				r.Do(network, west, "DisassociateRouteTable", "AssociationId", associationOf(t, r, hubPrivate))
			}, then: []string{hubMain, hubPrivate}, calls: []string{"CreateRoute"}},
		"main changed": {tables: "main", first: []string{hubMain}, fact: []string{" table " + hubSpare, "main=true"},
			edit: func(t *testing.T, r *simtest.Rig) {
				r.Do(network, west, "ReplaceRouteTableAssociation", "AssociationId", associationOf(t, r, hubMain), "RouteTableId", hubSpare)
			}, then: []string{hubMain, hubSpare}, calls: []string{"CreateRoute"}},
		"made": {tables: "all", first: []string{hubMain, hubPrivate, hubSpare}, fact: []string{" table ", hub, `"made":"later"`},
			edit: func(_ *testing.T, r *simtest.Rig) {
				r.Do(network, west, "CreateRouteTable", "VpcId", hub, "TagSpecification.1.ResourceType", "route-table", "TagSpecification.1.Tag.1.Key", "made", "TagSpecification.1.Tag.1.Value", "later")
			}, then: []string{hubMain, hubPrivate, hubSpare, "made"}, calls: []string{"CreateRoute"}},
		"a gateway's no more": {tables: "all", first: []string{hubMain, hubPrivate, hubSpare}, fact: []string{" table " + hubEdge, "associations= "},
			edit: func(t *testing.T, r *simtest.Rig) {
				r.Do(network, west, "DisassociateRouteTable", "AssociationId", associationOf(t, r, hubEdge))
			}, then: []string{hubMain, hubPrivate, hubEdge, hubSpare}, calls: []string{"CreateRoute"}},
		"the gateway's, tagged": {tables: "{tags: {tier: private}}", first: []string{hubPrivate, hubSpare}, fact: []string{" table " + hubEdge, "associations=igw-", `"tier":"private"`},
			edit: func(_ *testing.T, r *simtest.Rig) {
				r.Do(network, west, "CreateTags", "ResourceId.1", hubEdge, "Tag.1.Key", "tier", "Tag.1.Value", "private")
			}, then: []string{hubPrivate, hubSpare}},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{World: withSpare(t)}, choosing(tc.tables))
			mustRoute(t, applied(t, r), tc.first...)
			tc.edit(t, r)
			gone := strings.HasPrefix(name, "deleted") && holds(r.Sim.Dump(), " table "+hubSpare)
			failures.Shown(t, 47, holds(r.Sim.Dump(), tc.fact...) && !gone, name)
			report, calls := r.Prune(100)
			simtest.MustExit(t, "pass", report, reconcile.ExitInSync)
			simtest.WantActions(t, tc.calls, calls)
			for i, table := range tc.then {
				if table == "made" {
					tc.then[i] = strings.Fields(linesWith(r.Sim.Dump(), tc.fact...)[0])[2]
				}
			}
			slices.Sort(tc.then)
			mustRoute(t, r.Sim.Dump(), tc.then...)
			mustRest(t, r)
		})
	}
}

// A table that is named by its id and is gone, or is a gateway's: its side is held and nothing of it is removed; the other side is done.
func TestF47NamedTable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		named string
		edit  func(r *simtest.Rig)
		fact  func(dump string) bool
	}{
		"deleted": {hubSpare, func(r *simtest.Rig) { r.Do(network, west, "DeleteRouteTable", "RouteTableId", hubSpare) },
			func(dump string) bool { return !holds(dump, " table "+hubSpare) }},
		"a gateway's": {hubEdge, func(*simtest.Rig) {}, func(dump string) bool { return holds(dump, " table "+hubEdge, "associations=igw-") }},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{World: withSpare(t)}, choosing("["+hubMain+"]"))
			mustRoute(t, applied(t, r), hubMain)
			tc.edit(r)
			r.Spec = simtest.LoadSpec(t, choosing("["+hubPrivate+", "+tc.named+"]"))
			failures.Shown(t, 47, tc.fact(r.Sim.Dump()), "a table that the spec names: "+name)
			r.Do(network, west, "DeleteRoute", "RouteTableId", "rtb-0000000000000a004", "DestinationCidrBlock", "10.0.0.0/16")
			report, calls := r.Prune(100)
			simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
			mustSay(t, report, "tables-missing", tc.named, "this side is left as it is")
			simtest.WantActions(t, []string{"CreateRoute"}, calls)
			mustRoute(t, r.Sim.Dump(), hubMain)
			if !holds(r.Sim.Dump(), " route rtb-0000000000000a004 10.0.0.0/16 -> "+ours(t, r.Sim.Dump())) {
				t.Error("the other side was not done")
			}
			mustLeave(t, r, reconcile.ExitAttention, tc.named)
		})
	}
}

// A table that is deleted, or given to a gateway, after peerd has read it: that route cannot be made, the others are, and the next look shows
// why.
func TestF47DuringThePass(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		action string
		params []string
		gone   func(dump string) bool
	}{
		"deleted":              {"DeleteRouteTable", []string{"RouteTableId", hubSpare}, func(dump string) bool { return !holds(dump, " table "+hubSpare) }},
		"given to the gateway": {"ReplaceRouteTableAssociation", []string{"RouteTableId", hubSpare}, func(dump string) bool { return holds(dump, " table "+hubSpare, "associations=igw-") }},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{World: withSpare(t)}, choosing("["+hubMain+"]"))
			applied(t, r)
			r.Spec = simtest.LoadSpec(t, choosing("all"))
			during(r, "DescribeRouteTables", func(url.Values) { // what that listing answers is settled
				params := tc.params
				if name != "deleted" {
					params = append(params, "AssociationId", associationOf(t, r, hubEdge))
				}
				r.Do(network, west, tc.action, params...)
			})
			report, calls := r.Apply()
			tried := slices.ContainsFunc(calls, func(c ec2sim.Call) bool {
				return c.Action == "CreateRoute" && c.Params.Get("RouteTableId") == hubSpare && c.Code != ""
			})
			failures.Shown(t, 47, tried && tc.gone(r.Sim.Dump()), "a table that peerd has read, and now wants to route: "+name)
			want, exit := []string{hubMain, hubPrivate}, reconcile.ExitInSync
			if name != "deleted" { // the gateway's former table is nobody's now: it was not announced, and waits for the next pass
				want, exit = append(want, hubEdge), reconcile.ExitAttention
			}
			simtest.MustExit(t, "pass", report, exit)
			mustRoute(t, r.Sim.Dump(), hubMain, hubPrivate)
			again, _ := r.Apply()
			simtest.MustExit(t, "the pass after it", again, reconcile.ExitInSync)
			mustRoute(t, r.Sim.Dump(), want...)
			mustRest(t, r)
		})
	}
}
