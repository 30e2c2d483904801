package world

import (
	"slices"
	"strings"
)

// Authorize adds rules of one direction to a group. A duplicate refuses the whole call, whatever its description says, unless
// a switch says that what precedes it stays.
func (w *World) Authorize(at At, group string, egress bool, perms []Permission, tags Tags) ([]RuleView, *Error) {
	r := w.in(at.Scope)
	g, err := get(groupKind, r.groups, group)
	if err != nil {
		return nil, err
	}
	if len(perms) == 0 {
		return nil, missing("ipPermissions")
	}
	if err := w.CheckTags(at.Account, tags); err != nil {
		return nil, err
	}
	var made []Rule
	for _, p := range perms {
		rule, err := w.permitted(at, g, p, egress)
		if err == nil && slices.ContainsFunc(made, func(o Rule) bool { return o.Key == rule.Key }) {
			err = invalid("The same permission must not appear multiple times")
		}
		if err == nil {
			err = w.addable(at, g, rule, "")
		}
		if err != nil {
			if w.Switches.Authorize == "partial" {
				w.storeGroup(r, g)
			}
			return nil, err
		}
		rule.ID, rule.Tags = w.newID("sgr"), tags
		made = append(made, rule)
		g.Rules = append(slices.Clip(g.Rules), rule)
	}
	w.storeGroup(r, g)
	views := w.ruleViews(at, g)
	return views[len(views)-len(made):], nil
}

// permitted reads one permission and checks what it refers to.
func (w *World) permitted(at At, g Group, p Permission, egress bool) (Rule, *Error) {
	k, err := p.Key(egress, at.Account)
	if err != nil {
		return Rule{}, err
	}
	if err := checkDescription(p.Description); err != nil {
		return Rule{}, err
	}
	rule := Rule{Group: g.ID, Key: k, Description: p.Description}
	if k.Peer.List != "" {
		_, err := get(listKind, w.in(at.Scope).lists, k.Peer.List)
		return rule, err
	}
	if k.Peer.Group != "" {
		rule.RefVPC, rule.RefConn, err = w.reach(at, g, k.Peer)
	}
	return rule, err
}

