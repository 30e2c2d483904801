package ec2sim

import (
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func describeVpcPeeringConnections(f wire.Form) effect {
	in := query(f, "VpcPeeringConnectionId")
	p := pages(f, "vpcPeeringConnectionSet", 1000, in.IDs)
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.Connections(q.at, in)
		if err != nil {
			return nil, err
		}
		return page(q, p, found, func(c world.ConnectionView) string { return c.ID }, func(c world.ConnectionView) []wire.Node { return connectionNodes(q.connection(c)) })
	}
}

func connectionNodes(c world.ConnectionView) []wire.Node {
	return []wire.Node{
		wire.Text("vpcPeeringConnectionId", c.ID),
		wire.Group("status", wire.Text("code", string(c.Status)), wire.Opt("message", c.Message)),
		wire.Group("requesterVpcInfo", sideNodes(c.Sides[world.Requester])...),
		wire.Group("accepterVpcInfo", sideNodes(c.Sides[world.Accepter])...),
		wire.Time("expirationTime", c.Expires),
		tagSet(c.Tags),
	}
}

func sideNodes(s world.SideView) []wire.Node {
	nodes := []wire.Node{wire.Opt("ownerId", s.Account), wire.Text("vpcId", s.VPC), wire.Opt("region", s.Region), wire.Opt("cidrBlock", s.CIDR)}
	if len(s.CIDRs) > 0 {
		nodes = append(nodes, wire.Set("cidrBlockSet", s.CIDRs, func(c string) []wire.Node { return []wire.Node{wire.Text("cidrBlock", c)} }))
	}
	if len(s.IPv6) > 0 {
		nodes = append(nodes, wire.Set("ipv6CidrBlockSet", s.IPv6, func(c string) []wire.Node { return []wire.Node{wire.Text("ipv6CidrBlock", c)} }))
	}
	if s.DNS != nil {
		nodes = append(nodes, wire.Group("peeringOptions",
			wire.Bool("allowDnsResolutionFromRemoteVpc", *s.DNS),
			wire.Bool("allowEgressFromLocalClassicLinkToRemoteVpc", false),
			wire.Bool("allowEgressFromLocalVpcToRemoteClassicLink", false)))
	}
	return nodes
}

func createVpcPeeringConnection(f wire.Form) effect {
	in := world.NewConnection{
		VPC: f.Required("VpcId"), PeerVPC: f.Str("PeerVpcId"), PeerOwner: f.Str("PeerOwnerId"), PeerRegion: f.Str("PeerRegion"),
	}
	tags, bad := tagSpecifications(f, "vpc-peering-connection")
	in.Tags = tags
	return func(q *request) ([]wire.Node, *world.Error) {
		if bad != nil {
			return nil, bad
		}
		c, err := q.world.CreateVpcPeeringConnection(q.at, in)
		return connectionReply(q, c, err)
	}
}

func connectionReply(q *request, c world.ConnectionView, err *world.Error) ([]wire.Node, *world.Error) {
	if err != nil {
		return nil, err
	}
	return []wire.Node{wire.Group("vpcPeeringConnection", connectionNodes(q.connection(c))...)}, nil
}

func acceptVpcPeeringConnection(f wire.Form) effect {
	id := f.Required("VpcPeeringConnectionId")
	return func(q *request) ([]wire.Node, *world.Error) {
		c, err := q.world.AcceptVpcPeeringConnection(q.at, id)
		return connectionReply(q, c, err)
	}
}

func rejectVpcPeeringConnection(f wire.Form) effect {
	id := f.Required("VpcPeeringConnectionId")
	return func(q *request) ([]wire.Node, *world.Error) {
		return returned(q.world.RejectVpcPeeringConnection(q.at, id))
	}
}

func deleteVpcPeeringConnection(f wire.Form) effect {
	id := f.Required("VpcPeeringConnectionId")
	return func(q *request) ([]wire.Node, *world.Error) {
		return returned(q.world.DeleteVpcPeeringConnection(q.at, id))
	}
}

// modifyVpcPeeringConnectionOptions knows the DNS option only: the ClassicLink ones are deprecated, and so not recognized. The
// reply echoes the sides that were sent.
func modifyVpcPeeringConnectionOptions(f wire.Form) effect {
	id := f.Required("VpcPeeringConnectionId")
	names := [2]string{"RequesterPeeringConnectionOptions", "AccepterPeeringConnectionOptions"}
	var dns [2]*bool
	for side, name := range names {
		dns[side] = f.Bool(name + ".AllowDnsResolutionFromRemoteVpc")
	}
	return func(q *request) ([]wire.Node, *world.Error) {
		if err := q.world.SetOptions(q.at, id, dns); err != nil {
			return nil, err
		}
		var nodes []wire.Node
		for side, name := range [2]string{"requesterPeeringConnectionOptions", "accepterPeeringConnectionOptions"} {
			if dns[side] != nil {
				nodes = append(nodes, wire.Group(name, wire.Bool("allowDnsResolutionFromRemoteVpc", *dns[side])))
			}
		}
		return nodes, nil
	}
}
