package failures_test

import (
	"bytes"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

const app = "sg-0000000000000a001" // the group app of hub

// openRules is a peering with rules on one side.
const openRules = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
peerings:
  - name: hub-tools
    requester:
      vpc: hub
      rules:
        - {group: app, protocol: tcp, ports: 443, description: web}
        - {group: app, protocol: tcp, ports: 8443}
        - {group: app, direction: egress, protocol: udp, ports: 53}
    accepter: {vpc: tools}
`

const (
	webRule = "        - {group: app, protocol: tcp, ports: 443, description: web}\n"
	dnsRule = "        - {group: app, direction: egress, protocol: udp, ports: 53}\n"
)

// withList is simtest.World with a prefix list beside the VPC hub.
var withList = bytes.Replace(simtest.World, []byte("      eu-west-1:\n"),
	[]byte("      eu-west-1:\n        prefixLists: [{id: pl-0000000000000a001, name: nets, max: 2, entries: [{cidr: 10.1.0.0/24}]}]\n"), 1)

// allow are the parameters of an Authorize call for one port and CIDR.
func allow(protocol, port, cidr string, tags ...string) map[string]string {
	out := map[string]string{"GroupId": app, "IpPermissions.1.IpProtocol": protocol, "IpPermissions.1.FromPort": port, "IpPermissions.1.ToPort": port}
	if strings.Contains(cidr, ":") {
		out["IpPermissions.1.Ipv6Ranges.1.CidrIpv6"] = cidr
	} else {
		out["IpPermissions.1.IpRanges.1.CidrIp"] = cidr
		out["IpPermissions.1.IpRanges.1.Description"] = "by hand"
	}
	for i := 0; i < len(tags); i += 2 {
		n := string(rune('1' + i/2))
		out["TagSpecification.1.ResourceType"] = "security-group-rule"
		out["TagSpecification.1.Tag."+n+".Key"], out["TagSpecification.1.Tag."+n+".Value"] = tags[i], tags[i+1]
	}
	return out
}

func ingress(params map[string]string) simtest.Edit {
	return simtest.Edit{Action: "AuthorizeSecurityGroupIngress", Account: network, Region: west, Params: params}
}

func egress(params map[string]string) simtest.Edit {
	return simtest.Edit{Action: "AuthorizeSecurityGroupEgress", Account: network, Region: west, Params: params}
}

// A rule of somebody else that is just what the spec wants satisfies it; it is not tagged, not changed, and not deleted with its entry.
func TestF49IdenticalRule(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		byHand simtest.Edit
		words  []string
		entry  string
	}{
		"made by hand":         {ingress(allow("tcp", "443", "10.1.0.0/16")), []string{"ingress tcp 443-443 10.1.0.0/16", `"by hand" tags={}`}, webRule},
		"of egress":            {egress(allow("udp", "53", "10.1.0.0/16")), []string{"egress udp 53-53 10.1.0.0/16", `"by hand" tags={}`}, dnsRule},
		"of another peerd":     {ingress(allow("tcp", "443", "10.1.0.0/16", "peerd:owner", "umbrella")), []string{"ingress tcp 443-443 10.1.0.0/16", `"umbrella"`}, webRule},
		"with somebody's tags": {ingress(allow("tcp", "443", "10.1.0.0/16", "team", "web")), []string{"ingress tcp 443-443 10.1.0.0/16", `"team":"web"`}, webRule},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, openRules)
				tc.byHand.Make(t, r.Sim)
				rule := wantOne(t, "the rule made by hand", facts(r, tc.words...))
				first, _ := r.Apply()
				simtest.MustExit(t, "pass", first, reconcile.ExitInSync)
				if n := len(facts(r, " rule ", app, `"peerd:owner":"acme"`)); n != 2 {
					t.Errorf("%d rules are ours, want the other two", n)
				}
				r.Spec = simtest.LoadSpec(t, openRules, tc.entry, "")
				pruned, calls := r.Prune(100)
				simtest.MustExit(t, "pass without its entry", pruned, reconcile.ExitInSync)
				simtest.WantActions(t, nil, calls)
				r.Spec = simtest.LoadSpec(t, openRules, openRules[strings.Index(openRules, "      rules:"):strings.Index(openRules, "    accepter:")], "")
				before := r.Sim.Dump()
				pruned, _ = r.Prune(100)
				simtest.MustExit(t, "pass without any rule", pruned, reconcile.ExitInSync)
				if n := len(holding(lost(r, before), `"peerd:owner":"acme"`)); n != 2 || len(lost(r, before)) != n {
					t.Errorf("went, want the two rules of ours:\n%s", strings.Join(lost(r, before), "\n"))
				}
				left := wantOne(t, "the rule that stays", facts(r, tc.words...))
				failures.Shown(t, 49, left == rule, "an identical rule was made by hand, and is as it was")
			})
		})
	}
	t.Run("made between our look and our call", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, identicalMeanwhile)
	})
}

func identicalMeanwhile(t *testing.T) {
	r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, openRules)
	var once atomic.Bool
	r.Sim.After(func(c ec2sim.Call) {
		if c.Action == "AcceptVpcPeeringConnection" && once.CompareAndSwap(false, true) {
			ingress(allow("tcp", "443", "10.1.0.0/16")).Make(t, r.Sim)
		}
	})
	pass, calls := r.Apply()
	simtest.MustExit(t, "pass", pass, reconcile.ExitInSync)
	duplicate := false
	for _, c := range of(calls, "AuthorizeSecurityGroupIngress") {
		duplicate = duplicate || c.Code == "InvalidPermission.Duplicate"
	}
	wantOne(t, "the rule made by hand", facts(r, "ingress tcp 443-443 10.1.0.0/16", `"by hand" tags={}`))
	wantOne(t, "the rule beside it in the same call", facts(r, "ingress tcp 8443-8443 10.1.0.0/16", `"peerd:owner":"acme"`))
	failures.Shown(t, 49, duplicate, "EC2 answered InvalidPermission.Duplicate")
}

// modify turns a rule of app into another, as a person does in the console.
func modify(rule, protocol, port, cidr string) simtest.Edit {
	p := "SecurityGroupRule.1.SecurityGroupRule."
	return simtest.Edit{Action: "ModifySecurityGroupRules", Account: network, Region: west, Params: map[string]string{"GroupId": app,
		"SecurityGroupRule.1.SecurityGroupRuleId": rule, p + "IpProtocol": protocol, p + "FromPort": port, p + "ToPort": port, p + "CidrIpv4": cidr, p + "Description": "web"}}
}

func revoke(rule string) simtest.Edit {
	return simtest.Edit{Action: "RevokeSecurityGroupIngress", Account: network, Region: west, Params: map[string]string{"GroupId": app, "SecurityGroupRuleId.1": rule}}
}

func tag(on string, tags ...string) simtest.Edit {
	out := simtest.Edit{Action: "CreateTags", Account: network, Region: west, Params: map[string]string{"ResourceId.1": on}}
	for i := 0; i < len(tags); i += 2 {
		n := string(rune('1' + i/2))
		out.Params["Tag."+n+".Key"], out.Params["Tag."+n+".Value"] = tags[i], tags[i+1]
	}
	return out
}

// A rule of ours that somebody edits where it can be changed back in place is changed back, in one call and with its id.
func TestF50RuleEditedAndChangedBack(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		edit func(rule string) simtest.Edit
		call string
	}{
		"ports":       {func(rule string) simtest.Edit { return modify(rule, "tcp", "444", "10.1.0.0/16") }, "ModifySecurityGroupRules"},
		"protocol":    {func(rule string) simtest.Edit { return modify(rule, "udp", "443", "10.1.0.0/16") }, "ModifySecurityGroupRules"},
		"CIDR":        {func(rule string) simtest.Edit { return modify(rule, "tcp", "443", "0.0.0.0/0") }, "ModifySecurityGroupRules"},
		"tag":         {func(rule string) simtest.Edit { return tag(rule, "peerd:peering", "mine") }, "CreateTags"},
		"description": {describe, "UpdateSecurityGroupRuleDescriptionsIngress"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := settled(t, ec2sim.Config{Delays: simtest.Lagging}, openRules)
				before := r.Sim.Dump()
				rule := id(wantOne(t, "our rule", facts(r, "ingress tcp 443-443 10.1.0.0/16")), 2)
				tc.edit(rule).Make(t, r.Sim)
				edited := r.Sim.Dump() != before
				pass, calls := r.Apply()
				simtest.MustExit(t, "pass", pass, reconcile.ExitInSync)
				simtest.WantActions(t, []string{tc.call}, calls)
				wantNone(t, "not changed back", lost(r, before))
				wantNone(t, "changed into", gained(r, before))
				failures.Shown(t, 50, edited, "somebody edited our rule")
			})
		})
	}
}

func describe(rule string) simtest.Edit {
	return simtest.Edit{Action: "UpdateSecurityGroupRuleDescriptionsIngress", Account: network, Region: west,
		Params: map[string]string{"GroupId": app, "SecurityGroupRuleDescription.1.SecurityGroupRuleId": rule, "SecurityGroupRuleDescription.1.Description": "mine"}}
}

// ourTags are those of a rule of ours; who copies a rule in the console may copy them too.
var ourTags = []string{"peerd:owner", "acme", "peerd:peering", "hub-tools"}

// A rule of ours that became one of another kind cannot be changed back: ours is added first, the edited one revoked by its id after, and
// that only with --prune.
func TestF50RuleEditedIntoAnotherKind(t *testing.T) {
	t.Parallel()
	list := allow("tcp", "443", "", ourTags...)
	delete(list, "IpPermissions.1.IpRanges.1.CidrIp")
	delete(list, "IpPermissions.1.IpRanges.1.Description")
	group := maps.Clone(list)
	list["IpPermissions.1.PrefixListIds.1.PrefixListId"] = "pl-0000000000000a001"
	group["IpPermissions.1.Groups.1.GroupId"] = "sg-0000000000000a002"
	for name, tc := range map[string]struct {
		edits  func(rule string) []simtest.Edit
		words  []string
		revoke string
	}{
		"IPv6":                 {replacedBy(ingress(allow("tcp", "443", "2001:db8:f::/56", ourTags...))), []string{"ingress tcp 443-443 2001:db8:f::/56"}, "RevokeSecurityGroupIngress"},
		"prefix list":          {replacedBy(ingress(list)), []string{"ingress tcp 443-443 pl-0000000000000a001"}, "RevokeSecurityGroupIngress"},
		"group":                {replacedBy(ingress(group)), []string{"ingress tcp 443-443", "sg-0000000000000a002"}, "RevokeSecurityGroupIngress"},
		"direction":            {replacedBy(egress(allow("tcp", "443", "10.1.0.0/16", ourTags...))), []string{"egress tcp 443-443 10.1.0.0/16"}, "RevokeSecurityGroupEgress"},
		"traffic and CIDR too": {func(rule string) []simtest.Edit { return []simtest.Edit{modify(rule, "udp", "1", "10.1.2.0/24")} }, []string{"ingress udp 1-1 10.1.2.0/24"}, "RevokeSecurityGroupIngress"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := settled(t, ec2sim.Config{Delays: simtest.Lagging, World: withList}, openRules)
				time.Sleep(simtest.Lagging.References) // EC2 takes its time to know a peer's groups
				before := r.Sim.Dump()
				for _, e := range tc.edits(id(wantOne(t, "our rule", facts(r, "ingress tcp 443-443 10.1.0.0/16")), 2)) {
					e.Make(t, r.Sim)
				}
				edited := wantOne(t, "the edited rule", facts(r, append(tc.words, `"peerd:owner":"acme"`)...))
				kept, calls := r.Apply()
				simtest.MustExit(t, "pass without --prune", kept, reconcile.ExitChanges)
				simtest.WantActions(t, []string{"AuthorizeSecurityGroupIngress"}, calls)
				wantOne(t, "the edited rule, without --prune", facts(r, edited))

				wantOne(t, "our rule, made again", facts(r, "ingress tcp 443-443 10.1.0.0/16", `"peerd:owner":"acme"`))
				again := id(wantOne(t, "our rule, made again", facts(r, "ingress tcp 443-443 10.1.0.0/16")), 2)
				revoke(again).Make(t, r.Sim)
				pass, calls := r.Prune(1)
				simtest.MustExit(t, "pass with --prune", pass, reconcile.ExitInSync)
				wantOrder(t, calls, "AuthorizeSecurityGroupIngress", tc.revoke)
				if got := calls[len(calls)-1].Params; got.Get("SecurityGroupRuleId.1") != id(edited, 2) || got.Has("IpPermissions.1.IpProtocol") {
					t.Errorf("revoked with %v, want by the id alone", got)
				}
				simtest.WantSame(t, "the world before", simtest.Anonymous(simtest.Lines(before)), "after", simtest.Anonymous(simtest.Lines(r.Sim.Dump())))
				failures.Shown(t, 50, edited != "", "our rule became one of another kind")
			})
		})
	}
}

// replacedBy is how a person turns a rule into one of another kind: by removing it and making the other, with the same tags.
func replacedBy(e simtest.Edit) func(rule string) []simtest.Edit {
	return func(rule string) []simtest.Edit { return []simtest.Edit{revoke(rule), e} }
}
