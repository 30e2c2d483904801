package ec2sim_test

import (
	"bytes"
	"fmt"
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
	deletes := func(account, region string) func(*fixture, string) {
		return func(f *fixture, id string) {
			f.ok(account, region, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
		}
	}
	accepted := func(owner, region string, then func(*fixture, string)) func(*fixture, string) {
		return func(f *fixture, id string) {
			wantCode(f.t, f.accept(owner, region, id), "")
			then(f, id)
		}
	}
	for name, c := range map[string]struct {
		peer, owner, region string // no peer: a new VPC there
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
		"rejected in another region": {far, bob, west, func(f *fixture, id string) {
			f.ok(bob, west, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", id)
		}, "rejected", long, short},
		"request deleted":                    {spoke, bob, east, deletes(alice, east), "deleted", short, long},
		"deleted by requester":               {spoke, bob, east, accepted(bob, east, deletes(alice, east)), "deleted", short, long},
		"deleted by accepter":                {spoke, bob, east, accepted(bob, east, deletes(bob, east)), "deleted", long, short},
		"deleted in one account":             {near, alice, east, deletes(alice, east), "deleted", short, short},
		"deleted between one account's":      {"", alice, west, accepted(alice, west, deletes(alice, west)), "deleted", short, short},
		"expired":                            {spoke, bob, east, func(f *fixture, id string) { f.advance(7 * day) }, "expired", long, long},
		"expired in one account":             {near, alice, east, func(f *fixture, id string) { f.advance(7 * day) }, "expired", long, long},
		"failed":                             {clash, bob, east, func(f *fixture, id string) {}, "failed", short, 0},
		"failed between one account's":       {"vpc-00000000", alice, west, func(f *fixture, id string) {}, "failed", short, 0},
		"failed while it waited for an hour": {spoke, bob, east, overlapLater, "failed", short, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			if c.peer == "" {
				c.peer = f.ok(c.owner, c.region, "CreateVpc", "CidrBlock", "10.200.0.0/16").one("vpc/vpcId")
			}
			id := f.request(c.peer, c.owner, c.region)
			c.end(f, id)
			for _, side := range []struct {
				account, region string
				lasts           time.Duration
			}{{alice, east, c.requester}, {c.owner, c.region, c.accepter}} {
				if c.owner == alice && c.region == east {
					side.lasts = max(c.requester, c.accepter) // one scope, one view
				}
				start := f.Now()
				if side.lasts > 0 {
					f.advance(side.lasts - time.Second)
					equal(t, f.status(side.account, side.region, id), c.status)
					f.advance(time.Second)
				}
				equal(t, f.status(side.account, side.region, id), "")
				f.advance(start.Sub(f.Now()))
			}
		})
	}
}

// overlapLater makes a waiting request fail: the accepter's VPC gets a CIDR that the requester's has.
func overlapLater(f *fixture, _ string) {
	f.advance(time.Hour)
	f.ok(bob, east, "AssociateVpcCidrBlock", "VpcId", spoke, "CidrBlock", "100.64.8.0/24")
}

// VPC Peering Guide, "VPC peering connection lifecycle": what has ended can be neither accepted nor rejected nor deleted, by nobody.
func TestEndedConnectionsTakeNoAction(t *testing.T) {
	t.Parallel()
	for status, end := range map[string]func(f *fixture, id string){
		"failed":  overlapLater,
		"expired": func(f *fixture, _ string) { f.advance(7 * day) },
		"rejected": func(f *fixture, id string) {
			f.ok(bob, east, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", id)
		},
		"deleted": func(f *fixture, id string) {
			f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
		},
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			id := f.request(spoke, bob, east)
			end(f, id)
			f.unchanged(func() {
				for _, action := range []string{"Accept", "Reject", "Delete"} {
					want := "InvalidStateTransition"
					if status == "failed" {
						want = "InvalidVpcPeeringConnectionID.NotFound" // the accepter does not see it
					}
					f.no(want, bob, east, action+"VpcPeeringConnection", "VpcPeeringConnectionId", id)
				}
				f.no("InvalidStateTransition", alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
				f.no("OperationNotPermitted", alice, east, "ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId", id,
					"RequesterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", "true")
			})
			equal(t, f.status(alice, east, id), status)
		})
	}
}

// VPC Peering Guide, "VPC peering connection lifecycle": while it is on its way nobody can do anything with a connection.
func TestPassingStatesTakeNoAction(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{Initiating: time.Second, Provisioning: time.Second, Deleting: time.Second}))
	id := f.request(far, bob, west)
	refused := func(status string) {
		t.Helper()
		equal(t, f.status(alice, east, id), status)
		f.no("InvalidStateTransition", alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	}
	refused("initiating-request")
	f.advance(time.Second)
	wantCode(t, f.accept(bob, west, id), "")
	refused("provisioning")
	f.no("InvalidStateTransition", bob, west, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", id)
	f.advance(time.Second)
	f.no("InvalidStateTransition", bob, west, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", id) // nobody rejects what is active
	f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	refused("deleting")
	id = f.request(spoke, bob, east) // within a region nothing is deleting
	f.advance(time.Second)
	f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	equal(t, f.status(alice, east, id), "deleted")
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
		"missing region":          {far, bob, ""},
		"missing account":         {spoke, "", east},
		"unknown region":          {far, bob, "eu-nowhere-9"},
		"nothing in china":        {far, bob, "cn-north-1"},
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

// VPC Peering Guide, "VPC peering limitations": no peering between partitions, and any within one.
func TestPartitions(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{"cn-north-1": "failed", "us-gov-west-1": "failed", "ap-southeast-2": "pending-acceptance"} {
		f := newFixture(t)
		v := f.ok(bob, region, "CreateVpc", "CidrBlock", "10.200.0.0/16").one("vpc/vpcId")
		equal(t, f.status(alice, east, f.request(v, bob, region)), want)
	}
	f := newFixture(t)
	mine := f.ok(bob, "us-gov-west-1", "CreateVpc", "CidrBlock", "10.200.0.0/16").one("vpc/vpcId")
	theirs := f.ok(bob, "us-gov-east-1", "CreateVpc", "CidrBlock", "10.201.0.0/16").one("vpc/vpcId")
	id := f.ok(bob, "us-gov-west-1", "CreateVpcPeeringConnection", "VpcId", mine, "PeerVpcId", theirs, "PeerRegion", "us-gov-east-1").
		one("vpcPeeringConnection/vpcPeeringConnectionId")
	equal(t, f.status(bob, "us-gov-east-1", id), "pending-acceptance")
}

// VPC Peering Guide, "VPC peering limitations": an overlap of IPv6 CIDRs is one too, also where no IPv4 CIDR overlaps.
func TestCreateFailsOnIPv6Overlap(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) {
		c.World = bytes.ReplaceAll(c.World, []byte("2001:db8:2::/56"), []byte("2001:db8:1::/60"))
	})
	equal(t, f.status(alice, east, f.request(far, bob, west)), "failed")
}

// VPC Peering Guide, "VPC peering limitations": only the two ends of a connection may not overlap, two peers of one VPC may.
func TestPeersOfOneVPCMayOverlap(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.ok(bob, west, "CreateVpc", "CidrBlock", "10.1.0.0/16").one("vpc/vpcId")
	equal(t, f.status(alice, east, f.peered(spoke, bob, east)), "active")
	equal(t, f.status(alice, east, f.peered(other, bob, west)), "active")
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

// Terraform provider issue 44315: a twin cannot be accepted while the other is active or about to be; what has ended is no twin.
func TestTwins(t *testing.T) {
	t.Parallel()
	f := newFixture(t, with(world.Switches{ReverseWhilePending: "refuse"}), delayed(world.Delays{Provisioning: time.Minute}))
	reverse := func() string {
		return f.ok(bob, east, "CreateVpcPeeringConnection", "VpcId", spoke, "PeerVpcId", hub, "PeerOwnerId", alice).one("vpcPeeringConnection/vpcPeeringConnectionId")
	}
	f.ok(bob, east, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", f.request(spoke, bob, east)) // visible, and no twin
	id := f.request(spoke, bob, east)
	wantCode(t, f.accept(bob, east, id), "")
	equal(t, f.status(alice, east, id), "provisioning")
	f.no("VpcPeeringConnectionAlreadyExists", alice, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", reverse())
	f.advance(time.Minute)
	f.no("VpcPeeringConnectionAlreadyExists", alice, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", reverse())

	f = newFixture(t, delayed(world.Delays{Provisioning: time.Minute})) // two may be pending, but only one of them is accepted
	id = f.request(spoke, bob, east)
	twin := reverse()
	wantCode(t, f.accept(bob, east, id), "")
	f.no("VpcPeeringConnectionAlreadyExists", alice, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", twin)
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
	slow := newFixture(t, delayed(world.Delays{Initiating: time.Second, Provisioning: time.Second}))
	id := slow.request(spoke, bob, east)
	c := slow.see(alice, east, id)
	equal(t, [2]any{*c.RequesterVpcInfo.CidrBlock, *c.ExpirationTime}, [2]any{"10.0.0.0/16", slow.Now().Add(7 * day)})
	slow.advance(time.Second)
	wantCode(t, slow.accept(bob, east, id), "")
	equal(t, *slow.see(alice, east, id).AccepterVpcInfo.CidrBlock, "10.1.0.0/16") // provisioning

	id = f.request(far, bob, west)
	c = f.see(bob, west, id)
	equal(t, *c.RequesterVpcInfo.CidrBlock, "10.0.0.0/16")
	if c.AccepterVpcInfo.CidrBlock != nil || len(c.RequesterVpcInfo.CidrBlockSet) > 0 {
		t.Fatal("a pending connection shows more than the requester's first CIDR")
	}
	wantCode(t, f.accept(bob, west, id), "")
	f.peered(spoke, bob, east) // which has no IPv6
	equal(t, len(f.ok(bob, east, "DescribeVpcPeeringConnections").items("vpcPeeringConnectionSet/item/accepterVpcInfo/ipv6CidrBlockSet")), 0)
	a := f.ok(alice, east, "DescribeVpcPeeringConnections", "VpcPeeringConnectionId.1", id)
	info := "vpcPeeringConnectionSet/item/"
	equal(t, a.all(info+"requesterVpcInfo/cidrBlockSet/item/cidrBlock"), []string{"10.0.0.0/16", "100.64.0.0/20"})
	equal(t, a.all(info+"accepterVpcInfo/ipv6CidrBlockSet/item/ipv6CidrBlock"), []string{"2001:db8:2::/56"})
	equal(t, a.one(info+"accepterVpcInfo/region"), west)
	f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	ended := f.ok(alice, east, "DescribeVpcPeeringConnections", "VpcPeeringConnectionId.1", id)
	equal(t, ended.all(info+"requesterVpcInfo/cidrBlock"), nil)
	equal(t, len(ended.items(info+"requesterVpcInfo/cidrBlockSet")), 0)
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
	other := f.ok(alice, east, "CreateVpc", "CidrBlock", "10.71.0.0/16").one("vpc/vpcId")
	id = f.ok(alice, east, "CreateVpcPeeringConnection", "VpcId", other, "PeerVpcId", spoke, "PeerOwnerId", bob).
		one("vpcPeeringConnection/vpcPeeringConnectionId")
	own := f.ok(alice, east, "CreateVpcPeeringConnection", "VpcId", hub, "PeerVpcId", other).one("vpcPeeringConnection/vpcPeeringConnectionId") // of the same account: no hindrance
	f.ok(alice, east, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", f.ok(bob, east, "CreateVpcPeeringConnection", "VpcId", clash, "PeerVpcId", other,
		"PeerOwnerId", alice).one("vpcPeeringConnection/vpcPeeringConnectionId")) // nor one that has ended
	f.ok(alice, east, "DeleteVpc", "VpcId", other) // the requester's takes its own request along
	equal(t, [2]string{f.status(bob, east, id), f.status(alice, east, own)}, [2]string{"deleted", "deleted"})
	equal(t, len(f.facts("status=rejected")), 2) // what had ended stays as it was
}

// EC2 API reference, DescribeVpcPeeringConnections: one unknown id fails the call, a filter does not; nobody else sees a connection.
func TestWhoSeesAConnection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.request(far, bob, west)
	const describe, unknown = "DescribeVpcPeeringConnections", "InvalidVpcPeeringConnectionID.NotFound"
	for account, region := range map[string]string{alice: east, bob: west} {
		equal(t, f.ok(account, region, describe, "VpcPeeringConnectionId.1", id).all("vpcPeeringConnectionSet/item/vpcPeeringConnectionId"), []string{id})
		f.no(unknown, account, region, describe, "VpcPeeringConnectionId.1", id, "VpcPeeringConnectionId.2", "pcx-00000000")
	}
	f.no(unknown, alice, west, describe, "VpcPeeringConnectionId.1", id)
	f.no(unknown, bob, east, describe, "VpcPeeringConnectionId.1", id)
	equal(t, f.status(alice, west, id), "")
	equal(t, f.no(unknown, bob, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id), "The vpcPeeringConnection ID '"+id+"' does not exist")
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

// VPC User Guide, "Amazon VPC quotas": outstanding requests are those made from here and not answered, active ones those accepted.
func TestWhatCountsAsPeering(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{Initiating: time.Minute, Provisioning: time.Minute}), func(cfg *ec2sim.Config) {
		cfg.World = append([]byte("quotas: {peerings: 1, outstanding: 1}\n"), cfg.World...)
	})
	f.ok(bob, east, "CreateVpcPeeringConnection", "VpcId", clash, "PeerVpcId", near, "PeerOwnerId", alice) // made elsewhere
	first := f.request(spoke, bob, east)
	open := []string{"VpcId", hub, "PeerVpcId", far, "PeerOwnerId", bob, "PeerRegion", west}
	f.no("OutstandingVpcPeeringConnectionLimitExceeded", alice, east, "CreateVpcPeeringConnection", open...) // initiating counts
	f.advance(time.Minute)
	wantCode(t, f.accept(bob, east, first), "")
	f.no("VpcPeeringConnectionsPerVpcLimitExceeded", alice, east, "CreateVpcPeeringConnection", open...) // provisioning counts
	f.advance(time.Minute)
	f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", first)
	equal(t, f.status(alice, east, first), "deleted")
	f.ok(alice, east, "CreateVpcPeeringConnection", open...)
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
	f.no("InvalidVpcPeeringConnectionId.NotFound", bob, east, "DescribeVpcPeeringConnections", "VpcPeeringConnectionId.1", "pcx-00000000")
	for n := range 3 {
		f.ok(alice, east, "CreateSecurityGroup", "VpcId", hub, "GroupName", fmt.Sprint("g", n), "GroupDescription", "d")
	}
	all := f.ok(alice, east, "DescribeSecurityGroups", "Filter.1.Name", "group-id", "Filter.1.Value.1", "sg-none", "MaxResults", "5")
	equal(t, len(all.all("securityGroupInfo/item/groupId")), 7)
	equal(t, all.one("nextToken"), "")
}

// One that shows little shows nothing that is wrong.
func TestSparseSwitch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, with(world.Switches{Sparse: true}))
	id := f.ok(alice, east, "CreateVpcPeeringConnection", "VpcId", hub, "PeerVpcId", spoke, "PeerOwnerId", bob).one("vpcPeeringConnection/vpcPeeringConnectionId")
	for _, a := range []answered{f.ok(alice, east, "DescribeVpcPeeringConnections"), f.ok(bob, east, "DescribeVpcPeeringConnections")} {
		equal(t, len(append(a.all("vpcPeeringConnectionSet/item/requesterVpcInfo/ownerId"), a.all("vpcPeeringConnectionSet/item/accepterVpcInfo/ownerId")...)), 1)
	}
	f.ok(bob, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id)
	cidrs := func(account, vpc string) int {
		a := f.ok(account, east, "DescribeVpcs", "VpcId.1", vpc)
		return len(append(a.all("vpcSet/item/cidrBlock"), a.all("vpcSet/item/cidrBlockAssociationSet/item/cidrBlock")...))
	}
	equal(t, []int{cidrs(alice, hub), cidrs(bob, spoke)}, []int{3, 1}) // hub has two
}
