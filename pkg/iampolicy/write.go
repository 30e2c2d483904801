package iampolicy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// reads is every call that reads; none changes anything, and most know no resource.
var reads = []string{
	"ec2:DescribeManagedPrefixLists", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules",
	"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcPeeringConnections", "ec2:DescribeVpcs", "ec2:GetManagedPrefixListEntries",
}

// reading is what looking at the account's regions needs; GetCallerIdentity needs no permission (AWS STS API reference).
func (n *needs) reading() Policy {
	if len(n.regions) == 0 {
		return document()
	}
	return document(Statement{Sid: "Read", Action: reads, Resource: []string{"*"},
		Condition: Condition{"StringEquals": {"aws:RequestedRegion": n.regions}}})
}

// writing is what bringing the account's side of all peerings about needs. It does not hold the reading, which the writing role needs too.
func (n *needs) writing() Policy {
	return document(slices.Concat(n.opening(), n.accepting(), n.tagging(), n.routing(), n.ruling(), n.removing())...)
}

const (
	resourceOwner = "aws:ResourceTag/" + netstate.TagOwner
	requestOwner  = "aws:RequestTag/" + netstate.TagOwner
	connection    = "vpc-peering-connection"
	ruleType      = "security-group-rule"
)

func (n *needs) ownerIs(key string) Condition {
	return Condition{"StringEquals": {key: {plain(string(n.owner))}}}
}

// with adds one operator's key to a condition.
func (c Condition) with(operator, key string, values ...string) Condition {
	if c[operator] == nil {
		c[operator] = map[string][]string{}
	}
	c[operator][key] = values
	return c
}

// opening: CreateVpcPeeringConnection is asked about two resources, the requester's VPC and the connection that it makes, and both must be
// allowed; its tags are CreateTags, told from later ones by ec2:CreateAction.
func (n *needs) opening() []Statement {
	if len(n.opens) == 0 {
		return nil
	}
	const create = "CreateVpcPeeringConnection"
	return append(fromVPCs("OpenFromVpc", "ec2:"+create, n.opens),
		Statement{Sid: "OpenConnection", Action: []string{"ec2:" + create}, Resource: n.own(connection),
			Condition: n.ownerIs(requestOwner).with("ArnLike", "ec2:AccepterVpc", n.openTo.arns()...)},
		Statement{Sid: "TagOpened", Action: []string{"ec2:CreateTags"}, Resource: n.own(connection),
			Condition: Condition{}.with("StringEquals", "ec2:CreateAction", create).with("ForAllValues:StringEquals", "aws:TagKeys", keysOf(n.openKeys)...)})
}

// accepting: AcceptVpcPeeringConnection is asked about the accepter's VPC and the connection. Before it is accepted the accepter's view
// carries no tag, or ours.
func (n *needs) accepting() []Statement {
	if len(n.accepts) == 0 {
		return nil
	}
	const accept = "ec2:AcceptVpcPeeringConnection"
	return append(fromVPCs("AcceptIntoVpc", accept, n.accepts),
		Statement{Sid: "AcceptConnection", Action: []string{accept}, Resource: n.own(connection),
			Condition: Condition{}.with("ArnLike", "ec2:RequesterVpc", n.acceptFrom.arns()...).
				with("StringEqualsIfExists", resourceOwner, plain(string(n.owner)))})
}

// fromVPCs allows an action for VPCs: those stated by id together, each that is found by its tags by these.
func fromVPCs(sid, action string, all vpcSet) []Statement {
	var byID vpcSet
	var out []Statement
	for _, v := range all {
		if v.Select.ID != "" {
			byID.add(v)
			continue
		}
		s := Statement{Sid: fmt.Sprintf("%sByTags%d", sid, len(out)+1), Action: []string{action}, Resource: []string{vpcARN(v, string(v.Account.ID))}, Condition: Condition{}}
		for k, value := range v.Select.Tags {
			s.Condition.with("StringEquals", "aws:ResourceTag/"+k, plain(value))
		}
		out = append(out, s)
	}
	if len(byID) > 0 {
		out = append([]Statement{{Sid: sid, Action: []string{action}, Resource: byID.arns()}}, out...)
	}
	return out
}

// tagging: a view that nobody has marked may be marked as ours, if it is of a pair of the spec: the accepter's of a new connection, one that
// lost its tag, or one that is taken over. One that is ours keeps its owner, and gets other tags. DNS options are set on ours alone: a view
// is marked first.
func (n *needs) tagging() []Statement {
	var out []Statement
	if len(n.requesters) > 0 {
		out = append(out, n.marking())
	}
	later := maps.Clone(n.laterKeys)
	if n.prune && len(n.vpcs) > 0 { // a removal begins with that tag, also in an account that has no peering any more
		later[netstate.TagEntry] = true
	}
	if len(later) == 0 {
		return out
	}
	out = append(out, Statement{Sid: "TagOwned", Action: []string{"ec2:CreateTags"}, Resource: n.own(connection),
		Condition: n.ownerIs(resourceOwner).with("ForAllValues:StringEquals", "aws:TagKeys", keysOf(later)...)})
	if n.dns {
		out = append(out, Statement{Sid: "SetOptions", Action: []string{"ec2:ModifyVpcPeeringConnectionOptions"}, Resource: n.own(connection),
			Condition: n.ownerIs(resourceOwner)})
	}
	return out
}

