package plan_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// small is a random spec over a few VPCs, and a world that has them together with things of strangers.
type small struct {
	*rand.Rand
	set     *spec.Set
	o       *netstate.Observed
	vpcs    []netstate.VPC
	foreign map[string]bool // ids of connections and rules that are not ours
}

func newSmall(t testing.TB, seed uint64) *small {
	t.Helper()
	w := &small{Rand: rand.New(rand.NewPCG(seed, 0)), o: netstate.NewObserved(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)), foreign: map[string]bool{}}
	n := 2 + w.IntN(4)
	for i := range n {
		w.vpc(i)
	}
	var y strings.Builder
	y.WriteString("apiVersion: peerd/v1\nowner: acme\naccounts:\n  a: {id: \"111111111111\", role: peerd}\n  b: {id: \"222222222222\", role: peerd}\nvpcs:\n")
	for i, v := range w.vpcs {
		fmt.Fprintf(&y, "  v%d: {account: %s, region: %s, id: %s}\n", i, map[netstate.AccountID]string{"111111111111": "a", "222222222222": "b"}[v.Account], v.Region, v.ID)
	}
	y.WriteString("peerings:\n")
	for i := range n {
		for j := range i {
			fmt.Fprintf(&y, "  - {name: p%d-%d, requester: {vpc: v%d%s}, accepter: {vpc: v%d%s}%s}\n", i, j, i, w.side(i), j, w.side(j), w.pick("", ", adopt: true", ", tags: {team: net}"))
		}
	}
	for range w.IntN(6) {
		w.stranger()
	}
	s, err := spec.Load(map1("spec.yaml", y.String()), "")
	if err != nil {
		t.Fatal(err)
	}
	w.set = s
	return w
}

func (w *small) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w *small) vpc(i int) {
	v := netstate.VPC{Scope: netstate.Scope{Account: netstate.AccountID(w.pick("111111111111", "222222222222")), Region: netstate.Region(w.pick("eu-west-1", "us-east-1"))}, ID: netstate.VPCID(fmt.Sprintf("vpc-%017x", i+1))}
	w.vpcs = append(w.vpcs, v)
	w.o.VPCs[v] = netstate.Facts{CIDRs: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16)}, DNSSupport: netstate.Yes, DNSHostnames: netstate.Yes}
	for t := range 1 + w.IntN(2) {
		w.o.Tables[netstate.TableKey{Scope: v.Scope, ID: netstate.TableID(fmt.Sprintf("rtb-%016x%d", i+1, t))}] = netstate.Table{VPC: v.ID, Main: t == 0}
	}
	w.o.Groups[netstate.GroupKey{Scope: v.Scope, ID: netstate.GroupID(fmt.Sprintf("sg-%017x", i+1))}] = netstate.Group{VPC: v.ID, Owner: v.Account, Name: "app"}
}

func (w *small) side(int) string {
	return w.pick("", ", dns: true", ", dns: false", ", routes: {tables: main}", ", routes: {tables: none}", ", routes: {onConflict: replace}") +
		w.pick("", "", ", rules: [{group: app, protocol: tcp, ports: [22, 443], peer: [{cidr: 10.0.0.0/8, wider: true}]}]", ", rules: [{group: app, protocol: icmp}]")
}

// stranger adds something that is not ours: a connection, a route to one, to a gateway or to nowhere, or a rule.
func (w *small) stranger() {
	i, j := w.IntN(len(w.vpcs)), w.IntN(len(w.vpcs))
	a, b := w.vpcs[i], w.vpcs[j]
	if i == j {
		b = netstate.VPC{Scope: netstate.Scope{Account: "555555555555", Region: "eu-west-1"}, ID: "vpc-0000000000000000f"}
	}
	id := fmt.Sprintf("x%d", len(w.foreign))
	w.foreign["pcx-"+id], w.foreign["sgr-"+id] = true, true
	tags := netstate.Tags{netstate.TagOwner: w.pick("other", "none")}
	switch w.IntN(3) {
	case 0:
		c := netstate.Connection{ID: netstate.ConnID("pcx-" + id), Requester: a, Accepter: b, Status: netstate.Status(w.pick("active", "pending-acceptance", "provisioning", "failed"))}
		c.Views[0], c.Views[1] = netstate.View{Seen: true, Tags: tags}, netstate.View{Seen: i != j, Tags: netstate.Tags{}}
		w.o.Connections[c.ID] = c
		fallthrough
	case 1:
		target := netstate.Target{Kind: netstate.TargetPeering, ID: "pcx-" + id}
		k := netstate.RouteKey{Scope: a.Scope, Table: netstate.TableID(fmt.Sprintf("rtb-%016x0", i+1)), Dest: netstate.Dest{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(j), 0, 0}), 16)}}
		w.o.Routes[k] = netstate.Route{Target: target, Origin: netstate.OriginCreateRoute, State: netstate.RouteState(w.pick("active", "blackhole"))}
	default:
		k := netstate.RuleKey{Scope: a.Scope, Group: netstate.GroupID(fmt.Sprintf("sg-%017x", i+1)), Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: 22, To: 22}, Peer: netstate.Peer{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}
		w.o.Rules[k] = netstate.Rule{ID: netstate.RuleID("sgr-" + id), Description: "theirs", Tags: tags}
	}
}

