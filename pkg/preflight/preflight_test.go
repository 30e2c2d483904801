package preflight_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/preflight"
	"github.com/peerd/peerd/pkg/spec"
)

// base is a spec of one peering; QUOTAS and ROUTES are replaced by the cases.
const base = `
apiVersion: peerd/v1
owner: acme
accounts:
  a: {id: "111111111111", role: peerd, quotas: {QUOTAS}}
  b: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: a, region: eu-west-1, id: vpc-0000000000000000a}
  pay: {account: b, region: eu-west-1, id: vpc-0000000000000000b}
peerings:
  - name: hub-pay
    requester: {vpc: hub, routes: {tables: all, ROUTES}, rules: [{group: sg-0000000000000000a, protocol: tcp, ports: 443}]}
    accepter: {vpc: pay, routes: {tables: none}}
`

var (
	at  = netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	hub = netstate.VPC{Scope: at, ID: "vpc-0000000000000000a"}
	pay = netstate.VPC{Scope: netstate.Scope{Account: "222222222222", Region: "eu-west-1"}, ID: "vpc-0000000000000000b"}
)

func world() *netstate.Observed {
	o := netstate.NewObserved(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	o.VPCs[hub] = netstate.Facts{CIDRs: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	o.VPCs[pay] = netstate.Facts{CIDRs: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16")}}
	o.Tables[netstate.TableKey{Scope: at, ID: "rtb-0000000000000000a"}] = netstate.Table{VPC: hub.ID, Main: true}
	o.Groups[netstate.GroupKey{Scope: at, ID: "sg-0000000000000000a"}] = netstate.Group{VPC: hub.ID, Owner: at.Account, Name: "app"}
	route(o, "10.1.0.0/16", netstate.Target{Kind: netstate.TargetLocal, ID: "local"})
	return o
}

func route(o *netstate.Observed, dest string, to netstate.Target) {
	k := netstate.RouteKey{Scope: at, Table: "rtb-0000000000000000a", Dest: netstate.Dest{Prefix: netip.MustParsePrefix(dest)}}
	o.Routes[k] = netstate.Route{Target: to, Origin: netstate.OriginCreateRoute, State: "active"}
}

var gateway = netstate.Target{Kind: netstate.TargetOther, ID: "tgw-1"}

// strangers are n connections of the hub, alive or not.
func strangers(o *netstate.Observed, n int, s netstate.Status) {
	for i := range n {
		id := netstate.ConnID(fmt.Sprintf("pcx-%s-%d", s, i))
		other := netstate.VPC{Scope: at, ID: netstate.VPCID(fmt.Sprintf("vpc-%d", i))}
		o.Connections[id] = netstate.Connection{ID: id, Requester: hub, Accepter: other, Status: s, Views: [2]netstate.View{{Seen: true}, {Seen: true}}}
	}
}

// peered joins the two VPCs of the spec.
func peered(o *netstate.Observed, id netstate.ConnID) {
	v := netstate.View{Seen: true, Tags: netstate.Tags{netstate.TagOwner: "acme", netstate.TagLink: "hub-pay"}}
	o.Connections[id] = netstate.Connection{ID: id, Requester: hub, Accepter: pay, Status: netstate.Active, Views: [2]netstate.View{v, v}}
}

func routes(o *netstate.Observed, n int, v6 bool) {
	for i := range n {
		if v6 {
			route(o, fmt.Sprintf("2001:db8:%x::/48", i), gateway)
			continue
		}
		route(o, fmt.Sprintf("172.16.%d.0/24", i), gateway)
	}
}

func rules(o *netstate.Observed, n int, dir netstate.Direction, cidr string) {
	for i := range n {
		k := netstate.RuleKey{Scope: at, Group: "sg-0000000000000000a", Dir: dir, Proto: netstate.TCP, Ports: netstate.PortRange{From: int32(i), To: int32(i)}, Peer: netstate.Peer{Prefix: netip.MustParsePrefix(cidr)}}
		o.Rules[k] = netstate.Rule{ID: netstate.RuleID(fmt.Sprintf("sgr-%d", i))}
	}
}

// Every finding with the nearest case in which it is not made: at the quota, one below, one above; one address, one family, one state away.
func TestFindings(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		quotas, to string
		world      func(o *netstate.Observed)
		want       []string // "code severity"
		refused    string   // how the lines of refused actions begin
	}{
		"nothing special": {},

		"one peering below the quota":   {quotas: "peeringsPerVpc: 3", world: func(o *netstate.Observed) { strangers(o, 1, netstate.Active) }},
		"the last peering of the quota": {quotas: "peeringsPerVpc: 3", world: func(o *netstate.Observed) { strangers(o, 2, netstate.Active) }},
		"one peering over the quota":    {quotas: "peeringsPerVpc: 3", world: func(o *netstate.Observed) { strangers(o, 3, netstate.Active) }, want: []string{"quota-peerings-per-vpc 3"}, refused: "+ connection,+ accept,+ tags,+ route,+ rule"},
		"pending ones count":            {quotas: "peeringsPerVpc: 3", world: func(o *netstate.Observed) { strangers(o, 3, netstate.Pending) }, want: []string{"quota-peerings-per-vpc 3"}, refused: "+ connection,+ accept,+ tags,+ route,+ rule"},
		"what strangers ask for does not": {quotas: "peeringsPerVpc: 3", world: func(o *netstate.Observed) {
			strangers(o, 3, netstate.Pending)
			for id, c := range o.Connections {
				c.Requester, c.Accepter = c.Accepter, c.Requester
				o.Connections[id] = c
			}
		}},
		"dead ones do not":                   {quotas: "peeringsPerVpc: 3", world: func(o *netstate.Observed) { strangers(o, 3, netstate.Deleted) }},
		"the last peering of an assumed one": {world: func(o *netstate.Observed) { strangers(o, 49, netstate.Active) }},
		"one over an assumed quota":          {world: func(o *netstate.Observed) { strangers(o, 50, netstate.Active) }, want: []string{"quota-peerings-per-vpc 0"}},

		"the last route of the quota":    {quotas: "routesPerTable: 5", world: func(o *netstate.Observed) { routes(o, 3, false) }},
		"one route over the quota":       {quotas: "routesPerTable: 5", world: func(o *netstate.Observed) { routes(o, 4, false) }, want: []string{"quota-routes-per-table 1"}, refused: "+ route"},
		"routes of the other family":     {quotas: "routesPerTable: 5", world: func(o *netstate.Observed) { routes(o, 5, true) }},
		"one over the assumed routes":    {world: func(o *netstate.Observed) { routes(o, 255, false); moreRoutes(o, 244) }, want: []string{"quota-routes-per-table 0"}},
		"the last of the assumed routes": {world: func(o *netstate.Observed) { routes(o, 255, false); moreRoutes(o, 243) }},

		"the last rule of the quota":    {quotas: "rulesPerGroup: 4", world: func(o *netstate.Observed) { rules(o, 3, netstate.Ingress, "192.0.2.0/24") }},
		"one rule over the quota":       {quotas: "rulesPerGroup: 4", world: func(o *netstate.Observed) { rules(o, 4, netstate.Ingress, "192.0.2.0/24") }, want: []string{"quota-rules-per-group 1"}, refused: "+ rule"},
		"rules of the other direction":  {quotas: "rulesPerGroup: 4", world: func(o *netstate.Observed) { rules(o, 4, netstate.Egress, "192.0.2.0/24") }},
		"rules of the other family":     {quotas: "rulesPerGroup: 4", world: func(o *netstate.Observed) { rules(o, 4, netstate.Ingress, "2001:db8::/48") }},
		"one over the assumed rules":    {world: func(o *netstate.Observed) { rules(o, 60, netstate.Ingress, "192.0.2.0/24") }, want: []string{"quota-rules-per-group 0"}},
		"the last of the assumed rules": {world: func(o *netstate.Observed) { rules(o, 59, netstate.Ingress, "192.0.2.0/24") }},

		"a longer prefix":                {world: func(o *netstate.Observed) { route(o, "10.2.3.0/24", gateway) }, want: []string{"route-shadowed 0"}},
		"a longer prefix beside":         {world: func(o *netstate.Observed) { route(o, "10.3.0.0/24", gateway) }},
		"a longer prefix of the peering": {to: "to: [10.2.0.0/16, 10.2.3.0/24]"},
		"a longer prefix through it":     {world: func(o *netstate.Observed) { peered(o, "pcx-1"); route(o, "10.2.3.0/24", netstate.ToPeering("pcx-1")) }},
		"a longer prefix through another": {world: func(o *netstate.Observed) { peered(o, "pcx-1"); route(o, "10.2.3.0/24", netstate.ToPeering("pcx-2")) },
			want: []string{"route-shadowed 0"}},
		"a wider route":           {world: func(o *netstate.Observed) { route(o, "10.0.0.0/8", gateway) }, want: []string{"route-takes-traffic 0"}},
		"a wider route elsewhere": {world: func(o *netstate.Observed) { route(o, "11.0.0.0/8", gateway) }},
		"the default route":       {world: func(o *netstate.Observed) { route(o, "0.0.0.0/0", gateway) }},
		"the local route of the other side": {world: func(o *netstate.Observed) {
			route(o, "10.2.0.0/15", netstate.Target{Kind: netstate.TargetLocal, ID: "local"})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := world()
			if tc.world != nil {
				tc.world(o)
			}
			p, kept := check(t, tc.quotas, tc.to, o)
			var got []string
			for _, x := range p.Problems {
				got = append(got, fmt.Sprintf("%s %d", x.Code, x.Severity))
				if !strings.Contains(x.String(), "spec.yaml:11:5: ") {
					t.Errorf("no place in %s", x)
				}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
			wantRefused(t, tc.refused, kept, p.Actions)
		})
	}
}

func moreRoutes(o *netstate.Observed, n int) {
	for i := range n {
		route(o, fmt.Sprintf("172.17.%d.0/24", i), gateway)
	}
}

// check plans and refuses, and returns the plan and the actions that there were before.
func check(t *testing.T, quotas, to string, o *netstate.Observed) (*plan.Plan, []plan.Action) {
	t.Helper()
	text := strings.NewReplacer(", quotas: {QUOTAS}", "", ", ROUTES", "").Replace(base)
	if quotas != "" {
		text = strings.NewReplacer("QUOTAS", quotas, ", ROUTES", "").Replace(base)
	}
	if to != "" {
		text = strings.NewReplacer(", quotas: {QUOTAS}", "", "ROUTES", to).Replace(base)
	}
	return checkText(t, text, o)
}

// checkText plans a spec, and returns the plan with the findings and the actions that it had before them.
func checkText(t *testing.T, text string, o *netstate.Observed) (*plan.Plan, []plan.Action) {
	t.Helper()
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(text)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	want, problems := plan.Expand(s, o)
	p := plan.Diff(want, plan.Options{}, problems)
	before := slices.Clone(p.Actions)
	found, uses := preflight.Check(s, want, o, p)
	p.Refuse(found)
	p.Quotas = uses
	return p, before
}

func wantRefused(t *testing.T, want string, before, after []plan.Action) {
	t.Helper()
	stays := map[string]bool{}
	for _, a := range after {
		stays[a.String()] = true
	}
	kinds := map[string]bool{}
	for _, a := range before {
		if !stays[a.String()] {
			kinds[strings.Join(strings.Fields(a.String())[:2], " ")] = true
		}
	}
	var got []string
	for k := range kinds {
		got = append(got, k)
	}
	slices.Sort(got)
	wanted := strings.FieldsFunc(want, func(r rune) bool { return r == ',' })
	slices.Sort(wanted)
	if d := cmp.Diff(wanted, got, cmp.Transformer("empty", func(s []string) string { return strings.Join(s, ",") })); d != "" {
		t.Errorf("refused (-want +got):\n%s", d)
	}
}

// An ACL that shows no entry at all, as those of some emulators may, lets nothing pass; the finding says so in words.
func TestACLWithoutEntries(t *testing.T) {
	t.Parallel()
	o := world()
	o.ACLs[netstate.ACLKey{Scope: at, ID: "acl-1"}] = netstate.ACL{VPC: hub.ID, Default: true}
	p, _ := check(t, "", "", o)
	if len(p.Problems) != 1 || p.Problems[0].Code != preflight.CodeACL || !strings.Contains(p.Problems[0].Message, "carries nothing: the lack of an entry of acl-1 in hub") {
		t.Errorf("found %v", p.Problems)
	}
}

// That ACLs could not be read is said of the peerings that have rules, and of no others in that account and region.
func TestUnreadACLsConcernRules(t *testing.T) {
	t.Parallel()
	for rules, want := range map[string]int{"": 0, ", rules: [{group: sg-0000000000000000a, protocol: tcp, ports: 443}]": 1} {
		o := world()
		o.Fail(at, netstate.ListACLs, &netstate.Error{Op: "list network ACLs", Scope: at, Kind: netstate.Denied})
		text := strings.NewReplacer(", quotas: {QUOTAS}", "", ", ROUTES", "", ", rules: [{group: sg-0000000000000000a, protocol: tcp, ports: 443}]", rules).Replace(base)
		p, _ := checkText(t, text, o)
		n := 0
		for _, x := range p.Problems {
			if x.Code == preflight.CodeUnreadACLs {
				n++
			}
		}
		if n != want {
			t.Errorf("rules %q: %d findings, want %d: %v", rules, n, want, p.Problems)
		}
	}
}
