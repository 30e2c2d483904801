package awsnet

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/netstate"
)

func TestObserveVPCsTablesAndSubnets(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	o := b.see(t, lookAt(hub))

	f := o.VPCs[hub]
	diff(t, f.CIDRs, []netip.Prefix{prefix("10.0.0.0/16"), prefix("100.64.0.0/20"), prefix("2001:db8:1::/56")})
	diff(t, f.Tags, netstate.Tags{"tier": "core", "Name": "hub"})
	diff(t, f.DNSSupport, netstate.Unknown) // not asked for
	diff(t, len(o.VPCs), 1)
	diff(t, o.Subnets, map[netstate.SubnetKey]netstate.Subnet{
		{Scope: west, ID: "subnet-0000000000000a001"}: {VPC: hub.ID, CIDRs: []netip.Prefix{prefix("10.0.0.0/24")}, Tags: netstate.Tags{}},
	})
	diff(t, o.Tables, map[netstate.TableKey]netstate.Table{
		{Scope: west, ID: mainRT}:                  {VPC: hub.ID, Main: true, Tags: netstate.Tags{}},
		{Scope: west, ID: "rtb-0000000000000a002"}: {VPC: hub.ID, Subnets: []netstate.SubnetID{"subnet-0000000000000a001"}, Tags: netstate.Tags{"Name": "private", "tier": "private"}},
		{Scope: west, ID: edgeRT}:                  {VPC: hub.ID, Gateway: true, Tags: netstate.Tags{}},
	})
	r := o.Routes[netstate.RouteKey{Scope: west, Table: mainRT, Dest: netstate.Dest{Prefix: prefix("172.16.0.0/12")}}]
	diff(t, r, netstate.Route{Target: netstate.Target{Kind: netstate.TargetOther, ID: "nat-00000000000000001"}, Origin: "CreateRoute", State: "active"})
	r = o.Routes[netstate.RouteKey{Scope: west, Table: mainRT, Dest: netstate.Dest{Prefix: prefix("10.0.0.0/16")}}]
	diff(t, r, netstate.Route{Target: netstate.Target{Kind: netstate.TargetLocal, ID: "local"}, Origin: "CreateRouteTable", State: "active"})
}

// One list call per kind and scope, and none that was not asked for.
func TestObserveMakesOnlyTheCallsAskedFor(t *testing.T) {
	t.Parallel()
	byID := netstate.GroupAsk{VPC: netstate.VPCSelector{ID: hub.ID}, Group: netstate.GroupSelector{ID: app}}
	byName := netstate.GroupAsk{VPC: netstate.VPCSelector{ID: hub.ID}, Group: netstate.GroupSelector{Name: "app"}}
	vpc := []netstate.VPCSelector{{ID: hub.ID}, {ID: spare.ID}}
	for name, c := range map[string]struct {
		look  netstate.ScopeLook
		owner netstate.OwnerID
		short bool
		want  map[string]int
	}{
		"nothing":       {want: map[string]int{"DescribeVpcPeeringConnections": 1}},
		"owner":         {owner: owner, want: map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeSecurityGroupRules": 1}},
		"vpcs":          {look: netstate.ScopeLook{VPCs: vpc}, want: map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1}},
		"acls":          {look: netstate.ScopeLook{VPCs: vpc, ACLs: true}, want: map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1, "DescribeNetworkAcls": 1}},
		"dns":           {look: netstate.ScopeLook{VPCs: vpc, DNS: vpc}, want: map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1, "DescribeVpcAttribute": 4}},
		"group by id":   {look: netstate.ScopeLook{Groups: []netstate.GroupAsk{byID}}, want: map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeSecurityGroups": 1, "DescribeSecurityGroupRules": 1}},
		"group by name": {look: netstate.ScopeLook{Groups: []netstate.GroupAsk{byName}}, owner: owner, want: map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeSecurityGroups": 1, "DescribeSecurityGroupRules": 2}},
		"every group": {look: netstate.ScopeLook{Groups: []netstate.GroupAsk{{VPC: netstate.VPCSelector{ID: hub.ID}, All: true}}},
			want: map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeSecurityGroups": 1, "DescribeSecurityGroupRules": 1}},
		"connections only": {look: netstate.ScopeLook{VPCs: vpc, DNS: vpc, Tables: true, Groups: []netstate.GroupAsk{byID}}, owner: owner, short: true, want: map[string]int{"DescribeVpcPeeringConnections": 1}},
		"everything": {
			look:  netstate.ScopeLook{VPCs: vpc, Tables: true, Subnets: true, Groups: []netstate.GroupAsk{byID, byName}, PrefixLists: []netstate.PrefixListID{"pl-0000000000000a001"}},
			owner: owner,
			want: map[string]int{"DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1, "DescribeRouteTables": 1, "DescribeSubnets": 1, "DescribeSecurityGroups": 1,
				"DescribeSecurityGroupRules": 2, "DescribeManagedPrefixLists": 1, "GetManagedPrefixListEntries": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, ec2sim.Config{})
			b.see(t, netstate.Look{Owner: c.owner, Access: access(), ConnectionsOnly: c.short, Scopes: map[netstate.Scope]netstate.ScopeLook{west: c.look}})
			got := map[string]int{}
			for _, c := range b.sim.Calls() {
				if c.Service == "ec2" {
					got[c.Action]++
				}
			}
			diff(t, got, c.want)
			diff(t, b.count("AssumeRole"), 1)
			diff(t, b.count("GetCallerIdentity"), 0) // reads do not need it
		})
	}
}

