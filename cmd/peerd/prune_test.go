package main

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// alive leaves out connections that are dead: EC2 goes on showing them.
func alive(dumped []string) []string {
	return slices.DeleteFunc(slices.Clone(dumped), func(l string) bool {
		return strings.Contains(l, " connection ") && !strings.Contains(l, "status=active")
	})
}

const (
	wholeMesh  = "- {name: core, vpcs: [hub, tools, data], exclude: [[tools, data]]"
	lesserMesh = "- {name: core, vpcs: [hub, tools]"
)

// What leaves the spec is reported, and removed only with --prune: routes first, the connection last, foreign things untouched.
func TestPrune(t *testing.T) {
	t.Parallel()
	withAndWithoutPolicies(t, ec2sim.Config{Delays: simtest.Lagging}, "mesh", func(t *testing.T, r *simtest.Rig) {
		foreign := simtest.Lines(r.Sim.Dump())
		first, _ := r.Apply()
		simtest.MustExit(t, "first pass", first, reconcile.ExitInSync)
		whole := simtest.Lines(r.Sim.Dump())
		r.Spec = edited(t, "mesh", wholeMesh, lesserMesh)

		kept, calls := r.Apply()
		simtest.MustExit(t, "pass without --prune", kept, reconcile.ExitChanges)
		simtest.WantActions(t, nil, calls)

		refused, calls := r.Prune(0)
		simtest.MustExit(t, "pass over the limit", refused, reconcile.ExitAttention)
		simtest.WantActions(t, nil, calls)
		if w := refused.First.Withheld; w == nil || w.Links != 1 || len(w.Actions) != 4 {
			t.Errorf("withheld: %+v", w)
		}

		pruned, calls := r.Prune(1)
		simtest.MustExit(t, "pass with --prune", pruned, reconcile.ExitInSync)
		simtest.WantActions(t, []string{"CreateTags", "DeleteRoute", "DeleteRoute", "DeleteVpcPeeringConnection"}, calls)
		if last := calls[len(calls)-1].Action; last != "DeleteVpcPeeringConnection" {
			t.Errorf("the last call is %s: the connection goes last", last)
		}
		after := alive(simtest.Lines(r.Sim.Dump()))
		if touched := simtest.Without(foreign, after); len(touched) > 0 {
			t.Errorf("foreign things touched:\n%s", strings.Join(touched, "\n"))
		}
		gone := simtest.Anonymous(simtest.Without(whole, after))
		simtest.WantSame(t, "what should go", ofData(simtest.Anonymous(whole)), "what went", gone)

		again, calls := r.Prune(1)
		simtest.MustExit(t, "pass after it", again, reconcile.ExitInSync)
		simtest.WantActions(t, nil, calls)
	})
}

// ofData are the lines of the peering between hub and data.
func ofData(dumped []string) []string {
	return slices.DeleteFunc(slices.Clone(dumped), func(l string) bool {
		route := strings.Contains(l, "rtb-0000000000000a001 10.30.0.0/16") || strings.Contains(l, "rtb-0000000000000b101 10.0.0.0/16")
		return !route && !strings.Contains(l, "core/data--hub")
	})
}

// A spec without peerings removes nothing, whatever is allowed.
func TestEmptySpecRemovesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2sim.Config{}, "same-account")
		first, _ := r.Apply()
		simtest.MustExit(t, "first pass", first, reconcile.ExitInSync)
		set := *r.Spec
		set.Peerings = nil
		r.Spec = &set
		refused, calls := r.Prune(100)
		simtest.MustExit(t, "pass with an empty spec", refused, reconcile.ExitAttention)
		simtest.WantActions(t, nil, calls)
		if w := refused.First.Withheld; w == nil || !strings.Contains(w.Reason, "no peerings") {
			t.Errorf("withheld: %+v", w)
		}
	})
}

