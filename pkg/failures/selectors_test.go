package failures_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// untag takes a tag off by hand.
func untag(on, key string) func(*simtest.Rig) {
	return func(r *simtest.Rig) { r.Do(network, west, "DeleteTags", "ResourceId.1", on, "Tag.1.Key", key) }
}

// retagged puts a tag on by hand.
func retagged(on, key, value string) func(*simtest.Rig) {
	return func(r *simtest.Rig) { tag(on, key, value).Make(r.T, r.Sim) }
}

// A selector that matches nothing, or two VPCs, holds its side: it is not taken for "no routes" or "no rules", and never for in sync.
func TestF63SelectorThatMatchesNothing(t *testing.T) {
	t.Parallel()
	const ids, group = "{tables: [rtb-0000000000000e001, rtb-0000000000000e002]}", "{group: app, protocol: tcp, ports: 443}"
	for name, tc := range map[string]struct {
		first, then []string
		fault       func(*simtest.Rig)
		fired       string // the action that made the fault, or what is not in the world
		words       []string
	}{
		"VPC by tags": {nil, nil, untag("vpc-0000000000000e001", "net"), "DeleteTags",
			[]string{"vpc-missing", `no VPC with tags {net="hub"} in 111111111111/eu-west-1`}},
		"VPC by id": {nil, []string{"tags: {net: hub}", "id: vpc-0000000000000ffff"}, nil, "vpc-0000000000000ffff",
			[]string{"vpc-missing", "no VPC vpc-0000000000000ffff in"}},
		"two VPCs": {nil, nil, retagged("vpc-0000000000000e003", "net", "hub"), "CreateTags",
			[]string{"vpc-ambiguous", "2 VPCs match", "vpc-0000000000000e001, vpc-0000000000000e003"}},
		"tables by tags": {[]string{ids, "{tables: {tags: {tier: private}}}"}, nil, untag("rtb-0000000000000e002", "tier"), "DeleteTags",
			[]string{"tables-missing", `matches {tags: tier="private"}`}},
		"one of tables by id": {nil, []string{"rtb-0000000000000e001,", "rtb-0000000000000ffff,"}, nil, "rtb-0000000000000ffff",
			[]string{"tables-missing", "matches rtb-0000000000000ffff"}},
		"excluded tables by tags": {[]string{ids, "{tables: all, exclude: {tags: {Name: main}}}"}, nil, untag("rtb-0000000000000e001", "Name"), "DeleteTags",
			[]string{"tables-missing", `matches {tags: Name="main"}`}},
		"subnets": {[]string{ids, "{tables: {subnets: {tags: {tier: db}}}}"}, nil, untag("subnet-0000000000000e001", "tier"), "DeleteTags",
			[]string{"tables-missing", `{subnets: {tags: tier="db"}}`}},
		"group by tags": {[]string{group, "{group: {tags: {role: app}}, protocol: tcp, ports: 443}"}, nil, untag("sg-0000000000000e001", "role"), "DeleteTags",
			[]string{"group-missing", `no security group {tags: role="app"} in`}},
		"group of the peer": {[]string{group, "{group: app, protocol: tcp, ports: 443, peer: {group: {tags: {role: db}}}}"}, nil, untag("sg-0000000000000e003", "role"), "DeleteTags",
			[]string{"group-missing", `no security group {tags: role="db"} in`}},
	} {
		inBubble(t, name, func(t *testing.T) {
			var rig *simtest.Rig
			heldSide(t, tc.first, tc.then, func(r *simtest.Rig) {
				if rig = r; tc.fault != nil {
					tc.fault(r)
				}
			}, tc.words...)
			fired := len(of(rig.Sim.Calls(), tc.fired)) == 1 || tc.fault == nil && len(facts(rig, tc.fired)) == 0
			failures.Shown(t, 63, fired, "the selector matches nothing, or two")
		})
	}
}

// movable is a spec of one peering between a VPC that is found by a tag and one that is named.
const movable = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, tags: {net: hub}}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000e002}
peerings:
  - name: hub-tools
    requester: {vpc: hub}
    accepter: {vpc: tools}
