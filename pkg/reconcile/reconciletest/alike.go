package reconciletest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// Alike does the same random things to two targets with World, and fails the test where one of them refuses what the other does not, or for
// another reason, or where a look shows anything else. Passing states must be over at the first look. It finds what no test of Conform asks.
func Alike(t *testing.T, seed uint64, one, other Subject) {
	t.Helper()
	p := &pair{Rand: rand.New(rand.NewPCG(seed, 0)), t: t, targets: [2]Subject{one, other}, conns: [][2]string{{string(no), string(no)}}, rules: [][2]string{{missing, missing}, {string(office), string(office)}}}
	p.look()
	for range 80 {
		p.step()
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, p.story)
		}
	}
}

const missing = "sgr-0000000000000a0ff"

// pair is two targets to which the same is done; ids that they make are known by their place.
type pair struct {
	*rand.Rand
	t       *testing.T
	targets [2]Subject
	conns   [][2]string
	rules   [][2]string
	shown   *netstate.Observed // what both show, with the ids of the first
	story   string
}

// step does one thing to both, and looks at both.
func (p *pair) step() {
	if p.IntN(12) == 0 {
		d := []time.Duration{time.Hour, 2 * time.Hour, 25 * time.Hour, waits}[p.IntN(4)]
		p.story += fmt.Sprintln("wait", d)
		time.Sleep(d)
		p.look()
		return
	}
	choices := p.choices()
	make, n := choices[p.IntN(len(choices))], 1
	var batches [2]plan.Batch
	if p.IntN(4) == 0 {
		n = 3
	}
	for range n {
		both := make()
		for i := range batches {
			batches[i] = append(batches[i], both[i])
		}
	}
	if len(plan.Batches(batches[0])) > 1 { // not for one call
		batches[0], batches[1] = batches[0][:1], batches[1][:1]
	}
	p.apply(batches)
	p.look()
}

func (p *pair) apply(batches [2]plan.Batch) {
	var kinds [2][]netstate.Kind
	var got [2][]string
	for i, target := range p.targets {
		for _, o := range target.Apply(context.Background(), batches[i], nil) {
			k := netstate.Kind("")
			if o.Err != nil {
				k = o.Err.Kind
			}
			kinds[i], got[i] = append(kinds[i], k), append(got[i], o.Got)
		}
	}
	p.story += fmt.Sprintln(batches[0][0].Scope(), batches[0], kinds[0])
	if d := cmp.Diff(kinds[0], kinds[1]); d != "" {
		p.t.Errorf("%s %v: kinds of failure (-one +other):\n%s", batches[0].Scope(), batches[0], d)
		return
	}
	for i, a := range batches[0] {
		ids := [2]string{got[0][i], got[1][i]}
		switch a.(type) {
		case plan.OpenConnection:
			p.conns = learn(p.conns, ids)
		case plan.AllowRule:
			p.rules = learn(p.rules, ids)
		}
	}
}

func learn(known [][2]string, ids [2]string) [][2]string {
	if ids[0] == "" || slices.Contains(known, ids) {
		return known
	}
	return append(known, ids)
}

// look compares what both show.
func (p *pair) look() {
	var seen [2]*netstate.Observed
	for i, target := range p.targets {
		o, err := target.Observe(context.Background(), Everything(World()))
		if err != nil {
			p.t.Fatal(err)
		}
		seen[i] = o
	}
	p.shown = seen[0]
	if d := Differ(seen[0], p.renamed(seen[1])); d != "" {
		p.t.Errorf("the look (-one +other):\n%s", d)
	}
}

// renamed is the second target's look with the first one's ids.
func (p *pair) renamed(o *netstate.Observed) *netstate.Observed {
	out := o.Clone()
	clear(out.Connections)
	for id, c := range o.Connections {
		c.ID = netstate.ConnID(name(p.conns, string(id)))
		out.Connections[c.ID] = c
	}
	for k, r := range o.Routes {
		if r.Target.Kind == netstate.TargetPeering {
			r.Target.ID = name(p.conns, r.Target.ID)
			out.Routes[k] = r
		}
	}
	for k, r := range o.Rules {
		r.ID = netstate.RuleID(name(p.rules, string(r.ID)))
		out.Rules[k] = r
	}
	return out
}

