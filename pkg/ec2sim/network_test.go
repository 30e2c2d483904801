package ec2sim_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

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
	f.no("InvalidParameterValue", bob, west, "ModifyVpcAttribute", "VpcId", v, "EnableDnsSupport.Value", "false") // hostnames need it
	f.ok(bob, west, "ModifyVpcAttribute", "VpcId", v, "EnableDnsHostnames.Value", "false")
	f.ok(bob, west, "ModifyVpcAttribute", "VpcId", v, "EnableDnsSupport.Value", "false")
	f.no("InvalidParameterValue", bob, west, "ModifyVpcAttribute", "VpcId", v, "EnableDnsHostnames.Value", "true")
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
	f.no("InvalidSubnet.Range", bob, west, "CreateSubnet", "VpcId", v, "CidrBlock", "10.5.3.0/24", "Ipv6CidrBlock", "2001:db8::/64")
	six := f.ok(alice, east, "CreateSubnet", "VpcId", hub, "CidrBlock", "10.0.8.0/24", "Ipv6CidrBlock", "2001:DB8:1:1::/64")
	equal(t, six.all("subnet/ipv6CidrBlockAssociationSet/item/ipv6CidrBlock"), []string{"2001:db8:1:1::/64"})
	f.no("InvalidSubnet.Conflict", alice, east, "CreateSubnet", "VpcId", hub, "CidrBlock", "10.0.9.0/24", "Ipv6CidrBlock", "2001:db8:1:1::/64")
	f.no("InvalidParameterValue", bob, west, "CreateSubnet", "VpcId", v, "CidrBlock", "10.5.3.0/24", "AvailabilityZone", east+"a")
	f.no("MissingParameter", bob, west, "CreateSubnet", "VpcId", v)
	f.no("DependencyViolation", bob, west, "DeleteVpc", "VpcId", v)
	f.ok(bob, west, "DeleteSubnet", "SubnetId", a.one("subnet/subnetId"))
	f.ok(bob, west, "DeleteVpc", "VpcId", v)
	equal(t, f.facts(v), nil) // and nothing of it is left
}

// EC2 API reference, DeleteVpc: what was made in a VPC keeps it, what it was born with goes with it, and nothing of another one.
func TestDeletingAVPC(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2][]string{ // what keeps it, and how that is removed again; V is the VPC, ID what was made
		"a table":     {{"CreateRouteTable", "VpcId", "V"}, {"DeleteRouteTable", "RouteTableId", "ID"}},
		"a group":     {{"CreateSecurityGroup", "VpcId", "V", "GroupName", "n", "GroupDescription", "d"}, {"DeleteSecurityGroup", "GroupId", "ID"}},
		"an acl":      {{"CreateNetworkAcl", "VpcId", "V"}, {"DeleteNetworkAcl", "NetworkAclId", "ID"}},
		"a subnet":    {{"CreateSubnet", "VpcId", "V", "CidrBlock", "10.5.1.0/24"}, {"DeleteSubnet", "SubnetId", "ID"}},
		"two subnets": {{"CreateSubnet", "VpcId", "V", "CidrBlock", "10.5.1.0/24", "AvailabilityZone", east + "b"}, {"DeleteSubnet", "SubnetId", "ID"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.unchanged(func() {
				v := f.ok(alice, east, "CreateVpc", "CidrBlock", "10.5.0.0/16", "AmazonProvidedIpv6CidrBlock", "true").one("vpc/vpcId")
				say := func(words []string, id string) answered {
					params := slices.Clone(words[1:])
					for i, w := range params {
						switch w {
						case "V":
							params[i] = v
						case "ID":
							params[i] = id
						}
					}
					return f.ok(alice, east, words[0], params...)
				}
				made := say(c[0], "")
				id := made.one("routeTable/routeTableId") + made.one("groupId") + made.one("networkAcl/networkAclId") + made.one("subnet/subnetId")
				f.no("DependencyViolation", alice, east, "DeleteVpc", "VpcId", v)
				say(c[1], id)
				f.ok(alice, east, "DeleteVpc", "VpcId", v)
			})
		})
	}
	f := newFixture(t)
	v := f.ok(alice, east, "CreateVpc", "CidrBlock", "10.5.0.0/16", "AmazonProvidedIpv6CidrBlock", "true")
	equal(t, len(v.all("vpc/ipv6CidrBlockAssociationSet/item/ipv6CidrBlock")), 1)
	equal(t, len(f.ok(bob, east, "CreateVpc", "CidrBlock", "10.5.0.0/16").all("vpc/ipv6CidrBlockAssociationSet/item/ipv6CidrBlock")), 0)
	igw := f.ok(alice, east, "CreateInternetGateway").one("internetGateway/internetGatewayId")
	f.ok(alice, east, "AttachInternetGateway", "InternetGatewayId", igw, "VpcId", v.one("vpc/vpcId"))
	f.no("DependencyViolation", alice, east, "DeleteVpc", "VpcId", v.one("vpc/vpcId"))
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
		"of nothing":   {"MissingParameter", []string{"Tag.1.Key", "k", "Tag.1.Value", "1"}},
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
}

