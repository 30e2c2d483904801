package trace_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/trace"
)

var (
	west   = netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	north  = netstate.Scope{Account: "222222222222", Region: "eu-west-1"}
	red    = netstate.VPC{Scope: west, ID: "vpc-0000000000000a001"}
	blue   = netstate.VPC{Scope: north, ID: "vpc-0000000000000b001"}
	redRT  = netstate.TableKey{Scope: west, ID: "rtb-0000000000000a001"}
	blueRT = netstate.TableKey{Scope: north, ID: "rtb-0000000000000b001"}
)

const pair = `
apiVersion: peerd/v1
owner: acme
accounts:
  one: {id: "111111111111"}
  two: {id: "222222222222"}
  partner: {id: "999999999999", managed: false}
vpcs:
  red: {account: one, region: eu-west-1, id: vpc-0000000000000a001}
  blue: {account: two, region: eu-west-1, id: vpc-0000000000000b001}
  theirs: {account: partner, region: eu-west-1, id: vpc-0000000000000c001, cidrs: [10.3.0.0/24]}
peerings:
  - {name: red-blue, requester: {vpc: red}, accepter: {vpc: blue}}
  - {name: red-theirs, requester: {vpc: red}, accepter: {vpc: theirs}}
`

func cidr(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// good is a look at two VPCs that reach each other.
func good() *netstate.Observed {
	o := netstate.NewObserved(netstate.Observed{}.At)
	o.VPCs[red], o.VPCs[blue] = netstate.Facts{CIDRs: []netip.Prefix{cidr("10.1.0.0/24")}}, netstate.Facts{CIDRs: []netip.Prefix{cidr("10.2.0.0/24")}}
	o.Subnets[netstate.SubnetKey{Scope: west, ID: "subnet-0000000000000a001"}] = netstate.Subnet{VPC: red.ID, CIDRs: []netip.Prefix{cidr("10.1.0.0/25")}}
	o.Subnets[netstate.SubnetKey{Scope: north, ID: "subnet-0000000000000b001"}] = netstate.Subnet{VPC: blue.ID, CIDRs: []netip.Prefix{cidr("10.2.0.0/25")}}
	o.Tables[redRT], o.Tables[blueRT] = netstate.Table{VPC: red.ID, Main: true}, netstate.Table{VPC: blue.ID, Main: true}
	o.Connections["pcx-1"] = netstate.Connection{ID: "pcx-1", Requester: red, Accepter: blue, Status: netstate.Active}
	o.Connections["pcx-2"] = netstate.Connection{ID: "pcx-2", Requester: red, Accepter: netstate.VPC{Scope: netstate.Scope{Account: "999999999999", Region: "eu-west-1"}, ID: "vpc-0000000000000c001"}, Status: netstate.Active}
	to(o, redRT, "10.2.0.0/24", "pcx-1")
	to(o, redRT, "10.3.0.0/24", "pcx-2")
	to(o, blueRT, "10.1.0.0/24", "pcx-1")
	all := []netstate.ACLEntry{{Number: 100, Dir: netstate.Ingress, Allow: true, Proto: netstate.ProtoAll, Ports: netstate.AllPorts, CIDR: cidr("0.0.0.0/0")},
		{Number: 100, Dir: netstate.Egress, Allow: true, Proto: netstate.ProtoAll, Ports: netstate.AllPorts, CIDR: cidr("0.0.0.0/0")}}
	o.ACLs[netstate.ACLKey{Scope: west, ID: "acl-1"}] = netstate.ACL{VPC: red.ID, Subnets: []netstate.SubnetID{"subnet-0000000000000a001"}, Entries: all}
	o.ACLs[netstate.ACLKey{Scope: north, ID: "acl-2"}] = netstate.ACL{VPC: blue.ID, Subnets: []netstate.SubnetID{"subnet-0000000000000b001"}, Entries: all}
	return o
}

func to(o *netstate.Observed, t netstate.TableKey, dest, target string) {
	k := netstate.RouteKey{Scope: t.Scope, Table: t.ID, Dest: netstate.Dest{List: netstate.PrefixListID(dest)}}
	if strings.Contains(dest, "/") {
		k.Dest = netstate.Dest{Prefix: cidr(dest)}
	}
	r := netstate.Route{Target: netstate.Target{Kind: netstate.TargetOther, ID: target}, Origin: netstate.OriginCreateRoute, State: "active"}
	if strings.HasPrefix(target, "pcx-") {
		r.Target = netstate.ToPeering(netstate.ConnID(target))
	}
	o.Routes[k] = r
}

// What random worlds do not have: sides that cannot be seen, lists that were not read, states that are new.
func TestWhatCannotBeKnown(t *testing.T) {
	t.Parallel()
	denied := &netstate.Error{Op: "list", Scope: north, Kind: netstate.Denied, Code: "UnauthorizedOperation"}
	for name, tc := range map[string]struct {
		change   func(o *netstate.Observed)
		from, to string
		want     netstate.Tri
		says     string
	}{
		"good":                         {nil, "red", "blue", netstate.Yes, ""},
		"an unmanaged side":            {nil, "red", "theirs", netstate.Unknown, "whose account is not managed"},
		"no route to an unmanaged one": {func(o *netstate.Observed) { clear(o.Routes) }, "red", "theirs", netstate.No, "has no route for 10.3.0.4"},
		"a list that was not read":     {func(o *netstate.Observed) { to(o, redRT, "pl-1", "igw-1") }, "red", "blue", netstate.Unknown, "the entries of pl-1 were not read"},
		"AWS's own list": {func(o *netstate.Observed) {
			to(o, redRT, "pl-1", "vpce-1")
			o.PrefixLists[netstate.PrefixListKey{Scope: west, ID: "pl-1"}] = netstate.PrefixList{}
		}, "red", "blue", netstate.Yes, ""},
		"two lists with one entry": {func(o *netstate.Observed) {
			for _, id := range []netstate.PrefixListID{"pl-1", "pl-2"} {
				to(o, redRT, string(id), "igw-"+string(id))
				o.PrefixLists[netstate.PrefixListKey{Scope: west, ID: id}] = netstate.PrefixList{MaxEntries: 1, Entries: []netip.Prefix{cidr("10.2.0.0/25")}}
			}
		}, "red", "blue", netstate.Unknown, "EC2 chooses"},
		"a transit gateway":     {func(o *netstate.Observed) { to(o, redRT, "10.2.0.0/25", "tgw-1") }, "red", "blue", netstate.Unknown, "is not followed"},
		"a connection not seen": {func(o *netstate.Observed) { delete(o.Connections, "pcx-1") }, "red", "blue", netstate.Unknown, "was not seen"},
		"a status that is new": {func(o *netstate.Observed) {
			c := o.Connections["pcx-1"]
			c.Status = "hibernating"
			o.Connections["pcx-1"] = c
		}, "red", "blue", netstate.Unknown, "hibernating"},
		"no main table":        {func(o *netstate.Observed) { delete(o.Tables, redRT) }, "red", "blue", netstate.Unknown, "no main route table"},
		"no ACL":               {func(o *netstate.Observed) { clear(o.ACLs) }, "red", "blue", netstate.Unknown, "no network ACL"},
		"a VPC that is not":    {func(o *netstate.Observed) { delete(o.VPCs, blue) }, "red", "blue", netstate.No, "0 VPCs are what the spec calls blue"},
		"VPCs not read":        {func(o *netstate.Observed) { o.Fail(north, netstate.ListVPCs, denied) }, "red", "blue", netstate.Unknown, "VPC blue cannot be read"},
		"subnets not read":     {func(o *netstate.Observed) { o.Fail(north, netstate.ListSubnets, denied) }, "red", "blue", netstate.Unknown, "the subnets of blue cannot be read"},
		"a subnet not found":   {func(o *netstate.Observed) { o.Fail(north, netstate.ListSubnets, denied) }, "red", "subnet-0000000000000dead", netstate.Unknown, "where subnet-0000000000000dead is"},
		"a no beside unknowns": {func(o *netstate.Observed) { o.Fail(north, netstate.ListTables, denied); clear(o.Routes) }, "red", "blue", netstate.No, "rtb-0000000000000a001 (main) has no route"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := good()
			if tc.change != nil {
				tc.change(o)
			}
			r, err := trace.Ask(simtest.LoadSpec(t, pair), o, trace.Question{From: tc.from, To: tc.to, Traffic: trace.Traffic{Proto: netstate.TCP, Port: 443}})
			if err != nil {
				t.Fatal(err)
			}
			if r.Reaches != tc.want || !strings.Contains(text(r), tc.says) {
				t.Errorf("got %s, want %s with %q\n%s", r.Reaches, tc.want, tc.says, text(r))
			}
			if h := r.Path.Decisive(); h != nil && (h.Cure == "" || h.Why == "") {
				t.Errorf("nothing is said to change %+v", *h)
			}
		})
	}
}

