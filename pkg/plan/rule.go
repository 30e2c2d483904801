package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// rules resolves one side's groups and peers and adds the rules of its entries to the desired ones.
func (x *expander) rules(l *DesiredLink, i int, side *spec.Side) {
	for _, r := range side.Rules {
		at := netstate.Scope{Account: r.Account.ID, Region: side.VPC.Region}
		group, ok := x.group(l, i, at, r.Group, r.Pos)
		if !ok {
			continue
		}
		peers, account := x.peers(l, i, r, side)
		for _, ports := range r.Ports {
			for _, peer := range peers {
				k := netstate.RuleKey{Scope: at, Group: group, Dir: r.Direction, Proto: r.Proto, Ports: ports, Peer: peer}
				x.wantRule(l, k, DesiredRule{VPC: l.Ends[i].VPC, PeerAccount: account, Description: r.Description})
			}
		}
	}
}

// wantRule adds a rule. Several links may want the same one: it belongs to the owner, and carries the tags of the first by name.
func (x *expander) wantRule(l *DesiredLink, k netstate.RuleKey, r DesiredRule) {
	have := x.out.Rules[k]
	if have == nil {
		r.Tags = l.Tags
		r.Links = []netstate.Link{l.Name}
		x.out.Rules[k] = &r
		return
	}
	if slices.Contains(have.Links, l.Name) {
		return
	}
	have.Links = append(have.Links, l.Name)
	slices.Sort(have.Links)
	if have.Links[0] == l.Name {
		have.Tags, have.Description = l.Tags, cmp.Or(r.Description, have.Description)
	}
}

// group resolves a group selector within one VPC. One that means no group, or several, holds the side.
func (x *expander) group(l *DesiredLink, i int, at netstate.Scope, sel netstate.GroupSelector, pos spec.Pos) (netstate.GroupID, bool) {
	vpc := l.Ends[i].VPC
	if sel.ID != "" && !x.listsGroups(at) {
		return sel.ID, true // asked by id only: EC2 itself says whether it exists
	}
	var found []netstate.GroupID
	for _, id := range x.at.groups[groupsOf{at, vpc.ID}] {
		if sel.Match(id, x.o.Groups[netstate.GroupKey{Scope: at, ID: id}]) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 1:
		return found[0], true
	case 0:
		x.problem(l, pos, HoldsSide, CodeGroupMissing, "no security group %s in %s as %s sees it: create it or correct the entry; this side is left as it is", sel, vpc, at.Account)
	default:
		x.problem(l, pos, HoldsSide, CodeGroupAmbiguous, "%d security groups match %s in %s (%s): state the id; this side is left as it is", len(found), sel, vpc, joined(found))
	}
	l.Ends[i].Held = true
	return "", false
}

// listsGroups reports whether a scope's security groups were listed: only where one is named or tagged.
func (x *expander) listsGroups(at netstate.Scope) bool {
	return slices.ContainsFunc(x.look.Scopes[at].Groups, func(a netstate.GroupAsk) bool { return a.Group.ID == "" })
}

// peers are the other ends of a rule, and the account of a group among them.
func (x *expander) peers(l *DesiredLink, i int, r spec.Rule, side *spec.Side) ([]netstate.Peer, netstate.AccountID) {
	if r.Peer.Group != nil {
		return x.groupPeer(l, i, r)
	}
	var out []netstate.Peer
	if len(r.Peer.CIDRs) > 0 {
		for d := range x.destinations(l, i, r.Peer.CIDRs) {
			out = append(out, netstate.Peer{Prefix: d.Prefix, List: d.List})
		}
		return out, ""
	}
	for _, c := range x.routed(l, i, side.Routes.To) {
		if family(r.Proto, c) {
			out = append(out, netstate.Peer{Prefix: c})
		}
	}
	return out, ""
}

func (x *expander) groupPeer(l *DesiredLink, i int, r spec.Rule) ([]netstate.Peer, netstate.AccountID) {
	peer := l.Ends[1-i].VPC
	if peer.Region != l.Ends[i].VPC.Region {
		x.problem(l, r.Peer.Pos, BlocksItem, CodeGroupRegion, "group %s is in %s, the rule in %s: EC2 knows group references within one region only; name CIDRs instead", r.Peer.Group, peer.Region, l.Ends[i].VPC.Region)
		return nil, ""
	}
	if !l.Ends[1-i].Managed { // the spec names it by id: nothing there can be looked up
		return []netstate.Peer{{Group: r.Peer.Group.ID}}, peer.Account
	}
	id, ok := x.group(l, 1-i, peer.Scope, *r.Peer.Group, r.Peer.Pos)
	if !ok {
		l.Ends[i].Held = true
		return nil, ""
	}
	return []netstate.Peer{{Group: id}}, cmp.Or(x.o.Groups[netstate.GroupKey{Scope: peer.Scope, ID: id}].Owner, peer.Account)
}

// routed are the peer's CIDRs as this side routes them: those it lists inside the peer, else all that the peer brings.
func (x *expander) routed(l *DesiredLink, i int, listed []spec.Dest) []netip.Prefix {
	var out []netip.Prefix
	for _, d := range listed {
		if d.Dest.List == "" && slices.ContainsFunc(l.Ends[1-i].CIDRs, func(c netip.Prefix) bool { return netstate.Inside(d.Dest.Prefix, c) }) {
			out = append(out, d.Dest.Prefix)
		}
	}
	if len(out) == 0 {
		return brings(&l.Ends[i], &l.Ends[1-i])
	}
	return out
}

