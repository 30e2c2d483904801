package failures_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// crowded is a spec of a peering that adds two IPv4 routes to hub's main table, which has three, and two IPv4 rules to its group, which
// has two; hub has a peering, and account 111111111111 a request that waits.
const crowded = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3, quotas: {}}
  payments: {id: "222222222222", role: peerd}
  partner: {id: "999999999999", managed: false}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}
  partner: {account: partner, region: eu-west-1, id: vpc-0000000000000c001, cidrs: [10.200.0.0/16]}
peerings:
  - name: hub-pay
    requester: {vpc: hub, routes: {tables: main}, rules: [{group: sg-0000000000000a001, protocol: tcp, ports: 5432}]}
    accepter: {vpc: pay, routes: {tables: none}}
`

// withRequest is simtest.World in which another VPC of the account has asked the partner.
func withRequest() []byte {
	request := "\n  - {id: pcx-0000000000000a0a0, status: pending-acceptance, requester: {account: '111111111111', region: eu-west-1, vpc: tools}, accepter: {account: '999999999999', region: eu-west-1, vpc: partner}}\n"
	return []byte(strings.TrimRight(string(simtest.World), "\n") + request)
}

// A quota that the spec states refuses what is new, in the plan and with both numbers; what fits is done, and nothing is removed.
func TestF48StatedQuota(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spec []string // changes of the spec
		says []string
		none []string // parts of calls that are not made: an action, and a value
		done []string // parts of a call that is made; empty: there is no call at all
		used []string // parts of the facts that use up the quota, but for what fits
		n    int      // of them
	}{
		"peerings per VPC": {[]string{"quotas: {}", "quotas: {peeringsPerVpc: 1}"}, []string{"has 1 peerings and may have 1: raise the quota"},
			nil, nil, []string{" connection ", "requester=111111111111/eu-west-1/vpc-0000000000000a001", "status=active"}, 1},
		"outstanding requests": {[]string{"quotas: {}", "quotas: {outstandingRequests: 1}", "accepter: {vpc: pay, routes: {tables: none}}", "accepter: {vpc: partner}"},
			[]string{"has 1 requests that wait for acceptance and may have 1: have them accepted or deleted"},
			nil, nil, []string{"111111111111/eu-west-1 connection ", "status=pending-acceptance"}, 1},
		"routes per table": {[]string{"quotas: {}", "quotas: {routesPerTable: 4}"}, []string{"has 4 IPv4 routes and may have 4; 100.64.0.0/20 needs 1 more: raise the quota"},
			[]string{"CreateRoute", "100.64.0.0/20"}, []string{"CreateRoute", "10.20.0.0/16"}, []string{" route rtb-0000000000000a001 ", ".0/"}, 3},
		"rules per group": {[]string{"quotas: {}", "quotas: {rulesPerGroup: 3}"}, []string{"has 3 ingress rules for IPv4 and may have 3", "100.64.0.0/20 needs 1 more: raise the quota"},
			[]string{"AuthorizeSecurityGroupIngress", "100.64.0.0/20"}, []string{"AuthorizeSecurityGroupIngress", "10.20.0.0/16"}, []string{" rule ", "sg-0000000000000a001 ingress"}, 2},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{World: withRequest(), Delays: simtest.Lagging}, crowded)
			r.Spec = simtest.LoadSpec(t, crowded, tc.spec...)
			before := r.Sim.Dump()
			pass, calls := r.Prune(100)
			simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
			mustSay(t, pass, tc.says...)
			mustKeep(t, "what was there", simtest.Lines(before), simtest.Lines(r.Sim.Dump()))
			if wrong := with(calls, tc.none); len(wrong) > 0 {
				t.Errorf("called in spite of the quota: %v", wrong)
			}
			if tc.done != nil && len(with(calls, tc.done)) != 1 {
				t.Errorf("what fits was not done: %v", calls)
			}
			failures.Shown(t, 48, len(linesWith(before, tc.used...)) == tc.n, "the quota is used up")
		})
	}
}

// with are the calls of EC2 that have an action, if there is one, and a parameter with a value.
func with(calls []ec2sim.Call, parts []string) []ec2sim.Call {
	return slices.DeleteFunc(slices.Clone(calls), func(c ec2sim.Call) bool {
		return c.Service != "ec2" || len(parts) > 0 && (c.Action != parts[0] || !strings.Contains(fmt.Sprint(c.Params), "["+parts[1]+"]"))
	})
}

// A quota that only EC2 knows: its refusal is one try per back-off, nothing is removed to make room, and once there is room all is done.
func TestF48QuotaFoundAtRunTime(t *testing.T) {
	t.Parallel()
	inBubble(t, "routes per table", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{World: append(slices.Clone(simtest.World), "quotas: {routes: 4}\n"...), Delays: simtest.Lagging}, crowded)
		before := r.Sim.Dump()
		pass, calls := r.Prune(100)
		tried := func() []ec2sim.Call {
			return slices.DeleteFunc(of(calls, "CreateRoute"), func(c ec2sim.Call) bool { return c.Code == "" })
		}
		simtest.MustExit(t, "pass over the quota", pass, reconcile.ExitAttention)
		mustSay(t, pass, "RouteLimitExceeded")
		failures.Shown(t, 48, len(tried()) == 1 && tried()[0].Code == "RouteLimitExceeded", "EC2 refuses one route of two")
		for _, next := range []struct {
			wait  time.Duration
			tries int
		}{{time.Second, 0}, {2 * time.Minute, 1}} {
			time.Sleep(next.wait)
			pass, calls = r.Run(reconcile.Input{Prune: true, Limits: plan.Limits{Number: 100}, Memory: pass.Memory})
			simtest.MustExit(t, "pass while there is no room", pass, reconcile.ExitAttention)
			if n := len(of(calls, "CreateRoute")); n != next.tries {
				t.Errorf("%d tries after %s, want %d", n, next.wait, next.tries)
			}
		}
		mustKeep(t, "what was there", simtest.Lines(before), simtest.Lines(r.Sim.Dump()))
		r.Do(network, west, "DeleteRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.99.0.0/16")
		time.Sleep(time.Hour)
		pass, _ = r.Run(reconcile.Input{Memory: pass.Memory})
		simtest.MustExit(t, "pass with room", pass, reconcile.ExitInSync)
	})
}

// An assumed quota only warns, and what is refused is EC2's to say: here its own, which is as assumed.
func TestF48AssumedQuota(t *testing.T) {
	t.Parallel()
	inBubble(t, "rules per group", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, crowded)
		for i := range 57 {
			r.Do(network, west, "AuthorizeSecurityGroupIngress", "GroupId", "sg-0000000000000a001", "IpPermissions.1.IpProtocol", "udp",
				"IpPermissions.1.FromPort", fmt.Sprint(i), "IpPermissions.1.ToPort", fmt.Sprint(i), "IpPermissions.1.IpRanges.1.CidrIp", "192.0.2.0/24")
		}
		before := r.Sim.Dump()
		pass, calls := r.Prune(100)
		simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
		mustSay(t, pass, "RulesPerSecurityGroupLimitExceeded")
		warned := slices.ContainsFunc(pass.First.Problems, func(p plan.Problem) bool {
			return p.Severity == plan.Warns && strings.Contains(p.Message, "has 60 ingress rules for IPv4 and may have 60") && strings.Contains(p.Message, "assumed")
		})
		if !warned {
			t.Errorf("not warned of: %v", pass.First.Problems)
		}
		mustKeep(t, "what was there", simtest.Lines(before), simtest.Lines(r.Sim.Dump()))
		made := linesWith(r.Sim.Dump(), " rule ", "sg-0000000000000a001 ingress tcp 5432-5432")
		if len(made) != 2 {
			t.Errorf("of three rules, of which two fit, were made:\n%s", strings.Join(made, "\n"))
		}
		refused := slices.ContainsFunc(calls, func(c ec2sim.Call) bool { return c.Code == "RulesPerSecurityGroupLimitExceeded" })
		failures.Shown(t, 48, refused, "EC2 refuses a rule more than sixty")
	})
}

// At most 25 requests of an account and region wait at once, also while they are accepted in the same pass.
func TestF48OutstandingRequests(t *testing.T) {
	t.Parallel()
	inBubble(t, "a hub and forty spokes", func(t *testing.T) {
		w, text := manySpokes(40)
		delays := simtest.Lagging
		delays.Initiating, delays.VisibleRequester = 30*time.Second, 0 // all that may be asked are asked before the first is accepted
		r := simtest.New(t, ec2sim.Config{World: []byte(w), Delays: delays}, text)
		var mu sync.Mutex
		most := 0
		r.Sim.After(func(c ec2sim.Call) {
			if c.Action == "CreateVpcPeeringConnection" {
				mu.Lock()
				defer mu.Unlock()
				dump := r.Sim.Dump()
				most = max(most, len(linesWith(dump, "111111111111/eu-west-1 connection ", "status=pending"))+len(linesWith(dump, "111111111111/eu-west-1 connection ", "status=initiating")))
			}
		})
		pass, calls := r.Apply()
		simtest.MustExit(t, "pass", pass, reconcile.ExitInSync)
		for _, c := range calls {
			if c.Code == "OutstandingVpcPeeringConnectionLimitExceeded" {
				t.Error("a request too many")
			}
		}
		failures.Shown(t, 48, most == 25, fmt.Sprintf("of forty requests at most %d waited at once", most))
	})
}

// manySpokes is a world of a hub and n VPCs in other accounts, so that they do not wait for each other, and the spec that peers them.
func manySpokes(n int) (world, spec string) {
	var w, accounts, vpcs, peerings strings.Builder
	for i := range n {
		fmt.Fprintf(&w, "  - {id: '%012d', regions: {eu-west-1: {vpcs: [{id: vpc-%017x, name: s, cidrs: [10.%d.0.0/16], tables: [{id: rtb-%017x, main: true}]}]}}}\n", 300+i, 300+i, i+1, 300+i)
		fmt.Fprintf(&accounts, "  a%d: {id: '%012d', role: peerd}\n", i, 300+i)
		fmt.Fprintf(&vpcs, "  s%d: {account: a%d, region: eu-west-1, id: vpc-%017x}\n", i, i, 300+i)
		fmt.Fprintf(&peerings, "  - {name: hub-s%d, requester: {vpc: hub, routes: {tables: none}}, accepter: {vpc: s%d, routes: {tables: none}}}\n", i, i)
	}
	world = "accounts:\n  - {id: '111111111111', regions: {eu-west-1: {vpcs: [{id: vpc-0000000000000a001, name: hub, cidrs: [10.0.0.0/16], tables: [{id: rtb-0000000000000a001, main: true}]}]}}}\n" + w.String()
	spec = "apiVersion: peerd/v1\nowner: acme\naccounts:\n  network: {id: '111111111111', role: peerd}\n" + accounts.String() +
		"vpcs:\n  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}\n" + vpcs.String() + "peerings:\n" + peerings.String()
	return world, spec
}
