package ec2sim

import (
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func describeSecurityGroupRules(f wire.Form) effect {
	in := query(f, "SecurityGroupRuleId")
	p := pages(f, "securityGroupRuleSet", 1000, in.IDs)
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.Rules(q.at, in)
		if err != nil {
			return nil, err
		}
		return page(q, p, found, func(r world.RuleView) string { return r.ID }, q.ruleNodes)
	}
}

func (q *request) ruleNodes(r world.RuleView) []wire.Node {
	nodes := append(ruleBasics(r),
		wire.Text("groupOwnerId", r.Owner), wire.Text("securityGroupRuleArn", q.arn("security-group-rule", r.ID)), tagSet(r.Tags))
	if r.Ref != nil {
		nodes = append(nodes, wire.Group("referencedGroupInfo",
			wire.Text("groupId", r.Ref.Group), wire.Opt("userId", r.Ref.Owner), wire.Opt("vpcId", r.Ref.VPC),
			wire.Opt("vpcPeeringConnectionId", r.Ref.Connection), wire.Opt("peeringStatus", r.Ref.Status)))
	}
	return nodes
}

// ruleBasics is what a rule shows also when it has just been revoked.
func ruleBasics(r world.RuleView) []wire.Node {
	nodes := []wire.Node{
		wire.Text("securityGroupRuleId", r.ID), wire.Text("groupId", r.Group), wire.Bool("isEgress", r.Key.Egress),
		wire.Text("ipProtocol", r.Key.Protocol), wire.Int("fromPort", r.Key.From), wire.Int("toPort", r.Key.To),
		wire.Opt("description", r.Description),
	}
	switch p := r.Key.Peer; {
	case p.Group != "":
		return nodes
	case p.List != "":
		return append(nodes, wire.Text("prefixListId", p.List))
	case p.CIDR.Addr().Is6():
		return append(nodes, wire.Text("cidrIpv6", p.String()))
	default:
		return append(nodes, wire.Text("cidrIpv4", p.String()))
	}
}

// ipPermissions reads IpPermissions.N, which holds several rules at once, one per source.
func ipPermissions(f wire.Form) []world.Permission {
	var out []world.Permission
	for _, sub := range f.Subs("IpPermissions") {
		base := world.Permission{Protocol: sub.Str("IpProtocol"), From: sub.Int("FromPort"), To: sub.Int("ToPort")}
		before := len(out)
		for _, source := range []struct {
			list, member string
			field        func(*world.Permission) *string
		}{
			{"IpRanges", "CidrIp", func(p *world.Permission) *string { return &p.CIDR }},
			{"Ipv6Ranges", "CidrIpv6", func(p *world.Permission) *string { return &p.IPv6 }},
			{"PrefixListIds", "PrefixListId", func(p *world.Permission) *string { return &p.List }},
			{"Groups", "GroupId", func(p *world.Permission) *string { return &p.Group }},
		} {
			for _, item := range sub.Subs(source.list) {
				p := base
				*source.field(&p) = item.Str(source.member)
				p.Description = item.Str("Description")
				if source.list == "Groups" {
					p.Owner = item.Str("UserId")
					item.Str("VpcId") // may be sent; EC2 works these out itself
					item.Str("VpcPeeringConnectionId")
					item.Str("PeeringStatus")
				}
				out = append(out, p)
			}
		}
		if len(out) == before {
			out = append(out, base) // no source: refused where rules are read
		}
	}
	return out
}

// flat reads the one rule that ingress calls may spell without IpPermissions; egress calls may not. It cannot be of ICMPv6 (EC2 API
// reference, AuthorizeSecurityGroupIngress, IpProtocol).
func flat(f wire.Form, egress bool) []world.Permission {
	if egress {
		return nil
	}
	p := world.Permission{Protocol: f.Str("IpProtocol"), From: f.Int("FromPort"), To: f.Int("ToPort"), CIDR: f.Str("CidrIp")}
	switch {
	case p == (world.Permission{}):
		return nil
	case p.Protocol == "icmpv6" || p.Protocol == "58":
		f.Refuse("InvalidParameterValue", "Invalid value '%s' for IP protocol. ICMPv6 must be given in ipPermissions.", p.Protocol)
	}
	return []world.Permission{p}
}

