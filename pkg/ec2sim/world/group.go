package world

import "slices"

// Group is a security group with its rules.
type Group struct {
	ID, Name, Description, VPC, Owner string
	VPCOwner                          string // of a VPC that is shared with Owner; empty: Owner's own
	Rules                             []Rule // as made, in order
	Tags                              Tags
}

// home is the VPC that the group is in; a participant of a shared VPC has groups in the owner's (VPC User Guide, "Share your VPC").
func (g Group) home(region string) End { return End{Scope{or(g.VPCOwner, g.Owner), region}, g.VPC} }

// NewGroup is what CreateSecurityGroup is asked for.
type NewGroup struct {
	Name, Description, VPC string
	Tags                   Tags
}

// CreateSecurityGroup makes a group that lets nothing in and everything out (VPC User Guide, "Security group basics").
func (w *World) CreateSecurityGroup(at At, in NewGroup) (Group, *Error) {
	r := w.in(at.Scope)
	vpc := in.VPC
	if vpc == "" {
		if vpc = r.defaultVPC(); vpc == "" {
			return Group{}, refuse("VPCIdNotSpecified", "No default VPC for this user")
		}
	}
	foreign, isShared := w.sharedVPC(at, vpc)
	if _, err := get(vpcKind, r.vpcs, vpc); err != nil && !isShared {
		return Group{}, err
	}
	if err := checkGroupNames(in); err != nil {
		return Group{}, err
	}
	if err := w.CheckTags(at.Account, in.Tags); err != nil {
		return Group{}, err
	}
	for _, g := range r.groups {
		if g.VPC == vpc && g.Name == in.Name {
			return Group{}, refuse("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", in.Name, vpc)
		}
	}
	if full(len(r.groups), w.Quota(at.Account).Groups) {
		return Group{}, refuse("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.")
	}
	g := Group{ID: w.newID("sg"), Name: in.Name, Description: in.Description, VPC: vpc, VPCOwner: foreign.Owner, Tags: in.Tags}
	return w.AddGroup(at, g, true), nil
}

func checkGroupNames(in NewGroup) *Error {
	switch {
	case in.Name == "":
		return missing("groupName")
	case in.Description == "":
		return missing("groupDescription")
	case in.Name == "default":
		return refuse("InvalidParameterValue", "Cannot use reserved security group name: default")
	case len(in.Name) > 2 && in.Name[:3] == "sg-":
		return invalid("Invalid security group name. Group names may not be in the format sg-*.")
	case len(in.Name) > 255 || !descriptionForm.MatchString(in.Name):
		return invalid("Value (%s) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.", in.Name)
	case len(in.Description) > 255 || !descriptionForm.MatchString(in.Description):
		return invalid("Value (%s) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.", in.Description)
	}
	return nil
}

func (r *region) defaultVPC() string {
	for _, v := range r.vpcs {
		if v.Default {
			return v.ID
		}
	}
	return ""
}

// AddGroup puts a group into the world; if open, with the rules every new group has: all out, over IPv6 only where the VPC has any.
func (w *World) AddGroup(at At, g Group, open bool) Group {
	r := w.in(at.Scope)
	g.Owner = at.Account
	var out []string
	if open {
		out = append(out, "0.0.0.0/0")
	}
	if open && len(r.vpcs[g.VPC].Prefixes(true)) > 0 {
		out = append(out, "::/0")
	}
	for _, cidr := range out {
		g.Rules = append(g.Rules, Rule{ID: DerivedID("sgr", "out", g.ID, cidr), Group: g.ID, Key: RuleKey{
			Egress: true, Protocol: "-1", From: -1, To: -1, Peer: Peer{CIDR: mustCIDR(cidr)},
		}, Tags: Tags{}})
	}
	w.storeGroup(r, g)
	return g
}

// storeGroup keeps the index of rules in step.
func (w *World) storeGroup(r *region, g Group) {
	for _, rule := range r.groups[g.ID].Rules {
		delete(r.ruleIn, rule.ID)
	}
	for _, rule := range g.Rules {
		r.ruleIn[rule.ID] = g.ID
	}
	r.groups[g.ID] = g
}

func (w *World) dropGroup(r *region, id string) {
	for _, rule := range r.groups[id].Rules {
		delete(r.ruleIn, rule.ID)
	}
	delete(r.groups, id)
}

// addDefaultGroup: the default group of a VPC also lets in whatever carries it.
func (w *World) addDefaultGroup(at At, v VPC) {
	g := w.AddGroup(at, Group{
		ID: DerivedID("sg", "default", v.ID), Name: "default", Description: "default VPC security group", VPC: v.ID, Tags: Tags{},
	}, true)
	g.Rules = append(slices.Clip(g.Rules), Rule{ID: DerivedID("sgr", "in", g.ID), Group: g.ID, Tags: Tags{}, Key: RuleKey{
		Protocol: "-1", From: -1, To: -1, Peer: Peer{Group: g.ID, Owner: at.Account},
	}})
	w.storeGroup(w.in(at.Scope), g)
}

