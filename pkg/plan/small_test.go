package plan_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// choices are bytes that decide, one for each choice; when they are used up, the first is taken always.
type choices struct{ left []byte }

// bySeed are enough choices for anything.
func bySeed(seed uint64) []byte {
	r, out := rand.New(rand.NewPCG(seed, 0)), make([]byte, 400)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

// IntN is the next choice out of n.
func (c *choices) IntN(n int) int {
	if len(c.left) == 0 {
		return 0
	}
	b := c.left[0]
	c.left = c.left[1:]
	return int(b) % n
}

func (c *choices) pick(of ...string) string { return of[c.IntN(len(of))] }

// small is a spec over a few VPCs, and a world that has them together with things of strangers.
type small struct {
	*choices
	t       testing.TB
	set     *spec.Set
	vpcText []string
	entries []*entry
	o       *netstate.Observed
	vpcs    []netstate.VPC
	foreign map[string]bool // ids of connections and rules that are not ours
	made    int
}

// entry is one peering of the spec: its label, and what stands behind it.
type entry struct{ label, text string }

const partner = netstate.AccountID("999999999999")

func newSmall(t testing.TB, bytes []byte) *small {
	t.Helper()
	w := &small{choices: &choices{bytes}, t: t, o: netstate.NewObserved(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)), foreign: map[string]bool{}}
	n := 2 + w.IntN(4)
	for i := range n {
		w.vpc(i)
	}
	for i := range n {
		for j := range i {
			if w.IntN(5) < 4 {
				w.entries = append(w.entries, &entry{fmt.Sprintf("p%d-%d", i, j), fmt.Sprintf("requester: {vpc: v%d%s}, accepter: {vpc: v%d%s}%s", i, w.side(), j, w.side(),
					w.pick("", ", adopt: true", ", tags: {team: net}", ", suspend: {reason: INC-42}"))})
			}
		}
	}
	w.partner()
	for range w.IntN(6) {
		w.stranger()
	}
	w.load()
	return w
}

