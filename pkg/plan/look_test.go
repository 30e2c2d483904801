package plan_test

import (
	"maps"
	"slices"
	"testing"

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
