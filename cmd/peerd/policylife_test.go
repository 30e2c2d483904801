package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/adopt"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/iampolicy/iamtest"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/trace"
)

// lifetime lives through what peerd may have to do for a scenario, all of it under its policies: it makes everything, mends what hands have
// spoilt, and with --prune removes what is left of peerings that the spec does not have. It returns the calls that were asked about.
func lifetime(t *testing.T, name string, r *simtest.Rig) []iamtest.Asked {
	t.Helper()
	e := underPolicies(t, r, false)
	want, listed := exits[name]
	if !listed {
		want = [2]int{reconcile.ExitInSync, reconcile.ExitChanges}
	}
	h := hands{r}
	for _, chapter := range []struct {
		what  string
		hands func()
	}{
		{"everything is new", func() {}},
		{"the accepters' views lost the owner", func() { h.untag("view=accepter", netstate.TagOwner) }},
		{"the requesters' views lost all tags", func() { h.untag("view=requester", netstate.TagOwner, netstate.TagLink, "team", "mesh") }},
		{"other tags are gone", func() {
			h.untag(" connection ", netstate.TagLink, "team", "mesh")
			h.untag(" rule ", netstate.TagLink, "team", "mesh")
		}},
		{"options were changed", h.flip},
		{"descriptions were changed", h.redescribe},
		{"rules were changed", h.move},
		{"connections were deleted", h.close},
	} {
		chapter.hands()
		got, _ := r.Apply()
		simtest.MustExit(t, chapter.what, got, want[0])
	}
	removing := underPolicies(t, r, true)
	h.leftovers()
	got, _ := r.Prune(100)
	simtest.MustExit(t, "leftovers", got, want[0])
	for _, l := range h.ours("") {
		if strings.Contains(l, leftover) && !strings.Contains(l, "status=deleted") {
			t.Errorf("not removed: %s", l)
		}
	}
	traced(t, r)
	importedAll(t, r)
	allAllowed(t, e)
	allAllowed(t, removing)
	return append(e.Asked(), removing.Asked()...)
}

// traced reads what a trace through all VPCs of the spec reads.
func traced(t *testing.T, r *simtest.Rig) {
	t.Helper()
	q := trace.Question{From: "10.0.0.1", To: "10.0.0.2", Traffic: trace.Traffic{Proto: netstate.TCP, Port: 443}}
	host := trace.Question{From: "i-0000000000000a001", To: "10.0.0.2"}
	acls := 0
	for _, scopes := range []map[netstate.Scope]netstate.ScopeLook{trace.Scopes(r.Spec, q), trace.Hosts(r.Spec, host)} {
		look := netstate.Look{Access: plan.Look(r.Spec, plan.Ask{ReadOnly: true}).Access, Scopes: scopes}
		o, err := simtest.Target(r.Via, r.AWS...).Observe(t.Context(), look)
		if err != nil || len(o.Unread) > 0 {
			t.Errorf("trace: %v, unread: %v", err, o.Unread)
		}
		acls += len(o.ACLs)
	}
	if acls == 0 {
		t.Error("trace sees no network ACLs")
	}
}

// importedAll reads what an import of the spec's accounts reads.
func importedAll(t *testing.T, r *simtest.Rig) {
	t.Helper()
	in := adopt.Input{Owner: r.Spec.Owner, Accounts: r.Spec.Accounts, VPCs: r.Spec.VPCs}
	for at := range plan.Look(r.Spec, plan.Ask{}).Scopes {
		in.Asked = append(in.Asked, at)
	}
	if _, err := imported(t.Context(), simtest.Target(r.Via, r.AWS...), in); err != nil {
		t.Errorf("import: %v", err)
	}
}

// leftover is the label of what no peering of a scenario has made.
const leftover = "left"

// hands change the world beside peerd.
type hands struct{ *simtest.Rig }

// ours are the facts about connections and rules of ours that are not over, of those with a text in them.
func (h hands) ours(with string) []string {
	return slices.DeleteFunc(simtest.Lines(h.Sim.Dump()), func(l string) bool {
		return !strings.Contains(l, `"`+netstate.TagOwner+`":"acme"`) || !strings.Contains(l, with) || strings.Contains(l, "status=deleted")
	})
}

