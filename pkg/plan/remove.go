package plan

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/peerd/peerd/pkg/netstate"
)

// heldMayWant is why something stays that nobody is known to want.
const heldMayWant = "a held peering may want it"

// LeftToFull is why something extra stays in a pass over some peerings: what nobody wants can be judged only with all in view.
const LeftToFull = "left to a pass over everything"

// prunes reports whether this plan removes anything.
func (o Options) prunes() bool { return o.Prune && !o.Near }

// remove records what is ours and no longer wanted, and takes its removal into the plan if that is allowed: nothing is ever removed
// without --prune, nothing of a suspended peering, and nothing where a peering that could not be resolved may want it.
func (b *builder) remove(a Action, r Resource, suspended string) {
	left := ""
	switch {
	case !b.opt.Prune:
		left = "pruning is off"
	case suspended != "":
		left = "suspended"
	case b.opt.Near:
		left = LeftToFull
	case r == ResourceRule && b.blindRules[a.Scope()], r != ResourceRule && b.blind[a.Scope()]:
		left = heldMayWant
	}
	b.drift(a.Link(), r, DriftExtra, a.String()[len("- "):], left)
	if left == "" {
		b.out.Actions = append(b.out.Actions, a)
	}
}

// findBlind notes the scopes of links that could not be resolved: what looks extra there may be what they want. Unknown is not empty. A link
// whose two VPCs are known, and which may not be had for what they are, wants no connection but its own; which rules it wants is not known
// all the same. A rule may be wanted only where the entry has rules, which in a shared VPC may be another account than the VPC's.
func (b *builder) findBlind() {
	for _, s := range b.links {
		for i := range s.want.Ends {
			e := &s.want.Ends[i]
			if !s.want.Held && !e.Held {
				continue
			}
			if s.want.Unknown || e.Held {
				b.blind[e.VPC.Scope] = true
			}
			for _, at := range e.RuleScopes {
				b.blindRules[at] = true
			}
		}
	}
}

// leftover returns the state of a peering that the spec does not have; one without a label is known by the id of what is left of it.
func (b *builder) leftover(label netstate.Link, id string) *LinkState {
	label = cmp.Or(label, netstate.Link(id))
	if b.left[label] == nil {
		b.left[label] = &LinkState{Name: label, Leftover: true}
	}
	return b.left[label]
}

// leftovers are connections of ours, not dead, whose pair no entry wants: of peerings that left the spec, or whose VPC was replaced under its
// name. Their removal comes after whatever the label still has to add.
func (b *builder) leftovers() {
	for _, id := range slices.Sorted(maps.Keys(b.o.Connections)) {
		c := b.o.Connections[id]
		if v, _ := claimConnection(b.d.Owner, c, false); v != ours || c.Status.Dead() {
			continue
		}
		b.out.Owned++
		if b.entries[c.Pair()] == nil {
			b.leave(c)
		}
	}
}

func (b *builder) leave(c netstate.Connection) {
	label := labelOf(c)
	suspended := ""
	if s := b.byName[label]; s != nil {
		if s.held {
			return // its VPC could not be resolved: this may well be its connection
		}
		if s.want.Suspended != "" {
			suspended = "suspended"
		}
	} else {
		l := b.leftover(label, string(c.ID))
		label, l.Conn, l.Status = l.Name, c.ID, c.Status
		l.Ends = [2]LinkEnd{{VPC: c.Requester}, {VPC: c.Accepter}}
	}
	if tagged := b.suspendedByTag(c); tagged != "" {
		suspended = "suspended"
		if l := b.left[label]; l != nil {
			l.Suspended = tagged
		}
	}
	moves, stays := b.carries(c, label)
	why := cmp.Or(suspended, b.whyNotClose(c), stays)
	b.mark(c, label, why)
	for _, side := range []netstate.Side{netstate.RequesterSide, netstate.AccepterSide} {
		b.leaveRoutes(c, c.VPC(side), label, why)
	}
	b.removeUnless(why, CloseConnection{head{Of: label, At: c.VPC(b.ownSide(c)).Scope, Waits: moves, Why: "no peering wants this pair"}, c.ID, c.Requester, c.Accepter}, ResourceConnection)
}

// ownSide is the side from which a leftover is closed: the requester's, if it is ours to use.
func (b *builder) ownSide(c netstate.Connection) netstate.Side {
	if b.d.Known[c.Requester.Account] {
		return netstate.RequesterSide
	}
	return netstate.AccepterSide
}