// unread makes one account and region unreadable, whole or in one listing, and returns it.
func (w *small) unread() netstate.Scope {
	at := w.vpcs[w.IntN(len(w.vpcs))].Scope
	err := &netstate.Error{Op: "list", Scope: at, Kind: netstate.Denied}
	for _, l := range []netstate.Listing{netstate.ListConnections, netstate.ListVPCs, netstate.ListTables, netstate.ListGroups, netstate.ListRules, netstate.ListDNS} {
		w.o.Fail(at, l, err)
	}
	return at
}

// apply does all that is ready and lets EC2 go on by itself: requests become visible, accepted connections active. It returns what was done.
func (w *small) apply(round int, opt plan.Options) []plan.Action {
	var done []plan.Action
	for i, a := range plan.Make(w.set, w.o, opt).Actions {
		if a.Ready() {
			plan.Effect(w.o, a, fmt.Sprintf("pcx-%d-%d", round, i))
			done = append(done, a)
		}
	}
	for id, c := range w.o.Connections {
		if w.foreign[string(id)] {
			continue
		}
		c.Views[1].Seen = true
		switch c.Status {
		case netstate.Initiating:
			c.Status = netstate.Pending
		case netstate.Provisioning:
			c.Status = netstate.Active
		}
		w.o.Connections[id] = c
	}
	return done
}

// An applied plan leaves nothing to do, and nothing of a stranger was in it.
func TestPlansConverge(t *testing.T) {
	t.Parallel()
	for seed := range uint64(80) {
		w := newSmall(t, seed)
		opt := plan.Options{Prune: seed%2 == 0}
		done := 1
		for round := 0; done > 0; round++ {
			if round > 8 {
				t.Fatalf("seed %d does not converge:\n%s", seed, dump(plan.Make(w.set, w.o, opt)))
			}
			actions := w.apply(round, opt)
			w.nothingForeign(t, seed, actions)
			done = len(actions)
		}
		for _, a := range plan.Make(w.set, w.o, opt).Actions {
			t.Errorf("seed %d: waits for ever: %s", seed, a)
		}
	}
}

// nothingForeign checks every id that an action would touch.
func (w *small) nothingForeign(t *testing.T, seed uint64, actions []plan.Action) {
	t.Helper()
	for _, a := range actions {
		id := ""
		switch a := a.(type) {
		case plan.AcceptConnection:
			id = string(a.Conn)
		case plan.TagConnection:
			id = string(a.Conn)
		case plan.SetOptions:
			id = string(a.Conn)
		case plan.CloseConnection:
			id = string(a.Conn)
		case plan.ChangeRule:
			id = string(a.ID)
		case plan.DescribeRule:
			id = string(a.ID)
		case plan.TagRule:
			id = string(a.ID)
		case plan.RevokeRule:
			id = string(a.ID)
		case plan.RemoveRoute:
			id = a.Was.ID
		case plan.AddRoute:
			id = string(a.Conn)
		}
		if w.foreign[id] {
			t.Errorf("seed %d: %s touches what is not ours", seed, a)
		}
	}
}

// What could not be read is in no action, neither before nor after the rest was applied.
func TestNothingUnreadIsTouched(t *testing.T) {
	t.Parallel()
	for seed := range uint64(80) {
		w := newSmall(t, seed)
		for round := range w.IntN(4) {
			w.apply(round, plan.Options{})
		}
		dark := w.unread()
		p := plan.Make(w.set, w.o, plan.Options{Prune: true})
		for _, a := range p.Actions {
			if a.Scope() == dark {
				t.Errorf("seed %d: %s is in %s, which was not read", seed, a, dark)
			}
		}
		complained := slices.ContainsFunc(p.Problems, func(x plan.Problem) bool { return x.Code == plan.CodeUnread })
		if len(p.Unread) > 1 || !complained && len(p.Unread) == 0 {
			t.Errorf("seed %d: %s is not complained of once: %v", seed, dark, p.Unread)
		}
	}
}

// The order in which peerings are listed, and in which maps are ranged over, changes nothing.
func TestOrderNeverMatters(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		w := newSmall(t, seed)
		w.apply(0, plan.Options{})
		want := dump(plan.Make(w.set, w.o, plan.Options{Prune: true}))
		for range 3 {
			w.Shuffle(len(w.set.Peerings), func(i, j int) {
				w.set.Peerings[i], w.set.Peerings[j] = w.set.Peerings[j], w.set.Peerings[i]
			})
			if d := cmp.Diff(want, dump(plan.Make(w.set, w.o.Clone(), plan.Options{Prune: true}))); d != "" {
				t.Fatalf("seed %d: -before +after shuffling:\n%s", seed, d)
			}
		}
	}
}

// FuzzPlansConverge is TestPlansConverge for any seed.
func FuzzPlansConverge(f *testing.F) {
	for _, seed := range []uint64{0, 1, 1 << 40} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := newSmall(t, seed)
		for round := range 9 {
			if len(w.apply(round, plan.Options{Prune: true})) == 0 {
				return
			}
		}
		t.Fatalf("does not converge:\n%s", dump(plan.Make(w.set, w.o, plan.Options{Prune: true})))
	})
}
