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

// perm spells one permission: protocol, ports and a CIDR.
func perm(n int, protocol, from, to, cidr string) []string {
	p := fmt.Sprintf("IpPermissions.%d.", n)
	out := []string{p + "IpProtocol", protocol, p + "IpRanges.1.CidrIp", cidr}
	if from != "" {
		out = append(out, p+"FromPort", from, p+"ToPort", to)
	}
	return out
}

// fromGroup spells one permission whose source is a group.
func fromGroup(group, owner string) []string {
	out := []string{"IpPermissions.1.IpProtocol", "-1", "IpPermissions.1.Groups.1.GroupId", group}
	if owner != "" {
		out = append(out, "IpPermissions.1.Groups.1.UserId", owner)
	}
	return out
}

func of(group string, params ...[]string) []string {
	out := []string{"GroupId", group}
	for _, p := range params {
		out = append(out, p...)
	}
	return out
}

// EC2 API reference, AuthorizeSecurityGroupIngress: one call, several rules, grouped in one listing and apart in the other.
func TestAuthorize(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, perm(1, "6", "443", "443", "10.1.2.3/16"), perm(2, "all", "1", "2", "10.2.0.0/16"),
		[]string{"IpPermissions.1.IpRanges.2.CidrIp", "10.3.0.0/16", "IpPermissions.1.IpRanges.2.Description", "three & more",
			"IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "2001:DB8::1/48", "IpPermissions.1.PrefixListIds.1.PrefixListId", "pl-0000000000000a001",
			"TagSpecification.1.ResourceType", "security-group-rule", "TagSpecification.1.Tag.1.Key", "k", "TagSpecification.1.Tag.1.Value", "v"})...)
	var got []string
	for _, r := range a.items("securityGroupRuleSet/item") {
		got = append(got, strings.Join([]string{r.one("ipProtocol"), r.one("fromPort"), r.one("toPort"),
			r.one("cidrIpv4") + r.one("cidrIpv6") + r.one("prefixListId"), r.one("description"), r.one("tagSet/item/value")}, " "))
	}
	equal(t, got, []string{
		"tcp 443 443 10.1.0.0/16  v", "tcp 443 443 10.3.0.0/16 three & more v", "tcp 443 443 2001:db8::/48  v",
		"tcp 443 443 pl-0000000000000a001  v", "-1 -1 -1 10.2.0.0/16  v",
	})
	g := f.ok(alice, east, "DescribeSecurityGroups", "GroupId.1", hubApp)
	in := "securityGroupInfo/item/ipPermissions/item/"
	equal(t, g.all(in+"ipProtocol"), []string{"tcp", "tcp", "-1"})
	equal(t, g.all(in+"fromPort"), []string{"22", "443"}) // none where ports mean nothing
	equal(t, g.all(in+"ipRanges/item/cidrIp"), []string{"192.0.2.0/24", "10.1.0.0/16", "10.3.0.0/16", "10.2.0.0/16"})
	equal(t, g.all("securityGroupInfo/item/ipPermissionsEgress/item/ipv6Ranges/item/cidrIpv6"), []string{"::/0"}) // the VPC has IPv6
}

// EC2 API reference, IpPermission and AuthorizeSecurityGroupIngress: what is refused changes nothing, not even in part.
func TestAuthorizeRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := perm(1, "tcp", "80", "80", "10.1.0.0/16")
	for name, c := range map[string]struct {
		code, message string
		params        []string
	}{
		"duplicate": {"InvalidPermission.Duplicate", `the specified rule "peer: 192.0.2.0/24, TCP, from port: 22, to port: 22, ALLOW" already exists`,
			append(perm(2, "tcp", "22", "22", "192.0.2.9/24"), "IpPermissions.2.IpRanges.1.Description", "another description")},
		"twice in one call": {"InvalidParameterValue", "The same permission must not appear multiple times", perm(2, "tcp", "80", "80", "10.1.0.1/16")},
		"bad description": {"InvalidParameterValue", "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  " +
			"a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*", append(perm(2, "tcp", "81", "81", "10.1.0.0/16"), "IpPermissions.2.IpRanges.1.Description", "it's")},
		"long description": {"InvalidParameterValue", "", append(perm(2, "tcp", "81", "81", "10.1.0.0/16"), "IpPermissions.2.IpRanges.1.Description", strings.Repeat("x", 256))},
		"no ports":         {"InvalidParameterValue", "", perm(2, "udp", "", "", "10.1.0.0/16")},
		"ports reversed":   {"InvalidParameterValue", "", perm(2, "tcp", "90", "80", "10.1.0.0/16")},
		"port too high":    {"InvalidParameterValue", "", perm(2, "tcp", "80", "65536", "10.1.0.0/16")},
		"icmp all types":   {"InvalidParameterValue", "", perm(2, "icmp", "-1", "0", "10.1.0.0/16")},
		"no protocol":      {"InvalidParameterValue", "", perm(2, "", "80", "80", "10.1.0.0/16")},
		"unknown protocol": {"InvalidPermission.Malformed", "", perm(2, "ospf", "", "", "10.1.0.0/16")},
		"bad cidr":         {"InvalidParameterValue", "CIDR block 10.1.0.0 is malformed", perm(2, "tcp", "80", "80", "10.1.0.0")},
		"no source":        {"MissingParameter", "", []string{"IpPermissions.2.IpProtocol", "-1"}},
		"unknown list":     {"InvalidPrefixListID.NotFound", "", []string{"IpPermissions.2.IpProtocol", "-1", "IpPermissions.2.PrefixListIds.1.PrefixListId", "pl-00000000"}},
		"unknown group":    {"InvalidGroup.NotFound", "The security group 'sg-00000000' does not exist", []string{"IpPermissions.2.IpProtocol", "-1", "IpPermissions.2.Groups.1.GroupId", "sg-00000000"}},
		"group by name":    {"UnknownParameter", "", []string{"IpPermissions.2.IpProtocol", "-1", "IpPermissions.2.Groups.1.GroupName", "app"}},
		"owner of a cidr":  {"UnknownParameter", "", append(perm(2, "tcp", "81", "81", "10.1.0.0/16"), "IpPermissions.2.IpRanges.1.UserId", bob)},
		"reserved tag":     {"InvalidParameterValue", "", []string{"TagSpecification.1.ResourceType", "security-group-rule", "TagSpecification.1.Tag.1.Key", "aws:x"}},
	} {
		t.Run(name, func(t *testing.T) {
			f.unchanged(func() {
				if got := f.no(c.code, alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, good, c.params)...); c.message != "" {
					equal(t, got, c.message)
				}
			})
		})
	}
	f.no("InvalidGroup.NotFound", alice, east, "AuthorizeSecurityGroupIngress", of(spokeApp, good)...) // another account's
	f.no("UnknownParameter", alice, east, "AuthorizeSecurityGroupEgress", "GroupId", hubApp, "IpProtocol", "-1", "CidrIp", "0.0.0.0/0")
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", "GroupId", hubApp, "IpProtocol", "tcp", "FromPort", "80", "ToPort", "80", "CidrIp", "10.1.0.0/16")
}