// EC2 User Guide, "Tag restrictions": fifty tags a resource, keys of 127 and values of 256 characters, whatever the alphabet.
func TestTagLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tag := func(n int) []string {
		params := []string{"ResourceId.1", near}
		for i := range n {
			params = append(params, fmt.Sprintf("Tag.%d.Key", i+1), fmt.Sprintf("k%02d", i), fmt.Sprintf("Tag.%d.Value", i+1), "v")
		}
		return params
	}
	f.no("TagLimitExceeded", alice, east, "CreateTags", tag(51)...)
	f.no("TagLimitExceeded", alice, east, "CreateTags", tag(50)...) // with its Name
	f.ok(alice, east, "CreateTags", tag(49)...)
	f.ok(alice, east, "CreateTags", tag(49)...) // the same again are no more
	f.no("TagLimitExceeded", alice, east, "CreateTags", "ResourceId.1", near, "Tag.1.Key", "one more")
	f.ok(alice, east, "CreateTags", "ResourceId.1", hub, "Tag.1.Key", strings.Repeat("ü", 127), "Tag.1.Value", strings.Repeat("ß", 256))
	f.no("InvalidParameterValue", alice, east, "CreateTags", "ResourceId.1", hub, "Tag.1.Key", "")
	many := []string{"Tag.1.Key", "k"}
	for i := range 1001 {
		many = append(many, fmt.Sprintf("ResourceId.%d", i+1), hub)
	}
	f.no("InvalidParameterValue", alice, east, "CreateTags", many...)
	f.ok(alice, east, "CreateTags", many[:2+2*1000]...)
	var create []string
	for i := range 51 {
		create = append(create, fmt.Sprintf("TagSpecification.1.Tag.%d.Key", i+1), fmt.Sprint(i))
	}
	f.no("TagLimitExceeded", alice, east, "CreateVpcPeeringConnection", append(create, "VpcId", hub, "PeerVpcId", near,
		"TagSpecification.1.ResourceType", "vpc-peering-connection")...)
}

// EC2 API reference, TagSpecification: every call that makes something takes the tags of that type once, and no others.
func TestTagSpecifications(t *testing.T) {
	t.Parallel()
	for action, c := range map[string]struct {
		kind   string
		params []string
	}{
		"CreateVpc":                     {"vpc", []string{"CidrBlock", "10.40.0.0/16"}},
		"CreateSubnet":                  {"subnet", []string{"VpcId", hub, "CidrBlock", "10.0.7.0/24"}},
		"CreateInternetGateway":         {"internet-gateway", nil},
		"CreateRouteTable":              {"route-table", []string{"VpcId", hub}},
		"CreateSecurityGroup":           {"security-group", []string{"VpcId", hub, "GroupName", "n", "GroupDescription", "d"}},
		"AuthorizeSecurityGroupIngress": {"security-group-rule", of(hubApp, perm(1, "tcp", "1", "1", "10.1.0.0/16"))},
		"AuthorizeSecurityGroupEgress":  {"security-group-rule", of(hubApp, perm(1, "tcp", "1", "1", "10.1.0.0/16"))},
		"CreateVpcPeeringConnection":    {"vpc-peering-connection", []string{"VpcId", hub, "PeerVpcId", near}},
		"CreateNetworkAcl":              {"network-acl", []string{"VpcId", hub}},
		"CreateManagedPrefixList":       {"prefix-list", []string{"PrefixListName", "x", "AddressFamily", "IPv4", "MaxEntries", "1"}},
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			tagged := func(kv ...string) []string {
				return append(append(slices.Clone(c.params), "TagSpecification.1.Tag.1.Key", "mark", "TagSpecification.1.Tag.1.Value", "x"), kv...)
			}
			f.unchanged(func() {
				f.no("InvalidParameterValue", alice, east, action, tagged("TagSpecification.1.ResourceType", "instance")...)
				f.no("InvalidParameterValue", alice, east, action, tagged("TagSpecification.1.ResourceType", c.kind,
					"TagSpecification.2.ResourceType", c.kind, "TagSpecification.2.Tag.1.Key", "other")...)
				f.no("InvalidParameterValue", alice, east, action, tagged("TagSpecification.1.ResourceType", c.kind, "TagSpecification.1.Tag.2.Key", "mark")...)
				f.no("InvalidParameterValue", alice, east, action, tagged("TagSpecification.1.ResourceType", c.kind, "TagSpecification.1.Tag.1.Key", "aws:x")...)
			})
			f.ok(alice, east, action, tagged("TagSpecification.1.ResourceType", c.kind)...)
			equal(t, len(f.facts(`"mark":"x"`)), 1)
		})
	}
}

