package main

import (
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

const partnerSpec = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  partner: {id: "999999999999", managed: false}
vpcs:
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  them: {account: partner, region: eu-west-1, id: vpc-0000000000000c001, cidrs: [10.200.0.0/16]}
peerings:
  - {name: with-them, requester: {vpc: REQUESTER}, accepter: {vpc: ACCEPTER}}
`

// partnerRig has a spec of one peering between the tools and the partner's VPC.
func partnerRig(t *testing.T, replace ...string) *rig {
	t.Helper()
	r := newRig(t, ec2sim.Config{Delays: lagging}, "same-account")
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(strings.NewReplacer(replace...).Replace(partnerSpec))}}, "")
	if err != nil {
		t.Fatal(err)
	}
	r.spec = s
	return r
}

// onlyOurs fails the test if a call that changes something was made in the partner's account.
func onlyOurs(t *testing.T, calls []ec2sim.Call) {
	t.Helper()
	for _, c := range calls {
		if c.Account == "999999999999" {
			t.Errorf("%s was called in the partner's account", c.Action)
		}
	}
}

// The request that the spec expects is marked, accepted and routed; before it comes, there is only waiting.
func TestPartnerAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := partnerRig(t, "REQUESTER", "them", "ACCEPTER", "tools")
		waiting, calls := r.cycle(false)
		mustExit(t, "before the request", waiting, reconcile.ExitChanges)
		wantActions(t, nil, calls)
		edit{"CreateVpcPeeringConnection", "eu-west-1", "999999999999", map[string]string{"VpcId": "vpc-0000000000000c001", "PeerVpcId": "vpc-0000000000000a002", "PeerOwnerId": "111111111111"}}.make(t, r.sim)
		time.Sleep(lagging.Initiating + lagging.Visible) // until it is pending and can be seen here
		accepted, calls := r.cycle(false)
		mustExit(t, "after the request", accepted, reconcile.ExitInSync)
		onlyOurs(t, calls)
		var order []string
		for _, c := range calls {
			if c.Service == "ec2" {
				order = append(order, c.Action)
			}
		}
		if got := strings.Join(order, " "); got != "CreateTags AcceptVpcPeeringConnection CreateRoute" {
			t.Errorf("calls: %s", got)
		}
		again, calls := r.cycle(false)
		mustExit(t, "second pass", again, reconcile.ExitInSync)
		wantActions(t, nil, calls)
	})
}

// A request that brings what the spec does not declare is not touched.
func TestPartnerBringsMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := partnerRig(t, "REQUESTER", "them", "ACCEPTER", "tools", "10.200.0.0/16", "10.201.0.0/16")
		edit{"CreateVpcPeeringConnection", "eu-west-1", "999999999999", map[string]string{"VpcId": "vpc-0000000000000c001", "PeerVpcId": "vpc-0000000000000a002", "PeerOwnerId": "111111111111"}}.make(t, r.sim)
		time.Sleep(lagging.Initiating + lagging.Visible)
		held, calls := r.cycle(false)
		mustExit(t, "after the request", held, reconcile.ExitAttention)
		wantActions(t, nil, calls)
	})
}

// A request to a partner waits for them; once they accept it, the next pass routes.
func TestPartnerIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := partnerRig(t, "REQUESTER", "tools", "ACCEPTER", "them")
		asked, calls := r.cycle(false)
		mustExit(t, "asking", asked, reconcile.ExitChanges)
		wantActions(t, []string{"CreateVpcPeeringConnection"}, calls)
		onlyOurs(t, calls)
		still, calls := r.cycle(false)
		mustExit(t, "still waiting", still, reconcile.ExitChanges)
		wantActions(t, nil, calls)
		time.Sleep(lagging.Initiating + lagging.Visible)
		edit{"AcceptVpcPeeringConnection", "eu-west-1", "999999999999", map[string]string{"VpcPeeringConnectionId": "PCX"}}.make(t, r.sim)
		routed, calls := r.cycle(false)
		mustExit(t, "after they accepted", routed, reconcile.ExitInSync)
		wantActions(t, []string{"CreateRoute"}, calls)
		onlyOurs(t, calls)
	})
}
