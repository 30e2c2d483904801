package preflight

import (
	"maps"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// routes counts each table's routes by family: all that are not propagated, the local ones too (Amazon VPC quotas, "Route tables").
func (c *checker) routes() {
	type key struct {
		netstate.TableKey
		v6 family
	}
	of := func(k netstate.RouteKey) (key, int) {
		weight, v6 := c.weight(k.Scope, k.Dest.Prefix, k.Dest.List)
		return key{netstate.TableKey{Scope: k.Scope, ID: k.Table}, v6}, weight
	}
	have := map[key]int{}
	for k := range c.o.Routes {
		if !k.Propagated {
			t, n := of(k)
			have[t] += n
		}
	}
	for _, a := range c.plan.Actions {
		add, ok := a.(plan.AddRoute)
		if !ok {
			continue
		}
		t, n := of(add.Key)
		l := c.limit(t.Account, func(q spec.Quotas) int { return q.RoutesPerTable }, routesPerTable)
		if have[t]+n > l.n {
			c.over(l, a, []plan.Action{a}, plan.BlocksItem, CodeRoutes, "%s has %d %s routes and may have %d; %s needs %d more: raise the quota, or route fewer and wider ranges",
				t.ID, have[t], t.v6, l.n, add.Key.Dest, n)
		}
		if have[t]+n <= l.n || !l.stated {
			have[t] += n
		}
	}
}

// traffic warns of routes that lose traffic to longer prefixes in their table, whether they are there already or planned, and of planned
// ones that take it from wider routes. Longest prefix wins (VPC User Guide, "Route priority"). A default route is what everybody takes
// from, and is not worth a word.
func (c *checker) traffic() {
	tables := map[netstate.TableKey][]netstate.RouteKey{}
	for _, k := range slices.SortedFunc(maps.Keys(c.o.Routes), netstate.RouteKey.Compare) {
		t := netstate.TableKey{Scope: k.Scope, ID: k.Table}
		tables[t] = append(tables[t], k)
	}
	of := func(k netstate.RouteKey) []netstate.RouteKey {
		return tables[netstate.TableKey{Scope: k.Scope, ID: k.Table}]
	}
	for _, l := range c.want.Links {
		for i := range l.Ends {
			for _, k := range slices.SortedFunc(maps.Keys(l.Ends[i].Routes), netstate.RouteKey.Compare) {
				c.shadowed(l, k, of(k))
			}
		}
	}
	for _, a := range c.plan.Actions {
		if add, ok := a.(plan.AddRoute); ok {
			c.takes(add, of(add.Key))
		}
	}
}

// shadowed warns of longer prefixes with another target inside a wanted destination; those that the same peering wants, or that go through
// its connection anyway, are no loss.
func (c *checker) shadowed(l *plan.DesiredLink, k netstate.RouteKey, beside []netstate.RouteKey) {
	for _, b := range beside {
		r := c.o.Routes[b]
		_, wanted := l.Ends[0].Routes[b]
		_, wantedToo := l.Ends[1].Routes[b]
		if b.Dest.List != "" || k.Dest.List != "" || b.Dest == k.Dest || wanted || wantedToo || r.Target.Kind == netstate.TargetLocal || r.Target == netstate.ToPeering(c.conns[l.Name]) {
			continue
		}
		if netstate.Inside(b.Dest.Prefix, k.Dest.Prefix) {
			c.warn(l.Name, CodeShadowed, "%s in %s points at %s and is longer than %s: what it covers does not go through the peering", b.Dest, b.Table, r.Target, k.Dest)
		}
	}
}

func (c *checker) takes(a plan.AddRoute, beside []netstate.RouteKey) {
	for _, b := range beside {
		r := c.o.Routes[b]
		if b.Dest.List != "" || a.Key.Dest.List != "" || b.Dest == a.Key.Dest || r.Target.Kind == netstate.TargetLocal || r.Target == netstate.ToPeering(a.Conn) {
			continue
		}
		if netstate.Inside(a.Key.Dest.Prefix, b.Dest.Prefix) && b.Dest.Prefix.Bits() > 0 {
			c.warn(a.Link(), CodeTakes, "takes %s from %s %s in %s", a.Key.Dest, r.Target, b.Dest, b.Table)
		}
	}
}