func TestObserveByTags(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	l := lookAt()
	l.Scopes[west] = netstate.ScopeLook{
		VPCs:   []netstate.VPCSelector{{Tags: netstate.Tags{"tier": "core"}}, {Tags: netstate.Tags{"tier": "none such"}}},
		DNS:    []netstate.VPCSelector{{Tags: netstate.Tags{"tier": "core"}}},
		Tables: true,
		Groups: []netstate.GroupAsk{{VPC: netstate.VPCSelector{Tags: netstate.Tags{"tier": "core"}}, Group: netstate.GroupSelector{Tags: netstate.Tags{"tier": "app"}}}},
	}
	o := b.see(t, l)
	diff(t, len(o.VPCs), 1)
	diff(t, o.VPCs[hub].DNSSupport, netstate.Yes)
	diff(t, o.VPCs[hub].DNSHostnames, netstate.Yes)
	diff(t, len(o.Tables), 3)
	diff(t, o.Groups, map[netstate.GroupKey]netstate.Group{{Scope: west, ID: app}: {VPC: hub.ID, Owner: alice, Name: "app", Tags: netstate.Tags{"tier": "app"}}})
}

func TestObserveRules(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	l := lookAt()
	l.Scopes[west] = netstate.ScopeLook{Groups: []netstate.GroupAsk{{VPC: netstate.VPCSelector{ID: hub.ID}, Group: netstate.GroupSelector{ID: app}}}}
	o := b.see(t, l)
	ssh := netstate.RuleKey{Scope: west, Group: app, Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: 22, To: 22}, Peer: netstate.Peer{Prefix: prefix("192.0.2.0/24")}}
	ping := netstate.RuleKey{Scope: west, Group: app, Dir: netstate.Ingress, Proto: netstate.ICMP, Ports: netstate.AllPorts, Peer: netstate.Peer{Prefix: prefix("10.9.0.0/16")}}
	out := netstate.RuleKey{Scope: west, Group: app, Dir: netstate.Egress, Proto: netstate.ProtoAll, Ports: netstate.AllPorts, Peer: netstate.Peer{Prefix: prefix("0.0.0.0/0")}}
	diff(t, o.Rules[ssh], netstate.Rule{ID: "sgr-0000000000000a001", Description: "offices", Tags: netstate.Tags{}})
	diff(t, o.Rules[ping].ID, netstate.RuleID("sgr-0000000000000a002"))
	if _, ok := o.Rules[out]; !ok {
		t.Errorf("no %v in %v", out, o.Rules)
	}
	diff(t, o.Groups, map[netstate.GroupKey]netstate.Group{{Scope: west, ID: app}: {VPC: hub.ID, Owner: alice, Name: "app", Tags: netstate.Tags{"tier": "app"}}})
}

// EC2 does not object to a rule in a group of another VPC: a group stated by id is shown only where it is in the VPC that is asked for.
func TestGroupByIDInAnotherVPC(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	l := lookAt()
	l.Scopes[west] = netstate.ScopeLook{Groups: []netstate.GroupAsk{{VPC: netstate.VPCSelector{ID: spare.ID}, Group: netstate.GroupSelector{ID: app}}}}
	o := b.see(t, l)
	diff(t, o.Groups[netstate.GroupKey{Scope: west, ID: app}].VPC, netstate.VPCID(""))
}

func TestObservePrefixLists(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	l := lookAt()
	l.Scopes[west] = netstate.ScopeLook{PrefixLists: []netstate.PrefixListID{"pl-0000000000000a001", "pl-0000000000000dead"}}
	o := b.see(t, l)
	diff(t, o.PrefixLists, map[netstate.PrefixListKey]netstate.PrefixList{
		{Scope: west, ID: "pl-0000000000000a001"}: {MaxEntries: 5, Entries: []netip.Prefix{prefix("192.0.2.0/24"), prefix("198.51.100.0/24")}},
	})
}

func TestObserveAbsentVPC(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	l := lookAt(netstate.VPC{Scope: west, ID: "vpc-0000000000000dead"})
	w := l.Scopes[west]
	w.DNS = w.VPCs
	l.Scopes[west] = w
	o := b.see(t, l)
	diff(t, len(o.VPCs)+len(o.Tables), 0)
}

