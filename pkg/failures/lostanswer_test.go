package failures_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// everyWrite is a spec of two peerings; its next commit, everyWriteNow, needs every kind of write that there is.
const everyWrite = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}
  data: {account: payments, region: us-east-1, id: vpc-0000000000000b101}
peerings:
  - name: hub-pay
    tags: {team: net}
    requester:
      vpc: hub
      routes: {to: [10.20.0.0/17]}
      rules:
        - {group: app, protocol: tcp, ports: 443, peer: [10.20.0.0/16], description: to be changed}
        - {group: app, protocol: tcp, ports: 22, peer: [10.20.0.0/16], description: ingress}
        - {group: app, protocol: tcp, ports: 22, peer: [10.20.0.0/16], direction: egress, description: egress}
    accepter: {vpc: pay}
`

const oldPeering = `  - name: tools-data
    requester: {vpc: tools, rules: [{group: web, protocol: tcp, ports: 80}, {group: web, protocol: tcp, ports: 80, direction: egress}]}
    accepter: {vpc: data}
`

// everyWriteNow is what the next commit changes.
var everyWriteNow = []string{"team: net", "team: ops", "{vpc: pay}", "{vpc: pay, dns: true}", "vpc: hub\n", "vpc: hub\n      dns: true\n", "10.20.0.0/17", "10.20.0.0/16, 10.20.0.0/17",
	"ports: 443", "ports: 8443", "description: ingress", "description: in", "description: egress", "description: out"}

const newPeering = `  - name: hub-data
    requester: {vpc: hub, routes: {tables: main, onConflict: replace}, rules: [{group: app, protocol: udp, ports: 53}, {group: app, protocol: udp, ports: 53, direction: egress}]}
    accepter: {vpc: data}
