package failures_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// estate is a world with a hub and the one that is to replace it, of the same CIDR, and three spokes in another account, of which two have
// the same CIDR.
const estate = `
accounts:
  - id: "111111111111"
    roles: [{name: peerd}]
    regions:
      eu-west-1:
        vpcs:
          - {id: vpc-0000000000000f001, name: hub, cidrs: [10.0.0.0/16], tables: [{id: rtb-0000000000000f001, name: hub, main: true}], groups: [{id: sg-0000000000000f001, name: app}]}
          - {id: vpc-0000000000000f002, name: newhub, cidrs: [10.0.0.0/16], tables: [{id: rtb-0000000000000f002, name: newhub, main: true}], groups: [{id: sg-0000000000000f002, name: app}]}
  - id: "222222222222"
    roles: [{name: peerd}]
    regions:
      eu-west-1:
        vpcs:
          - {id: vpc-0000000000000f101, name: one, cidrs: [10.1.0.0/16], tables: [{id: rtb-0000000000000f101, name: one, main: true}], groups: [{id: sg-0000000000000f101, name: db}]}
          - {id: vpc-0000000000000f102, name: two, cidrs: [10.2.0.0/16], tables: [{id: rtb-0000000000000f102, name: two, main: true}]}
          - {id: vpc-0000000000000f103, name: double, cidrs: [10.2.0.0/16], tables: [{id: rtb-0000000000000f103, name: double, main: true}]}
`

// overEstate is a spec for it, but for its peerings.
const overEstate = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000f001}
  one: {account: payments, region: eu-west-1, id: vpc-0000000000000f101}
  two: {account: payments, region: eu-west-1, id: vpc-0000000000000f102}
  double: {account: payments, region: eu-west-1, id: vpc-0000000000000f103}