// EC2 User Guide, "Tag restrictions": what begins with aws:, in whatever case, is AWS's; nobody makes, changes or removes it, nor does it count.
func TestTagsOfAWSItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) {
		c.World = append([]byte("quotas: {tags: 2}\n"), bytes.Replace(c.World, []byte("name: hub\n"), []byte("name: hub\n            tags: {\"aws:cloudformation:stack-name\": net}\n"), 1)...)
	})
	f.unchanged(func() {
		for _, key := range []string{"aws:x", "AWS:x", "aws:cloudformation:stack-name"} {
			f.no("InvalidParameterValue", alice, east, "CreateTags", "ResourceId.1", hub, "Tag.1.Key", key, "Tag.1.Value", "1")
			f.no("InvalidParameterValue", alice, east, "DeleteTags", "ResourceId.1", hub, "Tag.1.Key", key)
		}
	})
	f.ok(alice, east, "CreateTags", "ResourceId.1", hub, "Tag.1.Key", "awsome", "Tag.1.Value", "1")
	equal(t, len(f.facts(`tags={"Name":"hub","aws:cloudformation:stack-name":"net","awsome":"1"}`)), 1)
	f.no("TagLimitExceeded", alice, east, "CreateTags", "ResourceId.1", hub, "Tag.1.Key", "third")
	f.ok(alice, east, "DeleteTags", "ResourceId.1", hub)
	equal(t, len(f.facts(`tags={"aws:cloudformation:stack-name":"net"}`)), 1)
}

