package failures_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// toPartner is a spec of one peering that asks a partner.
const toPartner = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  partner: {id: "999999999999", managed: false}
vpcs:
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  them: {account: partner, region: eu-west-1, id: vpc-0000000000000c001, cidrs: [10.200.0.0/16]}
peerings:
  - name: with-them
    requester: {vpc: tools}
    accepter: {vpc: them}
`

// asks counts the requests for a connection.
func asks(calls []ec2sim.Call) int { return count(calls, "CreateVpcPeeringConnection") }

func count(calls []ec2sim.Call, action string) (n int) {
	for _, c := range calls {
		if c.Action == action {
			n++
		}
	}
	return n
}

// daemon makes passes with the memory of the one before, so many, every minute. It returns the last report and all calls that changed
// something, with the number of the pass in which each was made.
func daemon(r *simtest.Rig, m plan.Memory, passes int) (*reconcile.Report, plan.Memory, [][]ec2sim.Call) {
	r.T.Helper()
	var last *reconcile.Report
	all := make([][]ec2sim.Call, passes)
	for i := range passes {
		start := time.Now()
		last, all[i] = r.Run(reconcile.Input{Memory: m})
		m = last.Memory
		if i < passes-1 {
			time.Sleep(time.Until(start.Add(time.Minute)))
		}
	}
	return last, m, all
}

// in returns in which passes an action was called.
func in(passes [][]ec2sim.Call, action string) (out []int) {
	for i, calls := range passes {
		if count(calls, action) > 0 {
			out = append(out, i)
		}
	}
	return out
}

// EC2 gave the request up: its words are shown, and it is asked again after a time that doubles, up to an hour.
func TestF36Failed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, strings.Replace(toPartner, "000c001", "000c00f", 1)) // which does not exist
		first, _ := r.Apply()
		simtest.MustExit(t, "first pass", first, reconcile.ExitAttention)
		if text := simtest.Text(first); !strings.Contains(text, "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range") {
			t.Errorf("AWS's message is not shown:\n%s", text)
		}
		failures.Shown(t, 36, strings.Contains(r.Sim.Dump(), "status=failed"), "a request that failed")
		begun := time.Now()
		var after []int // minutes
		for time.Since(begun) < 4*time.Hour {
			time.Sleep(time.Minute)
			if _, calls := r.Apply(); asks(calls) > 0 { // a process that remembers nothing
				after = append(after, int(time.Since(begun).Minutes()+0.5))
			}
		}
		for i := range after {
			gap := after[i]
			if i > 0 {
				gap -= after[i-1]
			}
			if want := min(1<<i, 60); gap < want || gap > want+1 {
				t.Errorf("request %d after %d minutes, want %d (all: %v)", i+2, gap, want, after)
			}
		}
		if len(after) < 7 {
			t.Errorf("asked again after minutes %v: too seldom", after)
		}
	})
}

// Somebody said no, or the partner took the connection away: it is held and said, and asked again when the entry changes or AWS has
// forgotten it.
func TestF37RejectedOrDeletedByThem(t *testing.T) {
	t.Parallel()
	accept := func(r *simtest.Rig) {
		r.Do(partner, west, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", "PCX")
		time.Sleep(simtest.Lagging.Provisioning)
		accepted, _ := r.Apply()
		simtest.MustExit(r.T, "once accepted", accepted, reconcile.ExitInSync)
	}
	for name, c := range map[string]struct {
		end  func(r *simtest.Rig)
		said string
	}{
		"rejected": {func(r *simtest.Rig) {
			r.Do(partner, west, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", "PCX")
		}, "was rejected"},
		"deleted by them": {func(r *simtest.Rig) {
			accept(r)
			r.Do(partner, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", "PCX")
		}, "was deleted, and not by peerd"},
		"deleted by them after the entry had changed": {func(r *simtest.Rig) {
			accept(r)
			r.Spec = simtest.LoadSpec(r.T, toPartner, "requester: {vpc: tools}", "requester: {vpc: tools, routes: {tables: main}}")
			changed, _ := r.Apply()
			simtest.MustExit(r.T, "changed while it lived", changed, reconcile.ExitInSync)
			r.Do(partner, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", "PCX")
		}, "was deleted, and not by peerd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, toPartner)
				first, _ := r.Apply()
				simtest.MustExit(t, "first pass", first, reconcile.ExitChanges)
				time.Sleep(simtest.Lagging.Visible) // until they see it
				c.end(r)
				dump := r.Sim.Dump()
				failures.Shown(t, 37, strings.Contains(dump, "status=rejected") || strings.Contains(dump, "status=deleted"), "a request that came to nothing")
				for range 3 {
					time.Sleep(time.Hour)
					held, calls := r.Prune(100)
					simtest.MustExit(t, "held", held, reconcile.ExitAttention)
					simtest.WantActions(t, nil, calls)
					if text := simtest.Text(held); !strings.Contains(text, c.said) {
						t.Errorf("it is not said:\n%s", text)
					}
				}
				was := r.Spec
				r.Spec = simtest.LoadSpec(t, toPartner, "requester: {vpc: tools}", "requester: {vpc: tools}\n    tags: {ticket: NET-7}")
				if _, calls := r.Apply(); asks(calls) != 1 {
					t.Errorf("the entry changed: %d requests, want 1", asks(calls))
				}
				time.Sleep(simtest.Lagging.Visible)
				r.Do(partner, west, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", "PCX")
				time.Sleep(49 * time.Hour)
				r.Spec = was
				if _, calls := r.Apply(); asks(calls) != 1 {
					t.Errorf("AWS forgot it: %d requests, want 1", asks(calls))
				}
			})
		})
	}
}

// Nobody accepted within seven days: asked again, a partner three times at most.
func TestF38Expired(t *testing.T) {
	t.Parallel()
	t.Run("at a partner's", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, toPartner)
			for n := 1; n <= 3; n++ {
				waiting, calls := r.Apply()
				simtest.MustExit(t, fmt.Sprintf("request %d", n), waiting, reconcile.ExitChanges)
				if asks(calls) != 1 {
					t.Fatalf("pass %d made %d requests, want 1", n, asks(calls))
				}
				if want := time.Now().Add(168 * time.Hour).UTC().Format("2006-01-02"); !strings.Contains(simtest.Text(waiting), "until "+want) {
					t.Errorf("it is not said until when it waits:\n%s", simtest.Text(waiting))
				}
				if again, calls := r.Apply(); again.Exit() != reconcile.ExitChanges || len(calls) > 0 {
					t.Errorf("while it waits: exit %d, calls %v", again.Exit(), calls)
				}
				time.Sleep(169 * time.Hour)
			}
			failures.Shown(t, 38, strings.Contains(r.Sim.Dump(), "status=expired"), "a request that expired")
			held, calls := r.Apply()
			simtest.MustExit(t, "after the third", held, reconcile.ExitAttention)
			simtest.WantActions(t, nil, calls)
			if text := simtest.Text(held); !strings.Contains(text, "asked for 3 times") {
				t.Errorf("it is not said:\n%s", text)
			}
		})
	})
	t.Run("in a managed account", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, twoAccounts)
			r.Sim.Inject(fault.Rule{Operation: "AcceptVpcPeeringConnection", Kind: fault.Error, Code: "UnauthorizedOperation", Before: true})
			for range 4 {
				refused, calls := r.Apply()
				simtest.MustExit(t, "accepting is refused", refused, reconcile.ExitAttention)
				if asks(calls) != 1 {
					t.Fatalf("%d requests, want 1", asks(calls))
				}
				time.Sleep(169 * time.Hour)
			}
			failures.Shown(t, 38, strings.Contains(r.Sim.Dump(), "status=expired"), "a request that expired")
			r.Sim.ClearFaults()
			made, _ := r.Apply()
			simtest.MustExit(t, "accepting is allowed", made, reconcile.ExitInSync)
		})
	})
}

// A state that should pass does not: after the deadline it is reported, and nothing is asked for beside it.
func TestF39Stuck(t *testing.T) {
	t.Parallel()
	for status, delays := range map[string]world.Delays{
		"initiating-request": {Initiating: 1000 * time.Hour},
		"provisioning":       {Provisioning: 1000 * time.Hour},
		"deleting":           {Deleting: 1000 * time.Hour},
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := simtest.New(t, ec2sim.Config{Delays: delays}, hubEast)
				if status == "deleting" {
					first, _ := r.Apply()
					simtest.MustExit(t, "first pass", first, reconcile.ExitInSync)
					r.Do(network, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", "PCX")
				}
				before := len(r.Sim.Calls())
				begun := time.Now()
				once, _ := r.Apply()
				simtest.MustExit(t, "a pass of its own", once, reconcile.ExitAttention)
				if took := time.Since(begun); took < 10*time.Minute || took > 11*time.Minute {
					t.Errorf("the pass took %s, want the deadline of 10 minutes", took)
				}
				failures.Shown(t, 39, strings.Contains(r.Sim.Dump(), "status="+status), "a connection that stays "+status)
				said, _, _ := daemon(r, plan.Memory{}, 2)
				if text := simtest.Text(said); !strings.Contains(text, "has been "+status+" since") {
					t.Errorf("it is not said to be stuck:\n%s", text)
				}
				want := map[string]int{"initiating-request": 1, "provisioning": 1, "deleting": 0}[status]
				if n := asks(r.Sim.Calls()[before:]); n != want {
					t.Errorf("%d requests, want %d", n, want)
				}
			})
		})
	}
}

// hubEast is a spec of one peering between two regions: only there EC2 documents the state deleting.
const hubEast = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}
peerings:
  - name: hub-east
    requester: {vpc: hub}
    accepter: {vpc: east}
`

