package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// The seeds of a run: PEERD_SEED=N replays one, PEERD_SEEDS=N runs that many from 1 on.
func seeds(t *testing.T, otherwise int) []uint64 {
	t.Helper()
	number := func(name string) uint64 {
		n, err := strconv.ParseUint(os.Getenv(name), 10, 64)
		if err != nil && os.Getenv(name) != "" {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	if one := number("PEERD_SEED"); one != 0 {
		return []uint64{one}
	}
	n := number("PEERD_SEEDS")
	if n == 0 {
		n = uint64(otherwise)
	}
	var out []uint64
	for s := range n {
		out = append(out, s+1)
	}
	return out
}

// Whatever happens to it on the way, peerd touches nothing foreign, takes nothing healthy away, and ends where the spec says.
func TestSoak(t *testing.T) {
	t.Parallel()
	otherwise := 60
	if testing.Short() {
		otherwise = 15
	}
	var sum tally
	t.Run("seeds", func(t *testing.T) {
		for _, seed := range seeds(t, otherwise) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { run(t, seed, &sum) })
			})
		}
	})
	t.Log(sum.String())
}

// run lives through one seed: passes with commits, edits, faults and crashes; then nothing but passes, until the world is as the last commit
// says, in five passes at most, and one more that does nothing.
func run(t *testing.T, seed uint64, sum *tally) {
	e := newEstate(rand.New(rand.NewPCG(seed, 0)))
	in := intent{estate: e}
	for range 1 + e.IntN(3) {
		in.add()
	}
	r := simtest.New(t, ec2sim.Config{World: []byte(e.world()), Delays: delays(e)}, in.spec())
	o := newOracle(r.Sim, in)
	r.Sim.After(o.after)
	prune, memory := e.IntN(3) > 0, plan.Memory{}
	page := []int32{0, 0, 5}[e.IntN(3)]
	for n := range 3 + e.IntN(3) {
		if n > 0 && e.IntN(2) == 0 {
			in = in.next()
			r.Spec = simtest.LoadSpec(t, in.spec())
		}
		if n > 0 && e.IntN(2) == 0 {
			o.edit(func() { meddle(r, e, parse(r.Sim.Dump())) })
		}
		faults(e, r.Sim)
		limit := e.IntN(3)
		o.begin(in, prune)
		rep := cycle(t, r, page, crash(e), reconcile.Input{Prune: prune, Limits: plan.Limits{Number: limit}, Memory: memory})
		o.end(limit)
		memory = rep.Memory
		if e.IntN(2) == 0 {
			memory = plan.Memory{} // another process
		}
		r.Sim.ClearFaults()
		time.Sleep(time.Duration(e.IntN(120)) * time.Second)
	}
	settle(t, r, page, o, in, prune, memory)
	sum.add(r.Sim)
	for _, b := range o.broken {
		t.Error(b)
	}
	if t.Failed() {
		t.Logf("seed %d\n%s\n%s\n%s", seed, in.spec(), r.Sim.Dump(), story(r.Sim))
	}
}

// settle makes passes without faults until nothing is left, and one more.
func settle(t *testing.T, r *simtest.Rig, page int32, o *oracle, in intent, prune bool, memory plan.Memory) {
	var left []string
	var rep *reconcile.Report
	for range 5 {
		time.Sleep(61 * time.Minute) // whatever rests has rested
		o.begin(in, prune)
		rep = cycle(t, r, page, nil, reconcile.Input{Prune: prune, Limits: plan.Limits{Number: 100}, Memory: memory})
		memory = rep.Memory
		if left = o.left(); len(left) == 0 {
			break
		}
	}
	if len(left) > 0 {
		t.Errorf("five passes without faults, and still:\n%s\n%s", strings.Join(left, "\n"), simtest.Text(rep))
		return
	}
	before := len(r.Sim.Calls())
	time.Sleep(61 * time.Minute)
	rep = cycle(t, r, page, nil, reconcile.Input{Prune: prune, Limits: plan.Limits{Number: 100}, Memory: memory})
	for _, c := range simtest.Mutating(r.Sim.Calls()[before:]) {
		if c.Service == "ec2" {
			t.Errorf("converged, and yet %s %s\n%s", c.Action, c.Params.Encode(), simtest.Text(rep))
		}
	}
}

// cycle makes one pass as a process of its own, which dies if a crash says so.
func cycle(t *testing.T, r *simtest.Rig, page int32, dies *crashing, in reconcile.Input) *reconcile.Report {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var transport http.RoundTripper = r.Sim
	if dies != nil {
		dies.sim, dies.cancel, transport = r.Sim, cancel, dies
	}
	in.Spec = r.Spec
	target := simtest.Target(transport, func(c *awsnet.Config) { c.MaxBody, c.PageSize = 1<<20, page })
	return reconcile.New(reconcile.Config{Target: target, Timeout: 2 * time.Minute, Settle: 20 * time.Second}).Cycle(ctx, in)
}

// crashing is a process that dies at a call: before it is sent, or before its answer is read.
type crashing struct {
	left    atomic.Int64
	answers bool
	sim     *ec2sim.Sim
	cancel  context.CancelFunc
}

func crash(e *estate) *crashing {
	if e.IntN(3) > 0 {
		return nil
	}
	c := &crashing{answers: e.IntN(2) == 0}
	c.left.Store(int64(1 + e.IntN(60)))
	return c
}

var errDead = errors.New("the process is dead")

// RoundTrip lets calls through until the process dies.
func (c *crashing) RoundTrip(r *http.Request) (*http.Response, error) {
	n := c.left.Add(-1)
	if n > 0 {
		return c.sim.RoundTrip(r)
	}
	c.cancel()
	if n == 0 && c.answers {
		if resp, err := c.sim.RoundTrip(r); err == nil {
			resp.Body.Close()
		}
	}
	return nil, errDead
}