// load loads the spec as the entries are now.
func (w *small) load() {
	w.t.Helper()
	var y strings.Builder
	y.WriteString("apiVersion: peerd/v1\nowner: acme\naccounts:\n  a: {id: \"111111111111\", role: peerd}\n  b: {id: \"222222222222\", role: peerd}\n  c: {id: \"999999999999\", managed: false}\nvpcs:\n")
	y.WriteString(strings.Join(w.vpcText, ""))
	if len(w.entries) > 0 {
		y.WriteString("peerings:\n")
	}
	for _, e := range w.entries {
		fmt.Fprintf(&y, "  - {name: %s, %s}\n", e.label, e.text)
	}
	s, err := spec.Load(map1("spec.yaml", y.String()), "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.set = s
}

func (w *small) vpc(i int) {
	v := netstate.VPC{Scope: netstate.Scope{Account: netstate.AccountID(w.pick("111111111111", "222222222222")), Region: netstate.Region(w.pick("eu-west-1", "us-east-1"))}, ID: netstate.VPCID(fmt.Sprintf("vpc-%017x", i+1))}
	w.vpcs = append(w.vpcs, v)
	w.vpcText = append(w.vpcText, fmt.Sprintf("  v%d: {account: %s, region: %s, id: %s}\n", i, map[netstate.AccountID]string{"111111111111": "a", "222222222222": "b"}[v.Account], v.Region, v.ID))
	f := netstate.Facts{DNSSupport: netstate.Yes, DNSHostnames: netstate.TriOf(w.IntN(6) < 5)}
	cidrs := []string{fmt.Sprintf("10.%d.0.0/16", i)}
	switch w.IntN(6) {
	case 1:
		cidrs = append(cidrs, fmt.Sprintf("100.64.%d.0/24", i))
	case 2:
		cidrs = append(cidrs, fmt.Sprintf("2001:db8:%d::/56", i))
	case 3:
		if i > 0 {
			cidrs = []string{fmt.Sprintf("10.%d.128.0/17", i-1)} // inside the one before
		}
	}
	for _, c := range cidrs {
		f.CIDRs = append(f.CIDRs, netip.MustParsePrefix(c))
	}
	w.o.VPCs[v] = f
	for t := range 1 + w.IntN(2) {
		w.o.Tables[netstate.TableKey{Scope: v.Scope, ID: netstate.TableID(fmt.Sprintf("rtb-%016x%d", i+1, t))}] = netstate.Table{VPC: v.ID, Main: t == 0}
	}
	w.o.Groups[netstate.GroupKey{Scope: v.Scope, ID: netstate.GroupID(fmt.Sprintf("sg-%017x", i+1))}] = netstate.Group{VPC: v.ID, Owner: v.Account, Name: "app"}
}

func (w *small) side() string {
	return w.pick("", ", dns: true", ", dns: false", ", routes: {tables: main}", ", routes: {tables: none}", ", routes: {onConflict: replace}") +
		w.pick("", "", ", rules: [{group: app, protocol: tcp, ports: [22, 443], peer: [{cidr: 10.0.0.0/8, wider: true}]}]", ", rules: [{group: app, protocol: icmp}]")
}

// partner adds a peering with an account that is not ours: they accept what we ask for, or ask themselves.
func (w *small) partner() {
	how := w.IntN(4)
	if how < 2 {
		return
	}
	theirs := netstate.VPC{Scope: netstate.Scope{Account: partner, Region: "eu-west-1"}, ID: "vpc-0000000000000000e"}
	w.vpcText = append(w.vpcText, fmt.Sprintf("  partner: {account: c, region: eu-west-1, id: %s, cidrs: [10.99.0.0/16]}\n", theirs.ID))
	if how == 2 {
		w.entries = append(w.entries, &entry{"partner", fmt.Sprintf("requester: {vpc: v0%s}, accepter: {vpc: partner}", w.side())})
		return
	}
	w.entries = append(w.entries, &entry{"partner", fmt.Sprintf("requester: {vpc: partner}, accepter: {vpc: v0%s}", w.side())})
	c := netstate.Connection{ID: "pcx-partner", Requester: theirs, Accepter: w.vpcs[0], Status: netstate.Pending, Shows: [2][]netip.Prefix{{netip.MustParsePrefix("10.99.0.0/16")}}}
	c.Views[netstate.AccepterSide].Seen = true
	w.o.Connections[c.ID] = c
}

// stranger adds something that is not ours: a connection, a route to one, to a gateway or to nowhere, or a rule.
func (w *small) stranger() {
	i, j := w.IntN(len(w.vpcs)), w.IntN(len(w.vpcs))
	a, b := w.vpcs[i], w.vpcs[j]
	if i == j {
		b = netstate.VPC{Scope: netstate.Scope{Account: "555555555555", Region: "eu-west-1"}, ID: "vpc-0000000000000000f"}
	}
	id := fmt.Sprintf("x%d", len(w.foreign))
	w.foreign["pcx-"+id], w.foreign["sgr-"+id], w.foreign["tgw-"+id] = true, true, true
	tags := netstate.Tags{netstate.TagOwner: w.pick("other", "none", ""), netstate.TagLink: fmt.Sprintf("p%d-%d", max(i, j), min(i, j))}
	to := netstate.Target{Kind: netstate.TargetPeering, ID: "pcx-" + id}
	switch w.IntN(4) {
	case 0:
		c := netstate.Connection{ID: netstate.ConnID("pcx-" + id), Requester: a, Accepter: b, Status: netstate.Status(w.pick("active", "pending-acceptance", "provisioning", "failed"))}
		c.Views[0], c.Views[1] = netstate.View{Seen: true, Tags: tags}, netstate.View{Seen: i != j, Tags: netstate.Tags{}}
		if a.Scope == b.Scope {
			c.Views[1] = c.Views[0]
		}
		w.o.Connections[c.ID] = c
		w.way(i, to)
	case 1:
		w.way(i, netstate.Target{Kind: netstate.TargetOther, ID: "tgw-" + id})
	case 2:
		w.way(i, to)
	default:
		k := netstate.RuleKey{Scope: a.Scope, Group: netstate.GroupID(fmt.Sprintf("sg-%017x", i+1)), Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: 22, To: 22}, Peer: netstate.Peer{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}
		w.o.Rules[k] = netstate.Rule{ID: netstate.RuleID("sgr-" + id), Description: "theirs", Tags: tags}
	}
}

// way adds a route of a VPC's main table to where some VPC is.
func (w *small) way(from int, to netstate.Target) {
	k := netstate.RouteKey{Scope: w.vpcs[from].Scope, Table: netstate.TableID(fmt.Sprintf("rtb-%016x0", from+1)), Dest: netstate.Dest{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(w.IntN(len(w.vpcs))), 0, 0}), 16)}}
	w.o.Routes[k] = netstate.Route{Target: to, Origin: netstate.OriginCreateRoute, State: netstate.RouteState(w.pick("active", "blackhole"))}
}

