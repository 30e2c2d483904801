// Package adopt turns what exists in AWS into a spec that a plan answers with nothing but tags. It must not know how AWS is read, nor where
// the spec goes. Read gets what is to be imported from a look at a time; start reading at Spec.
package adopt

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// Input is what an import is told beside what was observed.
type Input struct {
	Owner    netstate.OwnerID // the spec's; what carries its tag is ours already. Empty: for the reader to state
	Accounts []*spec.Account  // those that were read; one that is not managed was not, and has a name here
	VPCs     []*spec.VPC      // names that VPCs have already
	Asked    []netstate.Scope // where connections are looked for
}

// Spec returns a spec of the peerings that one look shows, as text. What a spec cannot say, or what an entry would change, stands in comments.
// The same look gives the same text.
func Spec(o *netstate.Observed, in Input) ([]byte, error) {
	b := &builder{in: in, o: o, selector: plan.NewSelector(o), accounts: map[netstate.AccountID]*spec.Account{}, vpcs: map[netstate.VPC]*spec.VPC{}}
	for _, a := range in.Accounts {
		if a.Managed {
			b.accounts[a.ID] = a
		}
	}
	b.connections()
	b.nameAll()
	b.routesAll()
	b.rulesAll()
	return b.text()
}

// builder collects a spec.
type builder struct {
	in       Input
	o        *netstate.Observed
	selector plan.Selector
	accounts map[netstate.AccountID]*spec.Account // those that were read
	vpcs     map[netstate.VPC]*spec.VPC
	links    []*link  // sorted by name once they have one
	left     []string // what has no entry, and why
}

// link is one peering of the spec.
type link struct {
	spec.Peering
	conn  netstate.Connection
	ours  bool
	ends  [2]*end
	notes []string // what its entry does not say, and why
}

// end is one side of it.
type end struct {
	*spec.Side
	vpc    netstate.VPC
	cidrs  []netip.Prefix
	routed map[netstate.Dest]bool // what any table sends to the peer
}

func (e *end) managed() bool { return e.VPC.Account.Managed }

// without notes what gets no entry.
func (b *builder) without(c netstate.Connection, why string, args ...any) {
	b.left = append(b.left, fmt.Sprintf("%s, from %s to %s: ", c.ID, c.Requester, c.Accepter)+fmt.Sprintf(why, args...))
}

func (l *link) note(e *end, text string, args ...any) {
	l.notes = append(l.notes, e.VPC.Name+": "+fmt.Sprintf(text, args...))
}

// orphaned is said of a connection of ours that gets no entry.
const orphaned = "it is ours, so a plan without an entry for it calls it extra"

