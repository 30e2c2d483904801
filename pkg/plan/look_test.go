package plan_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// A look for some peerings reads their accounts and regions, and there all that every peering needs.
func TestLookNearSomePeerings(t *testing.T) {
	t.Parallel()
	s, err := spec.Load(map1("spec.yaml", `apiVersion: peerd/v1
owner: acme
accounts:
  one: {id: "111111111111", role: peerd}
  two: {id: "222222222222", role: peerd}
  three: {id: "333333333333", role: peerd}
vpcs:
  a: {account: one, region: eu-west-1, id: vpc-0000000000000000a}
  b: {account: two, region: eu-west-1, id: vpc-0000000000000000b}
  c: {account: two, region: us-east-1, id: vpc-0000000000000000c}
peerings:
  - {name: a-b, requester: {vpc: a, rules: [{group: app, account: three, protocol: tcp, ports: 22}]}, accepter: {vpc: b}}
  - {name: a-c, requester: {vpc: a}, accepter: {vpc: c, routes: {tables: {subnets: {tags: {tier: x}}}}}}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		only []netstate.Link
		want []string
	}{
		{nil, []string{"111111111111/eu-west-1", "222222222222/eu-west-1", "222222222222/us-east-1", "333333333333/eu-west-1"}},
		{[]netstate.Link{"a-b"}, []string{"111111111111/eu-west-1", "222222222222/eu-west-1", "333333333333/eu-west-1"}},
		{[]netstate.Link{"a-c"}, []string{"111111111111/eu-west-1", "222222222222/us-east-1"}},
	} {
		look := plan.Look(s, plan.Ask{Only: c.only})
		var got []string
		for _, at := range slices.SortedFunc(maps.Keys(look.Scopes), netstate.Scope.Compare) {
			got = append(got, at.String())
			whole := plan.Look(s, plan.Ask{}).Scopes[at]
			if d := cmp.Diff(whole, look.Scopes[at]); d != "" {
				t.Errorf("only %v: %s is read otherwise (-whole +near):\n%s", c.only, at, d)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("only %v (-want +got):\n%s", c.only, d)
		}
	}
}

// In a look at a few peerings the tags of a rule that was made for one of them are corrected, though others, which the look does not show, may
// want the rule too; those of a rule that was made for another are not, and no rule is turned into another that they may want as it is.
func TestNearRules(t *testing.T) {
	t.Parallel()
	const text = `apiVersion: peerd/v1
owner: acme
accounts: {one: {id: "111111111111", role: peerd}, two: {id: "222222222222", role: peerd}}
vpcs:
  a: {account: one, region: eu-west-1, id: vpc-0000000000000000a}
  b: {account: one, region: eu-west-1, id: vpc-0000000000000000b}
  c: {account: two, region: us-east-1, id: vpc-0000000000000000c}
defaults: {side: {routes: {tables: none}}}
peerings:
  - {name: a-b, tags: {team: net}, requester: {vpc: a, rules: [{group: sg-0000000000000000a, protocol: tcp, ports: 22}]}, accepter: {vpc: b}}
  - {name: a-c, requester: {vpc: a, rules: [{group: sg-0000000000000000a, protocol: tcp, ports: 22}]}, accepter: {vpc: c}}
`
	s, err := spec.Load(map1("spec.yaml", text), "")
	if err != nil {
		t.Fatal(err)
	}
	at := netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	a, b := netstate.VPC{Scope: at, ID: "vpc-0000000000000000a"}, netstate.VPC{Scope: at, ID: "vpc-0000000000000000b"}
	for name, tc := range map[string]struct {
		label string
		port  int32
		near  bool
		only  netstate.Link
		want  []string // beginnings
	}{
		"its own":                       {"a-b", 22, true, "a-b", []string{"~ rule sgr-1"}},
		"not in a near look":            {"a-b", 22, false, "a-b", nil},
		"not one of the few":            {"a-b", 22, true, "a-c", nil},
		"another's":                     {"a-c", 22, true, "a-b", nil},
		"otherwise":                     {"a-b", 23, true, "a-b", nil},
		"otherwise, not in a near look": {"a-b", 23, false, "a-b", []string{"+ rule"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := netstate.NewObserved(time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC))
			o.VPCs[a], o.VPCs[b] = netstate.Facts{CIDRs: prefixes("10.1.0.0/16")}, netstate.Facts{CIDRs: prefixes("10.2.0.0/16")}
			o.Groups[netstate.GroupKey{Scope: at, ID: "sg-0000000000000000a"}] = netstate.Group{VPC: a.ID}
			tags := func(label string) netstate.Tags {
				return netstate.Tags{netstate.TagOwner: "acme", netstate.TagLink: label, "team": "net"}
			}
			view := netstate.View{Seen: true, Tags: tags("a-b")}
			o.Connections["pcx-1"] = netstate.Connection{ID: "pcx-1", Requester: a, Accepter: b, Status: netstate.Active, Views: [2]netstate.View{view, view}}
			k := netstate.RuleKey{Scope: at, Group: "sg-0000000000000000a", Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: tc.port, To: tc.port},
				Peer: netstate.Peer{Prefix: prefixes("10.2.0.0/16")[0]}}
			of := tags(tc.label)
			delete(of, "team")
			o.Rules[k] = netstate.Rule{ID: "sgr-1", Tags: of}
			p := plan.Make(s, o, plan.Options{Near: tc.near, Only: []netstate.Link{tc.only}})
			var got []string
			for _, x := range p.Restrict(tc.only).Actions {
				got = append(got, x.String())
			}
			if !slices.EqualFunc(tc.want, got, func(want, line string) bool { return strings.HasPrefix(line, want) }) {
				t.Errorf("actions %q, want %q", got, tc.want)
			}
			left := slices.ContainsFunc(p.Drift, func(d plan.Drift) bool { return d.Link == "a-b" && d.MaybeElsewhere() })
			if want := len(tc.want) == 0; left != want {
				t.Errorf("left since others may want it: %t, want %t (%v)", left, want, p.Drift)
			}
		})
	}
}
