package ec2sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// VPC User Guide, "Secondary CIDR blocks": what a peering forbids.
func TestCIDRsOfPeeredVPCs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	add := func(account, vpc, cidr string) string {
		return f.do(account, east, "AssociateVpcCidrBlock", "VpcId", vpc, "CidrBlock", cidr).Code
	}
	id := f.request(spoke, bob, east)
	equal(t, add(alice, hub, "10.50.0.0/16"), "OperationNotPermitted") // the requester of a pending request adds nothing
	equal(t, add(bob, spoke, "10.60.0.0/16"), "")
	wantCode(t, f.accept(bob, east, id), "")
	equal(t, add(alice, hub, "10.60.0.0/17"), "InvalidVpc.Range") // overlaps the peer
	equal(t, add(alice, hub, "10.61.0.0/16"), "")
	equal(t, f.status(alice, east, id), "active")
	equal(t, add(bob, spoke, "10.61.0.0/16"), "InvalidVpc.Range") // the same seen from the other side
}

// VPC User Guide, "Secondary CIDR blocks": the requester of a waiting request adds no CIDR of either family, and afterwards may again.
func TestWaitingRequesterAddsNoCIDR(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{Initiating: time.Second}))
	id := f.request(spoke, bob, east)
	for range 2 { // initiating, then pending
		f.unchanged(func() {
			f.no("OperationNotPermitted", alice, east, "AssociateVpcCidrBlock", "VpcId", hub, "CidrBlock", "10.50.0.0/16")
			f.no("OperationNotPermitted", alice, east, "AssociateVpcCidrBlock", "VpcId", hub, "AmazonProvidedIpv6CidrBlock", "true")
		})
		f.advance(time.Second)
	}
	f.ok(alice, east, "AssociateVpcCidrBlock", "VpcId", near, "AmazonProvidedIpv6CidrBlock", "true") // another VPC is free
	f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	f.ok(alice, east, "AssociateVpcCidrBlock", "VpcId", hub, "CidrBlock", "10.50.0.0/16")
}

// VPC User Guide, "Secondary CIDR blocks": the accepter of a waiting request may add what overlaps the requester; that fails the request.
func TestOverlapWhileWaitingFailsTheRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ cidr, status string }{
		"overlap of the first cidr": {"10.0.128.0/20", "failed"}, "no overlap": {"10.62.0.0/16", "pending-acceptance"},
		"overlap of a secondary one": {"100.64.8.0/24", "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			id := f.request(spoke, bob, east)
			f.ok(bob, east, "AssociateVpcCidrBlock", "VpcId", spoke, "CidrBlock", c.cidr)
			equal(t, f.status(alice, east, id), c.status)
		})
	}
}

// VPC User Guide, "VPC CIDR blocks": sizes, restricted ranges, and the rule about routes.
func TestVPCCIDRs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{Associating: time.Second}))
	for cidr, want := range map[string]string{"10.0.0.0/15": "InvalidVpc.Range", "10.0.0.0/29": "InvalidVpc.Range", "10.0.0/16": "InvalidParameterValue", "": "MissingParameter"} {
		f.no(want, bob, west, "CreateVpc", "CidrBlock", cidr)
	}
	add := func(cidr string) answered {
		return f.do(alice, east, "AssociateVpcCidrBlock", "VpcId", hub, "CidrBlock", cidr)
	}
	f.ok(alice, east, "CreateRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "10.77.1.0/24", "NatGatewayId", "nat-00000000000000001")
	equal(t, add("10.0.128.0/20").Code, "InvalidVpc.Range")  // overlaps the VPC itself
	equal(t, add("192.168.0.0/16").Code, "InvalidVpc.Range") // another private range
	equal(t, add("10.77.0.0/16").Code, "InvalidVpc.Range")   // contains the destination of a route
	equal(t, add("10.77.1.128/25").Code, "")                 // inside it is allowed
	a := add("10.78.0.0/16")
	equal(t, a.one("cidrBlockAssociation/cidrBlockState/state"), "associating")
	state := func() []string {
		return f.ok(alice, east, "DescribeVpcs", "VpcId.1", hub).all("vpcSet/item/cidrBlockAssociationSet/item/cidrBlockState/state")
	}
	equal(t, state()[3], "associating")
	f.advance(time.Second)
	equal(t, state()[3], "associated")
	equal(t, add("10.79.0.0/16").Code, "")
	equal(t, add("10.80.0.0/16").Code, "CidrLimitExceeded")
	f.ok(alice, east, "DisassociateVpcCidrBlock", "AssociationId", a.one("cidrBlockAssociation/associationId"))
	equal(t, len(state()), 4)
	first := f.ok(alice, east, "DescribeVpcs", "VpcId.1", hub).one("vpcSet/item/cidrBlockAssociationSet/item/associationId")
	f.no("OperationNotPermitted", alice, east, "DisassociateVpcCidrBlock", "AssociationId", first)
	v6 := f.ok(alice, east, "AssociateVpcCidrBlock", "VpcId", hub, "AmazonProvidedIpv6CidrBlock", "true").one("ipv6CidrBlockAssociation/ipv6CidrBlock")
	if !strings.HasSuffix(v6, "::/56") {
		t.Errorf("got %s, want a /56", v6)
	}
}
