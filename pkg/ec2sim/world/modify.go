package world

import "slices"

// RuleChange is one rule of ModifySecurityGroupRules: the whole rule, new.
type RuleChange struct {
	ID          string
	Permission  Permission
	Description *string // nil: not sent
}

// ModifyRules replaces rules in place, all or none; ids and tags stay. Direction and kind of source cannot change.
func (w *World) ModifyRules(at At, group string, changes []RuleChange) *Error {
	g, err := get(groupKind, w.in(at.Scope).groups, group)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return missing("SecurityGroupRule")
	}
	g.Rules = slices.Clone(g.Rules)
	for _, c := range changes {
		if err := ruleKind.check(c.ID); err != nil {
			return err
		}
		i := slices.IndexFunc(g.Rules, func(r Rule) bool { return r.ID == c.ID })
		if i < 0 {
			return ruleKind.gone(c.ID)
		}
		next, err := w.modified(at, g, g.Rules[i], c)
		if err != nil {
			return err
		}
		if err := w.addable(at, g, next, c.ID); err != nil {
			return err
		}
		g.Rules[i] = next
	}
	w.setRules(at, g, g.Rules)
	return nil
}

func (w *World) modified(at At, g Group, old Rule, c RuleChange) (Rule, *Error) {
	if c.Description != nil {
		c.Permission.Description = *c.Description
	} else if w.Switches.ModifyWithoutDescription == "keep" {
		c.Permission.Description = old.Description
	}
	if c.Permission.Group == old.Key.Peer.Group && c.Permission.Owner == "" {
		c.Permission.Owner = old.Key.Peer.Owner
	}
	next, err := w.permitted(at, g, c.Permission, old.Key.Egress)
	if err != nil {
		return next, err
	}
	if was, is := old.Key.Peer.kind(), next.Key.Peer.kind(); was != is {
		return next, invalid("Invalid rule type for security group rule '%s'. You may not specify %s for an existing %s rule.", old.ID, is.parameter, was.name)
	}
	next.ID, next.Tags = old.ID, old.Tags
	return next, nil
}

type peerKind struct{ parameter, name string }

func (p Peer) kind() peerKind {
	switch {
	case p.Group != "":
		return peerKind{"ReferencedGroupId", "referenced security group"}
	case p.List != "":
		return peerKind{"PrefixListId", "prefix list"}
	case p.v6() != "":
		return peerKind{"CidrIpv6", "IPv6 CIDR"}
	}
	return peerKind{"CidrIpv4", "IPv4 CIDR"}
}

// Described is a new description for a rule, named by id or by its properties.
type Described struct {
	ID          string
	Permission  *Permission
	Description string // empty removes it
}

// Describe changes descriptions of one direction, all or none.
func (w *World) Describe(at At, group string, egress bool, changes []Described) *Error {
	g, err := get(groupKind, w.in(at.Scope).groups, group)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return missing("ipPermissions or SecurityGroupRuleDescription")
	}
	g.Rules = slices.Clone(g.Rules)
	for _, c := range changes {
		if err := checkDescription(c.Description); err != nil {
			return err
		}
		i, err := g.pick(c, egress, at.Account)
		if err != nil {
			return err
		}
		g.Rules[i].Description = c.Description
	}
	w.setRules(at, g, g.Rules)
	return nil
}

func (g Group) pick(c Described, egress bool, caller string) (int, *Error) {
	if c.Permission == nil {
		if err := ruleKind.check(c.ID); err != nil {
			return 0, err
		}
		i := slices.IndexFunc(g.Rules, func(r Rule) bool { return r.ID == c.ID && r.Key.Egress == egress })
		if i < 0 {
			return 0, ruleKind.gone(c.ID)
		}
		return i, nil
	}
	k, err := c.Permission.Key(egress, caller)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(g.Rules, func(r Rule) bool { return r.Key == k })
	if i < 0 {
		return 0, refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
	}
	return i, nil
}
