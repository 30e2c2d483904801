package ec2sim_test

import (
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

const day = 24 * time.Hour

// VPC Peering Guide, "VPC peering connection lifecycle": every state is passed through, each side sees it in its own time.
func TestLifecycleWithDelays(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{
		Initiating: time.Second, Visible: 2 * time.Second, Provisioning: 4 * time.Second, Deleting: 8 * time.Second,
	}))
	id := f.request(far, bob, west)
	steps := []struct {
		wait                time.Duration
		requester, accepter string
		then                func()
	}{
		{0, "initiating-request", "", nil},
		{time.Second, "pending-acceptance", "", func() {
			wantCode(t, f.accept(bob, west, id), "InvalidVpcPeeringConnectionID.NotFound") // not there yet
		}},
		{2 * time.Second, "pending-acceptance", "pending-acceptance", func() { wantCode(t, f.accept(bob, west, id), "") }},
		{0, "provisioning", "provisioning", nil},
		{4 * time.Second, "active", "active", func() { f.ok(bob, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id) }},
		{0, "deleting", "deleting", nil},
		{8 * time.Second, "deleted", "deleted", nil},
		{2 * time.Hour, "deleted", "", nil}, // who deleted it sees it for two hours
		{2*day - 2*time.Hour, "", "", nil},  // the other party for two days
	}
	for i, s := range steps {
		f.advance(s.wait)
		if got := [2]string{f.status(alice, east, id), f.status(bob, west, id)}; got != [2]string{s.requester, s.accepter} {
			t.Fatalf("step %d: got %q, want requester %q, accepter %q", i, got, s.requester, s.accepter)
		}
		if s.then != nil {
			s.then()
		}
	}
}

// VPC Peering Guide, "VPC peering connection lifecycle": what has ended stays visible for two hours or two days.
func TestAfterlife(t *testing.T) {
	t.Parallel()
	const short, long = 2 * time.Hour, 2 * day
	for name, c := range map[string]struct {
		peer, owner, region string
		end                 func(f *fixture, id string)
		status              string
		requester, accepter time.Duration
	}{
		"rejected": {spoke, bob, east, func(f *fixture, id string) {
			f.ok(bob, east, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", id)
		}, "rejected", long, short},
		"rejected in one account": {near, alice, east, func(f *fixture, id string) {
			f.ok(alice, east, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", id)
		}, "rejected", short, short},
		"deleted by requester": {spoke, bob, east, func(f *fixture, id string) {
			f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
		}, "deleted", short, long},
		"deleted in one account": {near, alice, east, func(f *fixture, id string) {
			f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
		}, "deleted", short, short},
		"expired": {spoke, bob, east, func(f *fixture, id string) { f.advance(7 * day) }, "expired", long, long},
		"failed":  {clash, bob, east, func(f *fixture, id string) {}, "failed", short, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			id := f.request(c.peer, c.owner, c.region)
			c.end(f, id)
			for _, side := range []struct {
				account string
				lasts   time.Duration
			}{{alice, c.requester}, {c.owner, c.accepter}} {
				start := f.Now()
				if side.lasts > 0 {
					f.advance(side.lasts - time.Second)
					equal(t, f.status(side.account, east, id), c.status)
					f.advance(time.Second)
				}
				equal(t, f.status(side.account, east, id), "")
				f.advance(start.Sub(f.Now()))
			}
		})
	}
}

// VPC Peering Guide, "VPC peering connection lifecycle": a request waits 168 hours.
func TestRequestExpires(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.request(spoke, bob, east)
	equal(t, *f.see(alice, east, id).ExpirationTime, f.Now().Add(168*time.Hour))
	f.advance(168*time.Hour - time.Millisecond)
	equal(t, f.status(bob, east, id), "pending-acceptance")
	f.advance(time.Millisecond)
	wantCode(t, f.accept(bob, east, id), "InvalidStateTransition")
	if got := f.see(alice, east, id); got.ExpirationTime != nil || got.Status.Code != "expired" {
		t.Fatalf("got %v %v, want expired without an expiration time", got.Status.Code, got.ExpirationTime)
	}
}

// VPC Peering Guide, "VPC peering limitations": overlap of any CIDR, and a peer that does not exist, do not fail the call.
func TestCreateFailsLate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ peer, owner, region string }{
		"secondary cidr overlaps": {clash, bob, east},
		"unknown vpc":             {"vpc-00000000000000000", bob, east},
		"wrong account":           {spoke, alice, east},
		"wrong region":            {far, bob, east},
		"unknown region":          {far, bob, "eu-nowhere-9"},
		"other partition":         {far, bob, "cn-north-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, delayed(world.Delays{Initiating: time.Second}))
			id := f.request(c.peer, c.owner, c.region)
			equal(t, f.status(alice, east, id), "initiating-request")
			f.advance(time.Second)
			got := f.see(alice, east, id)
			equal(t, string(got.Status.Code), "failed")
			equal(t, *got.Status.Message, "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range")
			equal(t, f.status(bob, east, id), "")
			for _, action := range []string{"Delete", "Accept", "Reject"} {
				if code := f.do(alice, east, action+"VpcPeeringConnection", "VpcPeeringConnectionId", id).Code; code == "" {
					t.Errorf("%s of a failed connection succeeded", action)
				}
			}
		})
	}
}

