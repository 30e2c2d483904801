package world

import "slices"

// StaleGroups lists the groups of a VPC with those of their rules that name a peer's group which is gone, or which no active
// connection reaches any more (VPC Peering Guide, "Work with stale security group rules").
func (w *World) StaleGroups(at At, vpc string) ([]GroupView, *Error) {
	r := w.in(at.Scope)
	if _, err := get(vpcKind, r.vpcs, vpc); err != nil {
		return nil, err
	}
	var out []GroupView
	for _, g := range sorted(r.groups) {
		if g.VPC != vpc {
			continue
		}
		stale := slices.DeleteFunc(w.ruleViews(at, g), func(v RuleView) bool { return v.Ref == nil || !v.Ref.Stale() })
		if len(stale) > 0 {
			out = append(out, GroupView{g, stale})
		}
	}
	return out, nil
}

// GroupUse says that a VPC's rules name somebody's group.
type GroupUse struct{ Group, VPC, Connection string }

// GroupUses lists the other VPCs whose rules name these groups of the caller's.
func (w *World) GroupUses(at At, ids []string) ([]GroupUse, *Error) {
	if len(ids) == 0 {
		return nil, missing("GroupId")
	}
	for _, id := range ids {
		if _, err := get(groupKind, w.in(at.Scope).groups, id); err != nil {
			return nil, err
		}
	}
	var out []GroupUse
	for _, s := range w.scopes() {
		if s.Region != at.Region {
			continue
		}
		for _, g := range sorted(w.in(s).groups) {
			for _, v := range w.ruleViews(At{s, at.Now}, g) {
				if v.Ref == nil || v.Ref.Connection == "" || v.Key.Peer.Owner != at.Account || !slices.Contains(ids, v.Ref.Group) {
					continue
				}
				if use := (GroupUse{v.Ref.Group, g.VPC, v.Ref.Connection}); !slices.Contains(out, use) {
					out = append(out, use)
				}
			}
		}
	}
	return out, nil
}