// VPC User Guide, "Amazon VPC quotas": what a new account may have. A quota is met by calls until one is refused.
func TestDefaultQuotas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code string
		most int // how many calls succeed
		call func(f *fixture, n int) answered
	}{
		"outstanding requests": {"OutstandingVpcPeeringConnectionLimitExceeded", 25, func(f *fixture, n int) answered {
			return f.do(alice, east, "CreateVpcPeeringConnection", "VpcId", hub, "PeerOwnerId", bob, "PeerVpcId", f.peer(n))
		}},
		"active peerings": {"VpcPeeringConnectionsPerVpcLimitExceeded", 50, func(f *fixture, n int) answered {
			a := f.do(alice, east, "CreateVpcPeeringConnection", "VpcId", hub, "PeerOwnerId", bob, "PeerVpcId", f.peer(n))
			if a.Code == "" {
				f.ok(bob, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", a.one("vpcPeeringConnection/vpcPeeringConnectionId"))
			}
			return a
		}},
		"ipv4 routes": {"RouteLimitExceeded", 500 - 2, func(f *fixture, n int) answered {
			return f.do(alice, east, "CreateRoute", "RouteTableId", hubOther, "NatGatewayId", "nat-00000000000000001", "DestinationCidrBlock", fmt.Sprintf("172.16.%d.%d/32", n/200, n%200))
		}},
		"ipv6 routes": {"RouteLimitExceeded", 500 - 1, func(f *fixture, n int) answered {
			return f.do(alice, east, "CreateRoute", "RouteTableId", hubOther, "NatGatewayId", "nat-00000000000000001", "DestinationIpv6CidrBlock", fmt.Sprintf("2001:db8:9:%x::/64", n))
		}},
		"ipv4 rules": {"RulesPerSecurityGroupLimitExceeded", 60 - 1, func(f *fixture, n int) answered {
			return f.do(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, perm(1, "tcp", "80", "80", fmt.Sprintf("172.16.0.%d/32", n)))...)
		}},
		"ipv6 rules": {"RulesPerSecurityGroupLimitExceeded", 60, func(f *fixture, n int) answered {
			return f.do(alice, east, "AuthorizeSecurityGroupIngress", "GroupId", hubApp, "IpPermissions.1.IpProtocol", "-1", "IpPermissions.1.Ipv6Ranges.1.CidrIpv6", fmt.Sprintf("2001:db8:9:%x::/64", n))
		}},
		"egress rules": {"RulesPerSecurityGroupLimitExceeded", 60 - 1, func(f *fixture, n int) answered {
			return f.do(alice, east, "AuthorizeSecurityGroupEgress", of(hubApp, perm(1, "tcp", "80", "80", fmt.Sprintf("172.16.0.%d/32", n)))...)
		}},
		"tables": {"RouteTableLimitExceeded", 200 - 2, func(f *fixture, _ int) answered { return f.do(alice, east, "CreateRouteTable", "VpcId", hub) }},
		"vpcs": {"VpcLimitExceeded", 5 - 2, func(f *fixture, n int) answered {
			return f.do(alice, east, "CreateVpc", "CidrBlock", fmt.Sprintf("10.%d.0.0/16", 100+n))
		}},
		"cidrs": {"CidrLimitExceeded", 5 - 2, func(f *fixture, n int) answered {
			return f.do(alice, east, "AssociateVpcCidrBlock", "VpcId", hub, "CidrBlock", fmt.Sprintf("10.%d.0.0/16", 100+n))
		}},
		"ipv6 cidrs": {"CidrLimitExceeded", 5 - 1, func(f *fixture, _ int) answered {
			return f.do(alice, east, "AssociateVpcCidrBlock", "VpcId", hub, "AmazonProvidedIpv6CidrBlock", "true")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(cfg *ec2sim.Config) {
				cfg.World = bytes.Replace(cfg.World, []byte("id: \"222222222222\"\n"), []byte("id: \"222222222222\"\n    quotas: {vpcs: -1}\n"), 1)
			})
			for n := range c.most {
				if a := c.call(f, n); a.Code != "" {
					t.Fatalf("number %d of %d: %s", n+1, c.most, a.Code)
				}
			}
			equal(t, c.call(f, c.most).Code, c.code)
		})
	}
}

