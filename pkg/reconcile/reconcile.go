package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/preflight"
	"github.com/peerd/peerd/pkg/spec"
)

// Target is AWS, as far as a cycle needs it.
type Target interface {
	// Observe reads what the look asks for. The error is only the context's: what could not be read stands in Observed.Unread.
	Observe(ctx context.Context, l netstate.Look) (*netstate.Observed, error)
	// Apply makes one call and says what became of each action of the batch, in order. wanted is asked right before the call goes out, since it
	// may wait long for its turn and for credentials; without its word nothing is sent, and the outcome is netstate.Stopped. nil: it is wanted.
	Apply(ctx context.Context, b plan.Batch, wanted func() bool) []plan.Outcome
}

// Config is what a Reconciler needs.
type Config struct {
	Target  Target
	Log     *slog.Logger                         // nil: no log
	Timeout time.Duration                        // of waiting for connections in one cycle; zero: 10 minutes
	Settle  time.Duration                        // how long the last look is repeated until it agrees with what was done; zero: 60 seconds
	Links   int                                  // peerings worked on at the same time; zero: 512
	NoWait  bool                                 // end the cycle where a connection passes from state to state, rather than wait for it: another cycle goes on
	Paused  func() bool                          // asked before every write; true stops all of them. nil: never
	OnPlan  func(*plan.Plan, *netstate.Observed) // called with the first plan and what it was made from, before anything is applied; may be nil
	OnDone  func(Result)                         // called for every action as it is done, from one goroutine at a time; may be nil
	OnWait  func(Waiting)                        // called while states are waited for, likewise; may be nil
}

// Waiting says how far a cycle is while it waits for connections.
type Waiting struct {
	Links []netstate.Link
}

// Reconciler makes AWS match specs.
type Reconciler struct{ cfg Config }

// New returns a Reconciler; zero values of cfg get their defaults here.
func New(cfg Config) *Reconciler {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Minute
	}
	if cfg.Settle == 0 {
		cfg.Settle = time.Minute
	}
	if cfg.Links == 0 {
		cfg.Links = 512
	}
	if cfg.Paused == nil {
		cfg.Paused = func() bool { return false }
	}
	if cfg.OnPlan == nil {
		cfg.OnPlan = func(*plan.Plan, *netstate.Observed) {}
	}
	if cfg.OnDone == nil {
		cfg.OnDone = func(Result) {}
	}
	if cfg.OnWait == nil {
		cfg.OnWait = func(Waiting) {}
	}
	cfg.Target = logged{cfg.Target, cfg.Log}
	return &Reconciler{cfg}
}

// logged tells the log where reading panicked; what cannot be read otherwise stands in the report alone.
type logged struct {
	Target
	log *slog.Logger
}

// Observe reads what the look asks for.
func (t logged) Observe(ctx context.Context, l netstate.Look) (*netstate.Observed, error) {
	o, err := t.Target.Observe(ctx, l)
	if err != nil {
		return nil, err
	}
	for scope, listings := range o.Unread {
		for _, e := range listings {
			if e.Stack != "" {
				t.log.Warn("not read", "scope", scope, "err", e, "stack", e.Stack)
			}
		}
	}
	return o, nil
}

// Input is what one cycle is asked to do.
type Input struct {
	Spec   *spec.Set
	DryRun bool            // plan only, with the accounts' readRole where there is one
	Only   []netstate.Link // plan and apply nothing else; empty: everything
	Near   bool            // read only the accounts and regions of Only: what others want elsewhere is unknown then, and left alone for a pass over everything, as are removals
	Prune  bool            // remove what is ours and no longer wanted
	Limits plan.Limits     // of what may be removed
	Memory plan.Memory     // Report.Memory of the pass before; zero: there was none in this process
}

// plan plans the input against one look; links to avoid failed, and what they share with others is for those to do.
func (in Input) plan(o *netstate.Observed, avoid map[netstate.Link]bool) *plan.Plan {
	want, problems := plan.Expand(in.Spec, o)
	p := plan.Diff(want, plan.Options{Prune: in.Prune, Memory: in.Memory, Only: in.Only, Avoid: avoid, Near: in.Near}, problems)
	found, quotas := preflight.Check(in.Spec, want, o, p)
	p.Refuse(found)
	p.Quotas = quotas
	if len(in.Only) > 0 {
		p = p.Restrict(in.Only...)
	}
	p.Rest(in.Memory, o.At)
	return p
}

