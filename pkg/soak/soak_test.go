package soak

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(800) // seeds leave little behind
	m.Run()
}

// aws is the AWS that a seed lives with.
type aws interface {
	source
	hand
	watch(after func(call)) // called after each call of peerd's that took effect
	pass(t *testing.T, dies *death, in reconcile.Input) *reconcile.Report
	spoil(e *estate) // injects none to three faults
	mend()           // and takes them out again
	calls() []seen
	text() string // all that there is, for people
}

// maker makes one.
type maker func(t *testing.T, seed uint64, e *estate) aws

// The bounds of a pass.
const (
	timeout = 2 * time.Minute
	settle  = 20 * time.Second
)

// death says at which call a process dies, counted from 1: before it is sent, or before its answer is read.
type death struct {
	at   int
	sent bool
}

// now reports whether it is this call; it is asked once about each.
func (d *death) now() bool {
	d.at--
	return d.at == 0
}

// deathOf lets every third process die; nil: it does not.
func deathOf(e *estate) *death {
	if e.IntN(3) > 0 {
		return nil
	}
	return &death{1 + e.IntN(60), e.IntN(2) == 0}
}

// Whatever happens to it on the way, peerd touches nothing foreign, takes nothing healthy away, and ends where the spec says.
func TestSoak(t *testing.T) {
	t.Parallel()
	sum := &tally{kinds: kindNames()}
	live(t, "PEERD_SEEDS", 60, newSimulated, sum)
	if sum.seeds < 3000 {
		return
	}
	for _, k := range sum.rare(1000) {
		t.Errorf("too few to say anything: %s", k)
	}
}

// live lives through the seeds from 1 on: as many as the variable says, else so many. PEERD_SEED=N lives through that one alone. Once the
// time that PEERD_BOX allows is over, no other is begun.
func live(t *testing.T, variable string, otherwise int, make maker, sum *tally) {
	t.Helper()
	if testing.Short() {
		otherwise /= 4
	}
	first, n := uint64(1), cmp.Or(number(t, variable), uint64(otherwise))
	if one := number(t, "PEERD_SEED"); one > 0 {
		first, n = one, 1
	}
	next := boxed(t, first, n)
	t.Run("seeds", func(t *testing.T) {
		var workers sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			workers.Go(func() {
				for seed := range next {
					t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { run(t, seed, make, sum) }) })
				}
			})
		}
		workers.Wait()
	})
	t.Logf("%s\n%d of %d seeds asked for", sum, sum.seeds, n)
}

// boxed hands out seeds until they are all given or the time is over.
func boxed(t *testing.T, first, n uint64) <-chan uint64 {
	t.Helper()
	var box time.Duration
	if text := os.Getenv("PEERD_BOX"); text != "" {
		var err error
		if box, err = time.ParseDuration(text); err != nil {
			t.Fatalf("PEERD_BOX: %v", err)
		}
	}
	next, begun := make(chan uint64), time.Now()
	go func() {
		defer close(next)
		for seed := first; seed < first+n && (box == 0 || time.Since(begun) < box); seed++ {
			next <- seed
		}
	}()
	return next
}

// number reads a number from the environment; zero: there is none.
func number(t *testing.T, name string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(os.Getenv(name), 10, 64)
	if err != nil && os.Getenv(name) != "" {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// A seed means the same every time: the same calls with the same answers, and the same world at the end.
func TestReplay(t *testing.T) {
	t.Parallel()
	replay(t, 20, newSimulated)
}

func replay(t *testing.T, n uint64, make maker) {
	t.Helper()
	if testing.Short() {
		n /= 5
	}
	for seed := range n {
		var told [2]string
		for i := range told {
			synctest.Test(t, func(t *testing.T) { told[i] = run(t, seed+1, make, &tally{}) })
		}
		if d := gocmp.Diff(told[0], told[1]); d != "" {
			t.Errorf("seed %d told two stories:\n%s", seed+1, d)
		}
	}
}

// run lives through one seed: passes with commits, edits, faults and crashes; then nothing but passes, until the world is as the last commit
// says, in five passes at most, and one more that does nothing. It tells the story of it.
func run(t *testing.T, seed uint64, make maker, sum *tally) string {
	e := newEstate(rand.New(rand.NewPCG(seed, 0)))
	in := intent{estate: e}
	for range 1 + e.IntN(3) {
		in.add()
	}
	a := make(t, seed, e)
	o := newOracle(a, in)
	a.watch(o.after)
	prune, memory := e.IntN(3) > 0, plan.Memory{}
	set := simtest.LoadSpec(t, in.spec())
	for n := range 3 + e.IntN(3) {
		if n > 0 && e.IntN(2) == 0 {
			in = in.next()
			set = simtest.LoadSpec(t, in.spec())
		}
		if n > 0 && e.IntN(2) == 0 {
			o.edit(func() { meddle(a, e, a.state()) })
		}
		a.spoil(e)
		limit := e.IntN(4)
		o.begin(in, prune)
		rep := a.pass(t, deathOf(e), reconcile.Input{Spec: set, Prune: prune, Limits: plan.Limits{Number: limit}, Memory: memory})
		o.end(limit)
		memory = rep.Memory
		if e.IntN(2) == 0 {
			memory = plan.Memory{} // another process
		}
		a.mend()
		time.Sleep(time.Duration(e.IntN(120)) * time.Second)
	}
	converge(t, a, o, in, reconcile.Input{Spec: set, Prune: prune, Limits: plan.Limits{Number: 100}, Memory: memory})
	sum.add(a.calls())
	for _, b := range o.broken {
		t.Error(b)
	}
	if t.Failed() {
		t.Logf("PEERD_SEED=%d lives through it again\n%s\n%s\n%s", seed, in.spec(), a.text(), story(a.calls()))
	}
	return story(a.calls()) + a.text()
}

// converge makes passes without faults until nothing is left, and one more.
func converge(t *testing.T, a aws, o *oracle, want intent, in reconcile.Input) {
	var left []string
	var rep *reconcile.Report
	for range 5 {
		time.Sleep(61 * time.Minute) // whatever rests has rested
		o.begin(want, in.Prune)
		rep = a.pass(t, nil, in)
		in.Memory = rep.Memory
		if left = o.left(); len(left) == 0 {
			break
		}
	}
	if len(left) > 0 {
		t.Errorf("five passes without faults, and still:\n%s\n%s", strings.Join(left, "\n"), simtest.Text(rep))
		return
	}
	before := len(a.calls())
	time.Sleep(61 * time.Minute)
	rep = a.pass(t, nil, in)
	for _, c := range a.calls()[before:] {
		if c.mutating {
			t.Errorf("converged, and yet %s %s\n%s", c.action, c.text, simtest.Text(rep))
		}
	}
}
