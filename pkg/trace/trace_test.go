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
		{"10.1.0.1/24", "no CIDR"}, {"subnet-0000000000000dead", "no VPC of the spec has this subnet"}, {"eni-1", "give its private address"}, {"::ffff:10.1.0.1", "no address"}, {"", "no address"}} {
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
