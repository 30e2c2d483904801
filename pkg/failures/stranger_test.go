package failures_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// ask requests a connection by hand and returns its id.
func ask(r *simtest.Rig, account, from, toAccount, to string, tags ...string) string {
	params := []string{"VpcId", from, "PeerVpcId", to, "PeerOwnerId", toAccount, "PeerRegion", west}
	if len(tags) > 0 {
		params = append(params, "TagSpecification.1.ResourceType", "vpc-peering-connection", "TagSpecification.1.Tag.1.Key", tags[0], "TagSpecification.1.Tag.1.Value", tags[1])
	}
	return r.Do(account, west, "CreateVpcPeeringConnection", params...)
}

// Create returns an existing connection that is not ours: somebody else requested it after peerd had looked. Nothing is tagged, accepted,
// routed or deleted.
func TestF35CreateReturnsAStrangers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tags   []string
		accept bool
	}{
		"pending and nobody's":      {},
		"active and nobody's":       {accept: true},
		"pending and another owner": {tags: []string{"peerd:owner", "umbrella"}},
		"active and another owner":  {tags: []string{"peerd:owner", "umbrella"}, accept: true},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, sameAccount)
			id := ""
			during(r, "DescribeVpcPeeringConnections", func(url.Values) { // what that listing answers is settled
				id = ask(r, network, hub, network, tools, tc.tags...)
				if tc.accept {
					r.Do(network, west, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id)
				}
			})
			before := simtest.Lines(r.Sim.Dump())
			report, calls := r.Apply()
			simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
			mustSay(t, report, id)
			want := []string{"CreateVpcPeeringConnection", "CreateVpcPeeringConnection"} // the stranger's and ours
			if tc.accept {
				want = append(want, "AcceptVpcPeeringConnection") // the stranger's
			}
			simtest.WantActions(t, want, calls)
			status := map[bool]string{true: "active", false: "pending-acceptance"}[tc.accept]
			made := simtest.Without(simtest.Lines(r.Sim.Dump()), before)
			if len(made) != 1 || !holds(made[0], id, "status="+status) || holds(made[0], "peerd:peering") {
				t.Errorf("beside the stranger's connection as it was made:\n%s", strings.Join(made, "\n"))
			}
			failures.Shown(t, 35, answered(calls, "CreateVpcPeeringConnection", "peerd:peering"), "a create is answered with a stranger's connection")
		})
	}
}

// A stranger's connection between the same VPCs, in either direction, pending or active: a conflict, with the words that adopt: true would
// take it. Nothing is made beside it, and nothing of it is changed.
func TestF41StrangersConnectionOfThePair(t *testing.T) {
	t.Parallel()
	for _, spec := range []struct{ name, text, other, otherVPC string }{
		{"one account", sameAccount, network, tools}, {"two accounts", twoAccounts, payments, pay},
	} {
		for _, direction := range []string{"same", "reverse"} {
			for _, status := range []string{"pending-acceptance", "active"} {
				inBubble(t, spec.name+"/"+direction+" direction/"+status, func(t *testing.T) {
					r := simtest.New(t, ec2sim.Config{}, spec.text)
					from, to := end{network, hub}, end{spec.other, spec.otherVPC}
					if direction == "reverse" {
						from, to = to, from
					}
					id := ask(r, from.account, from.vpc, to.account, to.vpc)
					if status == "active" {
						r.Do(to.account, west, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id)
					}
					mustLeave(t, r, reconcile.ExitAttention, id+" ("+status+") already joins", "adopt: true would take it over")
					failures.Shown(t, 41, holds(r.Sim.Dump(), id, from.vpc, to.vpc, "status="+status, "tags={}"), "a stranger's connection joins the pair")

					r.Spec = simtest.LoadSpec(t, spec.text, "accepter:", "adopt: true\n    accepter:")
					adopted, calls := r.Apply()
					simtest.MustExit(t, "pass with adopt: true", adopted, reconcile.ExitInSync)
					if answered(calls, "CreateVpcPeeringConnection", "") || !holds(r.Sim.Dump(), id, "status=active", `"peerd:owner":"acme"`) {
						t.Errorf("the words are not true:\n%s", strings.Join(linesWith(r.Sim.Dump(), " connection "), "\n"))
					}
				})
			}
		}
	}
}

// end is a VPC of an account.
type end struct{ account, vpc string }