func authorize(egress bool) func(wire.Form) effect {
	return func(f wire.Form) effect {
		group, perms := f.Required("GroupId"), append(ipPermissions(f), flat(f, egress)...)
		tags, bad := tagSpecifications(f, "security-group-rule")
		return func(q *request) ([]wire.Node, *world.Error) {
			if bad != nil {
				return nil, bad
			}
			made, err := q.world.Authorize(q.at, group, egress, perms, tags)
			if err != nil {
				return nil, err
			}
			return []wire.Node{wire.Bool("return", true), wire.Set("securityGroupRuleSet", made, q.ruleNodes)}, nil
		}
	}
}

func revoke(egress bool) func(wire.Form) effect {
	return func(f wire.Form) effect {
		group, perms := f.Required("GroupId"), append(ipPermissions(f), flat(f, egress)...)
		ids := f.List("SecurityGroupRuleId")
		return func(q *request) ([]wire.Node, *world.Error) {
			if len(ids) > 0 && len(perms) > 0 {
				return nil, &world.Error{Code: "InvalidParameterCombination", Message: "The parameter securityGroupRuleIds cannot be used with the parameter ipPermissions"}
			}
			var r world.Revocation
			var err *world.Error
			if len(ids) > 0 {
				r, err = q.world.RevokeIDs(q.at, group, egress, ids)
			} else {
				r, err = q.world.Revoke(q.at, group, egress, perms)
			}
			if err != nil {
				return nil, err
			}
			return revocation(r), nil
		}
	}
}

func revocation(r world.Revocation) []wire.Node {
	var unknown []world.RuleView
	for _, k := range r.Unknown {
		unknown = append(unknown, world.RuleView{Rule: world.Rule{Key: k}})
	}
	egress := len(unknown) > 0 && unknown[0].Key.Egress
	nodes := []wire.Node{wire.Bool("return", true), permissions("unknownIpPermissionSet", unknown, egress)}
	return append(nodes, wire.Set("revokedSecurityGroupRuleSet", r.Revoked, func(v world.RuleView) []wire.Node {
		return append(ruleBasics(v), wire.Opt("referencedGroupId", v.Key.Peer.Group))
	}))
}

func modifySecurityGroupRules(f wire.Form) effect {
	group := f.Required("GroupId")
	var changes []world.RuleChange
	for _, item := range f.Subs("SecurityGroupRule") {
		c := world.RuleChange{ID: item.Required("SecurityGroupRuleId")}
		if sub, sent := item.Sub("SecurityGroupRule"); sent {
			c.Permission = world.Permission{
				Protocol: sub.Str("IpProtocol"), From: sub.Int("FromPort"), To: sub.Int("ToPort"), CIDR: sub.Str("CidrIpv4"),
				IPv6: sub.Str("CidrIpv6"), List: sub.Str("PrefixListId"), Group: sub.Str("ReferencedGroupId"),
			}
			if d, sent := sub.Get("Description"); sent {
				c.Description = &d
			}
		}
		changes = append(changes, c)
	}
	return func(q *request) ([]wire.Node, *world.Error) {
		return returned(q.world.ModifyRules(q.at, group, changes))
	}
}

func updateDescriptions(egress bool) func(wire.Form) effect {
	return func(f wire.Form) effect {
		group := f.Required("GroupId")
		var changes []world.Described
		for _, p := range ipPermissions(f) {
			changes = append(changes, world.Described{Permission: &p, Description: p.Description})
		}
		byKey := len(changes)
		for _, item := range f.Subs("SecurityGroupRuleDescription") {
			changes = append(changes, world.Described{ID: item.Str("SecurityGroupRuleId"), Description: item.Str("Description")})
		}
		return func(q *request) ([]wire.Node, *world.Error) {
			if byKey > 0 && len(changes) > byKey {
				return nil, &world.Error{Code: "InvalidParameterCombination", Message: "The parameter securityGroupRuleDescriptions cannot be used with the parameter ipPermissions"}
			}
			return returned(q.world.Describe(q.at, group, egress, changes))
		}
	}
}
