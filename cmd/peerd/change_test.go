package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

// edited loads a scenario's spec with replacements made in its text.
func edited(t *testing.T, scenario string, replace ...string) *spec.Set {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "scenarios", scenario, "spec.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer(replace...).Replace(string(text))
	if changed == string(text) {
		t.Fatal("the edit changes nothing")
	}
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(changed)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What EC2 can change in place is changed in place: nothing is removed first to make room.
func TestChangedInPlace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		scenario string
		replace  []string
		edit     *edit // by hand, instead of in the spec
		plan     []string
		calls    []string
	}{
		"ports of a rule": {scenario: "every-rule-form", replace: []string{"8000-8100", "8000-8200"},
			plan:  []string{"~ rule sgr: ingress tcp 8000-8100 from 10.30.0.0/16 in sg-0000000000000a001 -> ingress tcp 8000-8200 from 10.30.0.0/16 in sg-0000000000000a001 \"ssh, https and apps\""},
			calls: []string{"ModifySecurityGroupRules"}},
		"peer of a rule": {scenario: "every-rule-form", replace: []string{"10.30.7.0/24", "10.30.6.0/24"},
			plan:  []string{"~ rule sgr: ingress all from 10.30.7.0/24 in sg-0000000000000a001 -> ingress all from 10.30.6.0/24 in sg-0000000000000a001"},
			calls: []string{"ModifySecurityGroupRules"}},
		"description": {scenario: "every-rule-form", replace: []string{"to the database", "to the ledger"},
			plan:  []string{"~ rule sgr ingress tcp 5432 from 10.0.0.0/16 in sg-0000000000000b101: description \"to the ledger\""},
			calls: []string{"UpdateSecurityGroupRuleDescriptionsIngress"}},
		"tags of the entry": {scenario: "cross-account", replace: []string{"{team: net}", "{team: core}"},
			plan:  []string{"~ tags of pcx as the accepter sees it {team=\"core\"}", "~ tags of pcx as the requester sees it {team=\"core\"}"},
			calls: []string{"CreateTags", "CreateTags"}},
		"dns switched on": {scenario: "same-account", replace: []string{"dns: false", "dns: true"},
			plan:  []string{"~ options of pcx: dns on for vpc-0000000000000a001"},
			calls: []string{"ModifyVpcPeeringConnectionOptions"}},
		"connection deleted by hand": {scenario: "same-account",
			edit: &edit{"DeleteVpcPeeringConnection", "eu-west-1", "111111111111", map[string]string{"VpcPeeringConnectionId": "PCX"}},
			plan: []string{"+ accept pcx from 111111111111/eu-west-1/vpc-0000000000000a001 into vpc-0000000000000a002",
				"+ connection vpc-0000000000000a001 -> 111111111111/eu-west-1/vpc-0000000000000a002 {Name=\"hub-tools\" peerd:owner=\"acme\" peerd:peering=\"hub-tools\"}",
				"~ route 10.0.0.0/16 -> pcx in rtb-0000000000000a004 (was pcx)", "~ route 10.1.0.0/16 -> pcx in rtb-0000000000000a001 (was pcx)", "~ route 10.1.0.0/16 -> pcx in rtb-0000000000000a002 (was pcx)"},
			calls: []string{"CreateVpcPeeringConnection", "AcceptVpcPeeringConnection", "ReplaceRoute", "ReplaceRoute", "ReplaceRoute"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, ec2sim.Config{Delays: lagging}, tc.scenario)
				first, _ := r.cycle(false)
				mustExit(t, "first pass", first, reconcile.ExitInSync)
				if tc.edit != nil {
					tc.edit.make(t, r.sim)
				} else {
					r.spec = edited(t, tc.scenario, tc.replace...)
				}
				planned, _ := r.cycle(true)
				mustExit(t, "plan", planned, reconcile.ExitChanges)
				var got []string
				for _, l := range anonymous(planLines(planned.First)) {
					got = append(got, l[strings.Index(l, " ")+1:])
				}
				wantSame(t, "expected", tc.plan, "the plan", got)
				applied, calls := r.cycle(false)
				mustExit(t, "pass", applied, reconcile.ExitInSync)
				wantActions(t, tc.calls, calls)
				again, calls := r.cycle(false)
				mustExit(t, "pass after it", again, reconcile.ExitInSync)
				wantActions(t, nil, calls)
			})
		})
	}
}

// wantActions compares the actions of calls to EC2, in order.
func wantActions(t *testing.T, want []string, calls []ec2sim.Call) {
	t.Helper()
	var got []string
	for _, c := range calls {
		if c.Service == "ec2" {
			got = append(got, c.Action)
		}
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("mutating calls (-want +got):\n%s", d)
	}
}
