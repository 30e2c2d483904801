package sandbox

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// private are the ranges that CIDRs are taken from where the spec states none, in this order (RFC 1918, RFC 6598).
var private = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10")}

// A VPC of the sandbox has at most a /16, as EC2's do (VPC User Guide, "VPC CIDR blocks"), and at least a /24, for its subnets.
const (
	widest    = 16
	narrowest = 24
	subnetLen = 28 // the smallest that EC2 allows a subnet to be (VPC User Guide, "Subnet sizing")
)

// cidrs returns what each VPC is made with: its pinned CIDRs, else what is routed to it, and a free one where that leaves it without
// IPv4, which every VPC has.
func (m *maker) cidrs() (map[*vpc][]netip.Prefix, error) {
	inside, wider := m.destinations()
	stated := slices.Clone(m.spec.Protected)
	out := map[*vpc][]netip.Prefix{}
	var without []*vpc
	for _, v := range m.spec.VPCs {
		made := m.vpcs[v]
		stated = append(append(stated, v.CIDRs...), inside[made]...)
		if _, done := out[made]; done {
			continue
		}
		out[made] = made.pinned()
		if len(out[made]) == 0 {
			out[made] = outermost(inside[made])
		}
		if !slices.ContainsFunc(out[made], func(c netip.Prefix) bool { return c.Addr().Is4() }) {
			without = append(without, made)
		}
	}
	free, err := free(len(without), stated, wider)
	if err != nil {
		return nil, err
	}
	for i, v := range without {
		out[v] = append(slices.Clone(out[v]), free[i])
	}
	return out, nil
}

// pinned are the CIDRs that the most specific of the VPC's names pins.
func (v *vpc) pinned() []netip.Prefix {
	for _, s := range v.of {
		if len(s.CIDRs) > 0 {
			return s.CIDRs
		}
	}
	return nil
}

// destinations returns what the spec routes or opens towards each VPC, so that an unpinned one can be made to have it, and what it routes
// or opens beyond.
func (m *maker) destinations() (inside map[*vpc][]netip.Prefix, wider []netip.Prefix) {
	inside = map[*vpc][]netip.Prefix{}
	m.eachSide(func(side, peer *spec.Side) {
		listed := slices.Clone(side.Routes.To)
		for _, r := range side.Rules {
			listed = append(listed, r.Peer.CIDRs...)
		}
		for _, d := range listed {
			switch {
			case d.Dest.List != "":
			case d.Wider:
				wider = append(wider, d.Dest.Prefix)
			default:
				inside[m.vpcs[peer.VPC]] = append(inside[m.vpcs[peer.VPC]], d.Dest.Prefix)
			}
		}
	})
	return inside, wider
}

// outermost leaves out the prefixes that lie in others.
func outermost(ps []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range netstate.SortPrefixes(ps) { // one that lies in another comes after it, with none in between that does not
		if len(out) == 0 || !out[len(out)-1].Overlaps(p) {
			out = append(out, p)
		}
	}
	return out
}

// free returns n private CIDRs of one size, the largest of which there are enough, that overlap neither each other nor anything that the
// spec states. If destinations that are wider than their peers leave too little, CIDRs may lie in such a one: a local route is the longer.
func free(n int, stated, wider []netip.Prefix) ([]netip.Prefix, error) {
	used := newLedger(stated)
	all := newLedger(stated, wider)
	for _, bits := range sizes() {
		if out := take(n, bits, all.misses); len(out) == n {
			return out, nil
		}
	}
	within := newLedger(wider)
	for _, bits := range sizes() {
		if out := take(n, bits, func(c netip.Prefix) bool { return used.misses(c) && !within.reach[c] }); len(out) == n {
			return out, nil
		}
	}
	return nil, fmt.Errorf("no room for %d VPCs without stated CIDRs in %v beside what the spec states: pin CIDRs under vpcs, or use fewer VPCs", n, private)
}

// sizes are the lengths of free CIDRs, the largest CIDR first.
func sizes() []int {
	var out []int
	for bits := widest; bits <= narrowest; bits++ {
		out = append(out, bits)
	}
	return out
}

// take returns up to n CIDRs of a size that may be used.
func take(n, bits int, may func(netip.Prefix) bool) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range private {
		for c := range blocks(p, bits) {
			if len(out) == n {
				return out
			}
			if may(c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// blocks are the parts of an IPv4 prefix that have a length, in order.
func blocks(p netip.Prefix, bits int) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		if bits < p.Bits() {
			return
		}
		a := p.Masked().Addr().As4()
		for i := range uint32(1) << (bits - p.Bits()) {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(a[:])+i<<(32-bits))
			if !yield(netip.PrefixFrom(netip.AddrFrom4(b), bits)) {
				return
			}
		}
	}
}

// ledger tells quickly whether a prefix overlaps one of many: it then lies in one of them, or one of them in it.
type ledger struct {
	whole map[netip.Prefix]bool // those entered
	reach map[netip.Prefix]bool // those, and all that they lie in
}

func newLedger(entered ...[]netip.Prefix) ledger {
	l := ledger{map[netip.Prefix]bool{}, map[netip.Prefix]bool{}}
	for _, p := range slices.Concat(entered...) {
		l.whole[p.Masked()] = true
		for bits := p.Bits(); bits >= 0; bits-- {
			l.reach[netip.PrefixFrom(p.Addr(), bits).Masked()] = true
		}
	}
	return l
}

func (l ledger) misses(c netip.Prefix) bool {
	if l.reach[c] {
		return false
	}
	for bits := c.Bits(); bits >= 0; bits-- {
		if l.whole[netip.PrefixFrom(c.Addr(), bits).Masked()] {
			return false
		}
	}
	return true
}
