package crash

import (
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

const removal = "CreateTags Delete DeleteRoute"

// removed are commits that no longer want something.
func removed() []scenario {
	const shared = "rules: [{group: app, protocol: tcp, ports: 8443, peer: [{cidr: 10.0.0.0/8, wider: true}]}]"
	withRules := peering("hub-pay", "hub, rules: [{group: app, protocol: tcp, ports: [8443, 9443]}]", "pay, rules: [{group: client, protocol: tcp, ports: 443}]")
	return []scenario{
		{name: "a peering leaves", was: commit(hubPay, hubTools), spec: commit(hubTools), prune: 1, does: removal},
		{name: "a peering leaves, with its rules", was: commit(withRules, hubTools), spec: commit(hubTools), prune: 1, does: "CreateTags Delete DeleteRoute RevokeIngress"},
		{name: "a peering between regions leaves", was: commit(hubData, hubTools), spec: commit(hubTools), prune: 1, does: removal},
		{name: "a peering within one account leaves", was: commit(hubPay, hubTools), spec: commit(hubPay), prune: 1, does: removal},
		{name: "two peerings leave", was: commit(hubPay, hubData, hubTools), spec: commit(hubTools), prune: 2, does: removal},
		{name: "a peering leaves and another comes", was: commit(hubPay, hubTools), spec: commit(hubTools, hubData), prune: 1,
			does: "Accept Create CreateRoute CreateTags Delete DeleteRoute ModifyOptions"},
		{name: "one of two leaves that want the same rule", prune: 1, does: removal,
			was:  commit(peering("hub-data", "hub, "+shared, "data"), peering("hub-pay", "hub, "+shared, "pay")),
			spec: commit(peering("hub-pay", "hub, "+shared, "pay"))},
		{name: "rules leave", prune: 1, does: "RevokeIngress",
			was: commit(withRules), spec: commit(peering("hub-pay", "hub, rules: [{group: app, protocol: tcp, ports: 8443}]", "pay"))},
		{name: "a member leaves a mesh", prune: 2, does: removal,
			was: "meshes: [{name: core, vpcs: [hub, tools, east], side: {routes: {tables: main}}}]\n", spec: "meshes: [{name: core, vpcs: [hub, tools], side: {routes: {tables: main}}}]\n"},
		{name: "a mesh becomes a hub", prune: 1, does: removal,
			was: "meshes: [{name: core, vpcs: [hub, tools, east], side: {routes: {tables: main}}}]\n", spec: "hubs: [{name: edge, hub: hub, spokes: [tools, east], hubSide: {routes: {tables: main}}, spokeSide: {routes: {tables: main}}}]\n"},
		{name: "a peering is wanted again before its removal is finished", was: commit(hubPay, hubTools), spec: commit(hubPay, hubTools), does: "CreateRoute CreateTags",
			others: func(r *simtest.Rig) { // or a peerd that was stopped there
				r.Do(network, west, "CreateTags", "ResourceId.1", joining(r, pay), "Tag.1.Key", "peerd:entry", "Tag.1.Value", "leaving")
				r.Do(network, west, "DeleteRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "10.20.0.0/16")
			}},
		{name: "more leave than may", was: commit(hubPay, hubData, hubTools), spec: commit(hubTools, peering("hub-east", "hub", "east")), prune: 1, exit: reconcile.ExitAttention,
			does: "Accept Create CreateRoute CreateTags"},
		{name: "a region leaves", prune: 1, does: "CreateTags Delete DeleteRoute RevokeIngress",
			was:  commit(hubTools, peering("east-data", "east", "data, rules: [{group: db, protocol: tcp, ports: 5432}]")),
			spec: inOneRegion + commit(hubTools)},
		{name: "the entry of a stranger's pair leaves", was: commit(hubTools, hubPay), spec: commit(hubTools), prune: 2, does: "",
			others: func(r *simtest.Rig) { // released: its tags say that it is not peerd's any more
				id := joining(r, pay)
				for _, account := range []string{network, payments} {
					r.Do(account, west, "CreateTags", "ResourceId.1", id, "Tag.1.Key", "peerd:owner", "Tag.1.Value", "none")
				}
			}},
	}
}

// inOneRegion is the head without the VPCs of the other region; their account says that leftovers may be there.
var inOneRegion = strings.NewReplacer(
	`payments: {id: "222222222222", role: peerd}`, `payments: {id: "222222222222", role: peerd, regions: [us-east-1]}`,
	"  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}\n", "",
	"  data: {account: payments, region: us-east-1, id: vpc-0000000000000b101}\n", "",
).Replace(head)

// joining returns the living connection of a VPC that was not there at first.
func joining(r *simtest.Rig, vpc string) string {
	for _, l := range simtest.Lines(r.Sim.Dump()) {
		f := strings.Fields(l)
		if f[1] == "connection" && strings.Contains(l, vpc) && strings.Contains(l, "status=active") {
			return f[2]
		}
	}
	r.T.Fatalf("no connection of %s:\n%s", vpc, r.Sim.Dump())
	return ""
}

// replaced are things in the place of others.
func replaced() []scenario {
	newHub := strings.Replace(head, "id: "+hub, "id: vpc-0000000000000a00a", 1)
	return []scenario{
		{name: "the hub is replaced", was: commit(hubPay, hubTools), spec: newHub + commit(hubPay, hubTools), exit: reconcile.ExitChanges,
			does: "Accept Create CreateRoute CreateTags ReplaceRoute"},
		{name: "the hub is replaced, and the old one leaves", was: commit(hubPay, hubTools), spec: newHub + commit(hubPay, hubTools), prune: 2,
			does: "Accept Create CreateRoute CreateTags Delete DeleteRoute ReplaceRoute"},
		{name: "the hub is replaced under a group reference", prune: 1, does: "Accept AuthorizeIngress Create CreateRoute CreateTags Delete DeleteRoute ReplaceRoute RevokeIngress",
			was:  commit(peering("hub-pay", "hub, routes: {tables: main}", "pay, routes: {tables: main}, rules: [{group: client, protocol: tcp, ports: 443, peer: {group: app}}]")),
			spec: newHub + commit(peering("hub-pay", "hub, routes: {tables: main}", "pay, routes: {tables: main}, rules: [{group: client, protocol: tcp, ports: 443, peer: {group: app}}]"))},
		{name: "a blackhole of a stranger's connection", spec: commit(hubPay), does: "Accept Create CreateRoute CreateTags ReplaceRoute",
			others: func(r *simtest.Rig) {
				id := request(r, network, hub, payments, pay)
				accept(r, payments, id)
				r.Do(network, west, "CreateRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "10.20.0.0/16", "VpcPeeringConnectionId", id)
				r.Do(network, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
			}},
		{name: "a destination is taken from a gateway", spec: commit(peering("hub-pay", "hub, routes: {onConflict: replace}", "pay")), does: "Accept Create CreateRoute CreateTags ReplaceRoute",
			others: func(r *simtest.Rig) {
				r.Do(network, west, "CreateRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "10.20.0.0/16", "NatGatewayId", "nat-0000000000000a001")
			}},
		{name: "deleted by hand", was: commit(hubPay), spec: commit(hubPay), does: "Accept Create CreateTags ReplaceRoute",
			others: func(r *simtest.Rig) {
				r.Do(payments, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", simtest.Newest(r.Sim))
			}},
		{name: "being deleted by hand between regions", was: commit(hubData), spec: commit(hubData), does: "Accept Create CreateTags ModifyOptions ReplaceRoute",
			others: func(r *simtest.Rig) {
				r.Do(payments, easternUS, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", simtest.Newest(r.Sim))
			}},
		{name: "a twin of ours waits", was: commit(hubPay), spec: commit(hubPay), prune: 1, does: "Delete",
			others: func(r *simtest.Rig) { // two peerd asked in both directions
				r.Do(payments, west, "CreateVpcPeeringConnection", "VpcId", pay, "PeerVpcId", hub, "PeerOwnerId", network,
					"TagSpecification.1.ResourceType", "vpc-peering-connection", "TagSpecification.1.Tag.1.Key", "peerd:owner", "TagSpecification.1.Tag.1.Value", "acme")
				time.Sleep(time.Second)
			}},
		{name: "twins of ours both wait", spec: commit(hubPay), prune: 1, does: "Accept CreateRoute CreateTags Delete",
			others: func(r *simtest.Rig) {
				for _, ask := range [][]string{{network, hub, payments, pay}, {payments, pay, network, hub}} {
					r.Do(ask[0], west, "CreateVpcPeeringConnection", "VpcId", ask[1], "PeerVpcId", ask[3], "PeerOwnerId", ask[2],
						"TagSpecification.1.ResourceType", "vpc-peering-connection", "TagSpecification.1.Tag.1.Key", "peerd:owner", "TagSpecification.1.Tag.1.Value", "acme")
					time.Sleep(time.Second)
				}
			}},
	}
}

// withPartner are peerings of which one side is another company's.
func withPartner() []scenario {
	asked := commit(peering("with-them", "tools, rules: [{group: web, protocol: tcp, ports: 443}]", "them"))
	asks := commit(peering("with-them", "them", "tools, rules: [{group: web, protocol: tcp, ports: 443}]"))
	return []scenario{
		{name: "a partner is asked", spec: asked, does: "Create", exit: reconcile.ExitChanges},
		{name: "a partner has accepted", was: asked, spec: asked, does: "AuthorizeIngress CreateRoute",
			others: func(r *simtest.Rig) { accept(r, partner, simtest.Newest(r.Sim)) }},
		{name: "a partner asks", spec: asks, does: "Accept AuthorizeIngress CreateRoute CreateTags",
			others: func(r *simtest.Rig) { request(r, partner, them, network, tools) }},
		{name: "a partner's entry changes", was: asked, spec: commit(peering("with-them", "tools", "them", "tags: {ticket: NET-7}")), prune: 1, does: "CreateTags RevokeIngress",
			others: func(r *simtest.Rig) { accept(r, partner, simtest.Newest(r.Sim)); r.Apply() }},
		{name: "a partner's peering leaves", was: commit(hubTools) + strings.TrimPrefix(asked, "peerings:\n"), spec: commit(hubTools), prune: 1, does: "CreateTags Delete DeleteRoute RevokeIngress",
			others: func(r *simtest.Rig) { accept(r, partner, simtest.Newest(r.Sim)); r.Apply() }},
		{name: "a request to a partner is withdrawn", was: commit(hubTools) + strings.TrimPrefix(asked, "peerings:\n"), spec: commit(hubTools), prune: 1, does: "CreateTags Delete"},
	}
}

// askedAgain are requests that came to nothing.
func askedAgain() []scenario {
	nowhere := strings.Replace(head, "id: "+them, "id: vpc-0000000000000c00f", 1)
	asked := commit(peering("with-them", "tools", "them"))
	return []scenario{
		{name: "a request failed, and its rest is over", was: nowhere + asked, spec: nowhere + asked, does: "Create", exit: reconcile.ExitAttention,
			others: func(*simtest.Rig) { time.Sleep(time.Hour) }},
		{name: "a request failed, and the entry changed", was: nowhere + asked, spec: asked, does: "Create", exit: reconcile.ExitChanges},
		{name: "a request was rejected", was: asked, spec: asked, does: "", exit: reconcile.ExitAttention,
			others: func(r *simtest.Rig) {
				r.Do(partner, west, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", simtest.Newest(r.Sim))
			}},
		{name: "a request was rejected, and the entry changed", was: asked, spec: commit(peering("with-them", "tools", "them", "tags: {ticket: NET-7}")), does: "Create", exit: reconcile.ExitChanges,
			others: func(r *simtest.Rig) {
				r.Do(partner, west, "RejectVpcPeeringConnection", "VpcPeeringConnectionId", simtest.Newest(r.Sim))
			}},
		{name: "a request expired", was: asked, spec: asked, does: "Create", exit: reconcile.ExitChanges,
			others: func(*simtest.Rig) { time.Sleep(8 * 24 * time.Hour) }},
		{name: "a partner deleted it", was: asked, spec: asked, does: "", exit: reconcile.ExitAttention,
			others: func(r *simtest.Rig) {
				accept(r, partner, simtest.Newest(r.Sim))
				r.Apply()
				r.Do(partner, west, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", simtest.Newest(r.Sim))
			}},
	}
}

// leftAlone are things of which peerd keeps its hands, beside others that it does.
func leftAlone() []scenario {
	return []scenario{
		{name: "one of two is suspended", spec: commit(peering("hub-pay", "hub", "pay", "suspend: {reason: INC-42}"), hubTools), does: "Accept Create CreateRoute", exit: reconcile.ExitChanges},
		{name: "suspended by a tag while it leaves", was: commit(hubPay, hubTools), spec: commit(hubTools, hubData), prune: 2, exit: reconcile.ExitChanges,
			does: "Accept Create CreateRoute CreateTags ModifyOptions",
			others: func(r *simtest.Rig) {
				r.Do(network, west, "CreateTags", "ResourceId.1", joining(r, pay), "Tag.1.Key", "peerd:suspend", "Tag.1.Value", "INC-42")
			}},
		{name: "a stranger's connection beside another pair", spec: commit(peering("old", "hub", "legacy"), hubTools), does: "Accept Create CreateRoute", exit: reconcile.ExitAttention},
		{name: "another owner's connection beside another pair", spec: commit(hubPay, hubTools), prune: 2, does: "Accept Create CreateRoute", exit: reconcile.ExitAttention,
			others: func(r *simtest.Rig) {
				id := request(r, network, hub, payments, pay)
				r.Do(network, west, "CreateTags", "ResourceId.1", id, "Tag.1.Key", "peerd:owner", "Tag.1.Value", "umbrella")
			}},
		{name: "a destination is held by a gateway", spec: commit(hubPay), does: "Accept Create CreateRoute CreateTags", exit: reconcile.ExitAttention,
			others: func(r *simtest.Rig) {
				r.Do(network, west, "CreateRoute", "RouteTableId", hubMain, "DestinationCidrBlock", "10.20.0.0/16", "NatGatewayId", "nat-0000000000000a001")
			}},
		{name: "identical rules made by hand", spec: commit(peering("hub-pay", "hub, rules: [{group: app, protocol: tcp, ports: [8443, 9443]}]", "pay")), prune: 1, does: "Accept AuthorizeIngress Create CreateRoute CreateTags",
			others: func(r *simtest.Rig) {
				r.Do(network, west, "AuthorizeSecurityGroupIngress", "GroupId", hubApp, "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "8443", "IpPermissions.1.ToPort", "8443",
					"IpPermissions.1.IpRanges.1.CidrIp", "10.20.0.0/16")
			}},
		{name: "a VPC without DNS names", spec: commit(peering("hub-pay", "hub, dns: true", "pay")), does: "Accept Create CreateRoute CreateTags", exit: reconcile.ExitAttention,
			others: func(r *simtest.Rig) {
				r.Do(payments, west, "ModifyVpcAttribute", "VpcId", pay, "EnableDnsHostnames.Value", "false")
			}},
		{name: "a group is missing on one side", spec: commit(peering("hub-pay", "hub, rules: [{group: nowhere, protocol: tcp, ports: 443}]", "pay"), hubTools), does: "Accept Create CreateRoute CreateTags", exit: reconcile.ExitAttention},
	}
}

// At least so many situations are swept.
func TestScenariosAreManyAndNamedOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range scenarios(t) {
		if seen[s.name] {
			t.Errorf("%q comes twice", s.name)
		}
		seen[s.name] = true
	}
	if len(seen) < 40 {
		t.Errorf("%d scenarios, want 40 at least", len(seen))
	}
}
