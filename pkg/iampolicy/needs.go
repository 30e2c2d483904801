package iampolicy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// needs is what a spec's peerings ask of one account.
type needs struct {
	owner   netstate.OwnerID
	account *spec.Account
	prune   bool
	regions []string
	vpcs    []*spec.VPC // of the account, peered or not: what left the spec may be left of any of them

	opens, openTo         vpcSet // who requests, and of whom
	accepts, acceptFrom   vpcSet // who accepts, and from whom
	requesters, accepters vpcSet // the ends of connections of which a view is to be marked as ours
	routes                vpcSet // whose tables are selected
	rules                 vpcSet // in which its groups have rules; a participant's groups are in another account's VPC
	directions            map[netstate.Direction]bool
	described             map[netstate.Direction]bool
	lists                 map[string]bool // ARNs of the prefix lists that rules name

	dns                  bool
	openKeys, addKeys    map[string]bool // of tags, at the creation of connections and of rules
	firstKeys, laterKeys map[string]bool // of a view that is marked as ours, and of one that is
}

// vpcSet is VPCs of the spec, each once.
type vpcSet []*spec.VPC

func (s *vpcSet) add(all ...*spec.VPC) {
	for _, v := range all {
		if !slices.Contains(*s, v) {
			*s = append(*s, v)
		}
	}
}

func needsOf(s *spec.Set, a *spec.Account, prune bool) *needs {
	n := &needs{owner: s.Owner, account: a, prune: prune, directions: map[netstate.Direction]bool{}, described: map[netstate.Direction]bool{},
		lists: map[string]bool{}, openKeys: map[string]bool{}, addKeys: map[string]bool{},
		firstKeys: map[string]bool{}, laterKeys: map[string]bool{}}
	for _, r := range a.Regions {
		n.region(r)
	}
	for _, v := range s.VPCs {
		if v.Account == a {
			n.vpcs = append(n.vpcs, v)
			n.region(v.Region)
		}
	}
	for _, p := range s.Peerings {
		n.peering(p)
	}
	slices.Sort(n.regions)
	return n
}

func (n *needs) region(r netstate.Region) {
	if !slices.Contains(n.regions, string(r)) {
		n.regions = append(n.regions, string(r))
	}
}

func (n *needs) peering(p *spec.Peering) {
	requester, accepter := p.Sides[0].VPC, p.Sides[1].VPC
	n.ends(p, requester, accepter)
	if p.Adopt { // what is taken over may have been requested in either direction
		n.mark(requester, accepter)
		n.mark(accepter, requester)
		n.accept(accepter, requester)
	}
	for i := range p.Sides {
		n.side(&p.Sides[i], p.Tags)
	}
}

func (n *needs) ends(p *spec.Peering, requester, accepter *spec.VPC) {
	if requester.Account != n.account && accepter.Account != n.account {
		return
	}
	if requester.Scope() != accepter.Scope() { // else there is one view, which is tagged as it is made
		n.mark(requester, accepter)
		if accepter.Account == n.account {
			keys(n.firstKeys, nil, netstate.TagName)
		}
	}
	n.accept(requester, accepter)
	keys(n.firstKeys, p.Tags, netstate.TagOwner, netstate.TagLink)
	keys(n.laterKeys, p.Tags, netstate.TagLink)
	if !requester.Account.Managed || !accepter.Account.Managed { // such a connection may come to an end that is not ours to mend
		keys(n.firstKeys, nil, netstate.TagEntry)
		keys(n.laterKeys, nil, netstate.TagEntry)
	}
	if requester.Account == n.account {
		n.opens.add(requester)
		n.openTo.add(accepter)
		keys(n.openKeys, p.Tags, netstate.TagName, netstate.TagOwner, netstate.TagLink, netstate.TagEntry, netstate.TagTry)
	}
}

// mark notes a connection of which the account has a view that may carry no tag yet.
func (n *needs) mark(requester, accepter *spec.VPC) {
	if requester.Account == n.account || accepter.Account == n.account {
		n.requesters.add(requester)
		n.accepters.add(accepter)
	}
}