// An emulator may answer with everything, all on one page.
func TestObserveChecksFiltersAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{Switches: world.Switches{IgnoreFilters: true, IgnorePageSize: true}})
	l := lookAt(hub)
	w := l.Scopes[west]
	w.Groups = []netstate.GroupAsk{{VPC: netstate.VPCSelector{ID: hub.ID}, Group: netstate.GroupSelector{Name: "app"}}}
	w.PrefixLists = []netstate.PrefixListID{"pl-0000000000000beef"}
	l.Scopes[west] = w
	o := b.see(t, l)
	diff(t, len(o.VPCs), 1)
	for k, v := range o.Tables {
		if v.VPC != hub.ID {
			t.Errorf("%v belongs to %s", k, v.VPC)
		}
	}
	diff(t, len(o.Groups), 1)
	for k := range o.Rules {
		diff(t, k.Group, app)
	}
	diff(t, len(o.PrefixLists), 0)
}

func TestDNSAttributesAreKeptForAnHourWhenOn(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBench(t, ec2sim.Config{}, func(cfg *Config) { cfg.Now = c.now })
	l := lookAt(hub, spare) // spare has support, but no host names
	w := l.Scopes[west]
	w.DNS = w.VPCs
	l.Scopes[west] = w
	for _, step := range []struct {
		after time.Duration
		calls int // so far
	}{{0, 4}, {time.Minute, 5}, {58 * time.Minute, 6}, {time.Minute, 10}} {
		c.advance(step.after)
		o := b.see(t, l)
		diff(t, o.VPCs[hub].DNSHostnames, netstate.Yes)
		diff(t, o.VPCs[spare].DNSHostnames, netstate.No)
		diff(t, o.VPCs[spare].DNSSupport, netstate.Yes)
		diff(t, b.count("DescribeVpcAttribute"), step.calls)
	}
}

// Row 25, 26: what one account does not let us read says nothing about the others.
func TestObserveHoldsWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	b.sim.Inject(fault.Rule{Operation: "DescribeRouteTables", Account: string(bob), Kind: fault.Error, Code: "UnauthorizedOperation", Status: 403, Before: true})
	l := lookAt(hub, near)
	l.Access[alice] = netstate.Access{Account: alice, Role: "peerd"} // the external id is missing
	o := b.observe(t, l)
	for _, listing := range []netstate.Listing{netstate.ListConnections, netstate.ListVPCs, netstate.ListTables, netstate.ListSubnets, netstate.ListRules} {
		wantKind(t, o.Unread[west][listing], netstate.Denied)
	}
	diff(t, o.Unread[west][netstate.ListVPCs].Code, "AccessDenied")
	diff(t, b.count("AssumeRole"), 2) // once refused, once not
	diff(t, len(o.Unread[bobWest]), 1)
	wantKind(t, o.Missing(bobWest, netstate.ListTables), netstate.Denied)
	diff(t, o.VPCs[near].CIDRs, []netip.Prefix{prefix("10.1.0.0/16")})
}

func TestObserveNeedsAccess(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	l := lookAt(hub)
	l.Access = nil
	o := b.observe(t, l)
	wantKind(t, o.Unread[west][netstate.ListConnections], netstate.Denied)
	diff(t, len(b.sim.Calls()), 0)
}

func TestObserveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	b.sim.Inject(fault.Rule{Service: "ec2", Kind: fault.Hang, Before: true})
	ctx, cancel := context.WithCancel(t.Context())
	b.sim.After(func(ec2sim.Call) { cancel() })
	if _, err := b.Observe(ctx, lookAt(hub)); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// What another account owns and shares with this one is not this scope's: only its owner can peer and route it.
func TestSharedVPCsAndTablesAreTheirOwners(t *testing.T) {
	t.Parallel()
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		item := "<item><ownerId>222222222222</ownerId><vpcId>vpc-1</vpcId><routeTableId>rtb-1</routeTableId></item>"
		fmt.Fprintf(w, "<%[1]sResponse><%[2]s>%[3]s</%[2]s></%[1]sResponse>", r.FormValue("Action"),
			map[string]string{"DescribeVpcs": "vpcSet", "DescribeRouteTables": "routeTableSet"}[r.FormValue("Action")], item)
	})
	r := &reader{client: c, w: netstate.ScopeLook{VPCs: []netstate.VPCSelector{{ID: "vpc-1"}}}}
	for _, owner := range []netstate.AccountID{alice, bob} {
		c.scope.Account = owner
		vpcs, err := r.listVPCs(t.Context())
		tables, err2 := r.listTables(t.Context(), nil)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		want := map[netstate.AccountID]int{alice: 0, bob: 1}[owner]
		diff(t, []int{len(vpcs), len(tables.tables)}, []int{want, want})
	}
}
