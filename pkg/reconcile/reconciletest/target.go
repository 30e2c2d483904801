// Package reconciletest is an in-memory AWS for tests of the cycle: quick, without the SDK, and with faults by action; and Conform, the tests
// that it and the real target over the simulator both have to pass. It refuses what EC2 refuses of the actions that peerd has, shows of a
// look what was asked for, and must not know how peerd decides. It has no quotas, no pages, no lag but that of states, and checks no words.
// Start reading at Target, and at Conform.
package reconciletest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
)

var _ reconcile.Target = (*Target)(nil)

// Target holds a world and applies actions to it.
type Target struct {
	Fault  func(a plan.Action) *netstate.Error                        // asked before an action takes effect; nil: none
	After  func(a plan.Action) *netstate.Error                        // asked after it took effect: the answer is lost
	Refuse func(s netstate.Scope, l netstate.Listing) *netstate.Error // asked for every listing of a look; what needs it is unread too
	Ago    func(s netstate.Scope, l netstate.Listing) time.Duration   // likewise: how old what it shows is; set before anything is applied
	Unread func(o *netstate.Observed, full bool)                      // may change what a look shows, in any way; nil: none
	States int                                                        // looks that a connection spends in each passing state

	mu      sync.Mutex // guards what follows
	world   *world
	past    []moment                    // earlier worlds, kept where Ago may ask for them
	reached map[netstate.AccountID]bool // accounts that a look brought the access to
	applied []string
	looks   int
	polls   int
}

// moment is the world as it was until a time.
type moment struct {
	until time.Time
	world *world
}

// New returns a target whose world is o: of a connection, which sides see it, their tags and options; local routes need not be in it.
// What it has as unread stays so.
func New(o *netstate.Observed) *Target {
	return &Target{world: newWorld(o, time.Now()), reached: map[netstate.AccountID]bool{}, States: 1}
}

// Observe shows what the look asks for. Passing states move on with every look at one of their sides.
func (t *Target) Observe(ctx context.Context, l netstate.Look) (*netstate.Observed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.ConnectionsOnly {
		t.polls++
	} else {
		t.looks++
	}
	for a := range l.Access {
		t.reached[a] = true
	}
	t.keep()
	t.world.moveOn(l.Scopes, t.States, time.Now())
	o := netstate.NewObserved(time.Now())
	for _, s := range slices.SortedFunc(maps.Keys(l.Scopes), netstate.Scope.Compare) {
		t.read(o, l, s)
	}
	if t.Unread != nil {
		t.Unread(o, !l.ConnectionsOnly)
	}
	return o, nil
}

// Apply applies a batch, one outcome for each action.
func (t *Target) Apply(_ context.Context, b plan.Batch, wanted func() bool) []plan.Outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]plan.Outcome, len(b))
	for i, a := range b {
		out[i].Action = a
	}
	err := t.unfit(b)
	if err == nil && wanted != nil && !wanted() {
		err = &netstate.Error{Op: b[0].String(), Scope: b.Scope(), Kind: netstate.Stopped}
	}
	if err != nil {
		failAll(out, err)
		return out
	}
	var call []*plan.Outcome // what the fault leaves of it
	for i, a := range b {
		if t.Fault != nil {
			out[i].Err = t.Fault(a)
		}
		if out[i].Err == nil {
			call = append(call, &out[i])
		}
	}
	t.keep()
	t.call(call)
	for _, o := range call {
		t.answer(o)
	}
	return out
}

// unfit says why no call is made at all.
func (t *Target) unfit(b plan.Batch) *netstate.Error {
	for _, a := range b {
		switch {
		case !t.reached[a.Scope().Account]:
			return Fail(a, netstate.Denied, "")
		case !a.Ready():
			return Fail(a, netstate.Stale, "")
		}
	}
	return nil
}

// call makes one call for actions that EC2 takes together: all of them, or none. Where one of several rules exists already, or is gone
// already, EC2 does not say which: each is then asked for alone, as the real target does.
func (t *Target) call(out []*plan.Outcome) {
	w := t.world
	if len(out) > 1 {
		w = w.clone()
	}
	asked := map[netstate.RuleKey]bool{}
	for _, o := range out {
		got, err := w.do(o.Action, time.Now())
		if a, is := o.Action.(plan.AllowRule); is {
			if asked[a.Key] {
				err = Fail(a, netstate.Invalid, "InvalidParameterValue") // twice in one call
			}
			asked[a.Key] = true
		}
		switch {
		case err == nil:
			o.Got = got
		case len(out) > 1 && asksAlone(o.Action, err.Kind):
			for i := range out {
				t.call(out[i : i+1])
			}
			return
		default:
			for _, o := range out {
				o.Got, o.Err = "", err
			}
			return
		}
	}
	t.world = w
}

func asksAlone(a plan.Action, k netstate.Kind) bool {
	switch a.(type) {
	case plan.AllowRule:
		return k == netstate.Exists
	case plan.RevokeRule:
		return k == netstate.Gone
	}
	return false
}

// answer notes what took effect, and loses its answer if the test says so.
func (t *Target) answer(o *plan.Outcome) {
	if o.Err != nil {
		return
	}
	t.applied = append(t.applied, o.Action.String())
	if t.After == nil {
		return
	}
	if o.Err = t.After(o.Action); o.Err != nil {
		o.Got = ""
	}
}

func failAll(out []plan.Outcome, err *netstate.Error) {
	for i := range out {
		out[i].Err = err
	}
}

// Fail makes an error of an action.
func Fail(a plan.Action, k netstate.Kind, code string) *netstate.Error {
	return &netstate.Error{Op: a.String(), Scope: a.Scope(), Kind: k, Code: code, Message: "refused by the test"}
}

// keep remembers the world before it changes.
func (t *Target) keep() {
	if t.Ago == nil {
		return
	}
	t.past = append(t.past, moment{time.Now(), t.world.clone()})
	t.past = slices.DeleteFunc(t.past, func(m moment) bool { return time.Since(m.until) > longestAgo })
}

// longestAgo is how far a look may lag behind.
const longestAgo = time.Minute

// asOf is the world as it was.
func (t *Target) asOf(ago time.Duration) *world {
	if ago > 0 {
		for _, m := range t.past {
			if time.Since(m.until) < ago {
				return m.world
			}
		}
	}
	return t.world
}

// Edit changes the world by hand, in ways that no action of peerd's has.
func (t *Target) Edit(f func(*netstate.Observed)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep()
	f(t.world.Observed)
}

// World returns a copy of the world as it is, without connections that nobody sees any more.
func (t *Target) World() *netstate.Observed {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.world.whole(time.Now())
}

// Applied returns the lines of all actions that took effect, in order.
func (t *Target) Applied() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.applied)
}

// Looks returns how many full looks and how many looks at connections alone there were.
func (t *Target) Looks() (full, connections int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.looks, t.polls
}

// id makes one that was not there before.
func (w *world) id(prefix string) string {
	w.made++
	return fmt.Sprintf("%s-%d", prefix, w.made)
}
