package ec2sim_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// EC2 User Guide, "List and filter using the CLI and API": AND between filters, OR between values, wildcards, case counts.
func TestFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, c := range map[string]struct {
		filters []string // name, value|value, …
		want    []string
	}{
		"one value":         {[]string{"vpc-id", hub}, []string{hub}},
		"either value":      {[]string{"vpc-id", hub + "|" + near}, []string{hub, near}},
		"both filters":      {[]string{"vpc-id", hub + "|" + near, "is-default", "true"}, []string{near}},
		"star":              {[]string{"cidr-block-association.cidr-block", "100.64.*"}, []string{hub}},
		"question mark":     {[]string{"cidr", "10.?.0.0/16"}, []string{hub, near}},
		"literal star":      {[]string{"cidr", `10.\*`}, nil},
		"tag":               {[]string{"tag:Name", "h*"}, []string{hub}},
		"tag of other case": {[]string{"tag:name", "hub"}, nil},
		"value of no case":  {[]string{"tag:Name", "Hub"}, nil},
		"tag key":           {[]string{"tag-key", "Name"}, []string{hub, near}},
		"unknown id":        {[]string{"vpc-id", "vpc-00000000"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var params []string
			for i := 0; i < len(c.filters); i += 2 {
				p := fmt.Sprintf("Filter.%d.", i/2+1)
				params = append(params, p+"Name", c.filters[i])
				for j, v := range strings.Split(c.filters[i+1], "|") {
					params = append(params, fmt.Sprintf("%sValue.%d", p, j+1), v)
				}
			}
			got := newFixture(t).ok(alice, east, "DescribeVpcs", params...).all("vpcSet/item/vpcId")
			slices.Sort(got)
			equal(t, got, c.want)
		})
	}
	f.no("InvalidParameterValue", alice, east, "DescribeVpcs", "Filter.1.Name", "vpc_id", "Filter.1.Value.1", hub)
	f.no("InvalidParameterValue", alice, east, "DescribeVpcs", "Filter.1.Name", "vpc-id")
	f.no("InvalidParameterValue", alice, east, "DescribeSecurityGroupRules", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", hub)
	many := []string{"Filter.1.Name", "vpc-id"}
	for i := range 201 {
		many = append(many, fmt.Sprintf("Filter.1.Value.%d", i+1), hub)
	}
	f.no("FilterLimitExceeded", alice, east, "DescribeVpcs", many...)
	f.ok(alice, east, "DescribeVpcs", many[:2+2*200]...)
}

// Every filter that a listing announces must find what it is about; a table that swaps two fields would go unseen otherwise.
func TestEveryFilterFinds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pcx := f.request(spoke, bob, east)
	f.ok(alice, east, "CreateRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", pcx)
	for _, row := range []struct{ action, set, filter, value string }{
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "requester-vpc-info.vpc-id", hub},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "requester-vpc-info.owner-id", alice},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "requester-vpc-info.cidr-block", "10.0.0.0/16"},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "accepter-vpc-info.vpc-id", spoke},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "accepter-vpc-info.owner-id", bob},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "status-code", "pending-acceptance"},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "status-message", "Pending Acceptance by " + bob},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "expiration-time", "2026-01-09T03:04:05.000Z"},
		{"DescribeRouteTables", "routeTableSet", "route.vpc-peering-connection-id", pcx},
		{"DescribeRouteTables", "routeTableSet", "route.state", "blackhole"},
		{"DescribeRouteTables", "routeTableSet", "route.destination-cidr-block", "10.1.0.0/16"},
		{"DescribeRouteTables", "routeTableSet", "association.subnet-id", "subnet-0000000000000a001"},
		{"DescribeRouteTables", "routeTableSet", "tag:tier", "private"},
		{"DescribeSubnets", "subnetSet", "vpc-id", hub},
		{"DescribeSecurityGroups", "securityGroupInfo", "ip-permission.cidr", "192.0.2.0/24"},
		{"DescribeSecurityGroups", "securityGroupInfo", "ip-permission.from-port", "22"},
		{"DescribeNetworkAcls", "networkAclSet", "association.subnet-id", "subnet-0000000000000a001"},
		{"DescribeInternetGateways", "internetGatewaySet", "attachment.vpc-id", hub},
		{"DescribeManagedPrefixLists", "prefixListSet", "prefix-list-name", "offices"},
		{"DescribeTags", "tagSet", "value", "hub"},
	} {
		a := f.ok(alice, east, row.action, "Filter.1.Name", row.filter, "Filter.1.Value.1", row.value)
		b := f.ok(alice, east, row.action, "Filter.1.Name", row.filter, "Filter.1.Value.1", "no such value")
		if x, y := len(a.items(row.set+"/item")), len(b.items(row.set+"/item")); x != 1 || y != 0 {
			t.Errorf("%s %s=%s: got %d items, want 1; and %d for another value, want 0", row.action, row.filter, row.value, x, y)
		}
	}
}

