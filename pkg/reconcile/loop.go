package reconcile

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// LoopConfig is what a Loop needs.
type LoopConfig struct {
	Target Target
	Source Source
	Load   func(Commit) (*spec.Set, error) // of a commit's files, with the owner settled

	Interval time.Duration // between full passes, give or take a tenth; zero: a minute
	Prune    bool
	Limits   plan.Limits
	Observe  func() bool   // asked before every pass: plan only, with the accounts' readRole, as a standby does; nil: never
	Paused   func() bool   // asked before every write; nil: never
	Applied  string        // the hash of the commit that a process before this one applied last; empty: none
	Fetch    chan struct{} // a value in it fetches at once, and makes a pass if there is a new commit; may be nil
	Full     chan struct{} // a value in it makes a full pass at once; may be nil

	Log      *slog.Logger // nil: no log
	OnCommit func(Commit) // told of a commit that comes into force, before anything of it is applied; may be nil
	OnWake   func()       // told when a turn begins; may be nil
	OnTurn   func(Turn)   // told of every turn when it is over; may be nil
	OnDone   func(Result) // told of every action as it is done, from one goroutine at a time; may be nil
}

// Mode is why a pass was made, and so what it covers.
type Mode string

// The modes of a pass.
const (
	ModeFull    Mode = "full"    // everything
	ModeCommit  Mode = "commit"  // the few peerings that a commit changed
	ModeWaiting Mode = "waiting" // the peerings that waited for a state
)

// Turn is what happened between two waits of the loop.
type Turn struct {
	Fetched  bool          // the source was asked
	Took     time.Duration // by the source
	Commit   Commit        // in force; its Hash is empty when there is none yet
	FetchErr error         // why the source had none to hand out
	SpecErr  error         // why its newest does not load: the one in force stays
	Mode     Mode          // of the pass; empty: there was none
	Report   *Report
	Next     time.Time // when the next turn is due, if nothing calls for one before
}

// Loop makes passes until it is told to stop: one at a time, at every interval, when a commit comes, and again within seconds while
// connections pass from state to state.
//
// A commit that does not load, or cannot be had, never stops the one in force. "No spec" is not "an empty spec": without a commit nothing
// is changed.
type Loop struct {
	cfg LoopConfig

	set      *spec.Set // of the commit in force; nil: none yet
	commit   Commit
	refused  string // the hash of a commit that does not load, so that this is said once
	memory   plan.Memory
	last     *Report       // with every peering in it
	nextFull time.Time     // when the next full pass is due
	wait     time.Duration // for the peerings that wait for a state; zero: there are none
	nextLook time.Time     // when they are looked at again
}

// The waits for connections that pass from state to state grow from the first to the last, and start anew when something was done.
const (
	firstWake    = 500 * time.Millisecond
	lastWake     = 30 * time.Second
	fetchTime    = 2 * time.Minute // for sources without a limit of their own, which says more when it is reached
	mostOfCommit = 20              // peerings that a commit may change and be applied by a pass of its own
	daemonSettle = 5 * time.Second
)

// NewLoop returns a loop; zero values of cfg get their defaults here.
func NewLoop(cfg LoopConfig) *Loop {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Interval == 0 {
		cfg.Interval = time.Minute
	}
	if cfg.OnTurn == nil {
		cfg.OnTurn = func(Turn) {}
	}
	if cfg.OnWake == nil {
		cfg.OnWake = func() {}
	}
	if cfg.OnCommit == nil {
		cfg.OnCommit = func(Commit) {}
	}
	if cfg.Observe == nil {
		cfg.Observe = func() bool { return false }
	}
	return &Loop{cfg: cfg}
}

