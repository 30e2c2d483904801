package plan

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// routes resolves one side's table selectors and says which routes each selected table should hold.
func (x *expander) routes(l *DesiredLink, i int, side *spec.Side) {
	e := &l.Ends[i]
	tables, ok := x.selected(l, e, side.Routes.Tables)
	if !ok {
		return
	}
	excluded, ok := x.selected(l, e, side.Routes.Exclude)
	if !ok {
		return
	}
	for t := range excluded {
		delete(tables, t)
	}
	e.Tables = tables
	for d, pos := range x.destinations(l, i, e.VPC.Scope, side.Routes.To) {
		for t := range tables {
			e.Routes[netstate.RouteKey{Scope: e.VPC.Scope, Table: t, Dest: d}] = pos
		}
	}
}

// selected returns the tables that a selector means. One that matches nothing holds the side: a moved tag must not look like "no routes".
func (x *expander) selected(l *DesiredLink, e *End, sel spec.Tables) (map[netstate.TableID]bool, bool) {
	if sel.Kind == spec.SelectNone {
		return map[netstate.TableID]bool{}, true
	}
	out := x.tables(e.VPC, sel)
	if missing := missingTables(sel, out); len(out) == 0 || missing != "" {
		e.Held = true
		x.problem(l, sel.Pos, HoldsSide, CodeNoTables, "no route table of %s matches %s: this side is left as it is", e.VPC, cmp.Or(missing, tablesText(sel)))
		return nil, false
	}
	return out, true
}

// tables are those of a VPC that a selector means. A gateway's table holds no peering routes.
func (x *expander) tables(v netstate.VPC, sel spec.Tables) map[netstate.TableID]bool {
	out, inEffect := map[netstate.TableID]bool{}, x.inEffect(v, sel)
	for _, k := range x.at.tables[v] {
		if t := x.o.Tables[k]; !t.Gateway && tableMatches(sel, k.ID, t, inEffect) {
			out[k.ID] = true
		}
	}
	return out
}

// Selector says which route tables selectors mean in one look.
type Selector struct{ x expander }

// NewSelector returns the selector of a look.
func NewSelector(o *netstate.Observed) Selector { return Selector{expander{o: o, at: newIndex(o)}} }

// Tables are the route tables of a VPC that a selector means, as Expand finds them.
func (s Selector) Tables(v netstate.VPC, sel spec.Tables) map[netstate.TableID]bool {
	return s.x.tables(v, sel)
}

func tableMatches(sel spec.Tables, id netstate.TableID, t netstate.Table, inEffect map[netstate.TableID]bool) bool {
	switch sel.Kind {
	case spec.SelectAll:
		return true
	case spec.SelectMain:
		return t.Main
	case spec.SelectIDs:
		return slices.Contains(sel.IDs, id)
	case spec.SelectTags:
		return t.Tags.Match(sel.Tags)
	case spec.SelectSubnets:
		return inEffect[id]
	}
	return false
}

// inEffect returns the tables that route for the selected subnets: the one associated, else the VPC's main table, which EC2 does not
// list as an association (VPC User Guide, "Subnet route tables").
func (x *expander) inEffect(v netstate.VPC, sel spec.Tables) map[netstate.TableID]bool {
	if sel.Kind != spec.SelectSubnets {
		return nil
	}
	var main netstate.TableID
	explicit := map[netstate.SubnetID]netstate.TableID{}
	for _, k := range x.at.tables[v] {
		t := x.o.Tables[k]
		if t.Main {
			main = k.ID
		}
		for _, s := range t.Subnets {
			explicit[s] = k.ID
		}
	}
	out := map[netstate.TableID]bool{}
	for _, k := range x.at.subnets[v] {
		if x.o.Subnets[k].Tags.Match(sel.SubnetTags) {
			out[cmp.Or(explicit[k.ID], main)] = true
		}
	}
	return out
}

func missingTables(sel spec.Tables, found map[netstate.TableID]bool) string {
	if sel.Kind != spec.SelectIDs {
		return ""
	}
	var missing []string
	for _, id := range sel.IDs {
		if !found[id] {
			missing = append(missing, string(id))
		}
	}
	return strings.Join(missing, ", ")
}

func tablesText(sel spec.Tables) string {
	switch sel.Kind {
	case spec.SelectMain:
		return "main"
	case spec.SelectTags:
		return "{tags: " + sel.Tags.String() + "}"
	case spec.SelectSubnets:
		return "{subnets: {tags: " + sel.SubnetTags.String() + "}}"
	}
	return "all"
}

// refuseContested leaves out the destinations that several links want in one table. The link whose live route holds it keeps it; if none
// does, nobody gets it: which of them is meant, only a person can say.
func (b *builder) refuseContested() {
	wanting := map[netstate.RouteKey][]*state{}
	for _, s := range b.links {
		for i := range s.want.Ends {
			for k := range s.want.Ends[i].Routes {
				b.wanted[k] = b.wanted[k] || !s.held
				wanting[k] = append(wanting[k], s)
			}
		}
	}
	maps.DeleteFunc(wanting, func(_ netstate.RouteKey, by []*state) bool { return len(by) < 2 })
	for _, k := range slices.SortedFunc(maps.Keys(wanting), netstate.RouteKey.Compare) {
		holder := b.holder(k, wanting[k])
		for _, s := range wanting[k] {
			if s != holder {
				b.contested(s, k, holder)
			}
		}
	}
}

