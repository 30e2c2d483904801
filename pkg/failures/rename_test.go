package failures_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

const (
	hubPay      = "  - name: hub-pay\n    requester: {vpc: hub}\n    accepter: {vpc: pay}\n"
	hubTools    = "  - name: hub-tools\n    requester: {vpc: hub}\n    accepter: {vpc: tools}\n"
	hubPayRules = "  - name: hub-pay\n    requester: {vpc: hub, rules: [{group: sg-0000000000000a001, protocol: tcp, ports: 8443}]}\n    accepter: {vpc: pay}\n"
)

// withPeerings is twoAccounts with a third VPC and other peerings.
func withPeerings(peerings ...string) string {
	head, _, _ := strings.Cut(twoAccounts, "peerings:")
	return head + "  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}\npeerings:\n" + strings.Join(peerings, "")
}

// A peering renamed, same pair: it is re-labelled in place, in every view and on every rule, and no traffic is lost: all that carries it
// is there after each call.
func TestF20Renamed(t *testing.T) {
	t.Parallel()
	named := func(s, from, to string) string { return strings.ReplaceAll(s, "name: "+from, "name: "+to) }
	for name, tc := range map[string]struct {
		before, after string
		labels        map[string]string // of what joins the hub with a VPC, afterwards
		calls         []string
	}{
		"a label": {withPeerings(hubPay), withPeerings(named(hubPay, "hub-pay", "a")), map[string]string{pay: "a"}, []string{"CreateTags", "CreateTags"}},
		"a label and the direction": {withPeerings(hubPay), withPeerings("  - name: pay-hub\n    requester: {vpc: pay}\n    accepter: {vpc: hub}\n"),
			map[string]string{pay: "pay-hub"}, []string{"CreateTags", "CreateTags"}},
		"a label with a rule":            {withPeerings(hubPayRules), withPeerings(named(hubPayRules, "hub-pay", "z")), map[string]string{pay: "z", "tcp 8443": "z"}, []string{"CreateTags", "CreateTags", "CreateTags"}},
		"a peering turned into a mesh's": {withPeerings(hubPay), strings.Replace(withPeerings(), "peerings:", "meshes: [{name: core, vpcs: [hub, pay]}]", 1), map[string]string{pay: "core/hub--pay"}, []string{"CreateTags", "CreateTags"}},
		"two labels that change places": {withPeerings(hubPay, hubTools), withPeerings(named(hubPay, "hub-pay", "hub-tools"), named(hubTools, "hub-tools", "hub-pay")),
			map[string]string{pay: "hub-tools", tools: "hub-pay"}, []string{"CreateTags", "CreateTags", "CreateTags"}},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, tc.before)
			whole := withoutLabels(applied(t, r))
			failures.Shown(t, 20, len(linesWith(r.Sim.Dump(), "requester="+network, pay, "status=active", `"peerd:peering":"hub-pay"`)) == 2, "a living connection carries the former label in both views")
			r.Spec = simtest.LoadSpec(t, tc.after)
			r.Sim.After(func(c ec2sim.Call) { mustKeep(t, "after "+c.Action, whole, withoutLabels(r.Sim.Dump())) })
			renamed, calls := r.Prune(100)
			r.Sim.After(nil)
			simtest.MustExit(t, "pass", renamed, reconcile.ExitInSync)
			simtest.WantActions(t, tc.calls, calls)
			for of, label := range tc.labels {
				if l := linesWith(r.Sim.Dump(), of, `"peerd:peering":`); len(l) == 0 || len(l) != len(linesWith(strings.Join(l, "\n"), `"peerd:peering":"`+label+`"`)) {
					t.Errorf("the label of %s is not %s:\n%s", of, label, strings.Join(l, "\n"))
				}
			}
			mustRest(t, r)
		})
	}
}

// withRule is hub-pay with a rule for what pay sends, under a name and with ports that a case chooses.
func withRule(name, ports string) string {
	return "  - name: " + name + "\n    requester: {vpc: hub, rules: [{group: app, protocol: tcp, ports: " + ports + "}]}\n    accepter: {vpc: pay}\n"
}

// ofHub is hub-pay with that rule, of a hub and its spokes.
func ofHub(ports string) string {
	return strings.Replace(withPeerings(), "peerings:", "hubs: [{name: core, hub: hub, spokes: [pay], hubSide: {rules: [{group: app, protocol: tcp, ports: "+ports+"}]}}]", 1)
}

// opens are the rules of hub's group that let pay's traffic to port 443 in.
func opens(r *simtest.Rig) []string { return facts(r, " rule ", "ingress tcp 443-", "10.20.0.0/16") }

// A peering renamed, and its rule changed, in one commit: the rule is changed in place as under one name, and where that fails, now and
// again, the former one stays until another is there.
func TestF20RenamedAndChanged(t *testing.T) {
	t.Parallel()
	refused := func(r *simtest.Rig, actions ...string) {
		for _, a := range actions {
			r.Sim.Inject(fault.Rule{Service: "ec2", Operation: a, Before: true, Kind: fault.Error, Code: "UnauthorizedOperation"})
		}
	}
	for name, tc := range map[string]struct{ before, after string }{
		"a name":                   {withPeerings(withRule("hub-pay", "443")), withPeerings(withRule("a", "443-444"))},
		"a pair out of a hub":      {ofHub("443"), withPeerings(withRule("hub-pay", "443-444"))},
		"a peering into a hub":     {withPeerings(withRule("hub-pay", "443")), ofHub("443-444")},
		"names that change places": {withPeerings(withRule("hub-pay", "443"), hubTools), withPeerings(withRule("hub-tools", "443-444"), strings.Replace(hubTools, "hub-tools", "hub-pay", 1))},
	} {
		for _, fails := range [][]string{nil, {"ModifySecurityGroupRules"}, {"ModifySecurityGroupRules", "AuthorizeSecurityGroupIngress"},
			{"ModifySecurityGroupRules", "AuthorizeSecurityGroupIngress", "CreateTags"}} {
			inBubble(t, strings.Join(append([]string{name}, fails...), ", no "), func(t *testing.T) {
				r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, tc.before)
				wantOne(t, "the rule, before", opens(r))
				r.Sim.After(func(c ec2sim.Call) {
					if len(opens(r)) == 0 {
						t.Errorf("closed by %s", c.Action)
					}
				})
				r.Spec = simtest.LoadSpec(t, tc.after)
				refused(r, fails...)
				for range min(2, len(fails)) {
					pass, calls := r.Prune(100)
					simtest.WantActions(t, nil, of(calls, "RevokeSecurityGroupIngress"))
					failures.Shown(t, 20, failedCall("ModifySecurityGroupRules", "UnauthorizedOperation")(r, pass), "a rule of a renamed peering is not to be changed")
				}
				r.Sim.ClearFaults()
				last, calls := r.Prune(100)
				simtest.MustExit(t, "pass in which everything works", last, reconcile.ExitInSync)
				simtest.WantActions(t, []string{"ModifySecurityGroupRules"}, of(calls, "ModifySecurityGroupRules", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"))
				if now := wantOne(t, "the rule, after", opens(r)); !strings.Contains(now, "tcp 443-444") {
					t.Errorf("left as %s", now)
				}
				mustRest(t, r)
			})
		}
	}
}

var label = regexp.MustCompile(`"peerd:peering":"[^"]*"`)

// withoutLabels are the lines of a dumped world with the labels of peerings taken out.
func withoutLabels(dump string) []string {
	return simtest.Lines(label.ReplaceAllString(dump, `"peerd:peering":""`))
}