// DeleteSecurityGroup refuses a group that an interface has or another group of its own VPC names. A peer's rule does not hinder it: that rule
// becomes stale (VPC Peering Guide, "Update your security groups to reference peer security groups").
func (w *World) DeleteSecurityGroup(at At, id string) *Error {
	r := w.in(at.Scope)
	g, err := get(groupKind, r.groups, id)
	if err != nil {
		return err
	}
	if g.Name == "default" {
		return refuse("CannotDelete", "the specified group: \"%s\" name: \"default\" cannot be deleted by a user", id)
	}
	if r.inUse(id) {
		return refuse("DependencyViolation", "resource %s has a dependent object", id)
	}
	for _, o := range r.groups {
		if o.ID == id || o.VPC != g.VPC {
			continue
		}
		if slices.ContainsFunc(o.Rules, func(rule Rule) bool { return rule.Key.Peer.Group == id }) {
			return refuse("DependencyViolation", "resource %s has a dependent object", id)
		}
	}
	w.dropGroup(r, id)
	return nil
}

// GroupView is a group with what its rules' references have become.
type GroupView struct {
	Group
	Shown []RuleView
}

// Groups lists the security groups of the scope.
func (w *World) Groups(at At, q Query, names []string) ([]GroupView, *Error) {
	var all []GroupView
	for _, g := range sorted(w.in(at.Scope).groups) {
		all = append(all, GroupView{g, w.ruleViews(at, g)})
	}
	out, err := find(w, q, listing[GroupView]{
		kind: groupKind, all: all, id: func(g GroupView) string { return g.ID }, tags: func(g GroupView) Tags { return g.Tags },
		fields: groupFields,
	})
	if err != nil || len(names) == 0 {
		return out, err
	}
	for _, n := range names {
		if !slices.ContainsFunc(out, func(g GroupView) bool { return g.Name == n }) {
			return nil, refuse("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC", n)
		}
	}
	return slices.DeleteFunc(out, func(g GroupView) bool { return !slices.Contains(names, g.Name) }), nil
}

var groupFields = fields[GroupView]{
	"group-id":                            func(g GroupView) []string { return one(g.ID) },
	"group-name":                          func(g GroupView) []string { return one(g.Name) },
	"vpc-id":                              func(g GroupView) []string { return one(g.VPC) },
	"owner-id":                            func(g GroupView) []string { return one(g.Owner) },
	"description":                         func(g GroupView) []string { return one(g.Description) },
	"ip-permission.cidr":                  eachRule(false, func(r Rule) string { return r.Key.Peer.v4() }),
	"ip-permission.ipv6-cidr":             eachRule(false, func(r Rule) string { return r.Key.Peer.v6() }),
	"ip-permission.group-id":              eachRule(false, func(r Rule) string { return r.Key.Peer.Group }),
	"ip-permission.user-id":               eachRule(false, func(r Rule) string { return r.Key.Peer.Owner }),
	"ip-permission.protocol":              eachRule(false, func(r Rule) string { return r.Key.Protocol }),
	"ip-permission.from-port":             eachRule(false, func(r Rule) string { return number(r.Key.From) }),
	"ip-permission.to-port":               eachRule(false, func(r Rule) string { return number(r.Key.To) }),
	"ip-permission.prefix-list-id":        eachRule(false, func(r Rule) string { return r.Key.Peer.List }),
	"egress.ip-permission.cidr":           eachRule(true, func(r Rule) string { return r.Key.Peer.v4() }),
	"egress.ip-permission.ipv6-cidr":      eachRule(true, func(r Rule) string { return r.Key.Peer.v6() }),
	"egress.ip-permission.group-id":       eachRule(true, func(r Rule) string { return r.Key.Peer.Group }),
	"egress.ip-permission.user-id":        eachRule(true, func(r Rule) string { return r.Key.Peer.Owner }),
	"egress.ip-permission.protocol":       eachRule(true, func(r Rule) string { return r.Key.Protocol }),
	"egress.ip-permission.from-port":      eachRule(true, func(r Rule) string { return number(r.Key.From) }),
	"egress.ip-permission.to-port":        eachRule(true, func(r Rule) string { return number(r.Key.To) }),
	"egress.ip-permission.prefix-list-id": eachRule(true, func(r Rule) string { return r.Key.Peer.List }),
}

func eachRule(egress bool, value func(Rule) string) func(GroupView) []string {
	return func(g GroupView) []string {
		var out []string
		for _, r := range g.Rules {
			if r.Key.Egress == egress {
				out = append(out, one(value(r))...)
			}
		}
		return out
	}
}
