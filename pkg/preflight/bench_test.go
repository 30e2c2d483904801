package preflight_test

import (
	"fmt"
	"slices"
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

// BenchmarkCheckOverQuota refuses all peerings but one: each costs the same, however many there are.
func BenchmarkCheckOverQuota(b *testing.B) {
	for _, n := range []int{46, 127} { // 1,035 peerings, and 8,001
		s, o := plantest.Estate(b, n, "meshes: [{name: m, vpcs: ["+plantest.Members(0, n)+"], side: "+plantest.Side+"}]\n")
		for _, a := range s.Accounts {
			a.Quotas.PeeringsPerVPC = 1
		}
		want, problems := plan.Expand(s, o)
		p := plan.Diff(want, plan.Options{}, problems)
		b.Run(fmt.Sprintf("%d peerings", len(s.Peerings)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				found, _ := preflight.Check(s, want, o, p)
				refused := *p
				refused.Drift = slices.Clone(p.Drift)
				refused.Refuse(found)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(s.Peerings)), "ns/peering")
		})
	}
}
