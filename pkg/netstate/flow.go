package netstate

import (
	"fmt"
	"net/netip"
)

// Flow is what a network ACL is asked about: traffic of one protocol in one direction, from or to addresses of one family.
type Flow struct {
	Dir   Direction
	With  netip.Prefix // the addresses at the other end
	Proto Proto
	Ports PortRange // as in rules: those of the receiver
}

// String returns "ingress tcp 443 from 10.0.0.0/16".
func (f Flow) String() string {
	return fmt.Sprintf("%s %s %s %s", f.Dir, RuleKey{Proto: f.Proto, Ports: f.Ports}.Traffic(), f.Dir.Toward(), f.With)
}

// FlowPart is a part of a flow and the entry that decides on it.
type FlowPart struct {
	Flow
	Entry ACLEntry // the zero value: none does, so the part is denied
}

// Allowed reports whether the part is let through.
func (p FlowPart) Allowed() bool { return p.Entry.Allow }

// Judge cuts a flow into parts by the entries that decide on them, in the order in which EC2 evaluates those: the first that matches a
// packet decides (VPC User Guide, "Network ACL rules"). An entry for some of the flow's protocols or ICMP types gets a part of its own, and
// the rest is left whole, which may let more through than EC2 does.
func (a ACL) Judge(f Flow) []FlowPart {
	var out []FlowPart
	left := []Flow{f.ranged()}
	for _, e := range a.Entries {
		if e.Dir != f.Dir {
			continue
		}
		var rest []Flow
		for _, l := range left {
			cut, remains, met := l.cut(e)
			if met {
				out = append(out, FlowPart{cut, e})
			}
			rest = append(rest, remains...)
		}
		left = rest
	}
	for _, l := range left {
		out = append(out, FlowPart{Flow: l})
	}
	return out
}

// ephemeral are the ports that a client may send from, and replies go to (VPC User Guide, "Ephemeral ports").
var ephemeral = PortRange{From: 1024, To: 65535}

// Reply returns the traffic that answers a flow, as the same network ACL sees it, or false where none is to be expected.
func Reply(f Flow) (Flow, bool) {
	f.Dir = f.Dir.Opposite()
	echo := map[Proto][2]int32{ICMP: {8, 0}, ICMPv6: {128, 129}}[f.Proto] // request, reply (RFC 792, RFC 4443)
	switch {
	case f.Proto == TCP || f.Proto == UDP:
		f.Ports = ephemeral
	case f.Ports == AllPorts:
	case f.Ports.From == echo[0]:
		f.Ports = PortRange{echo[1], 0}
	default:
		return Flow{}, false // ICMP's other messages are not answered
	}
	return f, true
}

// maxPort closes the range of all ports of tcp and udp.
const maxPort = 65535

// ranged spells all ports of a protocol that has ports as a range.
func (f Flow) ranged() Flow {
	f.Ports = ranged(f.Proto, f.Ports)
	return f
}

func ranged(p Proto, r PortRange) PortRange {
	if (p == TCP || p == UDP) && r == AllPorts {
		return PortRange{0, maxPort}
	}
	return r
}

// cut returns the part of a flow that an entry decides on and what it leaves, or false where it decides on nothing of it.
func (f Flow) cut(e ACLEntry) (cut Flow, rest []Flow, met bool) {
	ports, sideways, whole := f.meet(e.Proto, e.Ports)
	with, around := overlap(f.With, e.CIDR)
	if ports == nil || !with.IsValid() {
		return f, []Flow{f}, false
	}
	cut = f
	cut.Ports, cut.With = *ports, with
	if !whole {
		return cut, []Flow{f}, true
	}
	for _, p := range around {
		beside := f
		beside.With = p
		rest = append(rest, beside)
	}
	for _, r := range sideways {
		beside := cut
		beside.Ports = r
		rest = append(rest, beside)
	}
	return cut, rest, true
}

// Within reports whether a protocol and ports take in all of the flow's.
func (f Flow) Within(p Proto, r PortRange) bool {
	cut, beside, whole := f.ranged().meet(p, r)
	return cut != nil && len(beside) == 0 && whole
}

// meet returns which of a flow's ports a protocol and ports take in, nil for none, and those beside them. whole is false where they are a part
// that ports cannot say: one of several protocols, or of several types of ICMP.
func (f Flow) meet(p Proto, r PortRange) (cut *PortRange, beside []PortRange, whole bool) {
	switch {
	case p == ProtoAll:
		return &f.Ports, nil, true
	case f.Proto == ProtoAll:
		return &f.Ports, nil, false
	case p != f.Proto:
		return nil, nil, false
	case f.Proto == TCP || f.Proto == UDP:
		cut, beside = f.Ports.split(ranged(p, r))
		return cut, beside, true
	case r == AllPorts:
		return &f.Ports, nil, true
	case f.Ports == AllPorts:
		return &f.Ports, nil, false
	case r.From != f.Ports.From: // ICMP's type
		return nil, nil, false
	}
	if r.To == -1 || r.To == f.Ports.To { // its code
		return &f.Ports, nil, true
	}
	if f.Ports.To == -1 {
		return &f.Ports, nil, false
	}
	return nil, nil, false
}

// split returns what two ranges have in common, nil for nothing, and what of r lies beside it.
func (r PortRange) split(o PortRange) (common *PortRange, beside []PortRange) {
	c := PortRange{max(r.From, o.From), min(r.To, o.To)}
	if c.From > c.To {
		return nil, []PortRange{r}
	}
	if r.From < c.From {
		beside = append(beside, PortRange{r.From, c.From - 1})
	}
	if c.To < r.To {
		beside = append(beside, PortRange{c.To + 1, r.To})
	}
	return &c, beside
}

// overlap returns what two prefixes have in common, the zero value for nothing, and the prefixes that make up the rest of p.
func overlap(p, q netip.Prefix) (common netip.Prefix, around []netip.Prefix) {
	switch {
	case !p.Overlaps(q):
		return netip.Prefix{}, []netip.Prefix{p}
	case Inside(p, q):
		return p, nil
	}
	for at := q; at.Bits() > p.Bits(); at = netip.PrefixFrom(at.Addr(), at.Bits()-1).Masked() {
		around = append(around, sibling(at))
	}
	return q, around
}

// sibling is the other half of the prefix that is one bit shorter.
func sibling(p netip.Prefix) netip.Prefix {
	b := p.Addr().AsSlice()
	bit := p.Bits() - 1
	b[bit/8] ^= 1 << (7 - bit%8)
	a, _ := netip.AddrFromSlice(b) // of the length that it had
	return netip.PrefixFrom(a, p.Bits())
}