`

// estateOf is a rig over the estate with some peerings applied.
func estateOf(t *testing.T, peerings string) *simtest.Rig {
	t.Helper()
	return settled(t, ec2sim.Config{Delays: simtest.Lagging, World: []byte(estate)}, overEstate+peerings)
}

// target returns what a table's destination points at.
func target(r *simtest.Rig, table, to string) string {
	r.T.Helper()
	return strings.Fields(wantOne(r.T, "the route", facts(r, " route "+table+" "+to+" -> ")))[5]
}

// joining returns the living connections of two VPCs.
func joining(r *simtest.Rig, one, other string) []string {
	var out []string
	for _, l := range facts(r, " connection ", one, other) {
		if strings.Contains(l, "view=accepter") {
			continue // the same one, seen from the other side
		}
		if strings.Contains(l, "status=active") || strings.Contains(l, "status=pending-acceptance") {
			out = append(out, id(l, 2))
		}
	}
	return out
}

// alwaysRouted fails the test if a table's destination does not lead somewhere after every call from now on.
func alwaysRouted(r *simtest.Rig, table, to string) {
	var once sync.Once
	r.Sim.After(func(c ec2sim.Call) {
		if c.Mutating && !holds(r.Sim.Dump(), " route "+table+" "+to+" -> pcx-", "state=active") {
			once.Do(func() { r.T.Errorf("%s in %s leads nowhere after %s", to, table, c.Action) })
		}
	})
}

// Two peerings want one destination in one table: the one whose live route holds it keeps it, though the other is first by name; where none
// holds it, none gets it.
func TestF67TwoWantOneDestination(t *testing.T) {
	t.Parallel()
	const second = "  - {name: a-double, requester: {vpc: hub}, accepter: {vpc: double}}\n"
	const first = "  - {name: z-two, requester: {vpc: hub}, accepter: {vpc: two}}\n"
	for name, turned := range map[string]bool{"of two requesters": false, "of a requester and an accepter": true} {
		inBubble(t, "one holds it, "+name, func(t *testing.T) {
			r := estateOf(t, "peerings:\n"+first)
			holder := target(r, "rtb-0000000000000f001", "10.2.0.0/16")
			before := r.Sim.Dump()
			other := second
			if turned {
				other = "  - {name: a-double, requester: {vpc: double}, accepter: {vpc: hub}}\n"
			}
			r.Spec = simtest.LoadSpec(t, overEstate+"peerings:\n"+first+other)
			for range 2 {
				pass, calls := r.Prune(100)
				simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
				mustSay(t, pass, "route-contested: 10.2.0.0/16 in rtb-0000000000000f001: z-two holds it")
				if n := len(of(calls, "ReplaceRoute", "DeleteRoute")); n > 0 {
					t.Errorf("%d routes changed or deleted", n)
				}
			}
			wantNone(t, "gone", lost(r, before))
			wantOne(t, "the other side of the one that is refused", facts(r, "route rtb-0000000000000f103 10.0.0.0/16 -> pcx-", "state=active"))
			failures.Shown(t, 67, target(r, "rtb-0000000000000f001", "10.2.0.0/16") == holder && len(joining(r, "f001", "f103")) == 1, "two peerings have the destination on their other side")
			r.Spec = simtest.LoadSpec(t, overEstate+"peerings:\n"+other)
			alwaysRouted(r, "rtb-0000000000000f001", "10.2.0.0/16")
			pass, calls := r.Prune(1)
			simtest.MustExit(t, "pass without the holder", pass, reconcile.ExitInSync)
			if n := len(of(calls, "ReplaceRoute")); n != 1 || target(r, "rtb-0000000000000f001", "10.2.0.0/16") != joining(r, "f001", "f103")[0] {
				t.Errorf("the route is not moved in place")
			}
		})
	}
	inBubble(t, "none holds it", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging, World: []byte(estate)}, overEstate+"peerings:\n"+first+second)
		for range 2 {
			pass, _ := r.Prune(100)
			simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
			mustSay(t, pass, "route-contested: 10.2.0.0/16 in rtb-0000000000000f001: another peering of this spec wants it too, and none holds it")
		}
		wantNone(t, "made", facts(r, "rtb-0000000000000f001 10.2.0.0/16"))
		failures.Shown(t, 67, len(joining(r, "f001", "f102")) == 1 && len(joining(r, "f001", "f103")) == 1, "both peerings are there")
	})
}

// newHub replaces the hub under its name.
var newHub = []string{"id: vpc-0000000000000f001", "id: vpc-0000000000000f002"}

const (
	spokes      = "hubs: [{name: edge, hub: hub, spokes: [one, two], hubSide: {rules: [{group: app, protocol: tcp, ports: 443}]}}]\n"
	oneSpoke    = "hubs: [{name: edge, hub: hub, spokes: [one], hubSide: {rules: [{group: app, protocol: tcp, ports: 443}]}}]\n"
	otherSpokes = "hubs: [{name: rim, hub: hub, spokes: [one, two], hubSide: {rules: [{group: app, protocol: tcp, ports: 443}]}}]\n"
	wholeMesh   = "meshes: [{name: core, vpcs: [hub, one, two]}]\n"
	lesserMesh  = "meshes: [{name: core, vpcs: [hub, one]}]\n"
)

// reshaped is a commit that changes what is peered with what.
type reshaped struct {
	before, after string   // the peerings
	replace       []string // in the spec, with the commit
	over          []pair   // joined by connections that are left over
	routed        []hop    // what must lead somewhere all the time
	calls         map[string]int
}

type pair struct{ one, other string }
type hop struct{ table, to string }

// What is replaced, what leaves, and what changes its shape: new connections first, routes moved in place, and what is left over goes only
// with --prune, counted by the guard.
func TestF70EstateChangesItsShape(t *testing.T) {
	t.Parallel()
	hubGone := []pair{{"f001", "f101"}, {"f001", "f102"}}
	toHub := []hop{{"rtb-0000000000000f101", "10.0.0.0/16"}, {"rtb-0000000000000f102", "10.0.0.0/16"}}
	toOne, toTwo := hop{"rtb-0000000000000f001", "10.1.0.0/16"}, hop{"rtb-0000000000000f001", "10.2.0.0/16"}
	const tag, open, accept, route, move, rule = "CreateTags", "CreateVpcPeeringConnection", "AcceptVpcPeeringConnection", "CreateRoute", "ReplaceRoute", "AuthorizeSecurityGroupIngress"
	newTwo := []string{"id: vpc-0000000000000f102", "id: vpc-0000000000000f103", "  double: {account: payments, region: eu-west-1, id: vpc-0000000000000f103}\n", ""}
	otherOne := []string{"id: vpc-0000000000000f101", "id: vpc-0000000000000f103", "  double: {account: payments, region: eu-west-1, id: vpc-0000000000000f103}\n", ""}
	for name, tc := range map[string]reshaped{
		"the hub is replaced under its name": {spokes, spokes, newHub, hubGone, toHub,
			map[string]int{open: 2, accept: 2, rule: 2, tag: 2, route: 2, move: 2}},
		"the hub is replaced, and the peerings renamed": {spokes, otherSpokes, newHub, hubGone, toHub,
			map[string]int{open: 2, accept: 2, rule: 2, tag: 2, route: 2, move: 2}},
		"a spoke is replaced under its name": {spokes, spokes, newTwo, []pair{{"f001", "f102"}}, []hop{toTwo},
			map[string]int{open: 1, accept: 1, tag: 1, route: 1, move: 1}},
		"a spoke is replaced by one with another CIDR": {oneSpoke, oneSpoke, otherOne, []pair{{"f001", "f101"}}, nil,
			map[string]int{open: 1, accept: 1, tag: 1, route: 2, rule: 1}},
		"a member leaves the mesh": {wholeMesh, lesserMesh, nil, []pair{{"f001", "f102"}, {"f101", "f102"}}, []hop{toHub[0], toOne}, map[string]int{}},
		"the mesh becomes a hub": {wholeMesh, spokes, nil, []pair{{"f101", "f102"}}, []hop{toHub[0], toHub[1], toOne, toTwo},
			map[string]int{tag: 4, rule: 2}}, // new labels, in both views
	} {
		inBubble(t, name+", without --prune", tc.keptWithoutPrune)
		inBubble(t, name+", in one pass with --prune", tc.prunedAtOnce)
	}
}

// begin makes what is before the commit.
func (tc reshaped) begin(t *testing.T) *simtest.Rig {
	t.Helper()
	r := estateOf(t, tc.before)
	for _, m := range tc.routed {
		alwaysRouted(r, m.table, m.to)
	}
	r.Spec = simtest.LoadSpec(t, overEstate+tc.after, tc.replace...)
	for _, p := range tc.over {
		failures.Shown(t, 70, len(joining(r, p.one, p.other)) == 1, "the connection that is to be left over is there")
	}
	return r
}

func (tc reshaped) keptWithoutPrune(t *testing.T) {
	r := tc.begin(t)
	before := r.Sim.Dump()
	pass, calls := r.Apply()
	simtest.MustExit(t, "pass", pass, reconcile.ExitChanges)
	if d := cmp.Diff(tc.calls, counted(calls)); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
	if went := holding(lost(r, before), " route "); len(went) != tc.calls["ReplaceRoute"] {
		t.Errorf("routes gone without --prune:\n%s", strings.Join(went, "\n"))
	}
	wantNone(t, "rules gone without --prune", holding(lost(r, before), " rule "))
	for _, p := range tc.over {
		if len(joining(r, p.one, p.other)) != 1 {
			t.Errorf("%s and %s are not joined any more", p.one, p.other)
		}
	}
	withheld, calls := r.Prune(len(tc.over) - 1)
	simtest.MustExit(t, "pass over the limit", withheld, reconcile.ExitAttention)
	simtest.WantActions(t, nil, calls)
	mustSay(t, withheld, "withheld")
	pass, _ = r.Prune(len(tc.over))
	simtest.MustExit(t, "pass with --prune", pass, reconcile.ExitInSync)
	wantGone(t, r, tc.over)
}

func (tc reshaped) prunedAtOnce(t *testing.T) {
	r := tc.begin(t)
	pass, _ := r.Prune(len(tc.over))
	simtest.MustExit(t, "pass", pass, reconcile.ExitInSync)
	wantGone(t, r, tc.over)
	mustRest(t, r)
}

// wantGone checks that nothing is left of pairs: no living connection, and no route that leads nowhere.
func wantGone(t *testing.T, r *simtest.Rig, gone []pair) {
	t.Helper()
	for _, p := range gone {
		if over := joining(r, p.one, p.other); len(over) > 0 {
			t.Errorf("%s and %s are still joined by %v", p.one, p.other, over)
		}
	}
	wantNone(t, "routes that lead nowhere", facts(r, " route ", "state=blackhole"))
}

// counted counts calls by action.
func counted(calls []ec2sim.Call) map[string]int {
	out := map[string]int{}
	for _, c := range calls {
		out[c.Action]++
	}
	return out
}
