package ec2sim

import (
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// describeRouteTables has the smallest pages of all: a hundred at most (EC2 API reference, DescribeRouteTables).
func describeRouteTables(f wire.Form) effect {
	in := query(f, "RouteTableId")
	p := pages(f, "routeTableSet", 100, in.IDs)
	return func(q *request) ([]wire.Node, *world.Error) {
		tables, err := q.world.RouteTables(q.at, in)
		if err != nil {
			return nil, err
		}
		return page(q, p, tables, func(t world.TableView) string { return t.ID }, func(t world.TableView) []wire.Node { return tableNodes(q.table(t)) })
	}
}

func tableNodes(t world.TableView) []wire.Node {
	vgws := t.Propagating()
	return []wire.Node{
		wire.Text("routeTableId", t.ID), wire.Text("vpcId", t.VPC), wire.Text("ownerId", t.Owner),
		wire.Set("routeSet", t.Shown, routeNodes),
		wire.Set("associationSet", t.Associations, func(a world.Association) []wire.Node {
			return []wire.Node{
				wire.Text("routeTableAssociationId", a.ID), wire.Text("routeTableId", t.ID), wire.Opt("subnetId", a.Subnet),
				wire.Opt("gatewayId", a.Gateway), wire.Bool("main", a.Main), associated(),
			}
		}),
		wire.Set("propagatingVgwSet", vgws, func(id string) []wire.Node { return []wire.Node{wire.Text("gatewayId", id)} }),
		tagSet(t.Tags),
	}
}

func associated() wire.Node {
	return wire.Group("associationState", wire.Text("state", "associated"))
}

// targetMember is where a route shows its target; an endpoint comes back as a gateway.
var targetMember = map[world.TargetKind]string{
	world.ToGateway: "gatewayId", world.ToEndpoint: "gatewayId", world.ToNAT: "natGatewayId", world.ToTransit: "transitGatewayId",
	world.ToPeering: "vpcPeeringConnectionId", world.ToInterface: "networkInterfaceId", world.ToInstance: "instanceId",
	world.ToEgressOnly: "egressOnlyInternetGatewayId", world.ToCarrier: "carrierGatewayId", world.ToLocalGW: "localGatewayId",
	world.ToCoreNetwork: "coreNetworkArn",
}

func routeNodes(r world.RouteView) []wire.Node {
	dest := wire.Text("destinationCidrBlock", r.Dest.String())
	switch {
	case r.Dest.List != "":
		dest = wire.Text("destinationPrefixListId", r.Dest.List)
	case r.Dest.Prefix.Addr().Is6():
		dest = wire.Text("destinationIpv6CidrBlock", r.Dest.String())
	}
	return []wire.Node{dest, wire.Text(targetMember[r.Target.Kind], r.Target.ID), wire.Text("state", r.State), wire.Opt("origin", r.Origin)}
}

func createRouteTable(f wire.Form) effect {
	vpc, token := f.Required("VpcId"), f.Str("ClientToken")
	tags, bad := tagSpecifications(f, "route-table")
	return func(q *request) ([]wire.Node, *world.Error) {
		if bad != nil {
			return nil, bad
		}
		t, err := q.world.CreateRouteTable(q.at, vpc, token, tags)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Group("routeTable", tableNodes(t)...), wire.Opt("clientToken", token)}, nil
	}
}

func deleteRouteTable(f wire.Form) effect {
	id := f.Required("RouteTableId")
	return func(q *request) ([]wire.Node, *world.Error) { return done(q.world.DeleteRouteTable(q.at, id)) }
}

func associateRouteTable(f wire.Form) effect {
	id, subnet, gateway := f.Required("RouteTableId"), f.Str("SubnetId"), f.Str("GatewayId")
	return func(q *request) ([]wire.Node, *world.Error) {
		a, err := q.world.AssociateRouteTable(q.at, id, subnet, gateway)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Text("associationId", a), associated()}, nil
	}
}

func disassociateRouteTable(f wire.Form) effect {
	id := f.Required("AssociationId")
	return func(q *request) ([]wire.Node, *world.Error) { return done(q.world.DisassociateRouteTable(q.at, id)) }
}

func replaceRouteTableAssociation(f wire.Form) effect {
	id, table := f.Required("AssociationId"), f.Required("RouteTableId")
	return func(q *request) ([]wire.Node, *world.Error) {
		a, err := q.world.ReplaceRouteTableAssociation(q.at, id, table)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Text("newAssociationId", a), associated()}, nil
	}
}
