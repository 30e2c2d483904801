package main

import (
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
)

// edited loads a scenario's spec with replacements made in its text.
func edited(t *testing.T, scenario string, replace ...string) *spec.Set {
	t.Helper()
	return simtest.LoadSpec(t, scenarioText(t, scenario), replace...)
}

// What EC2 can change in place is changed in place: nothing is removed first to make room.
func TestChangedInPlace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		scenario string
		replace  []string
		edit     *simtest.Edit // by hand, instead of in the spec
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
			edit: &simtest.Edit{Action: "DeleteVpcPeeringConnection", Region: "eu-west-1", Account: "111111111111", Params: map[string]string{"VpcPeeringConnectionId": "PCX"}},
			plan: []string{"+ accept pcx from 111111111111/eu-west-1/vpc-0000000000000a001 into vpc-0000000000000a002",
				"+ connection vpc-0000000000000a001 -> 111111111111/eu-west-1/vpc-0000000000000a002 {Name=\"hub-tools\" peerd:owner=\"acme\" peerd:peering=\"hub-tools\"}",
				"~ route 10.0.0.0/16 -> pcx in rtb-0000000000000a004 (was pcx)", "~ route 10.1.0.0/16 -> pcx in rtb-0000000000000a001 (was pcx)", "~ route 10.1.0.0/16 -> pcx in rtb-0000000000000a002 (was pcx)"},
			calls: []string{"CreateVpcPeeringConnection", "AcceptVpcPeeringConnection", "ReplaceRoute", "ReplaceRoute", "ReplaceRoute"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withAndWithoutPolicies(t, ec2sim.Config{Delays: simtest.Lagging}, tc.scenario, func(t *testing.T, r *simtest.Rig) {
				first, _ := r.Apply()
				simtest.MustExit(t, "first pass", first, reconcile.ExitInSync)
				if tc.edit != nil {
					tc.edit.Make(t, r.Sim)
				} else {
					r.Spec = edited(t, tc.scenario, tc.replace...)
				}
				planned, _ := r.Plan()
				simtest.MustExit(t, "plan", planned, reconcile.ExitChanges)
				var got []string
				for _, l := range simtest.Anonymous(planLines(planned.First)) {
					got = append(got, l[strings.Index(l, " ")+1:])
				}
				simtest.WantSame(t, "expected", tc.plan, "the plan", got)
				applied, calls := r.Apply()
				simtest.MustExit(t, "pass", applied, reconcile.ExitInSync)
				simtest.WantActions(t, tc.calls, calls)
				again, calls := r.Apply()
				simtest.MustExit(t, "pass after it", again, reconcile.ExitInSync)
				simtest.WantActions(t, nil, calls)
			})
		})
	}
}