// What decides between routes and entries that meet: each case is one that random worlds seldom have.
func TestWhichOneDecides(t *testing.T) {
	t.Parallel()
	list := func(o *netstate.Observed, prefix, target string) {
		to(o, redRT, "pl-1", target)
		o.PrefixLists[netstate.PrefixListKey{Scope: west, ID: "pl-1"}] = netstate.PrefixList{MaxEntries: 1, Entries: []netip.Prefix{cidr(prefix)}}
	}
	propagated := func(o *netstate.Observed, prefix string) {
		o.Routes[netstate.RouteKey{Scope: west, Table: redRT.ID, Dest: netstate.Dest{Prefix: cidr(prefix)}, Propagated: true}] =
			netstate.Route{Target: netstate.Target{Kind: netstate.TargetOther, ID: "vgw-1"}, State: "active"}
	}
	entry := func(o *netstate.Observed, e netstate.ACLEntry) {
		k := netstate.ACLKey{Scope: north, ID: "acl-2"}
		a := o.ACLs[k]
		a.Entries = append([]netstate.ACLEntry{e}, a.Entries...)
		o.ACLs[k] = a
	}
	for name, tc := range map[string]struct {
		change  func(o *netstate.Observed)
		traffic trace.Traffic
		want    netstate.Tri
		parts   int
	}{
		"static before propagated":          {func(o *netstate.Observed) { propagated(o, "10.2.0.0/24") }, trace.Traffic{}, netstate.Yes, 1},
		"static before a list":              {func(o *netstate.Observed) { list(o, "10.2.0.0/24", "igw-1") }, trace.Traffic{}, netstate.Yes, 1},
		"a list before propagated":          {func(o *netstate.Observed) { list(o, "10.2.0.0/25", "pcx-1"); propagated(o, "10.2.0.0/25") }, trace.Traffic{}, netstate.Yes, 1},
		"the longest first":                 {func(o *netstate.Observed) { list(o, "10.2.0.0/25", "igw-1") }, trace.Traffic{}, netstate.No, 1},
		"half of a subnet routed elsewhere": {func(o *netstate.Observed) { to(o, redRT, "10.2.0.64/26", "igw-1") }, trace.Traffic{}, netstate.No, 2},
		"half of a subnet denied": {func(o *netstate.Observed) {
			entry(o, netstate.ACLEntry{Number: 1, Dir: netstate.Ingress, Proto: netstate.ProtoAll, Ports: netstate.AllPorts, CIDR: cidr("10.1.0.64/26")})
		}, trace.Traffic{Proto: netstate.UDP, Port: 53}, netstate.No, 2},
		"another code of a ping": {func(o *netstate.Observed) {
			entry(o, netstate.ACLEntry{Number: 1, Dir: netstate.Ingress, Proto: netstate.ICMP, Ports: netstate.PortRange{From: 8, To: 3}, CIDR: cidr("0.0.0.0/0")})
		}, trace.Traffic{Proto: netstate.ICMP}, netstate.Yes, 1},
		"a ping": {func(o *netstate.Observed) {
			entry(o, netstate.ACLEntry{Number: 1, Dir: netstate.Ingress, Proto: netstate.ICMP, Ports: netstate.PortRange{From: 8, To: -1}, CIDR: cidr("0.0.0.0/0")})
		}, trace.Traffic{Proto: netstate.ICMP}, netstate.No, 1},
		"half of a VPC not routed, and perhaps not used": {func(o *netstate.Observed) {
			delete(o.Routes, netstate.RouteKey{Scope: west, Table: redRT.ID, Dest: netstate.Dest{Prefix: cidr("10.2.0.0/24")}})
			to(o, redRT, "10.2.0.0/25", "pcx-1")
			clear(o.Subnets)
			o.Fail(north, netstate.ListSubnets, &netstate.Error{Kind: netstate.Denied})
		}, trace.Traffic{}, netstate.Unknown, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := good()
			tc.change(o)
			r, err := trace.Ask(simtest.LoadSpec(t, pair), o, trace.Question{From: "red", To: "blue", Traffic: tc.traffic})
			if err != nil {
				t.Fatal(err)
			}
			if r.Reaches != tc.want || r.Yes+r.No+r.Unknown != tc.parts {
				t.Errorf("got %s in %d parts, want %s in %d\n%s", r.Reaches, r.Yes+r.No+r.Unknown, tc.want, tc.parts, text(r))
			}
		})
	}
}

