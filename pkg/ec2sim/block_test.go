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
	for name, c := range map[string]struct{ requester, cidr, status string }{
		"overlap of the first cidr": {near, "10.9.128.0/20", "failed"}, "no overlap": {hub, "10.62.0.0/16", "pending-acceptance"},
		"overlap of a secondary one": {hub, "100.64.8.0/24", "failed"},
	} {
		for _, waited := range []time.Duration{0, time.Hour} { // initiating, and pending
			t.Run(name+" after "+waited.String(), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, delayed(world.Delays{Initiating: time.Minute}))
				id := f.ok(alice, east, "CreateVpcPeeringConnection", "VpcId", c.requester, "PeerVpcId", spoke, "PeerOwnerId", bob).
					one("vpcPeeringConnection/vpcPeeringConnectionId")
				f.advance(waited)
				f.ok(bob, east, "AssociateVpcCidrBlock", "VpcId", spoke, "CidrBlock", c.cidr)
				f.advance(time.Hour)
				equal(t, f.status(alice, east, id), c.status)
			})
		}
	}
}

// VPC User Guide, "Secondary CIDR blocks": what overlaps the other side of a connection that has ended is nobody's business.
func TestOverlapWithAnEndedPeer(t *testing.T) {
	t.Parallel()
	for status, end := range map[string]func(f *fixture, id string){
		"deleted": func(f *fixture, id string) {
			f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
		},
		"rejected": func(f *fixture, id string) {
			f.ok(bob, east, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", id)
		},
		"expired": func(f *fixture, _ string) { f.advance(7 * day) },
	} {
		f := newFixture(t)
		id := f.request(spoke, bob, east)
		end(f, id)
		f.ok(bob, east, "AssociateVpcCidrBlock", "VpcId", spoke, "CidrBlock", "100.64.8.0/24")
		equal(t, f.status(alice, east, id), status)
	}
}

// VPC User Guide, "IPv4 CIDR block association restrictions": which ranges go together in one VPC.
func TestAddressRangesOfAVPC(t *testing.T) {
	t.Parallel()
	for primary, tries := range map[string]map[string]string{
		"10.50.0.0/16":   {"10.0.0.0/16": "", "10.51.0.0/16": "", "172.16.0.0/16": "no", "192.168.0.0/16": "no", "198.19.0.0/16": "no", "100.64.0.0/16": "", "8.8.0.0/16": "", "169.254.0.0/16": "no"},
		"10.1.0.0/16":    {"10.0.0.0/16": "no", "10.0.128.0/20": "no", "10.2.0.0/16": ""},
		"10.0.0.0/17":    {"10.0.128.0/17": "no", "10.1.0.0/16": ""},
		"172.20.0.0/16":  {"172.21.0.0/16": "", "172.31.0.0/16": "no", "172.31.8.0/24": "no", "10.0.0.0/16": "no", "192.168.0.0/16": "no", "100.64.0.0/16": ""},
		"192.168.0.0/17": {"192.168.128.0/17": "", "10.0.0.0/16": "no", "172.16.0.0/16": "no", "198.19.0.0/16": "no", "8.8.0.0/16": ""},
		"198.19.0.0/17":  {"198.19.128.0/17": "", "10.0.0.0/16": "no", "172.16.0.0/16": "no", "192.168.0.0/16": "no", "8.8.0.0/16": ""},
		"100.64.0.0/16":  {"100.65.0.0/16": "", "8.8.0.0/16": "", "10.0.0.0/16": "no", "172.16.0.0/16": "no", "192.168.0.0/16": "no", "198.19.0.0/16": "no"},
	} {
		for cidr, want := range tries {
			f := newFixture(t)
			v := f.ok(bob, west, "CreateVpc", "CidrBlock", primary).one("vpc/vpcId")
			if want != "" {
				want = "InvalidVpc.Range"
			}
			if a := f.do(bob, west, "AssociateVpcCidrBlock", "VpcId", v, "CidrBlock", cidr); a.Code != want {
				t.Errorf("%s beside %s: got %q, want %q", cidr, primary, a.Code, want)
			}
		}
	}
	f := newFixture(t)
	f.no("InvalidVpc.Range", bob, west, "CreateVpc", "CidrBlock", "169.254.0.0/16")
	f.no("InvalidParameterCombination", alice, east, "AssociateVpcCidrBlock", "VpcId", hub)
	f.no("InvalidParameterCombination", alice, east, "AssociateVpcCidrBlock", "VpcId", hub, "CidrBlock", "10.50.0.0/16", "AmazonProvidedIpv6CidrBlock", "true")
}

// EC2 API reference, DisassociateVpcCidrBlock: not while a subnet lies in it.
func TestCIDRInUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.ok(alice, east, "AssociateVpcCidrBlock", "VpcId", hub, "CidrBlock", "10.50.0.0/16").one("cidrBlockAssociation/associationId")
	subnet := f.ok(alice, east, "CreateSubnet", "VpcId", hub, "CidrBlock", "10.50.1.0/24").one("subnet/subnetId")
	f.no("InvalidCidrBlock.InUse", alice, east, "DisassociateVpcCidrBlock", "AssociationId", a)
	f.ok(alice, east, "DeleteSubnet", "SubnetId", subnet)
	f.ok(alice, east, "DisassociateVpcCidrBlock", "AssociationId", a)
	f.no("InvalidVpcCidrBlockAssociationID.NotFound", alice, east, "DisassociateVpcCidrBlock", "AssociationId", a)
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
	nearMain := f.ok(alice, east, "DescribeRouteTables", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", near).one("routeTableSet/item/routeTableId")
	f.ok(alice, east, "CreateRoute", "RouteTableId", nearMain, "DestinationCidrBlock", "10.78.1.0/24", "NatGatewayId", "nat-00000000000000001") // another VPC's
	equal(t, add("10.0.128.0/20").Code, "InvalidVpc.Range")                                                                                     // overlaps the VPC itself
	equal(t, add("192.168.0.0/16").Code, "InvalidVpc.Range")                                                                                    // another private range
	equal(t, add("10.77.0.0/16").Code, "InvalidVpc.Range")                                                                                      // contains the destination of a route
	equal(t, add("10.77.1.128/25").Code, "")                                                                                                    // inside it is allowed
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
