package plan

import "slices"

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