// EC2 API reference, SecurityGroupRuleDescription: 255 characters, of one set only; the service's message names the ampersand too.
func TestDescriptionCharacters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	describe := func(text string) string {
		return f.do(alice, east, "UpdateSecurityGroupRuleDescriptionsIngress", append(of(hubApp, perm(1, "tcp", "22", "22", "192.0.2.0/24")),
			"IpPermissions.1.IpRanges.1.Description", text)...).Code
	}
	for c := rune(' '); c < 0x180; c++ {
		want := "InvalidParameterValue"
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(". _-:/()#,@[]+=&;{}!$*", c) {
			want = ""
		}
		if got := describe("x" + string(c)); got != want {
			t.Errorf("%q: got %q, want %q", c, got, want)
		}
	}
	for _, c := range "\t\n‑世🛠" {
		equal(t, describe(string(c)), "InvalidParameterValue")
	}
	equal(t, describe(strings.Repeat("x", 255)), "")
	equal(t, describe(strings.Repeat("x", 256)), "InvalidParameterValue")
	equal(t, describe(""), "")
}

// EC2 API reference, IpPermission: known protocols by name, ports only where they mean something, type and code for ICMP.
func TestProtocolsAndPorts(t *testing.T) {
	t.Parallel()
	for sent, want := range map[[3]string]string{
		{"6", "80", "81"}: "tcp 80-81", {"17", "53", "53"}: "udp 53-53", {"TCP", "1", "2"}: "tcp 1-2", {"1", "8", "-1"}: "icmp 8--1",
		{"icmp", "-1", "-1"}: "icmp -1--1", {"icmp", "3", "4"}: "icmp 3-4", {"-1", "80", "81"}: "-1 -1--1", {"50", "1", "2"}: "50 -1--1",
	} {
		f := newFixture(t)
		a := f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, perm(1, sent[0], sent[1], sent[2], "10.1.0.0/16"))...)
		id := a.one("securityGroupRuleSet/item/securityGroupRuleId")
		if got := f.facts("rule " + id)[0]; !strings.Contains(got, " ingress "+want+" 10.1.0.0/16 ") {
			t.Errorf("%q: got %q, want %q", sent, got, want)
		}
	}
	for sent, want := range map[[3]string]string{
		{"256", "", ""}: "InvalidPermission.Malformed", {"-2", "", ""}: "InvalidPermission.Malformed", {"007", "", ""}: "InvalidPermission.Malformed",
		{"0", "", ""}: "", {"255", "", ""}: "", {"tcp", "80", ""}: "InvalidParameterValue", {"tcp", "", "80"}: "InvalidParameterValue",
		{"udp", "-1", "80"}: "InvalidParameterValue", {"tcp", "0", "65535"}: "", {"tcp", "1", "65536"}: "InvalidParameterValue", {"tcp", "2", "1"}: "InvalidParameterValue",
		{"icmp", "", ""}: "InvalidParameterValue", {"icmp", "8", ""}: "InvalidParameterValue", {"icmp", "", "0"}: "InvalidParameterValue",
		{"icmpv6", "128", ""}: "InvalidParameterValue", {"icmpv6", "", "0"}: "InvalidParameterValue", {"icmpv6", "128", "0"}: "",
		{"icmp", "255", "255"}: "", {"icmp", "256", "0"}: "InvalidParameterValue", {"icmp", "8", "256"}: "InvalidParameterValue",
		{"icmp", "-2", "-1"}: "InvalidParameterValue", {"icmp", "8", "-2"}: "InvalidParameterValue", {"icmp", "-1", "8"}: "InvalidParameterValue",
	} {
		rule := []string{"IpPermissions.1.IpProtocol", sent[0], "IpPermissions.1.IpRanges.1.CidrIp", "10.1.0.0/16"}
		for i, name := range []string{"FromPort", "ToPort"} {
			if sent[i+1] != "" {
				rule = append(rule, "IpPermissions.1."+name, sent[i+1])
			}
		}
		if a := newFixture(t).do(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, rule)...); a.Code != want {
			t.Errorf("%q: got %q, want %q", sent, a.Code, want)
		}
	}
	f := newFixture(t)
	f.no("InvalidParameterValue", alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, perm(1, "-1", "", "", "2001:db8::/32"))...) // of the wrong family
	f.no("InvalidParameterValue", alice, east, "AuthorizeSecurityGroupIngress", "GroupId", hubApp, "IpPermissions.1.IpProtocol", "-1", "IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "10.1.0.0/16")
	v6 := []string{"IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "::/0", "IpPermissions.1.IpProtocol"}
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, append(v6, "58"))...) // without a range: all types
	equal(t, len(f.facts("ingress icmpv6 -1--1 ::/0")), 1)
	for _, name := range []string{"icmpv6", "58"} {
		f.no("InvalidParameterValue", alice, east, "AuthorizeSecurityGroupIngress", "GroupId", hubApp, "IpProtocol", name, "CidrIp", "10.1.0.0/16")
	}
	f.no("MissingParameter", alice, east, "AuthorizeSecurityGroupEgress", perm(1, "tcp", "80", "80", "10.1.0.0/16")...) // no group
}

