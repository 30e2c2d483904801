package failures_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// sameAccount is a spec of one peering within one account and region.
const sameAccount = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
peerings:
  - name: hub-tools
    requester: {vpc: hub}
    accepter: {vpc: tools}
`

// Two peerd with different owners and overlapping specs: the second reports the first's owner and touches nothing.
func TestF07AnotherOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, sameAccount)
		first, _ := r.Apply()
		simtest.MustExit(t, "the first owner's pass", first, reconcile.ExitInSync)
		before := r.Sim.Dump()
		r.Spec = simtest.LoadSpec(t, sameAccount, "owner: acme", "owner: umbrella", "accepter: {vpc: tools}", "accepter: {vpc: tools}\n    adopt: true")
		second, calls := r.Prune(100)
		simtest.MustExit(t, "the second owner's pass", second, reconcile.ExitAttention)
		simtest.WantActions(t, nil, calls)
		if text := simtest.Text(second); !strings.Contains(text, "it belongs to acme") {
			t.Errorf("the first's owner is not named:\n%s", text)
		}
		failures.Shown(t, 7, strings.Contains(before, `"peerd:owner":"acme"`) && r.Sim.Dump() == before, "a connection of another owner joins the pair")
	})
}
