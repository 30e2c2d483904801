package ec2sim

import (
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func describeNetworkAcls(f wire.Form) effect {
	in := query(f, "NetworkAclId")
	p := pages(f, "networkAclSet", 1000, in.IDs)
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.ACLs(q.at, in)
		if err != nil {
			return nil, err
		}
		return page(q, p, found, func(a world.ACL) string { return a.ID }, aclNodes)
	}
}

func aclNodes(a world.ACL) []wire.Node {
	return []wire.Node{
		wire.Text("networkAclId", a.ID), wire.Text("vpcId", a.VPC), wire.Text("ownerId", a.Owner), wire.Bool("default", a.Default),
		wire.Set("entrySet", a.Entries, entryNodes),
		wire.Set("associationSet", a.Associations, func(s world.ACLAssociation) []wire.Node {
			return []wire.Node{wire.Text("networkAclAssociationId", s.ID), wire.Text("networkAclId", a.ID), wire.Text("subnetId", s.Subnet)}
		}),
		tagSet(a.Tags),
	}
}

func entryNodes(e world.Entry) []wire.Node {
	member := "cidrBlock"
	if e.CIDR.Addr().Is6() {
		member = "ipv6CidrBlock"
	}
	nodes := []wire.Node{
		wire.Int("ruleNumber", e.Number), wire.Text("protocol", e.Protocol), wire.Text("ruleAction", e.Verdict()),
		wire.Bool("egress", e.Egress), wire.Text(member, e.CIDR.String()),
	}
	switch e.Protocol {
	case "6", "17":
		nodes = append(nodes, wire.Group("portRange", wire.Int("from", e.From), wire.Int("to", e.To)))
	case "1", "58":
		nodes = append(nodes, wire.Group("icmpTypeCode", wire.Int("type", e.ICMPType), wire.Int("code", e.Code)))
	}
	return nodes
}

func createNetworkAcl(f wire.Form) effect {
	vpc, token := f.Required("VpcId"), f.Str("ClientToken")
	tags, bad := tagSpecifications(f, "network-acl")
	return func(q *request) ([]wire.Node, *world.Error) {
		if bad != nil {
			return nil, bad
		}
		a, err := q.world.CreateNetworkAcl(q.at, vpc, token, tags)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Group("networkAcl", aclNodes(a)...), wire.Opt("clientToken", token)}, nil
	}
}

func deleteNetworkAcl(f wire.Form) effect {
	id := f.Required("NetworkAclId")
	return func(q *request) ([]wire.Node, *world.Error) { return done(q.world.DeleteNetworkAcl(q.at, id)) }
}

// putNetworkAclEntry is CreateNetworkAclEntry and ReplaceNetworkAclEntry, whose parameters are the same.
func putNetworkAclEntry(replace bool) func(wire.Form) effect {
	return func(f wire.Form) effect {
		in := world.EntryRequest{
			ACL: f.Required("NetworkAclId"), Number: f.Int("RuleNumber"), Egress: f.Bool("Egress"), Protocol: f.Required("Protocol"),
			Action: f.Required("RuleAction"), CIDR: f.Str("CidrBlock"), IPv6: f.Str("Ipv6CidrBlock"), From: f.Int("PortRange.From"),
			To: f.Int("PortRange.To"), ICMPType: f.Int("Icmp.Type"), Code: f.Int("Icmp.Code"),
		}
		return func(q *request) ([]wire.Node, *world.Error) { return done(q.world.PutEntry(q.at, in, replace)) }
	}
}

func deleteNetworkAclEntry(f wire.Form) effect {
	in := world.EntryRequest{ACL: f.Required("NetworkAclId"), Number: f.Int("RuleNumber"), Egress: f.Bool("Egress")}
	return func(q *request) ([]wire.Node, *world.Error) { return done(q.world.DeleteEntry(q.at, in)) }
}

func replaceNetworkAclAssociation(f wire.Form) effect {
	association, acl := f.Required("AssociationId"), f.Required("NetworkAclId")
	return func(q *request) ([]wire.Node, *world.Error) {
		id, err := q.world.ReplaceNetworkAclAssociation(q.at, association, acl)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Text("newAssociationId", id)}, nil
	}
}