// Cycle makes one pass: it reads AWS, plans, applies, reads again, and says what is left. It never returns nil; failures stand in the
// report. When ctx ends, no new call is begun, and those in flight get ten seconds.
func (r *Reconciler) Cycle(ctx context.Context, in Input) *Report {
	rep := &Report{DryRun: in.DryRun, Prune: in.Prune, NoWait: r.cfg.NoWait, Started: time.Now(), Accounts: accountNames(in.Spec)}
	defer func() { rep.Finished, rep.Err = time.Now(), stopped(ctx, rep.Err) }()
	look, o, err := r.look(ctx, in)
	read := time.Now()
	rep.Took.Read = read.Sub(rep.Started)
	if err != nil {
		rep.Err = err
		return rep
	}
	seen := o
	rep.Scopes = scopesRead(look, seen)
	o = in.Memory.Settle(seen)
	rep.Memory = in.Memory.Next(seen, nil)
	rep.First = in.plan(o, nil)
	rep.First.Guard(in.Limits)
	rep.Final = rep.First
	rep.Took.Diff = time.Since(read)
	rep.Err = unreadable(look, o)
	r.cfg.OnPlan(rep.First, o)
	if in.DryRun || r.idle(rep.First) || rep.Err != nil {
		return rep
	}
	if rep.Paused = r.cfg.Paused(); rep.Paused {
		return rep
	}
	p := &pass{cfg: r.cfg, in: in, look: look, o: o, seen: seen, first: rep.First, deadline: rep.Started.Add(r.cfg.Timeout)}
	began := time.Now()
	rep.Final, rep.Err = p.run(ctx)
	rep.Took.Apply = time.Since(began)
	rep.Paused = p.paused
	rep.Scopes = scopesRead(look, p.seen)
	rep.Results = slices.Concat(p.results, p.noRoom())
	rep.Memory = in.Memory.Next(p.seen, p.results)
	return rep
}

// idle reports whether nothing comes of applying a plan: nothing of it can be done, and what would make it possible is not waited for.
func (r *Reconciler) idle(p *plan.Plan) bool {
	if r.cfg.NoWait {
		return !slices.ContainsFunc(p.Actions, plan.Action.Ready)
	}
	return len(p.Actions) == 0 && !slices.ContainsFunc(p.Links, func(s plan.LinkState) bool { return s.Passing() && s.Suspended == "" })
}

// stopped says by what a cycle was ended, where that is why it failed.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	return &stoppedError{context.Cause(ctx)}
}

type stoppedError struct{ cause error }

func (e *stoppedError) Error() string {
	return fmt.Sprintf("stopped before it was done: %v; what was done stays, and the next pass does the rest", e.cause)
}

func (e *stoppedError) Is(target error) bool { return target == context.Canceled }

// look reads what the spec needs, and then what the leftovers need that this showed; they may lead to others.
func (r *Reconciler) look(ctx context.Context, in Input) (netstate.Look, *netstate.Observed, error) {
	ask := plan.Ask{ReadOnly: in.DryRun}
	if in.Near {
		ask.Only = in.Only
	}
	l := plan.Look(in.Spec, ask)
	for {
		o, err := r.cfg.Target.Observe(ctx, l)
		if err != nil {
			return l, nil, err
		}
		if in.Near { // leftovers are for passes over everything
			return l, o, nil
		}
		wide, more := plan.More(in.Spec, l, in.Memory.Settle(o))
		if !more {
			return l, o, nil
		}
		l = wide
	}
}

// scopesRead says of every account and region that was looked at whether all that a plan depends on could be read.
func scopesRead(l netstate.Look, o *netstate.Observed) []ScopeRead {
	var out []ScopeRead
	for _, s := range slices.SortedFunc(maps.Keys(l.Scopes), netstate.Scope.Compare) {
		listings := slices.DeleteFunc(slices.Sorted(maps.Keys(o.Unread[s])), func(l netstate.Listing) bool { return l == netstate.ListACLs })
		out = append(out, ScopeRead{s, o.At, o.Missing(s, listings...)})
	}
	return out
}

func accountNames(s *spec.Set) map[netstate.AccountID]string {
	out := map[netstate.AccountID]string{}
	for _, a := range s.Accounts {
		out[a.ID] = a.Name
	}
	return out
}

// unreadable returns why nothing at all could be read: then there is no pass to speak of.
func unreadable(l netstate.Look, o *netstate.Observed) error {
	var first *netstate.Error
	for _, s := range slices.SortedFunc(maps.Keys(l.Scopes), netstate.Scope.Compare) {
		err := o.Missing(s, netstate.ListConnections, netstate.ListVPCs)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		return nil
	}
	return first
}
