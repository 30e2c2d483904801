package preflight_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/preflight"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

const (
	spare    = "connections: []"
	paySpec  = "  pay: {account: b, region: eu-west-1, id: vpc-0000000000000000b}"
	hubSide  = "requester: {vpc: hub, routes: {tables: all}, rules: [{group: app, protocol: tcp, ports: 443}]}"
	noRules  = "requester: {vpc: hub, routes: {tables: all}}"
	partner  = `b: {id: "222222222222", managed: false}`
	managed  = `b: {id: "222222222222", role: peerd}`
	toHub    = "{requester: {account: '111111111111', region: eu-west-1, vpc: hub}, accepter: {account: '222222222222', region: eu-west-1, vpc: pay}"
	fromPay  = "{requester: {account: '222222222222', region: eu-west-1, vpc: pay}, accepter: {account: '111111111111', region: eu-west-1, vpc: hub}"
	routable = "routes: []"
)

// withPartner makes pay a partner's: its CIDRs must be stated, and its side is not ours.
var withPartner = []string{managed, partner, paySpec, strings.TrimSuffix(paySpec, "}") + ", cidrs: [10.1.0.0/16]}", "accepter: {vpc: pay, routes: {tables: none}}", "accepter: {vpc: pay}"}

// existing is a connection of the pair, as the world file writes it.
func existing(ends, status, tags, more string) string {
	return fmt.Sprintf("connections: [%s, id: pcx-0000000000000000a, status: %s, tags: {%s}, accepterTags: {%s}}]%s", ends, status, tags, tags, more)
}

// to is the requester's side with these destinations.
func to(dests string) string {
	return strings.Replace(hubSide, "tables: all", "tables: all, to: ["+dests+"]", 1)
}

const (
	hubTables = "tables: [{id: rtb-0000000000000000a"
	payTables = "tables: [{id: rtb-0000000000000000b"
	open      = "{number: 200, direction: ingress, action: allow, cidr: 0.0.0.0/0}, {number: 200, direction: egress, action: allow, cidr: 0.0.0.0/0}"
	shut      = "{id: acl-0000000000000000a, name: shut, subnets: [a]}"
)

// guarded is a subnet with a network ACL of its own, before what the world file has of the VPC anyway.
func guarded(name, cidr string, entries ...string) string {
	return fmt.Sprintf("subnets: [{name: %s, cidr: %s}], acls: [{id: acl-0000000000000000a, subnets: [%s], entries: [%s]}],\n             ", name, cidr, name, strings.Join(entries, ", "))
}

