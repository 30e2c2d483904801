package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/sandbox"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
)

// star is a spec of n peerings between a hub and its spokes, over two accounts and two regions.
func star(t *testing.T, n int, side string) *spec.Set {
	t.Helper()
	var b strings.Builder
	b.WriteString("apiVersion: peerd/v1\nowner: acme\naccounts:\n  one: {id: \"111111111111\", role: peerd}\n  two: {id: \"222222222222\", role: peerd}\n" +
		"vpcs:\n  hub: {account: one, region: eu-west-1, id: vpc-0000000000000000a}\n")
	for i := range n {
		fmt.Fprintf(&b, "  s%02d: {account: two, region: %s, id: vpc-%017x}\n", i, []string{"eu-west-1", "us-east-1"}[i%2], i+256)
	}
	b.WriteString("peerings:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: p%02d, requester: {vpc: hub%s}, accepter: {vpc: s%02d%s}}\n", i, side, i, side)
	}
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(b.String())}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// perScope counts the calls of each action in each account and region.
func perScope(calls []ec2sim.Call) map[string]int {
	out := map[string]int{}
	for _, c := range calls {
		if c.Service == "ec2" {
			out[c.Account+"/"+c.Region+" "+c.Action]++
		}
	}
	return out
}

// One list a kind and scope, whatever the number of peerings; only DNS attributes are asked VPC by VPC, since EC2 has no list of them.
func TestListsPerPass(t *testing.T) {
	t.Parallel()
	for what, tc := range map[string]struct {
		side  string
		lists map[string]int // calls per scope
	}{
		"routes":    {"", map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1, "DescribeRouteTables": 1, "DescribeSecurityGroupRules": 1}},
		"no routes": {", routes: {tables: none}", map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1, "DescribeSecurityGroupRules": 1}},
		"rules of named groups": {", rules: [{group: app, protocol: tcp, ports: 443}]", map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1,
			"DescribeRouteTables": 1, "DescribeSecurityGroups": 1, "DescribeSecurityGroupRules": 2, "DescribeNetworkAcls": 1}},
		"tables by subnets": {", routes: {tables: {subnets: {tags: {tier: db}}}}", map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1,
			"DescribeRouteTables": 1, "DescribeSubnets": 1, "DescribeSecurityGroupRules": 1}},
	} {
		for _, n := range []int{1, 10, 50} {
			t.Run(fmt.Sprintf("%s/%d peerings", what, n), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { countLists(t, star(t, n, tc.side), tc.lists) })
			})
		}
	}
}

func countLists(t *testing.T, set *spec.Set, lists map[string]int) {
	box, err := sandbox.New(set)
	if err != nil {
		t.Fatal(err)
	}
	r := &simtest.Rig{T: t, Sim: box.Sim, Spec: set}
	first, _ := r.Apply()
	simtest.MustExit(t, "first pass", first, reconcile.ExitInSync)
	before := len(box.Sim.Calls())
	second, _ := r.Apply()
	simtest.MustExit(t, "second pass", second, reconcile.ExitInSync)
	want := map[string]int{}
	for scope := range scopesOf(set) {
		for action, n := range lists {
			want[scope.String()+" "+action] = n
		}
	}
	if d := cmp.Diff(want, perScope(box.Sim.Calls()[before:])); d != "" {
		t.Errorf("calls of a pass without change (-want +got):\n%s", d)
	}
}

func scopesOf(set *spec.Set) map[netstate.Scope]bool {
	out := map[netstate.Scope]bool{}
	for _, v := range set.VPCs {
		out[v.Scope()] = true
	}
	return out
}

// DNS attributes are read for dns: true only, two calls a VPC.
func TestDNSAttributeCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		set := star(t, 3, ", dns: true")
		box, err := sandbox.New(set)
		if err != nil {
			t.Fatal(err)
		}
		r := &simtest.Rig{T: t, Sim: box.Sim, Spec: set}
		r.Plan()
		got := 0
		for k, n := range perScope(box.Sim.Calls()) {
			if strings.HasSuffix(k, " DescribeVpcAttribute") {
				got += n
			}
		}
		if want := 2 * len(set.VPCs); got != want {
			t.Errorf("%d calls of DescribeVpcAttribute, want two for each of %d VPCs", got, len(set.VPCs))
		}
	})
}

