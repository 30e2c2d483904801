package failures_test

import (
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// hubMain is the hub's main table, and wanted the destination in it that sameAccount asks for.
const (
	hubMain = "rtb-0000000000000a001"
	wanted  = "10.1.0.0/16"
	beside  = "{to: 10.99.0.0/16, via: by-hand}" // a route of hubMain in simtest.World
)

// strangers are connections that are not ours, in the states that matter to a route.
const strangers = `
  - {id: pcx-00000000000000001, name: umbrella, requester: {account: "111111111111", region: eu-west-1, vpc: hub}, accepter: {account: "222222222222", region: eu-west-1, vpc: clash}, status: active, tags: {"peerd:owner": umbrella}}
  - {id: pcx-00000000000000002, name: umbrella-there, requester: {account: "111111111111", region: eu-west-1, vpc: hub}, accepter: {account: "222222222222", region: eu-west-1, vpc: payments-prod}, status: active, accepterTags: {"peerd:owner": umbrella}}
  - {id: pcx-00000000000000003, name: initiating, requester: {account: "111111111111", region: eu-west-1, vpc: hub}, accepter: {account: "999999999999", region: eu-west-1, vpc: partner}, status: initiating-request}
  - {id: pcx-00000000000000004, name: pending, requester: {account: "111111111111", region: eu-west-1, vpc: hub}, accepter: {account: "999999999999", region: eu-west-1, vpc: partner}, status: pending-acceptance}
  - {id: pcx-00000000000000005, name: provisioning, requester: {account: "111111111111", region: eu-west-1, vpc: hub}, accepter: {account: "999999999999", region: eu-west-1, vpc: partner}, status: provisioning}
  - {id: pcx-00000000000000006, name: deleting, requester: {account: "111111111111", region: eu-west-1, vpc: hub}, accepter: {account: "999999999999", region: eu-west-1, vpc: partner}, status: deleting}
  - {id: pcx-00000000000000007, name: deleted, requester: {account: "111111111111", region: eu-west-1, vpc: hub}, accepter: {account: "999999999999", region: eu-west-1, vpc: partner}, status: deleted}
  - {id: pcx-00000000000000008, name: rejected, requester: {account: "111111111111", region: eu-west-1, vpc: hub}, accepter: {account: "999999999999", region: eu-west-1, vpc: partner}, status: rejected}
  - {id: pcx-00000000000000009, name: failed, requester: {account: "111111111111", region: eu-west-1, vpc: hub}, accepter: {account: "999999999999", region: eu-west-1, vpc: partner}, status: failed}
  - {id: pcx-0000000000000000a, name: expired, requester: {account: "111111111111", region: eu-west-1, vpc: hub}, accepter: {account: "999999999999", region: eu-west-1, vpc: partner}, status: expired}
`

// routed is a world in which the hub's main table has one more route.
func routed(to, via string) []byte {
	return []byte(strings.Replace(string(simtest.World)+strangers, beside, beside+", {to: "+to+", via: "+via+"}", 1))
}

// withConflict is a spec of hub and tools with that onConflict of the hub's routes; the account payments is read too.
func withConflict(mode string) string {
	return strings.Replace(withPeerings(hubTools), "requester: {vpc: hub}", "requester: {vpc: hub, routes: {onConflict: "+mode+"}}", 1)
}

// The destination is routed already, to something that is not ours. That is a conflict, which names what holds it; everything else of the
// peering is done. With onConflict: replace the route is replaced in place, but never one of another owner.
func TestF43DestinationHeld(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		via       string
		replaced  bool // with onConflict: replace
		because   string
		otherwise string // why not, with onConflict: replace
	}{
		"internet gateway":         {via: "igw", replaced: true},
		"virtual private gateway":  {via: "vgw-0000000000000a001", replaced: true},
		"transit gateway":          {via: "tgw-0000000000000a001", replaced: true},
		"nat gateway":              {via: "nat-0000000000000a009", replaced: true},
		"network interface":        {via: "eni-0000000000000a001", replaced: true},
		"nobody's peering":         {via: "by-hand", replaced: true},
		"another owner's":          {via: "umbrella", because: "has another owner", otherwise: "has another owner"},
		"another owner's, we look": {via: "umbrella-there", because: "has another owner", otherwise: "has another owner"},
	} {
		for _, mode := range []string{"report", "replace"} {
			inBubble(t, name+"/"+mode, func(t *testing.T) {
				r := simtest.New(t, ec2sim.Config{World: routed(wanted, tc.via)}, withConflict(mode))
				before := r.Sim.Dump()
				holder := linesWith(before, " route "+hubMain+" "+wanted+" ")
				failures.Shown(t, 43, len(holder) == 1 && !holds(holder[0], `-> local`), "the destination is routed to "+tc.via)
				report, calls := r.Apply()
				after := r.Sim.Dump()
				if mode == "replace" && tc.replaced {
					simtest.MustExit(t, "pass", report, reconcile.ExitInSync)
					if !holds(after, " route "+hubMain+" "+wanted+" -> "+ours(t, after), "state=active") || !answered(calls, "ReplaceRoute", wanted) || answered(calls, "DeleteRoute", "") {
						t.Errorf("not replaced in place:\n%s", strings.Join(linesWith(after, " route "+hubMain), "\n"))
					}
					mustRest(t, r)
					return
				}
				simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
				mustKeep(t, "pass", simtest.Lines(before), simtest.Lines(after))
				mustSay(t, report, "route-conflict: "+wanted+" in "+hubMain+" points at "+strings.Fields(holder[0])[5])
				if why := map[string]string{"report": tc.because, "replace": tc.otherwise}[mode]; why != "" {
					mustSay(t, report, why)
				} else {
					mustSay(t, report, "onConflict: replace")
				}
				if !holds(after, " route rtb-0000000000000a002 "+wanted+" -> "+ours(t, after)) || !holds(after, " route rtb-0000000000000a004 10.0.0.0/16 -> "+ours(t, after)) {
					t.Errorf("the peering's other routes are not there:\n%s", strings.Join(linesWith(after, " route "), "\n"))
				}
				mustLeave(t, r, reconcile.ExitAttention)
			})
		}
	}
}