var scenarios = []scenario{
	{code: plan.CodeUnread, name: "the groups cannot be listed",
		prepare: func(r *simtest.Rig, near bool) reconcile.Input {
			account := map[bool]string{false: "111111111111", true: "222222222222"}[near] // where no rule names a group
			r.Sim.Inject(fault.Rule{Operation: "DescribeSecurityGroups", Account: account, Kind: fault.Error, Code: "UnauthorizedOperation", Before: true})
			return reconcile.Input{}
		},
		at: "{vpc: hub", says: []string{"list security groups (111111111111/eu-west-1)", "UnauthorizedOperation"}, severity: plan.HoldsLink, stops: anything},

	{code: plan.CodeVPCMissing, name: "the id is one digit off", fires: []string{paySpec, strings.Replace(paySpec, "00b}", "00d}", 1)},
		at: "{vpc: pay", says: []string{"vpc-0000000000000000d", "correct the id"}, severity: plan.HoldsLink, stops: anything},

	{code: plan.CodeVPCAmbiguous, name: "two VPCs carry the tag", edits: []string{paySpec, "  pay: {account: b, region: eu-west-1, tags: {env: prod}}"},
		fires: []string{"{env: test}", "{env: prod}"},
		at:    "{vpc: pay", says: []string{"2 VPCs", "state vpcs.pay.id"}, severity: plan.HoldsLink, stops: anything},

	{code: plan.CodeVPCMoved, name: "the tag finds another VPC than the connection joins", edits: []string{paySpec, "  pay: {account: b, region: eu-west-1, tags: {env: prod}}"},
		prepare: func(r *simtest.Rig, near bool) reconcile.Input {
			r.Apply()
			r.Do("222222222222", "eu-west-1", "CreateTags", "ResourceId.1", "vpc-0000000000000000b", "Tag.1.Key", "env", "Tag.1.Value", "test")
			r.Do("222222222222", "eu-west-1", "CreateTags", "ResourceId.1", "vpc-000000000000000bb", "Tag.1.Key", "env", "Tag.1.Value", "prod")
			if near { // the id is an order to follow
				r.Spec = simtest.LoadSpec(r.T, smallSpec, "id: vpc-0000000000000000b}", "id: vpc-000000000000000bb}")
			}
			return reconcile.Input{}
		},
		at: "{account: b", says: []string{"moved from", "state vpcs.pay.id to follow"}, severity: plan.HoldsLink, stops: anything,
		nearExit: reconcile.ExitChanges}, // the old connection is a leftover

	{code: plan.CodeOverlap, name: "a secondary CIDR is one address too low", fires: []string{"cidrs: [10.1.0.0/16]", "cidrs: [10.1.0.0/16, 10.0.127.240/28]"},
		near: []string{"cidrs: [10.1.0.0/16]", "cidrs: [10.1.0.0/16, 10.0.128.0/28]"},
		at:   "name: hub-pay", says: []string{"10.0.0.0/17 of hub overlaps 10.0.127.240/28 of pay"}, severity: plan.HoldsLink, stops: anything},
	{code: plan.CodeOverlap, name: "the IPv6 CIDRs are one",
		edits: []string{"cidrs: [10.0.0.0/17]", "cidrs: [10.0.0.0/17], ipv6: '2001:db8:1::/56'"},
		fires: []string{"cidrs: [10.1.0.0/16]", "cidrs: [10.1.0.0/16], ipv6: '2001:db8:1::/56'"},
		near:  []string{"cidrs: [10.1.0.0/16]", "cidrs: [10.1.0.0/16], ipv6: '2001:db8:1:100::/56'"},
		at:    "name: hub-pay", says: []string{"2001:db8:1::/56 of hub overlaps 2001:db8:1::/56 of pay"}, severity: plan.HoldsLink, stops: anything},

	{code: plan.CodeBeyondPinned, name: "the VPC brings one bit more than is pinned", edits: []string{paySpec, strings.TrimSuffix(paySpec, "}") + ", cidrs: [10.1.0.0/17]}"},
		near: []string{"cidrs: [10.1.0.0/16]", "cidrs: [10.1.0.0/17]"},
		at:   "{account: b", says: []string{"has 10.1.0.0/16", "vpcs.pay.cidrs: add it there"}, severity: plan.HoldsLink, stops: anything},
	{code: plan.CodeBeyondPinned, name: "a partner's request shows one bit more than is declared",
		edits: []string{managed, partner, paySpec, strings.TrimSuffix(paySpec, "}") + ", cidrs: [10.1.0.0/17]}",
			"    requester: {vpc: hub,", "    accepter: {vpc: hub,", "    accepter: {vpc: pay, routes: {tables: none}}", "    requester: {vpc: pay}",
			spare, "connections: [" + fromPay + ", id: pcx-0000000000000000a, status: pending-acceptance}]"},
		near: []string{"cidrs: [10.1.0.0/16]", "cidrs: [10.1.0.0/17]"},
		at:   "{vpc: pay", says: []string{"shows 10.1.0.0/16", "vpcs.pay.cidrs does not declare"}, severity: plan.HoldsLink, stops: anything},

	{code: plan.CodeProtected, name: "the VPC's last address is protected", fires: []string{"owner: acme\naccounts", "owner: acme\nprotected: [10.1.255.255/32]\naccounts"},
		near: []string{"owner: acme\naccounts", "owner: acme\nprotected: [10.2.0.0/32]\naccounts"},
		at:   "{account: b", says: []string{"10.1.0.0/16", "10.1.255.255/32", "never routed or opened"}, severity: plan.HoldsLink, stops: anything},
	{code: plan.CodeProtected, name: "the VPC's CIDR is the first public one after the private ones", fires: []string{"cidrs: [10.1.0.0/16]", "cidrs: [11.0.0.0/16]"},
		near: []string{"cidrs: [10.1.0.0/16]", "cidrs: [10.255.0.0/16]"},
		at:   "{account: b", says: []string{"11.0.0.0/16", "public address space: list it under vpcs.pay.cidrs"}, severity: plan.HoldsLink, stops: anything},
	{code: plan.CodeProtected, name: "an entry of a listed prefix list is the first public address after the private ones",
		edits: []string{hubSide, to("{prefixList: pl-0000000000000000a}")},
		fires: []string{"{cidr: 10.1.5.0/24}", "{cidr: 10.1.5.0/24}, {cidr: 172.32.0.0/32}"}, near: []string{"{cidr: 10.1.5.0/24}", "{cidr: 10.1.5.0/24}, {cidr: 172.31.255.255/32}"},
		at: "{prefixList", says: []string{"entry 172.32.0.0/32 of pl-0000000000000000a", "list it under vpcs.pay.cidrs"}, severity: plan.HoldsLink, stops: anything},
	{code: plan.CodeProtected, name: "an entry of a listed prefix list is reserved by EC2",
		edits: []string{hubSide, to("{prefixList: pl-0000000000000000a}"), "max: 3, entries", "max: 3, family: IPv6, entries"},
		fires: []string{"{cidr: 10.1.5.0/24}", "{cidr: 'fd00:ec2::/32'}"}, near: []string{"{cidr: 10.1.5.0/24}", "{cidr: 'fd00:ec3::/32'}"},
		at: "{prefixList", says: []string{"fd00:ec2::/32", "never routed or opened"}, severity: plan.HoldsLink, stops: anything},

	{code: plan.CodeProtected, name: "a wider destination has public addresses beside private ones", fires: []string{hubSide, to("{cidr: 172.0.0.0/11, wider: true}")},
		near: []string{hubSide, to("{cidr: 172.16.0.0/12, wider: true}")},
		at:   "{cidr: 172.0.0.0/11", says: []string{"172.0.0.0/11 holds public addresses, 172.0.0.0/12 among them", "list those under vpcs.pay.cidrs"}, severity: plan.HoldsLink, stops: anything},
	{code: plan.CodeProtected, name: "a rule's wider peer has public addresses beside private ones", fires: []string{"ports: 443}", "ports: 443, peer: [{cidr: 10.0.0.0/7, wider: true}]}"},
		near: []string{"ports: 443}", "ports: 443, peer: [{cidr: 0.0.0.0/0, wider: true}]}"},
		at:   "{cidr: 10.0.0.0/7", says: []string{"10.0.0.0/7 holds public addresses, 11.0.0.0/8 among them"}, severity: plan.HoldsLink, stops: anything},

	{code: plan.CodeOutside, name: "a destination is one address above the peer's", fires: []string{hubSide, to("10.2.0.0/32")}, near: []string{hubSide, to("10.1.255.255/32")},
		at: "10.2.0.0/32", says: []string{"10.2.0.0/32 is not inside the CIDRs of pay (10.1.0.0/16)", "wider: true"}, severity: plan.HoldsLink, stops: anything},
	{code: plan.CodeOutside, name: "a rule's peer is one address above the peer's", fires: []string{"ports: 443}", "ports: 443, peer: [10.2.0.0/32]}"},
		near: []string{"ports: 443}", "ports: 443, peer: [10.1.255.255/32]}"},
		at:   "10.2.0.0/32", says: []string{"10.2.0.0/32 is not inside the CIDRs of pay (10.1.0.0/16)"}, severity: plan.HoldsLink, stops: anything},

	{code: plan.CodeLocal, name: "a destination is the last address of the VPC itself", fires: []string{hubSide, to("{cidr: 10.0.127.255/32, wider: true}")},
		near: []string{hubSide, to("{cidr: 10.0.128.0/32, wider: true}")},
		at:   "{cidr: 10.0.127.255/32", says: []string{"10.0.127.255/32 lies in 10.0.0.0/17 of hub itself", "remove it from routes.to"}, severity: plan.BlocksItem,
		stops: calling("CreateRoute")},

	{code: plan.CodeNoTables, name: "the tag is misspelt", fires: []string{"tables: all", "tables: {tags: {tier: privat}}"}, near: []string{"tables: all", "tables: {tags: {tier: private}}"},
		at: "{tags: {tier: privat}}", says: []string{`tier="privat"`, "left as it is"}, severity: plan.HoldsSide, stops: calling("CreateRoute")},

	{code: plan.CodeGroupMissing, name: "the name is misspelt", fires: []string{"group: app", "group: ap"},
		at: "{group: ap,", says: []string{"no security group ap", "create it or correct the entry"}, severity: plan.HoldsSide, stops: calling("AuthorizeSecurityGroupIngress")},
	{code: plan.CodeGroupAmbiguous, name: "two groups carry the tag", edits: []string{"group: app", "group: {tags: {role: app}}"}, fires: []string{"tags: {role: other}", "tags: {role: app}"},
		at: "{group: {tags", says: []string{"2 security groups", "state the id"}, severity: plan.HoldsSide, stops: calling("AuthorizeSecurityGroupIngress")},

	{code: plan.CodeDNSOff, name: "the peer resolves no host names", edits: []string{"{vpc: hub, routes", "{vpc: hub, dns: true, routes"},
		fires: []string{"cidrs: [10.1.0.0/16], dns: {support: true, hostnames: true}", "cidrs: [10.1.0.0/16], dns: {support: true, hostnames: false}"},
		at:    "{vpc: hub", says: []string{"vpc-0000000000000000b", "turn them on with ModifyVpcAttribute"}, severity: plan.BlocksItem, stops: calling("ModifyVpcPeeringConnectionOptions")},

	{code: plan.CodeForeignConn, name: "another owner's tag is on the connection", fires: []string{spare, existing(toHub, "active", "'peerd:owner': other", "")},
		near: []string{spare, existing(toHub, "active", "'peerd:owner': acme", "")},
		at:   "name: hub-pay", says: []string{"pcx-0000000000000000a", "it belongs to other: agree with that owner"}, severity: plan.HoldsLink, stops: anything},
	{code: plan.CodeForeignConn, name: "nobody's tag is on the connection", edits: []string{spare, existing(fromPay, "active", "", "")},
		near: []string{"  - name: hub-pay\n", "  - name: hub-pay\n    adopt: true\n"},
		at:   "name: hub-pay", says: []string{"pcx-0000000000000000a", "adopt: true would take it over"}, severity: plan.HoldsLink, stops: anything},

	{code: plan.CodeUnknownStatus, name: "the state is a new one", edits: []string{spare, existing(toHub, "active", "'peerd:owner': acme", "")},
		prepare: func(r *simtest.Rig, near bool) reconcile.Input {
			if !near {
				r.Via = frozen{r.Sim}
			}
			return reconcile.Input{}
		},
		at: "name: hub-pay", says: []string{`"frozen"`, "nothing is done about it"}, severity: plan.HoldsLink, stops: anything},

	{code: plan.CodeConnFailed, name: "our request failed just now", fires: []string{spare, existing(toHub, "failed", "'peerd:owner': acme, 'peerd:entry': DIGEST, 'peerd:try': '1 2000-01-01T00:00:00Z'", "")},
		near: []string{spare, existing(toHub, "failed", "'peerd:owner': other, 'peerd:entry': DIGEST, 'peerd:try': '1 2000-01-01T00:00:00Z'", "")},
		at:   "name: hub-pay", says: []string{"failed", "asked for 1 times, again after 2000-01-01T00:01:00Z"}, severity: plan.HoldsLink, stops: anything},
	{code: plan.CodeRejected, name: "our request was rejected", fires: []string{spare, existing(toHub, "rejected", "'peerd:owner': acme", "")},
		near: []string{spare, existing(toHub, "rejected", "'peerd:owner': acme, 'peerd:entry': of-before", "")},
		at:   "name: hub-pay", says: []string{"asked for again when this entry changes"}, severity: plan.HoldsLink, stops: anything},
	{code: plan.CodeDeleted, name: "a partner deleted the connection", edits: withPartner, fires: []string{spare, existing(toHub, "deleted", "'peerd:owner': acme", "")},
		near: []string{spare, existing(toHub, "deleted", "'peerd:owner': acme, 'peerd:entry': of-before", "")},
		at:   "name: hub-pay", says: []string{"asked for again when this entry changes"}, severity: plan.HoldsLink, stops: anything, nearExit: reconcile.ExitChanges},
	{code: plan.CodeExpired, name: "the third request expired", edits: withPartner,
		fires: []string{spare, existing(toHub, "expired", "'peerd:owner': acme, 'peerd:entry': DIGEST, 'peerd:try': '3 1999-12-01T00:00:00Z'", "")},
		near:  []string{spare, existing(toHub, "expired", "'peerd:owner': acme, 'peerd:entry': DIGEST, 'peerd:try': '2 1999-12-01T00:00:00Z'", "")},
		at:    "name: hub-pay", says: []string{"3 times", "talk to 222222222222"}, severity: plan.HoldsLink, stops: anything, nearExit: reconcile.ExitChanges},

	{code: plan.CodeResting, name: "the route failed a second ago",
		prepare: func(r *simtest.Rig, near bool) reconcile.Input {
			r.Sim.Inject(fault.Rule{Operation: "CreateRoute", Kind: fault.Error, Code: "RouteLimitExceeded", Before: true, Count: 1})
			report, _ := r.Apply()
			time.Sleep(map[bool]time.Duration{false: time.Second, true: 2 * time.Minute}[near])
			return reconcile.Input{Memory: report.Memory}
		},
		at: "name: hub-pay", says: []string{"failed 1 times", "RouteLimitExceeded", "tried again after"}, severity: plan.BlocksItem, stops: calling("CreateRoute")},
	{code: plan.CodeStuck, name: "the connection is provisioning for ten minutes and a second",
		prepare: func(r *simtest.Rig, near bool) reconcile.Input {
			r.Apply() // it waits for ten minutes, and remembers since when
			report, _ := r.Plan()
			time.Sleep(10*time.Minute + map[bool]time.Duration{false: time.Second, true: -time.Second}[near])
			return reconcile.Input{DryRun: true, Memory: report.Memory}
		},
		edits: []string{spare, spare + "\ndelays: {provisioning: 10h}"},
		at:    "name: hub-pay", says: []string{"provisioning since", "look at it in the console"}, severity: plan.BlocksItem, stops: anything, idle: true, nearExit: reconcile.ExitChanges},

	{code: plan.CodeRouteConflict, name: "the destination is held by a transit gateway", fires: []string{routable, "routes: [{to: 10.1.0.0/16, via: tgw-0000000000000000a}]"},
		near: []string{routable, "routes: [{to: 10.2.0.0/16, via: tgw-0000000000000000a}]"},
		at:   "{vpc: hub", says: []string{"points at tgw-0000000000000000a", "routes.onConflict: replace"}, severity: plan.BlocksItem,
		stops: calling("CreateRoute", "RouteTableId", "rtb-0000000000000000a", "DestinationCidrBlock", "10.1.0.0/16")},
	{code: plan.CodeRouteContested, name: "two peerings want one destination",
		fires: []string{"peerings:\n", "peerings:\n  - {name: hub-tools, requester: {vpc: hub, routes: {to: [{cidr: 10.1.0.0/16, wider: true}]}}, accepter: {vpc: tools}}\n"},
		near:  []string{"peerings:\n", "peerings:\n  - {name: hub-tools, requester: {vpc: hub, routes: {to: [{cidr: 10.2.0.0/16, wider: true}]}}, accepter: {vpc: tools}}\n"},
		at:    "{vpc: hub", says: []string{"10.1.0.0/16 in rtb-0000000000000000a", "list other destinations under routes.to"}, severity: plan.BlocksItem,
		stops: calling("CreateRoute", "RouteTableId", "rtb-0000000000000000a", "DestinationCidrBlock", "10.1.0.0/16")},

	{code: plan.CodeTwin, name: "both directions live",
		edits: []string{spare, existing(toHub, "active", "'peerd:owner': acme", "")},
		fires: []string{"'peerd:owner': acme}}]", "'peerd:owner': acme}}, " + fromPay + ", id: pcx-0000000000000000b, status: pending-acceptance}]"},
		near:  []string{"'peerd:owner': acme}}]", "'peerd:owner': acme}}, " + fromPay + ", id: pcx-0000000000000000b, status: rejected}]"},
		at:    "name: hub-pay", says: []string{"pcx-0000000000000000b (pending-acceptance)", "delete it"}, severity: plan.Warns},

	{code: plan.CodeSuspendOver, name: "the year is mistyped", edits: []string{"{tables: none}}", "{tables: none}}\n    suspend: {reason: INC-42, until: YEAR-02-01T00:00:00Z}"},
		fires: []string{"YEAR", "1999"}, near: []string{"YEAR", "2000"}, nearExit: reconcile.ExitChanges,
		at: "{reason: INC-42", says: []string{"(INC-42) ended at 1999-02-01T00:00:00Z", "remove it, or set a later time"}, severity: plan.Warns},

	{code: plan.CodeTwoNames, name: "two entries find one pair of VPCs",
		edits: []string{"peerings:\n", "  also: {account: b, region: eu-west-1, tags: {env: ENV}}\npeerings:\n  - {name: also, requester: {vpc: hub}, accepter: {vpc: also}}\n"},
		fires: []string{"env: ENV", "env: prod"}, near: []string{"env: ENV", "env: test"},
		at: "{name: also", says: []string{"hub-pay joins the same two VPCs", "remove one of the entries"}, severity: plan.HoldsLink, stops: anything},

	{code: preflight.CodeShadowed, name: "a longer route is inside the destination", fires: []string{routable, "routes: [{to: 10.1.255.255/32, via: tgw-0000000000000000a}]"},
		near: []string{routable, "routes: [{to: 10.2.0.0/32, via: tgw-0000000000000000a}]"},
		at:   "name: hub-pay", says: []string{"10.1.255.255/32 in rtb-0000000000000000a points at tgw-0000000000000000a", "10.1.0.0/16", "remove it if"}, severity: plan.Warns},
	{code: preflight.CodeShadowed, name: "a route to a prefix list with a longer entry", edits: []string{routable, "routes: [{to: pl-0000000000000000a, via: tgw-0000000000000000a}]"},
		near: []string{"{cidr: 10.1.5.0/24}", "{cidr: 10.2.5.0/24}"},
		at:   "name: hub-pay", says: []string{"10.1.5.0/24 of pl-0000000000000000a in rtb-0000000000000000a points at tgw-0000000000000000a", "10.1.0.0/16"}, severity: plan.Warns},
	{code: preflight.CodeShadowed, name: "a propagated route is longer", fires: []string{routable, "routes: [{to: 10.1.0.0/17, via: vgw-0000000000000000a, origin: EnableVgwRoutePropagation}]"},
		near: []string{routable, "routes: [{to: 10.1.0.0/16, via: vgw-0000000000000000a, origin: EnableVgwRoutePropagation}]"}, // ours beats it
		at:   "name: hub-pay", says: []string{"10.1.0.0/17", "vgw-0000000000000000a"}, severity: plan.Warns},
	{code: preflight.CodeACL, name: "the rule's own side denies it", edits: []string{hubTables, guarded("hub", "10.0.0.0/24", open, "{number: 100, direction: ingress, protocol: tcp, action: deny, cidr: CIDR}") + hubTables},
		fires: []string{"cidr: CIDR", "cidr: 10.1.0.0/16"}, near: []string{"cidr: CIDR", "cidr: 10.1.0.0/17"}, // the other half of the peer is let in
		at: "{group: app", says: []string{"entry 100, ingress deny tcp 0-65535 from 10.1.0.0/16 of acl-0000000000000000a in hub", "ingress tcp 443 from 10.1.0.0/16"}, severity: plan.Warns},
	{code: preflight.CodeACL, name: "no reply gets out", edits: []string{hubTables, guarded("hub", "10.0.0.0/24", "{number: 200, direction: ingress, action: allow, cidr: 0.0.0.0/0}, {number: 200, direction: egress, protocol: tcp, ports: PORTS, action: allow, cidr: 0.0.0.0/0}") + hubTables},
		fires: []string{"PORTS", "0-1023"}, near: []string{"PORTS", "0-1024"},
		at: "{group: app", says: []string{"the closing entry, egress deny all to 0.0.0.0/0 of acl-0000000000000000a", "egress tcp 1024-65535 to 10.1.0.0/16"}, severity: plan.Warns},
	{code: preflight.CodeACL, name: "the far side denies it", edits: []string{payTables, guarded("pay", "10.1.0.0/24", open, "{number: 100, direction: egress, protocol: tcp, ports: PORTS, action: deny, cidr: 10.0.0.0/8}") + payTables},
		fires: []string{"PORTS", "400-443"}, near: []string{"PORTS", "400-442"},
		at: "{group: app", says: []string{"entry 100, egress deny tcp 400-443 to 10.0.0.0/8 of acl-0000000000000000a in pay", "egress tcp 443 to 10.0.0.0/17"}, severity: plan.Warns},
	{code: preflight.CodeACL, name: "the far side lets only the other family out",
		edits: []string{payTables, guarded("pay", "10.1.0.0/24", open, "{number: 300, direction: ingress, action: allow, cidr: '::/0'}, {number: 300, direction: egress, action: allow, cidr: '::/0'}",
			"{number: 100, direction: egress, protocol: tcp, ports: PORTS, action: deny, cidr: 10.0.0.0/8}") + payTables,
			"cidrs: [10.0.0.0/17]", "cidrs: [10.0.0.0/17], ipv6: 2001:db8:a::/56", "cidrs: [10.1.0.0/16]", "cidrs: [10.1.0.0/16], ipv6: 2001:db8:b::/56"},
		fires: []string{"PORTS", "443"}, near: []string{"PORTS", "444"},
		at: "{group: app", says: []string{"entry 100, egress deny tcp 443 to 10.0.0.0/8 of acl-0000000000000000a in pay"}, severity: plan.Warns},
	{code: preflight.CodeACL, name: "the subnet that routes denies it, another does not", edits: []string{hubTables, "subnets: [{id: subnet-0000000000000000b, name: b, cidr: 10.0.1.0/24, table: other}, {id: subnet-0000000000000000a, name: a, cidr: 10.0.0.0/24}], acls: [" + shut + "],\n             " + hubTables,
		"routes: []}]", "routes: []}, {id: rtb-000000000000000aa, name: other}]"},
		fires: []string{"tables: all}", "tables: main}"}, near: []string{"tables: all}", "tables: all}"},
		at: "{group: app", says: []string{"acl-0000000000000000a in hub"}, severity: plan.Warns},
	{code: preflight.CodeUnreadACLs, name: "the network ACLs cannot be listed",
		prepare: func(r *simtest.Rig, near bool) reconcile.Input {
			account := map[bool]string{false: "111111111111", true: "333333333333"}[near]
			r.Sim.Inject(fault.Rule{Operation: "DescribeNetworkAcls", Account: account, Kind: fault.Error, Code: "UnauthorizedOperation", Before: true})
			return reconcile.Input{}
		},
		at: "name: hub-pay", says: []string{"hub", "UnauthorizedOperation"}, severity: plan.Warns},
	{code: preflight.CodeTakes, name: "the destination is inside a wider route", fires: []string{routable, "routes: [{to: 10.0.0.0/15, via: tgw-0000000000000000a}]"},
		near: []string{routable, "routes: [{to: 10.2.0.0/15, via: tgw-0000000000000000a}]"},
		at:   "name: hub-pay", says: []string{"takes 10.1.0.0/16 from tgw-0000000000000000a 10.0.0.0/15", "list narrower destinations"}, severity: plan.Warns},
	{code: preflight.CodeTakes, name: "the destination is propagated", fires: []string{routable, "routes: [{to: 10.1.0.0/16, via: vgw-0000000000000000a, origin: EnableVgwRoutePropagation}]"},
		near: []string{routable, "routes: [{to: 10.1.0.0/17, via: vgw-0000000000000000a, origin: EnableVgwRoutePropagation}]"}, // it beats ours
		at:   "name: hub-pay", says: []string{"takes 10.1.0.0/16 from vgw-0000000000000000a 10.1.0.0/16"}, severity: plan.Warns},

	{code: plan.CodePrefixList, name: "the id of the list is one digit off", fires: []string{hubSide, to("{prefixList: pl-0000000000000000b}")}, near: []string{hubSide, to("{prefixList: pl-0000000000000000a}")},
		at: "{prefixList", says: []string{"no prefix list pl-0000000000000000b", "correct the id"}, severity: plan.HoldsSide, stops: calling("CreateRoute")},
}

// frozen is the simulator in an AWS that has invented a new state for active connections.
type frozen struct{ sim *ec2sim.Sim }

// RoundTrip asks the simulator, and rewrites the states in its reply.
func (f frozen) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := f.sim.RoundTrip(req)
	if err != nil {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	body = bytes.ReplaceAll(body, []byte("<code>active</code>"), []byte("<code>frozen</code>"))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, err
}
