package world

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Rule is one security group rule.
type Rule struct {
	ID, Group   string
	Key         RuleKey
	Description string
	Tags        Tags
	RefVPC      string // where the referenced group was when the rule was made
	RefConn     string // the connection that joined the two VPCs then
}

// RuleKey is what makes two rules of a group the same; description and tags are not part of it (EC2 API reference,
// AuthorizeSecurityGroupIngress).
type RuleKey struct {
	Egress   bool
	Protocol string // tcp, udp, icmp, icmpv6, another number, or -1
	From, To int    // -1 where ports mean nothing
	Peer     Peer
}

// Peer is the other end of the traffic: exactly one of CIDR, List and Group.
type Peer struct {
	CIDR  netip.Prefix
	List  string
	Group string
	Owner string // of Group
}

func (p Peer) v4() string {
	if p.CIDR.IsValid() && p.CIDR.Addr().Is4() {
		return p.CIDR.String()
	}
	return ""
}

func (p Peer) v6() string {
	if p.CIDR.IsValid() && p.CIDR.Addr().Is6() {
		return p.CIDR.String()
	}
	return ""
}

// String is the CIDR, the list or the group.
func (p Peer) String() string {
	switch {
	case p.Group != "":
		return p.Group
	case p.List != "":
		return p.List
	}
	return p.CIDR.String()
}

// Permission is one rule as a request spells it.
type Permission struct {
	Protocol         string
	From, To         *int
	CIDR, IPv6, List string
	Group, Owner     string
	Description      string
}

