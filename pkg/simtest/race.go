package simtest

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Race is a gate for several processes: at each call exactly one of them goes on, whose turn it is by a seed. How often they take turns, and
// how much time passes while they wait, differs from seed to seed.
type Race struct {
	gate *Gate
	rand *rand.Rand
	stay float64 // how likely it is that the one that went on last goes on
	last string
}

// NewRace returns a race for next. It works until the test's context ends.
func NewRace(t *testing.T, next http.RoundTripper, seed uint64) *Race {
	r := &Race{rand: rand.New(rand.NewPCG(seed, 1))}
	r.stay = []float64{0.3, 0.7, 0.95}[r.rand.IntN(3)]
	r.gate = newGate(t, next, seed, r)
	return r
}

// Of returns the way of one process to AWS.
func (r *Race) Of(process string) http.RoundTripper { return lane{r.gate, process} }

type lane struct {
	gate    *Gate
	process string
}

// RoundTrip waits for the call's turn.
func (l lane) RoundTrip(r *http.Request) (*http.Response, error) { return l.gate.let(r, l.process) }

// Current is the process whose call is being answered.
func (r *Race) Current() string {
	r.gate.mu.Lock()
	defer r.gate.mu.Unlock()
	return r.last
}

// dawdle lets time pass now and then, so that a process that sleeps meets one that is in the middle of something.
func (r *Race) dawdle() {
	if r == nil || r.rand.IntN(16) > 0 {
		return
	}
	time.Sleep(time.Duration(r.rand.IntN(3000)) * time.Millisecond)
	synctest.Wait()
}

// choose returns the index of the call whose turn it is, of those that wait, sorted by process.
func (r *Race) choose(waiting []*turn) int {
	if r == nil {
		return 0
	}
	next := r.last
	if at := r.at(waiting, next); at < 0 || r.rand.Float64() >= r.stay {
		others := slices.DeleteFunc(processes(waiting), func(p string) bool { return p == next })
		if len(others) > 0 {
			next = others[r.rand.IntN(len(others))]
		}
	}
	r.last = next
	return r.at(waiting, next)
}

func (r *Race) at(waiting []*turn, process string) int {
	return slices.IndexFunc(waiting, func(t *turn) bool { return t.process == process })
}

func processes(waiting []*turn) []string {
	var out []string
	for _, t := range waiting {
		out = append(out, t.process)
	}
	return slices.Compact(out)
}