`

// beforeEveryWrite is an estate that everyWrite was applied to, and whose spec is now the next commit.
func beforeEveryWrite(t *testing.T, sw ec2sim.Config) *simtest.Rig {
	t.Helper()
	r := simtest.New(t, sw, everyWrite+oldPeering)
	r.Do(network, west, "CreateRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.30.0.0/16", "GatewayId", gateway(r))
	applied(t, r)
	r.Spec = simtest.LoadSpec(t, everyWrite+newPeering, everyWriteNow...)
	return r
}

// writes counts calls by action.
func writes(calls []ec2sim.Call) map[string]int {
	out := map[string]int{}
	for _, c := range calls {
		if c.Service == "ec2" {
			out[c.Action]++
		}
	}
	return out
}

// undisturbed is what everyWriteNow does without a fault: its calls by action, and the facts that it leaves.
func undisturbedWrites(t *testing.T) (want map[string]int, facts []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := beforeEveryWrite(t, ec2sim.Config{})
		pass, calls := r.Prune(100)
		simtest.MustExit(t, "undisturbed", pass, reconcile.ExitInSync)
		kinds := map[string]bool{}
		for _, a := range pass.First.Actions {
			kinds[fmt.Sprintf("%T", a)] = true
		}
		for _, a := range []plan.Action{
			plan.OpenConnection{}, plan.AcceptConnection{}, plan.TagConnection{}, plan.SetOptions{}, plan.AllowRule{}, plan.ChangeRule{}, plan.DescribeRule{}, plan.TagRule{},
			plan.AddRoute{}, plan.ReplaceRoute{}, plan.RemoveRoute{}, plan.RevokeRule{}, plan.CloseConnection{},
		} {
			if !kinds[fmt.Sprintf("%T", a)] {
				t.Errorf("the commit needs no %T", a)
			}
		}
		want, facts = writes(calls), simtest.Anonymous(simtest.Lines(r.Sim.Dump()))
	})
	return want, facts
}

// The answer to a write is lost: it is never sent again blindly. What the next look shows as done is done.
func TestF34LostAnswer(t *testing.T) {
	t.Parallel()
	want, facts := undisturbedWrites(t)
	for action := range want {
		kinds := []fault.Kind{fault.ServerError, fault.Reset}
		if strings.HasSuffix(action, "Route") || action == "CreateVpcPeeringConnection" {
			kinds = append(kinds, fault.Hang, fault.HTML)
		}
		for _, kind := range kinds {
			inBubble(t, action+" "+string(kind), func(t *testing.T) {
				r := beforeEveryWrite(t, ec2sim.Config{})
				r.Sim.Inject(fault.Rule{Operation: action, Kind: kind}) // every time: nothing needs a second one
				pass, calls := r.Prune(100)
				simtest.MustExit(t, "the pass", pass, reconcile.ExitInSync)
				if d := cmp.Diff(want, writes(calls)); d != "" {
					t.Errorf("calls (-undisturbed +got):\n%s", d)
				}
				simtest.WantSame(t, "undisturbed", facts, "without answers", simtest.Anonymous(simtest.Lines(r.Sim.Dump())))
				failures.Shown(t, 34, r.Sim.Fired()[kind] == want[action], "an answer that is lost")
				mustRest(t, r)
			})
		}
	}
}

// A write that fails before it takes effect looks the same: it is sent once more, after what it writes was read.
func TestF34FailedBeforeItsEffect(t *testing.T) {
	t.Parallel()
	want, facts := undisturbedWrites(t)
	for action := range want {
		inBubble(t, action, func(t *testing.T) {
			r := beforeEveryWrite(t, ec2sim.Config{})
			r.Sim.Inject(fault.Rule{Operation: action, Kind: fault.Reset, Before: true, Count: 1})
			before := len(r.Sim.Calls())
			pass, calls := r.Prune(100)
			simtest.MustExit(t, "the pass", pass, reconcile.ExitInSync)
			got := writes(calls)
			got[action]--
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("calls but the one that failed (-undisturbed +got):\n%s", d)
			}
			simtest.WantSame(t, "undisturbed", facts, "after a failure", simtest.Anonymous(simtest.Lines(r.Sim.Dump())))
			failures.Shown(t, 34, r.Sim.Fired()[fault.Reset] == 1, "a write that fails")
			mustReadBetween(t, r.Sim.Calls()[before:], action)
		})
	}
}

// shows is the listing in which the effect of a write is seen.
func shows(c ec2sim.Call) string {
	switch {
	case strings.Contains(c.Action, "SecurityGroup"), c.Action == "CreateTags" && strings.HasPrefix(c.Params.Get("ResourceId.1"), "sgr-"):
		return "DescribeSecurityGroupRules"
	case strings.HasSuffix(c.Action, "Route"):
		return "DescribeRouteTables"
	}
	return "DescribeVpcPeeringConnections"
}

// mustReadBetween fails the test unless what a failed call writes was read before the same call was made again.
func mustReadBetween(t *testing.T, calls []ec2sim.Call, action string) {
	t.Helper()
	same := func(a, b ec2sim.Call) bool { return a.Account == b.Account && a.Region == b.Region }
	failed := slices.IndexFunc(calls, func(c ec2sim.Call) bool { return c.Action == action && c.Fault != "" })
	read := slices.IndexFunc(calls[failed:], func(c ec2sim.Call) bool { return c.Action == shows(calls[failed]) && same(c, calls[failed]) })
	again := slices.IndexFunc(calls[failed+1:], func(c ec2sim.Call) bool {
		return c.Action == action && same(c, calls[failed]) && c.Params.Encode() == calls[failed].Params.Encode()
	})
	if read < 0 || again < 0 || again+1 < read {
		t.Errorf("%s failed at %d, was read at +%d and made again at +%d", action, failed, read, again+1)
	}
}

// What somebody else made between our look and our write is compared with what was to be made: the same is as good, anything else is a conflict.
func TestF34AlreadyThere(t *testing.T) {
	t.Parallel()
	route := func(via string) func(*simtest.Rig) {
		return func(r *simtest.Rig) {
			target, id := "VpcPeeringConnectionId", simtest.Newest(r.Sim)
			if via == "gateway" {
				target, id = "GatewayId", gateway(r)
			}
			r.Do(network, west, "CreateRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.20.0.0/17", target, id)
		}
	}
	rule := func(description string) func(*simtest.Rig) {
		return func(r *simtest.Rig) {
			r.Do(network, west, "AuthorizeSecurityGroupIngress", "GroupId", app, "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "443", "IpPermissions.1.ToPort", "443",
				"IpPermissions.1.IpRanges.1.CidrIp", "10.20.0.0/16", "IpPermissions.1.IpRanges.1.Description", description)
		}
	}
	for name, c := range map[string]struct {
		meanwhile    func(*simtest.Rig)
		action, code string
		exit         int
		says         string
	}{
		"the same route":                         {route("connection"), "CreateRoute", "RouteAlreadyExists", reconcile.ExitInSync, ""},
		"a route to something else":              {route("gateway"), "CreateRoute", "RouteAlreadyExists", reconcile.ExitAttention, "route-conflict"},
		"the same rule":                          {rule("to be changed"), "AuthorizeSecurityGroupIngress", "InvalidPermission.Duplicate", reconcile.ExitInSync, ""},
		"the same rule with another description": {rule("by hand"), "AuthorizeSecurityGroupIngress", "InvalidPermission.Duplicate", reconcile.ExitInSync, ""},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Switches: world.Switches{IdenticalCreateRoute: "fail"}}, everyWrite)
			var made []string
			during(r, "AcceptVpcPeeringConnection", func(url.Values) {
				before := r.Sim.Dump()
				c.meanwhile(r)
				made = gained(r, before)
			})
			pass, _ := r.Apply()
			simtest.MustExit(t, "the pass", pass, c.exit)
			mustSay(t, pass, c.says)
			mustKeep(t, "what somebody else made", made, simtest.Lines(r.Sim.Dump()))
			failures.Shown(t, 34, len(made) > 0 && failedWith(r.Sim.Calls(), c.action, c.code), name+" is there already")
			again, calls := r.Prune(100)
			simtest.MustExit(t, "the next pass", again, c.exit)
			simtest.WantActions(t, nil, calls)
		})
	}
}

// What is there already did not fail: what the same commit removes goes in the same pass.
func TestF34AlreadyThereHoldsBackNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Switches: world.Switches{IdenticalCreateRoute: "fail"}}, everyWrite)
		applied(t, r)
		r.Spec = simtest.LoadSpec(t, everyWrite, "to: [10.20.0.0/17]", "to: [10.20.128.0/17]")
		duringThe(r, func(c ec2sim.Call) bool {
			return c.Action == "DescribeRouteTables" && c.Account == network && c.Region == west
		}, func() {
			r.Do(network, west, "CreateRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.20.128.0/17", "VpcPeeringConnectionId", simtest.Newest(r.Sim))
		})
		pass, calls := r.Prune(100)
		simtest.MustExit(t, "the pass", pass, reconcile.ExitInSync)
		wantNone(t, "left", facts(r, " route ", " 10.20.0.0/17 "))
		failures.Shown(t, 34, failedWith(calls, "CreateRoute", "RouteAlreadyExists"), "the same route is there already")
		mustRest(t, r)
	})
}