// EC2 API reference, AuthorizeSecurityGroupIngress: CIDRs are kept in canonical form, so another spelling is a duplicate; what is the same
// is told by group, direction, protocol, ports and source, not by description or tags.
func TestRuleIdentity(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	base := []string{"IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "80", "IpPermissions.1.ToPort", "80"}
	with := func(kv ...string) []string { return append(slices.Clip(base), kv...) }
	const authorize, v4, v6, list, group = "AuthorizeSecurityGroupIngress", "IpPermissions.1.IpRanges.1.CidrIp", "IpPermissions.1.Ipv6Ranges.1.CidrIpv6",
		"IpPermissions.1.PrefixListIds.1.PrefixListId", "IpPermissions.1.Groups.1.GroupId"
	for _, params := range [][]string{with(v4, "100.68.0.0/18"), with(v6, "2001:db8::/32"), with(list, "pl-0000000000000a001"), with(group, hubApp)} {
		f.ok(alice, east, authorize, of(hubApp, params)...)
	}
	f.unchanged(func() {
		for message, params := range map[string][]string{
			"peer: 100.68.0.0/18, TCP, from port: 80, to port: 80, ALLOW":        with(v4, "100.68.0.18/18", "IpPermissions.1.IpRanges.1.Description", "other"),
			"peer: 2001:db8::/32, TCP, from port: 80, to port: 80, ALLOW":        with(v6, "2001:DB8:0:0::1/32"),
			"peer: pl-0000000000000a001, TCP, from port: 80, to port: 80, ALLOW": with(list, "pl-0000000000000a001"),
			"peer: " + hubApp + ", TCP, from port: 80, to port: 80, ALLOW":       with(group, hubApp, "IpPermissions.1.Groups.1.UserId", alice),
		} {
			equal(t, f.no("InvalidPermission.Duplicate", alice, east, authorize, of(hubApp, params)...), `the specified rule "`+message+`" already exists`)
		}
	})
	for _, other := range [][]string{ // where a name comes twice, the later value counts
		with(v4, "100.68.0.0/19"), with(v4, "100.68.0.0/18", "IpPermissions.1.ToPort", "81"), with(v4, "100.68.0.0/18", "IpPermissions.1.IpProtocol", "udp"),
	} {
		f.ok(alice, east, authorize, of(hubApp, other)...)
	}
	f.ok(alice, east, "AuthorizeSecurityGroupEgress", of(hubApp, with(v4, "100.68.0.0/18"))...) // another direction
	f.ok(alice, east, authorize, of(nearApp, with(v4, "100.68.0.0/18"))...)                     // another group
}

// Whether a call with one duplicate is all or nothing is not documented.
func TestPartialAuthorize(t *testing.T) {
	t.Parallel()
	f := newFixture(t, with(world.Switches{Authorize: "partial"}))
	f.no("InvalidPermission.Duplicate", alice, east, "AuthorizeSecurityGroupIngress",
		of(hubApp, perm(1, "tcp", "80", "80", "10.1.0.0/16"), perm(2, "tcp", "22", "22", "192.0.2.0/24"))...)
	equal(t, len(f.facts("tcp 80-80 10.1.0.0/16")), 1)
}

// VPC Peering Guide, "Update your security groups to reference peer security groups".
func TestPeerGroupReference(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{References: time.Minute}))
	const authorize, apart = "AuthorizeSecurityGroupIngress", "You have specified two resources that belong to different networks."
	rule := of(hubApp, fromGroup(spokeApp, bob))
	equal(t, f.no("InvalidGroup.NotFound", alice, east, authorize, rule...), apart)
	id := f.peered(spoke, bob, east)
	equal(t, f.no("InvalidGroup.NotFound", alice, east, authorize, rule...), apart) // not at once after it became active
	f.advance(time.Minute)
	f.ok(alice, east, authorize, rule...)
	f.peered(far, bob, west)
	f.advance(time.Minute)
	equal(t, f.no("InvalidGroup.NotFound", alice, east, authorize, of(hubApp, fromGroup(farApp, bob))...), apart) // never across regions
	equal(t, f.no("InvalidGroup.NotFound", alice, east, authorize, of(hubApp, fromGroup(nearApp, ""))...), apart)
	uses := f.ok(bob, east, "DescribeSecurityGroupReferences", "GroupId.1", spokeApp)
	equal(t, uses.all("securityGroupReferenceSet/item/referencingVpcId"), []string{hub})

	ref := func() string {
		a := f.ok(alice, east, "DescribeSecurityGroupRules", "Filter.1.Name", "group-id", "Filter.1.Value.1", hubApp)
		r := a.items("securityGroupRuleSet/item/referencedGroupInfo")[0]
		return strings.Join([]string{r.one("userId"), r.one("vpcId"), r.one("vpcPeeringConnectionId"), r.one("peeringStatus")}, " ")
	}
	stale := func() int {
		return len(f.ok(alice, east, "DescribeStaleSecurityGroups", "VpcId", hub).all("staleSecurityGroupSet/item/groupId"))
	}
	equal(t, ref(), strings.Join([]string{bob, spoke, id, "active"}, " "))
	equal(t, stale(), 0)
	f.ok(bob, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	equal(t, ref(), strings.Join([]string{bob, spoke, id, "deleted"}, " "))
	equal(t, stale(), 1)
	again := f.peered(spoke, bob, east)
	equal(t, ref(), strings.Join([]string{bob, spoke, again, "active"}, " ")) // re-peering makes it valid again
	equal(t, stale(), 0)
	f.ok(bob, east, "DeleteSecurityGroup", "GroupId", spokeApp)              // a peer's rule does not hinder it
	equal(t, ref(), strings.Join([]string{"", spoke, again, "active"}, " ")) // what belonged to the group is missing
	equal(t, stale(), 1)
}

