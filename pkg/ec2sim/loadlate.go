package ec2sim

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func (l *loader) connections(at world.At, r regionSpec) {
	for _, c := range r.Connections {
		l.connection(at.Scope, c)
	}
}

// connection makes one by hand. Its ends need not exist: a failed request may have named anything.
func (l *loader) connection(under world.Scope, spec connectionSpec) {
	c := world.Connection{
		ID: l.id(world.Scope{}, "pcx", "", spec.ID, spec.Name), Message: spec.Message, DeletedBy: spec.DeletedBy,
		Tags: [2]world.Tags{spec.Tags, spec.AccepterTags},
	}
	for side, end := range []endSpec{spec.Requester, spec.Accepter} {
		s := world.Scope{Account: cmp.Or(end.Account, under.Account), Region: cmp.Or(end.Region, under.Region)}
		l.check(s.Account != "" && s.Region != "" && end.VPC != "", "connection %s: each side needs account, region and vpc", c.ID)
		vpc := end.VPC
		if !world.WellFormed("vpc", vpc) {
			vpc = l.find(s, "vpc", "", vpc)
		}
		c.Ends[side] = world.End{Scope: s, VPC: vpc}
	}
	c.DNS = [2]world.Option{{Value: spec.DNS.Requester}, {Value: spec.DNS.Accepter}}
	l.world.AddConnection(l.now, c, cmp.Or(spec.Status, world.Active))
}

// details are what may refer to connections, groups and lists.
func (l *loader) details(at world.At, r regionSpec) {
	for _, v := range r.VPCs {
		vpc := l.find(at.Scope, "vpc", "", cmp.Or(v.ID, v.Name))
		for _, t := range v.Tables {
			id := l.find(at.Scope, "rtb", vpc, cmp.Or(t.ID, t.Name))
			for _, route := range t.Routes {
				l.route(at, vpc, id, route)
			}
		}
		for _, g := range v.Groups {
			of := l.whose(at, g)
			id := l.find(of.Scope, "sg", vpc, cmp.Or(g.ID, g.Name))
			for _, rule := range g.Rules {
				l.rule(of, vpc, id, rule)
			}
		}
		for _, a := range v.ACLs {
			l.acl(at, vpc, a)
		}
	}
}

func (l *loader) route(at world.At, vpc, table string, spec routeSpec) {
	route := world.Route{Origin: cmp.Or(spec.Origin, world.ByCall), Pinned: spec.State, Target: l.target(at, vpc, spec.Via)}
	if strings.Contains(spec.To, "/") {
		route.Dest.Prefix = l.cidr(at, spec.To)
	} else {
		route.Dest.List = l.find(at.Scope, "pl", "", spec.To)
	}
	l.world.AddRoute(at, table, route)
}

// targetKinds tells the kind of a target by the prefix of its id; an id of a kind nobody knows counts as a gateway.
var targetKinds = map[string]world.TargetKind{
	"igw": world.ToGateway, "vgw": world.ToGateway, "nat": world.ToNAT, "tgw": world.ToTransit, "pcx": world.ToPeering,
	"eni": world.ToInterface, "i": world.ToInstance, "eigw": world.ToEgressOnly, "vpce": world.ToEndpoint,
	"cagw": world.ToCarrier, "lgw": world.ToLocalGW,
}

func (l *loader) target(at world.At, vpc, via string) world.Target {
	if via == "igw" {
		return world.Target{Kind: world.ToGateway, ID: l.gateway(at, vpc)}
	}
	if strings.HasPrefix(via, "arn:") {
		return world.Target{Kind: world.ToCoreNetwork, ID: via}
	}
	if prefix, _, _ := strings.Cut(via, "-"); world.WellFormed(prefix, via) {
		return world.Target{Kind: cmp.Or(targetKinds[prefix], world.ToGateway), ID: via}
	}
	return world.Target{Kind: world.ToPeering, ID: l.find(world.Scope{}, "pcx", "", via)}
}