func (b *builder) holder(k netstate.RouteKey, wanting []*state) *state {
	for _, s := range wanting {
		if r, ok := b.o.Routes[k]; ok && s.conn != nil && r.Target == netstate.ToPeering(s.conn.ID) {
			return s
		}
	}
	return nil
}

func (b *builder) contested(s *state, k netstate.RouteKey, holder *state) {
	who := "another peering of this spec wants it too, and none holds it: let one of them list other destinations under routes.to"
	if holder != nil {
		who = string(holder.want.Name) + " holds it"
	}
	s.refused[k] = true
	b.item(s, s.end(k.Scope, k).Routes[k], CodeRouteContested, "%s in %s: %s", k.Dest, k.Table, who)
	b.conflict(s, ResourceRoute, k.Dest.String()+" in "+string(k.Table))
}

// refuseLocal leaves out the destinations that lie in the VPC's own CIDRs: EC2 answers them with InvalidParameterValue, "equal to or more
// specific than one of this VPC's CIDR blocks", however often they are asked for.
func (b *builder) refuseLocal(s *state, e *End) {
	said := map[netstate.Dest]bool{}
	for k, pos := range e.Routes {
		at := slices.IndexFunc(e.CIDRs, func(c netip.Prefix) bool { return k.Dest.List == "" && netstate.Inside(k.Dest.Prefix, c) })
		if at < 0 {
			continue
		}
		s.refused[k] = true
		b.conflict(s, ResourceRoute, k.Dest.String()+" in "+string(k.Table)+" held by local")
		if said[k.Dest] {
			continue // once, however many tables there are
		}
		said[k.Dest] = true
		b.item(s, pos, CodeLocal, "%s lies in %s of %s itself, where EC2 routes nothing through a peering: remove it from routes.to, or list it on the other side if it is meant to lead here",
			k.Dest, e.CIDRs[at], e.Name)
	}
}

// routeActions compares one end's routes. A destination that something foreign holds has left the desired state before the comparison.
func (b *builder) routeActions(s *state, e *End) {
	if e.Held || !e.Managed {
		return
	}
	b.refuseLocal(s, e)
	want, have := map[netstate.RouteKey]netstate.Target{}, map[netstate.RouteKey]netstate.Target{}
	for k := range e.Routes {
		if !s.refused[k] {
			want[k] = s.target()
		}
	}
	for _, k := range b.standing(s, e) {
		b.sortOut(s, e, k, want, have)
	}
	d := diff(want, have, netstate.RouteKey.Compare)
	for _, k := range d.missing {
		b.add(s, AddRoute{head: s.head(k.Scope, !s.active(), "not in the table"), Key: k, Conn: s.activeID()}, ResourceRoute, DriftMissing)
	}
	for _, k := range d.changed {
		if s.left() == "" {
			b.moved[k] = s.want.Name
		}
		b.add(s, ReplaceRoute{head: s.head(k.Scope, !s.active(), "points at "+have[k].String()), Key: k, Was: have[k], Conn: s.activeID()}, ResourceRoute, DriftChanged)
	}
	for _, k := range d.extra {
		if b.wanted[k] {
			continue // another link's now: it is replaced in place there
		}
		b.remove(RemoveRoute{s.head(k.Scope, false, "no longer wanted"), k, have[k]}, ResourceRoute, s.want.Suspended)
	}
}

// standing are the observed routes about which an end has a say: those where it wants one, and those in its tables to the link's connection.
func (b *builder) standing(s *state, e *End) []netstate.RouteKey {
	var out []netstate.RouteKey
	for k := range e.Routes {
		if _, there := b.o.Routes[k]; there {
			out = append(out, k)
		}
	}
	if s.conn == nil {
		return out
	}
	for t := range e.Tables {
		for _, k := range b.at.routes[routesTo{netstate.TableKey{Scope: e.VPC.Scope, ID: t}, s.conn.ID}] {
			if _, wanted := e.Routes[k]; !wanted {
				out = append(out, k)
			}
		}
	}
	return out
}

// sortOut claims one observed route: it is compared, or it leaves the desired state as a conflict.
func (b *builder) sortOut(s *state, e *End, k netstate.RouteKey, want, have map[netstate.RouteKey]netstate.Target) {
	r := b.o.Routes[k]
	_, wanted := want[k]
	switch v, why := b.claimRoute(s, e, k, r, wanted); {
	case v == ours || v == takeable:
		have[k], b.managed[k] = r.Target, true
	case wanted:
		delete(want, k)
		b.routeConflict(s, e, k, r, why)
	}
}

func (b *builder) routeConflict(s *state, e *End, k netstate.RouteKey, r netstate.Route, why string) {
	to := cmp.Or(r.Target.String(), "something unknown")
	b.item(s, e.Routes[k], CodeRouteConflict, "%s in %s points at %s (%s): %s", k.Dest, k.Table, to, k.Scope, why)
	b.conflict(s, ResourceRoute, k.Dest.String()+" in "+string(k.Table)+" held by "+to)
}