// EC2 API reference, SecurityGroupRule and RevokedSecurityGroupRule: the source of a rule stands in the member of its kind, and in no other,
// when it is made, listed and revoked.
func TestSourcesInTheirMembers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	members := []string{"cidrIpv4", "cidrIpv6", "prefixListId", "referencedGroupInfo/groupId", "referencedGroupId"}
	shown := func(item node) (out []string) {
		for _, m := range members {
			out = append(out, item.one(m))
		}
		return out
	}
	const authorize, revoke, pl = "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "pl-0000000000000a001"
	for source, want := range map[[2]string][2][]string{
		{"IpRanges.1.CidrIp", "10.1.0.0/16"}:       {{"10.1.0.0/16", "", "", "", ""}, {"10.1.0.0/16", "", "", "", ""}},
		{"Ipv6Ranges.1.CidrIpv6", "2001:db8::/32"}: {{"", "2001:db8::/32", "", "", ""}, {"", "2001:db8::/32", "", "", ""}},
		{"PrefixListIds.1.PrefixListId", pl}:       {{"", "", pl, "", ""}, {"", "", pl, "", ""}},
		{"Groups.1.GroupId", hubApp}:               {{"", "", "", hubApp, ""}, {"", "", "", "", hubApp}},
	} {
		rule := of(hubApp, []string{"IpPermissions.1.IpProtocol", "-1", "IpPermissions.1." + source[0], source[1]})
		made := f.ok(alice, east, authorize, rule...).items("securityGroupRuleSet/item")[0]
		listed := f.ok(alice, east, "DescribeSecurityGroupRules", "SecurityGroupRuleId.1", made.one("securityGroupRuleId")).items("securityGroupRuleSet/item")[0]
		revoked := f.ok(alice, east, revoke, rule...).items("revokedSecurityGroupRuleSet/item")[0]
		equal(t, [3][]string{shown(made), shown(listed), shown(revoked)}, [3][]string{want[0], want[0], want[1]})
	}
}

// VPC Peering Guide, "Work with stale security group rules": a stale rule stays and counts until somebody revokes it, however long ago the
// connection went.
func TestStaleRulesStayAndCount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) { c.World = append([]byte("quotas: {rules: 2}\n"), c.World...) })
	id := f.peered(spoke, bob, east)
	rule := of(hubApp, fromGroup(spokeApp, bob))
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", rule...)
	f.ok(alice, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	f.advance(30 * day)
	equal(t, f.status(bob, east, id), "")
	a := f.ok(alice, east, "DescribeSecurityGroups", "GroupId.1", hubApp)
	equal(t, a.all("securityGroupInfo/item/ipPermissions/item/groups/item/peeringStatus"), []string{"deleted"})
	f.no("RulesPerSecurityGroupLimitExceeded", alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, perm(1, "tcp", "80", "80", "10.1.0.0/16"))...)
	stale := f.ok(alice, east, "DescribeStaleSecurityGroups", "VpcId", hub)
	equal(t, stale.all("staleSecurityGroupSet/item/staleIpPermissions/item/groups/item/groupId"), []string{spokeApp})
	f.ok(alice, east, "RevokeSecurityGroupIngress", rule...)
	equal(t, f.ok(alice, east, "DescribeStaleSecurityGroups", "VpcId", hub).all("staleSecurityGroupSet/item/groupId"), nil)
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, perm(1, "tcp", "80", "80", "10.1.0.0/16"))...)
}