// where are the account, the region and the id of a fact.
func where(line string) (account, region, id string) {
	f := strings.Fields(line)
	account, region, _ = strings.Cut(f[0], "/")
	return account, region, f[2]
}

func (h hands) untag(with string, keys ...string) {
	for _, l := range h.ours(with) {
		account, region, id := where(l)
		params := []string{"ResourceId.1", id}
		for i, k := range keys {
			params = append(params, fmt.Sprintf("Tag.%d.Key", i+1), k)
		}
		h.Do(account, region, "DeleteTags", params...)
	}
}

// flip turns the DNS options of connections over, where EC2 lets it.
func (h hands) flip() {
	for _, l := range h.ours(" connection ") {
		account, region, id := where(l)
		for _, f := range strings.Fields(l) {
			name, value, _ := strings.Cut(f, "=")
			side, is := strings.CutSuffix(name, "dns")
			if !is {
				continue
			}
			side = strings.TrimSuffix(side, "-")
			if side == "" {
				_, rest, _ := strings.Cut(l, "view=")
				side, _, _ = strings.Cut(rest, " ")
			}
			h.Try(account, region, "ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId", id,
				strings.ToUpper(side[:1])+side[1:]+"PeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", fmt.Sprint(value != "true"))
		}
	}
}

// redescribe gives rules that have a description another one.
func (h hands) redescribe() {
	for _, l := range h.ours(" rule ") {
		account, region, id := where(l)
		group, direction := strings.Fields(l)[3], strings.Fields(l)[4]
		if !strings.Contains(l, `description=""`) {
			action := "UpdateSecurityGroupRuleDescriptions" + strings.ToUpper(direction[:1]) + direction[1:]
			h.Do(account, region, action, "GroupId", group, "SecurityGroupRuleDescription.1.SecurityGroupRuleId", id, "SecurityGroupRuleDescription.1.Description", "spoilt")
		}
	}
}

// move moves the ports of rules of TCP.
func (h hands) move() {
	for _, l := range h.ours(" rule ") {
		account, region, id := where(l)
		f := strings.Fields(l)
		group, protocol, ports, peer := f[3], f[5], f[6], f[7]
		if protocol != "tcp" {
			continue
		}
		kind := "CidrIpv4"
		switch _, referenced, is := strings.Cut(peer, "/sg-"); {
		case is:
			kind, peer = "ReferencedGroupId", "sg-"+referenced
		case strings.HasPrefix(peer, "pl-"):
			kind = "PrefixListId"
		case strings.Contains(peer, ":"):
			kind = "CidrIpv6"
		}
		first, _, _ := strings.Cut(ports, "-")
		const rule = "SecurityGroupRule.1.SecurityGroupRule."
		h.Do(account, region, "ModifySecurityGroupRules", "GroupId", group, "SecurityGroupRule.1.SecurityGroupRuleId", id,
			rule+"IpProtocol", "tcp", rule+"FromPort", "1"+first, rule+"ToPort", "1"+first, rule+kind, peer)
	}
}

