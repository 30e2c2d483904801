package simtest

import (
	"bytes"
	"cmp"
	"context"
	"hash/fnv"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Gate lets calls through one at a time, in an order that a seed decides: whatever goroutines the scheduler runs first, a seed means the
// same every time. It works within a synctest bubble: it waits until nothing else can go on, and then lets one of the waiting calls pass.
// A call that takes time does not hold up the others; its answer waits for a turn too, since whatever else that time awoke comes first or
// later by chance.
type Gate struct {
	next http.RoundTripper
	seed uint64
	race *Race // nil: there is one process only

	wake chan struct{} // of capacity one

	mu      sync.Mutex // guards the rest
	waiting []*turn
	last    string // what the last one that passed says
}

type turn struct {
	process string
	order   uint64
	text    string
	pass    chan struct{}
}

// NewGate returns a gate before next, nil where calls ask by themselves with Wait. It works until the test's context ends.
func NewGate(t *testing.T, next http.RoundTripper, seed uint64) *Gate {
	return newGate(t, next, seed, nil)
}

func newGate(t *testing.T, next http.RoundTripper, seed uint64, race *Race) *Gate {
	g := &Gate{next: next, seed: seed, race: race, wake: make(chan struct{}, 1)}
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(done)
		g.serve(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return g
}

func (g *Gate) serve(ctx context.Context) {
	for {
		select {
		case <-g.wake:
		case <-ctx.Done():
			return
		}
		for {
			synctest.Wait()
			g.race.dawdle()
			t := g.first()
			if t == nil {
				break
			}
			close(t.pass)
		}
	}
}

// first takes out the call whose turn it is.
func (g *Gate) first() *turn {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		return nil
	}
	slices.SortFunc(g.waiting, func(a, b *turn) int {
		return cmp.Or(cmp.Compare(a.process, b.process), g.twins(b)-g.twins(a), cmp.Compare(a.order, b.order), cmp.Compare(a.text, b.text))
	})
	t := g.waiting[g.race.choose(g.waiting)]
	g.waiting = slices.DeleteFunc(g.waiting, func(x *turn) bool { return x == t })
	g.last = t.text
	return t
}

// twins is 1 for a call that says what the last one said: which of the two passed nobody can tell, so both do before either's next call.
func (g *Gate) twins(t *turn) int {
	if t.text == g.last {
		return 1
	}
	return 0
}

// credential is who calls, and where: the part of a signature that does not depend on the time.
var credential = regexp.MustCompile(`Credential=([^/]+)/[0-9]+/([^,]+),`)

// RoundTrip waits for the call's turn.
func (g *Gate) RoundTrip(r *http.Request) (*http.Response, error) { return g.let(r, "") }

func (g *Gate) let(r *http.Request, process string) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	text := string(body)
	if m := credential.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		text = m[1] + " " + m[2] + " " + text
	}
	if err := g.wait(r.Context(), process, text); err != nil {
		return nil, err
	}
	sent := time.Now()
	resp, err := g.next.RoundTrip(r)
	if time.Since(sent) == 0 {
		return resp, err
	}
	if gone := g.wait(r.Context(), process, text); gone != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return nil, gone
	}
	return resp, err
}

// Wait waits for the turn of a call that says that; calls that say the same are the same.
func (g *Gate) Wait(ctx context.Context, text string) error { return g.wait(ctx, "", text) }

func (g *Gate) wait(ctx context.Context, process, text string) error {
	t := &turn{process: process, text: text, pass: make(chan struct{})}
	h := fnv.New64a()
	_, _ = io.WriteString(h, strconv.FormatUint(g.seed, 10)+" "+t.text) // a hash takes everything
	t.order = h.Sum64()
	g.mu.Lock()
	g.waiting = append(g.waiting, t)
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
	select {
	case <-t.pass:
		return nil
	case <-ctx.Done():
		g.leave(t)
		return ctx.Err()
	}
}

func (g *Gate) leave(t *turn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(x *turn) bool { return x == t })
}
