package soak

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
	"github.com/peerd/peerd/pkg/simtest"
)

// The same on the in-memory target, which passes the same tests as the real one over the simulator: cheaper by far, so many more seeds.
func TestMemorySoak(t *testing.T) {
	t.Parallel()
	live(t, "PEERD_MEMORY_SEEDS", 300, newMemory, &tally{kinds: mischiefs})
}

func TestMemoryReplay(t *testing.T) {
	t.Parallel()
	replay(t, 50, newMemory)
}

// memory is the in-memory target, and the way to it of a process that may die.
type memory struct {
	*reconciletest.Target
	gate   *simtest.Gate
	after  func(call)
	faults []*mischief
	spoilt time.Time // when they came
	log    []seen
	dies   *death
	dead   bool
	cancel context.CancelFunc // of the process
}

func newMemory(t *testing.T, seed uint64, e *estate) aws {
	m := &memory{Target: reconciletest.New(e.observed()), gate: simtest.NewGate(t, nil, seed)}
	m.States = 1 + e.IntN(3)
	m.Refuse = m.refuse
	return m
}

func (m *memory) watch(after func(call)) { m.after = after }

func (m *memory) calls() []seen { return slices.Clone(m.log) }

// pass makes one pass as a process of its own.
func (m *memory) pass(t *testing.T, dies *death, in reconcile.Input) *reconcile.Report {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m.dies, m.dead, m.cancel = dies, false, cancel
	return reconcile.New(reconcile.Config{Target: way{m}, Timeout: timeout, Settle: settle}).Cycle(ctx, in)
}

// way is the way to the target: each call waits for its turn, and what goes wrong goes wrong here.
type way struct{ *memory }

// Observe looks, if the process still lives when its turn comes.
func (w way) Observe(ctx context.Context, l netstate.Look) (*netstate.Observed, error) {
	if err := w.gate.Wait(ctx, lookText(l)); err != nil {
		return nil, err
	}
	if was, now := w.dying(); was || now { // what a look showed to the dead is lost
		return nil, context.Canceled
	}
	w.log = append(w.log, seen{at: time.Now(), action: "Observe", text: lookText(l)})
	return w.Target.Observe(ctx, l)
}

func lookText(l netstate.Look) string {
	var b strings.Builder
	b.WriteString(strconv.FormatBool(l.ConnectionsOnly))
	for _, s := range slices.SortedFunc(maps.Keys(l.Scopes), netstate.Scope.Compare) {
		b.WriteString(" " + s.String())
	}
	return b.String()
}

// Apply makes one call. What becomes of it, the process may not live to learn.
func (w way) Apply(ctx context.Context, b plan.Batch, wanted func() bool) []plan.Outcome {
	c := calledBy(b)
	if err := w.gate.Wait(ctx, c.text); err != nil {
		return lost(b, netstate.Ambiguous)
	}
	was, now := w.dying()
	if was || now && !w.dies.sent {
		return lost(b, netstate.Ambiguous)
	}
	s := seen{at: time.Now(), scope: b.Scope().String(), action: c.action, text: c.text, mutating: true}
	f := w.strikes(b.Scope())
	if f != nil {
		s.fault = f.kind
	}
	if f != nil && f.before {
		s.answer = string(f.answer)
		w.log = append(w.log, s)
		return lost(b, f.answer)
	}
	out := w.Target.Apply(ctx, b, wanted)
	s.applied = slices.ContainsFunc(out, func(o plan.Outcome) bool { return o.Err == nil })
	for _, o := range out {
		if o.Err != nil {
			s.answer += string(o.Err.Kind) + " "
		}
	}
	w.log = append(w.log, s)
	if s.applied {
		w.after(c)
	}
	switch {
	case now:
		return lost(b, netstate.Ambiguous)
	case f != nil && f.late > 0:
		time.Sleep(f.late)
		if err := w.gate.Wait(ctx, c.text); err != nil { // what else this time awoke comes first or later by chance
			return lost(b, netstate.Ambiguous)
		}
	case f != nil:
		return lost(b, f.answer)
	}
	return out
}

// dying reports whether the process was dead before this call, and whether it is now.
func (m *memory) dying() (was, now bool) {
	if was = m.dead; was || m.dies == nil || !m.dies.now() {
		return was, was
	}
	m.dead = true
	m.cancel()
	return false, true
}

// lost is what a client is told of a call that something happened to.
func lost(b plan.Batch, k netstate.Kind) []plan.Outcome {
	out := make([]plan.Outcome, len(b))
	for i, a := range b {
		out[i] = plan.Outcome{Action: a, Err: reconciletest.Fail(a, k, "Injected")}
	}
	return out
}

// calledBy says which call of EC2 a batch is.
func calledBy(b plan.Batch) call {
	c := call{action: callName(b[0])}
	for _, a := range b {
		c.text += a.String() + "; "
	}
	c.text = c.action + " " + b.Scope().String() + " " + c.text
	switch a := b[0].(type) {
	case plan.AcceptConnection:
		c.conn = string(a.Conn)
	case plan.SetOptions:
		c.conn = string(a.Conn)
	case plan.CloseConnection:
		c.conn = string(a.Conn)
	}
	return c
}

func callName(a plan.Action) string {
	switch a.(type) {
	case plan.OpenConnection:
		return "CreateVpcPeeringConnection"
	case plan.AcceptConnection:
		return "AcceptVpcPeeringConnection"
	case plan.SetOptions:
		return "ModifyVpcPeeringConnectionOptions"
	case plan.CloseConnection:
		return "DeleteVpcPeeringConnection"
	case plan.AddRoute:
		return "CreateRoute"
	case plan.ReplaceRoute:
		return "ReplaceRoute"
	case plan.RemoveRoute:
		return "DeleteRoute"
	case plan.AllowRule:
		return "AuthorizeSecurityGroupIngress"
	case plan.ChangeRule:
		return "ModifySecurityGroupRules"
	case plan.DescribeRule:
		return "UpdateSecurityGroupRuleDescriptionsIngress"
	case plan.RevokeRule:
		return "RevokeSecurityGroupIngress"
	}
	return "CreateTags"
}

