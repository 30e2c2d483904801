package awsnet

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/netstate"
)

const aclsFile = `
accounts:
  - id: "999999999999"
  - id: "111111111111"
    roles: [{name: peerd, externalId: acme-7f3}]
    regions:
      eu-west-1:
        vpcs:
          - id: vpc-0000000000000a001
            cidrs: [10.0.0.0/16]
            ipv6: 2001:db8:1::/56
            subnets: [{id: subnet-0000000000000a001, cidr: 10.0.0.0/24, ipv6: "2001:db8:1::/64"}, {id: subnet-0000000000000a002, cidr: 10.0.1.0/24}]
            acls:
              - id: acl-0000000000000a001
                subnets: [subnet-0000000000000a001]
                entries:
                  - {number: 200, direction: ingress, protocol: udp, ports: "53", action: deny, cidr: 10.9.0.0/16}
                  - {number: 100, direction: ingress, protocol: tcp, ports: "443", action: allow, cidr: 10.9.0.0/16}
                  - {number: 100, direction: egress, protocol: icmp, ports: "0/-1", action: allow, cidr: 10.9.0.0/16}
                  - {number: 110, direction: egress, protocol: "50", action: allow, cidr: 0.0.0.0/0}
          - {id: vpc-0000000000000a002, cidrs: [10.5.0.0/16]}
`

func lookForACLs() netstate.Look {
	l := lookAt(hub)
	l.Scopes[west] = netstate.ScopeLook{VPCs: []netstate.VPCSelector{{ID: hub.ID}}, Subnets: true, ACLs: true}
	return l
}

func entry(n int32, dir netstate.Direction, allow bool, p netstate.Proto, ports netstate.PortRange, cidr string) netstate.ACLEntry {
	return netstate.ACLEntry{Number: n, Dir: dir, Allow: allow, Proto: p, Ports: ports, CIDR: prefix(cidr)}
}

// EC2 shows the denials that close each direction like any entry (VPC User Guide, "Network ACL rules"); entries come sorted, and only
// those of the VPCs asked for, also from an emulator that ignores filters.
func TestObserveACLs(t *testing.T) {
	t.Parallel()
	all := netstate.AllPorts
	for _, ignoring := range []bool{false, true} {
		b := newBench(t, ec2sim.Config{World: []byte(aclsFile), Switches: world.Switches{IgnoreFilters: ignoring}})
		o := b.see(t, lookForACLs())
		diff(t, len(o.ACLs), 2)
		for k, a := range o.ACLs {
			if a.Default {
				diff(t, a.Subnets, []netstate.SubnetID{"subnet-0000000000000a002"})
				diff(t, a.Entries[0], entry(100, netstate.Ingress, true, netstate.ProtoAll, all, "0.0.0.0/0"))
				continue
			}
			diff(t, k, netstate.ACLKey{Scope: west, ID: "acl-0000000000000a001"})
			diff(t, a, netstate.ACL{VPC: hub.ID, Subnets: []netstate.SubnetID{"subnet-0000000000000a001"}, Entries: []netstate.ACLEntry{
				entry(100, netstate.Ingress, true, netstate.TCP, netstate.PortRange{From: 443, To: 443}, "10.9.0.0/16"),
				entry(200, netstate.Ingress, false, netstate.UDP, netstate.PortRange{From: 53, To: 53}, "10.9.0.0/16"),
				entry(32767, netstate.Ingress, false, netstate.ProtoAll, all, "0.0.0.0/0"),
				entry(32768, netstate.Ingress, false, netstate.ProtoAll, all, "::/0"),
				entry(100, netstate.Egress, true, netstate.ICMP, netstate.PortRange{From: 0, To: -1}, "10.9.0.0/16"),
				entry(110, netstate.Egress, true, "50", all, "0.0.0.0/0"),
				entry(32767, netstate.Egress, false, netstate.ProtoAll, all, "0.0.0.0/0"),
				entry(32768, netstate.Egress, false, netstate.ProtoAll, all, "::/0"),
			}})
		}
		s := o.Subnets[netstate.SubnetKey{Scope: west, ID: "subnet-0000000000000a001"}]
		diff(t, fmt.Sprint(s.CIDRs), "[10.0.0.0/24 2001:db8:1::/64]")
	}
}

func TestUnreadACLsAreUnknown(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{World: []byte(aclsFile)})
	b.sim.Inject(fault.Rule{Operation: "DescribeNetworkAcls", Kind: fault.Error, Code: "UnauthorizedOperation", Status: 403, Before: true})
	o := b.observe(t, lookForACLs())
	wantKind(t, o.Missing(west, netstate.ListACLs), netstate.Denied)
	diff(t, len(o.Unread[west]), 1)
}

// An entry that is not understood may be the one that decides: then nothing is known of the ACLs.
func TestACLEntriesOfAnUnknownForm(t *testing.T) {
	t.Parallel()
	const good = "<ruleNumber>100</ruleNumber><protocol>6</protocol><ruleAction>allow</ruleAction><egress>false</egress><cidrBlock>10.0.0.0/8</cidrBlock>"
	for _, bad := range [][2]string{{"", ""}, {"allow", "maybe"}, {"10.0.0.0/8", "nowhere"}, {"<protocol>6</protocol>", ""}, {"<egress>false</egress>", ""}, {"<ruleNumber>100</ruleNumber>", ""}} {
		item := strings.Replace(good, bad[0], bad[1], 1)
		c := served(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "<DescribeNetworkAclsResponse><networkAclSet><item><networkAclId>acl-1</networkAclId><ownerId>111111111111</ownerId><vpcId>vpc-1</vpcId><entrySet><item>%s</item></entrySet></item></networkAclSet></DescribeNetworkAclsResponse>", item)
		})
		r := &reader{client: c, w: netstate.ScopeLook{VPCs: []netstate.VPCSelector{{ID: "vpc-1"}}}}
		acls, err := r.listACLs(t.Context(), nil)
		if item == good {
			diff(t, acls[netstate.ACLKey{Scope: west, ID: "acl-1"}].Entries, []netstate.ACLEntry{entry(100, netstate.Ingress, true, netstate.TCP, netstate.AllPorts, "10.0.0.0/8")})
			continue
		}
		if err == nil || err.Kind != netstate.Void || !strings.Contains(err.Message, "acl-1") {
			t.Errorf("%v: got %v, %v", bad, acls, err)
		}
	}
}
