package ec2sim_test

import "testing"

// EC2 API reference, DescribeNetworkInterfaces: by their own ids and those of what they are attached to.
func TestNetworkInterfaces(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for filter, want := range map[[2]string]int{
		{"network-interface-id", "eni-0000000000000a002"}: 1,
		{"attachment.instance-id", "i-0000000000000a001"}: 1,
		{"attachment.instance-id", "i-0000000000000a009"}: 0,
		{"attachment.device-index", "0"}:                  1,
		{"status", "available"}:                           1,
		{"group-id", nearApp}:                             2,
		{"addresses.private-ip-address", "10.9.200.1?"}:   2,
		{"ipv6-addresses.ipv6-address", "2001:db8:1::10"}: 1,
		{"private-ip-address", "10.9.200.10"}:             1,
		{"subnet-id", "subnet-0000000000000a001"}:         0,
		{"vpc-id", near}:                                  2,
		{"availability-zone", "us-east-1b"}:               2,
		{"owner-id", bob}:                                 0,
	} {
		got := f.ok(alice, east, "DescribeNetworkInterfaces", "Filter.1.Name", filter[0], "Filter.1.Value.1", filter[1])
		if n := len(got.all("networkInterfaceSet/item/networkInterfaceId")); n != want {
			t.Errorf("%v: %d interfaces, want %d", filter, n, want)
		}
	}
	equal(t, f.do(alice, east, "DescribeNetworkInterfaces", "NetworkInterfaceId.1", "eni-0000000000000a009").Code, "InvalidNetworkInterfaceID.NotFound")
}

// EC2 Developer Guide, "Error codes", DependencyViolation: what an interface uses stays.
func TestInterfacesHoldWhatTheyUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	equal(t, f.do(alice, east, "DeleteSubnet", "SubnetId", "subnet-0000000000000a009").Code, "DependencyViolation")
	equal(t, f.do(alice, east, "DeleteSecurityGroup", "GroupId", nearApp).Code, "DependencyViolation")
}
