package plan

import (
	"cmp"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// Unmanaged counts what of one kind was seen in an account and region and is not ours to manage: it is left alone, whatever the spec says.
type Unmanaged struct {
	Scope    netstate.Scope
	Resource Resource // connection, route or rule
	Count    int
}

// unmanaged counts living connections that no peering of ours has, routes to connections that no peering manages, and rules in the groups of
// the spec that nobody tagged as ours and no peering wants. What a held peering may want is unknown, and is not counted.
func (b *builder) unmanaged() []Unmanaged {
	type place struct {
		at netstate.Scope
		of Resource
	}
	n, had := map[place]int{}, b.had()
	for _, c := range b.o.Connections {
		for side, v := range c.Views {
			second := side == int(netstate.AccepterSide) && c.SameScope()
			if v.Seen && !second && c.Status.Alive() && !had[c.ID] {
				n[place{c.VPC(netstate.Side(side)).Scope, ResourceConnection}]++
			}
		}
	}
	for k, r := range b.o.Routes {
		if r.Target.Kind == netstate.TargetPeering && !b.wanted[k] && !b.managed[k] && !b.mayBeHeld(r) {
			n[place{k.Scope, ResourceRoute}]++
		}
	}
	for k, r := range b.o.Rules {
		if claimRule(b.d.Owner, r, b.d.Rules[k] != nil) == foreign && !b.blindRules[k.Scope] {
			n[place{k.Scope, ResourceRule}]++
		}
	}
	var out []Unmanaged
	for p, count := range n {
		out = append(out, Unmanaged{p.at, p.of, count})
	}
	slices.SortFunc(out, func(x, y Unmanaged) int {
		return cmp.Or(x.Scope.Compare(y.Scope), cmp.Compare(x.Resource, y.Resource))
	})
	return out
}

// had are the connections that are ours: by their tags, or because a peering takes them over.
func (b *builder) had() map[netstate.ConnID]bool {
	out := map[netstate.ConnID]bool{}
	for id, c := range b.o.Connections {
		v, _ := claimConnection(b.d.Owner, c, false)
		out[id] = v == ours
	}
	for _, s := range b.links {
		if s.conn != nil {
			out[s.conn.ID] = true
		}
	}
	return out
}

// mayBeHeld reports whether a route leads to a connection of a peering of which not everything is known.
func (b *builder) mayBeHeld(r netstate.Route) bool {
	s := b.byName[labelOf(b.o.Connections[netstate.ConnID(r.Target.ID)])]
	return s != nil && s.anyHeld()
}