// EC2 API reference, DescribeSecurityGroupReferences and DescribeStaleSecurityGroups: who in other VPCs names my groups, each once, and what is
// stale in one VPC of mine.
func TestReferencesAndStaleGroups(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.peered(spoke, bob, east)
	second := f.ok(bob, east, "CreateSecurityGroup", "VpcId", spoke, "GroupName", "second", "GroupDescription", "d").one("groupId")
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, fromGroup(spokeApp, bob))...)
	f.ok(alice, east, "AuthorizeSecurityGroupEgress", of(hubApp, fromGroup(spokeApp, bob))...) // the same again
	f.ok(alice, east, "AuthorizeSecurityGroupEgress", of(hubApp, fromGroup(second, bob))...)
	f.ok(bob, east, "AuthorizeSecurityGroupIngress", of(second, fromGroup(spokeApp, ""))...) // within its own VPC
	uses := f.ok(bob, east, "DescribeSecurityGroupReferences", "GroupId.1", spokeApp)
	equal(t, uses.all("securityGroupReferenceSet/item/referencingVpcId"), []string{hub})
	equal(t, uses.all("securityGroupReferenceSet/item/vpcPeeringConnectionId"), []string{id})
	both := f.ok(bob, east, "DescribeSecurityGroupReferences", "GroupId.1", spokeApp, "GroupId.2", second)
	equal(t, len(both.items("securityGroupReferenceSet/item")), 2)
	f.no("InvalidGroup.NotFound", alice, east, "DescribeSecurityGroupReferences", "GroupId.1", spokeApp)
	f.no("MissingParameter", bob, east, "DescribeSecurityGroupReferences")
	f.ok(bob, east, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	equal(t, f.ok(alice, east, "DescribeStaleSecurityGroups", "VpcId", near).items("staleSecurityGroupSet/item"), nil)
	stale := f.ok(alice, east, "DescribeStaleSecurityGroups", "VpcId", hub)
	equal(t, len(stale.items("staleSecurityGroupSet/item/staleIpPermissionsEgress/item/groups/item")), 2)
	equal(t, len(stale.items("staleSecurityGroupSet/item/staleIpPermissions/item/groups/item")), 1)
	f.no("InvalidVpcID.NotFound", alice, east, "DescribeStaleSecurityGroups", "VpcId", spoke)
}

// VPC Peering Guide, "Update your security groups to reference peer security groups": a group of another account is named with its owner,
// and a pending connection is not enough.
func TestPeerGroupNeedsItsOwner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.request(spoke, bob, east)
	const apart = "You have specified two resources that belong to different networks."
	equal(t, f.no("InvalidGroup.NotFound", alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, fromGroup(spokeApp, bob))...), apart)
	wantCode(t, f.accept(bob, east, id), "")
	f.no("InvalidGroup.NotFound", alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, fromGroup(spokeApp, ""))...)
	f.no("InvalidGroup.NotFound", alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, fromGroup(spokeApp, "333333333333"))...)
	f.no("InvalidGroupId.Malformed", alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, fromGroup("app", bob))...)
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, fromGroup(spokeApp, bob))...)
	f.peered(near, alice, east)
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, fromGroup(nearApp, ""))...) // within one account the id is enough
	f.ok(alice, east, "AuthorizeSecurityGroupEgress", of(hubApp, fromGroup(spokeApp, bob))...)
}

// EC2 API reference, RevokeSecurityGroupIngress: by id or by properties; unknown ones are an error except in a default VPC.
func TestRevoke(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const revoke = "RevokeSecurityGroupIngress"
	known, unknown := perm(1, "tcp", "22", "22", "192.0.2.0/24"), perm(2, "tcp", "23", "23", "192.0.2.0/24")
	f.unchanged(func() {
		equal(t, f.no("InvalidPermission.NotFound", alice, east, revoke, of(hubApp, known, unknown)...), "The specified rule does not exist in this security group.")
		f.no("InvalidSecurityGroupRuleId.NotFound", alice, east, revoke, of(hubApp, []string{"SecurityGroupRuleId.1", "sgr-00000000"})...)
		f.no("InvalidSecurityGroupRuleId.Malformed", alice, east, revoke, of(hubApp, []string{"SecurityGroupRuleId.1", "sgr-1"})...)
	})
	id := f.ok(alice, east, "DescribeSecurityGroupRules", "Filter.1.Name", "group-id", "Filter.1.Value.1", hubApp).items("securityGroupRuleSet/item")
	rule := ""
	for _, r := range id {
		if r.one("isEgress") == "false" {
			rule = r.one("securityGroupRuleId")
		}
	}
	f.no("InvalidSecurityGroupRuleId.NotFound", alice, east, "RevokeSecurityGroupEgress", of(hubApp, []string{"SecurityGroupRuleId.1", rule})...)
	f.no("InvalidParameterCombination", alice, east, revoke, of(hubApp, known, []string{"SecurityGroupRuleId.1", rule})...)
	a := f.ok(alice, east, revoke, of(hubApp, []string{"SecurityGroupRuleId.1", rule})...)
	equal(t, a.all("revokedSecurityGroupRuleSet/item/securityGroupRuleId"), []string{rule})
	equal(t, len(f.facts(rule)), 0)

	f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(nearApp, known)...)
	a = f.ok(alice, east, revoke, of(nearApp, known, unknown)...) // near is the default VPC
	equal(t, a.all("unknownIpPermissionSet/item/fromPort"), []string{"23"})
	equal(t, a.all("revokedSecurityGroupRuleSet/item/fromPort"), []string{"22"})
	a = f.ok(alice, east, "RevokeSecurityGroupEgress", of(nearApp, perm(1, "-1", "", "", "0.0.0.0/0"), unknown)...)
	equal(t, a.all("unknownIpPermissionSet/item/ipRanges/item/cidrIp"), []string{"192.0.2.0/24"})
	equal(t, a.all("revokedSecurityGroupRuleSet/item/isEgress"), []string{"true"})
}

