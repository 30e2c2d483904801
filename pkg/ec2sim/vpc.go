package ec2sim

import (
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func describeVpcs(f wire.Form) effect {
	in := query(f, "VpcId")
	p := pages(f, "vpcSet", 1000, in.IDs)
	return func(q *request) ([]wire.Node, *world.Error) {
		vpcs, err := q.world.Vpcs(q.at, in)
		if err != nil {
			return nil, err
		}
		return page(q, p, vpcs, func(v world.VPC) string { return v.ID }, func(v world.VPC) []wire.Node { return vpcNodes(q, v) })
	}
}

func vpcNodes(q *request, v world.VPC) []wire.Node {
	now := q.at.Now
	nodes := []wire.Node{
		wire.Text("vpcId", v.ID), wire.Text("ownerId", v.Owner), wire.Text("state", "available"),
		wire.Text("dhcpOptionsId", "dopt-00000000000000000"), wire.Text("instanceTenancy", "default"), wire.Bool("isDefault", v.Default),
		wire.Group("blockPublicAccessStates", wire.Text("internetGatewayBlockMode", "off")),
	}
	var v4, v6 []world.Block
	for _, b := range v.Blocks {
		if b.Prefix.Addr().Is6() {
			v6 = append(v6, b)
		} else {
			v4 = append(v4, b)
		}
	}
	if len(v4) > 0 {
		nodes = append(nodes, wire.Text("cidrBlock", v4[0].Prefix.String()))
	}
	if len(v4) == 1 && q.sparse() {
		v4 = nil
	}
	return append(nodes,
		wire.Set("cidrBlockAssociationSet", v4, func(b world.Block) []wire.Node { return v4Nodes(b, b.State(now)) }),
		wire.Set("ipv6CidrBlockAssociationSet", v6, func(b world.Block) []wire.Node { return v6Nodes(b, b.State(now)) }),
		encryptionNode(v),
		tagSet(v.Tags))
}

// encryptionNode is nothing for a VPC without encryption control.
func encryptionNode(v world.VPC) wire.Node {
	if v.Encryption.Mode == "" {
		return wire.Node{}
	}
	excluded := "disabled"
	if v.Encryption.ExcludePeering {
		excluded = "enabled"
	}
	return wire.Group("encryptionControl", wire.Text("vpcId", v.ID), wire.Text("vpcEncryptionControlId", world.DerivedID("vpcec", v.ID)),
		wire.Text("mode", v.Encryption.Mode), wire.Text("state", "available"),
		wire.Group("resourceExclusions", wire.Group("vpcPeering", wire.Text("state", excluded))))
}

func v4Nodes(b world.Block, state string) []wire.Node {
	return []wire.Node{
		wire.Text("associationId", b.Association), wire.Text("cidrBlock", b.Prefix.String()),
		wire.Group("cidrBlockState", wire.Text("state", state)),
	}
}

func v6Nodes(b world.Block, state string) []wire.Node {
	return []wire.Node{
		wire.Text("associationId", b.Association), wire.Text("ipv6CidrBlock", b.Prefix.String()),
		wire.Group("ipv6CidrBlockState", wire.Text("state", state)), wire.Text("ipv6Pool", "Amazon"),
	}
}

func createVpc(f wire.Form) effect {
	in := world.NewVPC{CIDR: f.Str("CidrBlock"), AmazonIPv6: f.True("AmazonProvidedIpv6CidrBlock")}
	tags, bad := tagSpecifications(f, "vpc")
	in.Tags = tags
	tenancy := f.Str("InstanceTenancy")
	return func(q *request) ([]wire.Node, *world.Error) {
		if bad != nil {
			return nil, bad
		}
		if tenancy != "" && tenancy != "default" {
			return nil, &world.Error{Code: "UnsupportedOperation", Message: "Only default tenancy is simulated."}
		}
		v, err := q.world.CreateVpc(q.at, in)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Group("vpc", vpcNodes(q, v)...)}, nil
	}
}

func deleteVpc(f wire.Form) effect {
	id := f.Required("VpcId")
	return func(q *request) ([]wire.Node, *world.Error) { return done(q.world.DeleteVpc(q.at, id)) }
}

func describeVpcAttribute(f wire.Form) effect {
	id, name := f.Required("VpcId"), f.Required("Attribute")
	return func(q *request) ([]wire.Node, *world.Error) {
		on, err := q.world.VPCAttribute(q.at, id, name)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Text("vpcId", id), wire.Group(name, wire.Bool("value", on))}, nil
	}
}

func modifyVpcAttribute(f wire.Form) effect {
	id := f.Required("VpcId")
	support, hostnames, metrics := f.Bool("EnableDnsSupport.Value"), f.Bool("EnableDnsHostnames.Value"), f.Bool("EnableNetworkAddressUsageMetrics.Value")
	return func(q *request) ([]wire.Node, *world.Error) {
		return done(q.world.ModifyVpcAttribute(q.at, id, support, hostnames, metrics))
	}
}

func associateVpcCidrBlock(f wire.Form) effect {
	id := f.Required("VpcId")
	in := world.NewBlock{CIDR: f.Str("CidrBlock"), AmazonIPv6: f.True("AmazonProvidedIpv6CidrBlock")}
	return func(q *request) ([]wire.Node, *world.Error) {
		b, err := q.world.AssociateVpcCidrBlock(q.at, id, in)
		if err != nil {
			return nil, err
		}
		return blockReply(id, b, "associating"), nil
	}
}

func disassociateVpcCidrBlock(f wire.Form) effect {
	id := f.Required("AssociationId")
	return func(q *request) ([]wire.Node, *world.Error) {
		v, b, err := q.world.DisassociateVpcCidrBlock(q.at, id)
		if err != nil {
			return nil, err
		}
		return blockReply(v.ID, b, "disassociating"), nil
	}
}

func blockReply(vpc string, b world.Block, state string) []wire.Node {
	if b.Prefix.Addr().Is6() {
		return []wire.Node{wire.Text("vpcId", vpc), wire.Group("ipv6CidrBlockAssociation", v6Nodes(b, state)...)}
	}
	return []wire.Node{wire.Text("vpcId", vpc), wire.Group("cidrBlockAssociation", v4Nodes(b, state)...)}
}
