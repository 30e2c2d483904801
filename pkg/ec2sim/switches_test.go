package ec2sim_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// What AWS does not document is a switch. Each is thrown here; a switch that changes nothing would be a lie.
func TestUndocumentedBehaviour(t *testing.T) {
	t.Parallel()
	open := []string{"VpcId", hub, "PeerVpcId", spoke, "PeerOwnerId", bob}
	for name, c := range map[string]struct {
		with world.Switches
		do   func(f *fixture) string
		want [2]string // by default, and with the switch
	}{
		"peered with itself": {world.Switches{SameVPC: "failed"}, func(f *fixture) string {
			a := f.do(alice, east, "CreateVpcPeeringConnection", "VpcId", hub, "PeerVpcId", hub)
			return a.Code + f.status(alice, east, a.one("vpcPeeringConnection/vpcPeeringConnectionId"))
		}, [2]string{"InvalidParameterValue", "failed"}},
		"tags of a repeated create": {world.Switches{RepeatedCreateTags: "apply"}, func(f *fixture) string {
			f.ok(alice, east, "CreateVpcPeeringConnection", open...)
			a := f.ok(alice, east, "CreateVpcPeeringConnection", append(open[:6:6], "TagSpecification.1.ResourceType", "vpc-peering-connection",
				"TagSpecification.1.Tag.1.Key", "k", "TagSpecification.1.Tag.1.Value", "v")...)
			return a.one("vpcPeeringConnection/tagSet/item/key")
		}, [2]string{"", "k"}},
		"reverse while pending": {world.Switches{ReverseWhilePending: "refuse"}, func(f *fixture) string {
			f.request(spoke, bob, east)
			a := f.ok(bob, east, "CreateVpcPeeringConnection", "VpcId", spoke, "PeerVpcId", hub, "PeerOwnerId", alice)
			return code(f.accept(alice, east, a.one("vpcPeeringConnection/vpcPeeringConnectionId")))
		}, [2]string{"", "VpcPeeringConnectionAlreadyExists"}},
		"accepter deletes a request": {world.Switches{AccepterDeletesPending: "InvalidStateTransition"}, func(f *fixture) string {
			return f.do(bob, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", f.request(spoke, bob, east)).Code
		}, [2]string{"OperationNotPermitted", "InvalidStateTransition"}},
		"route to a dead connection": {world.Switches{RouteToDead: "succeed"}, func(f *fixture) string {
			id := f.peered(spoke, bob, east)
			f.ok(bob, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
			return f.do(alice, east, "CreateRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", id).Code
		}, [2]string{"InvalidVpcPeeringConnectionID.NotFound", ""}},
		"a code for a route to a dead connection": {world.Switches{RouteToDead: "InvalidStateTransition"}, func(f *fixture) string {
			id := f.peered(spoke, bob, east)
			f.ok(bob, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
			return f.do(alice, east, "CreateRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", id).Code
		}, [2]string{"InvalidVpcPeeringConnectionID.NotFound", "InvalidStateTransition"}},
		"route to another's connection": {world.Switches{ForeignConnectionRoute: "InvalidVpcPeeringConnectionID.NotFound"}, func(f *fixture) string {
			a := f.ok(bob, east, "CreateVpcPeeringConnection", "VpcId", spoke, "PeerVpcId", near, "PeerOwnerId", alice)
			return f.do(alice, east, "CreateRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16",
				"VpcPeeringConnectionId", a.one("vpcPeeringConnection/vpcPeeringConnectionId")).Code
		}, [2]string{"InvalidParameterValue", "InvalidVpcPeeringConnectionID.NotFound"}},
		"another account's options": {world.Switches{CrossAccountOptions: "show"}, func(f *fixture) string {
			f.peered(far, bob, west)
			return f.ok(alice, east, "DescribeVpcPeeringConnections").one("vpcPeeringConnectionSet/item/accepterVpcInfo/peeringOptions/allowDnsResolutionFromRemoteVpc")
		}, [2]string{"", "false"}},
		"messages of ended connections": {world.Switches{StatusMessages: "omit"}, func(f *fixture) string {
			f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", f.request(spoke, bob, east))
			return f.ok(alice, east, "DescribeVpcPeeringConnections").one("vpcPeeringConnectionSet/item/status/message")
		}, [2]string{"Deleted by " + alice, ""}},
		"encryption enforced on one side": {world.Switches{EnforcedPeering: "failed"}, func(f *fixture) string {
			return f.status(alice, east, f.request(spoke, bob, east))
		}, [2]string{"pending-acceptance", "failed"}},
		"too many routes": {world.Switches{RouteLimitCode: "ResourceCountLimitExceeded"}, func(f *fixture) string {
			id, code := f.peered(spoke, bob, east), ""
			for n := 0; n < 500 && code == ""; n++ {
				code = f.do(alice, east, "CreateRoute", "RouteTableId", hubMain, "DestinationCidrBlock", fmt.Sprintf("172.16.%d.%d/32", n/200, n%200), "VpcPeeringConnectionId", id).Code
			}
			return code
		}, [2]string{"RouteLimitExceeded", "ResourceCountLimitExceeded"}},
		"modify without description": {world.Switches{ModifyWithoutDescription: "keep"}, func(f *fixture) string {
			a := f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, perm(1, "tcp", "1", "1", "10.1.0.0/16"), []string{"IpPermissions.1.IpRanges.1.Description", "d"})...)
			id := a.one("securityGroupRuleSet/item/securityGroupRuleId")
			f.ok(alice, east, "ModifySecurityGroupRules", "GroupId", hubApp, "SecurityGroupRule.1.SecurityGroupRuleId", id,
				"SecurityGroupRule.1.SecurityGroupRule.IpProtocol", "-1", "SecurityGroupRule.1.SecurityGroupRule.CidrIpv4", "10.1.0.0/16")
			return f.ok(alice, east, "DescribeSecurityGroupRules", "SecurityGroupRuleId.1", id).one("securityGroupRuleSet/item/description")
		}, [2]string{"", "d"}},
		"a limit that only creating meets": {world.Switches{ActiveLimitAt: "create"}, func(f *fixture) string {
			first, second := f.request(spoke, bob, east), f.request(far, bob, west)
			wantCode(f.t, f.accept(bob, east, first), "")
			return code(f.accept(bob, west, second))
		}, [2]string{"VpcPeeringConnectionsPerVpcLimitExceeded", ""}},
		"a repeated create without tags": {world.Switches{RepeatedCreateTags: "apply"}, func(f *fixture) string {
			f.ok(alice, east, "CreateTags", "ResourceId.1", f.request(spoke, bob, east), "Tag.1.Key", "k", "Tag.1.Value", "v")
			return f.ok(alice, east, "CreateVpcPeeringConnection", open...).one("vpcPeeringConnection/tagSet/item/key")
		}, [2]string{"k", "k"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			enforcing := func(cfg *ec2sim.Config) {
				cfg.World = bytes.Replace(cfg.World, []byte("name: hub\n"), []byte("name: hub\n            encryption: {mode: enforce}\n"), 1)
				if strings.HasPrefix(name, "a limit") {
					cfg.World = append([]byte("quotas: {peerings: 1}\n"), cfg.World...)
				}
			}
			equal(t, [2]string{c.do(newFixture(t, enforcing)), c.do(newFixture(t, enforcing, with(c.with)))}, c.want)
		})
	}
}

// VPC User Guide, "VPC encryption controls": a VPC shows its mode, and whether peerings are left out of it.
func TestEncryptionControl(t *testing.T) {
	t.Parallel()
	f := newFixture(t, with(world.Switches{EnforcedPeering: "failed"}), func(c *ec2sim.Config) {
		c.World = bytes.Replace(c.World, []byte("name: hub\n"), []byte("name: hub\n            encryption: {mode: enforce, excludePeering: true}\n"), 1)
	})
	equal(t, f.status(alice, east, f.request(spoke, bob, east)), "pending-acceptance")
	vpcs := f.ok(alice, east, "DescribeVpcs")
	equal(t, vpcs.all("vpcSet/item/encryptionControl/mode"), []string{"enforce"})
	equal(t, vpcs.all("vpcSet/item/encryptionControl/resourceExclusions/vpcPeering/state"), []string{"enabled"})
}

// Every switch is in the table that Check and Variations read, with its name in the world file.
func TestEverySwitchHasItsChoices(t *testing.T) {
	t.Parallel()
	thrown := map[string]bool{}
	for name, sw := range world.Variations() {
		if err := sw.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		v := reflect.ValueOf(sw)
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				thrown[v.Type().Field(i).Name] = true
				if key := v.Type().Field(i).Tag.Get("yaml"); !strings.HasPrefix(name, key) {
					t.Errorf("%s throws the switch %s of the world file", name, key)
				}
			}
		}
	}
	if err := (world.Switches{RouteToDead: "AnyCode", ForeignConnectionRoute: "AnyCode", AccepterDeletesPending: "AnyCode"}).Check(); err != nil {
		t.Error(err)
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[world.Switches]()) {
		if !thrown[field.Name] {
			t.Errorf("no variation throws %s", field.Name)
		}
	}
}