func name(known [][2]string, id string) string {
	for _, ids := range known {
		if ids[1] == id {
			return ids[0]
		}
	}
	return id
}

// choices are the things that can be done; each returns an action for either target, more often right than wrong.
func (p *pair) choices() []func() [2]plan.Action {
	same := func(a plan.Action) [2]plan.Action { return [2]plan.Action{a, a} }
	conn := func(f func(netstate.ConnID) plan.Action, ids [2]string) [2]plan.Action {
		return [2]plan.Action{f(netstate.ConnID(ids[0])), f(netstate.ConnID(ids[1]))}
	}
	rule := func(f func(netstate.RuleID, netstate.RuleKey) plan.Action) [2]plan.Action {
		ids, k := p.ruleThere()
		return [2]plan.Action{f(netstate.RuleID(ids[0]), k), f(netstate.RuleID(ids[1]), k)}
	}
	open := func() [2]plan.Action {
		return same(opening(pick(p, vpcs), pick(p, vpcs), pick(p, []netstate.Tags{ours, ours, theirs})))
	}
	accept := func() [2]plan.Action {
		ids, c, _ := p.conn()
		at := p.scope(c.Accepter.Scope)
		return conn(func(id netstate.ConnID) plan.Action { return accepting(at, id) }, ids)
	}
	add := func() [2]plan.Action {
		ids, c, side := p.conn()
		k := p.route(c.VPC(side))
		return conn(func(id netstate.ConnID) plan.Action { return adding(k, id) }, ids)
	}
	allow := func() [2]plan.Action { return same(allowing(p.rule(), pick(p, []string{"", "by peerd"}))) }
	return []func() [2]plan.Action{open, open, accept, accept, add, add, allow, allow,
		func() [2]plan.Action {
			ids, c, side := p.conn()
			at, tags := p.scope(c.VPC(side).Scope), pick(p, []netstate.Tags{ours, {"team": "net"}})
			return conn(func(id netstate.ConnID) plan.Action { return tagging(at, id, side, tags) }, ids)
		},
		func() [2]plan.Action {
			ids, c, side := p.conn()
			v, on := c.VPC(side), p.IntN(3) > 0
			if p.IntN(5) == 0 {
				v = pick(p, vpcs)
			}
			return conn(func(id netstate.ConnID) plan.Action { return resolving(v, id, side, on) }, ids)
		},
		func() [2]plan.Action {
			ids, c, side := p.conn()
			at := p.scope(c.VPC(side).Scope)
			return conn(func(id netstate.ConnID) plan.Action { return closing(at, id) }, ids)
		},
		func() [2]plan.Action {
			ids, c, side := p.conn()
			k, was := p.routeThere(c.VPC(side))
			return [2]plan.Action{replacing(k, p.target(was, 0), netstate.ConnID(ids[0])), replacing(k, p.target(was, 1), netstate.ConnID(ids[1]))}
		},
		func() [2]plan.Action {
			k, was := p.routeThere(hub)
			return [2]plan.Action{removing(k, p.target(was, 0)), removing(k, p.target(was, 1))}
		},
		func() [2]plan.Action {
			return rule(func(id netstate.RuleID, k netstate.RuleKey) plan.Action {
				to := k
				to.Ports = netstate.PortRange{From: 8000, To: int32(8000 + len(p.rules)%3)}
				return changing(id, k, to, "changed")
			})
		},
		func() [2]plan.Action {
			to := p.rule()
			return rule(func(id netstate.RuleID, k netstate.RuleKey) plan.Action { return changing(id, k, to, "changed") })
		},
		func() [2]plan.Action {
			return rule(func(id netstate.RuleID, k netstate.RuleKey) plan.Action { return describing(id, k, "described") })
		},
		func() [2]plan.Action {
			return rule(func(id netstate.RuleID, k netstate.RuleKey) plan.Action {
				return taggingRule(id, k, netstate.Tags{"team": "net"})
			})
		},
		func() [2]plan.Action {
			return rule(func(id netstate.RuleID, k netstate.RuleKey) plan.Action { return revoking(id, k) })
		},
	}
}

