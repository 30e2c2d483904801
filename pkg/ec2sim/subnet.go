package ec2sim

import (
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func describeSubnets(f wire.Form) effect {
	in := query(f, "SubnetId")
	p := pages(f, "subnetSet", 1000, in.IDs)
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.Subnets(q.at, in)
		if err != nil {
			return nil, err
		}
		return page(q, p, found, func(s world.Subnet) string { return s.ID }, q.subnetNodes)
	}
}

// subnetNodes counts as free what is left when EC2 has taken the five addresses it reserves.
func (q *request) subnetNodes(s world.Subnet) []wire.Node {
	var v6 []string
	if s.IPv6.IsValid() {
		v6 = []string{s.IPv6.String()}
	}
	return []wire.Node{
		wire.Text("subnetId", s.ID), wire.Text("subnetArn", q.arn("subnet", s.ID)), wire.Text("vpcId", s.VPC), wire.Text("ownerId", s.Owner),
		wire.Text("state", "available"), wire.Text("cidrBlock", s.CIDR.String()), wire.Text("availabilityZone", s.Zone),
		wire.Int("availableIpAddressCount", 1<<(32-s.CIDR.Bits())-5), wire.Bool("defaultForAz", false),
		wire.Bool("mapPublicIpOnLaunch", false), wire.Bool("assignIpv6AddressOnCreation", false),
		wire.Set("ipv6CidrBlockAssociationSet", v6, func(c string) []wire.Node {
			return []wire.Node{
				wire.Text("associationId", world.DerivedID("subnet-cidr-assoc", s.ID, c)), wire.Text("ipv6CidrBlock", c),
				wire.Group("ipv6CidrBlockState", wire.Text("state", "associated")),
			}
		}),
		tagSet(s.Tags),
	}
}

func createSubnet(f wire.Form) effect {
	in := world.NewSubnet{VPC: f.Required("VpcId"), CIDR: f.Str("CidrBlock"), IPv6: f.Str("Ipv6CidrBlock"), Zone: f.Str("AvailabilityZone")}
	tags, bad := tagSpecifications(f, "subnet")
	in.Tags = tags
	return func(q *request) ([]wire.Node, *world.Error) {
		if bad != nil {
			return nil, bad
		}
		s, err := q.world.CreateSubnet(q.at, in)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Group("subnet", q.subnetNodes(s)...)}, nil
	}
}

func deleteSubnet(f wire.Form) effect {
	id := f.Required("SubnetId")
	return func(q *request) ([]wire.Node, *world.Error) { return done(q.world.DeleteSubnet(q.at, id)) }
}
