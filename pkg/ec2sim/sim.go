// Package ec2sim is an EC2 and an STS in one process, for the parts of both that VPC peering needs. Any AWS client can talk to
// it, over HTTP or as an http.RoundTripper: one address serves every account and region, because a request's signature names
// them.
//
// It is as strict as EC2, and refuses with an error what it does not model; it never answers a polite success. What it knows
// of networks is in package world, how it speaks in package wire, how it misbehaves on demand in package fault. It imports
// nothing else of peerd. Start reading at Sim.answer.
package ec2sim

import (
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// Config says how a Sim is made; the zero value is an empty world in which every account exists and any role can be assumed.
type Config struct {
	World    []byte           // a world file in YAML
	Now      func() time.Time // nil: time.Now
	Delays   world.Delays     // zero: every transition at once; a world file's delays win
	Switches world.Switches   // zero: AWS's most likely behaviour; a world file's switches win
	Latency  time.Duration    // added to every call
}

// Call is one call as the Sim saw it.
type Call struct {
	Seq                              int
	Time                             time.Time
	Account, Region, Service, Action string
	Params                           url.Values
	Mutating, DryRun                 bool
	Code                             string // of the error answered; empty is success
	HTTPStatus                       int    // zero: the connection was cut or left hanging
	Fault                            string // the fault that was injected, if any
	Applied                          bool   // the world was asked and agreed, whatever the client was told
}

// Sim is a simulated AWS. All its methods may be used at once.
type Sim struct {
	latency time.Duration

	mu       sync.Mutex // guards everything below; calls happen one after the other
	clock    func() time.Time
	ahead    time.Duration // of the clock
	world    *world.World
	accounts map[string]*account // nil: every account exists
	sessions map[string]session  // by access key
	calls    []Call
	faults   *fault.Set
	buckets  map[bucketKey]bucket
	born     map[string]time.Time // when the ids made by calls were made
	past     []moment             // earlier worlds, kept while a fault may want them
	after    func(Call)
}

// New makes a Sim.
func New(cfg Config) (*Sim, error) {
	s := &Sim{
		latency: cfg.Latency, clock: cfg.Now, world: world.New(), sessions: map[string]session{}, faults: fault.NewSet(),
		buckets: map[bucketKey]bucket{}, born: map[string]time.Time{},
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	s.world.Delays, s.world.Switches = cfg.Delays, cfg.Switches
	if cfg.World != nil {
		if err := s.load(cfg.World); err != nil {
			return nil, err
		}
	}
	return s, s.world.Switches.Check()
}

func (s *Sim) now() time.Time { return s.clock().Add(s.ahead) }

// Time is what the Sim's clock says, and how far Advance has put it ahead.
func (s *Sim) Time() (now time.Time, ahead time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now(), s.ahead
}

// Advance lets time go by at once: requests expire, sessions end, throttle buckets fill. It is for a Sim whose clock nobody can inject.
func (s *Sim) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

// AccessKey gives static credentials that belong to an account.
func AccessKey(account string) (id, secret string) {
	return "AKIA" + account + "PEER", "secret-of-" + account
}

// Calls lists all calls so far, in order.
func (s *Sim) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Dump writes the whole world as text, one sorted line per fact; see world.World.Dump.
func (s *Sim) Dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Dump(s.now())
}

// World is a copy of the world as it is now, for tests that want more than text.
func (s *Sim) World() *world.World {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Clone()
}

// Fork returns a Sim that goes on by itself from the world as it is now, with the same sessions; calls, faults and the hook stay behind.
func (s *Sim) Fork() *Sim {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Sim{
		latency: s.latency, clock: s.clock, ahead: s.ahead, world: s.world.Clone(), accounts: s.accounts, sessions: maps.Clone(s.sessions),
		faults: fault.NewSet(), buckets: maps.Clone(s.buckets), born: maps.Clone(s.born),
	}
}

// Inject adds a fault.
func (s *Sim) Inject(r fault.Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.Add(r)
	s.remember()
}

// ClearFaults removes every fault; what has fired stays counted.
func (s *Sim) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.Clear()
	s.past = nil
}

// Faults lists the faults in force, with what they did so far.
func (s *Sim) Faults() []fault.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.States()
}

// Fired counts the faults that fired, by kind.
func (s *Sim) Fired() map[fault.Kind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.Fired()
}

// After sets a hook that is called when a call has taken effect and before its reply is written; nil clears it. The hook may
// use the Sim.
func (s *Sim) After(f func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = f
}
