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
				x.wantRule(l, k, DesiredRule{Pos: r.Pos, VPC: l.Ends[i].VPC, PeerAccount: account, Description: r.Description})
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

// group resolves a group selector within one VPC. One that means no group, or several, holds the side; so does an id of a group in another
// VPC, which EC2 would not object to.
func (x *expander) group(l *DesiredLink, i int, at netstate.Scope, sel netstate.GroupSelector, pos spec.Pos) (netstate.GroupID, bool) {
	vpc := l.Ends[i].VPC
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

// peers are the other ends of a rule, and the account of a group among them.
func (x *expander) peers(l *DesiredLink, i int, r spec.Rule, side *spec.Side) ([]netstate.Peer, netstate.AccountID) {
	if r.Peer.Group != nil {
		return x.groupPeer(l, i, r)
	}
	var out []netstate.Peer
	if len(r.Peer.CIDRs) > 0 {
		at := netstate.Scope{Account: r.Account.ID, Region: side.VPC.Region}
		for d := range x.destinations(l, i, at, r.Peer.CIDRs) {
			out = append(out, netstate.Peer{Prefix: d.Prefix, List: d.List})
		}
		return out, ""
	}
	for _, c := range x.routed(l, i, side.Routes.To) {
		if Carries(r.Proto, c) {
			out = append(out, netstate.Peer{Prefix: c})
		}
	}
	return out, ""
}

// groupPeer resolves a group on the other side. That both sides are in one region, which EC2 asks for, the spec alone shows.
func (x *expander) groupPeer(l *DesiredLink, i int, r spec.Rule) ([]netstate.Peer, netstate.AccountID) {
	peer := l.Ends[1-i].VPC
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
		return Brings(l.Ends[i].CIDRs, l.Ends[1-i].CIDRs)
	}
	return out
}

// Carries reports whether the protocol exists in the prefix's address family.
func Carries(p netstate.Proto, c netip.Prefix) bool {
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
