package crash

import (
	"strings"
	"time"

	"github.com/peerd/peerd/pkg/simtest"
)

// adopted are connections of other people that a spec takes over.
func adopted() []scenario {
	const adopt = "adopt: true"
	return []scenario{
		{name: "adopt an active connection with its routes and rules", does: "AuthorizeIngress CreateRoute CreateTags",
			spec: commit(peering("old", "hub, rules: [{group: app, protocol: tcp, ports: [443, 8443]}]", "legacy", adopt))},
		{name: "adopt an active connection in the other direction", does: "CreateRoute CreateTags",
			spec: commit(peering("old", "legacy", "hub, routes: {tables: all}", adopt))},
		{name: "adopt a request that waits", does: "Accept CreateRoute CreateTags",
			others: func(r *simtest.Rig) { request(r, network, hub, payments, pay) },
			spec:   commit(peering("hub-pay", "hub", "pay", adopt))},
		{name: "adopt a request that waits in the other direction", does: "Accept CreateRoute CreateTags",
			others: func(r *simtest.Rig) { request(r, payments, pay, network, hub) },
			spec:   commit(peering("hub-pay", "hub", "pay", adopt))},
		{name: "adopt a request within one account", does: "Accept CreateRoute CreateTags",
			others: func(r *simtest.Rig) { request(r, network, tools, network, hub) },
			spec:   commit(peering("hub-tools", "hub", "tools", adopt, "tags: {team: net}"))},
		{name: "adopt beside a twin of a stranger", does: "CreateRoute CreateTags",
			others: func(r *simtest.Rig) {
				accept(r, payments, request(r, network, hub, payments, pay))
				request(r, payments, pay, network, hub)
			},
			spec: commit(peering("hub-pay", "hub", "pay", adopt))},
	}
}

// changed are commits that change what is there.
func changed() []scenario {
	rules := func(rules string) string {
		return commit(peering("hub-pay", "hub, routes: {tables: main}, rules: ["+rules+"]", "pay, routes: {tables: main}"))
	}
	return []scenario{
		{name: "more tables", does: "CreateRoute",
			was: commit(peering("hub-pay", "hub, routes: {tables: main}", "pay, routes: {tables: main}")), spec: commit(hubPay)},
		{name: "fewer tables, which are then not managed", does: "",
			was: commit(hubPay), spec: commit(peering("hub-pay", "hub, routes: {tables: main}", "pay")), prune: 1},
		{name: "other destinations", does: "CreateRoute DeleteRoute", prune: 1,
			was:  commit(peering("hub-pay", "hub, routes: {to: [10.20.0.0/16]}", "pay")),
			spec: commit(peering("hub-pay", "hub, routes: {to: [10.20.0.0/17, 10.20.128.0/17]}", "pay"))},
		{name: "other ports", does: "ModifyRules",
			was: rules("{group: app, protocol: tcp, ports: [8443, 9443]}"), spec: rules("{group: app, protocol: tcp, ports: [8444, 9444]}")},
		{name: "another kind of peer", does: "AuthorizeIngress RevokeIngress", prune: 1,
			was:  rules("{group: app, protocol: tcp, ports: 8443}"),
			spec: rules("{group: app, protocol: tcp, ports: 8443, peer: {group: client}}")},
		{name: "another direction of rules", does: "AuthorizeEgress RevokeIngress", prune: 1,
			was:  rules("{group: app, protocol: tcp, ports: [8443, 9443]}"),
			spec: rules("{group: app, protocol: tcp, ports: [8443, 9443], direction: egress}")},
		{name: "other descriptions", does: "UpdateRuleDescriptionsIngress",
			was:  rules("{group: app, protocol: tcp, ports: [8443, 9443], description: old}"),
			spec: rules("{group: app, protocol: tcp, ports: [8443, 9443], description: new}")},
		{name: "other tags", does: "CreateTags",
			was:  commit(peering("hub-pay", "hub, rules: [{group: app, protocol: tcp, ports: 8443}]", "pay", "tags: {team: net}")),
			spec: commit(peering("hub-pay", "hub, rules: [{group: app, protocol: tcp, ports: 8443}]", "pay", "tags: {team: core, ticket: NET-7}"))},
		{name: "dns on", does: "ModifyOptions",
			was: commit(hubPay), spec: commit(peering("hub-pay", "hub, dns: true", "pay, dns: true"))},
		{name: "dns off", does: "ModifyOptions",
			was: commit(peering("hub-pay", "hub, dns: true", "pay, dns: true")), spec: commit(peering("hub-pay", "hub, dns: false", "pay, dns: false"))},
		{name: "another label", does: "CreateTags",
			was:  commit(peering("hub-pay", "hub, rules: [{group: app, protocol: tcp, ports: [8443, 9443]}]", "pay")),
			spec: commit(peering("payments", "hub, rules: [{group: app, protocol: tcp, ports: [8443, 9443]}]", "pay"))},
		{name: "two labels change places", does: "CreateTags",
			was: commit(hubPay, hubTools), spec: commit(peering("hub-tools", "hub", "pay"), peering("hub-pay", "hub", "tools"))},
		{name: "the requester changes in the spec", does: "CreateTags",
			was: commit(hubPay), spec: commit(peering("pay-hub", "pay", "hub"))},
		{name: "a peering becomes a mesh's", does: "Accept Create CreateRoute CreateTags",
			was: commit(hubTools), spec: "meshes: [{name: core, vpcs: [hub, tools, east]}]\n"},
		{name: "a shared rule for two new peerings", does: "Accept AuthorizeIngress Create CreateRoute CreateTags",
			spec: commit(
				peering("hub-data", "hub, rules: [{group: app, protocol: tcp, ports: 8443, peer: [{cidr: 10.0.0.0/8, wider: true}]}]", "data"),
				peering("hub-pay", "hub, rules: [{group: app, protocol: tcp, ports: 8443, peer: [{cidr: 10.0.0.0/8, wider: true}]}]", "pay"))},
		{name: "a CIDR is associated", does: "AuthorizeIngress CreateRoute",
			was: commit(peering("hub-tools", "hub, rules: [{group: app, protocol: tcp, ports: 8443}]", "tools")),
			others: func(r *simtest.Rig) {
				r.Do(network, west, "AssociateVpcCidrBlock", "VpcId", tools, "CidrBlock", "10.3.0.0/16")
				time.Sleep(time.Minute)
			},
			spec: commit(peering("hub-tools", "hub, rules: [{group: app, protocol: tcp, ports: 8443}]", "tools"))},
		{name: "a table gains the tag that selects it", does: "CreateRoute",
			was: commit(peering("hub-pay", "hub, routes: {tables: {tags: {tier: private}}}", "pay")),
			others: func(r *simtest.Rig) {
				r.Do(network, west, "CreateTags", "ResourceId.1", hubMain, "Tag.1.Key", "tier", "Tag.1.Value", "private")
			},
			spec: commit(peering("hub-pay", "hub, routes: {tables: {tags: {tier: private}}}", "pay"))},
	}
}

