package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func delays(e *estate) world.Delays {
	second := func(n int) time.Duration { return time.Duration(e.IntN(n)) * time.Second }
	return world.Delays{Initiating: second(3), Visible: second(4), VisibleRequester: second(3), Provisioning: second(4), Deleting: second(4),
		Options: second(3), Routes: second(3)}
}

var kinds = []fault.Kind{fault.Error, fault.ServerError, fault.Reset, fault.Hang, fault.Late, fault.Slow, fault.HTML, fault.Empty, fault.OtherAction,
	fault.Truncated, fault.Huge, fault.RepeatToken, fault.DropItem, fault.Stale, fault.NotFound}

var codes = []string{"RequestLimitExceeded", "UnauthorizedOperation", "InvalidVpcPeeringConnectionID.NotFound", "IncorrectState", "RouteLimitExceeded", "Unavailable",
	"RulesPerSecurityGroupLimitExceeded", "ConcurrentTagAccess"}

// faults injects none to three of them for the next pass.
func faults(e *estate, sim *ec2sim.Sim, page int32) {
	for range e.IntN(4) {
		k := kinds[e.IntN(len(kinds))]
		if page > 0 && e.IntN(4) == 0 {
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
		sim.Inject(f)
	}
}

// tally adds up what all seeds saw.
type tally struct {
	mu    sync.Mutex // guards the rest
	seeds int
	calls int
	fired map[fault.Kind]int
	hit   map[string]int // mutating action × fault
}

func (s *tally) add(sim *ec2sim.Sim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fired == nil {
		s.fired, s.hit = map[fault.Kind]int{}, map[string]int{}
	}
	s.seeds++
	for k, n := range sim.Fired() {
		s.fired[k] += n
	}
	for _, c := range sim.Calls() {
		s.calls++
		if c.Fault != "" && c.Mutating {
			s.hit[c.Action+" × "+c.Fault]++
		}
	}
}

// String is the table of what was seen.
func (s *tally) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%d seeds, %d calls\nfaults fired:", s.seeds, s.calls)
	for _, k := range kinds {
		fmt.Fprintf(&b, " %s %d", k, s.fired[k])
	}
	b.WriteString("\nactions × faults:")
	for _, k := range slices.Sorted(maps.Keys(s.hit)) {
		fmt.Fprintf(&b, "\n  %s %d", k, s.hit[k])
	}
	return b.String()
}

// story tells the calls that changed something, and the faults.
func story(sim *ec2sim.Sim) string {
	var b strings.Builder
	for _, c := range sim.Calls() {
		if c.Mutating || c.Fault != "" {
			fmt.Fprintf(&b, "%d %s %s/%s %s applied=%t code=%s fault=%s %s\n", c.Seq, c.Time.Format("02 15:04:05"), c.Account, c.Region, c.Action, c.Applied, c.Code, c.Fault, c.Params.Encode())
		}
	}
	return b.String()
}