// A call that EC2 refuses for a quota is tried once per back-off, and what does not need it goes on.
func TestF48OneTryPerBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, sameAccount)
		r.Sim.Inject(fault.Rule{Operation: "CreateRoute", Kind: fault.Error, Code: "RouteLimitExceeded", Before: true})
		last, _, passes := daemon(r, plan.Memory{}, 20)
		simtest.MustExit(t, "at the quota", last, reconcile.ExitAttention)
		failures.Shown(t, 48, r.Sim.Fired()[fault.Error] > 0, "a route over the quota")
		if got := in(passes, "CreateRoute"); !slices.Equal(got, []int{0, 2, 4, 8, 16}) {
			t.Errorf("tried in passes %v, want 0 2 4 8 16", got)
		}
		if text := simtest.Text(last); !strings.Contains(text, "RouteLimitExceeded") || !strings.Contains(text, "failed 5 times in a row") {
			t.Errorf("it is not said why it rests:\n%s", text)
		}
		if !strings.Contains(r.Sim.Dump(), "status=active") {
			t.Error("the connection was not made")
		}
	})
}

// All writes of one account fail: it rests, longer each time, and the others go on.
func TestF55AnAccountRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text := twoAccounts + `  - name: tools-pay
    requester: {vpc: tools}
    accepter: {vpc: pay}
  - name: hub-tools
    requester: {vpc: hub}
    accepter: {vpc: tools}
`
		text = strings.Replace(text, "  pay: {", "  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}\n  pay: {", 1)
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, text)
		for _, op := range []string{"AcceptVpcPeeringConnection", "CreateTags", "CreateRoute"} {
			r.Sim.Inject(fault.Rule{Operation: op, Account: payments, Kind: fault.Error, Code: "UnauthorizedOperation", Before: true})
		}
		last, m, passes := daemon(r, plan.Memory{}, 20)
		simtest.MustExit(t, "while it is refused", last, reconcile.ExitAttention)
		failures.Shown(t, 55, r.Sim.Fired()[fault.Error] > 0, "an account whose writes are refused")
		if got := in(passes, "AcceptVpcPeeringConnection"); len(got) == 0 || len(got) > 6 {
			t.Errorf("tried in passes %v: an account that fails must rest", got)
		}
		if said := simtest.Text(last); !strings.Contains(said, "every write of account 222222222222 failed in") {
			t.Errorf("it is not said that the account rests:\n%s", said)
		}
		for _, v := range last.Verdicts() {
			if (v.Verdict == reconcile.InSync) != (v.Link == "hub-tools") {
				t.Errorf("%s: verdict %d %v", v.Link, v.Verdict, v.Reasons)
			}
		}
		r.Sim.ClearFaults()
		time.Sleep(time.Hour)
		mended, _, _ := daemon(r, m, 2)
		simtest.MustExit(t, "once it is allowed", mended, reconcile.ExitInSync)
	})
}

