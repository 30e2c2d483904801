package ec2sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

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

// VPC User Guide, "DNS attributes for your VPC": support on, hostnames off, one attribute per call.
func TestVPCAttributes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	v := f.ok(bob, west, "CreateVpc", "CidrBlock", "10.5.0.0/16").one("vpc/vpcId")
	read := func(name string) string {
		return f.ok(bob, west, "DescribeVpcAttribute", "VpcId", v, "Attribute", name).one(name + "/value")
	}
	equal(t, [2]string{read("enableDnsSupport"), read("enableDnsHostnames")}, [2]string{"true", "false"})
	f.ok(bob, west, "ModifyVpcAttribute", "VpcId", v, "EnableDnsHostnames.Value", "true")
	equal(t, read("enableDnsHostnames"), "true")
	f.no("InvalidParameterCombination", bob, west, "ModifyVpcAttribute", "VpcId", v, "EnableDnsHostnames.Value", "true", "EnableDnsSupport.Value", "true")
	f.no("MissingParameter", bob, west, "ModifyVpcAttribute", "VpcId", v)
	f.no("InvalidParameterValue", bob, west, "DescribeVpcAttribute", "VpcId", v, "Attribute", "x")
}

// VPC User Guide, "Subnet CIDR blocks", and EC2 API reference, DeleteVpc: everything in a VPC goes first.
func TestSubnetsAndDeletingVPCs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	v := f.ok(bob, west, "CreateVpc", "CidrBlock", "10.5.0.0/16").one("vpc/vpcId")
	a := f.ok(bob, west, "CreateSubnet", "VpcId", v, "CidrBlock", "10.5.1.0/24")
	equal(t, [2]string{a.one("subnet/availableIpAddressCount"), a.one("subnet/availabilityZone")}, [2]string{"251", west + "a"})
	f.no("InvalidSubnet.Conflict", bob, west, "CreateSubnet", "VpcId", v, "CidrBlock", "10.5.1.128/25")
	f.no("InvalidSubnet.Range", bob, west, "CreateSubnet", "VpcId", v, "CidrBlock", "10.6.0.0/24")
	f.no("InvalidSubnet.Range", bob, west, "CreateSubnet", "VpcId", v, "CidrBlock", "10.5.2.0/29")
	f.no("DependencyViolation", bob, west, "DeleteVpc", "VpcId", v)
	f.ok(bob, west, "DeleteSubnet", "SubnetId", a.one("subnet/subnetId"))
	f.ok(bob, west, "DeleteVpc", "VpcId", v)
	equal(t, f.facts(v), nil) // and nothing of it is left
}

// VPC User Guide, "Network ACLs".
func TestNetworkACLs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	def := f.ok(alice, east, "DescribeNetworkAcls", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", near)
	equal(t, def.all("networkAclSet/item/entrySet/item/ruleNumber"), []string{"100", "100", "32767", "32767"})
	f.no("InvalidParameterValue", alice, east, "DeleteNetworkAcl", "NetworkAclId", def.one("networkAclSet/item/networkAclId"))
	acl := f.ok(alice, east, "CreateNetworkAcl", "VpcId", hub).one("networkAcl/networkAclId")
	entry := func(kv ...string) []string {
		return append([]string{"NetworkAclId", acl, "RuleNumber", "7", "Egress", "false", "Protocol", "6", "RuleAction", "allow", "CidrBlock", "10.1.2.3/16"}, kv...)
	}
	f.no("MissingParameter", alice, east, "CreateNetworkAclEntry", entry()...)
	f.ok(alice, east, "CreateNetworkAclEntry", entry("PortRange.From", "22", "PortRange.To", "23")...)
	f.no("NetworkAclEntryAlreadyExists", alice, east, "CreateNetworkAclEntry", entry("PortRange.From", "22", "PortRange.To", "23")...)
	f.no("InvalidParameterValue", alice, east, "CreateNetworkAclEntry", entry("RuleNumber", "32767", "PortRange.From", "1", "PortRange.To", "2")...)
	f.ok(alice, east, "ReplaceNetworkAclEntry", entry("PortRange.From", "80", "PortRange.To", "80", "RuleAction", "deny")...)
	equal(t, f.facts("acl-entry "+acl), []string{alice + "/" + east + " acl-entry " + acl + " ingress 7 6 10.1.0.0/16 ports=80-80 icmp=0/0 deny"})
	f.no("InvalidNetworkAclEntry.NotFound", alice, east, "DeleteNetworkAclEntry", "NetworkAclId", acl, "RuleNumber", "8", "Egress", "false")
	on := f.ok(alice, east, "DescribeNetworkAcls", "Filter.1.Name", "association.subnet-id", "Filter.1.Value.1", "subnet-0000000000000a001")
	f.ok(alice, east, "ReplaceNetworkAclAssociation", "NetworkAclId", acl, "AssociationId", on.one("networkAclSet/item/associationSet/item/networkAclAssociationId"))
	f.no("DependencyViolation", alice, east, "DeleteNetworkAcl", "NetworkAclId", acl)
	f.ok(alice, east, "DeleteNetworkAclEntry", "NetworkAclId", acl, "RuleNumber", "7", "Egress", "false")
	equal(t, len(f.facts("acl-entry "+acl)), 0)
}