// peer makes one more VPC that the hub can be peered with.
func (f *fixture) peer(n int) string {
	f.t.Helper()
	return f.ok(bob, east, "CreateVpc", "CidrBlock", fmt.Sprintf("172.20.%d.0/24", n)).one("vpc/vpcId")
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
		actions       []string
		params        []string
		size, refills int
	}{
		{[]string{"DescribeVpcs", "DescribeVpcAttribute", "DescribeSubnets", "DescribeRouteTables", "DescribeVpcPeeringConnections", "DescribeSecurityGroupRules",
			"DescribeNetworkAcls", "DescribeManagedPrefixLists"}, nil, 100, 20},
		{[]string{"DescribeSecurityGroups"}, nil, 50, 10}, // neither filtered nor paged
		{[]string{"DescribeNetworkInterfaces"}, nil, 50, 10},
		{[]string{"DescribeSecurityGroups"}, []string{"MaxResults", "5"}, 100, 20}, // the bucket of the others
		{[]string{"DescribeSecurityGroups"}, []string{"GroupId.1", hubApp}, 0, 20}, // the same one, which is empty now
		{[]string{"DescribeSecurityGroups"}, []string{"Filter.1.Name", "vpc-id", "Filter.1.Value.1", hub}, 0, 20},
		{[]string{"CreateRoute", "ReplaceRoute", "DeleteRoute", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress", "ModifySecurityGroupRules",
			"UpdateSecurityGroupRuleDescriptionsIngress", "UpdateSecurityGroupRuleDescriptionsEgress", "ModifyVpcPeeringConnectionOptions"}, nil, 50, 5},
		{[]string{"CreateVpcPeeringConnection", "AcceptVpcPeeringConnection", "RejectVpcPeeringConnection", "DeleteVpcPeeringConnection",
			"AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"}, nil, 50, 5},
		{[]string{"CreateTags", "DeleteTags"}, nil, 100, 10},
		{[]string{"DescribeStaleSecurityGroups", "DescribeSecurityGroupReferences"}, nil, 20, 5},
	} {
		for _, action := range c.actions {
			if got := drain(action, c.params...); got != c.size {
				t.Errorf("%s: a bucket of %d, want %d", action, got, c.size)
			}
			f.advance(time.Second)
			if got := drain(action, c.params...); got != c.refills {
				t.Errorf("%s: %d more after a second, want %d", action, got, c.refills)
			}
		}
	}
	drain("DescribeVpcs")
	f.no("RequestLimitExceeded", alice, east, "DescribeVpcs", "DryRun", "true")
	f.ok(alice, west, "DescribeVpcs")
	f.ok(bob, east, "DescribeVpcs")
	user, _ := ec2sim.AccessKey(alice)
	for range 200 { // not of STS, whose limits are not published
		equal(t, f.raw(user, "", "sts", east, "GetCallerIdentity").Code, "")
	}
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
	f := newFixture(t, func(c *ec2sim.Config) {
		c.World = bytes.Replace(c.World, []byte("targets: ["), []byte("targets: [tgw-00000000000000001, eni-00000000000000001, vpce-00000000000000001, i-00000000000000001, "), 1)
		c.World = bytes.Replace(c.World, []byte("cidr: 10.0.0.0/24,"), []byte("cidr: 10.0.0.0/24, ipv6: \"2001:db8:1::/64\","), 1)
		c.World = bytes.Replace(c.World, []byte("subnets: [{id: subnet-0000000000000a009"), []byte("subnets: [{name: s, cidr: 10.0.3.0/24}, {id: subnet-0000000000000a009"), 1) // of another VPC
	})
	route := func(cidr, kind, target string) string {
		name := map[bool]string{true: "DestinationIpv6CidrBlock", false: "DestinationCidrBlock"}[strings.Contains(cidr, ":")]
		code := f.do(alice, east, "CreateRoute", "RouteTableId", hubMain, name, cidr, kind, target).Code
		if code == "" {
			f.ok(alice, east, "DeleteRoute", "RouteTableId", hubMain, name, cidr)
		}
		return code
	}
	for kind, target := range map[string]string{"NatGatewayId": "nat-00000000000000001", "NetworkInterfaceId": "eni-00000000000000001",
		"VpcEndpointId": "vpce-00000000000000001", "InstanceId": "i-00000000000000001"} {
		for cidr, want := range map[string]string{
			"10.0.0.0/24": "", "2001:db8:1::/64": "", "10.0.0.0/25": "InvalidParameterValue", "10.0.3.0/24": "InvalidParameterValue",
			"10.0.0.0/16": "RouteAlreadyExists", "2001:db8:1::/56": "RouteAlreadyExists", // the local route itself
		} {
			equal(t, [3]string{kind, cidr, route(cidr, kind, target)}, [3]string{kind, cidr, want})
		}
	}
	equal(t, route("10.0.0.0/24", "TransitGatewayId", "tgw-00000000000000001"), "InvalidParameterValue")
}

