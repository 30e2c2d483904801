package plan

import (
	"github.com/peerd/peerd/pkg/netstate"
)

// verdict is what an observed item is to one link or to the owner. Everything observed gets one before anything is compared.
//
//	observed connection of the pair                          verdict
//	  a view carries another owner's tag, or "none"          foreign
//	  a view carries our tag, and none another's             ours
//	  no view carries an owner tag, adopt: true              takeable
//	  no view carries an owner tag                           foreign
//
//	observed route, in a selected table                      wanted here              not wanted here
//	  to our connection, made by CreateRoute                 ours                     ours (extra)
//	  local, propagated or otherwise not by CreateRoute      foreign                  foreign
//	  to another connection of ours that wants it no more    takeable                 foreign
//	  blackhole to a connection that is dead or gone         takeable                 foreign
//	  to a connection of another owner                       foreign                  foreign
//	  anything else, onConflict: replace                     takeable                 foreign
//	  anything else                                          foreign                  foreign
//
//	observed rule                                            wanted                   not wanted
//	  with our owner tag                                     ours                     ours (extra)
//	  with another owner's tag or none                       satisfies                foreign
type verdict int

const (
	foreign verdict = iota
	ours
	takeable
	satisfies
)

// claimConnection says what a connection of a link's pair is, and why when it is foreign.
func claimConnection(owner netstate.OwnerID, c netstate.Connection, adopt bool) (verdict, string) {
	tagged := false
	for _, v := range c.Views {
		switch o := v.Owner(); o {
		case "":
		case owner:
			tagged = true
		case netstate.Released:
			return foreign, "it was released by the tag " + netstate.TagOwner + "=none: remove that tag to give it back"
		default:
			return foreign, "it belongs to " + string(o) + ": agree with that owner who manages this pair"
		}
	}
	switch {
	case tagged:
		return ours, ""
	case adopt:
		return takeable, ""
	}
	return foreign, "nobody's tag is on it: adopt: true would take it over"
}

// claimRoute says what a route in a selected table is to a link, and why when a wanted destination is foreign.
func (b *builder) claimRoute(s *state, e *End, k netstate.RouteKey, r netstate.Route, wanted bool) (verdict, string) {
	switch {
	case s.conn != nil && r.Target == netstate.ToPeering(s.conn.ID) && r.Origin == netstate.OriginCreateRoute:
		return ours, ""
	case !wanted:
		return foreign, ""
	case r.Origin != netstate.OriginCreateRoute:
		return foreign, "it was made by " + r.Origin + ", which no call of peerd's can change"
	case r.Target.Kind == netstate.TargetPeering:
		return b.claimPeeringRoute(e, r)
	case e.Replace:
		return takeable, ""
	}
	return foreign, "remove it, or set routes.onConflict: replace to take it"
}

// claimPeeringRoute decides about a wanted destination that points at another connection.
func (b *builder) claimPeeringRoute(e *End, r netstate.Route) (verdict, string) {
	c, known := b.o.Connections[netstate.ConnID(r.Target.ID)]
	if !known && r.State == netstate.Blackhole || known && c.Status.Dead() {
		return takeable, ""
	}
	owner, _ := claimConnection(b.d.Owner, c, false)
	switch {
	case known && owner == ours:
		return takeable, "" // a destination that moved from one of our connections to another: wanted by both was refused before
	case known && (c.Views[0].Owner() != "" || c.Views[1].Owner() != ""):
		return foreign, "that connection has another owner"
	case e.Replace:
		return takeable, ""
	}
	return foreign, "remove it, or set routes.onConflict: replace to take it"
}

// claimRule says what an observed rule is.
func claimRule(owner netstate.OwnerID, r netstate.Rule, wanted bool) verdict {
	switch {
	case r.Owner() == owner:
		return ours
	case wanted:
		return satisfies
	}
	return foreign
}
