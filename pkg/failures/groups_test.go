package failures_test

import (
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// selected is a world whose VPCs, tables, subnets and groups can be found by tags and names.
const selected = `
accounts:
  - id: "111111111111"
    roles: [{name: peerd}]
    regions:
      eu-west-1:
        vpcs:
          - id: vpc-0000000000000e001
            name: hub
            tags: {net: hub}
            cidrs: [10.0.0.0/16]
            subnets: [{id: subnet-0000000000000e001, name: db, cidr: 10.0.1.0/24, table: private, tags: {tier: db}}]
            tables:
              - {id: rtb-0000000000000e001, name: main, main: true}
              - {id: rtb-0000000000000e002, name: private, tags: {tier: private}}
            groups:
              - {id: sg-0000000000000e001, name: app, tags: {role: app}}
              - {id: sg-0000000000000e002, name: web}
              - {id: sg-0000000000000e005, name: twin}
              - {id: sg-0000000000000e006, name: twin}
          - id: vpc-0000000000000e002
            name: tools
            cidrs: [10.1.0.0/16]
            tables: [{id: rtb-0000000000000e003, name: tools-main, main: true}]
            groups: [{id: sg-0000000000000e003, name: db, tags: {role: db}}]
          - id: vpc-0000000000000e003
            name: spare
            cidrs: [10.2.0.0/16]
            tables: [{id: rtb-0000000000000e004, name: spare-main, main: true}]
            groups: [{id: sg-0000000000000e004, name: lone}]
`

// selecting is a spec for it. Of hub-tools a test makes a selector fail; tools-spare goes on.
const selecting = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, tags: {net: hub}}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000e002}
  spare: {account: network, region: eu-west-1, id: vpc-0000000000000e003}
peerings:
  - name: hub-tools
    requester:
      vpc: hub
      routes: {tables: [rtb-0000000000000e001, rtb-0000000000000e002]}
      rules:
        - {group: app, protocol: tcp, ports: 443}
        - {group: web, protocol: tcp, ports: 80}
        - {group: web, protocol: tcp, ports: 81}
    accepter: {vpc: tools}
  - name: tools-spare
    requester: {vpc: tools}
    accepter: {vpc: spare}
`

// dropped is a rule of hub-tools that leaves the spec with the fault: it looks extra.
const dropped = "        - {group: web, protocol: tcp, ports: 81}\n"

// heldSide applies selecting after changes, lets a fault happen together with drift on both peerings, and checks that with --prune nothing
// is changed on hub's side while the other peering is repaired, and that the report says what it must.
func heldSide(t *testing.T, first, then []string, fault func(*simtest.Rig), words ...string) {
	t.Helper()
	r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging, World: []byte(selected)}, selecting)
	r.Spec = simtest.LoadSpec(t, selecting, first...)
	applied(t, r)
	if fault != nil {
		fault(r)
	}
	r.Do(network, west, "DeleteRoute", "RouteTableId", "rtb-0000000000000e002", "DestinationCidrBlock", "10.1.0.0/16")
	r.Do(network, west, "DeleteRoute", "RouteTableId", "rtb-0000000000000e004", "DestinationCidrBlock", "10.1.0.0/16")
	r.Spec = simtest.LoadSpec(t, selecting, append(append(first, dropped, ""), then...)...)
	before := r.Sim.Dump()
	for _, want := range [][]string{{"CreateRoute"}, nil} {
		held, calls := r.Prune(100)
		simtest.MustExit(t, "pass with --prune", held, reconcile.ExitAttention)
		simtest.WantActions(t, want, calls)
		mustSay(t, held, words...)
	}
	wantNone(t, "gone", lost(r, before))
	made := wantOne(t, "the repair of the other peering", gained(r, before))
	if !strings.Contains(made, "route rtb-0000000000000e004 10.1.0.0/16") {
		t.Errorf("made on the side that is held: %s", made)
	}
}

// A security group that is deleted, in another VPC, or one of several holds the peering's side and is named.
func TestF51GroupThatIsNoneOrSeveral(t *testing.T) {
	t.Parallel()
	deleted := func(id string) func(r *simtest.Rig) {
		return func(r *simtest.Rig) { r.Do(network, west, "DeleteSecurityGroup", "GroupId", id) }
	}
	byTag := []string{"{group: app, protocol: tcp, ports: 443}", "{group: {tags: {role: app}}, protocol: tcp, ports: 443}"}
	byID := []string{"{group: app, protocol: tcp, ports: 443}", "{group: sg-0000000000000e001, protocol: tcp, ports: 443}"}
	ofPeer := []string{"{group: app, protocol: tcp, ports: 443}", "{group: app, protocol: tcp, ports: 443, peer: {group: db}}"}
	for name, tc := range map[string]struct {
		first, then []string
		fault       func(*simtest.Rig)
		fired       []string // of the world afterwards; none: the group is not in it
		words       []string
	}{
		"deleted": {nil, nil, deleted("sg-0000000000000e001"), nil,
			[]string{"group-missing", "no security group app in 111111111111/eu-west-1/vpc-0000000000000e001"}},
		"deleted, named by id": {byID, nil, deleted("sg-0000000000000e001"), nil, []string{"group-missing", "no security group sg-0000000000000e001 in"}},
		"deleted, of the peer": {ofPeer, nil, deleted("sg-0000000000000e003"), nil,
			[]string{"group-missing", "no security group db in 111111111111/eu-west-1/vpc-0000000000000e002"}},
		"in another VPC, by id": {nil, []string{"group: app", "group: sg-0000000000000e004"}, nil, []string{"group sg-0000000000000e004 vpc-0000000000000e003"},
			[]string{"group-missing", "no security group sg-0000000000000e004 in"}},
		"in another VPC, by name": {nil, []string{"group: app", "group: lone"}, nil, []string{"group sg-0000000000000e004 vpc-0000000000000e003 name=\"lone\""},
			[]string{"group-missing", "no security group lone in"}},
		"two of one name": {nil, []string{"group: app", "group: twin"}, nil, []string{"group sg-0000000000000e006", "name=\"twin\""},
			[]string{"group-ambiguous", "2 security groups match twin", "sg-0000000000000e005, sg-0000000000000e006"}},
		"two of one tag": {byTag, nil, func(r *simtest.Rig) { tag("sg-0000000000000e002", "role", "app").Make(r.T, r.Sim) }, []string{"group sg-0000000000000e002", `"role":"app"`},
			[]string{"group-ambiguous", "2 security groups match {tags: role=\"app\"}", "sg-0000000000000e001, sg-0000000000000e002"}},
	} {
		inBubble(t, name, func(t *testing.T) {
			var rig *simtest.Rig
			heldSide(t, tc.first, tc.then, func(r *simtest.Rig) {
				if rig = r; tc.fault != nil {
					tc.fault(r)
				}
			}, tc.words...)
			fired := len(facts(rig, tc.fired...)) > 0
			if tc.fired == nil {
				fired = answered(rig.Sim.Calls(), "DeleteSecurityGroup", "sg-")
			}
			failures.Shown(t, 51, fired, "the group is deleted, elsewhere, or one of two")
		})
	}
}