func (n *needs) marking() Statement {
	return Statement{Sid: "TagUnowned", Action: []string{"ec2:CreateTags"}, Resource: n.own(connection),
		Condition: n.ownerIs(requestOwner).with("Null", resourceOwner, "true").
			with("ArnLike", "ec2:RequesterVpc", n.requesters.arns()...).with("ArnLike", "ec2:AccepterVpc", n.accepters.arns()...).
			with("ForAllValues:StringEquals", "aws:TagKeys", keysOf(n.firstKeys)...)}
}

func (n *needs) routing() []Statement {
	if len(n.routes) == 0 {
		return nil
	}
	return []Statement{{Sid: "Routes", Action: []string{"ec2:CreateRoute", "ec2:ReplaceRoute"}, Resource: n.own("route-table"),
		Condition: Condition{}.with("ArnLike", "ec2:Vpc", n.routes.arns()...)}}
}

// ruling: calls on rules are asked about the group, which has a VPC, and about rules, which do not; so they are statements of their own.
func (n *needs) ruling() []Statement {
	if len(n.rules) == 0 {
		return nil
	}
	add := eachDirection(n.directions, "AuthorizeSecurityGroup")
	const modify = "ec2:ModifySecurityGroupRules"
	group := slices.Concat(prefixed(add), []string{modify}, prefixed(eachDirection(n.described, "UpdateSecurityGroupRuleDescriptions")))
	slices.Sort(group)
	later := maps.Clone(n.addKeys)
	delete(later, netstate.TagOwner)
	out := []Statement{
		{Sid: "RulesOfGroups", Action: group, Resource: n.own("security-group"), Condition: Condition{}.with("ArnLike", "ec2:Vpc", n.rules.arnsOfGroups(n.account)...)},
		{Sid: "AddRules", Action: prefixed(add), Resource: n.own(ruleType), Condition: n.ownerIs(requestOwner)},
		{Sid: "TagAddedRules", Action: []string{"ec2:CreateTags"}, Resource: n.own(ruleType),
			Condition: Condition{}.with("StringEquals", "ec2:CreateAction", add...).with("ForAllValues:StringEquals", "aws:TagKeys", keysOf(n.addKeys)...)},
		{Sid: "ChangeOwnedRules", Action: []string{modify}, Resource: n.own(ruleType), Condition: n.ownerIs(resourceOwner)},
		{Sid: "TagOwnedRules", Action: []string{"ec2:CreateTags"}, Resource: n.own(ruleType),
			Condition: n.ownerIs(resourceOwner).with("ForAllValues:StringEquals", "aws:TagKeys", keysOf(later)...)},
	}
	if len(n.lists) > 0 {
		out = append(out, Statement{Sid: "ListsOfRules", Action: []string{modify}, Resource: slices.Sorted(maps.Keys(n.lists))})
	}
	return out
}

// removing, with --prune alone: connections of ours, and routes and rules in whatever VPC of the account the spec still names.
func (n *needs) removing() []Statement {
	if !n.prune || len(n.vpcs)+len(n.rules) == 0 {
		return nil
	}
	all := vpcSet(slices.Clone(n.vpcs))
	out := []Statement{}
	if len(all) > 0 {
		out = append(out,
			Statement{Sid: "RemoveConnections", Action: []string{"ec2:DeleteVpcPeeringConnection"}, Resource: n.own(connection), Condition: n.ownerIs(resourceOwner)},
			Statement{Sid: "RemoveRoutes", Action: []string{"ec2:DeleteRoute"}, Resource: n.own("route-table"), Condition: Condition{}.with("ArnLike", "ec2:Vpc", all.arns()...)})
	}
	all.add(n.rules...)
	return append(out, Statement{Sid: "RemoveRules", Action: []string{"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"}, Resource: n.own("security-group"),
		Condition: Condition{}.with("ArnLike", "ec2:Vpc", all.arnsOfGroups(n.account)...)})
}

// eachDirection names the actions of a pair for the directions in use.
func eachDirection(in map[netstate.Direction]bool, action string) []string {
	var out []string
	for _, d := range []struct {
		dir  netstate.Direction
		name string
	}{{netstate.Egress, "Egress"}, {netstate.Ingress, "Ingress"}} {
		if in[d.dir] {
			out = append(out, action+d.name)
		}
	}
	return out
}

func prefixed(actions []string) []string {
	var out []string
	for _, a := range actions {
		out = append(out, "ec2:"+a)
	}
	return out
}