var vpcs = []netstate.VPC{hub, hub, spare, mute, near, near, inside, far, nowhere}

// conn is one of the connections made last, or sometimes any, with one of its sides.
func (p *pair) conn() (ids [2]string, c netstate.Connection, s netstate.Side) {
	ids = pick(p, p.conns[max(0, len(p.conns)-3):])
	if p.IntN(6) == 0 {
		ids = pick(p, p.conns)
	}
	return ids, p.shown.Connections[netstate.ConnID(ids[0])], netstate.Side(p.IntN(2))
}

// scope is the one that is right, or sometimes any.
func (p *pair) scope(right netstate.Scope) netstate.Scope {
	if right.Account == "" || p.IntN(5) == 0 {
		return pick(p, []netstate.Scope{west, bobWest, bobEast})
	}
	return right
}

func pick[T any](p *pair, of []T) T { return of[p.IntN(len(of))] }

// route is one in a table of the VPC, or sometimes of any.
func (p *pair) route(v netstate.VPC) netstate.RouteKey {
	table := map[netstate.VPC]netstate.TableID{hub: mainRT, spare: spareRT, near: nearRT, far: farRT}[v]
	if table == "" || p.IntN(4) == 0 {
		table = pick(p, []netstate.TableID{mainRT, privRT, edgeRT, spareRT, nearRT, farRT, "rtb-0000000000000a00f"})
	}
	return to(table, pick(p, []string{"10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16", "10.5.0.0/16", "10.9.0.0/16", "172.16.0.0/12", "2001:db8:2::/56", string(offices), "169.254.168.0/24"}))
}

// routeThere is a route that both show, or sometimes any, and what it leads to.
func (p *pair) routeThere(v netstate.VPC) (netstate.RouteKey, netstate.Target) {
	var keys []netstate.RouteKey
	for _, k := range slices.SortedFunc(maps.Keys(p.shown.Routes), netstate.RouteKey.Compare) {
		if p.shown.Routes[k].Origin == netstate.OriginCreateRoute {
			keys = append(keys, k)
		}
	}
	if p.IntN(4) > 0 && len(keys) > 0 {
		k := pick(p, keys)
		return k, p.shown.Routes[k].Target
	}
	return p.route(v), transit
}

// target is a target as the first or the second knows it.
func (p *pair) target(t netstate.Target, which int) netstate.Target {
	for _, ids := range p.conns {
		if ids[0] == t.ID {
			t.ID = ids[which]
			break
		}
	}
	return t
}

// ruleThere is a rule that both show, or sometimes one that is not there, or that is otherwise.
func (p *pair) ruleThere() (ids [2]string, k netstate.RuleKey) {
	ids, k = pick(p, p.rules), p.rule()
	for at, r := range p.shown.Rules {
		if string(r.ID) == ids[0] {
			k = at
		}
	}
	if p.IntN(5) == 0 {
		k = outward(k)
	}
	return ids, k
}

func (p *pair) rule() netstate.RuleKey {
	k := tcp([]int32{22, 80, 443}[p.IntN(3)], pick(p, []netstate.Peer{from("10.1.0.0/16"), from("192.0.2.0/24"), from("2001:db8:9::/64"), {List: offices}, {Group: app}, {Group: web}, {Group: db}}))
	if p.IntN(4) == 0 {
		k = outward(k)
	}
	k.Group = pick(p, []netstate.GroupID{app, app, app, db, "sg-0000000000000a00f"})
	return k
}
