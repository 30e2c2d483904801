package ec2sim_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// routes shows a table as "destination target state".
func (f *fixture) routes(account, region, table string) []string {
	f.t.Helper()
	a := f.ok(account, region, "DescribeRouteTables", "RouteTableId.1", table)
	var out []string
	for _, r := range a.items("routeTableSet/item/routeSet/item") {
		dest := r.one("destinationCidrBlock") + r.one("destinationIpv6CidrBlock") + r.one("destinationPrefixListId")
		target := r.one("gatewayId") + r.one("vpcPeeringConnectionId") + r.one("natGatewayId")
		out = append(out, dest+" "+target+" "+r.one("state"))
	}
	return out
}

// items is the elements at a path.
func (n node) items(path string) []node {
	name, rest, deeper := strings.Cut(path, "/")
	var out []node
	for _, k := range n.Kids {
		switch {
		case k.XMLName.Local != name:
		case deeper:
			out = append(out, k.items(rest)...)
		default:
			out = append(out, k)
		}
	}
	return out
}

// VPC Peering Guide, "Update your route tables": a route to a pending connection is a blackhole that comes alive by itself, dies
// with the connection, stays, and is repaired only by ReplaceRoute.
func TestRouteFollowsConnection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.request(spoke, bob, east)
	f.ok(alice, east, "CreateRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "10.1.0.7/16", "VpcPeeringConnectionId", id)
	local := []string{"10.0.0.0/16 local active", "100.64.0.0/20 local active", "2001:db8:1::/56 local active"}
	want := func(route string) {
		t.Helper()
		equal(t, f.routes(alice, east, hubOther), append(local[:3:3], route))
	}
	want("10.1.0.0/16 " + id + " blackhole") // and host bits are cleared
	wantCode(t, f.accept(bob, east, id), "")
	want("10.1.0.0/16 " + id + " active")
	f.ok(bob, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	f.advance(30 * day)
	want("10.1.0.0/16 " + id + " blackhole")
	next := f.peered(spoke, bob, east)
	f.no("RouteAlreadyExists", alice, east, "CreateRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", next)
	f.ok(alice, east, "ReplaceRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", next)
	want("10.1.0.0/16 " + next + " active")
}

// EC2 API reference, CreateRoute, ReplaceRoute, DeleteRoute; EC2 Developer Guide, "Error codes".
func TestRouteErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pcx := f.peered(spoke, bob, east)
	elsewhere := f.ok(bob, east, "CreateVpcPeeringConnection", "VpcId", spoke, "PeerVpcId", near, "PeerOwnerId", alice).
		one("vpcPeeringConnection/vpcPeeringConnectionId")
	via := func(cidr string) []string {
		return []string{"RouteTableId", hubMain, "DestinationCidrBlock", cidr, "VpcPeeringConnectionId", pcx}
	}
	for name, c := range map[string]struct {
		action, code, message string
		params                []string
	}{
		"taken destination": {"CreateRoute", "RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists.", via("0.0.0.0/0")},
		"inside the vpc": {"CreateRoute", "InvalidParameterValue", "The destination CIDR block 10.0.5.0/24 is equal to or more specific than " +
			"one of this VPC's CIDR blocks. This route can target only an interface or an instance.", via("10.0.5.0/24")},
		"the vpc itself":     {"CreateRoute", "InvalidParameterValue", "", via("100.64.0.0/20")},
		"link local":         {"CreateRoute", "InvalidParameterValue", "", via("169.254.169.0/24")},
		"bad cidr":           {"CreateRoute", "InvalidParameterValue", "Value (10.1/16) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.", via("10.1/16")},
		"ipv6 as ipv4":       {"CreateRoute", "InvalidParameterValue", "", via("2001:db8::/32")},
		"unknown table":      {"CreateRoute", "InvalidRouteTableID.NotFound", "The routeTable ID 'rtb-00000000' does not exist", []string{"RouteTableId", "rtb-00000000", "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", pcx}},
		"unknown connection": {"CreateRoute", "InvalidVpcPeeringConnectionID.NotFound", "", []string{"RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", "pcx-00000000"}},
		"another's pcx":      {"CreateRoute", "InvalidParameterValue", "", []string{"RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", elsewhere}},
		"local as gateway":   {"CreateRoute", "InvalidGatewayID.NotFound", "The gateway ID 'local' does not exist", []string{"RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16", "GatewayId", "local"}},
		"unknown nat":        {"CreateRoute", "InvalidNatGatewayID.NotFound", "", []string{"RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16", "NatGatewayId", "nat-00000000000000009"}},
		"two targets":        {"CreateRoute", "InvalidParameterCombination", "", append(via("10.1.0.0/16"), "GatewayId", "igw-00000000")},
		"no target":          {"CreateRoute", "MissingParameter", "", []string{"RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16"}},
		"two destinations":   {"CreateRoute", "InvalidParameterCombination", "", append(via("10.1.0.0/16"), "DestinationIpv6CidrBlock", "2001:db8:9::/48")},
		"no destination":     {"CreateRoute", "MissingParameter", "", []string{"RouteTableId", hubMain, "VpcPeeringConnectionId", pcx}},
		"unknown list":       {"CreateRoute", "InvalidPrefixListID.NotFound", "", []string{"RouteTableId", hubMain, "DestinationPrefixListId", "pl-00000000", "VpcPeeringConnectionId", pcx}},
		"replace nothing":    {"ReplaceRoute", "InvalidParameterValue", "There is no route defined for '10.1.0.0/16' in the route table. Use CreateRoute instead.", via("10.1.0.0/16")},
		"delete nothing":     {"DeleteRoute", "InvalidRoute.NotFound", "no route with destination-cidr-block 10.1.0.0/16 in route table " + hubMain, []string{"RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16"}},
		"delete local":       {"DeleteRoute", "InvalidParameterValue", "cannot remove local route 10.0.0.0/16 in route table " + hubMain, []string{"RouteTableId", hubMain, "DestinationCidrBlock", "10.0.0.0/16"}},
		"dry run":            {"CreateRoute", "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", append(via("10.1.0.0/16"), "DryRun", "true")},
	} {
		t.Run(name, func(t *testing.T) {
			f.unchanged(func() {
				if got := f.no(c.code, alice, east, c.action, c.params...); c.message != "" {
					equal(t, got, c.message)
				}
			})
		})
	}
	f.ok(alice, east, "CreateRoute", via("10.0.0.0/8")...) // wider than the VPC is allowed
	f.ok(alice, east, "CreateRoute", "RouteTableId", hubMain, "DestinationIpv6CidrBlock", "2001:DB8:0002::9/56", "VpcPeeringConnectionId", pcx)
	f.ok(alice, east, "DeleteRoute", "RouteTableId", hubMain, "DestinationIpv6CidrBlock", "2001:db8:2::/56")
}