// descriptionForm is the character set of descriptions; the service's own message includes the ampersand.
var descriptionForm = regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*$`)

func checkDescription(d string) *Error {
	if len(d) > 255 || !descriptionForm.MatchString(d) {
		return invalid("Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
	}
	return nil
}

// Key reads a permission into canonical form, or refuses it.
func (p Permission) Key(egress bool, caller string) (RuleKey, *Error) {
	k := RuleKey{Egress: egress}
	var err *Error
	if k.Protocol, err = protocol(p.Protocol); err != nil {
		return k, err
	}
	if k.From, k.To, err = p.ports(k.Protocol); err != nil {
		return k, err
	}
	k.Peer, err = p.peer(caller)
	return k, err
}

func protocol(name string) (string, *Error) {
	names := map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
	p := strings.ToLower(name)
	if known, ok := names[p]; ok {
		p = known
	}
	switch p {
	case "tcp", "udp", "icmp", "icmpv6", "-1":
		return p, nil
	case "":
		return "", invalid("Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
	}
	if n, err := strconv.Atoi(p); err != nil || n < 0 || n > 255 || strconv.Itoa(n) != p {
		return "", refuse("InvalidPermission.Malformed", "Unsupported IP protocol \"%s\" - supported: [tcp, udp, icmp, icmpv6, -1 or a protocol number]", name)
	}
	return p, nil
}

// ports: tcp, udp and icmp need a range, icmpv6 may leave it out, every other protocol has none whatever was sent (EC2 API
// reference, IpPermission).
func (p Permission) ports(protocol string) (int, int, *Error) {
	switch protocol {
	case "tcp", "udp":
		if p.From == nil || p.To == nil {
			return 0, 0, invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		if *p.From < 0 || *p.To > 65535 || *p.From > *p.To {
			return 0, 0, invalid("Invalid TCP/UDP port range (%d:%d)", *p.From, *p.To)
		}
		return *p.From, *p.To, nil
	case "icmp", "icmpv6":
		return p.icmp(protocol)
	}
	return -1, -1, nil
}

// icmp: the range is type and code, -1 is all, and all types have all codes.
func (p Permission) icmp(protocol string) (int, int, *Error) {
	if protocol == "icmpv6" && p.From == nil && p.To == nil {
		return -1, -1, nil
	}
	if p.From == nil || p.To == nil {
		return 0, 0, invalid("Invalid value 'Must specify both type and code with ICMP.' for portRange.")
	}
	kind, code := *p.From, *p.To
	if kind < -1 || kind > 255 || code < -1 || code > 255 || kind == -1 && code != -1 {
		return 0, 0, invalid("ICMP code (%d) or type (%d) out of range", code, kind)
	}
	return kind, code, nil
}

func (p Permission) peer(caller string) (Peer, *Error) {
	given := 0
	for _, s := range []string{p.CIDR, p.IPv6, p.List, p.Group} {
		if s != "" {
			given++
		}
	}
	if given == 0 {
		return Peer{}, missing("source or destination of the rule")
	}
	if given > 1 {
		return Peer{}, refuse("InvalidParameterCombination", "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified")
	}
	switch {
	case p.List != "":
		return Peer{List: p.List}, listKind.check(p.List)
	case p.Group != "":
		return Peer{Group: p.Group, Owner: or(p.Owner, caller)}, groupKind.check(p.Group)
	}
	prefix, err := netip.ParsePrefix(p.CIDR + p.IPv6)
	if err != nil || prefix.Addr().Is6() != (p.IPv6 != "") {
		return Peer{}, invalid("CIDR block %s is malformed", p.CIDR+p.IPv6)
	}
	return Peer{CIDR: prefix.Masked()}, nil
}

func mustCIDR(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func number(n int) string { return strconv.Itoa(n) }

// RuleView is a rule with what its reference has become.
type RuleView struct {
	Rule
	Owner string // of the group
	Ref   *Reference
}

// Reference is how EC2 describes the group that a rule names. What belongs to a deleted group is missing.
type Reference struct {
	Group, Owner, VPC, Connection, Status string
}

// Stale says whether the reference leads nowhere any more.
func (r Reference) Stale() bool {
	return r.Connection != "" && (r.Status != string(Active) || r.Owner == "")
}

func (w *World) ruleViews(at At, g Group) []RuleView {
	var out []RuleView
	for _, r := range g.Rules {
		out = append(out, RuleView{Rule: r, Owner: g.Owner, Ref: w.reference(at, g, r)})
	}
	return out
}

// reference works out a peer group's status at every read: re-peering the two VPCs makes a stale rule valid again (VPC
// Peering Guide, "Work with stale security group rules").
func (w *World) reference(at At, g Group, r Rule) *Reference {
	p := r.Key.Peer
	if p.Group == "" {
		return nil
	}
	ref, to := &Reference{Group: p.Group}, End{Scope{p.Owner, at.Region}, r.RefVPC}
	if other, ok := w.in(Scope{p.Owner, at.Region}).groups[p.Group]; ok {
		ref.Owner, to = p.Owner, other.home(at.Region)
	}
	if r.RefVPC == "" || r.RefVPC == g.VPC {
		return ref
	}
	ref.VPC, ref.Connection, ref.Status = r.RefVPC, r.RefConn, string(Deleted)
	if c, ok := w.activeBetween(at, g.home(at.Region), to); ok {
		ref.Connection, ref.Status = c.ID, string(Active)
	} else if c, ok := w.conns[r.RefConn]; ok {
		ref.Status = string(c.Status(at.Now))
	}
	return ref
}

// Rules answers DescribeSecurityGroupRules, which knows three filters only.
func (w *World) Rules(at At, q Query) ([]RuleView, *Error) {
	all := map[string]RuleView{}
	for _, g := range w.in(at.Scope).groups {
		for _, v := range w.ruleViews(at, g) {
			all[v.ID] = v
		}
	}
	return find(w, q, listing[RuleView]{
		kind: ruleKind, all: sorted(all), id: func(r RuleView) string { return r.ID },
		tags: func(r RuleView) Tags { return r.Tags }, noTagKey: true,
		fields: fields[RuleView]{
			"group-id":               func(r RuleView) []string { return one(r.Group) },
			"security-group-rule-id": func(r RuleView) []string { return one(r.ID) },
		},
	})
}

// ruleTags gives CreateTags the tags of a rule.
func (w *World) ruleTags(at At, id string) (Tags, func(Tags), *Error) {
	r := w.in(at.Scope)
	in, err := get(ruleKind, r.ruleIn, id)
	if err != nil {
		return nil, nil, err
	}
	at1 := slices.IndexFunc(r.groups[in].Rules, func(rule Rule) bool { return rule.ID == id })
	return r.groups[in].Rules[at1].Tags, func(t Tags) {
		g := r.groups[in]
		g.Rules = slices.Clone(g.Rules)
		g.Rules[at1].Tags = t
		r.groups[in] = g
	}, nil
}
