package adopt

import (
	"maps"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// tables returns the first selector, and what it excludes, that means exactly these tables of a VPC: all, main, tags of tables, tags of their
// subnets, all but the main table or but those with a tag, and where nothing else says it their ids.
func (b *builder) tables(v netstate.VPC, want map[netstate.TableID]bool) (sel, exclude spec.Tables) {
	all := b.selector.Tables(v, spec.Tables{Kind: spec.SelectAll})
	if len(want) == 0 {
		return spec.Tables{}, spec.Tables{}
	}
	if maps.Equal(all, want) {
		return spec.Tables{Kind: spec.SelectAll}, spec.Tables{}
	}
	if sel, ok := b.named(v, want); ok {
		return sel, spec.Tables{}
	}
	rest := maps.Clone(all)
	maps.DeleteFunc(rest, func(t netstate.TableID, _ bool) bool { return want[t] })
	if but, ok := b.named(v, rest); ok && but.Kind != spec.SelectSubnets {
		return spec.Tables{Kind: spec.SelectAll}, but
	}
	return spec.Tables{Kind: spec.SelectIDs, IDs: slices.Sorted(maps.Keys(want))}, spec.Tables{}
}

// named returns a selector that means these tables by what they are.
func (b *builder) named(v netstate.VPC, want map[netstate.TableID]bool) (spec.Tables, bool) {
	candidates := []spec.Tables{{Kind: spec.SelectMain}}
	var tags []netstate.Tags
	for _, t := range slices.Sorted(maps.Keys(want)) {
		tags = append(tags, b.o.Tables[netstate.TableKey{Scope: v.Scope, ID: t}].Tags)
	}
	for _, t := range selectors(common(tags, selects)) {
		candidates = append(candidates, spec.Tables{Kind: spec.SelectTags, Tags: t})
	}
	for _, t := range b.subnetTags(v) {
		candidates = append(candidates, spec.Tables{Kind: spec.SelectSubnets, SubnetTags: t})
	}
	for _, sel := range candidates {
		if maps.Equal(b.selector.Tables(v, sel), want) {
			return sel, true
		}
	}
	return spec.Tables{}, false
}

// selectors are the ways to select by some tags: by one of them, a name last, and by all.
func selectors(tags netstate.Tags) []netstate.Tags {
	var out []netstate.Tags
	for _, k := range slices.SortedFunc(maps.Keys(tags), nameLast) {
		out = append(out, netstate.Tags{k: tags[k]})
	}
	if len(tags) > 1 && len(tags) <= 40 {
		out = append(out, tags)
	}
	return out
}

// nameLast orders keys of tags: what a thing is for says more than what it is called.
func nameLast(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == netstate.TagName || b != netstate.TagName && a > b:
		return 1
	}
	return -1
}

// subnetTags are the tags of a VPC's subnets, one each, names last.
func (b *builder) subnetTags(v netstate.VPC) []netstate.Tags {
	values := map[string]map[string]bool{}
	for k, s := range b.o.Subnets {
		if k.Scope != v.Scope || s.VPC != v.ID {
			continue
		}
		for key, value := range s.Tags {
			if selects(key, value) {
				if values[key] == nil {
					values[key] = map[string]bool{}
				}
				values[key][value] = true
			}
		}
	}
	var out []netstate.Tags
	for _, key := range slices.SortedFunc(maps.Keys(values), nameLast) {
		for _, value := range slices.Sorted(maps.Keys(values[key])) {
			out = append(out, netstate.Tags{key: value})
		}
	}
	return out
}
