package failures_test

import (
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// bare is simtest.World in which the VPC tools can be deleted: nothing lives in it.
func bare(t *testing.T) []byte {
	return edited(t, "            groups: [{id: sg-0000000000000a002, name: web}]\n", "")
}

// A VPC of a peering is deleted, and with it the connection: that peering is held, and what is left of it stays as it is, whatever may be
// pruned. Others go on.
func TestF53VPCDeleted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ selector, says string }{
		"by id":   {"id: " + tools, "vpc-missing: no VPC " + tools},
		"by tags": {"tags: {Name: tools}", `vpc-missing: no VPC with tags {Name="tools"}`},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{World: bare(t)}, strings.Replace(withPeerings(hubTools, hubPay), "id: "+tools, tc.selector, 1))
			applied(t, r)
			r.Do(network, west, "DeleteVpc", "VpcId", tools)
			left := linesWith(r.Sim.Dump(), " route ", " "+wanted+" -> pcx-", "state=blackhole")
			failures.Shown(t, 53, !holds(r.Sim.Dump(), " vpc "+tools) && holds(r.Sim.Dump(), " connection ", tools, "status=deleted") && len(left) == 2, "a VPC is deleted, and its connection with it")
			r.Do(payments, west, "DeleteRoute", "RouteTableId", "rtb-0000000000000b002", "DestinationCidrBlock", "10.0.0.0/16")
			report, calls := r.Prune(100)
			simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
			simtest.WantActions(t, []string{"CreateRoute"}, calls) // of the other peering
			mustKeep(t, "pass", left, simtest.Lines(r.Sim.Dump()))
			mustLeave(t, r, reconcile.ExitAttention, tc.says)
		})
	}
}

// A VPC is deleted after peerd has read it. The request is made once, or refused once, and the next pass holds the peering.
func TestF53VPCDeletedDuringThePass(t *testing.T) {
	t.Parallel()
	for name, peering := range map[string]string{
		"the accepter":  hubTools,
		"the requester": "  - name: tools-hub\n    requester: {vpc: tools}\n    accepter: {vpc: hub}\n",
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{World: bare(t), Delays: simtest.Lagging}, withPeerings(peering))
			before := r.Sim.Dump()
			during(r, "DescribeVpcs", func(url.Values) { // what that listing answers is settled
				r.Do(network, west, "DeleteVpc", "VpcId", tools)
			})
			report, calls := r.Apply()
			simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
			failures.Shown(t, 53, !holds(r.Sim.Dump(), " vpc "+tools) && slices.ContainsFunc(calls, func(c ec2sim.Call) bool { return c.Action == "CreateVpcPeeringConnection" }), "a VPC is deleted before its connection is requested")
			simtest.WantActions(t, []string{"DeleteVpc", "CreateVpcPeeringConnection"}, calls)
			for _, l := range simtest.Without(simtest.Lines(r.Sim.Dump()), simtest.Lines(before)) {
				if !strings.Contains(l, " connection ") || !strings.Contains(l, "status=failed") {
					t.Errorf("made: %s", l)
				}
			}
			mustLeave(t, r, reconcile.ExitAttention, "vpc-missing: no VPC "+tools)
		})
	}
}

// block is the association of a VPC's CIDR.
func block(t *testing.T, r *simtest.Rig, account, vpc, cidr string) string {
	t.Helper()
	found, err := r.Sim.World().Vpcs(world.At{Scope: world.Scope{Account: account, Region: west}, Now: time.Now()}, world.Query{IDs: []string{vpc}})
	if err != nil || len(found) != 1 {
		t.Fatal(err)
	}
	for _, b := range found[0].Blocks {
		if b.Prefix.String() == cidr {
			return b.Association
		}
	}
	t.Fatalf("%s has no %s", vpc, cidr)
	return ""
}

