package reconcile

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// finished is what one link's goroutine did.
type finished struct {
	link     *link
	pair     *pair
	outcomes []plan.Outcome
}

// apply works on all links until none can go on by itself, and reports whether anything was done.
func (p *pass) apply(ctx context.Context) (progress bool) {
	calls, cancel := withGrace(ctx)
	defer cancel()
	looks, endLooks := context.WithCancel(ctx)
	defer p.join(endLooks)
	pace := newPace()
	defer pace.Stop()
	stop := ctx.Done()
	for {
		p.start(ctx, calls)
		if p.running == 0 && p.quiet(ctx) {
			return progress
		}
		select {
		case f := <-p.finished:
			if p.record(f) {
				progress = true
				p.progressed()
				pace.progressed()
			}
		case l := <-p.looked:
			p.take(l)
		case <-p.due.C:
			p.replan()
		case <-pace.C:
			if pace.due(p.running >= p.cfg.Links) && !p.quiet(ctx) {
				pace.looked = time.Now()
				p.watch(looks)
			}
			pace.again()
		case <-stop:
			stop = nil // said once; what is in flight is waited for
		}
	}
}

// withGrace returns a context for calls that outlives ctx by the grace: a call in flight is finished, so that its effect is known.
func withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, cancel)
		context.AfterFunc(calls, func() { t.Stop() })
	})
	return calls, func() { stop(); cancel() }
}

// start gives the links in line a goroutine each, as far as their accounts and the requests outstanding allow it.
func (p *pass) start(ctx, calls context.Context) {
	p.paused = p.paused || p.cfg.Paused()
	if ctx.Err() != nil || p.paused {
		return
	}
	for p.running < p.cfg.Links {
		l, actions := p.queue.take(p.hasRoom)
		if l == nil {
			return
		}
		p.set(ctx, calls, l, actions)
	}
}

// set sets a goroutine to work on a link.
func (p *pass) set(ctx, calls context.Context, l *link, actions []item) {
	at := placeOf(l, actions)
	working := p.queue.pair(at.accounts)
	working.count(1)
	p.running++
	l.busy, l.opening = true, at.opening
	if at.opening != (netstate.Scope{}) {
		p.pending[at.opening]++
	}
	go func() { p.finished <- finished{l, working, p.work(ctx, calls, l, actions)} }()
}

// work does one link's actions step by step. A connection that could not be opened or accepted ends it; what else fails keeps only the
// removals from running: what adds comes before what removes.
func (p *pass) work(ctx, calls context.Context, l *link, actions []item) (out []plan.Outcome) {
	defer func() {
		if r := recover(); r != nil {
			out = append(out, panicked(plain(actions[:1]), r)...)
		}
	}()
	bad := false
	goesOn := func() bool { return ctx.Err() == nil && !p.cfg.Paused() && !l.halted.Load() }
	for len(actions) > 0 && goesOn() {
		step := actions[0].Step()
		n := slices.IndexFunc(actions, func(a item) bool { return a.Step() != step })
		if n < 0 {
			n = len(actions)
		}
		outcomes := p.step(calls, goesOn, plan.Batches(plain(actions[:n])))
		out = append(out, outcomes...)
		bad = bad || slices.ContainsFunc(outcomes, func(o plan.Outcome) bool { return o.Err != nil && !goneIsGood(o) })
		actions = actions[n:]
		if bad && (step <= plan.StepAccept || len(actions) > 0 && actions[0].Step().Removes()) {
			return out
		}
	}
	return out
}

func plain(items []item) []plan.Action {
	out := make([]plan.Action, len(items))
	for i, a := range items {
		out[i] = a.Action
	}
	return out
}

// step makes the calls of one step side by side, as long as they are wanted.
func (p *pass) step(calls context.Context, wanted func() bool, batches []plan.Batch) []plan.Outcome {
	outcomes := make([][]plan.Outcome, len(batches))
	var g errgroup.Group
	g.SetLimit(callsPerLink)
	for i, b := range batches {
		g.Go(func() error {
			defer func() {
				if r := recover(); r != nil {
					outcomes[i] = panicked(b, r)
				}
			}()
			if wanted() {
				outcomes[i] = p.cfg.Target.Apply(calls, b, wanted)
			}
			return nil
		})
	}
	_ = g.Wait() // the functions return no errors: outcomes hold them
	return slices.Concat(outcomes...)
}

// panicked turns a panic in one peering's code into the failure of what it was about; the others go on.
func panicked(actions []plan.Action, r any) []plan.Outcome {
	out := make([]plan.Outcome, len(actions))
	for i, a := range actions {
		out[i] = plan.Outcome{Action: a, Err: netstate.Panicked(a.String(), a.Scope(), r, debug.Stack())}
	}
	return out
}

// goneIsGood reports whether what was to be removed is already gone.
func goneIsGood(o plan.Outcome) bool {
	return o.Err != nil && o.Err.Kind == netstate.Gone && o.Action.Step().Removes()
}

// record takes what a link's goroutine did into the last look, and reports whether anything worked.
func (p *pass) record(f finished) (progress bool) {
	p.running--
	f.pair.count(-1)
	f.link.busy, f.link.opening = false, netstate.Scope{}
	for _, o := range f.outcomes {
		if goneIsGood(o) {
			o.Err = nil
		}
		if o.Err != nil && o.Err.Kind == netstate.Stopped { // it was not begun, so there is nothing to tell
			p.failed(f.link, o)
			continue
		}
		r := o
		p.results = append(p.results, r)
		p.log(r)
		p.cfg.OnDone(r)
		if o.Err == nil {
			progress = true
			p.worked(f.link, o)
		} else {
			p.failed(f.link, o)
		}
	}
	p.enqueue(f.link)
	return progress
}

func (p *pass) worked(l *link, o plan.Outcome) {
	l.done[plan.Key(o.Action)], l.worked = true, true
	accepted := p.waitsForAcceptance(o.Action)
	plan.Effect(p.o, o.Action, o.Got)
	switch a := o.Action.(type) {
	case plan.OpenConnection:
		p.opened[netstate.ConnID(o.Got)] = a
	case plan.AcceptConnection:
		if accepted {
			p.pending[a.Requester.Scope]--
		}
	}
}

// waitsForAcceptance reports whether an action accepts what is counted as outstanding: a look may have shown its effect before its answer came.
func (p *pass) waitsForAcceptance(a plan.Action) bool {
	accept, ok := a.(plan.AcceptConnection)
	s := p.o.Connections[accept.Conn].Status
	return ok && (s == netstate.Initiating || s == netstate.Pending)
}

// failed decides what a failure means: after a passing one the link goes on once its scopes were read again; any other ends the action for
// this pass, and the link with it if there can be no connection.
func (p *pass) failed(l *link, o plan.Outcome) {
	if o.Action.Step() == plan.StepOpen {
		p.pending[o.Action.Scope()]--
	}
	switch {
	case o.Err.Kind.Passing():
		p.stop(l)
	case o.Action.Step() <= plan.StepAccept:
		l.failed = true
	default:
		l.gaveUp[plan.Key(o.Action)] = true
	}
}

func (p *pass) log(r Result) {
	attrs := []any{"link", r.Action.Link(), "scope", r.Action.Scope(), "action", r.Action.String()}
	if r.Err == nil {
		p.cfg.Log.Info("applied", attrs...)
		return
	}
	attrs = append(attrs, "err", r.Err)
	if r.Err.Stack != "" {
		attrs = append(attrs, "stack", r.Err.Stack)
	}
	p.cfg.Log.Warn("not applied", attrs...)
}
