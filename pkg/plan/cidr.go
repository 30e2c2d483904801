package plan

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// checkCIDRs refuses a pair that EC2 would refuse or that brings addresses nobody agreed to, before anything is created: EC2 itself
// answers an overlap with success and a connection that turns "failed" (VPC Peering Guide, "Limitations").
func (x *expander) checkCIDRs(l *DesiredLink, p *spec.Peering) {
	a, b := &l.Ends[0], &l.Ends[1]
	if m, n, bad := overlapping(a.CIDRs, b.CIDRs); bad {
		x.problem(l, p.Pos, HoldsLink, CodeOverlap, "%s of %s overlaps %s of %s: EC2 does not peer VPCs whose CIDRs overlap, whichever are used", m, a.Name, n, b.Name)
	}
	for i := range l.Ends {
		x.checkEnd(l, &l.Ends[i], &p.Sides[i])
	}
}

func (x *expander) checkEnd(l *DesiredLink, e *End, side *spec.Side) {
	for _, c := range e.CIDRs {
		pinned := slices.ContainsFunc(side.VPC.CIDRs, func(p netip.Prefix) bool { return netstate.Inside(c, p) })
		switch {
		case len(side.VPC.CIDRs) > 0 && !pinned:
			x.problem(l, side.VPC.Pos, HoldsLink, CodeBeyondPinned, "%s has %s, which is not among the CIDRs pinned under vpcs.%s.cidrs: add it there, or disassociate it", e.VPC, c, e.Name)
		case x.protected(c) != "":
			x.problem(l, side.VPC.Pos, HoldsLink, CodeProtected, "%s of %s lies in %s, which is never routed or opened", c, e.VPC, x.protected(c))
		case Public(c) && !pinned:
			x.problem(l, side.VPC.Pos, HoldsLink, CodeProtected, "%s of %s is public address space: list it under vpcs.%s.cidrs if it is yours", c, e.VPC, e.Name)
		}
	}
}

// protected returns the protected or reserved range that the prefix lies in or, if stated by the spec, touches; empty when there is none.
func (x *expander) protected(c netip.Prefix) string {
	if r, what := spec.Reserved(c); what != "" {
		return r.String()
	}
	for _, r := range x.set.Protected {
		if r.Overlaps(c) {
			return r.String()
		}
	}
	return ""
}

// special are IPv4 ranges that are not public though netip does not call them private (IANA special-purpose address registry).
var special = []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24")}