// One security group is somebody else's to change, for two peerings as for one, and nothing else is to be done: the account goes on with what a
// commit adds there.
func TestF55OneGroupIsDenied(t *testing.T) {
	t.Parallel()
	const also = "  - name: hub-east\n    requester: {vpc: hub, rules: [{group: app, protocol: tcp, ports: 8443}]}\n    accepter: {vpc: east}\n"
	for name, tc := range map[string]struct {
		peerings string
		within   int // passes
	}{
		"to one peering":  {withRule("hub-pay", "443"), 1},
		"to two peerings": {withRule("hub-pay", "443") + also, 2},
	} {
		inBubble(t, name, func(t *testing.T) {
			spec := strings.Replace(withPeerings(tc.peerings), "vpcs:\n", "vpcs:\n  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}\n", 1)
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, spec)
			r.Sim.Inject(fault.Rule{Operation: "AuthorizeSecurityGroupIngress", Kind: fault.Error, Code: "UnauthorizedOperation", Before: true})
			_, m, passes := daemon(r, plan.Memory{}, 240)
			tried := len(in(passes, "AuthorizeSecurityGroupIngress"))
			failures.Shown(t, 55, tried > 4, "a write is denied for hours")
			if tried > 10 {
				t.Errorf("tried in %d passes of four hours", tried)
			}
			r.Spec = simtest.LoadSpec(t, spec+hubTools)
			daemon(r, m, tc.within)
			wantOne(t, "the route that the commit adds", facts(r, " route rtb-0000000000000a001 10.1.0.0/16 -> pcx-"))
		})
	}
}