// A CIDR is associated with a VPC, or disassociated from it: the peer's routes and rules follow once it is associated, and not before. What
// leads to one that is gone is extra, and goes with pruning only.
func TestF53CIDRsChange(t *testing.T) {
	t.Parallel()
	const more = "10.21.0.0/16"
	about := func(r *simtest.Rig) []string {
		return append(linesWith(r.Sim.Dump(), network+"/"+west+" route ", " "+more+" -> pcx-", "state=active"), linesWith(r.Sim.Dump(), network+"/"+west+" rule ", "tcp 8443-8443 "+more)...)
	}
	inBubble(t, "associated and disassociated", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: world.Delays{Associating: time.Minute}}, withPeerings(hubPayRules))
		whole := applied(t, r)
		r.Do(payments, west, "AssociateVpcCidrBlock", "VpcId", pay, "CidrBlock", more)
		failures.Shown(t, 53, holds(r.Sim.Dump(), " vpc "+pay, more), "a CIDR is associated")
		early, calls := r.Apply()
		simtest.MustExit(t, "pass while it is associating", early, reconcile.ExitInSync)
		simtest.WantActions(t, nil, calls)

		time.Sleep(time.Minute)
		follows, calls := r.Apply()
		simtest.MustExit(t, "pass once it is associated", follows, reconcile.ExitInSync)
		simtest.WantActions(t, []string{"AuthorizeSecurityGroupIngress", "CreateRoute", "CreateRoute"}, calls)
		if got := about(r); len(got) != 3 {
			t.Errorf("routes in both tables and a rule for %s:\n%s", more, strings.Join(got, "\n"))
		}
		mustRest(t, r)

		r.Do(payments, west, "DisassociateVpcCidrBlock", "AssociationId", block(t, r, payments, pay, more))
		failures.Shown(t, 53, !holds(r.Sim.Dump(), " vpc "+pay, more), "a CIDR is disassociated")
		kept, calls := r.Apply()
		simtest.MustExit(t, "pass without --prune", kept, reconcile.ExitChanges)
		simtest.WantActions(t, nil, calls)
		pruned, calls := r.Prune(1)
		simtest.MustExit(t, "pass with --prune", pruned, reconcile.ExitInSync)
		simtest.WantActions(t, []string{"RevokeSecurityGroupIngress", "DeleteRoute", "DeleteRoute"}, calls)
		simtest.WantSame(t, "the world before", simtest.Lines(whole), "the world after", simtest.Lines(r.Sim.Dump()))
		mustRest(t, r)
	})
}

// duringThe calls f once, when the first call that is meant has taken effect and before its reply is written.
func duringThe(r *simtest.Rig, meant func(ec2sim.Call) bool, f func()) {
	var done atomic.Bool
	r.Sim.After(func(c ec2sim.Call) {
		if meant(c) && c.Code == "" && done.CompareAndSwap(false, true) {
			f()
		}
	})
}

// A CIDR that overlaps the peer's is associated before there is a connection, or while the request waits, which fails it: the peering is
// held, and not requested again.
func TestF53OverlapByAssociation(t *testing.T) {
	t.Parallel()
	const overlap = "10.0.64.0/18"
	associate := func(r *simtest.Rig) {
		r.Do(payments, west, "AssociateVpcCidrBlock", "VpcId", pay, "CidrBlock", overlap)
	}
	requested := func(c ec2sim.Call) bool {
		return c.Action == "CreateVpcPeeringConnection" && c.Params.Get("PeerVpcId") == pay
	}
	read := func(c ec2sim.Call) bool { return c.Action == "DescribeVpcs" && c.Account == payments }
	for name, tc := range map[string]struct {
		fault func(r *simtest.Rig)
		calls []string // of the first pass
		ended string
	}{
		"before the request":      {associate, nil, ""},
		"while the request waits": {func(r *simtest.Rig) { duringThe(r, requested, func() { associate(r) }) }, []string{"AssociateVpcCidrBlock", "CreateVpcPeeringConnection"}, "status=failed"},
		"after peerd has read it": {func(r *simtest.Rig) { duringThe(r, read, func() { associate(r) }) }, []string{"AssociateVpcCidrBlock", "CreateVpcPeeringConnection"}, "status=failed"},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, withPeerings(hubTools, hubPay))
			tc.fault(r)
			report, calls := r.Apply()
			simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
			failures.Shown(t, 53, holds(r.Sim.Dump(), " vpc "+pay, overlap), "a CIDR that overlaps the peer's is associated: "+name)
			var got []ec2sim.Call
			for _, c := range calls {
				if strings.Contains(c.Params.Encode(), pay) {
					got = append(got, c)
				}
			}
			simtest.WantActions(t, tc.calls, got)
			if made := linesWith(r.Sim.Dump(), network+"/"+west+" connection ", pay); tc.ended == "" && len(made) > 0 || tc.ended != "" && (len(made) != 1 || !holds(made[0], tc.ended)) {
				t.Errorf("connections:\n%s", strings.Join(made, "\n"))
			}
			if !holds(r.Sim.Dump(), " connection ", tools, "status=active") || holds(r.Sim.Dump(), " route ", " 10.20.0.0/16 -> pcx-") {
				t.Errorf("routes:\n%s", strings.Join(linesWith(r.Sim.Dump(), " route "), "\n"))
			}
			mustLeave(t, r, reconcile.ExitAttention, "cidr-overlap")
		})
	}
}