// notPublic are those and the private ranges (RFC 1918).
var notPublic = append([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16")}, special...)

// Public reports whether a CIDR holds public IPv4 addresses: a VPC that has it must be pinned to it.
func Public(c netip.Prefix) bool {
	return c.Addr().Is4() && !slices.ContainsFunc(notPublic, func(r netip.Prefix) bool { return netstate.Inside(c, r) })
}

// PublicPart returns a part of a CIDR, if not all of it, that is public IPv4 and that nobody who is asked about owns; it is not valid where
// there is none.
func PublicPart(c netip.Prefix, owned ...netip.Prefix) netip.Prefix {
	if !c.Addr().Is4() {
		return netip.Prefix{}
	}
	return outside(c, slices.Concat(notPublic, owned))
}

// outside returns the first part of a prefix, if not all of it, that lies in none of the others.
func outside(c netip.Prefix, others []netip.Prefix) netip.Prefix {
	switch {
	case slices.ContainsFunc(others, func(o netip.Prefix) bool { return netstate.Inside(c, o) }):
		return netip.Prefix{}
	case !slices.ContainsFunc(others, c.Overlaps):
		return c
	}
	lower := netip.PrefixFrom(c.Addr(), c.Bits()+1)
	if p := outside(lower, others); p.IsValid() {
		return p
	}
	a := c.Addr().AsSlice()
	a[c.Bits()/8] |= 0x80 >> (c.Bits() % 8)
	upper, _ := netip.AddrFromSlice(a)
	return outside(netip.PrefixFrom(upper, c.Bits()+1), others)
}

// strange returns why a destination that may be wider than the peer is still protected: it touches a range that is never routed or opened.
func (x *expander) strange(c netip.Prefix) string {
	if r := x.protected(c); r != "" {
		return "touches " + r + ", which is never routed or opened"
	}
	return ""
}

// public returns why a destination is protected that has public IPv4 space which neither VPC is pinned to have. Private space beside it makes
// no difference: 172.0.0.0/8 is 172.16.0.0/12 mistyped.
func (x *expander) public(c netip.Prefix, l *DesiredLink, i int) string {
	peer := l.Ends[1-i].Name
	switch part := PublicPart(c, slices.Concat(l.Ends[0].Pinned, l.Ends[1].Pinned)...); {
	case !part.IsValid():
		return ""
	case part == c:
		return "is public address space: list it under vpcs." + peer + ".cidrs if it is the peer's"
	default:
		return "holds public addresses, " + part.String() + " among them: narrow it, or list those under vpcs." + peer + ".cidrs if they are the peer's"
	}
}

// Brings returns those of the peer's CIDRs of the families that both VPCs have: what a side routes and opens if it does not say otherwise.
func Brings(self, peer []netip.Prefix) []netip.Prefix {
	v4, v6 := netstate.Facts{CIDRs: self}.Families()
	var out []netip.Prefix
	for _, c := range peer {
		if c.Addr().Is4() && v4 || c.Addr().Is6() && v6 {
			out = append(out, c)
		}
	}
	return out
}

// destinations are what a side routes to its peer: what it lists, else all that the peer brings. Those listed must lie inside the peer;
// prefix lists are those of the account that has the table or group.
func (x *expander) destinations(l *DesiredLink, i int, at netstate.Scope, listed []spec.Dest) map[netstate.Dest]spec.Pos {
	out := map[netstate.Dest]spec.Pos{}
	if len(listed) == 0 {
		for _, c := range Brings(l.Ends[i].CIDRs, l.Ends[1-i].CIDRs) {
			out[netstate.Dest{Prefix: c}] = l.Ends[i].Pos
		}
	}
	for _, d := range listed {
		if x.permitted(l, i, at, d) {
			out[d.Dest] = d.Pos
		}
	}
	return out
}

// permitted reports whether a listed destination may be routed or opened, and says why not. What is not permitted holds the peering: left
// out alone, it would look like a destination that is no longer wanted, and what lives there would be removed.
func (x *expander) permitted(l *DesiredLink, i int, at netstate.Scope, d spec.Dest) bool {
	peer := &l.Ends[1-i]
	if d.Dest.List != "" {
		return x.permittedList(l, i, at, d)
	}
	why := x.strange(d.Dest.Prefix)
	if why == "" && d.Dest.Prefix.Bits() > 0 { // 0.0.0.0/0 is listed only as wider, and says that everything is meant
		why = x.public(d.Dest.Prefix, l, i)
	}
	if why != "" {
		x.problem(l, d.Pos, HoldsLink, CodeProtected, "%s %s", d.Dest, why)
		return false
	}
	inside := slices.ContainsFunc(peer.CIDRs, func(c netip.Prefix) bool { return netstate.Inside(d.Dest.Prefix, c) })
	if !inside && !d.Wider {
		x.problem(l, d.Pos, HoldsLink, CodeOutside, "%s is not inside the CIDRs of %s (%s): correct it, or write {cidr: %s, wider: true} if it is meant",
			d.Dest, peer.Name, prefixesText(peer.CIDRs), d.Dest)
	}
	return inside || d.Wider
}

func (x *expander) permittedList(l *DesiredLink, i int, at netstate.Scope, d spec.Dest) bool {
	list, ok := x.o.PrefixLists[netstate.PrefixListKey{Scope: at, ID: d.Dest.List}]
	if !ok {
		x.problem(l, d.Pos, HoldsSide, CodePrefixList, "no prefix list %s in %s: correct the id, or share it with the account; this side is left as it is", d.Dest.List, at)
		l.Ends[i].Held = true
		return false
	}
	for _, c := range list.Entries {
		if why := cmp.Or(x.strange(c), x.public(c, l, i)); why != "" {
			x.problem(l, d.Pos, HoldsLink, CodeProtected, "entry %s of %s %s", c, d.Dest.List, why)
			return false
		}
	}
	return true
}

func prefixesText(ps []netip.Prefix) string {
	s := ""
	for i, p := range ps {
		if i > 0 {
			s += ", "
		}
		s += p.String()
	}
	return s
}
