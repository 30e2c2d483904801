package soak

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// simulated is the simulator, reached through the SDK.
type simulated struct {
	*simtest.Rig
	gate http.RoundTripper // before everything: it decides the order
	page int32             // items per page; zero: as many as EC2 allows
}

// process is the way to AWS of one pass. What it left running when it died, such as the SDK's renewal of credentials, stays its own.
type process struct {
	gate http.RoundTripper
	dies *simtest.Dying // nil: it does not
}

type processKey struct{}

func (p *process) RoundTrip(r *http.Request) (*http.Response, error) {
	return p.gate.RoundTrip(r.WithContext(context.WithValue(r.Context(), processKey{}, p)))
}

func newSimulated(t *testing.T, seed uint64, e *estate) aws {
	sim, err := ec2sim.New(ec2sim.Config{World: []byte(e.world()), Delays: delays(e)})
	if err != nil {
		t.Fatal(err)
	}
	s := &simulated{Rig: &simtest.Rig{T: t, Sim: sim}, page: []int32{0, 5, 5}[e.IntN(3)]}
	s.gate = simtest.NewGate(t, s, seed)
	return s
}

func delays(e *estate) world.Delays {
	second := func(n int) time.Duration { return time.Duration(e.IntN(n)) * time.Second }
	return world.Delays{Initiating: second(3), Visible: second(4), VisibleRequester: second(3), Provisioning: second(4), Deleting: second(4),
		Options: second(3), Routes: second(3)}
}

func (s *simulated) state() state { return parse(s.Sim.Dump()) }

func (s *simulated) text() string { return s.Sim.Dump() }

func (s *simulated) watch(after func(call)) {
	s.Sim.After(func(c ec2sim.Call) {
		if c.Mutating && c.Applied && c.Service == "ec2" {
			after(called(c))
		}
	})
}

func called(c ec2sim.Call) call {
	out := call{action: c.Action, text: c.Action + " " + c.Account + "/" + c.Region + " " + c.Params.Encode()}
	if strings.Contains(c.Action, "VpcPeering") {
		out.conn = c.Params.Get("VpcPeeringConnectionId")
	}
	return out
}

func (s *simulated) calls() (out []seen) {
	for _, c := range s.Sim.Calls() {
		out = append(out, seen{c.Time, c.Account + "/" + c.Region, c.Action, c.Params.Encode(), c.Code, c.Fault, c.Mutating && c.Service == "ec2", c.Applied})
	}
	return out
}

// pass makes one pass as a process of its own.
func (s *simulated) pass(t *testing.T, dies *death, in reconcile.Input) *reconcile.Report {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := &process{gate: s.gate}
	if dies != nil {
		p.dies = &simtest.Dying{Next: s.Sim, Cancel: cancel, At: func(string) bool { return dies.now() }, Sent: dies.sent}
	}
	steady := retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return time.Second << attempt, nil })
	target := simtest.Target(p, func(c *awsnet.Config) {
		c.MaxBody, c.PageSize, c.Backoff = 1<<20, s.page, steady
		// Who comes first where there are fewer, and who gets the next token, is the scheduler's choice, and a seed must mean the same every time.
		c.Reads, c.Share = 64, 1000
	})
	return reconcile.New(reconcile.Config{Target: target, Timeout: timeout, Settle: settle}).Cycle(ctx, in)
}

// RoundTrip takes a call to the simulator, as long as the process that sends it lives.
func (s *simulated) RoundTrip(r *http.Request) (*http.Response, error) {
	if p, ok := r.Context().Value(processKey{}).(*process); ok && p.dies != nil {
		return p.dies.RoundTrip(r)
	}
	return s.Sim.RoundTrip(r)
}

var kinds = []fault.Kind{fault.Error, fault.ServerError, fault.Reset, fault.Hang, fault.Late, fault.Slow, fault.HTML, fault.Empty, fault.OtherAction,
	fault.Truncated, fault.Huge, fault.RepeatToken, fault.DropItem, fault.Stale, fault.NotFound}

func kindNames() (out []string) {
	for _, k := range kinds {
		out = append(out, string(k))
	}
	return out
}

var codes = []string{"RequestLimitExceeded", "UnauthorizedOperation", "InvalidVpcPeeringConnectionID.NotFound", "IncorrectState", "RouteLimitExceeded", "Unavailable",
	"RulesPerSecurityGroupLimitExceeded", "ConcurrentTagAccess"}

// spoil injects none to three faults for the next pass.
func (s *simulated) spoil(e *estate) {
	for range e.IntN(4) {
		k := kinds[e.IntN(len(kinds))]
		if s.page > 0 && e.IntN(4) == 0 {
			k = []fault.Kind{fault.RepeatToken, fault.DropItem}[e.IntN(2)]
		}
		f := fault.Rule{Service: "ec2", Kind: k, Rate: 0.05 + 0.3*e.Float64(), Seed: e.Uint64(), Before: e.IntN(2) == 0, Code: codes[e.IntN(len(codes))], Size: 2 << 20}
		if e.IntN(3) == 0 {
			f.Account = []string{network, payments}[e.IntN(2)]
		}
		switch k {
		case fault.RepeatToken, fault.DropItem: // few listings are longer than a page
			f.Rate = 0
		case fault.NotFound: // few calls name what is new
			f.Rate, f.Delay = 0, time.Duration(5+e.IntN(40))*time.Second
		case fault.Stale:
			f.Delay = time.Duration(5+e.IntN(40)) * time.Second
		case fault.Late:
			f.Delay = 2 * time.Second
		}
		s.Sim.Inject(f)
	}
}

func (s *simulated) mend() { s.Sim.ClearFaults() }