func (l *loader) rule(at world.At, vpc, group string, spec ruleSpec) {
	l.check(spec.Direction == "ingress" || spec.Direction == "egress", "%s: a rule of %s is ingress or egress, not %q", at.Scope, group, spec.Direction)
	p := world.Permission{Protocol: cmp.Or(spec.Protocol, "-1"), Description: spec.Description}
	p.From, p.To = l.ports(at, spec.Ports, p.Protocol)
	l.source(at, vpc, cmp.Or(spec.From, spec.To), &p)
	key, err := p.Key(spec.Direction == "egress", at.Account)
	if err != nil {
		l.check(false, "%s: rule of %s: %v", at.Scope, group, err)
		return
	}
	name := fmt.Sprint(key)
	if key.Egress {
		name = "out " + name // the same traffic may be let in and out, by two rules
	}
	id := cmp.Or(spec.ID, world.DerivedID("sgr", group, name))
	l.world.AddRule(at, world.Rule{ID: id, Group: group, Key: key, Description: spec.Description, Tags: named(spec.Tags, "")})
}

// source reads the other end of a rule: CIDR, list, group, or account/group.
func (l *loader) source(at world.At, vpc, text string, p *world.Permission) {
	owner, group, foreign := strings.Cut(text, "/")
	switch {
	case strings.HasPrefix(text, "pl-"):
		p.List = text
	case foreign && accountForm.MatchString(owner):
		p.Owner, p.Group = owner, l.groupAnywhere(world.Scope{Account: owner, Region: at.Region}, group)
	case foreign && strings.Contains(text, ":"):
		p.IPv6 = text
	case foreign:
		p.CIDR = text
	default:
		p.Group = l.names[nameKey(at.Scope, "sg", vpc, text)]
		if p.Group == "" {
			p.Group = l.groupAnywhere(at.Scope, text)
		}
	}
}

// groupAnywhere finds a group by id, or by name in whichever VPC of the scope has it.
func (l *loader) groupAnywhere(s world.Scope, ref string) string {
	if world.WellFormed("sg", ref) {
		return ref
	}
	found := ""
	for key, id := range l.names {
		part := strings.Split(key, "\x00")
		if len(part) == 4 && part[0] == s.String() && part[1] == "sg" && part[3] == ref {
			l.check(found == "", "%s: several groups are named %q; write the id", s, ref)
			found = id
		}
	}
	l.check(found != "", "%s: there is no group named %q", s, ref)
	return found
}

// ports reads 22, 22-25 or, for ICMP, type/code; nothing is everything.
func (l *loader) ports(at world.At, text, protocol string) (*int, *int) {
	from, to := 0, 65535
	if strings.HasPrefix(protocol, "icmp") {
		from, to = -1, -1
	}
	if text != "" {
		a, b, pair := strings.Cut(strings.Replace(text, "/", "-", 1), "-")
		if !pair {
			b = a
		}
		var err1, err2 error
		from, err1 = strconv.Atoi(a)
		to, err2 = strconv.Atoi(b)
		l.check(err1 == nil && err2 == nil, "%s: %q are no ports", at.Scope, text)
	}
	return &from, &to
}

func (l *loader) acl(at world.At, vpc string, spec aclSpec) {
	a := world.ACL{ID: l.id(at.Scope, "acl", vpc, spec.ID, spec.Name), VPC: vpc, Default: spec.Default, Tags: named(spec.Tags, spec.Name)}
	for _, e := range spec.Entries {
		l.check(e.Action == "allow" || e.Action == "deny", "%s: %s: action is allow or deny, not %q", at.Scope, a.ID, e.Action)
		l.check(e.Direction == "ingress" || e.Direction == "egress", "%s: %s: direction is ingress or egress, not %q", at.Scope, a.ID, e.Direction)
		a.Entries = append(a.Entries, l.entry(at, e))
	}
	var subnets []string
	for _, s := range spec.Subnets {
		subnets = append(subnets, l.find(at.Scope, "subnet", vpc, s))
	}
	l.world.AddACL(at, a, subnets)
}

func (l *loader) entry(at world.At, spec entrySpec) world.Entry {
	e := world.Entry{Number: spec.Number, Egress: spec.Direction == "egress", Allow: spec.Action == "allow", CIDR: l.cidr(at, spec.CIDR)}
	e.Protocol = map[string]string{"": "-1", "all": "-1", "tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}[spec.Protocol]
	if e.Protocol == "" {
		e.Protocol = spec.Protocol
	}
	from, to := l.ports(at, spec.Ports, spec.Protocol)
	switch e.Protocol {
	case "6", "17":
		e.From, e.To = *from, *to
	case "1", "58":
		e.ICMPType, e.Code = *from, *to
	}
	return e
}
