package soak

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// together is one estate with two peerd at work on it at once, a and b, call by call as a seed decides.
type together struct {
	*testing.T
	*estate
	*simulated // what the oracle sees
	race       *simtest.Race
	who        string // whose calls changed something, in order
}

// newTogether makes an estate, and an intent for it.
func newTogether(t *testing.T, seed uint64) (*together, intent) {
	t.Helper()
	e := newEstate(rand.New(rand.NewPCG(seed, 2)))
	in := intent{estate: e}
	for range 1 + e.IntN(2) {
		in.add()
	}
	sim, err := ec2sim.New(ec2sim.Config{World: []byte(e.world()), Delays: delays(e)})
	if err != nil {
		t.Fatal(err)
	}
	return &together{T: t, estate: e, simulated: &simulated{Rig: &simtest.Rig{T: t, Sim: sim}}, race: simtest.NewRace(t, sim, seed)}, in
}

// peerd is one of the two.
func (w *together) peerd(name string) *simulated {
	return &simulated{Rig: w.Rig, gate: w.race.Of(name)}
}

// changed reports whether a call changed something, and notes whose it was.
func (w *together) changed(c ec2sim.Call) bool {
	if !c.Mutating || !c.Applied || c.Service != "ec2" {
		return false
	}
	w.who += w.race.Current()
	return true
}

// mixed reports whether one changed something between two changes of the other.
func (w *together) mixed() bool {
	return strings.Contains(w.who, "ab") && strings.Contains(w.who, "ba")
}

// both lets the two make some passes at once, each as a process that goes on, and returns what each reported.
func (w *together) both(a, b reconcile.Input) [2][]*reconcile.Report {
	var out [2][]*reconcile.Report
	var wg sync.WaitGroup
	for i, in := range []reconcile.Input{a, b} {
		p := w.peerd([]string{"a", "b"}[i])
		passes, wait := 1+w.IntN(3), time.Duration(w.IntN(40))*time.Second
		wg.Go(func() {
			for range passes {
				rep := p.pass(w.T, nil, in)
				in.Memory = rep.Memory
				out[i] = append(out[i], rep)
				time.Sleep(wait)
			}
		})
	}
	wg.Wait()
	return out
}

// mix is what many seeds of two at once were.
type mix struct {
	mu                  sync.Mutex // guards the rest
	seeds, mixed, calls int
}

// run lives through all seeds. In many of them the calls of the two are mixed, or they showed nothing. PEERD_SEED=N lives through that alone.
func (m *mix) run(t *testing.T, row int, test func(*testing.T, uint64) *together) {
	t.Helper()
	first, n := uint64(1), uint64(200)
	if testing.Short() {
		n = 10
	}
	if one := number(t, "PEERD_SEED"); one > 0 {
		first, n = one, 1
	}
	t.Run("seeds", func(t *testing.T) {
		for seed := first; seed < first+n; seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { m.add(test(t, seed)) })
			})
		}
	})
	t.Logf("%d seeds, %d calls; in %d seeds both changed something in turns", m.seeds, m.calls, m.mixed)
	failures.Shown(t, row, n == 1 || m.mixed >= m.seeds/3, "two change things in turns")
}

func (m *mix) add(w *together) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seeds++
	m.calls += len(w.Sim.Calls())
	if w.mixed() {
		m.mixed++
	}
}

// asked is what a peerd of an intent is asked.
func (w *together) asked(in intent, prune bool) reconcile.Input {
	return reconcile.Input{Spec: simtest.LoadSpec(w.T, in.spec()), Prune: prune, Limits: plan.Limits{Number: 100}}
}

