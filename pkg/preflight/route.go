package preflight

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

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

// prefixes are what a destination covers: a prefix list its entries, as far as they are known.
func (c *checker) prefixes(k netstate.RouteKey) []netip.Prefix {
	if k.Dest.List == "" {
		return []netip.Prefix{k.Dest.Prefix}
	}
	return c.o.PrefixLists[netstate.PrefixListKey{Scope: k.Scope, ID: k.Dest.List}].Entries
}

// beats reports whether a route gets traffic of another that covers the prefix p, with its own prefix q: the longer one does; of two that are
// equal a prefix beats a prefix list, and a static route a propagated one (VPC User Guide, "Route priority").
func beats(winner netstate.RouteKey, q netip.Prefix, loser netstate.RouteKey, p netip.Prefix) bool {
	return netstate.Inside(q, p) && (q != p || winner.Dest.List == "" && loser.Dest.List != "" || loser.Propagated)
}

// firstBeaten returns the first pair of prefixes in which one route beats another.
func (c *checker) firstBeaten(winner, loser netstate.RouteKey) (q, p netip.Prefix, found bool) {
	for _, q := range c.prefixes(winner) {
		for _, p := range c.prefixes(loser) {
			if beats(winner, q, loser, p) {
				return q, p, true
			}
		}
	}
	return q, p, false
}

// shadowed warns of routes with another target that get traffic of a wanted destination; those that the same peering wants, or that go
// through its connection anyway, are no loss.
func (c *checker) shadowed(l *plan.DesiredLink, k netstate.RouteKey, beside []netstate.RouteKey) {
	for _, b := range beside {
		q, p, found := c.firstBeaten(b, k)
		if !found {
			continue
		}
		to := c.o.Routes[b].Target
		_, wanted := l.Ends[0].Routes[b]
		_, wantedToo := l.Ends[1].Routes[b]
		if !wanted && !wantedToo && to.Kind != netstate.TargetLocal && to != netstate.ToPeering(c.conns[l.Name]) {
			c.warn(l.Name, CodeShadowed, "%s in %s points at %s and comes before %s: what it covers does not go through the peering; remove it if that is not meant",
				within(q, b.Dest), b.Table, to, within(p, k.Dest))
		}
	}
}

// takes warns of routes with another target that a new one gets traffic of.
func (c *checker) takes(a plan.AddRoute, beside []netstate.RouteKey) {
	for _, b := range beside {
		q, p, found := c.firstBeaten(a.Key, b)
		if to := c.o.Routes[b].Target; found && p.Bits() > 0 && to.Kind != netstate.TargetLocal && to != netstate.ToPeering(a.Conn) {
			c.warn(a.Link(), CodeTakes, "takes %s from %s %s in %s: list narrower destinations under routes.to if that is not meant", within(q, a.Key.Dest), to, within(p, b.Dest), b.Table)
		}
	}
}

// within names a prefix, and the prefix list that it is of.
func within(p netip.Prefix, d netstate.Dest) string {
	if d.List == "" {
		return p.String()
	}
	return p.String() + " of " + string(d.List)
}
