package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// delta is what one map lacks, has too much, and has otherwise than another; each sorted.
type delta[K comparable] struct{ missing, extra, changed []K }

// diff compares what is wanted with what is there. It is the only comparison in peerd: whatever is compared is first split into keys and
// comparable values, normalised on both sides.
func diff[K, V comparable](want, have map[K]V, order func(a, b K) int) delta[K] {
	var d delta[K]
	for k, v := range want {
		if h, ok := have[k]; !ok {
			d.missing = append(d.missing, k)
		} else if h != v {
			d.changed = append(d.changed, k)
		}
	}
	for k := range have {
		if _, ok := want[k]; !ok {
			d.extra = append(d.extra, k)
		}
	}
	for _, ks := range [][]K{d.missing, d.extra, d.changed} {
		slices.SortFunc(ks, order)
	}
	return d
}

// Make plans a spec against one look: Expand, then Diff.
func Make(s *spec.Set, o *netstate.Observed) *Plan {
	d, problems := Expand(s, o)
	return Diff(d, o, problems)
}

// Diff compares the desired state with one look, and orders what has to be done. The problems that Expand found are handed through.
func Diff(d *Desired, o *netstate.Observed, found []Problem) *Plan {
	b := &builder{d: d, o: o, at: newIndex(o), out: &Plan{Problems: slices.Clone(found)}, byName: map[netstate.Link]*state{}, wanted: map[netstate.RouteKey]bool{}}
	for _, l := range d.Links {
		s := &state{want: l, held: l.Held, refused: map[netstate.RouteKey]bool{}}
		b.links = append(b.links, s)
		b.byName[l.Name] = s
		if !s.held {
			b.claim(s)
		}
	}
	b.refuseContested()
	for _, s := range b.links {
		if !s.held {
			b.connectionActions(s)
			for i := range s.want.Ends {
				b.optionActions(s, &s.want.Ends[i])
				b.routeActions(s, &s.want.Ends[i])
			}
		}
	}
	b.ruleActions()
	b.leftovers()
	return b.finish()
}

// builder collects a plan.
type builder struct {
	d      *Desired
	o      *netstate.Observed
	at     *index
	links  []*state
	byName map[netstate.Link]*state
	wanted map[netstate.RouteKey]bool // by any link
	out    *Plan
}

// state is one link with what was found of it.
type state struct {
	want    *DesiredLink
	held    bool                 // nothing of it is changed, and nothing of it is known for sure
	conn    *netstate.Connection // ours, alive
	adopted bool                 // conn is being taken over
	waiting string
	refused map[netstate.RouteKey]bool
}

func (s *state) active() bool { return s.conn != nil && s.conn.Status == netstate.Active }

// activeID is the id that an action may use: none before the connection is active.
func (s *state) activeID() netstate.ConnID {
	if s.active() {
		return s.conn.ID
	}
	return ""
}

// target is what the link's routes point at; before there is a connection it equals no observed target.
func (s *state) target() netstate.Target {
	if s.conn == nil {
		return netstate.Target{Kind: netstate.TargetPeering}
	}
	return netstate.ToPeering(s.conn.ID)
}

func (s *state) head(at netstate.Scope, waits bool, why string) head {
	return head{Of: s.want.Name, At: at, Waits: waits, Why: why}
}

// end returns the end of the link that wants a route.
func (s *state) end(at netstate.Scope, k netstate.RouteKey) *End {
	for i := range s.want.Ends {
		if _, ok := s.want.Ends[i].Routes[k]; ok && s.want.Ends[i].VPC.Scope == at {
			return &s.want.Ends[i]
		}
	}
	return &End{}
}

// add takes an action into the plan, and the difference that it mends into the drift, if it is one of its own. A suspended link drifts
// but is not touched.
func (b *builder) add(s *state, a Action, r Resource, k DriftKind) {
	if k != "" {
		b.drift(s, r, k, a.String()[len("+ "):])
	}
	if s.want.Suspended == "" {
		b.out.Actions = append(b.out.Actions, a)
	}
}

func (b *builder) drift(s *state, r Resource, k DriftKind, what string) {
	b.out.Drift = append(b.out.Drift, Drift{Link: s.want.Name, Resource: r, Kind: k, What: what})
}

// extra records what is ours and no longer wanted. Nothing is ever removed without --prune.
func (b *builder) extra(s *state, r Resource, what string) { b.drift(s, r, DriftExtra, what) }

func (b *builder) item(s *state, pos spec.Pos, code, format string, args ...any) {
	b.problem(s, pos, BlocksItem, code, format, args...)
}

func (b *builder) problem(s *state, pos spec.Pos, sev Severity, code, format string, args ...any) {
	b.out.Problems = append(b.out.Problems, Problem{Link: s.want.Name, Code: code, Pos: pos, Severity: sev, Message: fmt.Sprintf(format, args...)})
}

// finish sorts everything by keys that are total, so that the same input gives the same plan byte for byte.
func (b *builder) finish() *Plan {
	for _, s := range b.links {
		b.out.Links = append(b.out.Links, s.report())
	}
	sortActions(b.out.Actions)
	slices.SortFunc(b.out.Drift, func(x, y Drift) int {
		return cmp.Or(cmp.Compare(x.Link, y.Link), cmp.Compare(x.Resource, y.Resource), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.What, y.What))
	})
	sortProblems(b.out.Problems)
	b.out.Problems = slices.Compact(b.out.Problems)
	return b.out
}

func (s *state) report() LinkState {
	r := LinkState{Name: s.want.Name, Held: s.held, Suspended: s.want.Suspended, Waiting: s.waiting}
	for i, e := range s.want.Ends {
		r.Ends[i] = LinkEnd{e.Name, e.VPC}
	}
	if s.conn != nil {
		r.Conn, r.Status = s.conn.ID, s.conn.Status
	}
	return r
}

// sortActions orders by link, step, scope and line. The lines are made once: comparing by them makes them many times.
func sortActions(actions []Action) {
	type entry struct {
		Action
		line string
	}
	entries := make([]entry, len(actions))
	for i, a := range actions {
		entries[i] = entry{a, a.line("")}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Link(), b.Link()), cmp.Compare(a.Step(), b.Step()), a.Scope().Compare(b.Scope()), cmp.Compare(a.line, b.line))
	})
	for i, e := range entries {
		actions[i] = e.Action
	}
}
