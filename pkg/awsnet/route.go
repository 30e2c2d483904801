package awsnet

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// tables are the route tables of a scope's VPCs and their routes.
type tables struct {
	tables map[netstate.TableKey]netstate.Table
	routes map[netstate.RouteKey]netstate.Route
}

// listTables returns the route tables of the selected VPCs with their routes.
func (r *reader) listTables(ctx context.Context, vpcs *result[map[netstate.VPC]netstate.Facts]) (tables, *netstate.Error) {
	out := tables{map[netstate.TableKey]netstate.Table{}, map[netstate.RouteKey]netstate.Route{}}
	ids, err := selectionOf(r.w.VPCs).find(vpcs)
	if err != nil {
		return out, err
	}
	found, err := filtered(ids, func(f types.Filter) ([]types.RouteTable, *netstate.Error) { return r.describeTables(ctx, f) }, "vpc-id")
	if err != nil {
		return out, err
	}
	within := setOf(ids)
	for _, t := range found {
		key := netstate.TableKey{Scope: r.scope, ID: netstate.TableID(aws.ToString(t.RouteTableId))}
		if key.ID == "" || !r.ours(t.OwnerId) || !within[netstate.VPCID(aws.ToString(t.VpcId))] {
			continue
		}
		out.tables[key] = tableOf(t)
		for _, route := range t.Routes {
			if k, ok := routeKey(key, route); ok {
				out.routes[k] = routeOf(route)
			}
		}
	}
	return out, nil
}

// describeTables lists route tables; a page holds at most 100 of them (EC2 API Reference, DescribeRouteTables).
func (c *client) describeTables(ctx context.Context, f types.Filter) ([]types.RouteTable, *netstate.Error) {
	return list(ctx, c, "list route tables", pages[types.RouteTable]{
		id: func(t types.RouteTable) string { return aws.ToString(t.RouteTableId) },
		next: func(ctx context.Context, token *string) ([]types.RouteTable, *string, error) {
			out, err := c.read.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: []types.Filter{f}, MaxResults: c.cfg.page(100), NextToken: token})
			if err != nil {
				return nil, nil, err
			}
			return out.RouteTables, out.NextToken, nil
		},
	})
}

// tableOf keeps of a table what selectors and guards ask for. Only explicit associations are shown; a subnet without one uses the main table.
func tableOf(in types.RouteTable) netstate.Table {
	out := netstate.Table{VPC: netstate.VPCID(aws.ToString(in.VpcId)), Tags: tagsOf(in.Tags)}
	for _, a := range in.Associations {
		if a.AssociationState != nil && a.AssociationState.State == types.RouteTableAssociationStateCodeDisassociated {
			continue
		}
		out.Main = out.Main || aws.ToBool(a.Main)
		out.Gateway = out.Gateway || aws.ToString(a.GatewayId) != ""
		if id := aws.ToString(a.SubnetId); id != "" {
			out.Subnets = append(out.Subnets, netstate.SubnetID(id))
		}
	}
	slices.Sort(out.Subnets)
	return out
}

// routeKey returns a route's identity, or false where its destination is of a form that is not known. A route of an origin that is not
// known stands at the static key: there it is in the way, which is seen.
func routeKey(t netstate.TableKey, in types.Route) (netstate.RouteKey, bool) {
	k := netstate.RouteKey{Scope: t.Scope, Table: t.ID}
	k.Propagated = in.Origin == types.RouteOriginEnableVgwRoutePropagation || in.Origin == types.RouteOriginAdvertisement
	if list := aws.ToString(in.DestinationPrefixListId); list != "" {
		k.Dest.List = netstate.PrefixListID(list)
		return k, true
	}
	p, err := netip.ParsePrefix(cmp.Or(aws.ToString(in.DestinationCidrBlock), aws.ToString(in.DestinationIpv6CidrBlock)))
	k.Dest.Prefix = p.Masked()
	return k, err == nil
}

// routeOf translates a route. One to a peering connection whose origin is not shown, as by some emulators, was made by a call: nothing that
// is propagated leads there.
func routeOf(in types.Route) netstate.Route {
	out := netstate.Route{Target: targetOf(in), Origin: string(in.Origin), State: netstate.RouteState(in.State)}
	if out.Origin == "" && out.Target.Kind == netstate.TargetPeering {
		out.Origin = netstate.OriginCreateRoute
	}
	return out
}

// targetOf returns what a route points at; a target of a form that is not known has no id.
func targetOf(in types.Route) netstate.Target {
	if id := aws.ToString(in.VpcPeeringConnectionId); id != "" {
		return netstate.ToPeering(netstate.ConnID(id))
	}
	if aws.ToString(in.GatewayId) == "local" {
		return netstate.Target{Kind: netstate.TargetLocal, ID: "local"}
	}
	for _, id := range []*string{
		in.GatewayId, in.NatGatewayId, in.TransitGatewayId, in.EgressOnlyInternetGatewayId, in.NetworkInterfaceId, in.InstanceId,
		in.LocalGatewayId, in.CarrierGatewayId, in.CoreNetworkArn, in.OdbNetworkArn, in.IpAddress,
	} {
		if aws.ToString(id) != "" {
			return netstate.Target{Kind: netstate.TargetOther, ID: *id}
		}
	}
	return netstate.Target{Kind: netstate.TargetOther}
}

// destination returns the three fields in which EC2 takes a route's destination, one of them set: a masked prefix, as EC2 keeps it.
func destination(d netstate.Dest) (v4, v6, list *string) {
	switch {
	case d.List != "":
		return nil, nil, text(d.List)
	case d.Prefix.Addr().Is4():
		return aws.String(d.Prefix.Masked().String()), nil, nil
	}
	return nil, aws.String(d.Prefix.Masked().String()), nil
}

// routeNow reads one route of one table: what it points at, and whether it is there at all.
func (c *client) routeNow(ctx context.Context, key netstate.RouteKey) (route netstate.Route, there bool, err *netstate.Error) {
	found, err := c.describeTables(ctx, types.Filter{Name: aws.String("route-table-id"), Values: []string{string(key.Table)}})
	if err != nil {
		err.Op = fmt.Sprintf("read route %s in %s", key.Dest, key.Table)
		return route, false, err
	}
	for _, t := range found {
		if aws.ToString(t.RouteTableId) != string(key.Table) {
			continue
		}
		for _, in := range t.Routes {
			if k, ok := routeKey(netstate.TableKey{Scope: key.Scope, ID: key.Table}, in); ok && k == key {
				return routeOf(in), true, nil
			}
		}
	}
	return route, false, nil
}
