package plan

import (
	"slices"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// Plan is what is to be done, what differs, and what stands in the way. Drift may exist without an action. All parts are sorted.
type Plan struct {
	Links    []LinkState
	Actions  []Action
	Drift    []Drift
	Problems []Problem
	Unread   []*netstate.Error // listings that could not be read and that no peering of the spec needs: what is left over there is unknown
	Owned    int               // living connections that are ours, at the start
	Withheld *Withheld         // removals that the guard took out; nil: none

	Unmanaged []Unmanaged // what is left alone, counted
	Quotas    []QuotaUse  // as counted by the preflight that judged the plan

	empty   bool                       // the spec wants nothing at all, and what it does not want may be removed
	shared  map[netstate.Link][]string // keys of actions on rules that a peering wants too, and another one does
	leaving map[netstate.Link]bool     // peerings whose removal was begun by an earlier pass
}

// LinkState is how one peering of the spec stands.
type LinkState struct {
	Name      netstate.Link
	Pos       spec.Pos // of its entry
	Ends      [2]LinkEnd
	Conn      netstate.ConnID // empty: no living connection that is ours
	Status    netstate.Status // of Conn
	Adopts    bool            // Conn is nobody's yet and is being taken over
	Held      bool            // nothing is known for sure and nothing is changed
	Unknown   bool            // held, since something that it needs could not be read, or which VPCs it joins is not known
	Suspended string          // the reason; empty: not suspended
	Leftover  bool            // not in the spec: what is left of a peering that was
	Waiting   string          // what a person of the other side has to do; empty: nothing
	Expires   time.Time       // of a request that waits for them; zero: unknown
	Ending    netstate.ConnID // a connection of the pair that is being deleted: until it is gone no other is requested
}

// Passing reports whether a connection is in a state that it leaves by itself, or by an acceptance that is ours to give.
func (s LinkState) Passing() bool {
	return s.Ending != "" || s.Conn != "" && !s.Leftover && s.Status.Alive() && s.Status != netstate.Active && s.Waiting == ""
}

// QuotaUse is how much of a quota is used by what a VPC of the spec has, before anything of the plan is done.
type QuotaUse struct {
	VPC         string // its name in the spec
	Quota       string
	Used, Limit int  // of the VPC's fullest table or group, where it is a quota of those
	Stated      bool // by the spec; otherwise the limit is assumed
}

// LinkEnd is one end of a peering as people know it.
type LinkEnd struct {
	Name string
	VPC  netstate.VPC
}

// Resource is a kind of thing that can drift.
type Resource string

// The resources of drift.
const (
	ResourceConnection Resource = "connection"
	ResourceOptions    Resource = "options"
	ResourceTags       Resource = "tags"
	ResourceRoute      Resource = "route"
	ResourceRule       Resource = "rule"
)

// DriftKind says how something differs.
type DriftKind string

// The kinds of drift.
const (
	DriftMissing  DriftKind = "missing"
	DriftExtra    DriftKind = "extra"
	DriftChanged  DriftKind = "changed"
	DriftConflict DriftKind = "conflict"
)

// Drift is one difference between the spec and AWS.
type Drift struct {
	Link     netstate.Link
	Resource Resource
	Kind     DriftKind
	What     string
	Left     string // why no action of the plan mends it; empty: one does
}

// MaybeElsewhere reports whether nothing is done about the difference because a peering that is held, or that the look did not show, may be
// for it as it is.
func (d Drift) MaybeElsewhere() bool { return d.Left == heldMayWant }

// Announced returns what a later plan of the same pass may do: only actions that the first plan held too.
func (p *Plan) Announced(first *Plan) []Action {
	said := map[string]bool{}
	for _, a := range first.Actions {
		said[announce(a)] = true
	}
	var out []Action
	for _, a := range p.Actions {
		if said[announce(a)] {
			out = append(out, a)
		}
	}
	return out
}

// Restrict returns the plan for some links only. Everything was decided with all links in view, so what they share is judged rightly.
func (p *Plan) Restrict(links ...netstate.Link) *Plan {
	in := func(l netstate.Link) bool { return slices.Contains(links, l) }
	return &Plan{
		Links:    keep(p.Links, func(s LinkState) bool { return in(s.Name) }),
		Actions:  keep(p.Actions, func(a Action) bool { return in(a.Link()) }),
		Drift:    keep(p.Drift, func(d Drift) bool { return in(d.Link) }),
		Problems: keep(p.Problems, func(x Problem) bool { return in(x.Link) }),
		Owned:    p.Owned,

		Unmanaged: p.Unmanaged,
		Quotas:    p.Quotas,

		empty:   p.empty,
		leaving: p.leaving,
	}
}

func keep[T any](all []T, wanted func(T) bool) []T {
	var out []T
	for _, x := range all {
		if wanted(x) {
			out = append(out, x)
		}
	}
	return out
}

// Awaits returns the keys of actions that other peerings are to do and this one wants done too: rules that they share.
func (p *Plan) Awaits(l netstate.Link) []string { return p.shared[l] }

// Key identifies an action within a pass, whatever a later look fills in.
func Key(a Action) string { return announce(a) }

// Count says how many actions add, change and remove.
func (p *Plan) Count() (add, change, remove int) {
	for _, a := range p.Actions {
		switch a.line("")[0] {
		case '+':
			add++
		case '~':
			change++
		default:
			remove++
		}
	}
	return add, change, remove
}
