package reconcile

import (
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/plan/plantest"
)

// A look waits until the latest plan has rested, but for one that shows the suspend tag: nothing is written there after it was read.
func TestSuspendTagsWaitForNoPlan(t *testing.T) {
	t.Parallel()
	s, nothing := plantest.Estate(t, 2, "meshes: [{name: m, vpcs: ["+plantest.Members(0, 2)+"], side: "+plantest.Side+"}]\n")
	o := plantest.Converged(s, nothing)
	tag := netstate.Tags{netstate.TagSuspend: "INC-42"}
	for name, tc := range map[string]struct {
		change func(*netstate.Observed)
		halts  bool
	}{
		"none": {func(*netstate.Observed) {}, false},
		"on a view": {func(o *netstate.Observed) {
			for id, c := range o.Connections {
				c.Views[1].Tags = c.Views[1].Tags.With(tag)
				o.Connections[id] = c
			}
		}, true},
		"on a VPC": {func(o *netstate.Observed) {
			for v, f := range o.VPCs {
				f.Tags = f.Tags.With(tag)
				o.VPCs[v] = f
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := Input{Spec: s}
			p := &pass{cfg: New(Config{}).cfg, in: in, look: plan.Look(s, plan.Ask{}), o: o, seen: o, first: in.plan(o, nil)}
			p.begin()
			p.planned, p.took = time.Now(), time.Hour
			shown := o.Clone()
			tc.change(shown)
			for at := range p.look.Scopes {
				p.take(look{scope: at, whole: true, o: shown})
			}
			if l := p.order[0]; l.halted.Load() != tc.halts || len(p.fresh) == 0 && !tc.halts {
				t.Errorf("halted %v, %d looks wait for a plan", l.halted.Load(), len(p.fresh))
			}
		})
	}
}
