package main

import (
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
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
func partnerRig(t *testing.T, replace ...string) *simtest.Rig {
	t.Helper()
	r := newRig(t, ec2sim.Config{Delays: simtest.Lagging}, "same-account")
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(strings.NewReplacer(replace...).Replace(partnerSpec))}}, "")
	if err != nil {
		t.Fatal(err)
	}
	r.Spec = s
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
		waiting, calls := r.Apply()
		simtest.MustExit(t, "before the request", waiting, reconcile.ExitChanges)
		simtest.WantActions(t, nil, calls)
		simtest.Edit{Action: "CreateVpcPeeringConnection", Region: "eu-west-1", Account: "999999999999", Params: map[string]string{"VpcId": "vpc-0000000000000c001", "PeerVpcId": "vpc-0000000000000a002", "PeerOwnerId": "111111111111"}}.Make(t, r.Sim)
		time.Sleep(simtest.Lagging.Initiating + simtest.Lagging.Visible) // until it is pending and can be seen here
		accepted, calls := r.Apply()
		simtest.MustExit(t, "after the request", accepted, reconcile.ExitInSync)
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
		again, calls := r.Apply()
		simtest.MustExit(t, "second pass", again, reconcile.ExitInSync)
		simtest.WantActions(t, nil, calls)
	})
}

// A request that brings what the spec does not declare is not touched.
func TestPartnerBringsMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := partnerRig(t, "REQUESTER", "them", "ACCEPTER", "tools", "10.200.0.0/16", "10.201.0.0/16")
		simtest.Edit{Action: "CreateVpcPeeringConnection", Region: "eu-west-1", Account: "999999999999", Params: map[string]string{"VpcId": "vpc-0000000000000c001", "PeerVpcId": "vpc-0000000000000a002", "PeerOwnerId": "111111111111"}}.Make(t, r.Sim)
		time.Sleep(simtest.Lagging.Initiating + simtest.Lagging.Visible)
		held, calls := r.Apply()
		simtest.MustExit(t, "after the request", held, reconcile.ExitAttention)
		simtest.WantActions(t, nil, calls)
	})
}

// A request to a partner waits for them; once they accept it, the next pass routes.
func TestPartnerIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := partnerRig(t, "REQUESTER", "tools", "ACCEPTER", "them")
		asked, calls := r.Apply()
		simtest.MustExit(t, "asking", asked, reconcile.ExitChanges)
		simtest.WantActions(t, []string{"CreateVpcPeeringConnection"}, calls)
		onlyOurs(t, calls)
		still, calls := r.Apply()
		simtest.MustExit(t, "still waiting", still, reconcile.ExitChanges)
		simtest.WantActions(t, nil, calls)
		time.Sleep(simtest.Lagging.Initiating + simtest.Lagging.Visible)
		simtest.Edit{Action: "AcceptVpcPeeringConnection", Region: "eu-west-1", Account: "999999999999", Params: map[string]string{"VpcPeeringConnectionId": "PCX"}}.Make(t, r.Sim)
		routed, calls := r.Apply()
		simtest.MustExit(t, "after they accepted", routed, reconcile.ExitInSync)
		simtest.WantActions(t, []string{"CreateRoute"}, calls)
		onlyOurs(t, calls)
	})
}
