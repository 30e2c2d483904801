package plan

import (
	"cmp"
	"fmt"
	"maps"
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

// Options are what a pass may do, beyond what the spec says.
type Options struct {
	Prune  bool   // remove what is ours and no longer wanted
	Memory Memory // of earlier passes

	// Who acts for what several peerings want. Everything is decided with all of them in view, whatever stands here.
	Only  []netstate.Link        // the peerings that this pass is for; empty: all
	Avoid map[netstate.Link]bool // those that failed in this pass: another acts, if there is one
	Near  bool                   // the look shows only what Only needs: a plan that sees everything follows, and what others may mind is for it
}

// Make plans a spec against one look: Expand, then Diff.
func Make(s *spec.Set, o *netstate.Observed, opt Options) *Plan {
	d, problems := Expand(s, o)
	return Diff(d, opt, problems)
}

// Diff compares the desired state with the look that it was resolved against, and orders what has to be done. The problems that Expand found are
// handed through.
func Diff(d *Desired, opt Options, found []Problem) *Plan {
	out := &Plan{Problems: slices.Clone(found), empty: d.Empty && opt.prunes(), leaving: map[netstate.Link]bool{}, shared: map[netstate.Link][]string{}}
	b := &builder{d: d, opt: opt, o: d.o, at: d.at, out: out, byName: map[netstate.Link]*state{},
		entries: map[netstate.Pair]*state{}, heirs: map[netstate.RuleKey][]*state{},
		wanted: map[netstate.RouteKey]bool{}, managed: map[netstate.RouteKey]bool{}, moved: map[netstate.RouteKey]netstate.Link{},
		left: map[netstate.Link]*LinkState{}, blind: map[netstate.Scope]bool{}, blindRules: map[netstate.Scope]bool{}}
	for _, l := range d.Links {
		s := &state{want: l, held: l.Held, refused: map[netstate.RouteKey]bool{}}
		b.links = append(b.links, s)
		b.byName[l.Name], b.entries[l.Pair()] = s, s
		if !s.held {
			b.claim(s)
		}
	}
	b.findBlind()
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
	d          *Desired
	opt        Options
	o          *netstate.Observed
	at         *index
	links      []*state
	byName     map[netstate.Link]*state
	entries    map[netstate.Pair]*state
	heirs      map[netstate.RuleKey][]*state       // whose the rules of ours are that nobody wants
	wanted     map[netstate.RouteKey]bool          // by any link that is not held
	managed    map[netstate.RouteKey]bool          // observed, and compared with what is wanted
	moved      map[netstate.RouteKey]netstate.Link // routes that point elsewhere and are to be replaced, and for whom
	left       map[netstate.Link]*LinkState        // peerings that the spec does not have, and that something of ours is left of
	blind      map[netstate.Scope]bool             // where a held link may want a connection or route that looks extra
	blindRules map[netstate.Scope]bool             // where a held link may want a rule that looks extra
	out        *Plan
}

// state is one link with what was found of it.
type state struct {
	want    *DesiredLink
	held    bool                 // nothing of it is changed, and nothing of it is known for sure
	stalled bool                 // held although all of it is known: it is not to be had now
	conn    *netstate.Connection // ours, alive
	adopted bool                 // conn is being taken over
	unshown bool                 // whose conn is, no list says yet: until one does, nothing is done with it
	waiting string
	try     try             // of the next request
	ending  netstate.ConnID // of the pair, being deleted: until it is gone there is no other
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

// left says why nothing of the link is done about what differs; empty: it is done.
func (s *state) left() string {
	if s.want.Suspended != "" {
		return "suspended"
	}
	return ""
}

// anyHeld reports whether the link or one of its ends is held.
func (s *state) anyHeld() bool { return s.held || s.want.Ends[0].Held || s.want.Ends[1].Held }

// head is what actions of the link carry. A connection that is not known to be ours is tagged, if anything; all else waits until it is.
func (s *state) head(at netstate.Scope, waits bool, why string) head {
	return head{Of: s.want.Name, At: at, Waits: waits || s.unshown || s.adopted, Why: why}
}

// heldAt reports whether the link's end on a VPC is held.
func (s *state) heldAt(v netstate.VPC) bool {
	for _, e := range s.want.Ends {
		if e.VPC == v && e.Held {
			return true
		}
	}
	return false
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
	left := s.left()
	if k != "" {
		b.drift(s.want.Name, r, k, a.String()[len("+ "):], left)
	}
	if left == "" {
		b.out.Actions = append(b.out.Actions, a)
	}
}

func (b *builder) drift(l netstate.Link, r Resource, k DriftKind, what, left string) {
	b.out.Drift = append(b.out.Drift, Drift{Link: l, Resource: r, Kind: k, What: what, Left: left})
}

// conflict records a difference that nothing of ours can mend.
func (b *builder) conflict(s *state, r Resource, what string) {
	b.drift(s.want.Name, r, DriftConflict, what, "conflict")
}

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
	for _, l := range b.left {
		b.out.Links = append(b.out.Links, *l)
	}
	slices.SortFunc(b.out.Links, func(x, y LinkState) int { return cmp.Compare(x.Name, y.Name) })
	sortActions(b.out.Actions)
	slices.SortFunc(b.out.Drift, func(x, y Drift) int {
		return cmp.Or(cmp.Compare(x.Link, y.Link), cmp.Compare(x.Resource, y.Resource), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.What, y.What), cmp.Compare(x.Left, y.Left))
	})
	b.out.Unread = b.unread()
	b.out.Unmanaged = b.unmanaged()
	sortProblems(b.out.Problems)
	b.out.Problems = slices.Compact(b.out.Problems)
	b.out.addFirst()
	return b.out
}

// unread are the failed listings that no link complained of, each once though an account that cannot be reached fails them all.
func (b *builder) unread() []*netstate.Error {
	said := maps.Clone(b.d.unread)
	var out []*netstate.Error
	for _, scope := range slices.SortedFunc(maps.Keys(b.o.Unread), netstate.Scope.Compare) {
		for _, listing := range slices.Sorted(maps.Keys(b.o.Unread[scope])) {
			if err := b.o.Unread[scope][listing]; !said[err] && listing != netstate.ListACLs { // which nothing depends on
				said[err] = true
				out = append(out, err)
			}
		}
	}
	return out
}

func (s *state) report() LinkState {
	r := LinkState{Name: s.want.Name, Pos: s.want.Pos, Held: s.held && !s.stalled, Unknown: s.want.Unknown, Suspended: s.want.Suspended, Waiting: s.waiting, Ending: s.ending}
	for i, e := range s.want.Ends {
		r.Ends[i] = LinkEnd{e.Name, e.VPC}
	}
	if s.conn != nil {
		r.Conn, r.Status, r.Adopts = s.conn.ID, s.conn.Status, s.adopted
		if s.waiting != "" {
			r.Expires = s.conn.Expires
		}
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