func (h hands) close() {
	for _, l := range h.ours(" connection ") {
		account, region, id := where(l)
		if !strings.Contains(l, "view=accepter") {
			h.Do(account, region, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
		}
	}
}

// leftovers makes connections of ours between VPCs of the spec that it does not peer, until each VPC has one; with a route to it on both
// sides; and a rule of ours in and out of a group of each VPC.
func (h hands) leftovers() {
	have := map[world.End]bool{}
	n := 0
	for _, a := range h.Spec.VPCs {
		for _, b := range h.Spec.VPCs {
			x, y := h.end(a.Scope(), a.Name), h.end(b.Scope(), b.Name)
			if a.Account.ID >= b.Account.ID || have[x] && have[y] || h.peered(x, y) || a.Name == "hub" && b.Name == "clash" {
				continue
			}
			if n++; n%2 == 0 {
				x, y = y, x
			}
			have[x], have[y] = true, true
			h.connect(x, y, n)
		}
	}
	for end := range have {
		h.rules(end)
	}
	for _, p := range h.Spec.Peerings {
		for _, s := range p.Sides {
			for _, r := range s.Rules {
				if r.Account != s.VPC.Account { // a participant's group
					end := h.end(s.VPC.Scope(), s.VPC.Name)
					end.Account = string(r.Account.ID)
					h.rules(end)
				}
			}
		}
	}
}

// end is the VPC of the world that the spec names so.
func (h hands) end(s netstate.Scope, name string) world.End {
	id := string(h.vpc(name))
	if id == "" {
		id = "vpc-0000000000000b001" // found by its tags
	}
	return world.End{Scope: world.Scope{Account: string(s.Account), Region: string(s.Region)}, VPC: id}
}

func (h hands) vpc(name string) netstate.VPCID {
	for _, v := range h.Spec.VPCs {
		if v.Name == name {
			return v.Select.ID
		}
	}
	return ""
}

func (h hands) peered(x, y world.End) bool {
	for _, p := range h.Spec.Peerings {
		a, b := h.end(p.Sides[0].VPC.Scope(), p.Sides[0].VPC.Name), h.end(p.Sides[1].VPC.Scope(), p.Sides[1].VPC.Name)
		if a == x && b == y || a == y && b == x {
			return true
		}
	}
	return false
}

func (h hands) connect(requester, accepter world.End, n int) {
	id := h.Do(requester.Account, requester.Region, "CreateVpcPeeringConnection", "VpcId", requester.VPC, "PeerVpcId", accepter.VPC, "PeerOwnerId", accepter.Account, "PeerRegion", accepter.Region)
	h.Do(accepter.Account, accepter.Region, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id)
	for _, end := range []world.End{requester, accepter} {
		h.Do(end.Account, end.Region, "CreateTags", "ResourceId.1", id, "Tag.1.Key", netstate.TagOwner, "Tag.1.Value", "acme", "Tag.2.Key", netstate.TagLink, "Tag.2.Value", fmt.Sprint(leftover, n))
		w, now := h.Sim.World(), world.At{Scope: end.Scope}
		now.Now, _ = h.Sim.Time()
		tables, err := w.RouteTables(now, world.Query{Filters: []world.Filter{{Name: "vpc-id", Values: []string{end.VPC}}, {Name: "association.main", Values: []string{"true"}}}})
		if err != nil || len(tables) != 1 {
			h.T.Fatalf("main table of %s: %v, %d", end, err, len(tables))
		}
		h.Do(end.Account, end.Region, "CreateRoute", "RouteTableId", tables[0].ID, "DestinationCidrBlock", fmt.Sprintf("172.20.%d.0/24", n), "VpcPeeringConnectionId", id)
	}
}

func (h hands) rules(end world.End) {
	at := world.At{Scope: end.Scope}
	at.Now, _ = h.Sim.Time()
	w := h.Sim.World()
	groups, err := w.Groups(at, world.Query{Filters: []world.Filter{{Name: "vpc-id", Values: []string{end.VPC}}}}, nil)
	if err != nil || len(groups) == 0 {
		h.T.Fatalf("groups of %s: %v", end, err)
	}
	for _, direction := range []string{"Ingress", "Egress"} {
		h.Do(end.Account, end.Region, "AuthorizeSecurityGroup"+direction, "GroupId", groups[0].ID, "IpPermissions.1.IpProtocol", "udp", "IpPermissions.1.FromPort", "9", "IpPermissions.1.ToPort", "9",
			"IpPermissions.1.IpRanges.1.CidrIp", "198.51.100.0/24", "TagSpecification.1.ResourceType", "security-group-rule",
			"TagSpecification.1.Tag.1.Key", netstate.TagOwner, "TagSpecification.1.Tag.1.Value", "acme", "TagSpecification.1.Tag.2.Key", netstate.TagLink, "TagSpecification.1.Tag.2.Value", leftover)
	}
}
