package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// Expand resolves a spec against one look: which VPCs, tables and groups its names and selectors mean, and so which routes and rules
// there should be. What cannot be resolved is a Problem and is left out, never guessed. The problems come sorted.
func Expand(s *spec.Set, o *netstate.Observed) (*Desired, []Problem) {
	at := newIndex(o)
	x := &expander{set: s, o: o, at: at, out: &Desired{Owner: s.Owner, Rules: map[netstate.RuleKey]*DesiredRule{}, o: o, at: at,
		Known: map[netstate.AccountID]bool{}, unread: map[*netstate.Error]bool{}, Empty: len(s.Peerings) == 0}}
	for _, a := range s.Accounts {
		x.out.Known[a.ID] = a.Managed
	}
	for _, p := range s.Peerings {
		x.out.Links = append(x.out.Links, x.link(p))
	}
	slices.SortFunc(x.out.Links, func(a, b *DesiredLink) int { return cmp.Compare(a.Name, b.Name) })
	x.onePairOnce()
	sortProblems(x.problems)
	return x.out, x.problems
}

type expander struct {
	set      *spec.Set
	o        *netstate.Observed
	at       *index
	out      *Desired
	problems []Problem
}

func (x *expander) problem(l *DesiredLink, pos spec.Pos, sev Severity, code, format string, args ...any) {
	x.problems = append(x.problems, Problem{Link: l.Name, Code: code, Pos: pos, Severity: sev, Message: fmt.Sprintf(format, args...)})
	if sev == HoldsLink {
		l.Held = true
	}
}

// link expands one peering: first both VPCs, since each side's routes and rules need the other's CIDRs.
func (x *expander) link(p *spec.Peering) *DesiredLink {
	l := &DesiredLink{Name: p.Name, Pos: p.Pos, Adopt: p.Adopt, entry: p, Tags: ownTags(x.set.Owner, p.Name, p.Tags)}
	for i := range p.Sides {
		x.end(l, i, &p.Sides[i])
	}
	l.Suspended = x.suspended(l, p.Suspend)
	x.unread(l, p)
	if l.Unknown = l.Held; l.Unknown {
		return l
	}
	x.moved(l, p)
	l.Unknown = l.Held
	x.checkCIDRs(l, p)
	if l.Held {
		return l
	}
	for i := range p.Sides {
		if l.Ends[i].Managed {
			x.routes(l, i, &p.Sides[i])
			x.rules(l, i, &p.Sides[i])
		}
	}
	return l
}

// ownTags are the tags of everything that peerd makes for a link; the spec cannot override the first two.
func ownTags(owner netstate.OwnerID, link netstate.Link, more netstate.Tags) netstate.Tags {
	return more.With(netstate.Tags{netstate.TagOwner: string(owner), netstate.TagLink: string(link)})
}

func (x *expander) end(l *DesiredLink, i int, side *spec.Side) {
	e := &l.Ends[i]
	*e = End{Name: side.VPC.Name, Managed: side.VPC.Account.Managed, DNS: side.DNS, Replace: side.Routes.Replace, Pinned: side.VPC.CIDRs, Pos: side.Pos,
		Tables: map[netstate.TableID]bool{}, Routes: map[netstate.RouteKey]spec.Pos{}}
	e.VPC = netstate.VPC{Scope: side.VPC.Scope(), ID: side.VPC.Select.ID}
	for _, r := range side.Rules {
		e.RuleScopes = append(e.RuleScopes, netstate.Scope{Account: r.Account.ID, Region: side.VPC.Region})
	}
	if !e.Managed {
		e.CIDRs = side.VPC.CIDRs
		return
	}
	if x.o.Missing(e.VPC.Scope, netstate.ListVPCs) != nil {
		return // said once, with the other listings
	}
	found := x.matching(side.VPC)
	switch len(found) {
	case 0:
		x.problem(l, side.Pos, HoldsLink, CodeVPCMissing, "no VPC %s in %s: correct the id or tags under vpcs.%s, or create it",
			selectorText(side.VPC.Select), e.VPC.Scope, side.VPC.Name)
	case 1:
		e.VPC = found[0]
		e.CIDRs = x.o.VPCs[e.VPC].CIDRs
	default:
		x.problem(l, side.Pos, HoldsLink, CodeVPCAmbiguous, "%d VPCs match %s in %s (%s): state vpcs.%s.id",
			len(found), selectorText(side.VPC.Select), e.VPC.Scope, idsText(found), side.VPC.Name)
	}
}

func (x *expander) matching(v *spec.VPC) []netstate.VPC {
	if vpc := (netstate.VPC{Scope: v.Scope(), ID: v.Select.ID}); vpc.ID != "" { // thousands of entries must not each look at thousands of VPCs
		if _, there := x.o.VPCs[vpc]; there {
			return []netstate.VPC{vpc}
		}
		return nil
	}
	var found []netstate.VPC
	for _, vpc := range x.at.vpcs[v.Scope()] {
		if v.Select.Match(vpc.ID, x.o.VPCs[vpc].Tags) {
			found = append(found, vpc)
		}
	}
	return found
}

