package netstate

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func compare[T ~string](a, b T) int { return strings.Compare(string(a), string(b)) }

// Direction of a security-group rule.
type Direction string

// The two directions.
const (
	Ingress Direction = "ingress"
	Egress  Direction = "egress"
)

// Opposite returns the other direction.
func (d Direction) Opposite() Direction {
	if d == Egress {
		return Ingress
	}
	return Egress
}

// Toward returns "from" or "to", the word before a rule's other end.
func (d Direction) Toward() string {
	if d == Egress {
		return "to"
	}
	return "from"
}

// Proto is a rule's protocol in the one spelling that EC2 echoes: tcp, udp, icmp, icmpv6, -1 for all, or a number.
type Proto string

// The protocols that have names; ProtoAll is every protocol.
const (
	TCP      Proto = "tcp"
	UDP      Proto = "udp"
	ICMP     Proto = "icmp"
	ICMPv6   Proto = "icmpv6"
	ProtoAll Proto = "-1"
)

var protoNumbers = map[string]Proto{"6": TCP, "17": UDP, "1": ICMP, "58": ICMPv6, "all": ProtoAll}

// NewProto spells a protocol as EC2 does: names for 6, 17, 1 and 58, -1 for all (EC2 API reference, IpPermission).
func NewProto(s string) Proto {
	s = strings.ToLower(s)
	if p, ok := protoNumbers[s]; ok {
		return p
	}
	return Proto(s)
}

// String returns the protocol's name, "all" for every protocol.
func (p Proto) String() string {
	if p == ProtoAll {
		return "all"
	}
	return string(p)
}

// PortRange is a range of ports, or an ICMP type (From) and code (To); -1 means all.
type PortRange struct{ From, To int32 }

// AllPorts is the range of protocols that have no ports, and every type and code of ICMP.
var AllPorts = PortRange{-1, -1}

// NewPorts returns the range as EC2 keeps it for the protocol: those other than tcp, udp, icmp and icmpv6 open every port whatever
// range is sent (EC2 API reference, IpPermission), and ICMP's type -1 forces code -1.
func NewPorts(p Proto, r PortRange) PortRange {
	switch p {
	case TCP, UDP:
		return r
	case ICMP, ICMPv6:
		if r.From != -1 {
			return r
		}
	}
	return AllPorts
}

// Peer is the other end of a rule: a prefix, a prefix list or a security group, exactly one.
type Peer struct {
	Prefix netip.Prefix
	List   PrefixListID
	Group  GroupID
}

// Kind returns what EC2 calls the rule's type, which ModifySecurityGroupRules cannot change.
func (p Peer) Kind() string {
	switch {
	case p.List != "":
		return "prefix list"
	case p.Group != "":
		return "group"
	case p.Prefix.Addr().Is4():
		return "IPv4"
	}
	return "IPv6"
}

// String returns the CIDR, prefix list id or group id.
func (p Peer) String() string {
	switch {
	case p.List != "":
		return string(p.List)
	case p.Group != "":
		return string(p.Group)
	}
	return p.Prefix.String()
}

// RuleKey is a rule's identity: what AWS would call a duplicate. Description and tags are not part of it.
type RuleKey struct {
	Scope
	Group GroupID
	Dir   Direction
	Proto Proto
	Ports PortRange
	Peer  Peer
}

// Compare orders rules by scope, group, direction, protocol, ports, peer.
func (k RuleKey) Compare(o RuleKey) int {
	return cmp.Or(k.Scope.Compare(o.Scope), compare(k.Group, o.Group), -compare(k.Dir, o.Dir), compare(k.Proto, o.Proto),
		cmp.Compare(k.Ports.From, o.Ports.From), cmp.Compare(k.Ports.To, o.Ports.To),
		compare(k.Peer.Group, o.Peer.Group), compare(k.Peer.List, o.Peer.List), ComparePrefix(k.Peer.Prefix, o.Peer.Prefix))
}

// Traffic returns protocol and ports as a person writes them: "tcp 22", "tcp 8000-8100", "icmp type 8", "all".
func (k RuleKey) Traffic() string {
	r := k.Ports
	switch {
	case r == AllPorts:
		return k.Proto.String()
	case k.Proto == ICMP || k.Proto == ICMPv6:
		s := fmt.Sprintf("%s type %d", k.Proto, r.From)
		if r.To != -1 {
			s += fmt.Sprintf(" code %d", r.To)
		}
		return s
	case r.From == r.To:
		return k.Proto.String() + " " + strconv.Itoa(int(r.From))
	}
	return fmt.Sprintf("%s %d-%d", k.Proto, r.From, r.To)
}

// String returns "ingress tcp 22 from 10.0.0.0/16 in sg-…".
func (k RuleKey) String() string {
	return fmt.Sprintf("%s %s %s %s in %s", k.Dir, k.Traffic(), k.Dir.Toward(), k.Peer, k.Group)
}

// Rule is what stands at a RuleKey.
type Rule struct {
	ID          RuleID
	Description string
	Tags        Tags
}

// Owner returns the rule's owner tag, empty when there is none.
func (r Rule) Owner() OwnerID { return OwnerID(r.Tags[TagOwner]) }

// GroupKey is a security group's identity as one account sees it.
type GroupKey struct {
	Scope
	ID GroupID
}

// Group is a security group.
type Group struct {
	VPC   VPCID
	Owner AccountID // who made it; in a shared VPC not always the VPC's owner
	Name  string
	Tags  Tags
}

// GroupSelector names a security group of a VPC by its id, its name, or tags that exactly one of them carries.
type GroupSelector struct {
	ID   GroupID
	Name string
	Tags Tags
}

// Match reports whether the selector means this group.
func (s GroupSelector) Match(id GroupID, g Group) bool {
	switch {
	case s.ID != "":
		return s.ID == id
	case s.Name != "":
		return s.Name == g.Name
	}
	return g.Tags.Match(s.Tags)
}

// String returns the selector as the spec writes it.
func (s GroupSelector) String() string {
	switch {
	case s.ID != "":
		return string(s.ID)
	case s.Name != "":
		return s.Name
	}
	return "{tags: " + s.Tags.String() + "}"
}
