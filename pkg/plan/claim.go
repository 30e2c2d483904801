package plan

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/peerd/peerd/pkg/netstate"
)

// verdict is what an observed item is to one link or to the owner. Everything observed gets one before anything is compared.
//
//	observed connection of the pair                          verdict
//	  a view carries another owner's tag, or "none"          foreign
//	  a view carries our tag, and none another's             ours
//	  no view carries an owner tag, and a managed
//	    requester's is not shown yet                        waited for: it was tagged there, if peerd asked
//	  no view carries an owner tag, adopt: true, or the
//	    request that the spec expects of a partner           takeable
//	  no view carries an owner tag                           foreign
//	  in a state that is not known, whatever its tags        foreign
//	  dead                                                   not there; again.go says whether another is asked for
//
//	observed connection of ours of a pair that no entry wants, with --prune
//	  in an account that the spec does not name              reported: an orphan
//	  in a state that is not known                           reported
//	  a partner's request that waits                         reported: EC2 lets its requester alone delete it
//	  a managed view lacks our tag, or was not read          reported
//	  a held peering may want it                             reported
//	  else                                                   removed, after its routes
//
//	observed route, in a selected table                      wanted here              not wanted here
//	  to the link's connection, made by CreateRoute          ours                     ours (extra)
//	  local, propagated or otherwise not by CreateRoute      foreign                  foreign
//	  to a target of a kind that is not known                foreign                  foreign
//	  to a connection that is dead                           takeable                 foreign
//	  blackhole to a connection that is not listed           takeable                 foreign
//	  active to a connection that is not listed              foreign                  foreign
//	  to a connection in a state that is not known           foreign                  foreign
//	  to a living connection of ours: another link's that
//	    is held or suspended, whole or at this VPC, or one
//	    that a tag on it or on its VPCs suspends             foreign                  foreign
//	  to any other living connection of ours                 takeable                 foreign
//	  to a connection that carries another owner's tag       foreign                  foreign
//	  to a connection of nobody, or a released one, that is
//	    not active                                           foreign                  foreign
//	  to such a one that is active, onConflict: replace      takeable                 foreign
//	  to anything but a connection, onConflict: replace      takeable                 foreign
//	  anything else                                          foreign                  foreign
//
// What two links want is refused before this table is asked (refuseContested), so a route that another link of the spec holds here is one
// that it does not want any more. A route to a connection of ours that no entry wants goes when that connection does.
//
//	observed rule                                            wanted                   not wanted
//	  with our owner tag                                     ours                     ours (extra)
//	  with another owner's tag or none                       satisfies                foreign
//
// testdata/claims.golden has every cell of it, as Diff decides it.
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
	case r.Target.Kind == netstate.TargetLocal:
		return foreign, "it is local, which no peering may replace"
	case r.Target.ID == "":
		return foreign, "that is of a kind which this peerd does not know: remove it if it is not needed"
	case r.Target.Kind == netstate.TargetPeering:
		return b.claimPeeringRoute(s, e, r)
	case e.Replace:
		return takeable, ""
	}
	return foreign, "remove it, or set routes.onConflict: replace to take it"
}

// claimPeeringRoute decides about a wanted destination that points at another connection. The link is not held, so its listing of
// connections is complete: one that it does not show is gone, or was never one of this VPC.
func (b *builder) claimPeeringRoute(s *state, e *End, r netstate.Route) (verdict, string) {
	c, known := b.o.Connections[netstate.ConnID(r.Target.ID)]
	if !known && r.State == netstate.Blackhole || known && c.Status.Dead() {
		return takeable, ""
	}
	if !known {
		return foreign, "that connection is not among those listed, so whose it is cannot be said: look at it, and remove the route if it is not needed"
	}
	owner, _ := claimConnection(b.d.Owner, c, false)
	switch {
	case !c.Status.Alive():
		return foreign, "that connection is in state " + strconv.Quote(string(c.Status)) + ", which this peerd does not know"
	case owner == ours:
		return b.claimOwnRoute(s, e, c)
	case b.anothers(c):
		return foreign, "that connection has another owner"
	case c.Status != netstate.Active:
		return foreign, "that connection is " + string(c.Status) + " and not ours: accept, reject or delete it first"
	case e.Replace:
		return takeable, ""
	}
	return foreign, "remove it, or set routes.onConflict: replace to take it"
}

// anothers reports whether a view of a connection carries another owner's tag. A released one is nobody's.
func (b *builder) anothers(c netstate.Connection) bool {
	return slices.ContainsFunc(c.Views[:], func(v netstate.View) bool {
		return v.Owner() != "" && v.Owner() != b.d.Owner && v.Owner() != netstate.Released
	})
}

// claimOwnRoute decides about a wanted destination that points at another living connection of ours. Whose it is, its pair says, and its
// label where the pair of that peering could not be resolved or became another one.
func (b *builder) claimOwnRoute(s *state, e *End, c netstate.Connection) (verdict, string) {
	if why := b.suspendedByTag(c); why != "" {
		return foreign, "that connection is suspended: " + why
	}
	for _, l := range b.links {
		if l == s || l.want.Pair() != c.Pair() && l.want.Name != labelOf(c) {
			continue
		}
		switch {
		case l.held || l.heldAt(e.VPC):
			return foreign, "peering " + string(l.want.Name) + ", whose connection that is, is held: nothing is taken from it until it is resolved"
		case l.want.Suspended != "":
			return foreign, "peering " + string(l.want.Name) + ", whose connection that is, is suspended: nothing is taken from it until it goes on"
		}
	}
	return takeable, ""
}

// labelOf returns the name of the peering for which a connection of ours was made, empty when no view says.
func labelOf(c netstate.Connection) netstate.Link {
	return netstate.Link(cmp.Or(c.Views[0].Tags[netstate.TagLink], c.Views[1].Tags[netstate.TagLink]))
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
