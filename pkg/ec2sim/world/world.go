// Package world is the simulated EC2: what exists in every account and region, and the rules by which it changes.
//
// Nothing here runs by itself. A state that AWS reaches "after a while" is a function of stored times and of the now a call
// brings along, so two reads at one instant agree and a test moves time by moving its clock. Stored values are never edited
// in place: a change stores a new value under the same key, which is why Clone is cheap.
//
// World does not lock; the Sim around it lets one call in at a time. Read Connection and its lifecycle first.
package world

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Scope is one account in one region: the granularity of everything EC2 knows.
type Scope struct{ Account, Region string }

// String is account/region.
func (s Scope) String() string { return s.Account + "/" + s.Region }

// At says who calls, where, and when.
type At struct {
	Scope
	Now time.Time
}

// End is one VPC as a peering names it. It need not exist.
type End struct {
	Scope
	VPC string
}

// String is account/region/vpc.
func (e End) String() string { return e.Scope.String() + "/" + e.VPC }

// World holds all state.
type World struct {
	Delays   Delays
	Switches Switches
	Quotas   Quotas            // the default
	Raised   map[string]Quotas // by account, where different

	regions map[Scope]*region
	conns   map[string]*Connection // what they point to is never edited
	connsIn map[Scope][]string     // ids with an end there, in order of creation
	connsOf map[End][]string       // ids touching a VPC, in order of creation
	made    int                    // ids made so far
	fresh   []string               // those of them nobody has asked for yet
}

// region is what one account has in one region.
type region struct {
	vpcs       map[string]VPC
	subnets    map[string]Subnet
	tables     map[string]Table
	gateways   map[string]Gateway
	groups     map[string]Group
	ruleIn     map[string]string // rule id → group id
	acls       map[string]ACL
	lists      map[string]PrefixList
	interfaces map[string]Interface
	others     map[string]bool // route targets that exist although their kind is not modelled (nat-, tgw-, …)
}

// New makes an empty world.
func New() *World {
	return &World{
		Quotas: DefaultQuotas(), Raised: map[string]Quotas{},
		regions: map[Scope]*region{}, conns: map[string]*Connection{},
		connsIn: map[Scope][]string{}, connsOf: map[End][]string{},
	}
}

// in is the region of a scope, made when first asked for: all regions exist.
func (w *World) in(s Scope) *region {
	r := w.regions[s]
	if r == nil {
		r = &region{
			vpcs: map[string]VPC{}, subnets: map[string]Subnet{}, tables: map[string]Table{}, gateways: map[string]Gateway{},
			groups: map[string]Group{}, ruleIn: map[string]string{}, acls: map[string]ACL{}, lists: map[string]PrefixList{},
			interfaces: map[string]Interface{}, others: map[string]bool{},
		}
		w.regions[s] = r
	}
	return r
}

// Clone is the world as it is. Both may go on, and neither moves the other.
func (w *World) Clone() *World {
	c := *w
	c.regions = make(map[Scope]*region, len(w.regions))
	for s, r := range w.regions {
		c.regions[s] = &region{
			vpcs: maps.Clone(r.vpcs), subnets: maps.Clone(r.subnets), tables: maps.Clone(r.tables), gateways: maps.Clone(r.gateways),
			groups: maps.Clone(r.groups), ruleIn: maps.Clone(r.ruleIn), acls: maps.Clone(r.acls), lists: maps.Clone(r.lists),
			interfaces: maps.Clone(r.interfaces), others: maps.Clone(r.others),
		}
	}
	c.Raised = maps.Clone(w.Raised)
	c.conns, c.connsIn, c.connsOf, c.fresh = maps.Clone(w.conns), clipped(w.connsIn), clipped(w.connsOf), slices.Clone(w.fresh)
	return &c
}

// clipped is a copy of a map whose lists do not grow into each other's memory.
func clipped[K comparable](m map[K][]string) map[K][]string {
	out := make(map[K][]string, len(m))
	for k, l := range m {
		out[k] = slices.Clip(l)
	}
	return out
}

// scopes lists every scope that was ever touched, sorted.
func (w *World) scopes() []Scope {
	return slices.SortedFunc(maps.Keys(w.regions), func(a, b Scope) int {
		if c := strings.Compare(a.Account, b.Account); c != 0 {
			return c
		}
		return strings.Compare(a.Region, b.Region)
	})
}

// sorted lists the values of a map by their ids.
func sorted[T any](m map[string]T) []T {
	out := make([]T, 0, len(m))
	for _, id := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[id])
	}
	return out
}