// state takes the world apart as the dump of the simulator is.
func (m *memory) state() state {
	o := m.World()
	s := state{map[string]string{}, map[string]rule{}, map[string]*conn{}, nil} // nothing else there can change
	for k, r := range o.Routes {
		if r.Origin == netstate.OriginCreateRoute {
			s.routes[k.Scope.String()+" "+string(k.Table)+" "+k.Dest.String()] = r.Target.ID
		}
	}
	for k, r := range o.Rules {
		key := strings.Join([]string{k.Scope.String(), string(k.Group), string(k.Dir), string(k.Proto), strconv.Itoa(int(k.Ports.From)) + "-" + strconv.Itoa(int(k.Ports.To)), k.Peer.String()}, " ")
		s.rules[key] = rule{string(r.ID), r.Description + " " + r.Tags.String(), r.Tags}
	}
	for id, c := range o.Connections {
		x := &conn{id: string(id), requester: c.Requester.String(), accepter: c.Accepter.String(), status: string(c.Status), tags: map[string]map[string]string{}, dns: map[string]string{}}
		for i, v := range c.Views {
			view := netstate.Side(i).String()
			if c.SameScope() {
				view = "shared"
			}
			x.tags[view] = v.Tags
			x.dns[view] += strconv.FormatBool(v.DNS == netstate.Yes)
		}
		s.conns[x.id] = x
	}
	return s
}

func (m *memory) text() string {
	s := m.state()
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(s.routes)) {
		fmt.Fprintf(&b, "route %s -> %s\n", k, s.routes[k])
	}
	for _, k := range slices.Sorted(maps.Keys(s.rules)) {
		fmt.Fprintf(&b, "rule %s %s %s\n", s.rules[k].id, k, s.rules[k].text)
	}
	for _, k := range slices.Sorted(maps.Keys(s.conns)) {
		fmt.Fprintf(&b, "connection %+v\n", *s.conns[k])
	}
	return b.String()
}

// observed is the estate as the in-memory target takes it.
func (e *estate) observed() *netstate.Observed {
	o := netstate.NewObserved(time.Now())
	for i, v := range e.vpcs {
		at := netstate.Scope{Account: netstate.AccountID(v.account), Region: netstate.Region(v.region)}
		f := netstate.Facts{DNSSupport: netstate.Yes, DNSHostnames: netstate.Yes, Tags: netstate.Tags{"Name": v.name}}
		for _, c := range v.cidrs {
			f.CIDRs = append(f.CIDRs, netip.MustParsePrefix(c))
		}
		o.VPCs[v.key()] = f
		for n, id := range v.tables {
			t := netstate.Table{VPC: netstate.VPCID(v.id), Main: n == 0}
			if n > 0 {
				t.Tags = netstate.Tags{"tier": "private"}
			}
			o.Tables[netstate.TableKey{Scope: at, ID: netstate.TableID(id)}] = t
			for d, target := range map[string]string{"0.0.0.0/0": fmt.Sprintf("igw-%017x", i), fmt.Sprintf("172.16.%d.0/24", n): transit} {
				o.Routes[routeKey(at.String()+" "+id+" "+d)] = elsewhere(target)
			}
		}
		k := netstate.GroupKey{Scope: at, ID: netstate.GroupID(v.group)}
		o.Groups[k] = netstate.Group{VPC: netstate.VPCID(v.id), Owner: at.Account, Name: "app"}
		o.Rules[ingress(k, 22, "192.0.2.0/24")] = netstate.Rule{ID: netstate.RuleID(fmt.Sprintf("sgr-%017x", i)), Description: "the office"}
	}
	for i, p := range e.acme {
		c := netstate.Connection{ID: netstate.ConnID(fmt.Sprintf("pcx-%017x", 0xe0+i)), Requester: e.vpcs[p[0]].key(), Accepter: e.vpcs[p[1]].key(), Status: netstate.Active}
		c.Views = [2]netstate.View{{Seen: true, Tags: netstate.Tags{"Name": "by-hand"}}, {Seen: true}}
		o.Connections[c.ID] = c
	}
	return o
}

func (v vpc) key() netstate.VPC {
	return netstate.VPC{Scope: netstate.Scope{Account: netstate.AccountID(v.account), Region: netstate.Region(v.region)}, ID: netstate.VPCID(v.id)}
}

func scopeOf(text string) netstate.Scope {
	account, region, _ := strings.Cut(text, "/")
	return netstate.Scope{Account: netstate.AccountID(account), Region: netstate.Region(region)}
}

// routeKey reads "scope table destination".
func routeKey(text string) netstate.RouteKey {
	f := strings.Fields(text)
	return netstate.RouteKey{Scope: scopeOf(f[0]), Table: netstate.TableID(f[1]), Dest: netstate.Dest{Prefix: netip.MustParsePrefix(f[2])}}
}

func elsewhere(target string) netstate.Route {
	return netstate.Route{Target: netstate.Target{Kind: netstate.TargetOther, ID: target}, Origin: netstate.OriginCreateRoute, State: "active"}
}

func ingress(g netstate.GroupKey, port int32, cidr string) netstate.RuleKey {
	return netstate.RuleKey{Scope: g.Scope, Group: g.ID, Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: port, To: port},
		Peer: netstate.Peer{Prefix: netip.MustParsePrefix(cidr)}}
}