// Run takes turns until ctx ends; then no new call is begun, and those in flight get ten seconds.
func (l *Loop) Run(ctx context.Context) error {
	for fetch, full := true, true; ; {
		l.cfg.OnWake()
		t := l.turn(ctx, fetch, full)
		if ctx.Err() != nil {
			return nil
		}
		t.Next = l.next()
		l.cfg.OnTurn(t)
		timer := time.NewTimer(time.Until(t.Next))
		select {
		case <-timer.C:
			full = !time.Now().Before(l.nextFull)
			fetch = full
		case <-l.cfg.Fetch:
			fetch, full = true, false
		case <-l.cfg.Full:
			fetch, full = true, true
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// next is when the loop has to do something by itself.
func (l *Loop) next() time.Time {
	if l.wait > 0 && l.nextLook.Before(l.nextFull) {
		return l.nextLook
	}
	return l.nextFull
}

// turn fetches if it is time to, and makes the pass that is due.
func (l *Loop) turn(ctx context.Context, fetch, full bool) Turn {
	var t Turn
	var only []netstate.Link
	if fetch {
		t.Fetched = true
		only = l.fetch(ctx, &t)
	}
	if full {
		l.nextFull = time.Now().Add(jittered(l.cfg.Interval))
	}
	t.Commit = l.commit
	switch {
	case ctx.Err() != nil || l.set == nil:
		return t
	case full || only == nil && l.last == nil:
		t.Mode, only = ModeFull, nil
	case len(only) > mostOfCommit:
		t.Mode, only = ModeFull, nil
		l.nextFull = time.Now().Add(jittered(l.cfg.Interval))
	case len(only) > 0:
		t.Mode = ModeCommit
	case !fetch:
		t.Mode, only = ModeWaiting, passingLinks(l.last)
	default:
		return t // fetched, and nothing is new
	}
	t.Report = l.pass(ctx, only)
	if t.Mode == ModeCommit && l.unfinished(t.Report, only) {
		l.nextFull = time.Now()
	}
	return t
}

// unfinished reports whether a pass over the peerings of a commit left what only one over everything can do: a change of a rule that others
// elsewhere may want as it is, or a removal.
func (l *Loop) unfinished(rep *Report, only []netstate.Link) bool {
	return rep.Final != nil && !rep.DryRun && !rep.Paused && slices.ContainsFunc(rep.Final.Drift, func(d plan.Drift) bool {
		return slices.Contains(only, d.Link) && (d.MaybeElsewhere() || l.cfg.Prune && d.Kind == plan.DriftExtra)
	})
}

// jittered spreads the passes of many peerd over time.
func jittered(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}

// fetch asks the source, and takes over what it hands out if it loads. It returns the peerings that this changes: nil when the spec is the
// one that was in force, more than a pass of their own may hold when anything but single entries changed.
func (l *Loop) fetch(ctx context.Context, t *Turn) []netstate.Link {
	asking, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	began := time.Now()
	c, err := l.cfg.Source.Fetch(asking, cmp.Or(l.commit.Hash, l.cfg.Applied))
	t.Took = time.Since(began)
	if err != nil {
		if ctx.Err() == nil {
			t.FetchErr = err
			l.cfg.Log.Warn("not fetched", "err", err)
		}
		return nil
	}
	if c.Hash == l.commit.Hash {
		return nil
	}
	set, err := l.cfg.Load(c)
	if err != nil {
		t.SpecErr = err
		if l.refused != c.Hash {
			l.refused = c.Hash
			l.cfg.Log.Error("the spec does not load; the last good one stays in force", "commit", c.Hash, "err", err)
		}
		return nil
	}
	was := l.set
	l.set, l.commit, l.refused = set, c, ""
	l.cfg.OnCommit(c)
	l.cfg.Log.Info("new commit", "commit", c.Hash, "subject", c.Subject)
	return changedLinks(was, set)
}

// pass makes one pass, over some peerings or over all. One over some removes nothing.
func (l *Loop) pass(ctx context.Context, only []netstate.Link) *Report {
	limits := l.cfg.Limits
	limits.Allowed = plan.AllowedBy(l.commit.Message)
	target := l.cfg.Target
	if only != nil {
		target = &near{Target: target}
	}
	r := New(Config{Target: target, Log: l.cfg.Log, Settle: daemonSettle, NoWait: true, Paused: l.cfg.Paused, OnDone: l.cfg.OnDone})
	rep := r.Cycle(ctx, Input{Spec: l.set, DryRun: l.cfg.Observe(), Only: only, Near: only != nil, Prune: l.cfg.Prune, Limits: limits, Memory: l.memory})
	l.memory = rep.Memory
	if rep.Err != nil && !errors.Is(rep.Err, context.Canceled) {
		l.cfg.Log.Error("pass failed", "err", rep.Err)
	}
	if only != nil && l.last != nil {
		rep = rep.Over(l.last, only)
	}
	if rep.Final != nil {
		l.last = rep
	}
	l.wait = l.nextWait(rep)
	l.nextLook = time.Now().Add(l.wait)
	return rep
}

// nextWait is how soon the peerings that wait for a state are looked at again; zero: there are none.
func (l *Loop) nextWait(rep *Report) time.Duration {
	if rep.DryRun || rep.Paused || len(passingLinks(rep)) == 0 {
		return 0
	}
	if l.wait == 0 || slices.ContainsFunc(rep.Results, func(r Result) bool { return r.Err == nil }) {
		return firstWake
	}
	return min(l.wait*2, lastWake)
}

// passingLinks are those whose connection is in a state that it leaves by itself, or by an acceptance that is about to be given; and then those
// whose requests wait for the room that these make.
func passingLinks(rep *Report) (out []netstate.Link) {
	if rep == nil || rep.Final == nil {
		return nil
	}
	accepted := map[netstate.Link]bool{}
	for _, a := range rep.Final.Actions {
		accepted[a.Link()] = accepted[a.Link()] || a.Step() == plan.StepAccept
	}
	for _, s := range rep.Final.Links {
		if s.Passing() && !s.Held && s.Suspended == "" && (s.Status != netstate.Pending || accepted[s.Name]) {
			out = append(out, s.Name)
		}
	}
	if len(out) == 0 {
		return nil
	}
	for _, r := range rep.Results {
		if r.Err != nil && r.Err.Code == codeNoRoom {
			out = append(out, r.Action.Link())
		}
	}
	return out
}

// changedLinks are the peerings of a spec that an older one has otherwise or not at all. When anything else may have changed, it is all of
// them and one more, which no pass of its own can hold.
func changedLinks(was, now *spec.Set) []netstate.Link {
	everything := make([]netstate.Link, mostOfCommit+1)
	if was == nil || was.Owner != now.Owner || len(was.Peerings) > len(now.Peerings) || !slices.Equal(was.Protected, now.Protected) ||
		!slices.EqualFunc(was.Accounts, now.Accounts, sameAccount) {
		return everything
	}
	kept := 0
	var out []netstate.Link
	for _, p := range now.Peerings {
		old := was.Peering(p.Name)
		if old != nil {
			kept++
		}
		if old == nil || old.Digest() != p.Digest() || !old.Suspend.Equal(p.Suspend) {
			out = append(out, p.Name)
		}
	}
	if kept < len(was.Peerings) {
		return everything // one went, or got another name
	}
	return out
}

// sameAccount compares everything of two accounts but where the spec has them.
func sameAccount(a, b *spec.Account) bool {
	x, y := *a, *b
	x.Pos, y.Pos = spec.Pos{}, spec.Pos{}
	return reflect.DeepEqual(x, y)
}
