package crash

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// delays are as short as they can be for every passing state and every lag to be met by a look.
var delays = world.Delays{Initiating: 100 * time.Millisecond, Visible: 300 * time.Millisecond, VisibleRequester: 50 * time.Millisecond,
	Provisioning: 100 * time.Millisecond, Deleting: 30 * time.Second, Options: 100 * time.Millisecond, Routes: 100 * time.Millisecond}

const (
	mostPasses = 5
	interval   = time.Minute
)

// orders are seeds of the order in which calls are answered that peerd makes side by side: each leaves other halves behind.
var orders = []uint64{1, 2}

// Wherever peerd is stopped, the next process comes to the same end within five passes: nothing is left over, nothing is there twice, and
// nothing that stays in an undisturbed life was ever away, whoever made it.
func TestSweep(t *testing.T) {
	t.Parallel()
	var sum figures
	t.Run("scenarios", func(t *testing.T) {
		for _, s := range scenarios(t) {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				for _, order := range orders {
					sum.add(sweep(t, s, order))
				}
			})
		}
	})
	t.Log(&sum)
}

// What a process leaves that really dies at a call is what the sweep takes for it.
func TestDeadProcessLeavesWhatIsSwept(t *testing.T) {
	t.Parallel()
	s := scenario{name: "create", spec: commit(hubPay), does: "Accept Create CreateRoute CreateTags"}
	l := live(t, s, 1)
	for _, stop := range l.stops {
		for _, p := range stop.where {
			if p.pass > 1 {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				r := s.begin(t)
				ctx, cancel := context.WithCancel(t.Context())
				n := 0
				d := &simtest.Dying{Next: r.Sim, Sent: p.after, Cancel: cancel, At: func(action string) bool {
					if action != "AssumeRole" && action != "GetCallerIdentity" {
						n++
					}
					return n == p.call
				}}
				in := s.input(plan.Memory{})
				in.Spec = r.Spec
				reconcile.New(reconcile.Config{Target: simtest.Target(simtest.NewGate(t, d, 1))}).Cycle(ctx, in)
				if !d.Dead() {
					t.Fatalf("it did not come to %s", p)
				}
				time.Sleep(time.Minute)
				if d := cmp.Diff(stop.sim.Dump(), r.Sim.Dump()); d != "" {
					t.Errorf("stopped %s: swept (-), left (+):\n%s", p, d)
				}
			})
		}
	}
}

// figures are what a sweep was.
type figures struct {
	mu                                       sync.Mutex // guards the rest
	scenarios, positions, worlds, mostPasses int
}

func (f *figures) add(positions, worlds, passes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scenarios++
	f.positions += positions
	f.worlds += worlds
	f.mostPasses = max(f.mostPasses, passes)
}

// String is the line that `make sweep` shows.
func (f *figures) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprintf("%d scenarios, %d positions in %d worlds, converged in %d passes at most", f.scenarios/len(orders), f.positions, f.worlds, f.mostPasses)
}

// sweep lets a scenario go by undisturbed, and then takes it up from every world that a stop would have left.
func sweep(t *testing.T, s scenario, order uint64) (positions, worlds, passes int) {
	l := live(t, s, order)
	if t.Failed() {
		return
	}
	for i, stop := range l.stops {
		if testing.Short() && i%7 > 0 {
			continue
		}
		passes = max(passes, l.goOn(t, stop))
		if t.Failed() {
			return
		}
		positions, worlds = positions+len(stop.where), worlds+1
	}
	return positions, worlds, passes
}

// goOn takes the scenario up with a fresh process, and returns how many passes it took.
func (l *life) goOn(t *testing.T, s stop) (passes int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(s.at))
		r := &simtest.Rig{T: t, Sim: s.sim, Spec: l.set(t, l.spec)}
		where := fmt.Sprintf("order %d, stopped %v", l.order, s.where)
		r.Sim.After(func(c ec2sim.Call) {
			if c.Mutating {
				l.mustKeep(t, where+", then "+c.Action, r.Sim)
			}
		})
		var memory plan.Memory
		for passes = 1; ; passes++ {
			report, _ := r.Run(l.input(memory))
			memory = report.Memory
			time.Sleep(interval)
			different := cmp.Diff(l.end, l.told(r.Sim.Dump()))
			if different == "" && report.Exit() == l.exit {
				return
			}
			if passes == mostPasses {
				t.Errorf("%s: after %d passes exit %d, want %d; undisturbed (-), now (+):\n%s\n%s\n%s", where, passes, report.Exit(), l.exit, different, simtest.Text(report), story(r.Sim))
				return
			}
		}
	})
	return passes
}

// mustKeep: what was there before and stays in an undisturbed life is never away.
func (l *life) mustKeep(t *testing.T, where string, sim *ec2sim.Sim) {
	t.Helper()
	if lost := simtest.Without(l.keeps, simtest.Lines(sim.Dump())); len(lost) > 0 {
		t.Errorf("%s: not as it was:\n%s\n%s", where, strings.Join(lost, "\n"), story(sim))
	}
}

// story tells the calls that changed something.
func story(sim *ec2sim.Sim) string {
	var b strings.Builder
	for _, c := range simtest.Mutating(sim.Calls()) {
		fmt.Fprintf(&b, "%d %s %s/%s %s code=%s %s\n", c.Seq, c.Time.Format("15:04:05.000"), c.Account, c.Region, c.Action, c.Code, c.Params.Encode())
	}
	return b.String()
}

// input is what each pass is asked.
func (s scenario) input(m plan.Memory) reconcile.Input {
	return reconcile.Input{Prune: s.prune > 0, Limits: plan.Limits{Number: s.prune}, Memory: m}
}
