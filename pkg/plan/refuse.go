package plan

import (
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// Refusal is a finding about a plan, and the actions that must not be done because of it; a warning has none.
type Refusal struct {
	Problem
	Actions []Action
}

// Refuse takes findings into the plan: their problems are said, their actions are left out, and what those would have mended stays drift.
func (p *Plan) Refuse(found []Refusal) {
	if len(found) == 0 {
		return
	}
	out := map[string]bool{}
	var refused []Action
	for _, r := range found {
		p.Problems = append(p.Problems, r.Problem)
		refused = append(refused, r.Actions...)
	}
	for _, a := range refused {
		out[Key(a)] = true
	}
	p.leave(refused, "refused")
	sortProblems(p.Problems)
	p.Problems = slices.Compact(p.Problems)
	p.Actions = keep(p.Actions, func(a Action) bool { return !out[Key(a)] })
	p.addFirst()
}

// notAllThere is why something extra stays although it may be removed.
const notAllThere = "it waits until all that the peering wants is there"

// addFirst takes the removals out of the plan of peerings of which something that is wanted cannot be had: what adds comes first, and nothing
// is removed to make room for it. An option that cannot be had carries no traffic, and nothing waits for it.
func (p *Plan) addFirst() {
	lacking := map[netstate.Link]bool{}
	for _, x := range p.Problems {
		lacking[x.Link] = lacking[x.Link] || x.Severity >= BlocksItem && x.Code != CodeDNSOff
	}
	for _, d := range p.Drift { // of a rule that another peering wants too
		lacking[d.Link] = lacking[d.Link] || d.Left == "refused"
	}
	p.leaveOut(func(a Action) bool { return a.Step().Removes() && lacking[a.Link()] }, notAllThere)
}

// leaveOut takes actions out of the plan, and says of what they would have mended why it is left.
func (p *Plan) leaveOut(is func(Action) bool, why string) {
	var out []Action
	p.Actions = keep(p.Actions, func(a Action) bool {
		if is(a) {
			out = append(out, a)
			return false
		}
		return true
	})
	p.leave(out, why)
}

// leave says of the drift that actions would have mended why it is left, with every peering that wants the same rule. It looks at the drift
// once, however many they are: they may be all of a large account.
func (p *Plan) leave(actions []Action, why string) {
	type mended struct {
		of   netstate.Link // empty: of any
		what string
	}
	by := map[mended]bool{}
	for _, a := range actions {
		what := a.String()[len("+ "):]
		by[mended{a.Link(), what}], by[mended{"", what}] = true, true
	}
	for i, d := range p.Drift {
		if d.Left == "" && (by[mended{d.Link, d.What}] || d.Resource == ResourceRule && by[mended{"", d.What}]) {
			p.Drift[i].Left = why
		}
	}
}
