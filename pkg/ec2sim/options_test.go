package ec2sim_test

import (
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// VPC Peering Guide, "Enable DNS resolution for a VPC peering connection".
func TestDNSOption(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{Options: time.Second}))
	id := f.request(far, bob, west)
	set := func(side string) []string {
		return []string{"VpcPeeringConnectionId", id, side + "PeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", "true"}
	}
	const modify = "ModifyVpcPeeringConnectionOptions"
	equal(t, f.no("OperationNotPermitted", alice, east, modify, set("Requester")...),
		"Peering "+id+" is not active. Peering options can be added only to active peerings.")
	if o := f.see(alice, east, id).RequesterVpcInfo.PeeringOptions; o != nil {
		t.Fatalf("a pending connection shows options: %v", o)
	}
	wantCode(t, f.accept(bob, west, id), "")
	equal(t, f.no("OperationNotPermitted", alice, east, modify, set("Accepter")...),
		"User "+alice+" does not have permission to modify the accepter side peering options")
	f.no("UnknownParameter", alice, east, modify, "VpcPeeringConnectionId", id,
		"RequesterPeeringConnectionOptions.AllowEgressFromLocalClassicLinkToRemoteVpc", "true")
	a := f.ok(alice, east, modify, set("Requester")...)
	equal(t, a.all("requesterPeeringConnectionOptions/allowDnsResolutionFromRemoteVpc"), []string{"true"})
	equal(t, a.all("accepterPeeringConnectionOptions/allowDnsResolutionFromRemoteVpc"), nil)
	equal(t, *f.see(alice, east, id).RequesterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc, false)
	f.advance(time.Second)
	equal(t, *f.see(alice, east, id).RequesterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc, true)
	if o := f.see(alice, east, id).AccepterVpcInfo.PeeringOptions; o != nil {
		t.Fatalf("another account's options are shown: %v", o)
	}
	f.ok(bob, west, "ModifyVpcAttribute", "VpcId", far, "EnableDnsHostnames.Value", "false")
	f.no("InvalidVpcPeeringConnectionState.DnsHostnamesDisabled", bob, west, modify, set("Accepter")...)
}

// VPC Peering Guide, "Enable DNS resolution for a VPC peering connection": both VPCs need DNS hostnames and DNS support.
func TestDNSOptionNeedsBothVPCs(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]struct{ account, vpc, attribute string }{
		"requester hostnames": {alice, hub, "EnableDnsHostnames"}, "accepter hostnames": {bob, spoke, "EnableDnsHostnames"},
		"requester support": {alice, hub, "EnableDnsSupport"}, "accepter support": {bob, spoke, "EnableDnsSupport"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			id := f.peered(spoke, bob, east)
			f.ok(off.account, east, "ModifyVpcAttribute", "VpcId", off.vpc, "EnableDnsHostnames.Value", "false")
			if off.attribute == "EnableDnsSupport" {
				f.ok(off.account, east, "ModifyVpcAttribute", "VpcId", off.vpc, "EnableDnsSupport.Value", "false")
			}
			set := func(value string) string {
				return f.do(bob, east, "ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId", id,
					"AccepterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", value).Code
			}
			equal(t, set("true"), "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled")
			equal(t, set("false"), "") // to turn it off needs nothing
		})
	}
}

// VPC Peering Guide, "Enable DNS resolution": one account sets both sides in one call within a region, and between regions each side from
// its own.
func TestDNSOptionWithinOneAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ok(alice, east, "ModifyVpcAttribute", "VpcId", near, "EnableDnsHostnames.Value", "true")
	id := f.peered(near, alice, east)
	const requester, accepter = "RequesterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", "AccepterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc"
	const modify = "ModifyVpcPeeringConnectionOptions"
	f.no("MissingParameter", alice, east, modify, "VpcPeeringConnectionId", id)
	f.ok(alice, east, modify, "VpcPeeringConnectionId", id, requester, "true", accepter, "true")
	equal(t, len(f.facts("requester-dns=true accepter-dns=true")), 1)

	v := f.ok(alice, west, "CreateVpc", "CidrBlock", "10.200.0.0/16").one("vpc/vpcId")
	f.ok(alice, west, "ModifyVpcAttribute", "VpcId", v, "EnableDnsHostnames.Value", "true")
	id = f.peered(v, alice, west)
	f.unchanged(func() {
		f.no("OperationNotPermitted", alice, east, modify, "VpcPeeringConnectionId", id, requester, "true", accepter, "true")
		f.no("OperationNotPermitted", alice, west, modify, "VpcPeeringConnectionId", id, requester, "true")
	})
	f.ok(alice, east, modify, "VpcPeeringConnectionId", id, requester, "true")
	f.ok(alice, west, modify, "VpcPeeringConnectionId", id, accepter, "true")
	equal(t, len(f.facts(id+" ")), 2)
	equal(t, len(f.facts("dns=true tags")), 3)
}

// EC2 API reference, PeeringOptions: not shown while the request waits, and not of another account's side.
func TestOptionsAreShownOnlyWhereKnown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	shown := func(account, region, id string) [2]bool {
		c := f.see(account, region, id)
		return [2]bool{c.RequesterVpcInfo.PeeringOptions != nil, c.AccepterVpcInfo.PeeringOptions != nil}
	}
	id := f.request(far, bob, west)
	equal(t, shown(alice, east, id), [2]bool{})
	equal(t, shown(bob, west, id), [2]bool{})
	wantCode(t, f.accept(bob, west, id), "")
	equal(t, shown(alice, east, id), [2]bool{true, false})
	equal(t, shown(bob, west, id), [2]bool{false, true})
	equal(t, shown(alice, east, f.peered(near, alice, east)), [2]bool{true, true})
}