// Two peerd with one owner on one commit: nothing foreign is touched, nothing is made twice, every pass of both ends as that of one alone
// does, and so does the world.
func TestF06TwoAtOnceOnOneCommit(t *testing.T) {
	t.Parallel()
	new(mix).run(t, 6, func(t *testing.T, seed uint64) *together {
		w, in := newTogether(t, seed)
		alone := &simulated{Rig: &simtest.Rig{T: t, Sim: w.Sim.Fork()}}
		alone.gate = alone.Sim // the order of its calls does not matter
		ask := w.asked(in, w.IntN(3) > 0)
		o := newOracle(w, in)
		o.begin(in, ask.Prune)
		w.Sim.After(w.judged(o))
		reports := w.both(ask, ask)
		w.left(o, in, ask, reports[1])
		want := alone.pass(t, nil, ask)
		for i, rep := range append(reports[0], reports[1]...) {
			if rep.Exit() != want.Exit() {
				t.Errorf("pass %d: exit %d, that of one alone %d\n%s", i, rep.Exit(), want.Exit(), simtest.Text(rep))
			}
		}
		simtest.WantSame(t, "one alone", simtest.Anonymous(simtest.Lines(alone.text())), "two at once", simtest.Anonymous(simtest.Lines(w.text())))
		w.verdict(o.broken, seed, in.spec(), in.spec())
		return w
	})
}

// Two peerd with one owner on two neighbouring commits, of which the older stops after a while: nothing foreign is touched, nothing healthy
// that both want is lost, and the newer brings the world to where its commit says, with nothing there twice.
func TestF06TwoAtOnceOnNeighbouringCommits(t *testing.T) {
	t.Parallel()
	new(mix).run(t, 6, func(t *testing.T, seed uint64) *together {
		w, older := newTogether(t, seed)
		newer, prune := older.next(), w.IntN(3) > 0
		o := newOracle(w, newer)
		o.also = []intent{older}
		o.begin(newer, prune)
		w.Sim.After(w.judged(o))
		if w.IntN(2) == 0 {
			w.peerd("a").pass(t, nil, w.asked(older, prune)) // it had been in force
		}
		ask := w.asked(newer, prune)
		reports := w.both(w.asked(older, prune), ask)
		o.also = nil
		w.left(o, newer, ask, reports[1])
		if prune {
			o.once(newer)
		}
		w.verdict(o.broken, seed, older.spec(), newer.spec())
		return w
	})
}

// judged is the simulator's hook: it notes whose call it was, and lets the oracle judge it.
func (w *together) judged(o *oracle) func(ec2sim.Call) {
	return func(c ec2sim.Call) {
		if w.changed(c) {
			o.after(called(c))
		}
	}
}

// left lets the one that is left go on from what it last reported, until its commit is there.
func (w *together) left(o *oracle, want intent, in reconcile.Input, reports []*reconcile.Report) {
	in.Memory = reports[len(reports)-1].Memory
	converge(w.T, w.peerd("b"), o, want, in)
}

// once says which pairs of an intent are joined twice by what is ours.
func (o *oracle) once(in intent) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range in.links {
		var ids []string
		for id, c := range o.now.conns {
			if c.alive() && c.ours() && c.joins(in.ends(l)) {
				ids = append(ids, id)
			}
		}
		if len(ids) > 1 && !l.suspended {
			o.say("%s is there twice: %v", l.name, ids)
		}
	}
}

// verdict fails the test with all that was broken.
func (w *together) verdict(broken []string, seed uint64, ofA, ofB string) {
	w.Helper()
	for _, b := range broken {
		w.Error(b)
	}
	if w.Failed() {
		w.Logf("PEERD_SEED=%d lives through it again; in turns %s; the two specs:\n%s\n%s\n%s\n%s", seed, w.who, ofA, cmp.Diff(ofA, ofB), w.text(), story(w.calls()))
	}
}

// A seed means the same every time.
func TestReplayOfTwoAtOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		var told [2]string
		for i := range told {
			synctest.Test(t, func(t *testing.T) {
				w, in := newTogether(t, seed+1)
				w.both(w.asked(in, true), w.asked(in.next(), true))
				told[i] = story(w.calls()) + w.text()
			})
		}
		if d := cmp.Diff(told[0], told[1]); d != "" {
			t.Errorf("seed %d told two stories:\n%s", seed+1, d)
		}
	}
}