// VPC User Guide, "Share your VPC with other accounts": a participant sees the VPC, its subnets, tables, ACLs and peerings without the owner's
// tags, changes none of them, and has groups of its own there, which the owner does not see.
func TestSharedVPC(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) {
		c.World = bytes.Replace(c.World, []byte("name: hub\n"), []byte("name: hub\n            sharedWith: [\"222222222222\"]\n"), 1)
	})
	pcx := f.peered(near, alice, east)
	f.ok(alice, east, "CreateTags", "ResourceId.1", pcx, "Tag.1.Key", "k", "Tag.1.Value", "v")
	for _, c := range []struct{ action, set, id, of string }{
		{"DescribeVpcs", "vpcSet", "vpcId", hub}, {"DescribeSubnets", "subnetSet", "subnetId", "subnet-0000000000000a001"},
		{"DescribeRouteTables", "routeTableSet", "routeTableId", hubOther}, {"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "vpcPeeringConnectionId", pcx},
		{"DescribeNetworkAcls", "networkAclSet", "vpcId", hub},
	} {
		found := 0
		for _, it := range f.ok(bob, east, c.action).items(c.set + "/item") {
			if it.one(c.id) != c.of {
				continue
			}
			found++
			equal(t, it.all("tagSet/item/key"), nil)
			equal(t, it.one("ownerId")+it.one("requesterVpcInfo/ownerId"), alice)
		}
		equal(t, [2]any{c.action, found}, [2]any{c.action, 1})
		if got := f.ok(bob, west, c.action).all(c.set + "/item/" + c.id); slices.Contains(got, c.of) {
			t.Errorf("%s shows %s in another region", c.action, c.of)
		}
	}
	equal(t, len(f.ok(bob, east, "DescribeRouteTables", "RouteTableId.1", hubOther).all("routeTableSet/item/routeSet/item/state")), 3)
	equal(t, len(f.ok(bob, east, "DescribeVpcPeeringConnections", "VpcPeeringConnectionId.1", pcx).items("vpcPeeringConnectionSet/item")), 1)
	f.unchanged(func() {
		f.no("InvalidRouteTableID.NotFound", bob, east, "CreateRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "10.9.0.0/16", "VpcPeeringConnectionId", pcx)
		f.no("InvalidVpcPeeringConnectionID.NotFound", bob, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", pcx)
		f.no("InvalidVpcID.NotFound", bob, east, "CreateVpcPeeringConnection", "VpcId", hub, "PeerVpcId", spoke)
		f.no("InvalidVpcID.NotFound", bob, east, "CreateTags", "ResourceId.1", hub, "Tag.1.Key", "k", "Tag.1.Value", "v")
		f.no("InvalidVpcID.NotFound", bob, east, "CreateSecurityGroup", "VpcId", near, "GroupName", "n", "GroupDescription", "d")
	})
	mine := f.peered(spoke, bob, east) // of which the participant has a side: once, and with its own tags
	f.ok(bob, east, "CreateTags", "ResourceId.1", mine, "Tag.1.Key", "k", "Tag.1.Value", "v")
	seen := f.ok(bob, east, "DescribeVpcPeeringConnections", "VpcPeeringConnectionId.1", mine)
	equal(t, seen.all("vpcPeeringConnectionSet/item/tagSet/item/key"), []string{"k"})
	equal(t, len(f.ok(bob, east, "DescribeVpcPeeringConnections").items("vpcPeeringConnectionSet/item")), 2)
	own := f.ok(bob, east, "CreateSecurityGroup", "VpcId", hub, "GroupName", "n", "GroupDescription", "d").one("groupId")
	f.no("InvalidGroup.NotFound", alice, east, "AuthorizeSecurityGroupIngress", of(own, perm(1, "tcp", "80", "80", "10.9.0.0/16"))...)
	f.ok(bob, east, "AuthorizeSecurityGroupIngress", of(own, fromGroup(nearApp, alice))...) // over the owner's connection
	f.ok(bob, east, "AuthorizeSecurityGroupIngress", of(own, fromGroup(hubApp, alice))...)  // in the same VPC
	f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", pcx)
	f.advance(3 * day)
	equal(t, len(f.ok(bob, east, "DescribeVpcPeeringConnections").items("vpcPeeringConnectionSet/item")), 1) // what the owner sees no more
}

// A participant who owns the other end of a request sees it as its accepter, once it reached them.
func TestRequestToAParticipant(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{Visible: time.Second}), func(c *ec2sim.Config) {
		c.World = bytes.Replace(c.World, []byte("name: hub\n"), []byte("name: hub\n            sharedWith: [\"222222222222\"]\n"), 1)
	})
	id := f.request(spoke, bob, east)
	equal(t, f.ok(bob, east, "DescribeVpcPeeringConnections").all("vpcPeeringConnectionSet/item/vpcPeeringConnectionId"), nil)
	f.advance(time.Second)
	equal(t, f.ok(bob, east, "DescribeVpcPeeringConnections").all("vpcPeeringConnectionSet/item/vpcPeeringConnectionId"), []string{id})
	wantCode(t, f.accept(bob, east, id), "")
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
