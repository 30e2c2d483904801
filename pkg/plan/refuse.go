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
	for _, r := range found {
		p.Problems = append(p.Problems, r.Problem)
		for _, a := range r.Actions {
			out[Key(a)] = true
			p.leave(a, "refused")
		}
	}
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
	p.Actions = keep(p.Actions, func(a Action) bool {
		waits := a.Step().Removes() && lacking[a.Link()]
		if waits {
			p.leave(a, notAllThere)
		}
		return !waits
	})
}

// leave says of the drift that an action would have mended why it is left, with every peering that wants the same rule.
func (p *Plan) leave(a Action, why string) {
	what := a.String()[len("+ "):]
	for i, d := range p.Drift {
		if (d.Link == a.Link() || d.Resource == ResourceRule) && d.What == what && d.Left == "" {
			p.Drift[i].Left = why
		}
	}
}