// EC2 API reference, CreateVpcPeeringConnection, and "Error codes": what is wrong on the caller's own side fails the call.
func TestCreateRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, c := range map[string]struct {
		code   string
		params []string
	}{
		"unknown requester":    {"InvalidVpcID.NotFound", []string{"VpcId", "vpc-00000000", "PeerVpcId", spoke}},
		"requester not here":   {"InvalidVpcID.NotFound", []string{"VpcId", far, "PeerVpcId", spoke}},
		"malformed requester":  {"InvalidVpcID.Malformed", []string{"VpcId", "vpc-x", "PeerVpcId", spoke}},
		"malformed peer":       {"InvalidVpcID.Malformed", []string{"VpcId", hub, "PeerVpcId", "pcx-00000000"}},
		"no peer":              {"MissingParameter", []string{"VpcId", hub}},
		"no requester":         {"MissingParameter", []string{"PeerVpcId", spoke}},
		"with itself":          {"InvalidParameterValue", []string{"VpcId", hub, "PeerVpcId", hub}},
		"tags of another type": {"InvalidParameterValue", []string{"VpcId", hub, "PeerVpcId", near, "TagSpecification.1.ResourceType", "vpc"}},
		"a client token":       {"UnknownParameter", []string{"VpcId", hub, "PeerVpcId", near, "ClientToken", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			f.unchanged(func() { f.no(c.code, alice, east, "CreateVpcPeeringConnection", c.params...) })
		})
	}
}

// Terraform provider issues 27750 and 44315: the same direction answers with what is there; the reverse opens another that
// cannot be accepted.
func TestCreateAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.peered(spoke, bob, east)
	equal(t, f.request(spoke, bob, east), id)
	reverse := f.ok(bob, east, "CreateVpcPeeringConnection", "VpcId", spoke, "PeerVpcId", hub, "PeerOwnerId", alice).
		one("vpcPeeringConnection/vpcPeeringConnectionId")
	if reverse == id {
		t.Fatal("the reverse direction answered with the same connection")
	}
	message := f.no("VpcPeeringConnectionAlreadyExists", alice, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", reverse)
	equal(t, message, "The vpc peering connection identified by "+reverse+" already exists.")
	f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	wantCode(t, f.accept(alice, east, reverse), "")
	if again := f.request(spoke, bob, east); again == id {
		t.Fatal("a deleted connection came back")
	}
}