func (n *needs) accept(requester, accepter *spec.VPC) {
	if accepter.Account == n.account {
		n.accepts.add(accepter)
		n.acceptFrom.add(requester)
	}
}

func (n *needs) side(s *spec.Side, tags netstate.Tags) {
	if s.VPC.Account == n.account {
		n.dns = n.dns || s.DNS != netstate.Unknown
		if s.Routes.Tables.Kind != spec.SelectNone {
			n.routes.add(s.VPC)
		}
	}
	for _, r := range s.Rules {
		if r.Account == n.account {
			n.rule(s.VPC, r, tags)
		}
	}
}

func (n *needs) rule(v *spec.VPC, r spec.Rule, tags netstate.Tags) {
	n.rules.add(v)
	n.region(v.Region)
	n.directions[r.Direction] = true
	if r.Description != "" {
		n.described[r.Direction] = true
	}
	for _, d := range r.Peer.CIDRs {
		if d.Dest.List != "" { // a list is another account's where it is shared, or AWS's own
			n.lists[arn(v.Region.Partition(), string(v.Region), "*", "prefix-list/"+string(d.Dest.List))] = true
		}
	}
	keys(n.addKeys, tags, netstate.TagOwner, netstate.TagLink)
}

func keys(set map[string]bool, tags netstate.Tags, more ...string) {
	for k := range tags {
		set[k] = true
	}
	for _, k := range more {
		set[k] = true
	}
}

// partition is that of the account: its role's, or its regions'.
func (n *needs) partition() string {
	for _, role := range []string{n.account.Role, n.account.ReadRole} {
		if parts := strings.SplitN(role, ":", 3); len(parts) == 3 {
			return parts[1]
		}
	}
	if len(n.regions) > 0 {
		return netstate.Region(n.regions[0]).Partition()
	}
	return cmp.Or(n.account.STSRegion, "").Partition()
}

func arn(partition, region, account, resource string) string {
	return "arn:" + partition + ":ec2:" + region + ":" + account + ":" + resource
}

// own is the ARN of all resources of a type in the account, in every region.
func (n *needs) own(resource string) []string {
	return []string{arn(n.partition(), "*", string(n.account.ID), resource+"/*")}
}

// vpcARN is a VPC's. One that is found by its tags may be any of its account and region.
func vpcARN(v *spec.VPC, account string) string {
	return arn(v.Region.Partition(), string(v.Region), account, "vpc/"+cmp.Or(string(v.Select.ID), "*"))
}

// arns are those of VPCs, sorted, without those that another one covers.
func (s vpcSet) arns() []string {
	return s.arnsAs(func(v *spec.VPC) string { return string(v.Account.ID) })
}

// arnsOfGroups are those of VPCs for ec2:Vpc of an account's security groups. Whose account stands in that of a VPC which another account
// shares is not documented; a VPC's id is the same for both.
func (s vpcSet) arnsOfGroups(owner *spec.Account) []string {
	return s.arnsAs(func(v *spec.VPC) string {
		if v.Account != owner {
			return "*"
		}
		return string(v.Account.ID)
	})
}

func (s vpcSet) arnsAs(account func(*spec.VPC) string) []string {
	var all []string
	for _, v := range s {
		all = append(all, vpcARN(v, account(v)))
	}
	slices.Sort(all)
	all = slices.Compact(all)
	var out []string
	for _, a := range all {
		if !slices.ContainsFunc(all, func(b string) bool { return a != b && covers(b, a) }) {
			out = append(out, a)
		}
	}
	return out
}

// covers reports whether a VPC's ARN means every VPC of an account, or of all, and another one is among them.
func covers(wide, a string) bool {
	w, x := strings.SplitN(wide, ":", 6), strings.SplitN(a, ":", 6)
	return w[5] == "vpc/*" && w[1] == x[1] && w[3] == x[3] && (w[4] == "*" || w[4] == x[4])
}
