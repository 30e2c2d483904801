package failures_test

import (
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// pinned is a spec of a peering whose one VPC is pinned to what it has, of one with an account that is not managed, and of one that goes on.
const pinned = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
  partner: {id: "999999999999", managed: false}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}
  data: {account: payments, region: us-east-1, id: vpc-0000000000000b101, cidrs: [10.30.0.0/16]}
  partner: {account: partner, region: eu-west-1, id: vpc-0000000000000c001, cidrs: [10.200.0.0/16]}
peerings:
  - name: hub-data
    requester: {vpc: hub, routes: {tables: main}, rules: [{group: app, protocol: tcp, ports: 443}]}
    accepter: {vpc: data}
  - name: hub-partner
    requester: {vpc: hub, routes: {tables: main}, rules: [{group: app, protocol: tcp, ports: 443}]}
    accepter: {vpc: partner}
  - {name: tools-east, requester: {vpc: tools}, accepter: {vpc: east}}
protected: [10.66.0.0/16]
`

const unpinned = "b101, cidrs: [10.30.0.0/16]}"

// A peer associates a CIDR that nobody agreed to: it is neither routed nor opened, and is said; what was there stays; the others go on.
func TestF68UnwelcomeCIDR(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		account, region, vpc, cidr string
		replace                    []string // of the spec
		welcome                    []string // what makes it welcome, in the spec
		words                      []string
	}{
		"beyond the pinned ones": {payments, "us-east-1", "vpc-0000000000000b101", "10.31.0.0/16", nil, []string{"[10.30.0.0/16]", "[10.30.0.0/16, 10.31.0.0/16]"},
			[]string{"hub-data: ", "cidr-beyond-pinned: 222222222222/us-east-1/vpc-0000000000000b101 has 10.31.0.0/16"}},
		"protected": {payments, "us-east-1", "vpc-0000000000000b101", "10.66.0.0/20", []string{unpinned, "b101}"}, []string{"10.66.0.0/16", "10.67.0.0/16"},
			[]string{"hub-data: ", "protected-range: 10.66.0.0/20 of 222222222222/us-east-1/vpc-0000000000000b101 lies in 10.66.0.0/16"}},
		"protected, though pinned": {payments, "us-east-1", "vpc-0000000000000b101", "10.66.0.0/20", []string{unpinned, "b101, cidrs: [10.0.0.0/8]}"}, []string{"10.66.0.0/16", "10.67.0.0/16"},
			[]string{"hub-data: ", "protected-range: 10.66.0.0/20 of 222222222222/us-east-1/vpc-0000000000000b101 lies in 10.66.0.0/16"}},
		"public": {payments, "us-east-1", "vpc-0000000000000b101", "8.0.0.0/20", []string{unpinned, "b101}"}, []string{"b101}", "b101, cidrs: [10.30.0.0/16, 8.0.0.0/20]}"},
			[]string{"hub-data: ", "protected-range: 8.0.0.0/20 of 222222222222/us-east-1/vpc-0000000000000b101 is public address space"}},
		"beyond those that a partner declared": {"999999999999", west, "vpc-0000000000000c001", "10.201.0.0/16", nil, []string{"[10.200.0.0/16]", "[10.200.0.0/16, 10.201.0.0/16]"},
			[]string{"hub-partner: ", "cidr-beyond-pinned: ", "shows 10.201.0.0/16 of 999999999999/eu-west-1/vpc-0000000000000c001"}},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, pinned)
			r.Spec = simtest.LoadSpec(t, pinned, tc.replace...)
			withPartner(t, r)
			r.Do(tc.account, tc.region, "AssociateVpcCidrBlock", "VpcId", tc.vpc, "CidrBlock", tc.cidr)
			associated := facts(r, " vpc "+tc.vpc, tc.cidr)
			r.Do(network, west, "DeleteRoute", "RouteTableId", "rtb-0000000000000a004", "DestinationCidrBlock", "10.2.0.0/16")
			time.Sleep(simtest.Lagging.Routes)
			before := r.Sim.Dump()
			for _, want := range [][]string{{"CreateRoute"}, nil} {
				pass, calls := r.Prune(100)
				simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
				mustSay(t, pass, tc.words...)
				simtest.WantActions(t, want, calls)
			}
			wantNone(t, "gone", lost(r, before))
			wantOne(t, "the repair of another peering", gained(r, before))
			wantNone(t, "routed or opened", append(facts(r, " route ", " "+tc.cidr+" -> pcx-"), facts(r, " rule ", " "+tc.cidr+" ")...))
			r.Spec = simtest.LoadSpec(t, pinned, append(tc.replace, tc.welcome...)...)
			pass, _ := r.Apply()
			simtest.MustExit(t, "pass in which it is welcome", pass, reconcile.ExitInSync)
			wantOne(t, "the route to it", facts(r, " route rtb-0000000000000a001 "+tc.cidr+" -> pcx-", "state=active"))
			wantOne(t, "the rule for it", facts(r, " rule ", "tcp 443-443 "+tc.cidr))
			failures.Shown(t, 68, len(associated) == 1, "the peer has another CIDR")
		})
	}
}

// withPartner makes the peerings, of which the partner accepts one.
func withPartner(t *testing.T, r *simtest.Rig) {
	t.Helper()
	first, _ := r.Apply()
	simtest.MustExit(t, "first pass", first, reconcile.ExitChanges)
	time.Sleep(simtest.Lagging.Visible)
	r.Do("999999999999", west, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id(wantOne(t, "request", facts(r, " connection ", "view=accepter", "pending-acceptance")), 2))
	applied(t, r)
}