// A blackhole route at a wanted destination: to a connection that is dead, or not there at all, it is replaced in place, whatever onConflict
// says. To one that is on its way and not ours it is a conflict: it may come to life.
func TestF44BlackholeAtAWantedDestination(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		via      string
		replaced bool
	}{
		"deleting":     {via: "deleting", replaced: true},
		"deleted":      {via: "deleted", replaced: true},
		"rejected":     {via: "rejected", replaced: true},
		"failed":       {via: "failed", replaced: true},
		"expired":      {via: "expired", replaced: true},
		"gone":         {via: "pcx-0000000000000fade", replaced: true},
		"initiating":   {via: "initiating"},
		"pending":      {via: "pending"},
		"provisioning": {via: "provisioning"},
	} {
		for _, mode := range []string{"report", "replace"} {
			inBubble(t, name+"/"+mode, func(t *testing.T) {
				r := simtest.New(t, ec2sim.Config{World: routed(wanted, tc.via)}, withConflict(mode))
				before := r.Sim.Dump()
				failures.Shown(t, 44, holds(before, " route "+hubMain+" "+wanted+" -> pcx-", "state=blackhole"), "a blackhole at a wanted destination")
				report, calls := r.Apply()
				after := r.Sim.Dump()
				if tc.replaced {
					simtest.MustExit(t, "pass", report, reconcile.ExitInSync)
					if !holds(after, " route "+hubMain+" "+wanted+" -> "+ours(t, after), "state=active") || !answered(calls, "ReplaceRoute", wanted) || answered(calls, "DeleteRoute", "") {
						t.Errorf("not replaced in place:\n%s", strings.Join(linesWith(after, " route "+hubMain), "\n"))
					}
					mustRest(t, r)
					return
				}
				simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
				mustKeep(t, "pass", simtest.Lines(before), simtest.Lines(after))
				mustSay(t, report, "route-conflict: "+wanted+" in "+hubMain, "and not ours")
				mustLeave(t, r, reconcile.ExitAttention)
			})
		}
	}
}

// A blackhole at a destination that we do not want is left alone, whatever may be pruned, and counted.
func TestF44BlackholeAtAnotherDestination(t *testing.T) {
	t.Parallel()
	for _, via := range []string{"deleted", "pcx-0000000000000fade", "pending"} {
		inBubble(t, via, func(t *testing.T) {
			without := simtest.New(t, ec2sim.Config{World: []byte(string(simtest.World) + strangers)}, withConflict("replace"))
			applied(t, without)
			none, _ := without.Apply()
			r := simtest.New(t, ec2sim.Config{World: routed("10.77.0.0/16", via)}, withConflict("replace"))
			failures.Shown(t, 44, holds(r.Sim.Dump(), " route "+hubMain+" 10.77.0.0/16 -> pcx-", "state=blackhole"), "a blackhole at a destination that nobody wants")
			before := simtest.Lines(r.Sim.Dump())
			mustKeep(t, "pass", before, simtest.Lines(applied(t, r)))
			mustRest(t, r)
			counted, _ := r.Apply()
			if got, want := leftRoutes(counted), leftRoutes(none)+1; got != want {
				t.Errorf("%d routes are counted as unmanaged, want %d", got, want)
			}
		})
	}
}

// leftRoutes is how many routes of the hub's account a report calls unmanaged.
func leftRoutes(r *reconcile.Report) int {
	for _, u := range r.Final.Unmanaged {
		if u.Scope.String() == network+"/"+west && u.Resource == plan.ResourceRoute {
			return u.Count
		}
	}
	return 0
}