// EC2 API reference, DeleteRoute and ReplaceRoute: they name the destination exactly as it is kept; only CreateRoute clears host bits.
func TestDestinationsAreNamedExactly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pcx := f.peered(spoke, bob, east)
	const v4, v6 = "DestinationCidrBlock", "DestinationIpv6CidrBlock"
	route := func(name, dest string) []string {
		return []string{"RouteTableId", hubOther, name, dest, "VpcPeeringConnectionId", pcx}
	}
	f.ok(alice, east, "CreateRoute", route(v4, "10.1.0.7/16")...)
	f.ok(alice, east, "CreateRoute", route(v6, "2001:db8:9::7/48")...)
	f.unchanged(func() {
		f.no("InvalidParameterValue", alice, east, "ReplaceRoute", route(v4, "10.1.0.7/16")...)
		f.no("InvalidParameterValue", alice, east, "ReplaceRoute", route(v6, "2001:db8:9::7/48")...)
		equal(t, f.no("InvalidRoute.NotFound", alice, east, "DeleteRoute", route(v4, "10.1.0.7/16")[:4]...),
			"no route with destination-cidr-block 10.1.0.7/16 in route table "+hubOther)
		f.no("InvalidRoute.NotFound", alice, east, "DeleteRoute", route(v6, "2001:db8:9::7/48")[:4]...)
	})
	f.ok(alice, east, "ReplaceRoute", route(v4, "10.1.0.0/16")...)
	f.ok(alice, east, "DeleteRoute", route(v4, "10.1.0.0/16")[:4]...)
	f.ok(alice, east, "DeleteRoute", route(v6, "2001:DB8:9::/48")[:4]...) // the same address in capitals
}