// EC2 API reference, ModifySecurityGroupRules and UpdateSecurityGroupRuleDescriptionsIngress.
func TestModifyRules(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made := f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, perm(1, "tcp", "80", "80", "10.1.0.0/16"), []string{
		"IpPermissions.1.IpRanges.1.Description", "web", "TagSpecification.1.ResourceType", "security-group-rule",
		"TagSpecification.1.Tag.1.Key", "k", "TagSpecification.1.Tag.1.Value", "v"})...)
	id := made.one("securityGroupRuleSet/item/securityGroupRuleId")
	modify := func(kv ...string) []string {
		out := []string{"GroupId", hubApp, "SecurityGroupRule.1.SecurityGroupRuleId", id}
		for i := 0; i < len(kv); i += 2 {
			out = append(out, "SecurityGroupRule.1.SecurityGroupRule."+kv[i], kv[i+1])
		}
		return out
	}
	fact := func(rest string) {
		t.Helper()
		equal(t, f.facts("rule "+id), []string{alice + "/" + east + " rule " + id + " " + hubApp + " ingress " + rest + ` tags={"k":"v"}`})
	}
	f.unchanged(func() {
		equal(t, f.no("InvalidParameterValue", alice, east, "ModifySecurityGroupRules", modify("IpProtocol", "-1", "CidrIpv6", "::/0")...),
			"Invalid rule type for security group rule '"+id+"'. You may not specify CidrIpv6 for an existing IPv4 CIDR rule.")
		equal(t, f.no("InvalidParameterValue", alice, east, "ModifySecurityGroupRules", modify("CidrIpv4", "10.0.0.0/8")...),
			"Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
		f.no("InvalidParameterCombination", alice, east, "ModifySecurityGroupRules", modify("IpProtocol", "-1", "CidrIpv4", "10.0.0.0/8", "CidrIpv6", "::/0")...)
		f.no("MissingParameter", alice, east, "ModifySecurityGroupRules", modify("IpProtocol", "-1")...)
		f.no("InvalidPermission.Duplicate", alice, east, "ModifySecurityGroupRules", modify("IpProtocol", "tcp", "FromPort", "22", "ToPort", "22", "CidrIpv4", "192.0.2.0/24")...)
		unknown := modify("IpProtocol", "-1", "CidrIpv4", "10.0.0.0/8")
		unknown[3] = "sgr-00000000"
		equal(t, f.no("InvalidSecurityGroupRuleId.NotFound", alice, east, "ModifySecurityGroupRules", unknown...), "The security group rule ID 'sgr-00000000' does not exist")
		unknown[3] = "sgr-0"
		f.no("InvalidSecurityGroupRuleId.Malformed", alice, east, "ModifySecurityGroupRules", unknown...)
		describe := []string{"SecurityGroupRuleDescription.1.SecurityGroupRuleId", "sgr-00000000", "SecurityGroupRuleDescription.1.Description", "x"}
		f.no("InvalidSecurityGroupRuleId.NotFound", alice, east, "UpdateSecurityGroupRuleDescriptionsIngress", of(hubApp, describe)...)
		describe[1] = id
		f.no("InvalidSecurityGroupRuleId.NotFound", alice, east, "UpdateSecurityGroupRuleDescriptionsEgress", of(hubApp, describe)...) // the other direction
		f.no("InvalidParameterCombination", alice, east, "UpdateSecurityGroupRuleDescriptionsIngress", of(hubApp, perm(1, "tcp", "22", "22", "192.0.2.0/24"), describe)...)
		f.no("InvalidPermission.NotFound", alice, east, "UpdateSecurityGroupRuleDescriptionsIngress", of(hubApp, perm(1, "tcp", "23", "23", "192.0.2.0/24"))...)
		f.no("MissingParameter", alice, east, "UpdateSecurityGroupRuleDescriptionsIngress", "GroupId", hubApp)
	})
	f.ok(alice, east, "UpdateSecurityGroupRuleDescriptionsIngress", "GroupId", hubApp,
		"SecurityGroupRuleDescription.1.SecurityGroupRuleId", id, "SecurityGroupRuleDescription.1.Description", "changed")
	fact(`tcp 80-80 10.1.0.0/16 description="changed"`)
	f.ok(alice, east, "UpdateSecurityGroupRuleDescriptionsIngress", of(hubApp, perm(1, "tcp", "80", "80", "10.1.0.0/16"))...)
	fact(`tcp 80-80 10.1.0.0/16 description=""`)
	f.ok(alice, east, "ModifySecurityGroupRules", modify("IpProtocol", "udp", "FromPort", "1", "ToPort", "9", "CidrIpv4", "10.2.0.0/16", "Description", "d")...)
	fact(`udp 1-9 10.2.0.0/16 description="d"`)
	f.ok(alice, east, "ModifySecurityGroupRules", modify("IpProtocol", "udp", "FromPort", "1", "ToPort", "9", "CidrIpv4", "10.2.0.0/16")...)
	fact(`udp 1-9 10.2.0.0/16 description=""`)
}

