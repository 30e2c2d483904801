package failures_test

import (
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// adopting is a spec that takes over a connection, with other routes than were made by hand, one rule that was, and one that was not.
const adopting = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}
peerings:
  - name: taken
    requester:
      vpc: hub
      routes: {tables: main, to: [10.20.0.0/17]}
      rules: [{group: app, protocol: tcp, ports: [443, 8443], peer: [10.20.0.0/16]}]
    accepter: {vpc: pay, routes: {tables: main, to: [10.0.0.0/17]}}
    adopt: true
  - {name: hub-tools, requester: {vpc: hub, routes: {tables: none}}, accepter: {vpc: tools, routes: {tables: none}}}
`

// byHand makes a connection between hub and pay by hand, in one of both directions, with routes and rules, and returns its id.
func byHand(r *simtest.Rig, turned bool) string {
	r.T.Helper()
	pcx, accepter := "", payments
	if turned {
		pcx, accepter = ask(r, payments, pay, network, hub, "Name", "by-hand"), network
	} else {
		pcx = ask(r, network, hub, payments, pay, "Name", "by-hand")
	}
	time.Sleep(simtest.Lagging.Initiating + simtest.Lagging.Visible)
	r.Do(accepter, west, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", pcx)
	time.Sleep(simtest.Lagging.Provisioning)
	for _, at := range [][3]string{{network, "rtb-0000000000000a001", "10.20.0.0/16"}, {network, "rtb-0000000000000a002", "10.20.0.0/16"}, {payments, "rtb-0000000000000b001", "10.0.0.0/16"}} {
		r.Do(at[0], west, "CreateRoute", "RouteTableId", at[1], "DestinationCidrBlock", at[2], "VpcPeeringConnectionId", pcx)
	}
	ingress(allow("tcp", "443", "10.20.0.0/16")).Make(r.T, r.Sim)
	ingress(allow("tcp", "9999", "10.20.0.0/16")).Make(r.T, r.Sim)
	time.Sleep(simtest.Lagging.Routes)
	return pcx
}

// A connection made by hand is taken over, with routes and rules that the spec does not name: it is tagged in every view; nothing is removed
// without --prune; rules stay foreign, also the one that the spec wants, and so does all in a table that is not selected.
func TestF72Adopted(t *testing.T) {
	t.Parallel()
	for name, turned := range map[string]bool{"in the spec's direction": false, "in the other direction": true} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, adopting)
			pcx := byHand(r, turned)
			before := r.Sim.Dump()
			pass, calls := r.Apply()
			simtest.MustExit(t, "pass without --prune", pass, reconcile.ExitChanges)
			if n := len(of(calls, "CreateTags")); n != 2 || len(facts(r, " connection "+pcx, "status=active", `"peerd:owner":"acme"`, `"peerd:peering":"taken"`)) != 2 {
				t.Errorf("%d calls of CreateTags, want one for each view:\n%s", n, strings.Join(facts(r, " connection "+pcx), "\n"))
			}
			wantOne(t, "the Name that somebody gave", facts(r, " connection "+pcx, `"Name":"by-hand"`))
			if n := len(of(calls, "DeleteRoute", "ReplaceRoute", "RevokeSecurityGroupIngress", "DeleteVpcPeeringConnection", "ModifySecurityGroupRules")); n > 0 {
				t.Errorf("%d calls change or remove what was there", n)
			}
			for _, l := range lost(r, before) {
				if !strings.Contains(l, " connection "+pcx) { // its tags
					t.Errorf("gone without --prune: %s", l)
				}
			}
			wantOne(t, "a new route", facts(r, "rtb-0000000000000a001 10.20.0.0/17 -> "+pcx))
			wantOne(t, "a new rule", facts(r, "tcp 8443-8443 10.20.0.0/16", `"peerd:owner":"acme"`))

			before = r.Sim.Dump()
			pass, _ = r.Prune(1)
			simtest.MustExit(t, "pass with --prune", pass, reconcile.ExitInSync)
			if went := lost(r, before); len(went) != 2 || len(holding(went, " route ", "/16 -> "+pcx)) != 2 || len(holding(went, "a002")) > 0 {
				t.Errorf("went, want the routes of the two selected tables:\n%s", strings.Join(went, "\n"))
			}
			mustRest(t, r)
			wantByHand(t, r, pcx)
			r.Spec = withoutPeering(r.Spec, "taken")
			made := r.Sim.Dump()
			r.Prune(1)
			wantNone(t, "a connection that left the spec", facts(r, pcx, "status=active"))
			wantOne(t, "the identical rule", facts(r, "tcp 443-443 10.20.0.0/16", `"by hand" tags={}`))
			failures.Shown(t, 72, holds(made, "tcp 9999-9999 10.20.0.0/16", `"by hand" tags={}`), "what was made by hand is there")
		})
	}
	inBubble(t, "not without the word", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, strings.Replace(adopting, "    adopt: true\n", "", 1))
		pcx := byHand(r, false)
		first, _ := r.Apply() // makes hub-tools
		simtest.MustExit(t, "first pass", first, reconcile.ExitAttention)
		mustLeave(t, r, reconcile.ExitAttention, "connection-foreign: "+pcx, "adopt: true would take it over")
		failures.Shown(t, 72, len(facts(r, pcx, "status=active", "view=", "by-hand")) == 1, "the connection was made by hand")
	})
}

// wantByHand checks what was made by hand and is nobody else's business.
func wantByHand(t *testing.T, r *simtest.Rig, pcx string) {
	t.Helper()
	wantOne(t, "the identical rule", facts(r, "tcp 443-443 10.20.0.0/16", `"by hand" tags={}`))
	wantOne(t, "the other rule", facts(r, "tcp 9999-9999 10.20.0.0/16", `"by hand" tags={}`))
	wantOne(t, "the route of the table that is not selected", facts(r, "rtb-0000000000000a002 10.20.0.0/16 -> "+pcx, "state=active"))
}
