package failures_test

import (
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// twoPeerings have rules in one group: one names a group of its peer, and both open the same to wherever it is.
const twoPeerings = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}
peerings:
` + eastEntry + toolsEntry

const (
	eastEntry = `  - name: hub-east
    requester:
      vpc: hub
      rules:
        - {group: app, protocol: tcp, ports: 443, peer: [{cidr: 10.0.0.0/8, wider: true}]}
    accepter: {vpc: east}
`
	toolsEntry = `  - name: hub-tools
    requester:
      vpc: hub
      rules:
        - {group: app, protocol: tcp, ports: 443, peer: [{cidr: 10.0.0.0/8, wider: true}]}
        - {group: app, protocol: tcp, ports: 8443, peer: {group: web}}
    accepter: {vpc: tools}
`
)

// fromWeb are the parameters of an Authorize call that lets in the group web of tools.
func fromWeb(port string, tags ...string) map[string]string {
	out := allow("tcp", port, "", tags...)
	maps.DeleteFunc(out, func(k, _ string) bool {
		return k == "IpPermissions.1.IpRanges.1.CidrIp" || k == "IpPermissions.1.IpRanges.1.Description"
	})
	out["IpPermissions.1.Groups.1.GroupId"] = "sg-0000000000000a002"
	return out
}

// What is left of rules when the connection that they went over is gone: ours goes with --prune, and nobody else's ever.
func TestF52StaleRules(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tags []string
		left string // of the spec, after hub-tools
		went int
	}{
		"ours":                             {[]string{"peerd:owner", "acme", "peerd:peering", "hub-tools"}, eastEntry, 2},
		"ours of long ago":                 {[]string{"peerd:owner", "acme", "peerd:peering", "gone"}, eastEntry, 2},
		"ours where no entry names groups": {[]string{"peerd:owner", "acme"}, "  - {name: hub-east, requester: {vpc: hub}, accepter: {vpc: east}}\n", 3},
		"made by hand":                     {nil, eastEntry, 1},
		"made by hand, and labeled":        {[]string{"peerd:peering", "hub-tools"}, eastEntry, 1},
		"another owner's":                  {[]string{"peerd:owner", "umbrella", "peerd:peering", "hub-tools"}, eastEntry, 1},
		"released":                         {[]string{"peerd:owner", "none", "peerd:peering", "hub-tools"}, eastEntry, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, twoPeerings)
				time.Sleep(simtest.Lagging.References) // EC2 takes its time to know a peer's groups
				ingress(fromWeb("8080", tc.tags...)).Make(t, r.Sim)
				gone := id(wantOne(t, "the connection", facts(r, " connection ", `"hub-tools"`)), 2)
				r.Do(network, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", gone)
				r.Spec = simtest.LoadSpec(t, twoPeerings, toolsEntry, "", eastEntry, tc.left)
				stale := facts(r, " rule ", "via="+gone+" peering=deleted")
				before := r.Sim.Dump()
				kept, calls := r.Apply()
				simtest.MustExit(t, "pass without --prune", kept, reconcile.ExitChanges)
				simtest.WantActions(t, nil, calls)
				pruned, _ := r.Prune(100)
				simtest.MustExit(t, "pass with --prune", pruned, reconcile.ExitInSync)
				went := holding(lost(r, before), " rule ")
				if n := len(went); n != tc.went || len(holding(went, `"peerd:owner":"acme"`)) != n {
					t.Errorf("went, want %d of ours:\n%s", tc.went, strings.Join(went, "\n"))
				}
				failures.Shown(t, 52, len(stale) == 2, "two rules go over a deleted connection")
			})
		})
	}
}

// Two peerings open the same to one group: as long as one of them is there, the rule stays, with its id, whoever made it.
func TestF66SharedRule(t *testing.T) {
	t.Parallel()
	line := "        - {group: app, protocol: tcp, ports: 443, peer: [{cidr: 10.0.0.0/8, wider: true}]}\n"
	for name, tc := range map[string]struct {
		replace []string
		stays   bool
		label   string // whose the rule is afterwards
	}{
		"the one that made it goes":                {[]string{eastEntry, ""}, true, "hub-tools"},
		"the other goes":                           {[]string{toolsEntry, ""}, true, "hub-east"},
		"the one that made it does not want it":    {[]string{eastEntry, strings.Replace(eastEntry, "      rules:\n"+line, "", 1)}, true, "hub-tools"},
		"the other does not want it":               {[]string{toolsEntry, strings.Replace(toolsEntry, line, "", 1)}, true, "hub-east"},
		"one goes and the other gets another name": {[]string{eastEntry, "", "name: hub-tools", "name: tools"}, true, "tools"},
		"none of them wants it":                    {[]string{line, "        - {group: app, protocol: udp, ports: 53}\n"}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, twoPeerings)
				first := holding(ruleCalls(r.Sim.Calls()), "10.0.0.0/8")
				shared := wantOne(t, "the shared rule", facts(r, "ingress tcp 443-443 10.0.0.0/8"))
				r.Spec = simtest.LoadSpec(t, twoPeerings, tc.replace...)
				r.Apply()
				wantOne(t, "the shared rule, without --prune", facts(r, id(shared, 2)))
				pruned, _ := r.Prune(100)
				simtest.MustExit(t, "pass with --prune", pruned, reconcile.ExitInSync)
				after := facts(r, id(shared, 2))
				switch {
				case tc.stays:
					rule := wantOne(t, "the shared rule", after)
					wantOne(t, "the shared rule as it was but for its label", holding([]string{strings.Replace(rule, tc.label, "hub-east", 1)}, shared))
				default:
					wantNone(t, "a rule that nobody wants", after)
				}
				failures.Shown(t, 66, strings.Contains(shared, `"hub-east"`) && len(first) == 1, "two peerings want a rule, and it was made once")
			})
		})
	}
}

// ruleCalls are the CIDRs of calls that allow rules.
func ruleCalls(calls []ec2sim.Call) []string {
	var out []string
	for _, c := range of(calls, "AuthorizeSecurityGroupIngress") {
		out = append(out, c.Params.Get("IpPermissions.1.IpRanges.1.CidrIp"))
	}
	return out
}
