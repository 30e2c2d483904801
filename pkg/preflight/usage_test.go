package preflight_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
)

// How much of each quota is used before the plan adds anything: of the fullest table and group of a VPC, in the fuller family, against what
// the spec states or else EC2's default.
func TestUses(t *testing.T) {
	t.Parallel()
	o := world()
	strangers(o, 7, netstate.Active)
	o.Connections["pcx-asked"] = netstate.Connection{ID: "pcx-asked", Requester: hub, Accepter: netstate.VPC{Scope: pay.Scope, ID: "vpc-0000000000000000d"}, Status: netstate.Pending}
	o.Tables[netstate.TableKey{Scope: at, ID: "rtb-0000000000000000c"}] = netstate.Table{VPC: hub.ID}
	for i := range 3 {
		k := netstate.RouteKey{Scope: at, Table: "rtb-0000000000000000c", Dest: netstate.Dest{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(i), 0}), 24)}}
		o.Routes[k] = netstate.Route{Target: gateway, Origin: netstate.OriginCreateRoute, State: "active"}
	}
	for i := range int32(4) {
		k := netstate.RuleKey{Scope: at, Group: "sg-0000000000000000a", Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: i, To: i}, Peer: netstate.Peer{Prefix: netip.MustParsePrefix("2001:db8::/32")}}
		o.Rules[k] = netstate.Rule{ID: netstate.RuleID(fmt.Sprint("sgr-", i))}
		k.Group = "sg-0000000000000000e" // of no entry, and seen in part only
		o.Rules[k] = netstate.Rule{ID: netstate.RuleID(fmt.Sprint("sgr-e", i))}
	}
	p, _ := check(t, "peeringsPerVpc: 125, routesPerTable: 50", "", o)
	want := []string{"hub outstanding_requests 1 of 25", "hub peerings_per_vpc 8 of 125, stated", "hub routes_per_table 3 of 50, stated", "hub rules_per_group 4 of 60",
		"pay outstanding_requests 0 of 25", "pay peerings_per_vpc 0 of 50"} // of pay neither tables nor groups were asked for
	var got []string
	for _, q := range p.Quotas {
		s := fmt.Sprintf("%s %s %d of %d", q.VPC, q.Quota, q.Used, q.Limit)
		if q.Stated {
			s += ", stated"
		}
		got = append(got, s)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// What could not be read is unknown, and not zero.
func TestUsesOfWhatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	for listing, want := range map[netstate.Listing][]string{
		netstate.ListConnections: {"routes_per_table"},
		netstate.ListTables:      {"outstanding_requests", "peerings_per_vpc"},
		netstate.ListRules:       {"outstanding_requests", "peerings_per_vpc", "routes_per_table"},
	} {
		o := world()
		o.Fail(at, listing, &netstate.Error{Op: "list", Scope: at, Kind: netstate.Denied})
		p, _ := check(t, "", "", o)
		var got []string
		for _, q := range p.Quotas {
			if q.VPC == "hub" {
				got = append(got, q.Quota)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("without %s (-want +got):\n%s", listing, d)
		}
	}
	o := world()
	delete(o.VPCs, hub)
	if p, _ := check(t, "", "", o); len(p.Quotas) != 2 {
		t.Errorf("of a VPC that nobody saw: %v", p.Quotas)
	}
}
