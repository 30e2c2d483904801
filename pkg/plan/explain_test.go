package plan_test

import (
	"fmt"
	"testing"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// In many small worlds, every action of a plan is explained: by words of the spec that are in its file, unless it removes something, by what
// is there, and by what decided. Every kind of action occurs, but for changed
// descriptions, which these worlds do not state.
func TestEveryActionIsExplained(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	for seed := range uint64(120) {
		w := newSmall(t, bySeed(seed))
		for i := range 30 {
			w.editRule(i)
			want, _ := plan.Expand(w.set, w.o)
			for _, a := range plan.Make(w.set, w.o, plan.Options{Prune: true}).Actions {
				kinds[fmt.Sprintf("%T", a)]++
				x := plan.Explain(want, w.o, a)
				tag, isTag := a.(plan.TagConnection)
				asked := !a.Step().Removes() && !(isTag && tag.Leaving)
				if x.Law == "" || x.Seen == "" || (x.Pos != spec.Pos{}) != asked {
					t.Fatalf("seed %d: %s: %+v", seed, a, x)
				}
			}
			if !w.apply(plan.Options{Prune: true}) {
				w.commit()
			}
		}
	}
	for _, a := range []plan.Action{plan.OpenConnection{}, plan.AcceptConnection{}, plan.TagConnection{}, plan.SetOptions{}, plan.AllowRule{}, plan.ChangeRule{},
		plan.TagRule{}, plan.AddRoute{}, plan.ReplaceRoute{}, plan.RemoveRoute{}, plan.RevokeRule{}, plan.CloseConnection{}} {
		if kinds[fmt.Sprintf("%T", a)] == 0 {
			t.Errorf("no %T occurred", a)
		}
	}
	t.Log(kinds)
}

// editRule changes one of our rules by hand now and then: its description, or its ports.
func (w *small) editRule(i int) {
	if i%5 > 1 {
		return
	}
	for k, r := range w.o.Rules {
		if r.Owner() != w.set.Owner {
			continue
		}
		delete(w.o.Rules, k)
		if r.Description = "by hand"; i%5 == 1 && k.Proto == netstate.TCP {
			k.Ports = netstate.PortRange{From: 4444, To: 4444}
		}
		w.o.Rules[k] = r
		return
	}
}
