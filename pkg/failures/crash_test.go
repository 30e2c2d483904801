package failures_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// killed makes a pass of a process that is killed at the n-th call of an action: before it is sent, or before its answer is read. It
// returns the calls that changed something.
func killed(r *simtest.Rig, in reconcile.Input, action string, n int, sent bool) []ec2sim.Call {
	r.T.Helper()
	before := len(r.Sim.Calls())
	ctx, cancel := context.WithCancel(r.T.Context())
	defer cancel()
	d := &simtest.Dying{Next: r.Sim, Sent: sent, Cancel: cancel, At: func(a string) bool {
		if a == action {
			n--
		}
		return n == 0
	}}
	in.Spec = r.Spec
	reconcile.New(reconcile.Config{Target: simtest.Target(simtest.NewGate(r.T, d, 1))}).Cycle(ctx, in)
	if !d.Dead() {
		r.T.Fatalf("the process made no such call of %s", action)
	}
	return simtest.Mutating(r.Sim.Calls()[before:])
}

// whole is the world that an undisturbed pass makes of a spec, and the actions of its calls.
func whole(t *testing.T, text string) (made, actions []string) {
	t.Helper()
	r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, text)
	before := simtest.Lines(r.Sim.Dump())
	report, calls := r.Apply()
	simtest.MustExit(t, "undisturbed pass", report, reconcile.ExitInSync)
	return simtest.Anonymous(simtest.Without(simtest.Lines(r.Sim.Dump()), before)), actionsOf(calls)
}

// actionsOf are the actions of the calls to EC2 that took effect, sorted.
func actionsOf(calls []ec2sim.Call) (out []string) {
	for _, c := range calls {
		if c.Service == "ec2" && c.Applied {
			out = append(out, c.Action)
		}
	}
	slices.Sort(out)
	return out
}

// betweenRegions is twoAccounts with the accepter elsewhere.
var betweenRegions = strings.NewReplacer("pay:", "data:", "vpc: pay", "vpc: data", "hub-pay", "hub-data",
	"account: payments, region: eu-west-1, id: vpc-0000000000000b001", "account: payments, region: us-east-1, id: vpc-0000000000000b101").Replace(twoAccounts)

// The process dies when its request has taken effect and before it hears of it. The next one finds the connection by its pair and tags, and
// goes on: there is never a second connection, nor a second request unless no list shows the first one yet.
func TestF01KilledAfterTheRequest(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"one account": sameAccount, "two accounts": twoAccounts, "two regions": betweenRegions} {
		for _, later := range []time.Duration{0, simtest.Lagging.VisibleRequester, time.Minute} {
			inBubble(t, fmt.Sprintf("%s, started again after %s", name, later), func(t *testing.T) {
				want, _ := whole(t, text)
				r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, text)
				before := simtest.Lines(r.Sim.Dump())
				first := killed(r, reconcile.Input{}, "CreateVpcPeeringConnection", 1, true)
				time.Sleep(later)
				failures.Shown(t, 1, slices.Equal(actionsOf(first), []string{"CreateVpcPeeringConnection"}), "a request took effect, and nothing after it")

				report, calls := r.Apply()
				simtest.MustExit(t, "the next process's pass", report, reconcile.ExitInSync)
				if n := asks(calls); n > 0 && later > 0 {
					t.Errorf("asked for again %d times", n)
				}
				if n := connections(r); n != 1 {
					t.Errorf("%d connections:\n%s", n, strings.Join(facts(r, " connection "), "\n"))
				}
				simtest.WantSame(t, "undisturbed", want, "after the crash", simtest.Anonymous(simtest.Without(simtest.Lines(r.Sim.Dump()), before)))
				mustKeep(t, "after the crash", before, simtest.Lines(r.Sim.Dump()))
				mustRest(t, r)
			})
		}
	}
}

// connections counts those of World's hub that were not there at first, dead ones too.
func connections(r *simtest.Rig) int {
	ids := map[string]bool{}
	for _, l := range facts(r, " connection ", hub) {
		if !strings.Contains(string(simtest.World), id(l, 2)) {
			ids[id(l, 2)] = true
		}
	}
	return len(ids)
}