// apply does all that is ready and lets EC2 and the partner go on by themselves: requests become visible, the partner accepts, accepted
// connections become active, deleted ones vanish. It reports whether anything has changed.
func (w *small) apply(opt plan.Options) (moved bool) {
	w.t.Helper()
	before := w.o.Clone()
	var done []plan.Action
	for _, a := range plan.Make(w.set, w.o, opt).Actions {
		if a.Ready() {
			w.made++
			plan.Effect(w.o, a, fmt.Sprintf("pcx-%d", w.made))
			done = append(done, a)
		}
	}
	w.nothingForeign(before, done)
	for id, c := range w.o.Connections {
		if w.foreign[string(id)] {
			continue
		}
		if c.Views[1].Seen = c.Accepter.Account != partner; !c.Views[1].Seen {
			c.Views[1].Tags = nil
		}
		was := c.Status
		switch {
		case c.Status == netstate.Initiating:
			c.Status = netstate.Pending
		case c.Status == netstate.Provisioning, c.Status == netstate.Pending && c.Accepter.Account == partner:
			c.Status = netstate.Active
			c.Views[0].DNS, c.Views[1].DNS = netstate.No, netstate.No
		}
		w.o.Connections[id] = c
		if moved = moved || c.Status != was; c.Status == netstate.Deleting {
			delete(w.o.Connections, id)
		}
	}
	return moved || len(done) > 0
}

// commit changes the spec: some peerings leave it, some get another label or other sides.
func (w *small) commit() {
	w.entries = slices.DeleteFunc(w.entries, func(*entry) bool { return w.IntN(4) == 0 })
	for _, e := range w.entries {
		switch w.IntN(5) {
		case 1:
			e.label += "x"
		case 2:
			e.text = strings.Replace(e.text, "tables: main", "tables: none", 1)
		case 3:
			e.text = strings.Replace(e.text, "[22, 443]", "[443]", 1)
		}
	}
	w.load()
}

// unread makes one listing of one account and region unreadable, or all, and returns which: those of groups and of VPCs take others with
// them, as the real look does.
func (w *small) unread() (netstate.Scope, []netstate.Listing) {
	at := w.vpcs[w.IntN(len(w.vpcs))].Scope
	all := []netstate.Listing{netstate.ListConnections, netstate.ListVPCs, netstate.ListTables, netstate.ListGroups, netstate.ListRules, netstate.ListDNS}
	lost := all
	if one := w.IntN(len(all) + 1); one < len(all) {
		lost = all[one : one+1]
		if lost[0] == netstate.ListGroups {
			lost = all[one : one+2]
		}
	}
	err := &netstate.Error{Op: "list", Scope: at, Kind: netstate.Denied}
	for _, l := range lost {
		w.o.Fail(at, l, err)
		w.lose(at, l)
	}
	return at, lost
}

// lose takes out of the look what a listing of a scope would have shown.
func (w *small) lose(at netstate.Scope, l netstate.Listing) {
	switch l {
	case netstate.ListConnections:
		for id, c := range w.o.Connections {
			for s := range c.Views {
				if c.VPC(netstate.Side(s)).Scope == at {
					c.Views[s] = netstate.View{}
				}
			}
			if w.o.Connections[id] = c; !c.Views[0].Seen && !c.Views[1].Seen {
				delete(w.o.Connections, id)
			}
		}
	case netstate.ListVPCs:
		maps.DeleteFunc(w.o.VPCs, func(k netstate.VPC, _ netstate.Facts) bool { return k.Scope == at })
	case netstate.ListTables:
		maps.DeleteFunc(w.o.Tables, func(k netstate.TableKey, _ netstate.Table) bool { return k.Scope == at })
		maps.DeleteFunc(w.o.Routes, func(k netstate.RouteKey, _ netstate.Route) bool { return k.Scope == at })
	case netstate.ListGroups:
		maps.DeleteFunc(w.o.Groups, func(k netstate.GroupKey, _ netstate.Group) bool { return k.Scope == at })
	case netstate.ListRules:
		maps.DeleteFunc(w.o.Rules, func(k netstate.RuleKey, _ netstate.Rule) bool { return k.Scope == at })
	case netstate.ListDNS:
		for v, f := range w.o.VPCs {
			if v.Scope == at {
				f.DNSSupport, f.DNSHostnames = netstate.Unknown, netstate.Unknown
				w.o.VPCs[v] = f
			}
		}
	}
}

// opens reports whether a peering of the spec has rules in a scope.
func (w *small) opens(at netstate.Scope) bool {
	for _, p := range w.set.Peerings {
		for _, s := range p.Sides {
			if s.VPC.Scope() == at && len(s.Rules) > 0 {
				return true
			}
		}
	}
	return false
}
