package awsnet

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// Row 32: what is not known keeps its place, so that it is in the way and seen.
func TestShapesOfRoutes(t *testing.T) {
	t.Parallel()
	table := netstate.TableKey{Scope: west, ID: mainRT}
	ten := netstate.RouteKey{Scope: west, Table: mainRT, Dest: netstate.Dest{Prefix: prefix("10.0.0.0/8")}}
	propagated := ten
	propagated.Propagated = true
	v6 := netstate.RouteKey{Scope: west, Table: mainRT, Dest: netstate.Dest{Prefix: prefix("2001:db8::/32")}}
	list := netstate.RouteKey{Scope: west, Table: mainRT, Dest: netstate.Dest{List: "pl-1"}}
	cidr := aws.String("10.0.0.9/8")
	other := func(id string) netstate.Target { return netstate.Target{Kind: netstate.TargetOther, ID: id} }
	for name, c := range map[string]struct {
		in     types.Route
		key    netstate.RouteKey
		target netstate.Target
	}{
		"peering":        {types.Route{DestinationCidrBlock: cidr, VpcPeeringConnectionId: aws.String("pcx-1"), Origin: "CreateRoute"}, ten, netstate.ToPeering("pcx-1")},
		"local":          {types.Route{DestinationCidrBlock: cidr, GatewayId: aws.String("local"), Origin: "CreateRouteTable"}, ten, netstate.Target{Kind: netstate.TargetLocal, ID: "local"}},
		"endpoint":       {types.Route{DestinationPrefixListId: aws.String("pl-1"), GatewayId: aws.String("vpce-1"), Origin: "CreateRoute"}, list, other("vpce-1")},
		"propagated":     {types.Route{DestinationCidrBlock: cidr, GatewayId: aws.String("vgw-1"), Origin: "EnableVgwRoutePropagation"}, propagated, other("vgw-1")},
		"advertised":     {types.Route{DestinationCidrBlock: cidr, NetworkInterfaceId: aws.String("eni-1"), Origin: "Advertisement"}, propagated, other("eni-1")},
		"transit":        {types.Route{DestinationIpv6CidrBlock: aws.String("2001:DB8::1/32"), TransitGatewayId: aws.String("tgw-1"), Origin: "CreateRoute"}, v6, other("tgw-1")},
		"unknown origin": {types.Route{DestinationCidrBlock: cidr, NatGatewayId: aws.String("nat-1"), Origin: "Wormhole"}, ten, other("nat-1")},
		"unknown target": {types.Route{DestinationCidrBlock: cidr, Origin: "CreateRoute"}, ten, other("")},
	} {
		key, ok := routeKey(table, c.in)
		if !ok || key != c.key || targetOf(c.in) != c.target {
			t.Errorf("%s: got %v %t %v, want %v %v", name, key, ok, targetOf(c.in), c.key, c.target)
		}
	}
	if _, ok := routeKey(table, types.Route{Origin: "CreateRoute"}); ok {
		t.Error("a route without a destination has no key")
	}
}

func TestDisassociatedSubnetIsLeftOut(t *testing.T) {
	t.Parallel()
	state := &types.RouteTableAssociationState{State: types.RouteTableAssociationStateCodeDisassociated}
	diff(t, tableOf(types.RouteTable{VpcId: aws.String("vpc-1"), Associations: []types.RouteTableAssociation{
		{SubnetId: aws.String("subnet-2")}, {SubnetId: aws.String("subnet-1")}, {SubnetId: aws.String("subnet-3"), AssociationState: state}, {Main: aws.Bool(true)},
	}}), netstate.Table{VPC: "vpc-1", Main: true, Subnets: []netstate.SubnetID{"subnet-1", "subnet-2"}, Tags: netstate.Tags{}})
}

func TestOnlyAssociatedCIDRsCount(t *testing.T) {
	t.Parallel()
	in := types.Vpc{CidrBlock: aws.String("10.0.0.0/16")}
	for state, c := range map[types.VpcCidrBlockStateCode]string{"associated": "10.0.0.0/16", "associating": "10.1.0.0/16", "disassociating": "10.2.0.0/16", "failed": "10.3.0.0/16"} {
		in.CidrBlockAssociationSet = append(in.CidrBlockAssociationSet, types.VpcCidrBlockAssociation{CidrBlock: aws.String(c), CidrBlockState: &types.VpcCidrBlockState{State: state}})
	}
	in.Ipv6CidrBlockAssociationSet = []types.VpcIpv6CidrBlockAssociation{{Ipv6CidrBlock: aws.String("2001:db8::/56")}}
	diff(t, len(factsOf(in).CIDRs), 1)
	diff(t, factsOf(types.Vpc{CidrBlock: in.CidrBlock}).CIDRs, factsOf(in).CIDRs)
}