// mark begins a removal with a tag, so that a pass that ends in the middle is known to the next one, which only finishes it.
func (b *builder) mark(c netstate.Connection, label netstate.Link, why string) {
	side := b.ownSide(c)
	switch {
	case c.Views[side].Tags[netstate.TagEntry] == netstate.Leaving:
		b.out.leaving[label] = true
	case why == "" && b.opt.prunes():
		b.out.Actions = append(b.out.Actions, TagConnection{head: head{Of: label, At: c.VPC(side).Scope, Why: "its removal begins"}, Conn: c.ID, Side: side,
			Tags: netstate.Tags{netstate.TagEntry: netstate.Leaving}, Leaving: true})
	}
}

// whyNotClose says what forbids to close a leftover: deleting needs our tag in every managed view, and both sides must be known. A request
// that waits can be deleted by its requester alone (VPC Peering Guide, "Delete a VPC peering connection").
func (b *builder) whyNotClose(c netstate.Connection) string {
	waits := c.Status == netstate.Pending || c.Status == netstate.Initiating
	switch {
	case !c.Status.Alive():
		return "its state " + strconv.Quote(string(c.Status)) + " is one that this peerd does not know"
	case waits && b.ownSide(c) == netstate.AccepterSide && b.accountsKnown(c):
		return "a request of " + string(c.Requester.Account) + ", which only they can withdraw; it expires by itself"
	}
	for _, side := range []netstate.Side{netstate.RequesterSide, netstate.AccepterSide} {
		at := c.VPC(side).Scope
		managed, known := b.d.Known[at.Account]
		switch {
		case !known:
			return "orphan: the spec does not name account " + string(at.Account)
		case !managed:
			continue
		case b.notWhole(at):
			return at.String() + " could not be read"
		case len(b.at.tables[c.VPC(side)]) == 0: // every VPC has a main table: none means that it was not looked at
			return "the route tables of " + c.VPC(side).String() + " were not read"
		case c.Views[side].Owner() != b.d.Owner:
			return "our tag is not on the " + side.String() + "'s view"
		case b.blind[at]:
			return heldMayWant
		}
	}
	return ""
}

// carries looks for routes over a leftover that some peering wants over its own connection. While one of another label is to move them, the
// leftover is closed only after that: labels do not wait for each other. A reason is returned where none is to: it is held, suspended, or
// the destination is refused to it.
func (b *builder) carries(c netstate.Connection, label netstate.Link) (moves bool, stays string) {
	for _, side := range []netstate.Side{netstate.RequesterSide, netstate.AccepterSide} {
		for _, t := range b.at.tables[c.VPC(side)] {
			for _, k := range b.at.routes[routesTo{t, c.ID}] {
				if !b.wanted[k] {
					continue
				}
				by, moving := b.moved[k]
				moves = moves || moving && by != label
				if !moving {
					stays = "the route to " + k.Dest.String() + " in " + string(k.Table) + ", which a peering wants, leads over it"
				}
			}
		}
	}
	return moves, stays
}

func (b *builder) accountsKnown(c netstate.Connection) bool {
	_, requester := b.d.Known[c.Requester.Account]
	_, accepter := b.d.Known[c.Accepter.Account]
	return requester && accepter
}

// leaveRoutes removes the routes to a leftover from the tables of one of its VPCs, before it is closed: they would stay as blackholes. Those
// that another peering takes over are replaced there, and tables that the spec does not select are not managed.
func (b *builder) leaveRoutes(c netstate.Connection, v netstate.VPC, label netstate.Link, why string) {
	for _, t := range b.at.tables[v] {
		if b.unselected(label, v, t.ID) {
			continue
		}
		for _, k := range b.at.routes[routesTo{t, c.ID}] {
			r := b.o.Routes[k]
			if r.Origin == netstate.OriginCreateRoute && !b.wanted[k] {
				b.managed[k] = true
				b.removeUnless(why, RemoveRoute{head{Of: label, At: k.Scope, Why: "its peering is gone from the spec"}, k, r.Target}, ResourceRoute)
			}
		}
	}
}

// unselected reports whether the peering of a label still has the VPC and does not select that table of it.
func (b *builder) unselected(label netstate.Link, v netstate.VPC, t netstate.TableID) bool {
	s := b.byName[label]
	if s == nil {
		return false
	}
	i := slices.IndexFunc(s.want.Ends[:], func(e End) bool { return e.VPC == v })
	return i >= 0 && !s.want.Ends[i].Tables[t]
}

// removeUnless is remove with one more reason not to.
func (b *builder) removeUnless(why string, a Action, r Resource) {
	if why == "" || !b.opt.prunes() {
		b.remove(a, r, "")
		return
	}
	b.drift(a.Link(), r, DriftExtra, a.String()[len("- "):], why)
}
