package world

import (
	"cmp"
	"iter"
	"slices"
)

// Share lets an account make its own things in a VPC of another: groups here, instances in real life.
func (w *World) Share(at At, vpc, with string) {
	r := w.in(at.Scope)
	v := r.vpcs[vpc]
	if with != at.Account && !slices.Contains(v.SharedWith, with) {
		v.SharedWith = append(slices.Clip(v.SharedWith), with)
		r.vpcs[vpc] = v
	}
}

// shared lists the VPCs that others share with the caller, with their owners' scopes. A participant may describe the VPC, its subnets, route
// tables, network ACLs and peering connections, without the owner's tags, and change none of them (VPC User Guide, "Share your VPC with other
// accounts").
func (w *World) shared(at At) iter.Seq2[At, VPC] {
	return func(yield func(At, VPC) bool) {
		for _, s := range w.scopes() {
			if s.Region != at.Region || s.Account == at.Account {
				continue
			}
			for _, v := range sorted(w.regions[s].vpcs) {
				if slices.Contains(v.SharedWith, at.Account) && !yield(At{s, at.Now}, v) {
					return
				}
			}
		}
	}
}

// sharedVPC finds a VPC that is shared with the caller.
func (w *World) sharedVPC(at At, id string) (VPC, bool) {
	for _, v := range w.shared(at) {
		if v.ID == id {
			return v, true
		}
	}
	return VPC{}, false
}

// described is what a caller sees of a kind: its own, and that of VPCs shared with it, by id.
func described[T any](w *World, at At, own []T, others func(At, VPC) []T, id func(T) string) []T {
	for o, v := range w.shared(at) {
		own = append(own, others(o, v)...)
	}
	slices.SortFunc(own, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	return own
}

// inVPC are the items of one VPC in an owner's region, without their tags.
func inVPC[T any](all map[string]T, vpc func(T) string, want string, untag func(*T)) []T {
	var out []T
	for _, it := range sorted(all) {
		if vpc(it) == want {
			untag(&it)
			out = append(out, it)
		}
	}
	return out
}