// While connections are waited for, each tick is one list per scope, not one per peering.
func TestWaitingIsBatched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		polls := func(n int) int {
			set := star(t, n, ", routes: {tables: none}")
			box, err := sandbox.New(set)
			if err != nil {
				t.Fatal(err)
			}
			r := &simtest.Rig{T: t, Sim: box.Sim, Spec: set}
			report, _ := r.Apply()
			simtest.MustExit(t, "pass", report, reconcile.ExitInSync)
			counts := perScope(box.Sim.Calls())
			return slices.Max(slices.Collect(maps.Values(onlyAction(counts, "DescribeVpcPeeringConnections"))))
		}
		if few, many := polls(2), polls(20); many > few+6 {
			t.Errorf("%d lists of connections in a scope for 20 peerings, %d for 2: they must not grow with the peerings", many, few)
		}
	})
}

func onlyAction(counts map[string]int, action string) map[string]int {
	out := map[string]int{}
	for k, n := range counts {
		if strings.HasSuffix(k, " "+action) {
			out[k] = n
		}
	}
	return out
}

// mesh is a spec of n VPCs, each in an account of its own, all of them peered with a rule on each side. own is the mesh's, or the peering's of
// the first two.
func mesh(n int, ownMesh, ownPeering string) string {
	var accounts, vpcs strings.Builder
	var names []string
	for i := range n {
		fmt.Fprintf(&accounts, "  a%02d: {id: \"%012d\", role: peerd}\n", i, 111111111111+i)
		fmt.Fprintf(&vpcs, "  v%02d: {account: a%02d, region: eu-west-1, id: vpc-%017x}\n", i, i, i+256)
		names = append(names, fmt.Sprintf("v%02d", i))
	}
	text := "apiVersion: peerd/v1\nowner: acme\naccounts:\n" + accounts.String() + "vpcs:\n" + vpcs.String() +
		"meshes: [{name: m, vpcs: [" + strings.Join(names, ", ") + "], side: {rules: [{group: app, protocol: tcp, ports: 80}]}" + ownMesh + "}]\n"
	if ownPeering != "" {
		text += "peerings: [{name: m/v00--v01, " + ownPeering + "}]\n"
	}
	return text
}

// A commit that concerns one peering costs the lists of its two scopes, its writes, and the connections again with the lists of what was
// written, however large the mesh.
func TestCallsOfACommit(t *testing.T) {
	t.Parallel()
	const ports, other = "rules: [{group: app, protocol: tcp, ports: [80, 443]}]", "rules: [{group: app, protocol: tcp, ports: 443}]"
	const lists, connections = 14, 2
	for what, tc := range map[string]struct {
		before, peering string
		calls           int
		full            int // lists of each scope, in a pass over everything that follows
	}{
		"a rule of one side":    {"", "requester: {vpc: v00, " + ports + "}, accepter: {vpc: v01}", lists + 1 + connections + 4, 0},
		"a rule of both sides":  {"", "requester: {vpc: v00, " + ports + "}, accepter: {vpc: v01, " + ports + "}", lists + 2 + connections + 6, 0},
		"DNS of one side":       {"", "requester: {vpc: v00, dns: true}, accepter: {vpc: v01}", lists + 4 + 1 + connections, 0},
		"a wider route":         {"", "requester: {vpc: v00, routes: {to: [10.1.0.0/16, {cidr: 192.0.2.0/24, wider: true}]}}, accepter: {vpc: v01}", lists + 1 + connections + 2, 0},
		"a new peering":         {", exclude: [[v00, v01]]", "", 3*lists + 7 + 2*connections + 12, 0}, // a pass for each state
		"nothing to be written": {"", "requester: {vpc: v00}, accepter: {vpc: v01}, adopt: true", lists, 0},
		"a tag":                 {"", "requester: {vpc: v00}, accepter: {vpc: v01}, tags: {team: net}", lists + 4 + connections + 6, 0},
		"another port":          {"", "requester: {vpc: v00, " + other + "}, accepter: {vpc: v01}", lists + 1, 2 * 7}, // elsewhere somebody may want the old one
	} {
		for _, n := range []int{3, 12} {
			t.Run(fmt.Sprintf("%s/%d VPCs", what, n), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					got, took := callsOfACommit(t, mesh(n, tc.before, ""), mesh(n, "", tc.peering))
					if want := tc.calls + n*tc.full; len(got) != want || took > 3*time.Second {
						t.Errorf("%d calls, want %d, in %v, want 3s at most: %v", len(got), want, took, perScope(got))
					}
				})
			})
		}
	}
}

