package ec2sim_test

import (
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
	f := newFixture(t, func(c *ec2sim.Config) { c.World = append([]byte("quotas: {routes: 6}\n"), c.World...) })
	pcx := f.peered(spoke, bob, east)
	add := func(name, dest string) string {
		return f.do(alice, east, "CreateRoute", "RouteTableId", hubOther, name, dest, "VpcPeeringConnectionId", pcx).Code
	}
	equal(t, add("DestinationPrefixListId", "pl-0000000000000a001"), "") // 2 local + 3
	equal(t, add("DestinationCidrBlock", "10.1.0.0/16"), "")             // 6
	equal(t, add("DestinationCidrBlock", "10.3.0.0/16"), "RouteLimitExceeded")
	equal(t, add("DestinationIpv6CidrBlock", "2001:db8:9::/48"), "") // the other family has its own count
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
	other := f.ok(alice, east, "CreateInternetGateway").one("internetGateway/internetGatewayId")
	f.no("InvalidParameterValue", alice, east, "AttachInternetGateway", "InternetGatewayId", other, "VpcId", near)
	f.no("Resource.AlreadyAssociated", alice, east, "AttachInternetGateway", "InternetGatewayId", igw, "VpcId", hub)
	f.ok(alice, east, "DeleteInternetGateway", "InternetGatewayId", other)
}
