package reconcile

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// grace is what calls in flight get once the pass is told to stop.
const grace = 10 * time.Second

// pass is the applying part of one cycle. One goroutine, run's, owns all fields; the goroutines of links and looks only send what came of
// their calls.
//
// Nothing is threaded from call to call. A link does what is ready by the last look, in the order of its steps. When it waits for a state,
// the connections of its scopes are read again, one list per scope for all links that wait there, and everything is planned anew. A later
// plan may do only what the first announced, and each announced action only once if it worked.
type pass struct {
	cfg      Config
	in       Input
	look     netstate.Look
	first    *plan.Plan
	deadline time.Time // of waiting for states
	settle   time.Time // of waiting for lists to agree and for passing failures to pass

	o       *netstate.Observed // the last look, with the effects of what was done since
	seen    *netstate.Observed // the last look at everything, as it was
	links   map[netstate.Link]*link
	order   []*link                                 // by name
	opened  map[netstate.ConnID]plan.OpenConnection // by this pass; a list may not show them yet, or not their tags
	pending map[netstate.Scope]int                  // requests that wait for acceptance, and those being made
	limits  map[netstate.AccountID]int              // of such requests, where the spec states them
	results []Result
	paused  bool // somebody paused all writes meanwhile

	queue    queue // idle links that have something to do
	running  int
	finished chan finished

	looking map[netstate.Scope]bool
	looks   int // begun so far
	looked  chan look
	fresh   []look        // that came in since the latest plan
	planned time.Time     // when the latest plan was made
	took    time.Duration // and how long that took
	due     *time.Timer   // to plan anew
}

// link is how far one peering is.
type link struct {
	state   plan.LinkState
	actions []item          // announced and in the latest plan, in order
	done    map[string]bool // what worked in this pass, by key; one map for all links, since a shared rule may be done by any that wants it
	worked  bool            // something of it did
	gaveUp  map[string]bool // what failed for good in this pass, by key
	busy    bool            // a goroutine works on it
	opening netstate.Scope  // where that goroutine requests a connection; zero: nowhere
	queued  bool
	failed  bool // it could not be opened or accepted, or its connection came to nothing: nothing more in this pass

	awaits []string // keys of actions of others on rules that it wants too

	halted atomic.Bool // the latest plan does not want it changed any more; the goroutine that works on it looks here before each call

	stopped map[netstate.Scope]bool // it failed for a reason that may pass: what has to be read whole before it goes on; empty: nothing
	stopAt  int                     // looks begun before that do not count
}

// item is an action with its key, which costs too much to be made at every turn.
type item struct {
	plan.Action
	key string
}

// run applies until nothing is left that may be done, reads everything again, and goes on while that helps. It returns what the last look
// left to be planned.
func (p *pass) run(ctx context.Context) (*plan.Plan, error) {
	p.begin()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		if p.apply(ctx) {
			wait = firstWait
		}
		final, lags, err := p.lookAgain(ctx)
		if err != nil {
			p.lay()
			return p.plan(p.o), err
		}
		if !p.more(final, lags) || !sleep(ctx, wait) {
			return final, ctx.Err()
		}
	}
}

func (p *pass) begin() {
	p.opened, p.pending, p.queue = map[netstate.ConnID]plan.OpenConnection{}, map[netstate.Scope]int{}, newQueue()
	p.links, p.looking = map[netstate.Link]*link{}, map[netstate.Scope]bool{}
	p.limits = map[netstate.AccountID]int{}
	for _, a := range p.in.Spec.Accounts {
		p.limits[a.ID] = a.Quotas.OutstandingRequests
	}
	done := map[string]bool{}
	for _, s := range p.first.Links {
		l := &link{done: done, gaveUp: map[string]bool{}}
		p.links[s.Name] = l
		p.order = append(p.order, l)
	}
	p.progressed()
	p.finished = make(chan finished)
	p.due = time.NewTimer(0)
	p.due.Stop()
	p.looked = make(chan look, len(p.look.Scopes)) // one for each scope: a look never waits for the pass
	p.o = p.o.Clone()
	p.layOut(p.first)
}

// progressed starts the settle time anew.
func (p *pass) progressed() { p.settle = time.Now().Add(p.cfg.Settle) }

// plan plans the input against a look, as the first plan was, but for what links that failed share with others.
func (p *pass) plan(o *netstate.Observed) *plan.Plan {
	avoid := map[netstate.Link]bool{}
	for name, l := range p.links {
		if l.failed || len(l.gaveUp) > 0 {
			avoid[name] = true
		}
	}
	return p.in.plan(o, avoid)
}

// rest is how many times as long as a plan took the next one waits at least: calls go on meanwhile, and where thousands of peerings get on
// one after the other each must not cost a plan for all.
const rest = 4