// The process dies between two calls of a peering's coming into being: the next one does what is missing and nothing twice. Both together
// make the calls of an undisturbed process.
func TestF02KilledBetweenTwoCalls(t *testing.T) {
	t.Parallel()
	const rules = `, rules: [{group: sg-0000000000000a001, protocol: tcp, ports: [8443, 9443]}, {group: sg-0000000000000a001, direction: egress, protocol: tcp, ports: 443}]}`
	text := strings.NewReplacer("requester: {vpc: hub}", "requester: {vpc: hub"+rules, "accepter: {vpc: pay}", "accepter: {vpc: pay, rules: [{group: client, protocol: tcp, ports: 443}]}").Replace(twoAccounts)
	for name, c := range map[string]struct {
		action     string
		n          int
		sent       bool
		here, away string // what the world shows then, and does not
	}{
		"after create, before accept":                 {"AcceptVpcPeeringConnection", 1, false, "status=pending-acceptance view=requester", "status=provisioning"},
		"accept took effect, its answer was not read": {"AcceptVpcPeeringConnection", 1, true, "status=provisioning", " route rtb-0000000000000a001 10.20."},
		"after accept, before the accepter's tags":    {"CreateTags", 1, false, "status=provisioning view=accepter dns=false tags={}", `view=accepter dns=false tags={"Name":"hub-pay"`},
		"between two routes":                          {"CreateRoute", 2, false, " route ", ""},
		"between the last two routes":                 {"CreateRoute", 10, false, " route ", ""},
		"between two rules of one account":            {"AuthorizeSecurityGroupEgress", 1, false, "", "egress tcp 443-443 10.20.0.0/16"},
		"between rules and routes":                    {"CreateRoute", 1, false, "ingress tcp 8443-8443 10.20.0.0/16", ""},
	} {
		for _, later := range []time.Duration{simtest.Lagging.Routes, time.Minute} { // not before the list shows all that is there
			inBubble(t, name+", started again after "+later.String(), func(t *testing.T) {
				made, actions := whole(t, text)
				r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, text)
				before := simtest.Lines(r.Sim.Dump())
				first := killed(r, reconcile.Input{}, c.action, c.n, c.sent)
				half := simtest.Without(simtest.Lines(r.Sim.Dump()), before)
				failures.Shown(t, 2, len(half) > 0 && len(half) < len(made) && len(holding(half, c.here)) > 0 && (c.away == "" || len(holding(half, c.away)) == 0), "a peering is half there: "+name)

				time.Sleep(later)
				report, calls := r.Apply()
				simtest.MustExit(t, "the next process's pass", report, reconcile.ExitInSync)
				simtest.WantSame(t, "calls of an undisturbed process", actions, "those of both", append(actionsOf(first), actionsOf(calls)...))
				simtest.WantSame(t, "undisturbed", made, "after the crash", simtest.Anonymous(simtest.Without(simtest.Lines(r.Sim.Dump()), before)))
				mustKeep(t, "after the crash", append(before, notConnections(half)...), simtest.Lines(r.Sim.Dump()))
				mustRest(t, r)
			})
		}
	}
}

// notConnections leaves out connections, which go from state to state.
func notConnections(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.Contains(l, " connection ") })
}

// The process dies in the middle of a removal: the next one finishes it. It is not counted again, so no limit stands in the way; what was
// not begun is withheld by it as ever.
func TestF03KilledInARemoval(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		action string
		n      int
		sent   bool
	}{
		"marked, and nothing gone":           {"DeleteRoute", 1, false},
		"one route gone":                     {"DeleteRoute", 1, true},
		"all routes gone but one":            {"DeleteRoute", 10, false},
		"routes gone, rules and it left":     {"RevokeSecurityGroupIngress", 1, false},
		"routes gone, connection left":       {"DeleteVpcPeeringConnection", 1, false},
		"connection gone, its answer unread": {"DeleteVpcPeeringConnection", 1, true},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, withPeerings(hubTools))
			applied(t, r)
			want := alive(r.Sim.Dump())
			r.Spec = simtest.LoadSpec(t, withPeerings(hubPayRules, hubTools))
			both := alive(applied(t, r))
			r.Spec = simtest.LoadSpec(t, withPeerings(hubTools))
			killed(r, reconcile.Input{Prune: true, Limits: plan.Limits{Number: 1}}, c.action, c.n, c.sent)
			begun := simtest.Without(both, alive(r.Sim.Dump()))
			failures.Shown(t, 3, len(begun) > 0, "a removal is half done: "+name)

			report, calls := r.Prune(0)
			simtest.MustExit(t, "the next process's pass", report, reconcile.ExitInSync)
			if report.First.Withheld != nil {
				t.Errorf("it is counted as a new one: %+v", report.First.Withheld)
			}
			if counted := of(calls, "DeleteVpcPeeringConnection"); len(counted) > 1 {
				t.Errorf("deleted %d times", len(counted))
			}
			simtest.WantSame(t, "the world without the peering", want, "after the crash", alive(r.Sim.Dump()))
			mustRest(t, r)
		})
	}
}
