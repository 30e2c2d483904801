package reconcile

import (
	"context"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// look is one scope read again.
type look struct {
	scope netstate.Scope
	whole bool // everything of the scope, not only its connections
	begun int
	o     *netstate.Observed // nil: the context ended
}

// lookAgain reads everything, and returns what that look leaves to be planned and whether it lags behind what this pass did.
func (p *pass) lookAgain(ctx context.Context) (final *plan.Plan, lags bool, err error) {
	o, err := p.cfg.Target.Observe(ctx, p.look)
	if err != nil {
		return nil, false, err
	}
	p.seen = o
	o = p.in.Memory.Settle(o)
	if p.cfg.NoWait { // nobody looks again until it shows: what this pass did counts as seen
		o = p.in.Memory.Next(p.seen, p.results).Settle(p.seen)
	}
	p.o = o.Clone()
	p.fresh = nil // older
	lags = p.remember(p.o)
	for _, l := range p.order {
		l.stopped = nil
	}
	if final = p.replan(); lags {
		final = p.plan(o)
	}
	return final, lags, nil
}

// remember lays over a look what the calls of this pass answered with and it does not show yet: connections that were opened, and their
// tags (EC2 Developer Guide, "Eventual consistency"). It reports whether there was any such thing.
func (p *pass) remember(o *netstate.Observed) (lags bool) {
	for id, a := range p.opened {
		c, listed := o.Connections[id]
		if listed && (c.Status.Dead() || !plan.UntaggedYet(c.Views[netstate.RequesterSide].Tags, a.Tags)) {
			continue
		}
		lags = true
		plan.Effect(o, a, string(id))
	}
	return lags
}

// watch begins to look again, at every scope of which a link waits for something: whole where one stopped for a passing reason, else at the
// connections only. A scope that is still being looked at is left: a slow one holds up nobody but its own links.
func (p *pass) watch(ctx context.Context) {
	wanted := map[netstate.Scope]bool{}
	var waiting []netstate.Link
	for _, l := range p.order {
		if !p.waits(l) && !p.stoppedFor(l) {
			continue
		}
		waiting = append(waiting, l.state.Name)
		for _, s := range p.scopes(l) {
			wanted[s] = wanted[s] || l.stopped[s]
		}
	}
	if len(waiting) > 0 {
		p.cfg.OnWait(Waiting{Links: waiting})
	}
	for s, whole := range wanted {
		if !p.looking[s] {
			p.lookAt(ctx, s, whole)
		}
	}
}

// stoppedFor reports whether a link that stopped for a passing reason is still worth waiting for.
func (p *pass) stoppedFor(l *link) bool {
	return len(l.stopped) > 0 && !l.busy && !l.failed && time.Now().Before(p.settle)
}

// scopes are those that a link's state is decided by: its ends, and where its actions are.
func (p *pass) scopes(l *link) []netstate.Scope {
	in := map[netstate.Scope]bool{}
	for _, e := range l.state.Ends {
		in[e.VPC.Scope] = true
	}
	for _, a := range l.actions {
		in[a.Scope()] = true
	}
	var out []netstate.Scope
	for s := range in {
		if _, managed := p.look.Scopes[s]; managed {
			out = append(out, s)
		}
	}
	return out
}

func (p *pass) lookAt(ctx context.Context, s netstate.Scope, whole bool) {
	p.looking[s] = true
	p.looks++
	l := look{scope: s, whole: whole, begun: p.looks}
	ask := netstate.Look{Owner: p.look.Owner, Access: p.look.Access, Scopes: map[netstate.Scope]netstate.ScopeLook{s: p.look.Scopes[s]}, ConnectionsOnly: !whole}
	go func() {
		l.o, _ = p.cfg.Target.Observe(ctx, ask) // the only error is the context's end, which apply sees too
		p.looked <- l
	}()
}

// join ends the looks in flight and waits for them.
func (p *pass) join(end context.CancelFunc) {
	end()
	for len(p.looking) > 0 {
		l := <-p.looked
		delete(p.looking, l.scope)
	}
}

// take keeps looks that came in, and sees to it that a plan is made of all of them: at once where somebody suspended something meanwhile.
func (p *pass) take(l look) {
	stop := false
	for {
		delete(p.looking, l.scope)
		if l.o != nil {
			stop = stop || p.suspends(l.o)
			p.fresh = append(p.fresh, l)
		}
		select {
		case l = <-p.looked:
			continue
		default:
		}
		break
	}
	if stop {
		p.replan()
	} else {
		p.replanSoon()
	}
}

// suspends reports whether a look shows the suspend tag where the last one that was laid out did not.
func (p *pass) suspends(o *netstate.Observed) bool {
	on := func(t netstate.Tags) bool { _, there := t[netstate.TagSuspend]; return there }
	for id, c := range o.Connections {
		for side, v := range c.Views {
			if on(v.Tags) && !on(p.o.Connections[id].Views[side].Tags) {
				return true
			}
		}
	}
	for v, f := range o.VPCs {
		if on(f.Tags) && !on(p.o.VPCs[v].Tags) {
			return true
		}
	}
	return false
}

// lay lays the looks that came in over the last one.
func (p *pass) lay() {
	if len(p.fresh) == 0 {
		return
	}
	later, whole, keep := map[netstate.Scope]*netstate.Observed{}, map[netstate.Scope]*netstate.Observed{}, map[netstate.ConnID]bool{}
	for id := range p.opened {
		keep[id] = true
	}
	for _, l := range p.fresh {
		if l.o.Missing(l.scope, netstate.ListConnections) == nil { // else an earlier one of them knows more
			later[l.scope] = l.o
		}
		if !l.whole {
			continue
		}
		whole[l.scope] = l.o
		for _, x := range p.order {
			if x.stopAt < l.begun {
				delete(x.stopped, l.scope)
			}
		}
	}
	if len(whole) > 0 {
		p.o = p.o.Replace(whole)
	}
	p.fresh = nil
	p.o = p.in.Memory.Settle(p.o.Refresh(later, keep))
	p.remember(p.o)
}

// stop keeps a link from going on until its scopes were read whole by looks that begin from now on.
func (p *pass) stop(l *link) {
	l.stopAt = p.looks
	l.stopped = map[netstate.Scope]bool{}
	for _, s := range p.scopes(l) {
		l.stopped[s] = true
	}
}

// quiet reports whether no link waits for a look any more.
func (p *pass) quiet(ctx context.Context) bool {
	if ctx.Err() != nil || p.paused || time.Now().After(p.deadline) {
		return true
	}
	for _, l := range p.order {
		if p.waits(l) || p.stoppedFor(l) {
			return false
		}
	}
	return true
}