// EC2 API reference, Route: destination and target stand in the members of their kind, and in no others.
func TestDestinationsAndTargetsInTheirMembers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) {
		c.World = bytes.Replace(c.World, []byte("targets: ["), []byte("targets: [eni-00000000000000001, vpce-00000000000000001, tgw-00000000000000001, "+
			"i-00000000000000001, eigw-00000000000000001, cagw-00000000000000001, lgw-00000000000000001, vgw-00000000000000001, "), 1)
	})
	pcx := f.peered(spoke, bob, east)
	for sent, want := range map[[2]string]string{
		{"VpcPeeringConnectionId", pcx}: "vpcPeeringConnectionId", {"NatGatewayId", "nat-00000000000000001"}: "natGatewayId",
		{"TransitGatewayId", "tgw-00000000000000001"}: "transitGatewayId", {"NetworkInterfaceId", "eni-00000000000000001"}: "networkInterfaceId",
		{"InstanceId", "i-00000000000000001"}: "instanceId", {"EgressOnlyInternetGatewayId", "eigw-00000000000000001"}: "egressOnlyInternetGatewayId",
		{"VpcEndpointId", "vpce-00000000000000001"}: "gatewayId", {"CarrierGatewayId", "cagw-00000000000000001"}: "carrierGatewayId",
		{"LocalGatewayId", "lgw-00000000000000001"}: "localGatewayId", {"GatewayId", "vgw-00000000000000001"}: "gatewayId",
	} {
		for name, dest := range map[string]string{"DestinationCidrBlock": "10.77.0.0/16", "DestinationIpv6CidrBlock": "2001:db8:77::/48", "DestinationPrefixListId": "pl-0000000000000a001"} {
			f.ok(alice, east, "CreateRoute", "RouteTableId", hubOther, name, dest, sent[0], sent[1])
			var got []string
			for _, k := range f.ok(alice, east, "DescribeRouteTables", "RouteTableId.1", hubOther).items("routeTableSet/item/routeSet/item")[3].Kids {
				got = append(got, k.XMLName.Local+"="+k.Text)
			}
			member := strings.ToLower(name[:1]) + name[1:]
			equal(t, got, []string{member + "=" + dest, want + "=" + sent[1], "state=active", "origin=CreateRoute"})
			f.ok(alice, east, "DeleteRoute", "RouteTableId", hubOther, name, dest)
		}
	}
}

// VPC User Guide, "Subnet route tables": no routes to two reserved ranges or what lies in them; a wider destination is none of them.
func TestReservedDestinations(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pcx := f.peered(spoke, bob, east)
	for dest, want := range map[string]string{
		"169.254.168.0/22": "InvalidParameterValue", "169.254.169.254/32": "InvalidParameterValue", "169.254.171.0/24": "InvalidParameterValue",
		"fd00:ec2::/32": "InvalidParameterValue", "fd00:ec2::253/128": "InvalidParameterValue",
		"169.254.172.0/24": "", "169.254.0.0/16": "", "fd00::/16": "", "fd00:ec3::/32": "",
	} {
		name := "DestinationCidrBlock"
		if strings.Contains(dest, ":") {
			name = "DestinationIpv6CidrBlock"
		}
		a := f.do(alice, east, "CreateRoute", "RouteTableId", hubOther, name, dest, "VpcPeeringConnectionId", pcx)
		if a.Code != want {
			t.Errorf("%s: got %q, want %q", dest, a.Code, want)
		}
	}
}

