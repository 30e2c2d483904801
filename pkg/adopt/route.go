package adopt

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// A side of the spec says which tables route which destinations: every one of the tables all of them. In a table that it does not select,
// nothing is managed; in one that it does, a route to the connection that it does not want is extra. So an entry can take over the tables that
// route exactly the same to the connection, and must leave the others alone:
//
//	table     routes to pcx-1            entry
//	main      10.1.0.0/16                selected
//	private   10.1.0.0/16                selected
//	lab       10.1.0.0/16, 10.0.0.0/8    left alone: as one of a side it would get or lose a route
//	public    -                          left alone

// routesAll fills in the routes of every side.
func (b *builder) routesAll() {
	routes := map[string][]netstate.RouteKey{} // by target
	for k, r := range b.o.Routes {
		if r.Target.Kind == netstate.TargetPeering {
			routes[r.Target.ID] = append(routes[r.Target.ID], k)
		}
	}
	for _, l := range b.links {
		keys := routes[string(l.conn.ID)]
		slices.SortFunc(keys, netstate.RouteKey.Compare)
		for i, e := range l.ends {
			if e.managed() {
				b.routes(l, e, l.ends[1-i], keys)
			}
		}
	}
}

// routes fills in one side's routes from those that lead to its connection.
func (b *builder) routes(l *link, e, peer *end, keys []netstate.RouteKey) {
	tables, spoilt := map[netstate.TableID][]netstate.Dest{}, map[netstate.TableID]bool{}
	for _, k := range keys {
		t := b.o.Tables[netstate.TableKey{Scope: k.Scope, ID: k.Table}]
		if k.Scope != e.vpc.Scope || t.VPC != e.vpc.ID || t.Gateway {
			continue
		}
		if origin := b.o.Routes[k].Origin; origin != netstate.OriginCreateRoute {
			l.note(e, "the route %s in %s was made by %s, which no call of peerd's can change", k.Dest, k.Table, origin)
			continue
		}
		if why := b.forbidden(e.vpc.Scope, e, peer, k.Dest); why != "" {
			l.note(e, "the route %s in %s cannot be stated: %s. That table is left alone", k.Dest, k.Table, why)
			spoilt[k.Table] = true
		}
		tables[k.Table] = append(tables[k.Table], k.Dest)
		e.routed[k.Dest] = true
	}
	maps.DeleteFunc(tables, func(t netstate.TableID, _ []netstate.Dest) bool { return spoilt[t] })
	chosen, to := widest(tables)
	for _, t := range slices.Sorted(maps.Keys(tables)) {
		if !chosen[t] {
			l.note(e, "%s routes otherwise, %s: a side has one list of destinations, so that table is left alone", t, destsText(tables[t]))
		}
	}
	e.Routes.Tables, e.Routes.Exclude = b.tables(e.vpc, chosen)
	if len(chosen) > 0 {
		e.Routes.To = stated(to, e.cidrs, peer.cidrs)
	}
}

// widest returns the tables that route the same and hold the most routes together, and what they route.
func widest(tables map[netstate.TableID][]netstate.Dest) (map[netstate.TableID]bool, []netstate.Dest) {
	alike := map[string][]netstate.TableID{}
	for _, t := range slices.Sorted(maps.Keys(tables)) {
		alike[destsText(tables[t])] = append(alike[destsText(tables[t])], t)
	}
	chosen, to := map[netstate.TableID]bool{}, []netstate.Dest(nil)
	for _, text := range slices.Sorted(maps.Keys(alike)) {
		ts := alike[text]
		if len(ts)*len(tables[ts[0]]) > len(chosen)*len(to) {
			chosen, to = setOf(ts), tables[ts[0]]
		}
	}
	return chosen, to
}

// stated is the list of destinations, empty where it is what the peer brings.
func stated(to []netstate.Dest, self, peer []netip.Prefix) []spec.Dest {
	brings := map[netstate.Dest]bool{}
	for _, c := range plan.Brings(self, peer) {
		brings[netstate.Dest{Prefix: c}] = true
	}
	if maps.Equal(setOf(to), brings) {
		return nil
	}
	out := make([]spec.Dest, len(to))
	for i, d := range to {
		out[i] = spec.Dest{Dest: d, Wider: wider(d, peer)}
	}
	slices.SortStableFunc(out, func(a, b spec.Dest) int { return cmp.Compare(a.Dest.List, b.Dest.List) })
	return out
}

// wider reports whether a destination is a prefix that does not lie inside the peer.
func wider(d netstate.Dest, peer []netip.Prefix) bool {
	return d.List == "" && !slices.ContainsFunc(peer, func(c netip.Prefix) bool { return netstate.Inside(d.Prefix, c) })
}

// forbidden says why a destination or the peer of a rule may not be stated, whatever is there.
func (b *builder) forbidden(at netstate.Scope, e, peer *end, d netstate.Dest) string {
	if d.List == "" {
		return cmp.Or(reserved(d.Prefix), public(d, d.Prefix, e, peer))
	}
	list, ok := b.o.PrefixLists[netstate.PrefixListKey{Scope: at, ID: d.List}]
	if !ok {
		return "that prefix list is not among those of " + at.String()
	}
	for _, c := range list.Entries {
		if why := cmp.Or(reserved(c), public(d, c, e, peer)); why != "" {
			return "its entry " + c.String() + " " + why
		}
	}
	return ""
}

func reserved(c netip.Prefix) string {
	if r, what := spec.Reserved(c); what != "" {
		return fmt.Sprintf("lies in %s, which is %s", r, what)
	}
	return ""
}

// public says that a destination, or an entry of a prefix list, has public addresses that a plan would refuse; 0.0.0.0/0 alone can be stated.
func public(d netstate.Dest, c netip.Prefix, e, peer *end) string {
	switch part := plan.PublicPart(c, slices.Concat(e.VPC.CIDRs, peer.VPC.CIDRs)...); {
	case !part.IsValid() || d.List == "" && c.Bits() == 0:
		return ""
	case part == c:
		return "is public address space that the peer does not have"
	default:
		return "holds public addresses that the peer does not have, " + part.String() + " among them"
	}
}

func destsText(ds []netstate.Dest) string {
	s := make([]string, len(ds))
	for i, d := range ds {
		s[i] = d.String()
	}
	return strings.Join(s, ", ")
}

func setOf[T comparable](all []T) map[T]bool {
	out := make(map[T]bool, len(all))
	for _, v := range all {
		out[v] = true
	}
	return out
}
