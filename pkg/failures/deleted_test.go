package failures_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// Our connection deleted by hand in a managed account: it is made again, and its routes, which are blackholes now, are replaced in place
// once it is active. No destination is ever missing, and the rules stay.
func TestF40DeletedByHand(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, by, other string }{
		"by the requester":       {withPeerings(hubPayRules), network, pay},
		"by the accepter":        {withPeerings(hubPayRules), payments, pay},
		"within one account":     {sameAccount, network, tools},
		"requester is not first": {withPeerings("  - name: pay-hub\n    requester: {vpc: pay}\n    accepter: {vpc: hub}\n"), network, pay},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, tc.text)
			whole := applied(t, r)
			old := simtest.Newest(r.Sim)
			r.Do(tc.by, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", old)
			dead := len(linesWith(r.Sim.Dump(), " route ", old, "state=blackhole"))
			failures.Shown(t, 40, dead == len(linesWith(whole, " route ", old)) && holds(r.Sim.Dump(), old, "status=deleted"), "our connection is deleted and its routes are blackholes")

			var replaced atomic.Int64
			r.Sim.After(func(c ec2sim.Call) {
				dump := r.Sim.Dump()
				mustKeep(t, "destinations after "+c.Action, destinations(whole), destinations(dump))
				if c.Action == "ReplaceRoute" {
					replaced.Add(1)
					if !holds(dump, c.Params.Get("VpcPeeringConnectionId"), tc.other, "status=active") {
						t.Error("a route was replaced before the connection was active")
					}
				}
			})
			report, calls := r.Apply()
			r.Sim.After(nil)
			simtest.MustExit(t, "pass", report, reconcile.ExitInSync)
			if id := simtest.Newest(r.Sim); id == old || replaced.Load() != int64(dead) || answered(calls, "CreateRoute", "") || answered(calls, "DeleteRoute", "") {
				t.Errorf("%s after %s, %d of %d routes replaced", id, old, replaced.Load(), dead)
			}
			simtest.WantSame(t, "the world before", alive(whole), "the world after", alive(r.Sim.Dump()))
			mustRest(t, r)
		})
	}
}

// destinations are where each route table leads, whatever the targets are.
func destinations(dump string) []string {
	var out []string
	for _, l := range linesWith(dump, " route ") {
		to, _, _ := strings.Cut(l, " -> ")
		out = append(out, to)
	}
	return out
}

// alive are the lines of a dumped world without its dead connections, and without the ids that AWS makes.
func alive(dump string) []string {
	return simtest.Anonymous(slices.DeleteFunc(simtest.Lines(dump), func(l string) bool {
		return strings.Contains(l, " connection ") && !strings.Contains(l, "status=active")
	}))
}

const payTools = "  - name: pay-tools\n    requester: {vpc: pay}\n    accepter: {vpc: tools}\n"

// dead is a connection of ours that came to nothing, in a world file.
const dead = `
  - id: pcx-0000000000000fa11
    requester: {account: "111111111111", region: eu-west-1, vpc: hub}
    accepter: {account: "222222222222", region: eu-west-1, vpc: payments-prod}
    status: STATUS
    tags: {"peerd:owner": acme, "peerd:peering": hub-pay}
    accepterTags: {"peerd:owner": acme, "peerd:peering": hub-pay}
`

// A failed or rejected connection cannot be deleted; EC2 removes it by itself. To delete it is not tried, whatever the spec says and
// however much may be pruned. Of a pair that no entry wants both VPCs are read for other peerings, so nothing but its state keeps it.
func TestF54DeadConnectionIsNotDeleted(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"failed", "rejected", "expired", "deleting", "deleted"} {
		for name, text := range map[string]string{"its entry is gone": withPeerings(hubTools, payTools), "its pair is asked again": withPeerings(hubPay)} {
			inBubble(t, status+"/"+name, func(t *testing.T) {
				r := simtest.New(t, ec2sim.Config{World: []byte(string(simtest.World) + strings.ReplaceAll(dead, "STATUS", status))}, text)
				failures.Shown(t, 54, holds(r.Sim.Dump(), "pcx-0000000000000fa11", "status="+status, `"peerd:owner":"acme"`), "a connection of ours is "+status)
				for range 2 {
					_, calls := r.Prune(100)
					for _, c := range calls {
						if c.Action == "DeleteVpcPeeringConnection" || strings.Contains(c.Params.Encode(), "pcx-0000000000000fa11") {
							t.Errorf("%s %s", c.Action, c.Params.Encode())
						}
					}
				}
			})
		}
	}
}