// VPC Peering Guide, "VPC peering connection lifecycle", and EC2 API reference, Route: a request that ends leaves its routes as blackholes.
func TestRoutesOutliveARequest(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(f *fixture, id string){
		"rejected": func(f *fixture, id string) {
			f.ok(bob, east, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", id)
		},
		"expired": func(f *fixture, _ string) { f.advance(7 * day) },
		"failed":  overlapLater,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			id := f.request(spoke, bob, east)
			f.ok(alice, east, "CreateRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", id)
			end(f, id)
			equal(t, f.routes(alice, east, hubOther)[3], "10.1.0.0/16 "+id+" blackhole")
			f.advance(30 * day) // long after the connection itself is seen no more
			equal(t, f.status(alice, east, id), "")
			equal(t, f.routes(alice, east, hubOther)[3], "10.1.0.0/16 "+id+" blackhole")
			f.ok(alice, east, "DeleteRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "10.1.0.0/16")
		})
	}
}

// VPC User Guide, "Route priority": a static and a propagated route to one destination stand side by side; only the static one is ours to
// replace or delete.
func TestPropagatedRoutesStandBeside(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) {
		c.World = bytes.Replace(c.World, []byte("tags: {tier: private}}"),
			[]byte("tags: {tier: private}, routes: [{to: 10.1.0.0/16, via: vgw-00000000000000001, origin: EnableVgwRoutePropagation}]}"), 1)
	})
	pcx := f.peered(spoke, bob, east)
	route := []string{"RouteTableId", hubOther, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", pcx}
	f.no("InvalidRoute.NotFound", alice, east, "DeleteRoute", route[:4]...)
	f.no("InvalidParameterValue", alice, east, "ReplaceRoute", route...)
	f.ok(alice, east, "CreateRoute", route...)
	equal(t, f.routes(alice, east, hubOther)[3:], []string{"10.1.0.0/16 vgw-00000000000000001 active", "10.1.0.0/16 " + pcx + " active"})
	a := f.ok(alice, east, "DescribeRouteTables", "RouteTableId.1", hubOther)
	equal(t, a.all("routeTableSet/item/propagatingVgwSet/item/gatewayId"), []string{"vgw-00000000000000001"})
	f.ok(alice, east, "DeleteRoute", route[:4]...)
	equal(t, f.routes(alice, east, hubOther)[3:], []string{"10.1.0.0/16 vgw-00000000000000001 active"})
}

// Sources disagree on what an identical CreateRoute does; both are on offer.
func TestIdenticalCreateRoute(t *testing.T) {
	t.Parallel()
	for choice, want := range map[string]string{"": "", "succeed": "", "fail": "RouteAlreadyExists"} {
		f := newFixture(t, with(world.Switches{IdenticalCreateRoute: choice}))
		pcx := f.peered(spoke, bob, east)
		route := []string{"RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", pcx}
		f.ok(alice, east, "CreateRoute", route...)
		equal(t, f.do(alice, east, "CreateRoute", route...).Code, want)
		equal(t, len(f.facts(hubMain+" 10.1.0.0/16 ->")), 1)
	}
}

