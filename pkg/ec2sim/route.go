package ec2sim

import (
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func createRoute(f wire.Form) effect {
	in := routeRequest(f)
	return func(q *request) ([]wire.Node, *world.Error) { return returned(q.world.CreateRoute(q.at, in)) }
}

func replaceRoute(f wire.Form) effect {
	in := routeRequest(f)
	return func(q *request) ([]wire.Node, *world.Error) { return done(q.world.ReplaceRoute(q.at, in)) }
}

func deleteRoute(f wire.Form) effect {
	in := destination(f)
	return func(q *request) ([]wire.Node, *world.Error) { return done(q.world.DeleteRoute(q.at, in)) }
}

func destination(f wire.Form) world.RouteRequest {
	return world.RouteRequest{
		Table: f.Required("RouteTableId"), CIDR: f.Str("DestinationCidrBlock"), IPv6CIDR: f.Str("DestinationIpv6CidrBlock"),
		List: f.Str("DestinationPrefixListId"),
	}
}

func routeRequest(f wire.Form) world.RouteRequest {
	in := destination(f)
	for _, kind := range world.TargetKinds {
		if id := f.Str(string(kind)); id != "" {
			in.Targets = append(in.Targets, world.Target{Kind: kind, ID: id})
		}
	}
	return in
}