// EC2 API reference, ModifySecurityGroupRules: what a rule names may be another of the same kind, also another account's group, and no other kind.
func TestModifyKeepsTheKindOfSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(cfg *ec2sim.Config) {
		cfg.World = bytes.Replace(cfg.World, []byte("prefixLists:\n"), []byte("prefixLists:\n          - {id: pl-0000000000000a002, name: more, max: 2}\n"), 1)
	})
	f.peered(spoke, bob, east)
	sources := map[string]struct{ made, member, value, other string }{
		"IPv4 CIDR":                 {"IpRanges.1.CidrIp=10.1.0.0/16", "CidrIpv4", "10.1.0.0/16", "10.2.0.0/16"},
		"IPv6 CIDR":                 {"Ipv6Ranges.1.CidrIpv6=2001:db8::/32", "CidrIpv6", "2001:db8::/32", "2001:db8:1::/48"},
		"prefix list":               {"PrefixListIds.1.PrefixListId=pl-0000000000000a001", "PrefixListId", "pl-0000000000000a001", "pl-0000000000000a002"},
		"referenced security group": {"Groups.1.GroupId=" + spokeApp, "ReferencedGroupId", spokeApp, hubApp},
	}
	for kind, c := range sources {
		member, value, _ := strings.Cut(c.made, "=")
		rule := []string{"IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "80", "IpPermissions.1.ToPort", "80", "IpPermissions.1." + member, value}
		if value == spokeApp {
			rule = append(rule, "IpPermissions.1.Groups.1.UserId", bob)
		}
		id := f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, rule)...).one("securityGroupRuleSet/item/securityGroupRuleId")
		to := func(member, value string) []string {
			p := "SecurityGroupRule.1.SecurityGroupRule."
			return []string{"GroupId", hubApp, "SecurityGroupRule.1.SecurityGroupRuleId", id, p + "IpProtocol", "tcp", p + "FromPort", "81", p + "ToPort", "81", p + member, value}
		}
		for otherKind, o := range sources {
			if otherKind == kind {
				continue
			}
			value := o.value
			if value == spokeApp {
				value = hubApp
			}
			equal(t, f.no("InvalidParameterValue", alice, east, "ModifySecurityGroupRules", to(o.member, value)...),
				"Invalid rule type for security group rule '"+id+"'. You may not specify "+o.member+" for an existing "+kind+" rule.")
		}
		f.ok(alice, east, "ModifySecurityGroupRules", to(c.member, c.value)...)
		equal(t, len(f.facts("rule "+id+" "+hubApp+" ingress tcp 81-81 ")), 1)
		f.ok(alice, east, "ModifySecurityGroupRules", to(c.member, c.other)...)
		equal(t, len(f.facts("rule "+id+" "+hubApp+" ingress tcp 81-81 ")), 1)
	}
}

