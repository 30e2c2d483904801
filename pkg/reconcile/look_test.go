package reconcile

import (
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/plan/plantest"
	"github.com/peerd/peerd/pkg/spec"
)

// passOver is a pass over a look, begun and with a plan that rests for long.
func passOver(s *spec.Set, o *netstate.Observed) *pass {
	in := Input{Spec: s}
	p := &pass{cfg: New(Config{}).cfg, in: in, look: plan.Look(s, plan.Ask{}), o: o, seen: o, first: in.plan(o, nil)}
	p.begin()
	p.planned, p.took = time.Now(), time.Hour
	return p
}

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
			p := passOver(s, o)
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

// Of looks that are laid at once, one that could not read connections takes nothing from another that could.
func TestLooksLaidTogether(t *testing.T) {
	t.Parallel()
	s, o := plantest.Estate(t, 2, "meshes: [{name: m, vpcs: ["+plantest.Members(0, 2)+"], side: "+plantest.Side+"}]\n")
	p := passOver(s, o)
	shown := plantest.Converged(s, o)
	for at := range p.look.Scopes {
		unread := netstate.NewObserved(shown.At.Add(time.Second))
		unread.Fail(at, netstate.ListConnections, &netstate.Error{Kind: netstate.Throttled})
		p.fresh = append(p.fresh, look{scope: at, whole: true, o: netstate.NewObserved(shown.At).Replace(map[netstate.Scope]*netstate.Observed{at: shown})}, look{scope: at, o: unread})
		p.fresh[len(p.fresh)-2].o.Connections = shown.Connections
	}
	p.lay()
	if len(p.o.Connections) != 1 || len(p.o.Routes) != len(shown.Routes) || len(p.o.Unread) > 0 {
		t.Errorf("%d connections, %d routes of %d, unread %v", len(p.o.Connections), len(p.o.Routes), len(shown.Routes), p.o.Unread)
	}
}

// Whole looks at many accounts cost what the estate has, when they are laid at once.
func TestWholeLooksAreLaidAtOnce(t *testing.T) {
	allocs := func(scopes int) float64 {
		o, l := spread(scopes)
		later := map[netstate.Scope]*netstate.Observed{}
		for s := range l.Scopes {
			later[s] = netstate.NewObserved(o.At).Replace(map[netstate.Scope]*netstate.Observed{s: o})
		}
		p := &pass{o: o}
		return testing.AllocsPerRun(1, func() {
			for s, shown := range later {
				p.fresh = append(p.fresh, look{scope: s, whole: true, o: shown})
			}
			p.lay()
		})
	}
	if few, many := allocs(4), allocs(200); many > 3*few {
		t.Errorf("%v allocations for 4 scopes, %v for 200", few, many)
	}
}