// A removal that was begun is finished by the next pass, and is not counted again.
func TestHalfDoneRemovalIsFinished(t *testing.T) {
	t.Parallel()
	withAndWithoutPolicies(t, ec2sim.Config{}, "mesh", func(t *testing.T, r *simtest.Rig) {
		first, _ := r.Apply()
		simtest.MustExit(t, "first pass", first, reconcile.ExitInSync)
		id := ""
		for _, l := range simtest.Lines(r.Sim.Dump()) {
			if strings.Contains(l, "core/data--hub") && strings.Contains(l, "view=requester") {
				id = strings.Fields(l)[2]
			}
		}
		r.Spec = edited(t, "mesh", wholeMesh, lesserMesh)
		for _, e := range []simtest.Edit{
			{Action: "CreateTags", Region: "us-east-1", Account: "222222222222", Params: map[string]string{"ResourceId.1": id, "Tag.1.Key": "peerd:entry", "Tag.1.Value": "leaving"}},
			{Action: "DeleteRoute", Region: "us-east-1", Account: "222222222222", Params: map[string]string{"RouteTableId": "rtb-0000000000000b101", "DestinationCidrBlock": "10.0.0.0/16"}},
		} {
			e.Make(t, r.Sim)
		}
		finished, calls := r.Prune(0)
		simtest.MustExit(t, "pass that finishes", finished, reconcile.ExitInSync)
		simtest.WantActions(t, []string{"DeleteRoute", "DeleteVpcPeeringConnection"}, calls)
	})
}

// An extra route in a selected table and an extra rule of ours go with --prune; a stranger's beside them stay.
func TestPruneRoutesAndRules(t *testing.T) {
	t.Parallel()
	withAndWithoutPolicies(t, ec2sim.Config{}, "every-rule-form", func(t *testing.T, r *simtest.Rig) {
		first, _ := r.Apply()
		simtest.MustExit(t, "first pass", first, reconcile.ExitInSync)
		r.Spec = edited(t, "every-rule-form", "        - {group: sg-0000000000000a001, protocol: udp, ports: 53}\n", "")
		simtest.Edit{Action: "CreateRoute", Region: "eu-west-1", Account: "111111111111", Params: map[string]string{"RouteTableId": "rtb-0000000000000a001", "DestinationCidrBlock": "10.77.0.0/16", "VpcPeeringConnectionId": "PCX"}}.Make(t, r.Sim)
		simtest.Edit{Action: "CreateRoute", Region: "eu-west-1", Account: "111111111111", Params: map[string]string{"RouteTableId": "rtb-0000000000000a002", "DestinationCidrBlock": "10.77.0.0/16", "VpcPeeringConnectionId": "PCX"}}.Make(t, r.Sim)
		simtest.Edit{Action: "AuthorizeSecurityGroupIngress", Region: "eu-west-1", Account: "111111111111", Params: map[string]string{"GroupId": "sg-0000000000000a001", "IpPermissions.1.IpProtocol": "udp",
			"IpPermissions.1.FromPort": "99", "IpPermissions.1.ToPort": "99", "IpPermissions.1.IpRanges.1.CidrIp": "10.30.0.0/16"}}.Make(t, r.Sim)
		before := simtest.Lines(r.Sim.Dump())
		pruned, calls := r.Prune(1)
		simtest.MustExit(t, "pass with --prune", pruned, reconcile.ExitInSync)
		simtest.WantActions(t, []string{"DeleteRoute", "RevokeSecurityGroupIngress"}, calls)
		simtest.WantSame(t, "what should go", []string{
			"111111111111/eu-west-1 route rtb-0000000000000a001 10.77.0.0/16 -> pcx origin=CreateRoute state=active",
			`111111111111/eu-west-1 rule sgr sg-0000000000000a001 ingress udp 53-53 10.30.0.0/16 description="" tags={"peerd:owner":"acme","peerd:peering":"hub-data"}`,
		}, "what went", simtest.Anonymous(simtest.Without(before, simtest.Lines(r.Sim.Dump()))))
	})
}