// Where the limit of active peerings is checked is not documented.
func TestWhereTheActiveLimitCounts(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]string{"": "create", "both": "create", "create": "create", "accept": "accept"} {
		f := newFixture(t, with(world.Switches{ActiveLimitAt: where}), func(c *ec2sim.Config) {
			c.World = append([]byte("quotas: {peerings: 1}\n"), c.World...)
		})
		f.peered(spoke, bob, east)
		got := "create"
		a := f.do(alice, east, "CreateVpcPeeringConnection", "VpcId", hub, "PeerVpcId", far, "PeerOwnerId", bob, "PeerRegion", west)
		if a.Code == "" {
			got = "nowhere"
			if f.accept(bob, west, a.one("vpcPeeringConnection/vpcPeeringConnectionId")) != nil {
				got = "accept"
			}
		}
		if got != want {
			t.Errorf("activeLimitAt %q: stopped at %s, want %s", where, got, want)
		}
	}
}

// A connection made by hand in a state on the way to another is stuck there; the others live on from there.
func TestHandMadeConnections(t *testing.T) {
	t.Parallel()
	for status, later := range map[string]string{
		"initiating-request": "initiating-request", "provisioning": "provisioning", "deleting": "deleting", "frozen": "frozen",
		"active": "active", "pending-acceptance": "expired", "expired": "", "rejected": "", "failed": "", "deleted": "",
	} {
		f := newFixture(t, func(c *ec2sim.Config) {
			c.World = append(c.World, fmt.Sprintf(`
connections: [{id: pcx-00000001, status: %s, message: as AWS says, requester: {account: %q, region: %s, vpc: hub}, accepter: {account: %q, region: %s, vpc: far}}]
`, status, alice, east, bob, west)...)
		})
		now := f.status(alice, east, "pcx-00000001")
		equal(t, *f.see(alice, east, "pcx-00000001").Status.Message, "as AWS says")
		f.advance(8 * day)
		if got := [2]string{now, f.status(alice, east, "pcx-00000001")}; got != [2]string{status, later} {
			t.Errorf("got %q, want %q", got, [2]string{status, later})
		}
	}
}