// addable checks a rule against the other rules of its group: no duplicate, and not too many. The rule with the id except is
// about to be replaced.
func (w *World) addable(at At, g Group, rule Rule, except string) *Error {
	used := [2]int{}
	for _, o := range g.Rules {
		if o.Key.Egress != rule.Key.Egress || o.ID == except {
			continue
		}
		if o.Key == rule.Key {
			return refuse("InvalidPermission.Duplicate", "the specified rule \"%s\" already exists", rule.Key)
		}
		v4, v6 := w.ruleWeight(at, o)
		used[0], used[1] = used[0]+v4, used[1]+v6
	}
	v4, v6 := w.ruleWeight(at, rule)
	limit := w.Quota(at.Account).Rules
	if limit > 0 && (v4 > 0 && used[0]+v4 > limit || v6 > 0 && used[1]+v6 > limit) {
		return refuse("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
	}
	return nil
}

// ruleWeight is how much a rule counts for IPv4 and IPv6: a group counts once for both, a list with its maximum number of
// entries (VPC User Guide, "Amazon VPC quotas").
func (w *World) ruleWeight(at At, r Rule) (v4, v6 int) {
	p := r.Key.Peer
	list := w.in(at.Scope).lists[p.List]
	switch {
	case p.Group != "":
		return 1, 1
	case p.List != "" && list.Family == "IPv6":
		return 0, list.Max
	case p.List != "":
		return list.Max, 0
	case p.CIDR.Addr().Is6():
		return 0, 1
	}
	return 1, 0
}

// String is how EC2 spells a rule in its messages.
func (k RuleKey) String() string {
	parts := []string{"peer: " + k.Peer.String(), strings.ToUpper(k.Protocol)}
	switch k.Protocol {
	case "-1":
		parts[1] = "ALL"
	case "tcp", "udp":
		parts = append(parts, "from port: "+number(k.From), "to port: "+number(k.To))
	case "icmp", "icmpv6":
		parts = append(parts, "type: "+number(k.From), "code: "+number(k.To))
	}
	return strings.Join(append(parts, "ALLOW"), ", ")
}

// reach finds the VPC of a referenced group, and the connection that makes it a neighbour. Another VPC's group may be named
// only in the same region and over an active connection (VPC Peering Guide, "Update your security groups to reference peer
// security groups"), and not at once after it became active.
func (w *World) reach(at At, g Group, p Peer) (string, string, *Error) {
	other, ok := w.in(Scope{p.Owner, at.Region}).groups[p.Group]
	if !ok {
		if w.hasGroup(p.Group) {
			return "", "", apart()
		}
		return "", "", groupKind.gone(p.Group)
	}
	if other.home(at.Region) == g.home(at.Region) {
		return g.VPC, "", nil
	}
	c, ok := w.activeBetween(at, g.home(at.Region), other.home(at.Region))
	if !ok || at.Now.Before(c.Active.Add(w.Delays.References)) {
		return "", "", apart()
	}
	return other.VPC, c.ID, nil
}

func apart() *Error {
	return refuse("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
}

// hasGroup says whether a group exists anywhere.
func (w *World) hasGroup(id string) bool {
	for _, r := range w.regions {
		if _, ok := r.groups[id]; ok {
			return true
		}
	}
	return false
}

// activeBetween finds the active connection of two VPCs.
func (w *World) activeBetween(at At, a, b End) (*Connection, bool) {
	for c := range w.touching(a) {
		if c.joins(b) && a != b && c.Status(at.Now) == Active {
			return c, true
		}
	}
	return nil, false
}

// Revocation is what a revoke did.
type Revocation struct {
	Revoked []RuleView
	Unknown []RuleKey // only in a default VPC; elsewhere an unknown rule is an error
}

// RevokeIDs removes rules by id, all or none.
func (w *World) RevokeIDs(at At, group string, egress bool, ids []string) (Revocation, *Error) {
	g, err := get(groupKind, w.in(at.Scope).groups, group)
	if err != nil {
		return Revocation{}, err
	}
	keep, out := g.Rules, Revocation{}
	for _, id := range ids {
		if err := ruleKind.check(id); err != nil {
			return Revocation{}, err
		}
		i := slices.IndexFunc(keep, func(r Rule) bool { return r.ID == id && r.Key.Egress == egress })
		if i < 0 {
			return Revocation{}, ruleKind.gone(id)
		}
		out.Revoked = append(out.Revoked, RuleView{Rule: keep[i], Owner: g.Owner})
		keep = slices.Delete(slices.Clone(keep), i, i+1)
	}
	w.setRules(at, g, keep)
	return out, nil
}

// Revoke removes rules by their properties; the description does not matter (EC2 API reference, RevokeSecurityGroupIngress).
func (w *World) Revoke(at At, group string, egress bool, perms []Permission) (Revocation, *Error) {
	r := w.in(at.Scope)
	g, err := get(groupKind, r.groups, group)
	if err != nil {
		return Revocation{}, err
	}
	if len(perms) == 0 {
		return Revocation{}, missing("ipPermissions")
	}
	keep, out := g.Rules, Revocation{}
	for _, p := range perms {
		k, err := p.Key(egress, at.Account)
		if err != nil {
			return Revocation{}, err
		}
		i := slices.IndexFunc(keep, func(rule Rule) bool { return rule.Key == k })
		switch {
		case i >= 0:
			out.Revoked = append(out.Revoked, RuleView{Rule: keep[i], Owner: g.Owner})
			keep = slices.Delete(slices.Clone(keep), i, i+1)
		case r.vpcs[g.VPC].Default:
			out.Unknown = append(out.Unknown, k)
		default:
			return Revocation{}, refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
	}
	w.setRules(at, g, keep)
	return out, nil
}

func (w *World) setRules(at At, g Group, rules []Rule) {
	g.Rules = rules
	w.storeGroup(w.in(at.Scope), g)
}
