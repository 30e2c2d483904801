package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/google/go-cmp/cmp"

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

// A seed means the same every time: the same calls with the same answers, and the same world at the end.
func TestReplay(t *testing.T) {
	t.Parallel()
	n := uint64(20)
	if testing.Short() {
		n = 4
	}
	for seed := range n {
		var told [2]string
		for i := range told {
			synctest.Test(t, func(t *testing.T) {
				var sum tally
				told[i] = run(t, seed+1, &sum)
			})
		}
		if d := cmp.Diff(told[0], told[1]); d != "" {
			t.Errorf("seed %d told two stories:\n%s", seed+1, d)
		}
	}
}

// run lives through one seed: passes with commits, edits, faults and crashes; then nothing but passes, until the world is as the last commit
// says, in five passes at most, and one more that does nothing.
func run(t *testing.T, seed uint64, sum *tally) string {
	e := newEstate(rand.New(rand.NewPCG(seed, 0)))
	in := intent{estate: e}
	for range 1 + e.IntN(3) {
		in.add()
	}
	r := simtest.New(t, ec2sim.Config{World: []byte(e.world()), Delays: delays(e)}, in.spec())
	o := newOracle(r.Sim, in)
	r.Sim.After(o.after)
	prune, memory := e.IntN(3) > 0, plan.Memory{}
	p := &process{Rig: r, page: []int32{0, 5, 5}[e.IntN(3)]}
	p.gate = simtest.NewGate(t, p, seed)
	for n := range 3 + e.IntN(3) {
		if n > 0 && e.IntN(2) == 0 {
			in = in.next()
			r.Spec = simtest.LoadSpec(t, in.spec())
		}
		if n > 0 && e.IntN(2) == 0 {
			o.edit(func() { meddle(r, e, parse(r.Sim.Dump())) })
		}
		faults(e, r.Sim, p.page)
		limit := e.IntN(4)
		o.begin(in, prune)
		rep := p.cycle(t, crash(e), reconcile.Input{Prune: prune, Limits: plan.Limits{Number: limit}, Memory: memory})
		o.end(limit)
		memory = rep.Memory
		if e.IntN(2) == 0 {
			memory = plan.Memory{} // another process
		}
		r.Sim.ClearFaults()
		time.Sleep(time.Duration(e.IntN(120)) * time.Second)
	}
	settle(t, p, o, in, prune, memory)
	sum.add(r.Sim)
	for _, b := range o.broken {
		t.Error(b)
	}
	if t.Failed() {
		t.Logf("seed %d\n%s\n%s\n%s", seed, in.spec(), r.Sim.Dump(), story(r.Sim))
	}
	return story(r.Sim) + r.Sim.Dump()
}

// settle makes passes without faults until nothing is left, and one more.
func settle(t *testing.T, p *process, o *oracle, in intent, prune bool, memory plan.Memory) {
	var left []string
	var rep *reconcile.Report
	for range 5 {
		time.Sleep(61 * time.Minute) // whatever rests has rested
		o.begin(in, prune)
		rep = p.cycle(t, nil, reconcile.Input{Prune: prune, Limits: plan.Limits{Number: 100}, Memory: memory})
		memory = rep.Memory
		if left = o.left(); len(left) == 0 {
			break
		}
	}
	if len(left) > 0 {
		t.Errorf("five passes without faults, and still:\n%s\n%s", strings.Join(left, "\n"), simtest.Text(rep))
		return
	}
	before := len(p.Sim.Calls())
	time.Sleep(61 * time.Minute)
	rep = p.cycle(t, nil, reconcile.Input{Prune: prune, Limits: plan.Limits{Number: 100}, Memory: memory})
	for _, c := range simtest.Mutating(p.Sim.Calls()[before:]) {
		if c.Service == "ec2" {
			t.Errorf("converged, and yet %s %s\n%s", c.Action, c.Params.Encode(), simtest.Text(rep))
		}
	}
}

// process is peerd as it is started for every pass.
type process struct {
	*simtest.Rig
	gate *simtest.Gate  // before everything: it decides the order
	page int32          // items per page; zero: as many as EC2 allows
	dies *simtest.Dying // nil: it does not
}

// cycle makes one pass as a process of its own, which dies if a crash says so.
func (p *process) cycle(t *testing.T, dies *simtest.Dying, in reconcile.Input) *reconcile.Report {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if p.dies = dies; dies != nil {
		dies.Next, dies.Cancel = p.Sim, cancel
	}
	in.Spec = p.Spec
	steady := retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return time.Second << attempt, nil })
	target := simtest.Target(p.gate, func(c *awsnet.Config) {
		c.MaxBody, c.PageSize, c.Backoff = 1<<20, p.page, steady
		c.Reads = 64 // who comes first where there are fewer is the scheduler's choice, and a seed must mean the same every time
	})
	return reconcile.New(reconcile.Config{Target: target, Timeout: 2 * time.Minute, Settle: 20 * time.Second}).Cycle(ctx, in)
}

// crash says at which call the process dies, before it is sent or before its answer is read; nil: it does not.
func crash(e *estate) *simtest.Dying {
	if e.IntN(3) > 0 {
		return nil
	}
	left := 1 + e.IntN(60)
	return &simtest.Dying{At: func(string) bool { left--; return left == 0 }, Sent: e.IntN(2) == 0}
}

// RoundTrip takes a call to the simulator, as long as the process lives.
func (p *process) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.dies == nil {
		return p.Sim.RoundTrip(r)
	}
	return p.dies.RoundTrip(r)
}
