package awsnet

import (
	"maps"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// selection is what many selectors of VPCs mean together. A look names a VPC once per peering that it is part of, so they are sorted out
// before thousands of VPCs are held against them.
type selection struct {
	ids    map[netstate.VPCID]bool
	tagged map[string]netstate.Tags // each set of tags once
}

func selectionOf(selectors []netstate.VPCSelector) selection {
	s := selection{map[netstate.VPCID]bool{}, map[string]netstate.Tags{}}
	for _, v := range selectors {
		if v.ID != "" {
			s.ids[v.ID] = true
		} else {
			s.tagged[v.Tags.String()] = v.Tags
		}
	}
	return s
}

// means reports whether a selector means the VPC.
func (s selection) means(id netstate.VPCID, tags netstate.Tags) bool {
	if s.ids[id] {
		return true
	}
	for _, want := range s.tagged {
		if tags.Match(want) {
			return true
		}
	}
	return false
}

// list returns the ids that are selected as such, sorted.
func (s selection) list() []netstate.VPCID { return slices.Sorted(maps.Keys(s.ids)) }

// find returns the ids of all VPCs that are meant. It waits for the listing of VPCs only if one is selected by tags.
func (s selection) find(vpcs *result[map[netstate.VPC]netstate.Facts]) ([]netstate.VPCID, *netstate.Error) {
	if len(s.tagged) == 0 {
		return s.list(), nil
	}
	found, err := vpcs.wait()
	if err != nil {
		return nil, err
	}
	all := maps.Clone(s.ids)
	for v, facts := range found {
		if s.means(v.ID, facts.Tags) {
			all[v.ID] = true
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}

func setOf[T comparable](all []T) map[T]bool {
	out := make(map[T]bool, len(all))
	for _, v := range all {
		out[v] = true
	}
	return out
}
