package ec2sim_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
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
		"stars":             {[]string{"cidr", "*.*.0.0/*"}, []string{hub, near}},
		"star for nothing":  {[]string{"tag:Name", "hub*"}, []string{hub}},
		"star of a whole":   {[]string{"tag:Name", "*"}, []string{hub, near}},
		"mark for nothing":  {[]string{"tag:Name", "hub?"}, nil},
		"escaped other":     {[]string{"tag:Name", `h\xb`}, nil},
		"escaped letter":    {[]string{"tag:Name", `h\ub`}, []string{hub}},
		"escape at the end": {[]string{"tag:Name", `hub\`}, nil},
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

// EC2 User Guide, "List and filter using the CLI and API": what a filter's characters mean where the tag itself has such characters.
func TestWildcardsInTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	find := func(pattern string) int {
		return len(f.ok(alice, east, "DescribeVpcs", "Filter.1.Name", "tag:k", "Filter.1.Value.1", pattern).items("vpcSet/item"))
	}
	for value, patterns := range map[string]map[string]int{
		`a*b?c\d`: {`a\*b\?c\\d`: 1, `a*`: 1, `a\*x`: 0, `A\*b\?c\\d`: 0, `a*b?c*`: 1},
		"日本":      {"日?": 1, "?本": 1, "??": 1, "???": 0, "*本": 1},
		"":        {"": 1, "*": 1, "?": 0},
	} {
		f.ok(alice, east, "CreateTags", "ResourceId.1", hub, "Tag.1.Key", "k", "Tag.1.Value", value)
		for pattern, want := range patterns {
			if got := find(pattern); got != want {
				t.Errorf("%q against %q: found %d, want %d", pattern, value, got, want)
			}
		}
	}
}

// EC2 User Guide, "List and filter using the CLI and API": fifty filters a call, 255 characters a value.
func TestFilterBounds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var filters []string
	for i := range 51 {
		filters = append(filters, fmt.Sprintf("Filter.%d.Name", i+1), "vpc-id", fmt.Sprintf("Filter.%d.Value.1", i+1), hub)
	}
	f.no("FilterLimitExceeded", alice, east, "DescribeVpcs", filters...)
	f.ok(alice, east, "DescribeVpcs", filters[:4*50]...)
	f.no("InvalidParameterValue", alice, east, "DescribeVpcs", "Filter.1.Name", "tag:Name", "Filter.1.Value.1", strings.Repeat("x", 256))
	f.ok(alice, east, "DescribeVpcs", "Filter.1.Name", "tag:Name", "Filter.1.Value.1", strings.Repeat("ä", 255))
}

// Every filter that a listing announces must find what it is about; a table that swaps two fields would go unseen otherwise.
func TestEveryFilterFinds(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) {
		c.World = bytes.Replace(c.World, []byte("tags: {tier: private}}"), []byte(`tags: {tier: private}, routes: [
                  {to: "2001:db8:7::/48", via: eigw-00000000000000001}, {to: pl-0000000000000a001, via: nat-00000000000000001},
                  {to: 10.60.0.0/16, via: tgw-00000000000000001, origin: EnableVgwRoutePropagation}, {to: 10.61.0.0/16, via: i-00000000000000001}]}
              - {id: rtb-0000000000000a003, name: edge, gateway: true}`), 1)
		c.World = bytes.Replace(c.World, []byte("groups:\n"), []byte(`groups:
              - id: sg-0000000000000a003
                name: web
                rules:
                  - {id: sgr-00000000000000001, direction: ingress, protocol: udp, ports: 53, from: app, tags: {team: net}}
                  - {direction: ingress, protocol: tcp, ports: 443, from: "2001:db8:8::/48"}
                  - {direction: ingress, protocol: tcp, ports: 443, from: pl-0000000000000a001}
                  - {direction: egress, protocol: tcp, ports: 80, to: 10.1.0.0/16}
`), 1)
	})
	pcx := f.request(spoke, bob, east)
	f.ok(alice, east, "CreateTags", "ResourceId.1", pcx, "Tag.1.Key", "team", "Tag.1.Value", "net")
	f.ok(alice, east, "CreateRoute", "RouteTableId", hubOther, "DestinationCidrBlock", "10.1.0.0/16", "VpcPeeringConnectionId", pcx)
	igw := f.ok(alice, east, "DescribeInternetGateways").one("internetGatewaySet/item/internetGatewayId")
	tables := f.ok(alice, east, "DescribeRouteTables", "RouteTableId.1", hubOther)
	for _, row := range []struct{ action, set, filter, value string }{
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "vpc-peering-connection-id", pcx},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "requester-vpc-info.vpc-id", hub},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "requester-vpc-info.owner-id", alice},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "requester-vpc-info.cidr-block", "10.0.0.0/16"},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "accepter-vpc-info.vpc-id", spoke},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "accepter-vpc-info.owner-id", bob},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "status-code", "pending-acceptance"},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "status-message", "Pending Acceptance by " + bob},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "expiration-time", "2026-01-09T03:04:05.000Z"},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "tag:team", "net"},
		{"DescribeVpcPeeringConnections", "vpcPeeringConnectionSet", "tag-key", "team"},
		{"DescribeRouteTables", "routeTableSet", "route-table-id", hubMain},
		{"DescribeRouteTables", "routeTableSet", "association.subnet-id", "subnet-0000000000000a001"},
		{"DescribeRouteTables", "routeTableSet", "association.gateway-id", igw},
		{"DescribeRouteTables", "routeTableSet", "association.route-table-id", hubOther},
		{"DescribeRouteTables", "routeTableSet", "association.route-table-association-id", tables.one("routeTableSet/item/associationSet/item/routeTableAssociationId")},
		{"DescribeRouteTables", "routeTableSet", "route.destination-cidr-block", "10.1.0.0/16"},
		{"DescribeRouteTables", "routeTableSet", "route.destination-ipv6-cidr-block", "2001:db8:7::/48"},
		{"DescribeRouteTables", "routeTableSet", "route.destination-prefix-list-id", "pl-0000000000000a001"},
		{"DescribeRouteTables", "routeTableSet", "route.gateway-id", igw},
		{"DescribeRouteTables", "routeTableSet", "route.nat-gateway-id", "nat-00000000000000001"},
		{"DescribeRouteTables", "routeTableSet", "route.transit-gateway-id", "tgw-00000000000000001"},
		{"DescribeRouteTables", "routeTableSet", "route.instance-id", "i-00000000000000001"},
		{"DescribeRouteTables", "routeTableSet", "route.egress-only-internet-gateway-id", "eigw-00000000000000001"},
		{"DescribeRouteTables", "routeTableSet", "route.vpc-peering-connection-id", pcx},
		{"DescribeRouteTables", "routeTableSet", "route.state", "blackhole"},
		{"DescribeRouteTables", "routeTableSet", "route.origin", "EnableVgwRoutePropagation"},
		{"DescribeRouteTables", "routeTableSet", "tag:tier", "private"},
		{"DescribeVpcs", "vpcSet", "vpc-id", hub},
		{"DescribeVpcs", "vpcSet", "is-default", "true"},
		{"DescribeVpcs", "vpcSet", "cidr", "10.9.0.0/16"},
		{"DescribeVpcs", "vpcSet", "cidr-block-association.cidr-block", "100.64.0.0/20"},
		{"DescribeVpcs", "vpcSet", "ipv6-cidr-block-association.ipv6-cidr-block", "2001:db8:1::/56"},
		{"DescribeSubnets", "subnetSet", "subnet-id", "subnet-0000000000000a001"},
		{"DescribeSubnets", "subnetSet", "vpc-id", hub},
		{"DescribeSubnets", "subnetSet", "cidr-block", "10.0.0.0/24"},
		{"DescribeSubnets", "subnetSet", "availability-zone", east + "a"},
		{"DescribeSecurityGroups", "securityGroupInfo", "group-id", hubApp},
		{"DescribeSecurityGroups", "securityGroupInfo", "description", "group web"},
		{"DescribeSecurityGroups", "securityGroupInfo", "ip-permission.cidr", "192.0.2.0/24"},
		{"DescribeSecurityGroups", "securityGroupInfo", "ip-permission.from-port", "22"},
		{"DescribeSecurityGroups", "securityGroupInfo", "ip-permission.to-port", "22"},
		{"DescribeSecurityGroups", "securityGroupInfo", "ip-permission.protocol", "udp"},
		{"DescribeSecurityGroups", "securityGroupInfo", "ip-permission.ipv6-cidr", "2001:db8:8::/48"},
		{"DescribeSecurityGroups", "securityGroupInfo", "ip-permission.prefix-list-id", "pl-0000000000000a001"},
		{"DescribeSecurityGroups", "securityGroupInfo", "ip-permission.group-id", hubApp},
		{"DescribeSecurityGroups", "securityGroupInfo", "egress.ip-permission.cidr", "10.1.0.0/16"},
		{"DescribeSecurityGroups", "securityGroupInfo", "egress.ip-permission.protocol", "tcp"},
		{"DescribeSecurityGroups", "securityGroupInfo", "egress.ip-permission.from-port", "80"},
		{"DescribeSecurityGroupRules", "securityGroupRuleSet", "security-group-rule-id", "sgr-00000000000000001"},
		{"DescribeSecurityGroupRules", "securityGroupRuleSet", "tag:team", "net"},
		{"DescribeNetworkAcls", "networkAclSet", "association.subnet-id", "subnet-0000000000000a001"},
		{"DescribeNetworkAcls", "networkAclSet", "vpc-id", near},
		{"DescribeInternetGateways", "internetGatewaySet", "attachment.vpc-id", hub},
		{"DescribeManagedPrefixLists", "prefixListSet", "prefix-list-name", "offices"},
		{"DescribeManagedPrefixLists", "prefixListSet", "prefix-list-id", "pl-0000000000000a001"},
		{"DescribeTags", "tagSet", "value", "hub"},
	} {
		a := f.ok(alice, east, row.action, "Filter.1.Name", row.filter, "Filter.1.Value.1", row.value)
		if row.filter == "ip-permission.cidr" || row.filter == "ip-permission.ipv6-cidr" {
			other := map[bool]string{true: "2001:db8:8::/48", false: "192.0.2.0/24"}[row.filter == "ip-permission.cidr"]
			equal(t, f.ok(alice, east, row.action, "Filter.1.Name", row.filter, "Filter.1.Value.1", other).items(row.set+"/item"), nil)
		}
		if strings.HasPrefix(row.filter, "route.") && strings.HasSuffix(row.filter, "-id") && row.filter != "route.destination-prefix-list-id" {
			other := map[bool]string{true: igw, false: pcx}[row.value == pcx]
			equal(t, f.ok(alice, east, row.action, "Filter.1.Name", row.filter, "Filter.1.Value.1", other).items(row.set+"/item"), nil)
		}
		if strings.HasPrefix(row.filter, "route.destination-") { // and not with the value of another family
			other := map[bool]string{true: "2001:db8:7::/48", false: "10.1.0.0/16"}[row.value == "10.1.0.0/16"]
			equal(t, f.ok(alice, east, row.action, "Filter.1.Name", row.filter, "Filter.1.Value.1", other).items(row.set+"/item"), nil)
		}
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
		{"DescribeSecurityGroupRules", 5, 1000, nil}, {"DescribeNetworkAcls", 5, 1000, nil}, {"DescribeNetworkInterfaces", 5, 1000, nil}, {"DescribeVpcPeeringConnections", 5, 1000, nil},
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
}

// EC2 API reference, all Describe calls: every id named must exist, and ids are not paged; an unknown id as a filter's value finds nothing.
func TestIDsAgainstFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	loose := newFixture(t, with(world.Switches{IDsWithMaxResults: "allow"}))
	pcx := f.request(spoke, bob, east)
	equal(t, loose.request(spoke, bob, east), pcx)
	igw := f.ok(alice, east, "DescribeInternetGateways").one("internetGatewaySet/item/internetGatewayId")
	acl := f.ok(alice, east, "DescribeNetworkAcls").one("networkAclSet/item/networkAclId")
	rule := f.ok(alice, east, "DescribeSecurityGroupRules").one("securityGroupRuleSet/item/securityGroupRuleId")
	for _, c := range []struct{ action, parameter, set, filter, known, unknown, gone, malformed string }{
		{"DescribeVpcs", "VpcId", "vpcSet", "vpc-id", hub, "vpc-00000000", "InvalidVpcID.NotFound", "InvalidVpcID.Malformed"},
		{"DescribeSubnets", "SubnetId", "subnetSet", "subnet-id", "subnet-0000000000000a001", "subnet-00000000", "InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed"},
		{"DescribeRouteTables", "RouteTableId", "routeTableSet", "route-table-id", hubMain, "rtb-00000000", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed"},
		{"DescribeVpcPeeringConnections", "VpcPeeringConnectionId", "vpcPeeringConnectionSet", "vpc-peering-connection-id", pcx, "pcx-00000000",
			"InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.Malformed"},
		{"DescribeSecurityGroups", "GroupId", "securityGroupInfo", "group-id", hubApp, "sg-00000000", "InvalidGroup.NotFound", "InvalidGroupId.Malformed"},
		{"DescribeSecurityGroupRules", "SecurityGroupRuleId", "securityGroupRuleSet", "security-group-rule-id", rule, "sgr-00000000",
			"InvalidSecurityGroupRuleId.NotFound", "InvalidSecurityGroupRuleId.Malformed"},
		{"DescribeNetworkAcls", "NetworkAclId", "networkAclSet", "network-acl-id", acl, "acl-00000000", "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed"},
		{"DescribeInternetGateways", "InternetGatewayId", "internetGatewaySet", "internet-gateway-id", igw, "igw-00000000",
			"InvalidInternetGatewayID.NotFound", "InvalidInternetGatewayId.Malformed"},
		{"DescribeManagedPrefixLists", "PrefixListId", "prefixListSet", "prefix-list-id", "pl-0000000000000a001", "pl-00000000",
			"InvalidPrefixListID.NotFound", "InvalidPrefixListId.Malformed"},
	} {
		equal(t, len(f.ok(alice, east, c.action, c.parameter+".1", c.known).items(c.set+"/item")), 1)
		f.no(c.gone, alice, east, c.action, c.parameter+".1", c.known, c.parameter+".2", c.unknown)
		f.no(c.malformed, alice, east, c.action, c.parameter+".1", "x"+c.known)
		f.no("InvalidParameterCombination", alice, east, c.action, c.parameter+".1", c.known, "MaxResults", "5")
		loose.ok(alice, east, c.action, c.parameter+".1", c.known, "MaxResults", "5")
		filter := []string{"Filter.1.Name", c.filter, "MaxResults", "5", "Filter.1.Value.1"}
		equal(t, len(f.ok(alice, east, c.action, append(filter, c.known)...).items(c.set+"/item")), 1)
		equal(t, len(f.ok(alice, east, c.action, append(filter, c.unknown)...).items(c.set+"/item")), 0)
		f.no("InvalidParameterValue", alice, east, c.action, "Filter.1.Name", strings.ToUpper(c.filter), "Filter.1.Value.1", c.known)
	}
}

// EC2 API reference, NextToken: the page size may change from page to page, without one the largest page comes, and what is removed meanwhile
// is missing and nothing else.
func TestTokens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var made []string
	for range 120 {
		made = append(made, f.ok(alice, east, "CreateRouteTable", "VpcId", near).one("routeTable/routeTableId"))
	}
	page := func(params ...string) (answered, int) {
		a := f.ok(alice, east, "DescribeRouteTables", params...)
		return a, len(a.items("routeTableSet/item"))
	}
	first, n := page("MaxResults", "5")
	equal(t, n, 5)
	token := first.one("nextToken")
	_, n = page("MaxResults", "7", "NextToken", token)
	equal(t, n, 7)
	_, n = page("NextToken", token)
	equal(t, n, 100)
	for _, id := range made {
		f.ok(alice, east, "DeleteRouteTable", "RouteTableId", id)
	}
	rest, n := page("MaxResults", "5", "NextToken", token)
	if n > 3 || rest.one("nextToken") != "" {
		t.Errorf("of three tables that are left, %d come, and then the token %q", n, rest.one("nextToken"))
	}
	var subnets []string
	for n := range 6 {
		subnets = append(subnets, f.ok(alice, east, "CreateSubnet", "VpcId", near, "CidrBlock", fmt.Sprintf("10.9.%d.0/24", n)).one("subnet/subnetId"))
	}
	token = f.ok(alice, east, "DescribeSubnets", "MaxResults", "6").one("nextToken")
	for _, id := range subnets {
		f.ok(alice, east, "DeleteSubnet", "SubnetId", id)
	}
	equal(t, f.ok(alice, east, "DescribeSubnets", "MaxResults", "6", "NextToken", token).items("subnetSet/item"), nil) // all that was to follow is gone
	last, _ := page("MaxResults", "5", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", near)
	equal(t, last.one("nextToken"), "")
	f.no("InvalidNextToken", alice, east, "DescribeRouteTables", "NextToken", "YQ") // too short to be one
}

// EC2 Developer Guide, "Pagination": a page may hold less than was asked for, even nothing, and there may be more all the same.
func TestShortPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, with(world.Switches{Pages: "short"}))
	for range 8 {
		f.ok(alice, east, "CreateRouteTable", "VpcId", near)
	}
	var sizes []int
	seen := map[string]bool{}
	for token := ""; ; {
		params := []string{"MaxResults", "6"}
		if token != "" {
			params = append(params, "NextToken", token)
		}
		a := f.ok(alice, east, "DescribeRouteTables", params...)
		ids := a.all("routeTableSet/item/routeTableId")
		sizes = append(sizes, len(ids))
		for _, id := range ids {
			seen[id] = true
		}
		if token = a.one("nextToken"); token == "" {
			break
		}
	}
	equal(t, sizes, []int{0, 3, 3, 3, 2})
	equal(t, len(seen), 11)
	equal(t, len(f.ok(alice, east, "DescribeRouteTables").items("routeTableSet/item")), 11) // not paged: everything
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
