package failures_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// asksDNS is a spec of a peering that asks for the DNS option on both sides, and for routes and a rule.
const asksDNS = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}
peerings:
  - name: hub-pay
    requester: {vpc: hub, dns: true, rules: [{group: app, protocol: tcp, ports: 443}]}
    accepter: {vpc: pay, dns: true, routes: {tables: main}}
`

// attribute is what a person does to a VPC's DNS attributes.
func attribute(account, vpc, name, value string) simtest.Edit {
	return simtest.Edit{Action: "ModifyVpcAttribute", Account: account, Region: west, Params: map[string]string{"VpcId": vpc, name + ".Value": value}}
}

// The DNS option is asked for, and a VPC has its DNS attributes off: that is said and not tried, while routes and rules are made; once the
// attributes are on, the option is set.
func TestF56DNSAttributesOff(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ account, vpc, attribute, shown string }{
		"hostnames of the requester": {network, hub, "EnableDnsHostnames", "dns-hostnames=false"},
		"hostnames of the accepter":  {payments, pay, "EnableDnsHostnames", "dns-hostnames=false"},
		"both of the requester":      {network, hub, "EnableDnsSupport", "dns-support=false"},
		"both of the accepter":       {payments, pay, "EnableDnsSupport", "dns-support=false"},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, asksDNS)
			attribute(tc.account, tc.vpc, "EnableDnsHostnames", "false").Make(t, r.Sim)
			attribute(tc.account, tc.vpc, tc.attribute, "false").Make(t, r.Sim)
			off := facts(r, " vpc "+tc.vpc, tc.shown)
			pass, calls := r.Apply()
			simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
			mustSay(t, pass, "dns-attributes-off", tc.account+"/eu-west-1/"+tc.vpc+" has them off")
			if n := len(of(calls, "ModifyVpcPeeringConnectionOptions")); n > 0 {
				t.Errorf("the option was asked for %d times, though EC2 must refuse it", n)
			}
			wantOpen(t, r)
			attribute(tc.account, tc.vpc, tc.attribute, "true").Make(t, r.Sim)
			attribute(tc.account, tc.vpc, "EnableDnsHostnames", "true").Make(t, r.Sim)
			pass, _ = r.Apply()
			simtest.MustExit(t, "pass with the attributes on", pass, reconcile.ExitInSync)
			if n := len(facts(r, " connection ", "dns=true")); n != 2 {
				t.Errorf("the option is on in %d views, want both", n)
			}
			failures.Shown(t, 56, len(off) == 1, "the VPC has its DNS attributes off")
		})
	}
	inBubble(t, "turned off between our look and our call", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, asksDNS)
		during(r, "AcceptVpcPeeringConnection", func(url.Values) { attribute(payments, pay, "EnableDnsHostnames", "false").Make(t, r.Sim) })
		pass, calls := r.Apply()
		simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
		mustSay(t, pass, "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled")
		wantOpen(t, r)
		wantRefused(t, calls)
	})
	inBubble(t, "of a partner, which cannot be read", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, asksDNS)
		r.Spec = simtest.LoadSpec(t, asksDNS, `payments: {id: "222222222222", role: peerd}`, `partner: {id: "999999999999", managed: false}`,
			"pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}", "pay: {account: partner, region: eu-west-1, id: vpc-0000000000000c001, cidrs: [10.200.0.0/16]}",
			"{vpc: pay, dns: true, routes: {tables: main}}", "{vpc: pay}")
		asked, _ := r.Apply()
		simtest.MustExit(t, "pass that asks the partner", asked, reconcile.ExitChanges)
		time.Sleep(simtest.Lagging.Visible)
		r.Do("999999999999", west, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id(wantOne(t, "request", facts(r, " connection ", "view=accepter", "pending-acceptance")), 2))
		pass, calls := r.Apply()
		simtest.MustExit(t, "pass", pass, reconcile.ExitAttention)
		mustSay(t, pass, "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled")
		wantOne(t, "the rule", facts(r, " rule ", "ingress tcp 443-443 10.200.0.0/16"))
		if n := len(facts(r, " 10.200.0.0/16 -> pcx-", "state=active")); n != 2 {
			t.Errorf("%d routes, want one in each table of hub", n)
		}
		wantRefused(t, calls)
	})
}

// wantOpen checks that everything but the option is there: the connection, routes on both sides, and the rules.
func wantOpen(t *testing.T, r *simtest.Rig) {
	t.Helper()
	for what, words := range map[string][]string{
		"the requester's view": {" connection ", "status=active view=requester dns=false"},
		"the accepter's view":  {" connection ", "status=active view=accepter dns=false"},
		"a route to pay":       {"rtb-0000000000000a002 10.20.0.0/16 -> pcx-", "state=active"},
		"a route to hub":       {"rtb-0000000000000b001 10.0.0.0/16 -> pcx-", "state=active"},
		"a rule":               {" rule ", "ingress tcp 443-443 10.20.0.0/16"},
	} {
		wantOne(t, what, facts(r, words...))
	}
}

// wantRefused checks that EC2 refused the option in so many words, and registers that this was the fault.
func wantRefused(t *testing.T, calls []ec2sim.Call) {
	t.Helper()
	refused := of(calls, "ModifyVpcPeeringConnectionOptions")
	failures.Shown(t, 56, len(refused) > 0 && refused[0].Code == "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled", "EC2 refuses the option for the attributes of a VPC")
}
