package reconcile

import (
	"context"
	"slices"
	"sync"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// near is AWS as a pass over a few peerings looks at it. The first look reads everything that the pass asks for; a later one reads connections,
// and else only what the calls since the one before may have changed: the lists of two accounts are nearly all that such a pass costs. What
// others change in that second they may as well change after it: the next pass sees it.
type near struct {
	Target

	mu      sync.Mutex         // guards what follows
	scopes  int                // of the first look
	seen    *netstate.Observed // the last look at everything; nil: none, or one that is not to be built on
	changed map[netstate.Scope]changed
	failed  int // calls
}

// changed is what calls may have changed in a scope, besides connections, which change by themselves.
type changed struct{ tables, rules bool }

// Observe reads what the look asks for, or what of it may be otherwise than it was.
func (t *near) Observe(ctx context.Context, l netstate.Look) (*netstate.Observed, error) {
	if t.isPart(l) {
		return t.Target.Observe(ctx, l)
	}
	t.mu.Lock()
	failed := t.failed
	t.mu.Unlock()
	o, err := t.lookAgain(ctx, l)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil && len(o.Unread) == 0 && t.failed == failed { // calls go on during a look at the only scope
		t.seen = o
	}
	return o, err
}

// isPart reports whether a look is at less than everything: a state is waited for, or something failed in one of the scopes.
func (t *near) isPart(l netstate.Look) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scopes = max(t.scopes, len(l.Scopes))
	return l.ConnectionsOnly || len(l.Scopes) < t.scopes
}

// lookAgain reads what may be otherwise than the last look showed it, and begins to note anew what is changed.
func (t *near) lookAgain(ctx context.Context, l netstate.Look) (*netstate.Observed, error) {
	t.mu.Lock()
	seen, since := t.seen, t.changed
	t.seen, t.changed = nil, map[netstate.Scope]changed{}
	t.mu.Unlock()
	if seen == nil {
		return t.Target.Observe(ctx, l)
	}
	return t.again(ctx, l, seen, since)
}

// again reads what was changed since a look, and lays it over that.
func (t *near) again(ctx context.Context, l netstate.Look, seen *netstate.Observed, since map[netstate.Scope]changed) (*netstate.Observed, error) {
	less := netstate.Look{Access: l.Access, Scopes: map[netstate.Scope]netstate.ScopeLook{}}
	for s, w := range l.Scopes {
		less.Scopes[s] = since[s].of(w)
		if since[s].rules {
			less.Owner = l.Owner
		}
	}
	later, err := t.Target.Observe(ctx, less)
	if err != nil {
		return nil, err
	}
	looked, listed := map[netstate.Scope]*netstate.Observed{}, map[netstate.Scope][]netstate.Listing{}
	for s := range l.Scopes {
		looked[s], listed[s] = later, since[s].listings()
	}
	return seen.Refresh(looked, nil).ReplaceListed(later, listed), nil
}

// of is the part of a look that shows what was changed. VPCs are in it only as far as other lists are read by them.
func (c changed) of(w netstate.ScopeLook) (out netstate.ScopeLook) {
	if c.tables {
		out.VPCs, out.Tables = w.VPCs, w.Tables
	}
	if c.rules {
		out.Groups, out.RuleLists = w.Groups, w.RuleLists
		if slices.ContainsFunc(w.VPCs, func(v netstate.VPCSelector) bool { return v.ID == "" }) {
			out.VPCs = w.VPCs
		}
	}
	return out
}

func (c changed) listings() []netstate.Listing {
	out := []netstate.Listing{netstate.ListConnections}
	if c.tables {
		out = append(out, netstate.ListTables)
	}
	if c.rules {
		out = append(out, netstate.ListGroups, netstate.ListRules)
	}
	return out
}

// Apply makes a call and notes what it may have changed. Once one failed, the next look reads everything: the reason may be anywhere.
func (t *near) Apply(ctx context.Context, b plan.Batch, wanted func() bool) []plan.Outcome {
	out := t.Target.Apply(ctx, b, wanted)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range out {
		if o.Err != nil {
			t.seen, t.failed = nil, t.failed+1
		}
		t.note(o.Action)
	}
	return out
}

func (t *near) note(a plan.Action) {
	switch a := a.(type) {
	case plan.AllowRule, plan.ChangeRule, plan.DescribeRule, plan.TagRule, plan.RevokeRule:
		t.mark(a.Scope(), changed{rules: true})
	case plan.AddRoute, plan.ReplaceRoute, plan.RemoveRoute:
		t.mark(a.Scope(), changed{tables: true})
	case plan.CloseConnection: // its routes become blackholes
		t.mark(a.Requester.Scope, changed{tables: true})
		t.mark(a.Accepter.Scope, changed{tables: true})
	}
}

func (t *near) mark(s netstate.Scope, c changed) {
	was := t.changed[s]
	t.changed[s] = changed{was.tables || c.tables, was.rules || c.rules}
}