// replanSoon plans anew from the looks that came in, now or as soon as the latest plan has rested.
func (p *pass) replanSoon() {
	if left := time.Until(p.planned.Add(rest * p.took)); left > 0 {
		p.due.Reset(left)
		return
	}
	p.replan()
}

// replan plans anew from the last look, lays out what each link may do of it, and returns it.
func (p *pass) replan() *plan.Plan {
	p.due.Stop()
	began := time.Now()
	p.lay()
	now := p.plan(p.o)
	p.layOut(now)
	p.planned = time.Now()
	p.took = p.planned.Sub(began)
	return now
}

// layOut gives each link what it may do of a plan.
func (p *pass) layOut(now *plan.Plan) {
	for _, l := range p.order {
		l.actions = nil // also of a leftover that the plan does not have any more: it is gone
	}
	for _, s := range now.Links {
		if l := p.links[s.Name]; l != nil {
			l.state = s
			l.awaits = now.Awaits(s.Name)
			l.halted.Store(s.Held || s.Suspended != "")
		}
	}
	for _, a := range now.Announced(p.first) {
		if l := p.links[a.Link()]; l != nil {
			l.actions = append(l.actions, item{a, plan.Key(a)})
		}
	}
	p.countPending()
	p.queue.clear()
	for _, l := range p.order {
		l.queued = false
		l.failed = l.failed || l.died()
		p.enqueue(l)
	}
}

// enqueue puts a link in line if it has something to do.
func (p *pass) enqueue(l *link) {
	if l.queued || l.busy {
		return
	}
	if next := l.next(); len(next) > 0 {
		l.queued = true
		p.queue.add(l, next)
	}
}

// died reports whether the connection that this pass opened came to nothing: a living one would be seen, or remembered as just opened.
func (l *link) died() bool {
	return l.state.Conn == "" && slices.ContainsFunc(l.actions, func(a item) bool { return a.Step() == plan.StepOpen && l.done[a.key] })
}

// next returns the link's actions that may be done now, in the order of their steps. What removes waits until everything that adds is done.
func (l *link) next() []item {
	if l.busy || l.failed || l.halted.Load() || len(l.stopped) > 0 {
		return nil
	}
	var out []item
	adding := len(l.gaveUp) > 0 || slices.ContainsFunc(l.awaits, func(key string) bool { return !l.done[key] })
	for _, a := range l.actions {
		switch {
		case l.done[a.key] || l.gaveUp[a.key]:
		case a.Step().Removes() && adding:
			return out
		case a.Ready():
			out = append(out, a)
			adding = adding || !a.Step().Removes()
		default:
			adding = true
		}
	}
	return out
}

// waits reports whether the link waits for something that comes by itself: a state, until the timeout; a view of an active connection, for
// the settle time only, since nothing but a lag keeps it away.
func (p *pass) waits(l *link) bool {
	s := l.state
	if p.cfg.NoWait || l.busy || l.failed || s.Held || s.Waiting != "" || s.Suspended != "" {
		return false
	}
	if s.Passing() {
		return true
	}
	unready := slices.ContainsFunc(l.actions, func(a item) bool { return !a.Ready() && !l.done[a.key] && !l.gaveUp[a.key] })
	return unready && (s.Status != netstate.Active || time.Now().Before(p.settle))
}

// more reports whether another round may bring the world closer to the spec: something is ready, or the last look lags behind what was
// done. What lags is looked at again until the settle time is over, and never done twice.
func (p *pass) more(final *plan.Plan, lags bool) bool {
	now := time.Now()
	if p.paused || now.After(p.settle) || now.After(p.deadline) {
		return false
	}
	p.enqueueAll()
	if p.cfg.NoWait {
		return p.queue.anyRoom(p.hasRoom) // what lags, the next pass remembers
	}
	return lags || p.queue.anyRoom(p.hasRoom) || slices.ContainsFunc(p.order, (*link).lags) || newlyHeld(p.first, final)
}

func (p *pass) enqueueAll() {
	for _, l := range p.order {
		p.enqueue(l)
	}
}

// lags reports whether the last look does not show what this pass did to the link.
func (l *link) lags() bool {
	if l.failed || !l.worked {
		return false
	}
	return l.state.Passing() && l.state.Suspended == "" || slices.ContainsFunc(l.actions, func(a item) bool { return l.done[a.key] })
}

// newlyHeld reports whether a link is held that was not at first: a listing that failed in passing, or a view that lags.
func newlyHeld(first, final *plan.Plan) bool {
	held := map[netstate.Link]bool{}
	for _, s := range first.Links {
		held[s.Name] = s.Held
	}
	return slices.ContainsFunc(final.Links, func(s plan.LinkState) bool { return s.Held && !held[s.Name] })
}

// sleep waits, and reports whether the context is still alive after it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
