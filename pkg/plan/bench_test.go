package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/plan/plantest"
	"github.com/peerd/peerd/pkg/spec"
)

// estates are those that are measured, by name.
var estates = []struct {
	name  string
	vpcs  int
	shape string
}{
	{"mesh of 50", 50, "meshes: [{name: m, vpcs: [" + plantest.Members(0, 50) + "], side: " + plantest.Side + "}]\n"},
	{"hub of 120", 121, "hubs: [{name: h, hub: v120, spokes: [" + plantest.Members(0, 120) + "], hubSide: " + plantest.Side + ", spokeSide: " + plantest.Side + "}]\n"},
	{"two overlapping meshes", 50, "meshes:\n  - {name: m, vpcs: [" + plantest.Members(0, 40) + "], side: " + plantest.Side + "}\n  - {name: n, vpcs: [" +
		plantest.Members(20, 50) + "], side: " + plantest.Side + "}\n"},
}

func BenchmarkExpand(b *testing.B) {
	for _, e := range estates {
		b.Run(e.name, func(b *testing.B) {
			s, o := plantest.Estate(b, e.vpcs, e.shape)
			b.ReportAllocs()
			for b.Loop() {
				plan.Expand(s, o)
			}
			b.ReportMetric(float64(len(s.Peerings)), "peerings")
		})
	}
}

// BenchmarkDiff claims, compares and orders.
func BenchmarkDiff(b *testing.B) {
	for _, e := range estates {
		s, o := plantest.Estate(b, e.vpcs, e.shape)
		b.Run(e.name+"/from nothing", func(b *testing.B) { benchmarkDiff(b, s, o) })
		b.Run(e.name+"/no change", func(b *testing.B) { benchmarkDiff(b, s, plantest.Converged(s, o)) })
	}
}

func benchmarkDiff(b *testing.B, s *spec.Set, o *netstate.Observed) {
	want, problems := plan.Expand(s, o)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = len(plan.Diff(want, plan.Options{}, problems).Actions)
	}
	b.ReportMetric(float64(n), "actions")
}

// BenchmarkRest leaves out what rests where every account does, which each later plan of a pass pays again: an action costs the same,
// however many there are.
func BenchmarkRest(b *testing.B) {
	for _, n := range []int{46, 127} { // 1,035 peerings, and 8,001
		s, o := plantest.Estate(b, n, "meshes: [{name: m, vpcs: ["+plantest.Members(0, n)+"], side: "+plantest.Side+"}]\n")
		p := plan.Make(s, o, plan.Options{})
		m := plan.Memory{}.Next(o, allDenied(p)).Next(o, allDenied(p))
		b.Run(fmt.Sprintf("%d peerings", len(s.Peerings)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resting := *p
				resting.Drift = slices.Clone(p.Drift)
				resting.Rest(m, o.At)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(p.Actions)), "ns/action")
		})
	}
}

func allDenied(p *plan.Plan) (out []plan.Outcome) {
	for _, a := range p.Actions {
		out = append(out, plan.Outcome{Action: a, Err: &netstate.Error{Kind: netstate.Denied}})
	}
	return out
}
