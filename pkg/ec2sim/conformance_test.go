package ec2sim_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
)

// Every successful reply of every action must be what AWS's own model of it says, judged by botocore and not by us.
func TestRepliesFitTheServiceModel(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("python3", "-c", "import botocore").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("python3 with botocore is needed: %v\n%s", err, out)
		}
		t.Skipf("python3 with botocore is not there, so nothing judges the replies: %v", err)
	}
	f := newFixture(t)
	var replies bytes.Buffer
	answered := map[string]bool{}
	f.record = func(service, action string, body []byte) {
		answered[action] = true
		line, err := json.Marshal(map[string]string{"service": service, "action": action, "body": string(body)})
		if err != nil {
			t.Fatal(err)
		}
		replies.Write(append(line, '\n'))
	}
	everyAction(f)
	for _, action := range slices.Concat(ec2sim.Actions("ec2"), ec2sim.Actions("sts")) {
		if !answered[action] {
			t.Errorf("%s was not answered, so nothing judged it", action)
		}
	}
	judge := exec.Command("python3", "testdata/conformance.py")
	judge.Stdin = &replies
	out, err := judge.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	equal(t, strings.TrimSpace(string(out)), "")
}

// everyAction is a life of a network that needs every action once.
func everyAction(f *fixture) {
	a := func(action string, params ...string) answered {
		f.t.Helper()
		return f.ok(alice, east, action, params...)
	}
	v := a("CreateVpc", "CidrBlock", "10.40.0.0/16", "AmazonProvidedIpv6CidrBlock", "true", "TagSpecification.1.ResourceType", "vpc",
		"TagSpecification.1.Tag.1.Key", "Name", "TagSpecification.1.Tag.1.Value", "<new> & 'quoted'").one("vpc/vpcId")
	block := a("AssociateVpcCidrBlock", "VpcId", v, "CidrBlock", "10.41.0.0/16").one("cidrBlockAssociation/associationId")
	a("AssociateVpcCidrBlock", "VpcId", v, "AmazonProvidedIpv6CidrBlock", "true")
	a("DisassociateVpcCidrBlock", "AssociationId", block)
	a("ModifyVpcAttribute", "VpcId", v, "EnableDnsHostnames.Value", "true")
	a("DescribeVpcAttribute", "VpcId", v, "Attribute", "enableDnsHostnames")
	a("DescribeVpcs", "MaxResults", "5")
	subnet := a("CreateSubnet", "VpcId", v, "CidrBlock", "10.40.1.0/24").one("subnet/subnetId")
	a("DescribeSubnets")
	igw := a("CreateInternetGateway").one("internetGateway/internetGatewayId")
	a("AttachInternetGateway", "InternetGatewayId", igw, "VpcId", v)
	a("DescribeInternetGateways")
	rtb := a("CreateRouteTable", "VpcId", v, "ClientToken", "once").one("routeTable/routeTableId")
	pcx := a("CreateVpcPeeringConnection", "VpcId", v, "PeerVpcId", spoke, "PeerOwnerId", bob).one("vpcPeeringConnection/vpcPeeringConnectionId")
	f.ok(bob, east, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", pcx)
	a("ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId", pcx, "RequesterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", "true")
	route := []string{"RouteTableId", rtb, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", pcx}
	a("CreateRoute", route...)
	a("CreateRoute", "RouteTableId", rtb, "DestinationPrefixListId", "pl-0000000000000a001", "GatewayId", igw)
	a("CreateRoute", "RouteTableId", rtb, "DestinationIpv6CidrBlock", "::/0", "NatGatewayId", "nat-00000000000000001")
	a("ReplaceRoute", route...)
	one := a("AssociateRouteTable", "RouteTableId", rtb, "SubnetId", subnet).one("associationId")
	one = a("ReplaceRouteTableAssociation", "AssociationId", one, "RouteTableId", rtb).one("newAssociationId")
	a("DescribeRouteTables")
	a("DescribeVpcPeeringConnections")
	everyRuleAction(f, v)
	acl := a("CreateNetworkAcl", "VpcId", v).one("networkAcl/networkAclId")
	entry := []string{"NetworkAclId", acl, "RuleNumber", "7", "Egress", "false"}
	icmp := append(slices.Clip(entry), "Protocol", "1", "RuleAction", "allow", "CidrBlock", "10.0.0.0/8", "Icmp.Type", "8", "Icmp.Code", "-1")
	a("CreateNetworkAclEntry", icmp...)
	a("DescribeNetworkAcls")
	a("ReplaceNetworkAclEntry", append(slices.Clip(entry), "Protocol", "6", "RuleAction", "deny", "Ipv6CidrBlock", "::/0", "PortRange.From", "1", "PortRange.To", "2")...)
	on := a("DescribeNetworkAcls", "Filter.1.Name", "association.subnet-id", "Filter.1.Value.1", subnet).one("networkAclSet/item/associationSet/item/networkAclAssociationId")
	back := a("ReplaceNetworkAclAssociation", "AssociationId", on, "NetworkAclId", acl).one("newAssociationId")
	a("DeleteNetworkAclEntry", entry...)
	def := a("DescribeNetworkAcls", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", v, "Filter.2.Name", "default", "Filter.2.Value.1", "true").one("networkAclSet/item/networkAclId")
	a("ReplaceNetworkAclAssociation", "AssociationId", back, "NetworkAclId", def)
	a("DeleteNetworkAcl", "NetworkAclId", acl)
	pl := a("CreateManagedPrefixList", "PrefixListName", "x", "AddressFamily", "IPv6", "MaxEntries", "1", "Entry.1.Cidr", "2001:db8::/32").one("prefixList/prefixListId")
	a("DescribeManagedPrefixLists")
	a("GetManagedPrefixListEntries", "PrefixListId", pl)
	a("DeleteManagedPrefixList", "PrefixListId", pl)
	a("CreateTags", "ResourceId.1", v, "Tag.1.Key", "k", "Tag.1.Value", "")
	a("DescribeTags")
	a("DeleteTags", "ResourceId.1", v)
	rejected := a("CreateVpcPeeringConnection", "VpcId", hub, "PeerVpcId", v).one("vpcPeeringConnection/vpcPeeringConnectionId")
	a("RejectVpcPeeringConnection", "VpcPeeringConnectionId", rejected)
	a("DeleteRoute", route[:4]...)
	a("DisassociateRouteTable", "AssociationId", one)
	a("DeleteRouteTable", "RouteTableId", rtb)
	a("DeleteVpcPeeringConnection", "VpcPeeringConnectionId", pcx)
	a("DetachInternetGateway", "InternetGatewayId", igw, "VpcId", v)
	a("DeleteInternetGateway", "InternetGatewayId", igw)
	a("DeleteSubnet", "SubnetId", subnet)
	a("DeleteVpc", "VpcId", v)
	user, _ := ec2sim.AccessKey(bob)
	f.raw(user, "", "sts", west, "GetCallerIdentity")
	f.raw(user, "", "sts", west, "GetSessionToken")
	f.raw(user, "", "sts", west, "AssumeRole", "RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme-7f3", "SourceIdentity", "me")
}

// everyRuleAction is the same for the groups of a peered VPC; it leaves none behind.
func everyRuleAction(f *fixture, v string) {
	a := func(action string, params ...string) answered {
		f.t.Helper()
		return f.ok(alice, east, action, params...)
	}
	sg := a("CreateSecurityGroup", "GroupName", "web", "GroupDescription", "d", "VpcId", v).one("groupId")
	made := a("AuthorizeSecurityGroupIngress", of(sg, fromGroup(spokeApp, bob), perm(2, "tcp", "80", "80", "10.1.0.0/16"),
		[]string{"IpPermissions.3.IpProtocol", "icmpv6", "IpPermissions.3.Ipv6Ranges.1.CidrIpv6", "::/0"})...)
	id := made.all("securityGroupRuleSet/item/securityGroupRuleId")[1]
	a("AuthorizeSecurityGroupEgress", of(sg, perm(1, "50", "", "", "10.1.0.0/16"))...)
	a("ModifySecurityGroupRules", "GroupId", sg, "SecurityGroupRule.1.SecurityGroupRuleId", id, "SecurityGroupRule.1.SecurityGroupRule.IpProtocol", "-1",
		"SecurityGroupRule.1.SecurityGroupRule.CidrIpv4", "10.2.0.0/16")
	a("UpdateSecurityGroupRuleDescriptionsIngress", "GroupId", sg, "SecurityGroupRuleDescription.1.SecurityGroupRuleId", id, "SecurityGroupRuleDescription.1.Description", "x")
	a("UpdateSecurityGroupRuleDescriptionsEgress", of(sg, perm(1, "50", "", "", "10.1.0.0/16"))...)
	f.ok(bob, east, "DescribeSecurityGroupReferences", "GroupId.1", spokeApp)
	f.ok(bob, east, "DeleteSecurityGroup", "GroupId", spokeApp)
	a("DescribeStaleSecurityGroups", "VpcId", v)
	a("DescribeSecurityGroups")
	a("DescribeSecurityGroupRules")
	a("RevokeSecurityGroupIngress", of(sg, fromGroup(spokeApp, bob))...)
	a("RevokeSecurityGroupIngress", of(nearApp, fromGroup(hubApp, ""))...) // unknown, in a default VPC
	a("RevokeSecurityGroupEgress", of(sg, perm(1, "50", "", "", "10.1.0.0/16"))...)
	a("DeleteSecurityGroup", "GroupId", sg)
}
