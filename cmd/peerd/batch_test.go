package main

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// authorized counts calls of Authorize that peerd made, which tags its rules, by account, group, direction and code.
func authorized(calls []ec2sim.Call) map[string]int {
	out := map[string]int{}
	for _, c := range calls {
		if way, is := strings.CutPrefix(c.Action, "AuthorizeSecurityGroup"); is && c.Params.Get("TagSpecification.1.ResourceType") != "" {
			out[strings.TrimSpace(strings.Join([]string{c.Account, c.Params.Get("GroupId"), way, c.Code}, " "))]++
		}
	}
	return out
}

// One call carries all rules of a group and direction, of however many forms.
func TestOneCallForAllRulesOfAGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2sim.Config{}, "every-rule-form")
		report, calls := r.Apply()
		simtest.MustExit(t, "pass", report, reconcile.ExitInSync)
		want := map[string]int{
			"111111111111 sg-0000000000000a001 Ingress": 1,
			"111111111111 sg-0000000000000a001 Egress":  1,
			"222222222222 sg-0000000000000b101 Ingress": 1,
		}
		if d := cmp.Diff(want, authorized(calls)); d != "" {
			t.Errorf("calls of Authorize (-want +got):\n%s", d)
		}
	})
}

// EC2 refuses a whole call for one rule that exists already. Where somebody adds one of ours between the look and the call, the others are
// made one by one, and that one stays as it is.
func TestRuleMadeByHandMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2sim.Config{Delays: simtest.Lagging}, "every-rule-form")
		before := simtest.Lines(r.Sim.Dump())
		byHand := simtest.Edit{Action: "AuthorizeSecurityGroupIngress", Region: "eu-west-1", Account: "111111111111", Params: map[string]string{"GroupId": "sg-0000000000000a001", "IpPermissions.1.IpProtocol": "udp",
			"IpPermissions.1.FromPort": "53", "IpPermissions.1.ToPort": "53", "IpPermissions.1.IpRanges.1.CidrIp": "10.30.0.0/16"}}
		r.Sim.After(func(c ec2sim.Call) {
			if c.Action == "AcceptVpcPeeringConnection" && c.Code == "" {
				r.Sim.After(nil)
				byHand.Make(t, r.Sim)
			}
		})
		report, calls := r.Apply()
		simtest.MustExit(t, "pass", report, reconcile.ExitInSync)
		want := map[string]int{
			"111111111111 sg-0000000000000a001 Ingress InvalidPermission.Duplicate": 2, // the call for all, and that for this one
			"111111111111 sg-0000000000000a001 Ingress":                             8,
			"111111111111 sg-0000000000000a001 Egress":                              1,
			"222222222222 sg-0000000000000b101 Ingress":                             1,
		}
		if d := cmp.Diff(want, authorized(calls)); d != "" {
			t.Errorf("calls of Authorize (-want +got):\n%s", d)
		}
		ours, others := 0, 0
		for _, l := range simtest.Without(simtest.Lines(r.Sim.Dump()), before) {
			switch {
			case !strings.Contains(l, " rule ") || !strings.Contains(l, " sg-0000000000000a001 ingress "):
			case strings.Contains(l, " udp 53-53 10.30.0.0/16 ") && strings.HasSuffix(l, " tags={}"):
				others++
			case strings.Contains(l, `"peerd:owner":"acme"`):
				ours++
			}
		}
		if ours != 8 || others != 1 {
			t.Errorf("%d rules of ours and %d by hand, want 8 and 1:\n%s", ours, others, r.Sim.Dump())
		}
		again, calls := r.Apply()
		simtest.MustExit(t, "second pass", again, reconcile.ExitInSync)
		simtest.WantActions(t, nil, calls)
	})
}
