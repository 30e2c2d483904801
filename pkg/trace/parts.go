package trace

import (
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// pairs are one address of each part of FROM with one of each part of TO, of one family and one that the traffic goes over.
func (w *walker) pairs() [][2]netip.Addr {
	from, to := w.parts(w.from, w.to), w.parts(w.to, w.from)
	var out [][2]netip.Addr
	for _, a := range from {
		for _, b := range to {
			if a.Is4() == b.Is4() && (w.traffic.Proto != netstate.ICMP || a.Is4()) && (w.traffic.Proto != netstate.ICMPv6 || a.Is6()) {
				out = append(out, [2]netip.Addr{a, b})
			}
		}
	}
	return out
}

// parts cuts an end along everything that could tell two of its addresses apart, and returns one address of each part. An address that no
// subnet has is a part only where nothing else is left of what was asked for.
func (w *walker) parts(e, other *end) []netip.Addr {
	cuts := w.cuts(e, other)
	var out []netip.Addr
	for _, set := range e.sets {
		bases := w.inSubnets(e, set)
		if len(bases) == 0 {
			bases = []netip.Prefix{set}
		}
		for _, b := range bases {
			out = append(out, representatives(b, cuts)...)
		}
	}
	return out
}

// inSubnets are the parts of a set that subnets have.
func (w *walker) inSubnets(e *end, set netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range w.vpcs[e.vpc].subnets {
		for _, c := range s.cidrs {
			switch {
			case netstate.Inside(c, set):
				out = append(out, c)
			case netstate.Inside(set, c):
				return []netip.Prefix{set}
			}
		}
	}
	return netstate.SortPrefixes(out)
}

// cuts are all prefixes that anything on the way treats apart: what routes, rules and entries of either VPC say.
func (w *walker) cuts(e, other *end) []netip.Prefix {
	var out []netip.Prefix
	for v, l := range w.vpcs {
		for _, keys := range l.routes {
			for _, k := range keys {
				out = append(out, k.Dest.Prefix)
			}
		}
		for _, k := range l.acls {
			for _, a := range w.o.ACLs[k].Entries {
				out = append(out, a.CIDR)
			}
		}
		for k, list := range w.o.PrefixLists {
			if k.Scope == v.Scope {
				out = append(out, list.Entries...)
			}
		}
	}
	for k := range w.o.Rules {
		if k.Scope == other.vpc.Scope && other.groups[k.Group] {
			out = append(out, k.Peer.Prefix)
		}
	}
	out = slices.DeleteFunc(out, func(p netip.Prefix) bool { return !p.IsValid() })
	return netstate.SortPrefixes(out)
}

// representatives returns one address of each part into which a prefix is cut.
func representatives(base netip.Prefix, cuts []netip.Prefix) []netip.Addr {
	inside := []netip.Prefix{base}
	for _, c := range cuts {
		if c != base && netstate.Inside(c, base) {
			inside = append(inside, c)
		}
	}
	var out []netip.Addr
	for i, p := range inside { // sorted, so that what lies in p comes after it
		if a, ok := outside(p, inside[i+1:]); ok {
			out = append(out, a)
		}
	}
	return out
}

// reserved is how many addresses at the start of a subnet EC2 keeps for itself (VPC User Guide, "Subnet sizing"): one that a machine can
// have is the better example.
const reserved = 4

// outside returns an address of a prefix that lies in none of those cut out of it.
func outside(p netip.Prefix, cut []netip.Prefix) (netip.Addr, bool) {
	free := func(a netip.Addr) bool {
		return !slices.ContainsFunc(cut, func(c netip.Prefix) bool { return c.Contains(a) })
	}
	a := p.Addr()
	for _, c := range cut { // sorted, so that each begins after those before it
		if c.Contains(a) {
			a = last(c).Next()
		}
	}
	if !a.IsValid() || !p.Contains(a) || !free(a) {
		return a, false
	}
	nice := a
	for range reserved {
		nice = nice.Next()
	}
	if p.Contains(nice) && free(nice) {
		return nice, true
	}
	return a, true
}

// last returns the highest address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
