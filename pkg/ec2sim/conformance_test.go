package ec2sim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/tooltest"
)

// Every action, in success and in error, must be what AWS's own model of it says, judged by botocore and not by us: parameters, members,
// and whether there is a DryRun.
func TestRepliesFitTheServiceModel(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	j := newJudge(t)
	count := map[string][2]int{} // successes and errors, by action
	f.record = func(r recorded) {
		n := count[r.Action]
		if r.Status == http.StatusOK {
			n[0]++
		} else {
			n[1]++
		}
		count[r.Action] = n
		j.add(r)
	}
	everyAction(f)
	everyError(f)
	for _, service := range []string{"ec2", "sts"} {
		for _, action := range ec2sim.Actions(service) {
			if n := count[action]; n[0] == 0 || n[1] < 2 {
				t.Errorf("%s: %d successes and %d errors were judged, want one and two at least", action, n[0], n[1])
			}
		}
	}
	for _, action := range ec2sim.Actions("ec2") {
		j.add(map[string]any{"action": action, "takesDryRun": f.do(alice, east, action, "DryRun", "true").Code != "UnknownParameter"})
	}
	equal(t, j.verdict(), "")
}

// everyError makes two mistakes in each action: a parameter that it does not have, and credentials that nobody has.
func everyError(f *fixture) {
	user, _ := ec2sim.AccessKey(alice)
	for _, service := range []string{"ec2", "sts"} {
		for _, action := range ec2sim.Actions(service) {
			f.raw(user, "", service, east, action, "Bogus", "1")
			f.raw("AKIA999999999999PEER", "", service, east, action)
			f.raw(user, "", service, east, action, "DryRun", "true")
		}
	}
}

// judge collects calls for botocore.
type judge struct {
	t     *testing.T
	lines bytes.Buffer
}

// newJudge skips the test where there is no botocore, except in CI.
func newJudge(t *testing.T) *judge {
	t.Helper()
	if out, err := exec.Command(python(), "-c", "import botocore").CombinedOutput(); err != nil {
		tooltest.Missing(t, fmt.Sprintf("python3 with botocore is needed to judge the replies: %v\n%s", err, out))
	}
	return &judge{t: t}
}

// python is the one of the PATH, or else the system's: only one of them may have botocore.
func python() string {
	if exec.Command("python3", "-c", "import botocore").Run() != nil {
		return "/usr/bin/python3"
	}
	return "python3"
}

func (j *judge) add(call any) {
	line, err := json.Marshal(call)
	if err != nil {
		j.t.Fatal(err)
	}
	j.lines.Write(append(line, '\n'))
}

