package failures_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// halves is a spec of a peering that routes and opens some of its VPCs, which its next commit changes to others.
const halves = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  legacy: {account: network, region: eu-west-1, id: vpc-0000000000000a009}
peerings:
  - name: hub-tools
    requester:
      vpc: hub
      routes: {tables: main, to: [10.1.0.0/17]}
      rules:
        - {group: app, protocol: tcp, ports: 443}
    accepter: {vpc: tools, routes: {to: [10.0.0.0/17]}}
`

// otherHalves are the changes of the next commit: each takes one thing away and adds another.
var otherHalves = []string{"10.1.0.0/17", "10.1.128.0/17", "10.0.0.0/17", "10.0.128.0/17", "ports: 443", "direction: egress, ports: 5432"}

// alsoOpen is a peering that wants a rule which hub-tools then wants too, and is the first of them by name.
const alsoOpen = `  - name: hub-east
    requester: {vpc: hub, routes: {tables: none}, rules: [{group: app, protocol: tcp, direction: egress, ports: 5432, peer: [{cidr: 10.0.0.0/8, wider: true}]}]}
    accepter: {vpc: east}
`

// Removals and additions in one commit, and an addition cannot be done, for whatever reason: nothing of the peering is removed until it is.
func TestF57AdditionFails(t *testing.T) {
	t.Parallel()
	refused := func(action, code string) func(*simtest.Rig) {
		return func(r *simtest.Rig) {
			r.Sim.Inject(fault.Rule{Service: "ec2", Operation: action, Before: true, Kind: fault.Error, Code: code})
		}
	}
	lost500 := func(r *simtest.Rig) {
		r.Sim.Inject(fault.Rule{Service: "ec2", Operation: "CreateRoute", Before: true, Kind: fault.ServerError})
	}
	none := func(*simtest.Rig) {}
	const held = "a destination is outside the peer" // which blocks the peering, not only the item
	for name, tc := range map[string]struct {
		fault func(*simtest.Rig)
		then  []string // more changes of the commit
		fired func(*simtest.Rig, *reconcile.Report) bool
	}{
		"a route is denied":             {refused("CreateRoute", "UnauthorizedOperation"), nil, failedCall("CreateRoute", "UnauthorizedOperation")},
		"a route is over EC2's quota":   {refused("CreateRoute", "RouteLimitExceeded"), nil, failedCall("CreateRoute", "RouteLimitExceeded")},
		"a route fails again and again": {lost500, nil, failedCall("CreateRoute", "InternalError")},
		"a rule is denied": {refused("AuthorizeSecurityGroupEgress", "UnauthorizedOperation"), nil,
			failedCall("AuthorizeSecurityGroupEgress", "UnauthorizedOperation")},
		"a rule is over EC2's quota": {refused("AuthorizeSecurityGroupEgress", "RulesPerSecurityGroupLimitExceeded"), nil,
			failedCall("AuthorizeSecurityGroupEgress", "RulesPerSecurityGroupLimitExceeded")},
		"a route is over a stated quota": {none, []string{`role: peerd,`, `role: peerd, quotas: {routesPerTable: 4},`}, said("quota-routes-per-table")},
		"a rule is over a stated quota":  {none, []string{`role: peerd,`, `role: peerd, quotas: {rulesPerGroup: 1},`}, said("quota-rules-per-group")},
		"a rule that another peering wants too is over a stated quota": {none, []string{`role: peerd,`, `role: peerd, quotas: {rulesPerGroup: 1},`,
			"ports: 5432}", "ports: 5432, peer: [{cidr: 10.0.0.0/8, wider: true}]}",
			"vpcs:\n", "vpcs:\n  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}\n", "peerings:\n", "peerings:\n" + alsoOpen},
			said("quota-rules-per-group")},
		held:                 {none, []string{"[10.1.128.0/17]", "[10.1.128.0/17, 10.7.0.0/16]"}, said("destination-outside")},
		"a group is missing": {none, []string{"- {group: app", "- {group: appp"}, said("group-missing")},
		"a destination is held by another target": {func(r *simtest.Rig) {
			r.Do(network, west, "CreateRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.1.128.0/17", "GatewayId", gateway(r))
		}, nil, said("route-conflict")},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, halves)
			tc.fault(r)
			r.Spec = simtest.LoadSpec(t, halves, append(slices.Clone(otherHalves), tc.then...)...)
			before := r.Sim.Dump()
			for i := range 2 {
				pass, calls := r.Prune(1)
				simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
				wantNone(t, "removed", lost(r, before))
				if n := len(of(calls, "DeleteRoute", "RevokeSecurityGroupIngress")); n > 0 {
					t.Errorf("%d calls that remove", n)
				}
				if i == 1 && len(r.Sim.Fired()) == 0 && slices.ContainsFunc(pass.First.Actions, func(a plan.Action) bool { return a.Step().Removes() }) {
					t.Errorf("what cannot be added is known by now, and removals are announced:\n%s", simtest.Text(pass))
				}
				failures.Shown(t, 57, tc.fired(r, pass), "an addition cannot be done")
			}
			if n := len(gained(r, before)); (n == 0) != (name == held) {
				t.Errorf("%d facts were added, while one addition of three cannot be done", n)
			}
			r.Sim.ClearFaults()
			r.Spec = simtest.LoadSpec(t, halves, otherHalves...)
			if tc.then == nil && len(r.Sim.Fired()) > 0 {
				pass, _ := r.Prune(1)
				simtest.MustExit(t, "pass in which everything works", pass, reconcile.ExitInSync)
				mustRest(t, r)
			}
		})
	}
}

// A rule that two peerings want is added by one of them, and cannot be: the other removes nothing either.
func TestF57SharedAdditionFails(t *testing.T) {
	t.Parallel()
	inBubble(t, "denied", func(t *testing.T) {
		const vpcs, east = "vpcs:\n", "vpcs:\n  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}\n"
		quiet := alsoOpen[:strings.Index(alsoOpen, ", rules:")] + "}\n    accepter: {vpc: east}\n"
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, halves)
		r.Spec = simtest.LoadSpec(t, halves, vpcs, east, "peerings:\n", "peerings:\n"+quiet)
		applied(t, r)
		r.Sim.Inject(fault.Rule{Service: "ec2", Operation: "AuthorizeSecurityGroupEgress", Before: true, Kind: fault.Error, Code: "UnauthorizedOperation"})
		r.Spec = simtest.LoadSpec(t, halves, append(slices.Clone(otherHalves), vpcs, east, "peerings:\n", "peerings:\n"+alsoOpen,
			"ports: 5432}", "ports: 5432, peer: [{cidr: 10.0.0.0/8, wider: true}]}")...)
		before := r.Sim.Dump()
		for range 2 {
			pass, _ := r.Prune(1)
			simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
			wantNone(t, "removed", lost(r, before))
		}
		acts := func(pass *reconcile.Report) bool {
			return slices.ContainsFunc(pass.First.Actions, func(a plan.Action) bool { return a.Link() == "hub-east" && a.Step() == plan.StepRules })
		}
		planned, _ := r.Plan()
		failures.Shown(t, 57, failedCall("AuthorizeSecurityGroupEgress", "UnauthorizedOperation")(r, planned) && acts(planned), "another peering is to add the rule, and is denied")
		r.Sim.ClearFaults()
		pass, _ := r.Prune(1)
		simtest.MustExit(t, "pass in which everything works", pass, reconcile.ExitInSync)
		mustRest(t, r)
	})
}

// The peering is renamed in the same commit, and the labels of its connection are changed already as the addition fails: what is left under
// the former name is removed no sooner.
func TestF57AdditionFailsUnderANewName(t *testing.T) {
	t.Parallel()
	inBubble(t, "denied", func(t *testing.T) {
		r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, withPeerings(withRule("hub-pay", "443")))
		r.Sim.Inject(fault.Rule{Service: "ec2", Operation: "AuthorizeSecurityGroupEgress", Before: true, Kind: fault.Error, Code: "UnauthorizedOperation"})
		r.Spec = simtest.LoadSpec(t, withPeerings(withRule("a", "443, direction: egress")))
		for range 3 {
			pass, calls := r.Prune(1)
			simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
			wantOne(t, "the former rule", opens(r))
			simtest.WantActions(t, nil, of(calls, "RevokeSecurityGroupIngress"))
			renamed := len(facts(r, " connection ", "status=active", `"peerd:peering":"a"`)) == 2
			failures.Shown(t, 57, renamed && failedCall("AuthorizeSecurityGroupEgress", "UnauthorizedOperation")(r, pass), "a renamed peering lacks a rule, which is denied")
		}
		r.Sim.ClearFaults()
		pass, _ := r.Prune(1)
		simtest.MustExit(t, "pass in which everything works", pass, reconcile.ExitInSync)
		wantNone(t, "the former rule, afterwards", opens(r))
		mustRest(t, r)
	})
}

// failedCall reports whether a call was answered with an error.
func failedCall(action, code string) func(*simtest.Rig, *reconcile.Report) bool {
	return func(r *simtest.Rig, _ *reconcile.Report) bool {
		return slices.ContainsFunc(of(r.Sim.Calls(), action), func(c ec2sim.Call) bool { return c.Code == code || c.Fault != "" })
	}
}

// said reports whether the plan has a problem of this code.
func said(code string) func(*simtest.Rig, *reconcile.Report) bool {
	return func(r *simtest.Rig, pass *reconcile.Report) bool {
		for _, p := range pass.Final.Problems {
			if p.Code == code {
				return true
			}
		}
		return false
	}
}

// gateway returns the id of hub's internet gateway.
func gateway(r *simtest.Rig) string {
	r.T.Helper()
	return id(wantOne(r.T, "the gateway", facts(r, " igw ", "vpc="+hub)), 2)
}