// VPC Peering Guide, "Accept or reject a VPC peering connection": only the accepter, only there, only while pending.
func TestWhoMayAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.request(far, bob, west)
	pcx := []string{"VpcPeeringConnectionId", id}
	f.unchanged(func() {
		equal(t, f.no("OperationNotPermitted", alice, east, "AcceptVpcPeeringConnection", pcx...), "User "+alice+" cannot accept peering "+id)
		f.no("OperationNotPermitted", alice, east, "RejectVpcPeeringConnection", pcx...)
		f.no("InvalidVpcPeeringConnectionID.NotFound", bob, east, "AcceptVpcPeeringConnection", pcx...)
		f.no("OperationNotPermitted", bob, west, "DeleteVpcPeeringConnection", pcx...)
		f.no("InvalidVpcPeeringConnectionId.Malformed", bob, west, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", "pcx-1")
		f.no("DryRunOperation", bob, west, "AcceptVpcPeeringConnection", append(pcx, "DryRun", "true")...)
	})
	wantCode(t, f.accept(bob, west, id), "")
	f.no("InvalidStateTransition", bob, west, "AcceptVpcPeeringConnection", pcx...)
	f.no("InvalidStateTransition", bob, west, "RejectVpcPeeringConnection", pcx...)
	f.ok(bob, west, "DeleteVpcPeeringConnection", pcx...)
	equal(t, f.no("InvalidStateTransition", bob, west, "DeleteVpcPeeringConnection", pcx...),
		"Invalid state transition for "+id+", attempted to transition from deleted to deleting")
}

// VPC Peering Guide, "Accept or reject": between two regions of one account the accepter's region counts.
func TestAcceptInTheRightRegion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	v := f.ok(alice, west, "CreateVpc", "CidrBlock", "10.200.0.0/16").one("vpc/vpcId")
	id := f.request(v, alice, west)
	equal(t, f.no("OperationNotPermitted", alice, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id),
		"Incorrect region ("+east+") specified for this request. VPC peering connection "+id+" must be accepted in region "+west)
	equal(t, f.no("OperationNotPermitted", alice, east, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", id),
		"Incorrect region ("+east+") specified for this request. VPC peering connection "+id+" must be accepted or rejected in region "+west)
	wantCode(t, f.accept(alice, west, id), "")
}

// EC2 API reference, VpcPeeringConnectionVpcInfo: CIDRs are shown once active, before only the requester's first one.
func TestCIDRsShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.request(far, bob, west)
	c := f.see(bob, west, id)
	equal(t, *c.RequesterVpcInfo.CidrBlock, "10.0.0.0/16")
	if c.AccepterVpcInfo.CidrBlock != nil || len(c.RequesterVpcInfo.CidrBlockSet) > 0 {
		t.Fatal("a pending connection shows more than the requester's first CIDR")
	}
	wantCode(t, f.accept(bob, west, id), "")
	a := f.ok(alice, east, "DescribeVpcPeeringConnections")
	info := "vpcPeeringConnectionSet/item/"
	equal(t, a.all(info+"requesterVpcInfo/cidrBlockSet/item/cidrBlock"), []string{"10.0.0.0/16", "100.64.0.0/20"})
	equal(t, a.all(info+"accepterVpcInfo/ipv6CidrBlockSet/item/ipv6CidrBlock"), []string{"2001:db8:2::/56"})
	equal(t, a.one(info+"accepterVpcInfo/region"), west)
	f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	equal(t, f.ok(alice, east, "DescribeVpcPeeringConnections").all(info+"requesterVpcInfo/cidrBlock"), nil)
}

// VPC Peering Guide, "Tag a VPC peering connection": tags belong to an account and region, not to the connection.
func TestTagsPerView(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sw   world.Switches
		want []string // the accepter's tag keys
	}{
		"aws":      {world.Switches{}, []string{"b"}},
		"emulator": {world.Switches{SharedTags: true}, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, with(c.sw))
			id := f.peered(far, bob, west)
			f.ok(alice, east, "CreateTags", "ResourceId.1", id, "Tag.1.Key", "a", "Tag.1.Value", "1")
			f.ok(bob, west, "CreateTags", "ResourceId.1", id, "Tag.1.Key", "b", "Tag.1.Value", "")
			equal(t, f.ok(bob, west, "DescribeVpcPeeringConnections").all("vpcPeeringConnectionSet/item/tagSet/item/key"), c.want)
		})
	}
}

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
	second := newFixture(t)
	id = second.request(spoke, bob, east)
	second.ok(bob, east, "AssociateVpcCidrBlock", "VpcId", spoke, "CidrBlock", "10.0.128.0/20")
	equal(t, second.status(alice, east, id), "failed") // the accepter may add what overlaps the requester
}

