package render_test

import (
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/plan/plantest"
	"github.com/peerd/peerd/pkg/preflight"
	"github.com/peerd/peerd/pkg/spec"
)

func BenchmarkPlan(b *testing.B) {
	s, empty := plantest.Mesh(b)
	for name, o := range map[string]*netstate.Observed{"from nothing": empty, "no change": plantest.Converged(s, empty)} {
		p := plan.Make(s, o, plan.Options{})
		for ext, format := range formats {
			b.Run(name+"/"+ext, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := format(io.Discard, p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkW4 is all that a pass computes between reading and writing: it expands, claims, compares, checks and shows the mesh of `make bench`
// while nothing changes. Its time of the processor counts, the garbage collector's included.
func BenchmarkW4(b *testing.B) {
	s, empty := plantest.Mesh(b)
	o := plantest.Converged(s, empty)
	for ext, format := range formats {
		b.Run(ext, func(b *testing.B) {
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				p := checked(s, o)
				if err := format(io.Discard, p); err != nil || len(p.Actions)+len(p.Drift)+len(p.Problems) > 0 {
					b.Fatal(err, p.Actions, p.Drift, p.Problems)
				}
			}
			b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

// checked is the plan as a cycle makes it.
func checked(s *spec.Set, o *netstate.Observed) *plan.Plan {
	want, problems := plan.Expand(s, o)
	p := plan.Diff(want, plan.Options{Prune: true}, problems)
	found, quotas := preflight.Check(s, want, o, p)
	p.Refuse(found)
	p.Quotas = quotas
	p.Rest(plan.Memory{}, o.At)
	p.Guard(plan.Limits{})
	return p
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
