package ec2sim

import (
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func describeInternetGateways(f wire.Form) effect {
	in := query(f, "InternetGatewayId")
	p := pages(f, "internetGatewaySet", 1000, in.IDs)
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.Gateways(q.at, in)
		if err != nil {
			return nil, err
		}
		return page(q, p, found, func(g world.Gateway) string { return g.ID }, gatewayNodes)
	}
}

// gatewayNodes: the state of an attached internet gateway reads available, although the model lists attached.
func gatewayNodes(g world.Gateway) []wire.Node {
	var attached []string
	if g.VPC != "" {
		attached = []string{g.VPC}
	}
	return []wire.Node{
		wire.Text("internetGatewayId", g.ID), wire.Text("ownerId", g.Owner),
		wire.Set("attachmentSet", attached, func(vpc string) []wire.Node {
			return []wire.Node{wire.Text("vpcId", vpc), wire.Text("state", "available")}
		}),
		tagSet(g.Tags),
	}
}

func createInternetGateway(f wire.Form) effect {
	tags, bad := tagSpecifications(f, "internet-gateway")
	return func(q *request) ([]wire.Node, *world.Error) {
		if bad != nil {
			return nil, bad
		}
		g, err := q.world.CreateInternetGateway(q.at, tags)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Group("internetGateway", gatewayNodes(g)...)}, nil
	}
}

func attachInternetGateway(f wire.Form) effect {
	id, vpc := f.Required("InternetGatewayId"), f.Required("VpcId")
	return func(q *request) ([]wire.Node, *world.Error) {
		return done(q.world.AttachInternetGateway(q.at, id, vpc))
	}
}

func detachInternetGateway(f wire.Form) effect {
	id, vpc := f.Required("InternetGatewayId"), f.Required("VpcId")
	return func(q *request) ([]wire.Node, *world.Error) {
		return done(q.world.DetachInternetGateway(q.at, id, vpc))
	}
}

func deleteInternetGateway(f wire.Form) effect {
	id := f.Required("InternetGatewayId")
	return func(q *request) ([]wire.Node, *world.Error) {
		return done(q.world.DeleteInternetGateway(q.at, id))
	}
}