// ruleTo returns the id of the rule that a dump describes so.
func ruleTo(r *simtest.Rig, what string) string {
	for _, l := range simtest.Lines(r.Sim.Dump()) {
		if strings.Contains(l, what) {
			return strings.Fields(l)[2]
		}
	}
	r.T.Fatalf("no rule %s:\n%s", what, r.Sim.Dump())
	return ""
}

// mended are things that people did to what is peerd's.
func mended() []scenario {
	const rules = "hub, rules: [{group: app, protocol: tcp, ports: [8443, 9443], description: by peerd}]"
	withRules := commit(peering("hub-pay", rules, "pay"))
	return []scenario{
		{name: "routes deleted by hand", was: commit(hubPay), spec: commit(hubPay), does: "CreateRoute",
			others: func(r *simtest.Rig) {
				r.Do(network, west, "DeleteRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "10.20.0.0/16")
				r.Do(network, west, "DeleteRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "100.64.0.0/20")
			}},
		{name: "a rule revoked and one edited by hand", was: withRules, spec: withRules, does: "AuthorizeIngress RevokeIngress", prune: 1,
			others: func(r *simtest.Rig) {
				rule := []string{"GroupId", hubApp, "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "8443", "IpPermissions.1.ToPort", "8443", "IpPermissions.1.IpRanges.1.CidrIp"}
				r.Do(network, west, "RevokeSecurityGroupIngress", append(rule, "10.20.0.0/16")...)
				r.Do(network, west, "ModifySecurityGroupRules", "GroupId", hubApp, "SecurityGroupRule.1.SecurityGroupRuleId", ruleTo(r, "tcp 9443-9443 100.64.0.0/20"),
					"SecurityGroupRule.1.SecurityGroupRule.IpProtocol", "tcp", "SecurityGroupRule.1.SecurityGroupRule.FromPort", "1", "SecurityGroupRule.1.SecurityGroupRule.ToPort", "65535", "SecurityGroupRule.1.SecurityGroupRule.CidrIpv4", "0.0.0.0/0")
			}},
		{name: "tags of one view deleted by hand", was: commit(hubPay), spec: commit(hubPay), does: "CreateTags",
			others: func(r *simtest.Rig) {
				r.Do(payments, west, "DeleteTags", "ResourceId.1", simtest.Newest(r.Sim), "Tag.1.Key", "peerd:owner", "Tag.2.Key", "peerd:peering")
			}},
		{name: "an option switched by hand", was: commit(hubData), spec: commit(hubData), does: "ModifyOptions",
			others: func(r *simtest.Rig) {
				r.Do(payments, easternUS, "ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId", "PCX", "AccepterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", "false")
				time.Sleep(time.Second)
			}},
	}
}