// EC2 API reference: page sizes are bounded per call, ids cannot be paged, one unknown id fails the call.
func TestPageBounds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, c := range []struct {
		action string
		least  int
		most   int
		params []string
	}{
		{"DescribeVpcs", 5, 1000, nil}, {"DescribeSubnets", 5, 1000, nil}, {"DescribeSecurityGroups", 5, 1000, nil},
		{"DescribeSecurityGroupRules", 5, 1000, nil}, {"DescribeNetworkAcls", 5, 1000, nil}, {"DescribeVpcPeeringConnections", 5, 1000, nil},
		{"DescribeRouteTables", 5, 100, nil}, {"DescribeStaleSecurityGroups", 5, 255, []string{"VpcId", hub}},
		{"DescribeManagedPrefixLists", 1, 100, nil},
	} {
		for size, want := range map[int]string{c.least - 1: "InvalidParameterValue", c.least: "", c.most: "", c.most + 1: "InvalidParameterValue"} {
			a := f.do(alice, east, c.action, append(c.params, "MaxResults", strconv.Itoa(size))...)
			if a.Code != want {
				t.Errorf("%s with MaxResults=%d: got %q, want %q", c.action, size, a.Code, want)
			}
		}
	}
	f.no("InvalidParameterCombination", alice, east, "DescribeVpcs", "VpcId.1", hub, "MaxResults", "5")
	f.no("InvalidVpcID.NotFound", alice, east, "DescribeVpcs", "VpcId.1", hub, "VpcId.2", "vpc-00000000")
	loose := newFixture(t, with(world.Switches{IDsWithMaxResults: "allow"}))
	loose.ok(alice, east, "DescribeVpcs", "VpcId.1", hub, "MaxResults", "5")
}

// EC2 Developer Guide, "Query requests", pagination: every item once, whatever happens between the pages; a token is good for
// the very same question only.
func TestPaging(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var want []string
	for range 12 {
		want = append(want, f.ok(alice, east, "CreateRouteTable", "VpcId", near).one("routeTable/routeTableId"))
	}
	slices.Sort(want)
	var got []string
	token, pages := "", 0
	for {
		params := []string{"Filter.1.Name", "vpc-id", "Filter.1.Value.1", near, "MaxResults", "5"}
		if token != "" {
			params = append(params, "NextToken", token)
		}
		a := f.ok(alice, east, "DescribeRouteTables", params...)
		got = append(got, a.all("routeTableSet/item/routeTableId")...)
		if token = a.one("nextToken"); token == "" {
			break
		}
		if pages++; pages == 1 {
			f.ok(alice, east, "DeleteRouteTable", "RouteTableId", got[0]) // shifts nothing
		}
	}
	equal(t, pages, 2)
	main := slices.DeleteFunc(slices.Clone(got), func(id string) bool { return slices.Contains(want, id) })
	equal(t, len(main), 1)
	equal(t, slices.DeleteFunc(got, func(id string) bool { return id == main[0] }), want)

	a := f.ok(alice, east, "DescribeRouteTables", "MaxResults", "5")
	token = a.one("nextToken")
	f.no("InvalidNextToken", alice, east, "DescribeRouteTables", "MaxResults", "5", "NextToken", token, "Filter.1.Name", "vpc-id", "Filter.1.Value.1", hub)
	f.no("InvalidNextToken", bob, east, "DescribeRouteTables", "MaxResults", "5", "NextToken", token)
	f.no("InvalidNextToken", alice, east, "DescribeVpcs", "NextToken", token)
	f.no("InvalidNextToken", alice, east, "DescribeRouteTables", "NextToken", "x")
	equal(t, len(f.ok(alice, east, "DescribeRouteTables").all("routeTableSet/item/routeTableId")), 14) // no size: everything
}

// What is not modelled is refused, never ignored.
func TestNoPoliteSuccess(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.no("InvalidAction", alice, east, "RunInstances")
	equal(t, f.no("UnknownParameter", alice, east, "DescribeVpcs", "Bogus", "1"), "The parameter Bogus is not recognized")
	f.no("UnknownParameter", alice, east, "CreateVpc", "CidrBlock", "10.0.0.0/16", "Ipv4IpamPoolId", "x")
	f.no("UnknownParameter", alice, east, "ModifyVpcAttribute", "VpcId", hub, "EnableDnsSupport.Value", "true", "DryRun", "true")
	f.no("UnknownParameter", alice, east, "DescribeVpcs", "Filter.01.Name", "vpc-id")
	f.no("InvalidParameterValue", alice, east, "DescribeVpcs", "DryRun", "yes")
	f.no("InvalidParameterValue", alice, east, "DescribeVpcs", "MaxResults", "many")
	f.no("NoSuchVersion", alice, east, "DescribeVpcs", "Version", "2014-01-01")
	f.no("UnsupportedOperation", alice, east, "CreateVpc", "CidrBlock", "10.0.0.0/16", "InstanceTenancy", "dedicated")
}
