// Package fault is the list of what can go wrong with a call on demand: which calls a fault meets, when, how often, and the
// count of those that really fired. What a fault does to a reply is the business of the Sim; this package knows no AWS.
package fault

import (
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// Kind is a way for a call to go wrong.
type Kind string

// The kinds. Each says what the client gets.
const (
	Error       Kind = "error"        // the error Rule.Code, with Rule.Status where it is not the code's own
	ServerError Kind = "server-error" // HTTP 500 with InternalError
	Reset       Kind = "reset"        // the connection is cut without a reply
	Hang        Kind = "hang"         // nothing, until the client gives up or Rule.Delay (ten minutes where zero) is over
	Late        Kind = "late"         // the right reply, Rule.Delay late
	Slow        Kind = "slow"         // the right reply, one byte per Rule.Delay (a minute where zero)
	HTML        Kind = "html"         // HTTP 200 with a web page, as a captive portal would
	Empty       Kind = "empty"        // HTTP 200 without a body
	OtherAction Kind = "other-action" // HTTP 200 with the reply to an action nobody asked for
	Truncated   Kind = "truncated"    // HTTP 200 with half of the right body
	Huge        Kind = "huge"         // HTTP 200 with an endless list of Rule.Size bytes (1 GiB where zero)
	RepeatToken Kind = "repeat-token" // a page whose NextToken leads to the same page again; fires from the second page on
	DropItem    Kind = "drop-item"    // a page whose last item is missing from the whole listing; fires only where more pages follow
	Stale       Kind = "stale"        // a read answers from the world as it was Rule.Delay ago, at most back to the fault's injection
	NotFound    Kind = "not-found"    // an id made less than Rule.Delay ago is not found; fires only on calls that name such an id
)

// Kinds lists them all.
var Kinds = []Kind{Error, ServerError, Reset, Hang, Late, Slow, HTML, Empty, OtherAction, Truncated, Huge, RepeatToken, DropItem, Stale, NotFound}

// Rule says which calls a fault meets. An empty name means any.
type Rule struct {
	Service   string `json:"service,omitempty"`
	Operation string `json:"operation,omitempty"`
	Account   string `json:"account,omitempty"`
	Region    string `json:"region,omitempty"`

	From   int     `json:"from,omitempty"`   // the first matching call to meet, counted from 1; zero is 1
	Count  int     `json:"count,omitempty"`  // how many; zero is all from then on
	Rate   float64 `json:"rate,omitempty"`   // the part of them that is met, in (0, 1); zero is all
	Seed   uint64  `json:"seed,omitempty"`   // decides, with what a call says, which part that is: whatever else happens, and in whatever order
	Before bool    `json:"before,omitempty"` // instead of the effect; otherwise the call takes effect and the client does not learn of it

	Kind    Kind          `json:"kind"`
	Code    string        `json:"code,omitempty"`
	Message string        `json:"message,omitempty"`
	Status  int           `json:"status,omitempty"`
	Delay   time.Duration `json:"delay,omitempty"`
	Size    int64         `json:"size,omitempty"`
}

// Instead says whether the fault comes instead of the effect. What is late or slow is the right reply to a call that took effect: AWS does not
// say yes to what it has not done.
func (r Rule) Instead() bool { return r.Before && r.Kind != Late && r.Kind != Slow }

// Check refuses a rule that could never fire, or not as it was meant.
func (r Rule) Check() error {
	switch {
	case !slices.Contains(Kinds, r.Kind):
		return fmt.Errorf("kind %q is none of %q", r.Kind, Kinds)
	case r.Kind == Error && r.Code == "":
		return fmt.Errorf("a fault of kind %s needs a code", r.Kind)
	case r.Before && !r.Instead():
		return fmt.Errorf("a fault of kind %s is the right reply, which does not come before the effect", r.Kind)
	case r.Delay <= 0 && (r.Kind == Late || r.Kind == Stale || r.Kind == NotFound):
		return fmt.Errorf("a fault of kind %s needs a delay", r.Kind)
	case r.Rate < 0 || r.Rate > 1:
		return fmt.Errorf("rate %g is not between 0 and 1", r.Rate)
	case r.From < 0 || r.Count < 0 || r.Delay < 0 || r.Size < 0:
		return errors.New("from, count, delay and size are not negative")
	case r.Status != 0 && (r.Status < 200 || r.Status > 599):
		return fmt.Errorf("status %d is not one of HTTP's", r.Status)
	}
	return nil
}

// Call is what a rule is matched against.
type Call struct {
	Service, Operation, Account, Region string
	Text                                string // its parameters
}

func (r Rule) meets(c Call) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return same(r.Service, c.Service) && same(r.Operation, c.Operation) && same(r.Account, c.Account) && same(r.Region, c.Region)
}

// Set holds the rules in force. It is not safe for use by several goroutines at once.
type Set struct {
	rules []*armed
	fired map[Kind]int
}

type armed struct {
	Rule
	met   int
	fired int
	times map[Call]int // how often the same call came, where a rate asks
}

// chosen decides by lot about the n-th call that says the same.
func (r *armed) chosen(c Call) bool {
	if r.Rate == 0 {
		return true
	}
	if r.times == nil {
		r.times = map[Call]int{}
	}
	r.times[c]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %q %d", r.Seed, r.Kind, c, r.times[c])
	return rand.New(rand.NewPCG(r.Seed, h.Sum64())).Float64() < r.Rate
}

// NewSet makes an empty set.
func NewSet() *Set { return &Set{fired: map[Kind]int{}} }

// Add puts a rule behind those already there.
func (s *Set) Add(r Rule) { s.rules = append(s.rules, &armed{Rule: r}) }

// Clear removes all rules and keeps the count.
func (s *Set) Clear() { s.rules = nil }

// Has says whether a rule of a kind is in force.
func (s *Set) Has(k Kind) bool {
	return slices.ContainsFunc(s.rules, func(r *armed) bool { return r.Kind == k })
}

// Fired counts what fired, by kind.
func (s *Set) Fired() map[Kind]int { return maps.Clone(s.fired) }

// State is a rule in force: how many calls it could have met so far, and how many it did.
type State struct {
	Rule
	Met, Fired int
}

// States lists the rules in force, in the order in which they are asked.
func (s *Set) States() []State {
	out := make([]State, len(s.rules))
	for i, r := range s.rules {
		out[i] = State{r.Rule, r.met, r.fired}
	}
	return out
}

// Fire finds the rule that fires on a call: the first in force, of those that apply. Every rule that applies counts the call,
// so that From means the same whatever other rules there are.
func (s *Set) Fire(c Call, applies func(Rule) bool) (Rule, bool) {
	var hit *armed
	for _, r := range s.rules {
		if !r.meets(c) || !applies(r.Rule) {
			continue
		}
		r.met++
		n := r.met - max(r.From, 1)
		if chosen := r.chosen(c); hit == nil && n >= 0 && (r.Count == 0 || n < r.Count) && chosen {
			hit = r
		}
	}
	if hit == nil {
		return Rule{}, false
	}
	hit.fired++
	s.fired[hit.Kind]++
	return hit.Rule, true
}
