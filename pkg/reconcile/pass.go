package reconcile

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// The waits of a pass grow from the first to the last, and start anew when something was done.
const (
	firstWait = 200 * time.Millisecond
	lastWait  = 5 * time.Second
	grace     = 10 * time.Second // for calls in flight once the pass is told to stop
)

// pass is the applying part of one cycle. One goroutine, run's, owns all fields; the links' goroutines only send what came of their calls.
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
	links   map[netstate.Link]*link
	order   []netstate.Link
	opened  map[netstate.ConnID]bool // connections that a list may not show yet
	opening map[netstate.Scope]int   // requests being made
	results []Result

	workers  errgroup.Group
	running  int
	finished chan finished
}

// link is how far one peering is.
type link struct {
	state   plan.LinkState
	actions []plan.Action   // announced and in the latest plan, in order
	done    map[string]bool // those that worked in this pass, by plan.Key
	busy    bool            // a goroutine works on it
	stopped bool            // it failed for a reason that may pass: it waits for a full look
	failed  bool            // it failed for good, or its connection did: nothing more in this pass
}

// run applies until nothing is left that may be done, reads everything again, and goes on while that helps. It returns what the last look
// left to be planned.
func (p *pass) run(ctx context.Context) (*plan.Plan, error) {
	p.begin()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		if p.apply(ctx) {
			p.settle, wait = time.Now().Add(p.cfg.Settle), firstWait
		}
		final, err := p.lookAgain(ctx)
		if err != nil {
			return p.in.plan(p.o), err
		}
		if !p.more() || !sleep(ctx, wait) {
			p.sayNoRoom()
			return final, ctx.Err()
		}
	}
}

// lookAgain reads everything and returns what that look alone leaves to be planned. Links that stopped for a passing reason may go on by
// it. A connection that this pass opened and that no list shows yet is remembered: a list may lag behind the call that made it.
func (p *pass) lookAgain(ctx context.Context) (*plan.Plan, error) {
	o, err := p.cfg.Target.Observe(ctx, p.look)
	if err != nil {
		return nil, err
	}
	before := p.o
	p.o = o.Clone()
	for id := range p.opened {
		if _, listed := p.o.Connections[id]; !listed {
			p.o.Connections[id] = before.Connections[id]
		}
	}
	for _, l := range p.links {
		l.stopped = l.stopped && l.busy
	}
	p.replan()
	return p.in.plan(o), nil
}

func (p *pass) begin() {
	p.opened, p.opening = map[netstate.ConnID]bool{}, map[netstate.Scope]int{}
	p.links = map[netstate.Link]*link{}
	for _, s := range p.first.Links {
		p.links[s.Name] = &link{done: map[string]bool{}}
		p.order = append(p.order, s.Name)
	}
	p.settle = time.Now().Add(p.cfg.Settle)
	p.finished = make(chan finished)
	p.workers.SetLimit(p.cfg.Links)
	p.o = p.o.Clone()
	p.replan()
}

// replan plans anew from the last look and lays out what each link may do of it.
func (p *pass) replan() {
	now := p.in.plan(p.o)
	for _, s := range now.Links {
		l := p.links[s.Name]
		l.state, l.actions = s, nil
	}
	for _, a := range now.Announced(p.first) {
		if l := p.links[a.Link()]; l != nil {
			l.actions = append(l.actions, a)
		}
	}
	for _, l := range p.links {
		l.failed = l.failed || l.died()
	}
}

// died reports whether the connection that this pass opened came to nothing: a living one would be seen, or remembered as just opened.
func (l *link) died() bool {
	return l.state.Conn == "" && slices.ContainsFunc(l.actions, func(a plan.Action) bool {
		return a.Step() == plan.StepOpen && l.done[plan.Key(a)]
	})
}

// next returns the link's actions that may be done now: in the order of steps, up to the first step that waits for something.
func (l *link) next() []plan.Action {
	if l.busy || l.stopped || l.failed {
		return nil
	}
	var out []plan.Action
	for _, a := range l.actions {
		if l.done[plan.Key(a)] {
			continue
		}
		if !a.Ready() {
			break
		}
		out = append(out, a)
	}
	return out
}

// waits reports whether the link waits for a state that comes by itself.
func (l *link) waits() bool {
	if l.busy || l.stopped || l.failed || l.state.Held || l.state.Waiting != "" {
		return false
	}
	return l.state.Passing() || slices.ContainsFunc(l.actions, func(a plan.Action) bool { return !a.Ready() && !l.done[plan.Key(a)] })
}

// more reports whether another round may bring the world closer to the spec: something is ready, or something that worked is not shown yet.
func (p *pass) more() bool {
	now := time.Now()
	if now.After(p.settle) || now.After(p.deadline) {
		return false
	}
	outstanding := p.outstanding()
	for _, l := range p.links {
		stale := slices.ContainsFunc(l.actions, func(a plan.Action) bool { return l.done[plan.Key(a)] })
		next := l.next()
		if len(next) > 0 && p.hasRoom(outstanding, next) || stale && !l.failed {
			return true
		}
	}
	return false
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
