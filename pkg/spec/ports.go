package spec

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
)

var protocolWords = []string{"tcp", "udp", "icmp", "icmpv6", "all"}

// parseProto reads a protocol by name or number; -1 is how EC2 itself writes all.
func parseProto(s string) (any, error) {
	if s == "-1" {
		return netstate.ProtoAll, nil
	}
	for _, w := range protocolWords {
		if s == w {
			return netstate.NewProto(s), nil
		}
	}
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is not a protocol: tcp, udp, icmp, icmpv6, all, or a number%s", quote(s), didYouMean(strings.ToLower(s), protocolWords))
	case n < 0 || n > 255 || strconv.Itoa(n) != s:
		return nil, fmt.Errorf("%s is not a protocol's number: 0 to 255", quote(s))
	}
	return netstate.NewProto(s), nil
}

// parsePorts reads a port or a range of ports.
func parsePorts(s string) (any, error) {
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	a, errA := parsePort(from)
	b, errB := parsePort(to)
	switch {
	case errA != nil || errB != nil:
		return nil, fmt.Errorf("%s is not a port or a range of ports: 443, or 8000-8100, from 0 to 65535", quote(s))
	case a > b:
		return nil, fmt.Errorf("the range %s runs backwards: write %d-%d", s, b, a)
	}
	return netstate.PortRange{From: a, To: b}, nil
}

func parsePort(s string) (int32, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 16)
	return int32(n), err
}

// parseICMP reads an ICMP type or code; -1 is all of them.
func parseICMP(s string) (any, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < -1 || n > 255 {
		return nil, fmt.Errorf("%s is not possible here: 0 to 255, or -1 for all", quote(s))
	}
	return int32(n), nil
}

// portsText is a range as a spec writes it.
func portsText(r netstate.PortRange) string {
	if r.From == r.To {
		return strconv.Itoa(int(r.From))
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// ports reads the ports, or ICMP type and code, of a rule; none after a complaint.
func (b *sideBuilder) ports(n *node, p netstate.Proto) []netstate.PortRange {
	ports, icmp := n.get("ports"), n.get("icmp")
	hasPorts := p == netstate.TCP || p == netstate.UDP
	hasTypes := p == netstate.ICMP || p == netstate.ICMPv6
	switch {
	case p == "":
	case ports != nil && !hasPorts:
		b.ps.at(ports, "protocol %s has no ports: remove them%s", p, icmpHint(hasTypes))
	case icmp != nil && !hasTypes:
		b.ps.at(icmp, "protocol %s has no ICMP types: remove icmp, or write protocol: icmp", p)
	case hasPorts && ports == nil && !n.broken:
		b.ps.in(n, "ports", "missing: protocol %s needs ports, such as [22, 443]; 0-65535 for all", p)
	case hasPorts:
		return b.portList(ports)
	case hasTypes:
		return b.icmp(icmp, p)
	default:
		return []netstate.PortRange{netstate.AllPorts}
	}
	return nil
}

func icmpHint(types bool) string {
	if types {
		return ", or state icmp: {type: …, code: …}"
	}
	return ""
}

func (b *sideBuilder) portList(n *node) []netstate.PortRange {
	items := []*node{n}
	if n == nil || n.kind == list {
		items = n.itemsOf()
	}
	out := make([]netstate.PortRange, 0, len(items))
	seen := make(map[netstate.PortRange]bool, len(items))
	for _, item := range items {
		r := value[netstate.PortRange](item)
		if seen[r] {
			b.ps.at(item, "%s is listed twice: keep one", portsText(r))
			continue
		}
		seen[r] = true
		out = append(out, r)
	}
	return out
}

func (b *sideBuilder) icmp(n *node, p netstate.Proto) []netstate.PortRange {
	r := netstate.AllPorts
	if t := n.get("type"); t != nil {
		r.From = value[int32](t)
	}
	if c := n.get("code"); c != nil {
		r.To = value[int32](c)
	}
	if r.From == -1 && r.To != -1 {
		b.ps.at(n, "code %d without a type: EC2 keeps codes only of one type, so state the type", r.To)
	}
	return []netstate.PortRange{netstate.NewPorts(p, r)}
}