// VPC User Guide, "Amazon VPC quotas": routes are counted per table and family; a prefix list counts with its maximum.
func TestRouteQuota(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) {
		c.World = bytes.Replace(c.World, []byte("tags: {tier: private}}"),
			[]byte("tags: {tier: private}, routes: [{to: 10.60.0.0/16, via: vgw-00000000000000001, origin: EnableVgwRoutePropagation}]}"), 1) // does not count
		c.World = bytes.Replace(c.World, []byte("prefixLists:\n"), []byte("prefixLists:\n          - {id: pl-0000000000000a002, name: six, family: IPv6, max: 2}\n"), 1)
		c.World = append([]byte("quotas: {routes: 6}\n"), c.World...)
	})
	pcx := f.peered(spoke, bob, east)
	add := func(name, dest string) string {
		return f.do(alice, east, "CreateRoute", "RouteTableId", hubOther, name, dest, "VpcPeeringConnectionId", pcx).Code
	}
	equal(t, add("DestinationPrefixListId", "pl-0000000000000a001"), "") // 2 local + 3
	equal(t, add("DestinationCidrBlock", "10.1.0.0/16"), "")             // 6
	equal(t, add("DestinationCidrBlock", "10.3.0.0/16"), "RouteLimitExceeded")
	equal(t, add("DestinationIpv6CidrBlock", "2001:db8:9::/48"), "") // the other family has its own count: 1 local + 1
	equal(t, add("DestinationPrefixListId", "pl-0000000000000a002"), "")
	equal(t, add("DestinationIpv6CidrBlock", "2001:db8:10::/48"), "")
	equal(t, add("DestinationIpv6CidrBlock", "2001:db8:11::/48"), "") // 6
	equal(t, add("DestinationIpv6CidrBlock", "2001:db8:12::/48"), "RouteLimitExceeded")
}

// VPC User Guide, "Gateway route tables": no peering routes in a table that a gateway uses, and no gateway for a table with one.
func TestEdgeTables(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pcx := f.peered(spoke, bob, east)
	igw := f.ok(alice, east, "DescribeInternetGateways").one("internetGatewaySet/item/internetGatewayId")
	edge := f.ok(alice, east, "CreateRouteTable", "VpcId", hub).one("routeTable/routeTableId")
	f.ok(alice, east, "AssociateRouteTable", "RouteTableId", edge, "GatewayId", igw)
	route := []string{"DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", pcx}
	f.no("InvalidParameterValue", alice, east, "CreateRoute", append(route, "RouteTableId", edge)...)
	f.ok(alice, east, "CreateRoute", append(route, "RouteTableId", hubOther)...)
	f.no("InvalidParameterValue", alice, east, "AssociateRouteTable", "RouteTableId", hubOther, "GatewayId", igw)
	f.no("InvalidParameterValue", alice, east, "CreateRoute", "RouteTableId", edge, "DestinationPrefixListId", "pl-0000000000000a001", "VpcPeeringConnectionId", pcx)
	f.no("InvalidParameterValue", alice, east, "CreateRoute", "RouteTableId", edge, "DestinationCidrBlock", "10.0.0.0/24", "NatGatewayId", "nat-00000000000000001")
	equal(t, f.routes(alice, east, edge), []string{"10.0.0.0/16 local active", "100.64.0.0/20 local active", "2001:db8:1::/56 local active"})
	f.no("InvalidParameterValue", alice, east, "ReplaceRouteTableAssociation", "RouteTableId", hubOther,
		"AssociationId", f.ok(alice, east, "DescribeRouteTables", "RouteTableId.1", edge).one("routeTableSet/item/associationSet/item/routeTableAssociationId"))
}