// verdict is botocore's complaints, one a line.
func (j *judge) verdict() string {
	j.t.Helper()
	cmd := exec.Command(python(), "testdata/conformance.py")
	cmd.Stdin = &j.lines
	out, err := cmd.CombinedOutput()
	if err != nil {
		j.t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// A judge who never complains is none: each kind of mistake in a reply, and the complaint about it.
func TestTheJudgeSeesMistakes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var good, bad, session recorded
	f.record = func(r recorded) { good = r }
	f.ok(alice, east, "DescribeVpcAttribute", "VpcId", hub, "Attribute", "enableDnsSupport")
	f.record = func(r recorded) { bad = r }
	f.no("InvalidVpcID.NotFound", alice, east, "DescribeVpcAttribute", "VpcId", "vpc-00000000", "Attribute", "enableDnsSupport")
	f.record = func(r recorded) { session = r }
	user, _ := ec2sim.AccessKey(bob)
	f.raw(user, "", "sts", east, "GetSessionToken")
	unknown := good
	unknown.Params = map[string]string{"VpcId": hub, "Filter.1.Name": "x"}
	j := newJudge(t)
	j.add(good)
	j.add(bad)
	j.add(session)
	j.add(unknown)
	j.add(map[string]any{"action": "ModifyVpcAttribute", "takesDryRun": true})
	want := []string{
		"DescribeVpcAttribute: the model has no parameter Filter.1.Name",
		"DescribeVpcAttribute: the required parameter Attribute was not sent, and yet it succeeded",
		"ModifyVpcAttribute: the model and the simulator differ on DryRun",
	}
	for _, c := range []struct {
		of        recorded
		is, was   string
		complaint string
	}{
		{good, "<vpcID>x</vpcID><vpcId>", "<vpcId>", "DescribeVpcAttribute: unknown element vpcID"},
		{session, "SecretKey", "SecretAccessKey", "GetSessionToken/Credentials: required member SecretAccessKey is missing"},
		{session, "SecretKey", "SecretAccessKey", "GetSessionToken/Credentials: unknown element SecretKey"},
		{good, "<vpcId>x</vpcId><vpcId>", "<vpcId>", "DescribeVpcAttribute: vpcId comes twice"},
		{good, "yes", "true", "DescribeVpcAttribute/enableDnsSupport/value: 'yes' is no boolean"},
		{good, "DescribeVpcsResponse", "DescribeVpcAttributeResponse", "DescribeVpcAttribute: the root is DescribeVpcsResponse"},
		{good, "2016-11-16", "2016-11-15", "DescribeVpcAttribute: the name space is not http://ec2.amazonaws.com/doc/2016-11-15"},
		{good, "", "<requestId>00000000-0000-4000-8000-000000000001</requestId>", "DescribeVpcAttribute: 0 request ids"},
		{bad, "code>", "Code>", "DescribeVpcAttribute: botocore finds no Code in the error"},
		{bad, "code>", "Code>", `DescribeVpcAttribute: an error of the form {"Response": {"Errors": {"Error": {"code": {}, "Message": {}}}, "RequestID": {}}}`},
		{bad, "requestId>", "RequestID>", `DescribeVpcAttribute: an error of the form {"Response": {"Errors": {"Error": {"Code": {}, "Message": {}}}, "requestId": {}}}`},
		{bad, "requestId>", "RequestID>", "DescribeVpcAttribute: botocore finds no request id in the error"},
	} {
		spoilt := c.of
		if spoilt.Body = strings.ReplaceAll(spoilt.Body, c.was, c.is); spoilt.Body == c.of.Body {
			t.Errorf("there is no %q to spoil in %s", c.was, c.of.Body)
		}
		j.add(spoilt)
		want = append(want, c.complaint)
	}
	slices.Sort(want)
	equal(t, strings.Split(j.verdict(), "\n"), slices.Compact(want))
}

// EC2 API reference, Filter.N of each Describe call: what the simulator takes as a filter's name is documented for that very call. Every name
// that any call has is tried on every call.
func TestOnlyDocumentedFilters(t *testing.T) {
	t.Parallel()
	newJudge(t)
	out, err := exec.Command(python(), "testdata/conformance.py", "filters").Output()
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{}
	if err := json.Unmarshal(out, &documented); err != nil {
		t.Fatal(err)
	}
	f, taken := newFixture(t), 0
	var names []string
	for _, action := range ec2sim.Actions("ec2") {
		names = append(names, documented[action]...)
	}
	slices.Sort(names)
	for _, action := range ec2sim.Actions("ec2") {
		if documented[action] == nil {
			continue
		}
		for _, name := range slices.Compact(slices.Clone(names)) {
			switch a := f.do(alice, east, action, "Filter.1.Name", name, "Filter.1.Value.1", "x"); {
			case a.Code == "" && !slices.Contains(documented[action], name):
				t.Errorf("%s takes the filter %s, which its documentation does not know", action, name)
			case a.Code == "":
				taken++
			case a.Code != "InvalidParameterValue":
				t.Errorf("%s with the filter %s: %s", action, name, a.Code)
			}
		}
	}
	if taken < 90 {
		t.Errorf("only %d filters were taken, so hardly anything was tried", taken)
	}
	t.Logf("%d filters of %d names", taken, len(slices.Compact(names)))
}

// EC2 API reference, DryRun: every action that takes it answers DryRunOperation, changes nothing, and does not look whether it could.
func TestDryRunOfEveryAction(t *testing.T) {
	t.Parallel()
	lived, f := newFixture(t), newFixture(t)
	calls := map[string]map[string]string{}
	lived.record = func(r recorded) {
		if r.Service == "ec2" {
			calls[r.Action] = r.Params
		}
	}
	everyAction(lived)
	delete(calls, "ModifyVpcAttribute") // these have none
	delete(calls, "AssociateVpcCidrBlock")
	delete(calls, "DisassociateVpcCidrBlock")
	equal(t, len(calls), len(ec2sim.Actions("ec2"))-3)
	f.unchanged(func() {
		for action, params := range calls {
			dry := []string{"DryRun", "true"}
			for name, value := range params {
				dry = append(dry, name, value) // most of what they name is not in this world
			}
			a := f.do(alice, east, action, dry...)
			equal(t, [3]any{action, a.Code, a.Status}, [3]any{action, "DryRunOperation", 412})
			a = f.do(alice, east, action, append(dry, "Bogus", "1")...)
			equal(t, [2]any{action, a.Code}, [2]any{action, "UnknownParameter"})
		}
	})
	for _, c := range f.Calls() {
		if !c.DryRun || c.Applied {
			t.Errorf("%s: the log says dry run %t, applied %t", c.Action, c.DryRun, c.Applied)
		}
	}
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
	a("DescribeNetworkInterfaces", "MaxResults", "5")
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
	f.raw(user, "", "sts", west, "AssumeRole", "RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme-7f3", "SourceIdentity", "me",
		"DurationSeconds", "900", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v", "TransitiveTagKeys.member.1", "k")
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
