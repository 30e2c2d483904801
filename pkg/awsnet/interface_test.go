package awsnet

import (
	"net/netip"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/netstate"
)

const hostsFile = `
accounts:
  - id: "999999999999"
  - id: "111111111111"
    roles: [{name: peerd, externalId: acme-7f3}]
    regions:
      eu-west-1:
        vpcs:
          - id: vpc-0000000000000a001
            cidrs: [10.0.0.0/16]
            subnets: [{id: subnet-0000000000000a001, cidr: 10.0.0.0/24}]
            groups: [{id: sg-0000000000000a001, name: app}, {id: sg-0000000000000a002, name: db}]
            interfaces:
              - {id: eni-0000000000000a001, subnet: subnet-0000000000000a001, address: 10.0.0.10, groups: [app, db], instance: i-0000000000000a001}
              - {id: eni-0000000000000a002, subnet: subnet-0000000000000a001, address: 10.0.0.11, groups: [db], instance: i-0000000000000a001, index: 1}
              - {id: eni-0000000000000a003, subnet: subnet-0000000000000a001, address: 10.0.0.12, groups: [db]}
              - {id: eni-0000000000000a004, subnet: subnet-0000000000000a001, address: 10.0.0.13, groups: [db], instance: i-0000000000000a004}
`

// Interfaces are found by their ids and their instances', and no others are shown, whatever EC2 makes of filters.
func TestObserveInterfaces(t *testing.T) {
	t.Parallel()
	for _, ignoring := range []bool{false, true} {
		b := newBench(t, ec2sim.Config{World: []byte(hostsFile), Switches: world.Switches{IgnoreFilters: ignoring}})
		l := lookAt(hub)
		l.Scopes[west] = netstate.ScopeLook{Interfaces: []string{"eni-0000000000000a003", "i-0000000000000a001", "i-0000000000000a009"}}
		key := func(id netstate.InterfaceID) netstate.InterfaceKey { return netstate.InterfaceKey{Scope: west, ID: id} }
		one := func(addr string, instance netstate.InstanceID, index int32, groups ...netstate.GroupID) netstate.Interface {
			return netstate.Interface{VPC: hub.ID, Address: netip.MustParseAddr(addr), Groups: groups, Instance: instance, Index: index}
		}
		diff(t, b.see(t, l).Interfaces, map[netstate.InterfaceKey]netstate.Interface{
			key("eni-0000000000000a001"): one("10.0.0.10", "i-0000000000000a001", 0, "sg-0000000000000a001", "sg-0000000000000a002"),
			key("eni-0000000000000a002"): one("10.0.0.11", "i-0000000000000a001", 1, "sg-0000000000000a002"),
			key("eni-0000000000000a003"): one("10.0.0.12", "", 0, "sg-0000000000000a002"),
		})
	}
}
