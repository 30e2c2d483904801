package failures_test

import (
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// retag sets the owner tag of one view of a connection by hand; an empty owner takes the tag away.
func retag(r *simtest.Rig, account, id, owner string) {
	action, params := "DeleteTags", []string{"ResourceId.1", id, "Tag.1.Key", "peerd:owner"}
	if owner != "" {
		action, params = "CreateTags", append(params, "Tag.1.Value", owner)
	}
	r.Do(account, west, action, params...)
}

// Our owner tag is gone from every view, changed, or "none": the connection is not ours any more. It is reported, not deleted and not
// changed, whether its entry is still in the spec, wants to adopt it, or is gone; and what goes through it stays as it is.
func TestF42NotOursAnyMore(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		network, payments string // the owner tags of the two views afterwards
		adopts            bool   // whether adopt: true takes it
		says              string
	}{
		"gone from every view":    {"", "", true, "adopt: true would take it over"},
		"changed in every view":   {"umbrella", "umbrella", false, "it belongs to umbrella"},
		"changed at requester's":  {"umbrella", "acme", false, "it belongs to umbrella"},
		"changed at accepter's":   {"acme", "umbrella", false, "it belongs to umbrella"},
		"none in every view":      {"none", "none", false, "released by the tag peerd:owner=none"},
		"none at requester's":     {"none", "acme", false, "released by the tag peerd:owner=none"},
		"none at accepter's":      {"acme", "none", false, "released by the tag peerd:owner=none"},
		"none beside one gone":    {"", "none", false, "released by the tag peerd:owner=none"},
		"changed beside one gone": {"umbrella", "", false, "it belongs to umbrella"},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, twoAccounts)
			applied(t, r)
			id := simtest.Newest(r.Sim)
			retag(r, network, id, tc.network)
			retag(r, payments, id, tc.payments)
			tagged := func(view, owner string) bool {
				return holds(r.Sim.Dump(), id, "status=active", "view="+view, `"peerd:owner":"`+owner+`"`) == (owner != "") && holds(r.Sim.Dump(), id, "view="+view)
			}
			failures.Shown(t, 42, tagged("requester", tc.network) && tagged("accepter", tc.payments), "the owner tag of a connection of ours: "+name)
			mustLeave(t, r, reconcile.ExitAttention, id+" (active) already joins", tc.says)

			r.Spec = simtest.LoadSpec(t, withPeerings(hubTools))
			other, _ := r.Apply() // another peering, so that the spec is not empty
			simtest.MustExit(t, "pass without the entry", other, reconcile.ExitInSync)
			mustRest(t, r)

			r.Spec = simtest.LoadSpec(t, twoAccounts, "accepter:", "adopt: true\n    accepter:")
			before := simtest.Lines(r.Sim.Dump())
			adopted, calls := r.Apply()
			if tc.adopts {
				simtest.MustExit(t, "pass with adopt: true", adopted, reconcile.ExitChanges) // hub-tools is left over
				simtest.WantActions(t, []string{"CreateTags", "CreateTags"}, calls)
				return
			}
			simtest.MustExit(t, "pass with adopt: true", adopted, reconcile.ExitAttention)
			simtest.WantActions(t, nil, calls)
			mustKeep(t, "pass with adopt: true", before, simtest.Lines(r.Sim.Dump()))
		})
	}
}

// Gone from one view only, it is tagged again, and nothing else is done.
func TestF42TagGoneFromOneView(t *testing.T) {
	t.Parallel()
	for view, account := range map[string]string{"requester": network, "accepter": payments} {
		inBubble(t, view, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, twoAccounts)
			whole := applied(t, r)
			id := simtest.Newest(r.Sim)
			retag(r, account, id, "")
			lost := linesWith(r.Sim.Dump(), id, "view="+view)
			failures.Shown(t, 42, len(lost) == 1 && !strings.Contains(lost[0], "peerd:owner"), "the owner tag is gone from the "+view+"'s view only")
			again, calls := r.Prune(100)
			simtest.MustExit(t, "pass", again, reconcile.ExitInSync)
			simtest.WantActions(t, []string{"CreateTags"}, calls)
			simtest.WantSame(t, "the world before", simtest.Lines(whole), "the world after", simtest.Lines(r.Sim.Dump()))
		})
	}
}