// VPC User Guide, "Gateway route tables": a network interface or a gateway load balancer endpoint may take what a gateway brings for a subnet.
func TestEdgeTableTargets(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) {
		c.World = bytes.Replace(c.World, []byte("targets: ["), []byte("targets: [eni-00000000000000001, vpce-00000000000000001, "), 1)
	})
	igw := f.ok(alice, east, "DescribeInternetGateways").one("internetGatewaySet/item/internetGatewayId")
	edge := f.ok(alice, east, "CreateRouteTable", "VpcId", hub).one("routeTable/routeTableId")
	f.ok(alice, east, "CreateRoute", "RouteTableId", edge, "DestinationCidrBlock", "10.77.0.0/16", "NetworkInterfaceId", "eni-00000000000000001")
	f.ok(alice, east, "CreateRoute", "RouteTableId", edge, "DestinationCidrBlock", "10.78.0.0/16", "VpcEndpointId", "vpce-00000000000000001")
	f.ok(alice, east, "AssociateRouteTable", "RouteTableId", edge, "GatewayId", igw) // with such routes in it
	f.ok(alice, east, "DeleteRoute", "RouteTableId", edge, "DestinationCidrBlock", "10.77.0.0/16")
	f.ok(alice, east, "DeleteRoute", "RouteTableId", edge, "DestinationCidrBlock", "10.78.0.0/16")
	subnet := []string{"RouteTableId", edge, "DestinationCidrBlock", "10.0.0.0/24"}
	f.ok(alice, east, "CreateRoute", append(subnet, "NetworkInterfaceId", "eni-00000000000000001")...)
	f.ok(alice, east, "ReplaceRoute", append(subnet, "VpcEndpointId", "vpce-00000000000000001")...)
	equal(t, f.routes(alice, east, edge)[3], "10.0.0.0/24 vpce-00000000000000001 active") // an endpoint comes back as a gateway
	f.no("InvalidParameterValue", alice, east, "CreateRoute", "RouteTableId", edge, "DestinationPrefixListId", "pl-0000000000000a001", "NetworkInterfaceId", "eni-00000000000000001")
}

// EC2 API reference, RouteTable and DescribeRouteTables: subnets on the main table are not listed, and association.main=false finds only
// tables that have an association.
func TestImplicitAssociationsAreNotListed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ok(alice, east, "CreateSubnet", "VpcId", hub, "CidrBlock", "10.0.7.0/24") // on the main table, implicitly
	f.ok(alice, east, "CreateRouteTable", "VpcId", hub)                         // on no subnet
	a := f.ok(alice, east, "DescribeRouteTables", "RouteTableId.1", hubMain)
	equal(t, a.all("routeTableSet/item/associationSet/item/main"), []string{"true"})
	equal(t, a.all("routeTableSet/item/associationSet/item/subnetId"), nil)
	a = f.ok(alice, east, "DescribeRouteTables", "Filter.1.Name", "association.main", "Filter.1.Value.1", "false")
	equal(t, a.all("routeTableSet/item/routeTableId"), []string{hubOther})
}

// VPC User Guide, "Subnet route tables": main and explicit associations.
func TestTableAssociations(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.ok(alice, east, "DescribeRouteTables", "Filter.1.Name", "association.main", "Filter.1.Value.1", "true", "Filter.2.Name", "vpc-id", "Filter.2.Value.1", hub)
	equal(t, a.all("routeTableSet/item/routeTableId"), []string{hubMain})
	main := a.one("routeTableSet/item/associationSet/item/routeTableAssociationId")
	f.no("InvalidParameterValue", alice, east, "DisassociateRouteTable", "AssociationId", main)
	f.no("DependencyViolation", alice, east, "DeleteRouteTable", "RouteTableId", hubMain)
	f.no("Resource.AlreadyAssociated", alice, east, "AssociateRouteTable", "RouteTableId", hubMain, "SubnetId", "subnet-0000000000000a001")
	f.ok(alice, east, "ReplaceRouteTableAssociation", "AssociationId", main, "RouteTableId", hubOther)
	for _, line := range f.facts(" " + hub + " main=") {
		if strings.Contains(line, "main=true") != strings.Contains(line, hubOther) {
			t.Errorf("want only %s to be main: %s", hubOther, line)
		}
	}
	f.ok(alice, east, "DeleteRouteTable", "RouteTableId", hubMain)
}