// VPC Peering Guide, "Delete a VPC peering connection": deleting a VPC.
func TestDeletePeeredVPC(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine := f.ok(alice, east, "CreateVpc", "CidrBlock", "10.70.0.0/16").one("vpc/vpcId")
	id := f.ok(bob, east, "CreateVpcPeeringConnection", "VpcId", spoke, "PeerVpcId", mine, "PeerOwnerId", alice).
		one("vpcPeeringConnection/vpcPeeringConnectionId")
	f.no("DependencyViolation", alice, east, "DeleteVpc", "VpcId", mine)
	wantCode(t, f.accept(alice, east, id), "")
	f.ok(alice, east, "DeleteVpc", "VpcId", mine)
	equal(t, f.status(bob, east, id), "deleted")
	f.no("InvalidVpcID.NotFound", alice, east, "DescribeVpcs", "VpcId.1", mine)
}

// Quotas of the VPC User Guide, with the codes of "Error codes"; which of the twin codes is raised is a switch.
func TestPeeringQuotas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sw           world.Switches
		active, wait string
	}{
		"default": {world.Switches{}, "VpcPeeringConnectionsPerVpcLimitExceeded", "OutstandingVpcPeeringConnectionLimitExceeded"},
		"twins": {world.Switches{
			ActiveLimitCode: "ActiveVpcPeeringConnectionPerVpcLimitExceeded", PendingLimitCode: "PendingVpcPeeringConnectionLimitExceeded",
		}, "ActiveVpcPeeringConnectionPerVpcLimitExceeded", "PendingVpcPeeringConnectionLimitExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, with(c.sw), func(cfg *ec2sim.Config) {
				cfg.World = append([]byte("quotas: {peerings: 1, outstanding: 1}\n"), cfg.World...)
			})
			first := f.request(spoke, bob, east)
			open := []string{"VpcId", hub, "PeerVpcId", far, "PeerOwnerId", bob, "PeerRegion", west}
			f.no(c.wait, alice, east, "CreateVpcPeeringConnection", open...)
			wantCode(t, f.accept(bob, east, first), "")
			f.no(c.active, alice, east, "CreateVpcPeeringConnection", open...)
			// the other direction is stopped when it is accepted
			other := f.ok(bob, west, "CreateVpcPeeringConnection", "VpcId", far, "PeerVpcId", hub, "PeerOwnerId", alice, "PeerRegion", east).
				one("vpcPeeringConnection/vpcPeeringConnectionId")
			f.no(c.active, alice, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", other)
		})
	}
}

// Looser emulators: peerd must survive them, so the simulator can be one.
func TestEmulatorSwitches(t *testing.T) {
	t.Parallel()
	f := newFixture(t, with(world.Switches{JumpToActive: true, AlwaysOptions: true, NotFoundSpelling: "Id", IgnoreFilters: true, IgnorePageSize: true}),
		delayed(world.Delays{Initiating: time.Hour, Provisioning: time.Hour}))
	a := f.ok(alice, east, "CreateVpcPeeringConnection", "VpcId", hub, "PeerVpcId", spoke, "PeerOwnerId", bob)
	equal(t, a.one("vpcPeeringConnection/status/code"), "pending-acceptance")
	id := a.one("vpcPeeringConnection/vpcPeeringConnectionId")
	equal(t, a.all("vpcPeeringConnection/accepterVpcInfo/peeringOptions/allowDnsResolutionFromRemoteVpc"), []string{"false"})
	a = f.ok(bob, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id)
	equal(t, a.one("vpcPeeringConnection/status/code"), "active")
	f.no("InvalidVpcPeeringConnectionId.NotFound", bob, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", "pcx-00000000")
	all := f.ok(alice, east, "DescribeSecurityGroups", "Filter.1.Name", "group-id", "Filter.1.Value.1", "sg-none", "MaxResults", "5")
	equal(t, len(all.all("securityGroupInfo/item/groupId")), 4)
	equal(t, all.one("nextToken"), "")
}