// A create may be answered before even its own account sees the connection (EC2 Developer Guide, "Eventual consistency").
func TestRequesterSeesLate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{VisibleRequester: time.Second}))
	id := f.request(spoke, bob, east)
	f.no("InvalidVpcPeeringConnectionID.NotFound", alice, east, "CreateTags", "ResourceId.1", id, "Tag.1.Key", "k", "Tag.1.Value", "v")
	f.no("InvalidVpcPeeringConnectionID.NotFound", alice, east, "CreateRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", id)
	equal(t, f.request(spoke, bob, east), id)
	f.advance(time.Second)
	f.ok(alice, east, "CreateTags", "ResourceId.1", id, "Tag.1.Key", "k", "Tag.1.Value", "v")
}

// Calls may come all at once; each takes effect once, and the log has each.
func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.After(func(ec2sim.Call) { _ = f.Dump() })
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			f.do(alice, east, "CreateRoute", "RouteTableId", hubOther, "DestinationCidrBlock", fmt.Sprintf("10.77.%d.0/24", i), "NatGatewayId", "nat-00000000000000001")
			f.do(bob, west, "DescribeRouteTables", "MaxResults", "5")
			_, _, _ = f.Calls(), f.World(), f.Fired()
		})
	}
	wg.Wait()
	equal(t, len(f.facts("nat-00000000000000001")), 20)
	calls := f.Calls()
	equal(t, len(calls), 40)
	for i, c := range calls {
		equal(t, c.Seq, i+1)
	}
}
