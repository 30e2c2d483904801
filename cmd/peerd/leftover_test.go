package main

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// eastern adds a peering of which both VPCs are in us-east-1, and everything else of the scenario in eu-west-1 stays.
const eastern = `  - name: east-data
    requester: {vpc: east, rules: []}
    accepter: {vpc: data, rules: [{group: db, protocol: tcp, ports: 5432}]}
`

const easternVPCs = "  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}\n"

const dataVPC = "  data: {account: payments, region: us-east-1, id: vpc-0000000000000b101}\n"

// A connection of ours in a region in which no VPC of the spec is any more: it is found only where the account says to look.
func TestLeftoverInAnotherRegion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2sim.Config{Delays: simtest.Lagging}, "cross-account")
		first, _ := r.Apply()
		simtest.MustExit(t, "first pass", first, reconcile.ExitInSync)
		west := simtest.Lines(r.Sim.Dump())
		r.Spec = edited(t, "cross-account", "peerings:\n", "peerings:\n"+eastern)
		both, _ := r.Apply()
		simtest.MustExit(t, "pass with both peerings", both, reconcile.ExitInSync)
		whole := alive(simtest.Lines(r.Sim.Dump()))

		r.Spec = edited(t, "cross-account", easternVPCs, "", dataVPC, "")
		unseen, calls := r.Prune(9)
		simtest.MustExit(t, "pass that does not look there", unseen, reconcile.ExitInSync)
		simtest.WantActions(t, nil, calls)

		for _, where := range []string{"network", "payments"} { // either account shows it, and leads to the other
			r.Spec = edited(t, "cross-account", easternVPCs, "", dataVPC, "", "  "+where+": {", "  "+where+": {regions: [us-east-1], ")
			found, calls := r.Apply()
			simtest.MustExit(t, "pass that looks in "+where, found, reconcile.ExitChanges)
			simtest.WantActions(t, nil, calls)
			wantExtra(t, found, "connection ", "route 10.2.0.0/16", "route 10.30.0.0/16", "rule ")
		}

		pruned, calls := r.Prune(1)
		simtest.MustExit(t, "pass with --prune", pruned, reconcile.ExitInSync)
		simtest.WantActions(t, []string{"CreateTags", "DeleteRoute", "DeleteRoute", "RevokeSecurityGroupIngress", "DeleteVpcPeeringConnection"}, calls)
		after := alive(simtest.Lines(r.Sim.Dump()))
		if more := simtest.Without(after, west); len(more) > 0 {
			t.Errorf("left over:\n%s", strings.Join(more, "\n"))
		}
		for _, l := range simtest.Without(whole, after) {
			if !strings.Contains(l, "/us-east-1 ") {
				t.Errorf("gone from elsewhere: %s", l)
			}
		}
	})
}

// wantExtra checks that a report calls just these things extra, of a peering that the spec does not have.
func wantExtra(t *testing.T, r *reconcile.Report, want ...string) {
	t.Helper()
	var got []string
	for _, v := range r.Verdicts() {
		if v.Link == netstate.Link("east-data") && v.Verdict == reconcile.OnPurpose {
			got = v.Reasons
		}
	}
	ok := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		ok = ok && strings.HasPrefix(got[i], "extra: "+want[i]) && strings.HasSuffix(got[i], ": pruning is off")
	}
	if !ok {
		t.Errorf("extra: %q, want %q", got, want)
	}
}