// VPC User Guide, "Managed prefix lists".
func TestPrefixLists(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	make := func(kv ...string) []string {
		return append([]string{"PrefixListName", "x", "AddressFamily", "IPv4", "MaxEntries", "2", "Entry.1.Cidr", "10.1.0.1/16"}, kv...)
	}
	f.no("InvalidParameterValue", alice, east, "CreateManagedPrefixList", make("Entry.2.Cidr", "2001:db8::/32")...)
	f.no("InvalidParameterValue", alice, east, "CreateManagedPrefixList", make("MaxEntries", "0")...)
	id := f.ok(alice, east, "CreateManagedPrefixList", make("Entry.2.Cidr", "10.0.0.0/16", "Entry.2.Description", "d")...).one("prefixList/prefixListId")
	equal(t, f.ok(alice, east, "GetManagedPrefixListEntries", "PrefixListId", id).all("entrySet/item/cidr"), []string{"10.0.0.0/16", "10.1.0.0/16"})
	f.ok(alice, east, "AuthorizeSecurityGroupEgress", "GroupId", hubApp, "IpPermissions.1.IpProtocol", "-1", "IpPermissions.1.PrefixListIds.1.PrefixListId", id)
	f.no("DependencyViolation", alice, east, "DeleteManagedPrefixList", "PrefixListId", id)
	f.ok(alice, east, "RevokeSecurityGroupEgress", "GroupId", hubApp, "IpPermissions.1.IpProtocol", "-1", "IpPermissions.1.PrefixListIds.1.PrefixListId", id)
	f.ok(alice, east, "DeleteManagedPrefixList", "PrefixListId", id)
	f.no("InvalidPrefixListID.NotFound", alice, east, "GetManagedPrefixListEntries", "PrefixListId", id)
}

// EC2 User Guide, "Tag your resources"; EC2 API reference, CreateTags and DeleteTags.
func TestTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tag := func(id string, kv ...string) []string { return append([]string{"ResourceId.1", id}, kv...) }
	for name, c := range map[string]struct {
		code   string
		params []string
	}{
		"reserved":     {"InvalidParameterValue", tag(hub, "Tag.1.Key", "aws:x", "Tag.1.Value", "1")},
		"long key":     {"InvalidParameterValue", tag(hub, "Tag.1.Key", strings.Repeat("k", 128), "Tag.1.Value", "1")},
		"long value":   {"InvalidParameterValue", tag(hub, "Tag.1.Key", "k", "Tag.1.Value", strings.Repeat("v", 257))},
		"twice":        {"InvalidParameterValue", tag(hub, "Tag.1.Key", "k", "Tag.2.Key", "k")},
		"none":         {"MissingParameter", tag(hub)},
		"unknown id":   {"InvalidVpcID.NotFound", tag(hub, "ResourceId.2", "vpc-00000000", "Tag.1.Key", "k", "Tag.1.Value", "1")},
		"unknown kind": {"InvalidID", tag("x-00000000", "Tag.1.Key", "k", "Tag.1.Value", "1")},
		"not mine":     {"InvalidVpcID.NotFound", tag(spoke, "Tag.1.Key", "k", "Tag.1.Value", "1")},
	} {
		t.Run(name, func(t *testing.T) {
			f.unchanged(func() { f.no(c.code, alice, east, "CreateTags", c.params...) })
		})
	}
	tags := func() string {
		fact := f.facts("vpc " + hub)[0]
		return fact[strings.Index(fact, "tags="):]
	}
	f.ok(alice, east, "CreateTags", tag(hub, "Tag.1.Key", "a", "Tag.1.Value", "1", "Tag.2.Key", "b", "Tag.2.Value", "", "Tag.3.Key", "c", "Tag.3.Value", "3")...)
	f.ok(alice, east, "CreateTags", tag(hub, "Tag.1.Key", "a", "Tag.1.Value", "2")...)
	equal(t, tags(), `tags={"Name":"hub","a":"2","b":"","c":"3"}`)
	f.ok(alice, east, "DeleteTags", tag(hub, "Tag.1.Key", "a", "Tag.1.Value", "1", "Tag.2.Key", "b", "Tag.2.Value", "", "Tag.3.Key", "c")...)
	equal(t, tags(), `tags={"Name":"hub","a":"2"}`) // a has another value
	f.ok(alice, east, "DeleteTags", tag(hub)...)
	equal(t, tags(), `tags={}`)
	limited := newFixture(t, func(c *ec2sim.Config) { c.World = append([]byte("quotas: {tags: 2}\n"), c.World...) })
	limited.no("TagLimitExceeded", alice, east, "CreateTags", tag(hub, "Tag.1.Key", "a", "Tag.2.Key", "b")...)
	limited.ok(alice, east, "CreateTags", tag(hub, "Tag.1.Key", "a")...)
}