// connections makes a link of every pair that a living connection joins, as far as an entry of it would change nothing.
func (b *builder) connections() {
	pairs := map[netstate.Pair][]netstate.Connection{}
	for _, id := range slices.Sorted(maps.Keys(b.o.Connections)) {
		c := b.o.Connections[id]
		if b.in.means(c) {
			pairs[c.Pair()] = append(pairs[c.Pair()], c)
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(pairs), comparePairs) {
		if living := plan.Living(pairs[p]); len(living) > 0 {
			b.pair(living)
		}
	}
}

func comparePairs(a, b netstate.Pair) int {
	return cmp.Or(compareVPCs(a.A, b.A), compareVPCs(a.B, b.B))
}

func compareVPCs(a, b netstate.VPC) int {
	return cmp.Or(a.Scope.Compare(b.Scope), cmp.Compare(a.ID, b.ID))
}

// pair takes the connection that counts. A second one is for people to sort out, and a plan says so as well.
func (b *builder) pair(living []netstate.Connection) {
	for _, c := range living {
		if !c.Status.Alive() {
			b.without(c, "it is in state %q, which this peerd does not know", c.Status)
			return
		}
	}
	for _, twin := range living[1:] {
		b.without(twin, "it is %s, and %s joins the same two VPCs: delete it", twin.Status, living[0].ID)
	}
	c := living[0]
	ours, why := b.owned(c)
	if why == "" && !ours {
		why = waits(c.Status, b.accounts[c.Accepter.Account] != nil)
	}
	ends := [2]*end{b.end(c.Requester), b.end(c.Accepter)}
	if why = cmp.Or(why, b.unknown(ends), refused(ends)); why != "" {
		if ours {
			why += "; " + orphaned
		}
		b.without(c, "%s", why)
		return
	}
	l := &link{conn: c, ours: ours, ends: ends, Peering: spec.Peering{Adopt: !ours, Tags: b.tags(c, ours)}}
	for i, e := range ends {
		e.Side = &l.Sides[i]
		if e.Side.VPC = b.vpc(e); c.Views[i].DNS == netstate.Yes && e.managed() {
			e.Side.DNS = netstate.Yes
		}
	}
	if c.Status != netstate.Active {
		l.notes = append(l.notes, fmt.Sprintf("%s is ours and %s: a plan goes on with it", c.ID, c.Status))
	}
	b.links = append(b.links, l)
}

// owned says whether a connection is ours already, or why it is not to be had.
func (b *builder) owned(c netstate.Connection) (ours bool, why string) {
	for _, v := range c.Views {
		switch o := v.Owner(); {
		case o == "":
		case o == netstate.Released:
			return false, "it was released by the tag " + netstate.TagOwner + "=none: remove that tag to give it back"
		case o != b.in.Owner:
			return false, fmt.Sprintf("it belongs to the owner %q: agree with that one who manages it", o)
		default:
			ours = true
		}
	}
	return ours, ""
}

// waits says what an entry would do about a connection that carries no traffic yet, empty where it does.
func waits(s netstate.Status, accepts bool) string {
	switch {
	case s == netstate.Active:
		return ""
	case s == netstate.Provisioning:
		return "it is provisioning: import again when it is active"
	case accepts:
		return fmt.Sprintf("it is %s, and an entry would accept it: do so first, or reject it", s)
	}
	return fmt.Sprintf("it is %s: import again when the other account has accepted it", s)
}

// end is what is known of a VPC: what it shows itself, or where it cannot be read what its connections show of it.
func (b *builder) end(v netstate.VPC) *end {
	e := &end{vpc: v, routed: map[netstate.Dest]bool{}}
	if b.accounts[v.Account] != nil {
		e.cidrs = b.o.VPCs[v].CIDRs
		return e
	}
	for _, c := range b.o.Connections {
		for side := range c.Shows {
			if c.VPC(netstate.Side(side)) == v && !c.Status.Dead() {
				e.cidrs = append(e.cidrs, c.Shows[side]...)
			}
		}
	}
	e.cidrs = netstate.SortPrefixes(e.cidrs)
	return e
}

// unknown says of which end too little is known for an entry.
func (b *builder) unknown(ends [2]*end) string {
	for _, e := range ends {
		_, seen := b.o.VPCs[e.vpc]
		switch {
		case b.accounts[e.vpc.Account] != nil && !seen:
			return fmt.Sprintf("%s is not shown: it came or went while it was read, import again", e.vpc)
		case len(e.cidrs) == 0:
			return fmt.Sprintf("account %s was not read, and no connection shows the CIDRs of %s: read it too", e.vpc.Account, e.vpc.ID)
		}
	}
	return ""
}

// refused says which CIDRs a plan would hold the peering for.
func refused(ends [2]*end) string {
	for _, e := range ends {
		for _, c := range e.cidrs {
			if r, what := spec.Reserved(c); what != "" {
				return fmt.Sprintf("%s of %s lies in %s, which is %s: it is never routed or opened", c, e.vpc.ID, r, what)
			}
		}
	}
	for _, x := range ends[0].cidrs {
		for _, y := range ends[1].cidrs {
			if x.Overlaps(y) {
				return fmt.Sprintf("%s of %s overlaps %s of %s, which peerd does not manage", x, ends[0].vpc.ID, y, ends[1].vpc.ID)
			}
		}
	}
	return ""
}

// tags are those that a connection of ours carries beside peerd's own and its name: as far as every view that we manage has them, and every
// rule that was made for it.
func (b *builder) tags(c netstate.Connection, ours bool) netstate.Tags {
	if !ours {
		return nil
	}
	all := []netstate.Tags{}
	for side, v := range c.Views {
		if v.Seen && b.accounts[c.VPC(netstate.Side(side)).Account] != nil {
			all = append(all, v.Tags)
		}
	}
	for _, r := range b.o.Rules {
		if r.Owner() == b.in.Owner && r.Tags[netstate.TagLink] == labelOf(c) {
			all = append(all, r.Tags)
		}
	}
	return common(all, settable)
}

// labelOf is the name of the peering for which a connection of ours was made, empty where no view says.
func labelOf(c netstate.Connection) string {
	return cmp.Or(c.Views[0].Tags[netstate.TagLink], c.Views[1].Tags[netstate.TagLink])
}