// unread holds the link when a listing that its entry needs could not be read: unknown is not empty.
func (x *expander) unread(l *DesiredLink, p *spec.Peering) {
	said := map[*netstate.Error]bool{}
	for i := range p.Sides {
		for _, n := range needs(&p.Sides[i], &p.Sides[1-i]) {
			if err := x.o.Missing(n.scope, n.listing); err != nil && !said[err] {
				said[err], x.out.unread[err] = true, true
				x.problem(l, p.Sides[i].Pos, HoldsLink, CodeUnread, "%v", err)
			}
		}
	}
}

// moved holds a link whose VPC is selected by tags that now find another one than its living connection joins: a tag that moves is no order
// to move a network. Stating the id is.
func (x *expander) moved(l *DesiredLink, p *spec.Peering) {
	for _, c := range x.labelled(l.Name) {
		for i := range p.Sides {
			v, now := p.Sides[i].VPC, l.Ends[i].VPC
			if v.Select.ID != "" || !l.Ends[i].Managed || now == c.Requester || now == c.Accepter {
				continue
			}
			joined := []netstate.VPC{c.VPC(netstate.Side(i)), c.VPC(netstate.Side(1 - i))}
			at := slices.IndexFunc(joined, func(was netstate.VPC) bool { return was.Scope == now.Scope && was != l.Ends[1-i].VPC })
			if at >= 0 {
				x.problem(l, v.Pos, HoldsLink, CodeVPCMoved, "vpcs.%s moved from %s to %s, while %s joins the former: state vpcs.%s.id to follow, or give the tags back",
					v.Name, joined[at], now, c.ID, v.Name)
			}
		}
	}
}

// labelled are the living connections of ours that were made for a link, sorted by id.
func (x *expander) labelled(name netstate.Link) []netstate.Connection {
	var out []netstate.Connection
	for _, c := range x.at.labels[name] {
		if v, _ := claimConnection(x.set.Owner, c, false); v == ours && c.Status.Alive() {
			out = append(out, c)
		}
	}
	return out
}

type need struct {
	scope   netstate.Scope
	listing netstate.Listing
}

// needs are the listings without which one side of a peering cannot be decided.
func needs(side, peer *spec.Side) []need {
	if !side.VPC.Account.Managed {
		return nil
	}
	at := side.VPC.Scope()
	out := []need{{at, netstate.ListConnections}, {at, netstate.ListVPCs}}
	if side.DNS == netstate.Yes || peer.DNS == netstate.Yes {
		out = append(out, need{at, netstate.ListDNS})
	}
	for _, t := range []spec.Tables{side.Routes.Tables, side.Routes.Exclude} {
		if t.Kind != spec.SelectNone {
			out = append(out, need{at, netstate.ListTables})
		}
		if t.Kind == spec.SelectSubnets {
			out = append(out, need{at, netstate.ListSubnets})
		}
	}
	if namesList(side.Routes.To) {
		out = append(out, need{at, netstate.ListPrefixLists})
	}
	for _, r := range side.Rules {
		group := netstate.Scope{Account: r.Account.ID, Region: at.Region}
		out = append(out, need{group, netstate.ListGroups}, need{group, netstate.ListRules})
		if namesList(r.Peer.CIDRs) {
			out = append(out, need{group, netstate.ListPrefixLists})
		}
		if r.Peer.Group != nil && peer.VPC.Account.Managed {
			out = append(out, need{peer.VPC.Scope(), netstate.ListGroups})
		}
	}
	return out
}

func namesList(to []spec.Dest) bool {
	return slices.ContainsFunc(to, func(d spec.Dest) bool { return d.Dest.List != "" })
}

// onePairOnce refuses two entries that tag selectors turned into the same pair: the spec alone cannot show it.
func (x *expander) onePairOnce() {
	first := map[netstate.Pair]*DesiredLink{}
	for _, l := range x.out.Links {
		if l.Ends[0].VPC.ID == "" || l.Ends[1].VPC.ID == "" {
			continue
		}
		if l.Ends[0].VPC == l.Ends[1].VPC {
			x.problem(l, l.Pos, HoldsLink, CodeTwoNames, "%s and %s are one VPC, %s: a VPC cannot be peered with itself", l.Ends[0].Name, l.Ends[1].Name, l.Ends[0].VPC)
		}
		if f := first[l.Pair()]; f != nil {
			x.problem(l, l.Pos, HoldsLink, CodeTwoNames, "%s joins the same two VPCs, %s and %s: remove one of the entries", f.Name, l.Ends[0].VPC, l.Ends[1].VPC)
			x.problem(f, f.Pos, HoldsLink, CodeTwoNames, "%s joins the same two VPCs, %s and %s: remove one of the entries", l.Name, l.Ends[0].VPC, l.Ends[1].VPC)
			continue
		}
		first[l.Pair()] = l
	}
}

func selectorText(s netstate.VPCSelector) string {
	if s.ID != "" {
		return string(s.ID)
	}
	return "with tags {" + s.Tags.String() + "}"
}

func idsText(vpcs []netstate.VPC) string {
	ids := make([]string, len(vpcs))
	for i, v := range vpcs {
		ids[i] = string(v.ID)
	}
	return strings.Join(ids, ", ")
}

func overlapping(a, b []netip.Prefix) (netip.Prefix, netip.Prefix, bool) {
	for _, p := range a {
		for _, q := range b {
			if p.Overlaps(q) {
				return p, q, true
			}
		}
	}
	return netip.Prefix{}, netip.Prefix{}, false
}