// VPC User Guide, "Amazon VPC quotas": the limits that are simply counted.
func TestCountedQuotas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quota, code, action string
		params              []string
	}{
		"vpcs":        {"vpcs: 2", "VpcLimitExceeded", "CreateVpc", []string{"CidrBlock", "10.0.0.0/16"}},
		"subnets":     {"subnets: 1", "SubnetLimitExceeded", "CreateSubnet", []string{"VpcId", hub, "CidrBlock", "10.0.9.0/24"}},
		"tables":      {"tables: 2", "RouteTableLimitExceeded", "CreateRouteTable", []string{"VpcId", hub}},
		"groups":      {"groups: 4", "SecurityGroupLimitExceeded", "CreateSecurityGroup", []string{"VpcId", hub, "GroupName", "n", "GroupDescription", "d"}},
		"gateways":    {"gateways: 1", "InternetGatewayLimitExceeded", "CreateInternetGateway", nil},
		"acls":        {"acls: 1", "NetworkAclLimitExceeded", "CreateNetworkAcl", []string{"VpcId", hub}},
		"acl entries": {"aclEntries: 2", "NetworkAclEntryLimitExceeded", "CreateNetworkAclEntry", []string{"RuleNumber", "7", "Egress", "true", "Protocol", "-1", "RuleAction", "deny", "CidrBlock", "10.0.0.0/8"}},
		"lists":       {"lists: 1", "PrefixListLimitExceeded", "CreateManagedPrefixList", []string{"PrefixListName", "x", "AddressFamily", "IPv4", "MaxEntries", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(quota string) string {
				f := newFixture(t, func(c *ec2sim.Config) { c.World = append([]byte("quotas: {"+quota+"}\n"), c.World...) })
				params := c.params
				if c.action == "CreateNetworkAclEntry" { // the default ACL of the hub has two entries each way
					a := f.ok(alice, east, "DescribeNetworkAcls", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", hub)
					params = append([]string{"NetworkAclId", a.one("networkAclSet/item/networkAclId")}, params...)
				}
				return f.do(alice, east, c.action, params...).Code
			}
			equal(t, run(c.quota), c.code)
			equal(t, run(c.quota[:strings.Index(c.quota, ":")]+": -1"), "")
		})
	}
}

// EC2 Developer Guide, "Request throttling": buckets per account, region and action, refilled as time goes by.
func TestThrottling(t *testing.T) {
	t.Parallel()
	f := newFixture(t, with(world.Switches{Throttle: true}))
	drain := func(action string, params ...string) int {
		for n := 0; ; n++ {
			if a := f.do(alice, east, action, params...); a.Code == "RequestLimitExceeded" {
				equal(t, a.Status, 503)
				return n
			}
		}
	}
	for _, c := range []struct {
		action        string
		params        []string
		size, refills int
	}{
		{"DescribeVpcs", nil, 100, 20},
		{"DescribeSecurityGroups", nil, 50, 10},
		{"DescribeSecurityGroups", []string{"MaxResults", "5"}, 100, 20},
		{"DeleteRoute", nil, 50, 5},
		{"CreateTags", nil, 100, 10},
		{"DescribeStaleSecurityGroups", []string{"VpcId", hub}, 20, 5},
	} {
		equal(t, drain(c.action, c.params...), c.size)
		f.advance(time.Second)
		equal(t, drain(c.action, c.params...), c.refills)
	}
	f.ok(alice, west, "DescribeVpcs")
	f.ok(bob, east, "DescribeVpcs")
}

