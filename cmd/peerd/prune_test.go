package main

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/reconcile"
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
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2sim.Config{Delays: lagging}, "mesh")
		foreign := lines(r.sim.Dump())
		first, _ := r.cycle(false)
		mustExit(t, "first pass", first, reconcile.ExitInSync)
		whole := lines(r.sim.Dump())
		r.spec = edited(t, "mesh", wholeMesh, lesserMesh)

		kept, calls := r.cycle(false)
		mustExit(t, "pass without --prune", kept, reconcile.ExitChanges)
		wantActions(t, nil, calls)

		refused, calls := r.prune(0)
		mustExit(t, "pass over the limit", refused, reconcile.ExitAttention)
		wantActions(t, nil, calls)
		if w := refused.First.Withheld; w == nil || w.Links != 1 || len(w.Actions) != 4 {
			t.Errorf("withheld: %+v", w)
		}

		pruned, calls := r.prune(1)
		mustExit(t, "pass with --prune", pruned, reconcile.ExitInSync)
		wantActions(t, []string{"CreateTags", "DeleteRoute", "DeleteRoute", "DeleteVpcPeeringConnection"}, calls)
		if last := calls[len(calls)-1].Action; last != "DeleteVpcPeeringConnection" {
			t.Errorf("the last call is %s: the connection goes last", last)
		}
		after := alive(lines(r.sim.Dump()))
		if touched := without(foreign, after); len(touched) > 0 {
			t.Errorf("foreign things touched:\n%s", strings.Join(touched, "\n"))
		}
		gone := anonymous(without(whole, after))
		wantSame(t, "what should go", ofData(anonymous(whole)), "what went", gone)

		again, calls := r.prune(1)
		mustExit(t, "pass after it", again, reconcile.ExitInSync)
		wantActions(t, nil, calls)
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
		first, _ := r.cycle(false)
		mustExit(t, "first pass", first, reconcile.ExitInSync)
		set := *r.spec
		set.Peerings = nil
		r.spec = &set
		refused, calls := r.prune(100)
		mustExit(t, "pass with an empty spec", refused, reconcile.ExitAttention)
		wantActions(t, nil, calls)
		if w := refused.First.Withheld; w == nil || !strings.Contains(w.Reason, "no peerings") {
			t.Errorf("withheld: %+v", w)
		}
	})
}

// A removal that was begun is finished by the next pass, and is not counted again.
func TestHalfDoneRemovalIsFinished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2sim.Config{}, "mesh")
		first, _ := r.cycle(false)
		mustExit(t, "first pass", first, reconcile.ExitInSync)
		id := ""
		for _, l := range lines(r.sim.Dump()) {
			if strings.Contains(l, "core/data--hub") && strings.Contains(l, "view=requester") {
				id = strings.Fields(l)[2]
			}
		}
		r.spec = edited(t, "mesh", wholeMesh, lesserMesh)
		for _, e := range []edit{
			{"CreateTags", "us-east-1", "222222222222", map[string]string{"ResourceId.1": id, "Tag.1.Key": "peerd:entry", "Tag.1.Value": "leaving"}},
			{"DeleteRoute", "us-east-1", "222222222222", map[string]string{"RouteTableId": "rtb-0000000000000b101", "DestinationCidrBlock": "10.0.0.0/16"}},
		} {
			e.make(t, r.sim)
		}
		finished, calls := r.prune(0)
		mustExit(t, "pass that finishes", finished, reconcile.ExitInSync)
		wantActions(t, []string{"DeleteRoute", "DeleteVpcPeeringConnection"}, calls)
	})
}

// An extra route in a selected table and an extra rule of ours go with --prune; a stranger's beside them stay.
func TestPruneRoutesAndRules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2sim.Config{}, "every-rule-form")
		first, _ := r.cycle(false)
		mustExit(t, "first pass", first, reconcile.ExitInSync)
		r.spec = edited(t, "every-rule-form", "        - {group: sg-0000000000000a001, protocol: udp, ports: 53}\n", "")
		edit{"CreateRoute", "eu-west-1", "111111111111", map[string]string{"RouteTableId": "rtb-0000000000000a001", "DestinationCidrBlock": "10.77.0.0/16", "VpcPeeringConnectionId": "PCX"}}.make(t, r.sim)
		edit{"CreateRoute", "eu-west-1", "111111111111", map[string]string{"RouteTableId": "rtb-0000000000000a002", "DestinationCidrBlock": "10.77.0.0/16", "VpcPeeringConnectionId": "PCX"}}.make(t, r.sim)
		edit{"AuthorizeSecurityGroupIngress", "eu-west-1", "111111111111", map[string]string{"GroupId": "sg-0000000000000a001", "IpPermissions.1.IpProtocol": "udp",
			"IpPermissions.1.FromPort": "99", "IpPermissions.1.ToPort": "99", "IpPermissions.1.IpRanges.1.CidrIp": "10.30.0.0/16"}}.make(t, r.sim)
		before := lines(r.sim.Dump())
		pruned, calls := r.prune(1)
		mustExit(t, "pass with --prune", pruned, reconcile.ExitInSync)
		wantActions(t, []string{"DeleteRoute", "RevokeSecurityGroupIngress"}, calls)
		wantSame(t, "what should go", []string{
			"111111111111/eu-west-1 route rtb-0000000000000a001 10.77.0.0/16 -> pcx origin=CreateRoute state=active",
			`111111111111/eu-west-1 rule sgr sg-0000000000000a001 ingress udp 53-53 10.30.0.0/16 description="" tags={"peerd:owner":"acme","peerd:peering":"hub-data"}`,
		}, "what went", anonymous(without(before, lines(r.sim.Dump()))))
	})
}
