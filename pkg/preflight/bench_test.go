package preflight_test

import (
	"testing"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/plan/plantest"
	"github.com/peerd/peerd/pkg/preflight"
)

func BenchmarkCheck(b *testing.B) {
	s, empty := plantest.Mesh(b)
	for name, o := range map[string]*netstate.Observed{"from nothing": empty, "no change": plantest.Converged(s, empty)} {
		b.Run(name, func(b *testing.B) {
			want, problems := plan.Expand(s, o)
			p := plan.Diff(want, plan.Options{}, problems)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				found, _ := preflight.Check(s, want, o, p)
				n = len(found)
			}
			b.ReportMetric(float64(n), "findings")
		})
	}
}