`

// The tag that selects a VPC moves to another one while a connection of ours joins the first: nothing moves with it until the entry says
// so by an id.
func TestF64TagMovesToAnotherVPC(t *testing.T) {
	t.Parallel()
	const forth, back = "requester: {vpc: hub}\n    accepter: {vpc: tools}", "requester: {vpc: tools}\n    accepter: {vpc: hub}"
	for name, tc := range map[string]struct{ first, then []string }{
		"of the requester":             {nil, nil},
		"of the accepter":              {[]string{forth, back}, []string{forth, back}},
		"of the requester, turned now": {[]string{forth, back}, nil},
		"of the accepter, turned now":  {nil, []string{forth, back}},
	} {
		for what, id := range map[string]string{"and the new VPC is stated": "vpc-0000000000000e003", "and the old VPC is stated": "vpc-0000000000000e001"} {
			inBubble(t, name+", "+what, func(t *testing.T) {
				r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging, World: []byte(selected)}, movable)
				r.Spec = simtest.LoadSpec(t, movable, tc.first...)
				applied(t, r)
				untag("vpc-0000000000000e001", "net")(r)
				retagged("vpc-0000000000000e003", "net", "hub")(r)
				moved := facts(r, " vpc vpc-0000000000000e003", `"net":"hub"`)
				r.Spec = simtest.LoadSpec(t, movable, tc.then...)
				mustLeave(t, r, reconcile.ExitAttention, "vpc-moved", "vpcs.hub moved from 111111111111/eu-west-1/vpc-0000000000000e001 to 111111111111/eu-west-1/vpc-0000000000000e003")
				before := r.Sim.Dump()
				r.Spec = simtest.LoadSpec(t, movable, append(tc.then, "tags: {net: hub}", "id: "+id)...)
				stated, _ := r.Prune(1)
				simtest.MustExit(t, "pass with the id", stated, reconcile.ExitInSync)
				wantOne(t, "the connection with the stated VPC", linesWith(r.Sim.Dump(), " connection ", id, "status=active"))
				if id == "vpc-0000000000000e001" {
					wantNone(t, "changed", gained(r, before))
				}
				mustRest(t, r)
				failures.Shown(t, 64, len(moved) == 1, "the tag is on another VPC")
			})
		}
	}
}

// A table loses the tag that selected it and another gains it: the new one is routed; the routes of the old one are left alone, --prune or
// not, and counted as unmanaged.
func TestF65TableTagMoves(t *testing.T) {
	t.Parallel()
	const left, taken = "rtb-0000000000000e002", "rtb-0000000000000e001"
	for name, tc := range map[string]struct {
		routes string
		fault  func(*simtest.Rig)
	}{
		"the tag that selects": {"{tables: {tags: {tier: private}}}", func(r *simtest.Rig) {
			untag(left, "tier")(r)
			retagged(taken, "tier", "private")(r)
		}},
		"the tag that excludes": {"{tables: all, exclude: {tags: {Name: main}}}", func(r *simtest.Rig) {
			retagged(left, "Name", "main")(r)
			retagged(taken, "Name", "private")(r)
		}},
		"the subnet that selects": {"{tables: {subnets: {tags: {tier: db}}}}", func(r *simtest.Rig) {
			r.Do(network, west, "DisassociateRouteTable", "AssociationId", association(r, left)) // the main table is in effect then
		}},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := settled(t, ec2sim.Config{Delays: simtest.Lagging, World: []byte(selected)}, strings.Replace(movable, "{vpc: hub}", "{vpc: hub, routes: "+tc.routes+"}", 1))
			wantNone(t, "routes of the table that is not selected", facts(r, "route "+taken+" 10.1.0.0/16"))
			wantUnmanaged(t, r, nil)
			tc.fault(r)
			before := r.Sim.Dump()
			pass, calls := r.Prune(100)
			simtest.MustExit(t, "pass with --prune", pass, reconcile.ExitInSync)
			simtest.WantActions(t, []string{"CreateRoute"}, calls)
			wantNone(t, "gone", lost(r, before))
			wantOne(t, "the route in the table that is selected now", facts(r, "route "+taken+" 10.1.0.0/16", "state=active"))
			kept := facts(r, "route "+left+" 10.1.0.0/16", "state=active")
			mustRest(t, r)
			wantUnmanaged(t, r, []plan.Unmanaged{{Scope: netstate.Scope{Account: network, Region: west}, Resource: plan.ResourceRoute, Count: 1}})
			failures.Shown(t, 65, len(kept) == 1, "the table that is not selected any more has its route")
		})
	}
}

// wantUnmanaged compares what a plan counts as left alone.
func wantUnmanaged(t *testing.T, r *simtest.Rig, want []plan.Unmanaged) {
	t.Helper()
	pass, _ := r.Plan()
	if d := cmp.Diff(want, pass.First.Unmanaged); d != "" {
		t.Errorf("unmanaged (-want +got):\n%s", d)
	}
}

// association returns the id of a table's only association with a subnet.
func association(r *simtest.Rig, table string) string {
	tables, err := r.Sim.World().RouteTables(world.At{Scope: world.Scope{Account: network, Region: west}, Now: time.Now()}, world.Query{})
	if err != nil {
		r.T.Fatal(err)
	}
	i := slices.IndexFunc(tables, func(t world.TableView) bool { return t.ID == table })
	return tables[i].Associations[0].ID
}