// family reports whether the protocol exists in the prefix's address family.
func family(p netstate.Proto, c netip.Prefix) bool {
	switch p {
	case netstate.ICMP:
		return c.Addr().Is4()
	case netstate.ICMPv6:
		return c.Addr().Is6()
	}
	return true
}

func joined[T ~string](ids []T) string {
	s := make([]string, len(ids))
	for i, id := range ids {
		s[i] = string(id)
	}
	return strings.Join(s, ", ")
}

// ruleActions compares the rules of all links at once: rules belong to the owner, not to one peering.
func (b *builder) ruleActions() {
	want, have := map[netstate.RuleKey]bool{}, map[netstate.RuleKey]bool{}
	for k := range b.d.Rules {
		want[k] = true
	}
	for k, r := range b.o.Rules {
		switch claimRule(b.d.Owner, r, want[k]) {
		case ours:
			have[k] = true
			if want[k] {
				b.mendRule(k, r)
			}
		case satisfies:
			have[k] = true
		}
	}
	d := diff(want, have, netstate.RuleKey.Compare)
	replaced := b.changeInPlace(d)
	for _, k := range d.missing {
		if s := b.ruleLink(k); s != nil && replaced[k] == "" {
			w := b.d.Rules[k]
			b.add(s, AllowRule{s.head(k.Scope, !s.active(), "not in the group"), k, w.PeerAccount, w.Description, w.Tags}, ResourceRule, DriftMissing)
		}
	}
	taken := map[netstate.RuleID]bool{}
	for _, id := range replaced {
		taken[id] = true
	}
	for _, k := range d.extra {
		b.extraRule(k, b.o.Rules[k], taken)
	}
}

// changeInPlace pairs a rule of ours that is no longer wanted with a missing one that differs from it in its ports or its peer only:
// ModifySecurityGroupRules turns one into the other without a gap, and keeps id and tags (EC2 API reference). It cannot change the
// direction or the kind of peer.
func (b *builder) changeInPlace(d delta[netstate.RuleKey]) map[netstate.RuleKey]netstate.RuleID {
	out, used := map[netstate.RuleKey]netstate.RuleID{}, map[netstate.RuleKey]bool{}
	extra := map[netstate.GroupKey][]netstate.RuleKey{}
	for _, k := range d.extra {
		g := netstate.GroupKey{Scope: k.Scope, ID: k.Group}
		extra[g] = append(extra[g], k)
	}
	for _, k := range d.missing {
		s := b.ruleLink(k)
		if s == nil {
			continue
		}
		for _, old := range extra[netstate.GroupKey{Scope: k.Scope, ID: k.Group}] {
			r := b.o.Rules[old]
			if used[old] || !alike(old, k) || netstate.Link(r.Tags[netstate.TagLink]) != s.want.Name || r.ID == "" {
				continue
			}
			w := b.d.Rules[k]
			used[old], out[k] = true, r.ID
			b.add(s, ChangeRule{s.head(k.Scope, !s.active(), "the entry changed"), r.ID, old, k, w.PeerAccount, cmp.Or(w.Description, r.Description)}, ResourceRule, DriftChanged)
			break
		}
	}
	return out
}

// alike reports whether one rule of a group may become another: the same direction and kind of peer, and either the same traffic or the
// same peer.
func alike(a, b netstate.RuleKey) bool {
	if a.Dir != b.Dir || a.Peer.Kind() != b.Peer.Kind() {
		return false
	}
	return a.Peer == b.Peer || a.Proto == b.Proto && a.Ports == b.Ports
}

// mendRule corrects description and tags of a rule that is ours and wanted. A description that the spec does not state is not managed.
func (b *builder) mendRule(k netstate.RuleKey, r netstate.Rule) {
	s, w := b.ruleLink(k), b.d.Rules[k]
	if s == nil {
		return
	}
	if w.Description != "" && w.Description != r.Description {
		b.add(s, DescribeRule{s.head(k.Scope, false, "the description differs"), r.ID, k, w.Description}, ResourceRule, DriftChanged)
	}
	missing := r.Tags.Missing(w.Tags)
	if slices.Contains(w.Links, netstate.Link(r.Tags[netstate.TagLink])) {
		delete(missing, netstate.TagLink) // shared: whoever made it may stand on it
	}
	if len(missing) > 0 {
		b.add(s, TagRule{s.head(k.Scope, false, "the rule lacks them"), r.ID, k, missing}, ResourceTags, DriftMissing)
	}
}

// ruleLink returns the link that acts for a rule: the first that wants it and may, with an active connection before one without. A rule
// of a held end is nobody's to touch.
func (b *builder) ruleLink(k netstate.RuleKey) *state {
	var first *state
	for _, name := range b.d.Rules[k].Links {
		s := b.byName[name]
		if s.held || s.endOf(b.d.Rules[k].VPC).Held {
			continue
		}
		if s.active() && s.want.Suspended == "" {
			return s
		}
		if first == nil || first.want.Suspended != "" {
			first = s
		}
	}
	return first
}

// extraRule removes or reports a rule of ours that nobody wants, unless the peering that made it could not be resolved whole.
func (b *builder) extraRule(k netstate.RuleKey, r netstate.Rule, taken map[netstate.RuleID]bool) {
	label := netstate.Link(r.Tags[netstate.TagLink])
	s := b.byName[label]
	if taken[r.ID] || s != nil && (s.held || s.want.Ends[0].Held || s.want.Ends[1].Held) {
		return
	}
	suspended := ""
	if s != nil {
		suspended = s.want.Suspended
	} else {
		label = b.leftover(label, string(r.ID)).Name
	}
	b.remove(RevokeRule{head{Of: label, At: k.Scope, Why: "no peering wants it"}, r.ID, k}, ResourceRule, suspended)
}