// EC2 API reference, CreateTags: every kind of resource that can be made can be tagged, and lists its tags.
func TestEveryKindIsTaggable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pcx := f.peered(spoke, bob, east)
	made := f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, perm(1, "tcp", "1", "1", "10.1.0.0/16"), perm(2, "tcp", "2", "2", "10.1.0.0/16"))...)
	rules := made.all("securityGroupRuleSet/item/securityGroupRuleId")
	igw := f.ok(alice, east, "DescribeInternetGateways").one("internetGatewaySet/item/internetGatewayId")
	acl := f.ok(alice, east, "DescribeNetworkAcls").one("networkAclSet/item/networkAclId")
	ids := append(rules, pcx, igw, acl, hub, hubMain, hubApp, "subnet-0000000000000a001", "pl-0000000000000a001")
	var params []string
	for i, id := range ids {
		params = append(params, fmt.Sprintf("ResourceId.%d", i+1), id)
	}
	f.ok(alice, east, "CreateTags", append(params, "Tag.1.Key", "mark", "Tag.1.Value", "x")...)
	for _, id := range ids {
		if got := f.facts(" " + id + " "); len(got) == 0 || !slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, `"mark":"x"`) }) {
			t.Errorf("%s did not take the tag: %q", id, got)
		}
	}
	a := f.ok(alice, east, "DescribeTags", "Filter.1.Name", "key", "Filter.1.Value.1", "mark")
	got := a.all("tagSet/item/resourceId")
	slices.Sort(got)
	slices.Sort(ids)
	equal(t, got, ids)
	f.ok(alice, east, "DeleteTags", append(params, "Tag.1.Key", "mark")...)
	equal(t, len(f.facts(`"mark"`)), 0)
}

// VPC User Guide, "Routing for a middlebox appliance": inside the VPC a whole subnet may be sent to a NAT gateway or an interface.
func TestMiddleboxRoutes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	route := func(cidr string) string {
		return f.do(alice, east, "CreateRoute", "RouteTableId", hubMain, "DestinationCidrBlock", cidr, "NatGatewayId", "nat-00000000000000001").Code
	}
	equal(t, route("10.0.0.0/24"), "")
	equal(t, route("10.0.0.0/25"), "InvalidParameterValue")
	equal(t, route("10.0.0.0/16"), "RouteAlreadyExists") // the local route itself
}

// EC2 API reference, CreateSecurityGroup: without a VPC the default one is meant, if there is one.
func TestDefaultVPC(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	group := []string{"GroupName", "n", "GroupDescription", "d"}
	id := f.ok(alice, east, "CreateSecurityGroup", group...).one("groupId")
	equal(t, f.ok(alice, east, "DescribeSecurityGroups", "GroupId.1", id).one("securityGroupInfo/item/vpcId"), near)
	f.no("VPCIdNotSpecified", bob, east, "CreateSecurityGroup", group...)
}

// The clone that World gives away does not move with the world.
func TestWorldIsACopy(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.DefaultDelays()))
	id := f.request(spoke, bob, east)
	w := f.World()
	before := w.Dump(f.Now())
	f.advance(time.Minute)
	wantCode(t, f.accept(bob, east, id), "")
	f.ok(alice, east, "CreateTags", "ResourceId.1", id, "ResourceId.2", hub, "Tag.1.Key", "k", "Tag.1.Value", "v")
	f.ok(alice, east, "CreateRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", id)
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, perm(1, "tcp", "1", "1", "10.1.0.0/16"))...)
	equal(t, w.Dump(f.Now().Add(-time.Minute)), before)
	c, ok := w.Connection(id)
	equal(t, [2]any{ok, c.Status(f.Now())}, [2]any{true, world.Pending})
}
