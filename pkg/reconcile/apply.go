package reconcile

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// callsPerLink is how many calls of one step a link has in flight; the scopes' token buckets set the pace.
const callsPerLink = 8

// finished is what one link's goroutine did.
type finished struct {
	link     *link
	actions  []plan.Action
	outcomes []plan.Outcome
}

// apply works on all links until none can go on by itself, and reports whether anything was done.
func (p *pass) apply(ctx context.Context) (progress bool) {
	calls, cancel := withGrace(ctx)
	defer cancel()
	wait := firstWait
	timer := time.NewTimer(wait)
	defer timer.Stop()
	stop := ctx.Done()
	for {
		p.start(ctx, calls)
		waiting := p.waiting(ctx)
		if p.running == 0 && len(waiting) == 0 {
			return progress
		}
		select {
		case f := <-p.finished:
			if p.record(f) {
				progress, wait = true, firstWait
			}
		case <-timer.C:
			p.tick(ctx, waiting)
			wait = min(wait*3/2, lastWait)
		case <-stop:
			stop = nil // said once; what is in flight is waited for
		}
		timer.Reset(wait)
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

// start gives every idle link that has something to do a goroutine, as far as there are any left.
func (p *pass) start(ctx, calls context.Context) {
	if ctx.Err() != nil {
		return
	}
	outstanding := p.outstanding()
	for _, name := range p.order {
		l := p.links[name]
		actions := l.next()
		if len(actions) == 0 || !p.hasRoom(outstanding, actions) {
			continue
		}
		ok := p.workers.TryGo(func() error {
			p.finished <- finished{l, actions, p.work(ctx, calls, actions)}
			return nil
		})
		if !ok {
			return
		}
		l.busy = true
		p.running++
		if open, is := actions[0].(plan.OpenConnection); is {
			p.opening[open.Scope()]++
			outstanding[open.Scope()]++
		}
	}
}

// work does one link's actions step by step, and stops after the first step in which something failed: what adds comes before what
// removes, so a failed addition keeps the removals from running.
func (p *pass) work(ctx, calls context.Context, actions []plan.Action) (out []plan.Outcome) {
	defer func() {
		if r := recover(); r != nil {
			out = append(out, panicked(actions[0], r))
		}
	}()
	for len(actions) > 0 && ctx.Err() == nil {
		n := slices.IndexFunc(actions, func(a plan.Action) bool { return a.Step() != actions[0].Step() })
		if n < 0 {
			n = len(actions)
		}
		outcomes := p.step(ctx, calls, plan.Batches(actions[:n]))
		out = append(out, outcomes...)
		if slices.ContainsFunc(outcomes, func(o plan.Outcome) bool { return o.Err != nil && !goneIsGood(o) }) {
			return out
		}
		actions = actions[n:]
	}
	return out
}

// step makes the calls of one step side by side.
func (p *pass) step(ctx, calls context.Context, batches []plan.Batch) []plan.Outcome {
	outcomes := make([][]plan.Outcome, len(batches))
	var g errgroup.Group
	g.SetLimit(callsPerLink)
	for i, b := range batches {
		g.Go(func() error {
			defer func() {
				if r := recover(); r != nil {
					outcomes[i] = []plan.Outcome{panicked(b[0], r)}
				}
			}()
			if ctx.Err() == nil {
				outcomes[i] = p.cfg.Target.Apply(calls, b)
			}
			return nil
		})
	}
	_ = g.Wait() // the functions return no errors: outcomes hold them
	return slices.Concat(outcomes...)
}

// panicked turns a panic in one peering's code into that peering's failure; the others go on.
func panicked(a plan.Action, r any) plan.Outcome {
	return plan.Outcome{Action: a, Err: &netstate.Error{Op: a.String(), Scope: a.Scope(), Kind: netstate.Invalid, Code: "panic",
		Message: fmt.Sprintf("%v\n%s", r, debug.Stack())}}
}

// goneIsGood reports whether what was to be removed is already gone.
func goneIsGood(o plan.Outcome) bool {
	return o.Err != nil && o.Err.Kind == netstate.Gone && o.Action.Step().Removes()
}

// record takes what a link's goroutine did into the last look, and reports whether anything worked.
func (p *pass) record(f finished) (progress bool) {
	p.running--
	f.link.busy = false
	if open, is := f.actions[0].(plan.OpenConnection); is {
		p.opening[open.Scope()]--
	}
	for _, o := range f.outcomes {
		if goneIsGood(o) {
			o.Err = nil
		}
		r := Result{Action: o.Action, Err: o.Err}
		p.results = append(p.results, r)
		p.log(r)
		p.cfg.OnDone(r)
		switch {
		case o.Err == nil:
			progress = true
			p.worked(f.link, o)
		case passing(o.Err.Kind):
			f.link.stopped = true
		default:
			f.link.failed = true
		}
	}
	return progress
}

func (p *pass) worked(l *link, o plan.Outcome) {
	l.done[plan.Key(o.Action)] = true
	plan.Effect(p.o, o.Action, o.Got)
	if o.Action.Step() == plan.StepOpen {
		p.opened[netstate.ConnID(o.Got)] = true
	}
}

// passing reports whether a failure may be over at the next look. Everything else stops the link for this pass.
func passing(k netstate.Kind) bool {
	switch k {
	case netstate.Retry, netstate.Throttled, netstate.Stale, netstate.Exists, netstate.Ambiguous, netstate.Gone:
		return true
	}
	return false
}

func (p *pass) log(r Result) {
	attrs := []any{"link", r.Action.Link(), "scope", r.Action.Scope(), "action", r.Action.String()}
	if r.Err == nil {
		p.cfg.Log.Info("applied", attrs...)
		return
	}
	p.cfg.Log.Warn("not applied", append(attrs, "err", r.Err)...)
}

// waiting returns the links that wait for a state, unless the time for that is over.
func (p *pass) waiting(ctx context.Context) []netstate.Link {
	if ctx.Err() != nil || time.Now().After(p.deadline) {
		return nil
	}
	var out []netstate.Link
	for _, name := range p.order {
		if p.links[name].waits() {
			out = append(out, name)
		}
	}
	return out
}

// tick looks again while links wait: at everything if a link stopped for a passing reason, else at the waiting links' connections. An
// error is the end of the context, which the loop sees too.
func (p *pass) tick(ctx context.Context, waiting []netstate.Link) {
	for _, l := range p.links {
		if l.stopped && !l.busy {
			_, _ = p.lookAgain(ctx)
			return
		}
	}
	p.poll(ctx, waiting)
}

// poll reads the connections of the waiting links' scopes, one list per scope, and plans anew.
func (p *pass) poll(ctx context.Context, waiting []netstate.Link) {
	if len(waiting) == 0 {
		return
	}
	p.cfg.OnWait(Waiting{Links: waiting})
	look := netstate.Look{Owner: p.look.Owner, Access: p.look.Access, Scopes: map[netstate.Scope]netstate.ScopeLook{}, ConnectionsOnly: true}
	looked := map[netstate.Scope]bool{}
	for _, name := range waiting {
		for _, e := range p.links[name].state.Ends {
			if s, managed := p.look.Scopes[e.VPC.Scope]; managed {
				look.Scopes[e.VPC.Scope], looked[e.VPC.Scope] = s, true
			}
		}
	}
	later, err := p.cfg.Target.Observe(ctx, look)
	if err != nil {
		return // the context ended: the loop sees it too
	}
	p.o = p.o.Refresh(later, looked, p.opened)
	p.replan()
}