// A rule that names a group of the other side means it within one region only (VPC Peering Guide, "Update your security groups").
func TestGroupsOfAnotherRegion(t *testing.T) {
	t.Parallel()
	for region, want := range map[netstate.Region]netstate.Tri{"eu-west-1": netstate.Yes, "us-east-1": netstate.No} {
		o, far := good(), netstate.Scope{Account: west.Account, Region: region}
		from := netstate.VPC{Scope: far, ID: red.ID}
		o.VPCs[from] = o.VPCs[red]
		o.Groups[netstate.GroupKey{Scope: far, ID: "sg-1"}] = netstate.Group{VPC: red.ID, Name: "app"}
		o.Groups[netstate.GroupKey{Scope: north, ID: "sg-2"}] = netstate.Group{VPC: blue.ID, Name: "db"}
		all := netstate.RuleKey{Scope: far, Group: "sg-1", Dir: netstate.Egress, Proto: netstate.ProtoAll, Ports: netstate.AllPorts, Peer: netstate.Peer{Prefix: cidr("0.0.0.0/0")}}
		o.Rules[all] = netstate.Rule{}
		o.Rules[netstate.RuleKey{Scope: north, Group: "sg-2", Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: 443, To: 443}, Peer: netstate.Peer{Group: "sg-1"}}] = netstate.Rule{}
		set := simtest.LoadSpec(t, pair, "red: {account: one, region: eu-west-1", "red: {account: one, region: "+string(region))
		q := trace.Question{From: "red", To: "blue", FromGroups: []string{"app"}, ToGroups: []string{"db"}, Traffic: trace.Traffic{Proto: netstate.TCP, Port: 443}}
		r, err := trace.Ask(set, o, q)
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(r.Path.Hops, func(h trace.Hop) bool { return h.Step == trace.StepGroupIn }); i < 0 || r.Path.Hops[i].Says != want {
			t.Errorf("%s: want %s\n%s", region, want, text(r))
		}
	}
}