// EC2 API reference, CreateRouteTable, AssociateRouteTable and DeleteSubnet: a client token makes one table, an association is with one thing,
// and goes with its subnet.
func TestTablesAndTheirUses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	make := func(token string) string {
		return f.ok(alice, east, "CreateRouteTable", "VpcId", hub, "ClientToken", token).one("routeTable/routeTableId")
	}
	first := make("a")
	equal(t, make("a"), first)
	if make("b") == first || f.ok(alice, east, "CreateRouteTable", "VpcId", hub).one("routeTable/routeTableId") == first {
		t.Error("another token, or none, made the same table")
	}
	igw := f.ok(alice, east, "DescribeInternetGateways").one("internetGatewaySet/item/internetGatewayId")
	const subnet = "subnet-0000000000000a001"
	f.no("InvalidParameterCombination", alice, east, "AssociateRouteTable", "RouteTableId", first)
	f.no("InvalidParameterCombination", alice, east, "AssociateRouteTable", "RouteTableId", first, "SubnetId", subnet, "GatewayId", igw)
	f.ok(alice, east, "AssociateRouteTable", "RouteTableId", first, "GatewayId", igw)
	f.no("Resource.AlreadyAssociated", alice, east, "AssociateRouteTable", "RouteTableId", make("b"), "GatewayId", igw)
	f.no("InvalidAssociationID.NotFound", alice, east, "DisassociateRouteTable", "AssociationId", "rtbassoc-00000000")
	f.no("DependencyViolation", alice, east, "DeleteRouteTable", "RouteTableId", hubOther)
	f.ok(alice, east, "DeleteSubnet", "SubnetId", subnet)
	equal(t, len(f.facts("associations="+igw)), 1) // that one stays
	f.ok(alice, east, "DeleteRouteTable", "RouteTableId", hubOther)
	other := f.ok(alice, east, "CreateRouteTable", "VpcId", near).one("routeTable/routeTableId")
	f.no("InvalidParameterValue", alice, east, "AssociateRouteTable", "RouteTableId", other, "GatewayId", igw) // of another VPC
	mine := f.ok(alice, east, "CreateSubnet", "VpcId", hub, "CidrBlock", "10.0.5.0/24").one("subnet/subnetId")
	f.no("InvalidParameterValue", alice, east, "AssociateRouteTable", "RouteTableId", other, "SubnetId", mine)
	one := f.ok(alice, east, "AssociateRouteTable", "RouteTableId", make("b"), "SubnetId", mine).one("associationId")
	f.no("InvalidParameterValue", alice, east, "ReplaceRouteTableAssociation", "AssociationId", one, "RouteTableId", other)
}

// EC2 Developer Guide, "Eventual consistency": a list may miss a route for a while.
func TestRouteListedLate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{Routes: time.Second}))
	pcx := f.peered(spoke, bob, east)
	f.ok(alice, east, "CreateRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", pcx)
	equal(t, len(f.routes(alice, east, hubOther)), 3)
	f.advance(time.Second)
	equal(t, len(f.routes(alice, east, hubOther)), 4)
}

// VPC User Guide, "Internet gateways": routes to a detached gateway are blackholes.
func TestGatewayRoutes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	igw := f.ok(alice, east, "DescribeInternetGateways").one("internetGatewaySet/item/internetGatewayId")
	f.no("DependencyViolation", alice, east, "DeleteInternetGateway", "InternetGatewayId", igw)
	f.no("Gateway.NotAttached", alice, east, "DetachInternetGateway", "InternetGatewayId", igw, "VpcId", near)
	f.ok(alice, east, "DetachInternetGateway", "InternetGatewayId", igw, "VpcId", hub)
	equal(t, f.facts("0.0.0.0/0 ->"), []string{fmt.Sprintf("%s/%s route %s 0.0.0.0/0 -> %s origin=CreateRoute state=blackhole", alice, east, hubMain, igw)})
	f.ok(alice, east, "AttachInternetGateway", "InternetGatewayId", igw, "VpcId", near)
	f.no("InvalidParameterValue", alice, east, "CreateRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "0.0.0.0/0", "GatewayId", igw) // another VPC's
	other := f.ok(alice, east, "CreateInternetGateway").one("internetGateway/internetGatewayId")
	f.no("InvalidParameterValue", alice, east, "AttachInternetGateway", "InternetGatewayId", other, "VpcId", near)
	f.no("Resource.AlreadyAssociated", alice, east, "AttachInternetGateway", "InternetGatewayId", igw, "VpcId", hub)
	f.ok(alice, east, "DeleteInternetGateway", "InternetGatewayId", other)
}