// VPC User Guide, "Amazon VPC quotas": rules count per group, direction and family; a group counts for both families.
func TestRuleQuota(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) { c.World = append([]byte("quotas: {rules: 4}\n"), c.World...) })
	add := func(params ...string) string {
		return f.do(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, params)...).Code
	}
	equal(t, add("IpPermissions.1.IpProtocol", "-1", "IpPermissions.1.PrefixListIds.1.PrefixListId", "pl-0000000000000a001"), "") // 1 + 3
	equal(t, add(perm(1, "tcp", "80", "80", "10.1.0.0/16")...), "RulesPerSecurityGroupLimitExceeded")
	equal(t, add(fromGroup(hubApp, "")...), "RulesPerSecurityGroupLimitExceeded")
	equal(t, add("IpPermissions.1.IpProtocol", "-1", "IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "2001:db8::/32"), "")
	equal(t, f.do(alice, east, "AuthorizeSecurityGroupEgress", of(hubApp, perm(1, "tcp", "80", "80", "10.1.0.0/16"))...).Code, "")
}

// VPC User Guide, "Amazon VPC quotas": a CIDR counts in its family, a list with its maximum in its family, a group once in both.
func TestWhatARuleCounts(t *testing.T) {
	t.Parallel()
	const v4, v6, list4, list6, group = "IpRanges.1.CidrIp=10.1.0.0/16", "Ipv6Ranges.1.CidrIpv6=2001:db8::/32", "PrefixListIds.1.PrefixListId=pl-0000000000000a001",
		"PrefixListIds.1.PrefixListId=pl-0000000000000a002", "Groups.1.GroupId=" + hubApp
	for _, c := range []struct {
		first        string
		left4, left6 int // of a quota of five
	}{
		{v4, 4, 5}, {v6, 5, 4}, {list4, 2, 5}, {list6, 5, 3}, {group, 4, 4},
	} {
		for family, left := range map[string]int{"4": c.left4, "6": c.left6} {
			f := newFixture(t, func(cfg *ec2sim.Config) {
				cfg.World = append([]byte("quotas: {rules: 5}\n"), bytes.Replace(cfg.World, []byte("prefixLists:\n"),
					[]byte("prefixLists:\n          - {id: pl-0000000000000a002, name: six, family: IPv6, max: 2}\n"), 1)...)
			})
			f.ok(alice, east, "RevokeSecurityGroupIngress", of(hubApp, perm(1, "tcp", "22", "22", "192.0.2.0/24"))...)
			add := func(source string) string {
				member, value, _ := strings.Cut(source, "=")
				return f.do(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, []string{"IpPermissions.1.IpProtocol", "-1", "IpPermissions.1." + member, value})...).Code
			}
			equal(t, add(c.first), "")
			n := 0
			for ; n < 10; n++ {
				if code := add(map[string]string{"4": "IpRanges.1.CidrIp=10.2." + fmt.Sprint(n) + ".0/24", "6": "Ipv6Ranges.1.CidrIpv6=2001:db8:" + fmt.Sprint(n) + "::/48"}[family]); code != "" {
					equal(t, code, "RulesPerSecurityGroupLimitExceeded")
					break
				}
			}
			if n != left {
				t.Errorf("after %s there is room for %d rules of IPv%s, want %d", c.first, n, family, left)
			}
		}
	}
	f := newFixture(t)
	f.no("MissingParameter", alice, east, "AuthorizeSecurityGroupIngress", "GroupId", hubApp)
	f.no("MissingParameter", alice, east, "RevokeSecurityGroupIngress", "GroupId", hubApp)
	f.no("MissingParameter", alice, east, "ModifySecurityGroupRules", "GroupId", hubApp)
}

// EC2 API reference, CreateSecurityGroup and DeleteSecurityGroup.
func TestGroups(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	create := func(name, description string) answered {
		return f.do(alice, east, "CreateSecurityGroup", "GroupName", name, "GroupDescription", description, "VpcId", hub)
	}
	equal(t, create("app", "x").Code, "InvalidGroup.Duplicate")
	equal(t, create("sg-x", "x").Code, "InvalidParameterValue")
	equal(t, create("default", "x").Code, "InvalidParameterValue")
	equal(t, create("y", "").Code, "MissingParameter")
	equal(t, create("", "x").Code, "MissingParameter")
	equal(t, create("it's", "x").Code, "InvalidParameterValue")
	equal(t, create("y", "naïve").Code, "InvalidParameterValue")
	equal(t, create(strings.Repeat("y", 256), "x").Code, "InvalidParameterValue")
	equal(t, create("y", strings.Repeat("x", 256)).Code, "InvalidParameterValue")
	f.ok(alice, east, "CreateSecurityGroup", "GroupName", "web", "GroupDescription", "d", "VpcId", near) // the name is free in another VPC
	made := create("web", "x")
	equal(t, made.Code, "")
	id := made.one("groupId")
	v4 := f.ok(alice, east, "CreateSecurityGroup", "GroupName", "v4", "GroupDescription", "d", "VpcId", near).one("groupId")
	equal(t, len(f.facts(" "+v4+" egress -1 -1--1 ")), 1) // no IPv6 in its VPC
	equal(t, len(f.facts(" "+id+" egress -1 -1--1 ")), 2) // everything out, nothing in
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, fromGroup(id, ""))...)
	f.no("DependencyViolation", alice, east, "DeleteSecurityGroup", "GroupId", id)
	equal(t, f.ok(alice, east, "DescribeSecurityGroups", "GroupName.1", "v4").all("securityGroupInfo/item/groupId"), []string{v4})
	f.no("InvalidGroup.NotFound", alice, east, "DescribeSecurityGroups", "GroupName.1", "v4", "GroupName.2", "nobody")
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(v4, fromGroup(v4, ""))...) // by itself
	f.peered(near, alice, east)
	f.ok(alice, east, "AuthorizeSecurityGroupIngress", of(hubApp, fromGroup(v4, ""))...) // by a peer
	f.ok(alice, east, "DeleteSecurityGroup", "GroupId", v4)
	def := f.ok(alice, east, "DescribeSecurityGroups", "Filter.1.Name", "group-name", "Filter.1.Value.1", "default", "Filter.2.Name", "vpc-id", "Filter.2.Value.1", hub)
	f.no("CannotDelete", alice, east, "DeleteSecurityGroup", "GroupId", def.one("securityGroupInfo/item/groupId"))
	f.no("InvalidGroup.NotFound", bob, east, "DeleteSecurityGroup", "GroupId", id)
	f.no("InvalidGroupId.Malformed", alice, east, "DeleteSecurityGroup", "GroupId", "app")
}