// The replies go to any port that a client may have chosen: an ACL that lets only some of them through says no, for the others.
func TestRepliesNeedAllTheClientsPorts(t *testing.T) {
	t.Parallel()
	part := func(n int32, from, to int32) netstate.ACLEntry {
		return netstate.ACLEntry{Number: n, Dir: netstate.Egress, Allow: true, Proto: netstate.TCP, Ports: netstate.PortRange{From: from, To: to}, CIDR: cidr("10.0.0.0/8")}
	}
	for _, tc := range []struct {
		entries []netstate.ACLEntry
		want    netstate.Tri
	}{
		{[]netstate.ACLEntry{part(1, 1024, 65535)}, netstate.Yes},
		{[]netstate.ACLEntry{part(1, 1024, 40000), part(2, 30000, 65535)}, netstate.Yes},
		{[]netstate.ACLEntry{part(1, 32768, 65535)}, netstate.No},
		{[]netstate.ACLEntry{part(1, 1024, 40000), part(2, 40002, 65535)}, netstate.No},
	} {
		o := good()
		k := netstate.ACLKey{Scope: north, ID: "acl-2"}
		a := o.ACLs[k]
		a.Entries = append(slices.Clone(tc.entries), a.Entries[0])
		o.ACLs[k] = a
		r, err := trace.Ask(simtest.LoadSpec(t, pair), o, trace.Question{From: "red", To: "blue", Traffic: trace.Traffic{Proto: netstate.TCP, Port: 443}})
		if err != nil || r.Reaches != tc.want {
			t.Errorf("%v: %v, want %s\n%s", tc.entries, err, tc.want, text(r))
		}
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, tc := range [][2]string{{"green", "no VPC of the spec (it has blue, red, theirs)"}, {"10.9.0.1", "lies in no VPC"}, {"10.1.0.1@blue", "does not lie in blue"}, {"10.1.0.1@green", "the spec has no VPC"},
		{"10.1.0.1/24", "no CIDR"}, {"subnet-0000000000000dead", "no VPC of the spec has this subnet"}, {"::ffff:10.1.0.1", "no address"}, {"", "no address"}} {
		if _, err := trace.Ask(simtest.LoadSpec(t, pair), good(), trace.Question{From: tc[0], To: "blue"}); err == nil || !strings.Contains(err.Error(), tc[1]) {
			t.Errorf("%q: got %v, want %q", tc[0], err, tc[1])
		}
	}
	o := good()
	o.VPCs[blue] = o.VPCs[red]
	if _, err := trace.Ask(simtest.LoadSpec(t, pair), o, trace.Question{From: "10.1.0.1", To: "blue"}); err == nil || !strings.Contains(err.Error(), "say which, as 10.1.0.1@blue") {
		t.Errorf("got %v", err)
	}
}
