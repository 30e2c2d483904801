package failures_test

import (
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// Two names that turn out to be one VPC, since one of them finds it by its tags: loading cannot show it. The plan refuses the second name of
// a pair, and a VPC peered with itself, and other peerings go on.
func TestF19OneVPCUnderTwoNames(t *testing.T) {
	t.Parallel()
	named := func(vpc, tags string, peerings ...string) string {
		return strings.Replace(withPeerings(peerings...), "peerings:", "  "+vpc+": {account: network, region: eu-west-1, tags: {"+tags+"}}\npeerings:", 1)
	}
	for name, tc := range map[string]struct{ text, vpc, tag, says string }{
		"one pair under two names":     {named("again", "Name: tools", hubTools, "  - {name: b, requester: {vpc: hub}, accepter: {vpc: again}}\n", hubPay), tools, `"Name":"tools"`, "b joins the same two VPCs"},
		"one pair in both directions":  {named("again", "Name: tools", hubTools, "  - {name: b, requester: {vpc: again}, accepter: {vpc: hub}}\n", hubPay), tools, `"Name":"tools"`, "b joins the same two VPCs"},
		"a VPC with itself":            {named("again", "Name: hub", "  - {name: hub-tools, requester: {vpc: hub}, accepter: {vpc: again}}\n", hubPay), hub, `"Name":"hub"`, "hub and again are one VPC"},
		"a VPC with itself, as a mesh": {named("again", "Name: hub", hubPay) + "meshes: [{name: core, vpcs: [again, hub]}]\n", hub, `"Name":"hub"`, "again and hub are one VPC"},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, tc.text)
			failures.Shown(t, 19, holds(r.Sim.Dump(), " vpc "+tc.vpc, tc.tag), "a VPC has an id and tags by which two names find it")
			report, _ := r.Apply()
			simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
			mustSay(t, report, "vpc-two-names", tc.says)
			for _, l := range linesWith(r.Sim.Dump(), " connection ", `"peerd:owner":"acme"`) {
				if !strings.Contains(l, pay) {
					t.Errorf("made: %s", l)
				}
			}
			if !holds(r.Sim.Dump(), " connection ", pay, "status=active", `"peerd:peering":"hub-pay"`) {
				t.Error("the other peering was not made")
			}
			mustLeave(t, r, reconcile.ExitAttention, tc.says)
		})
	}
}