// branch is a source of what was pushed last.
type branch struct{ text string }

// Fetch returns the commit.
func (p *branch) Fetch(context.Context, string) (reconcile.Commit, error) {
	return reconcile.Commit{Hash: p.text, Files: fstest.MapFS{"spec.yaml": {Data: []byte(p.text)}}}, nil
}

// callsOfACommit has the loop make one spec, and returns what it calls for the next one until it finds that in sync, and how long that takes.
func callsOfACommit(t *testing.T, before, after string) ([]ec2sim.Call, time.Duration) {
	box, err := sandbox.New(simtest.LoadSpec(t, mesh(strings.Count(before, "role:"), "", "")))
	if err != nil {
		t.Fatal(err)
	}
	source, fetch := &branch{before}, make(chan struct{})
	var last *reconcile.Report
	loop := reconcile.NewLoop(reconcile.LoopConfig{Target: simtest.Target(box.Sim), Source: source, Fetch: fetch, Interval: time.Hour,
		Load:   func(c reconcile.Commit) (*spec.Set, error) { return spec.Load(c.Files, "") },
		OnTurn: func(t reconcile.Turn) { last = t.Report }})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- loop.Run(ctx) }()
	time.Sleep(5 * time.Minute)
	synctest.Wait()
	simtest.MustExit(t, "the first commit", last, reconcile.ExitInSync)
	n, pushed := len(box.Sim.Calls()), time.Now()
	source.text = after
	fetch <- struct{}{}
	time.Sleep(time.Minute)
	synctest.Wait()
	simtest.MustExit(t, "the second commit", last, reconcile.ExitInSync)
	stop()
	<-done
	calls := box.Sim.Calls()[n:]
	return calls, calls[len(calls)-1].Time.Sub(pushed)
}

// What somebody changes by hand between two passes is noticed by the next one, and put right.
func TestHandEditIsNoticed(t *testing.T) {
	t.Parallel()
	edits := map[string]simtest.Edit{
		"route deleted":      {Action: "DeleteRoute", Region: "eu-west-1", Account: "111111111111", Params: map[string]string{"RouteTableId": "rtb-0000000000000a001", "DestinationCidrBlock": "10.20.0.0/16"}},
		"accepter tags gone": {Action: "DeleteTags", Region: "eu-west-1", Account: "222222222222", Params: map[string]string{"ResourceId.1": "PCX", "Tag.1.Key": "peerd:owner"}},
		"connection deleted": {Action: "DeleteVpcPeeringConnection", Region: "eu-west-1", Account: "222222222222", Params: map[string]string{"VpcPeeringConnectionId": "PCX"}},
	}
	for name, e := range edits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, ec2sim.Config{}, "cross-account")
				before := simtest.Lines(r.Sim.Dump())
				first, _ := r.Apply()
				simtest.MustExit(t, "first pass", first, reconcile.ExitInSync)
				made := simtest.Anonymous(simtest.Without(simtest.Lines(r.Sim.Dump()), before))
				e.Make(t, r.Sim)
				planned, _ := r.Plan()
				simtest.MustExit(t, "plan after the edit", planned, reconcile.ExitChanges)
				mended, _ := r.Apply()
				simtest.MustExit(t, "pass after the edit", mended, reconcile.ExitInSync)
				left := slices.DeleteFunc(simtest.Anonymous(simtest.Without(simtest.Lines(r.Sim.Dump()), before)), func(l string) bool { return strings.Contains(l, "status=deleted") })
				simtest.WantSame(t, "made at first", made, "after the edit was mended", left)
			})
		})
	}
}
