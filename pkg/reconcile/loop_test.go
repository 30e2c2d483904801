package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
	"github.com/peerd/peerd/pkg/spec"
)

// history is a source whose newest commit a test sets.
type history struct {
	mu   sync.Mutex // guards the rest
	head reconcile.Commit
	err  error
	asks int
}

func (h *history) Fetch(context.Context, string) (reconcile.Commit, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asks++
	return h.head, h.err
}

func (h *history) push(hash, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.head = reconcile.Commit{Hash: hash, Subject: hash, Message: hash, Files: fstest.MapFS{"spec.yaml": {Data: []byte(text)}}}
}

func (h *history) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
}

// loop is a loop on an in-memory AWS; its turns are kept.
type loop struct {
	*history
	target *reconciletest.Target
	fetch  chan struct{}
	stop   func()

	mu    sync.Mutex // guards turns
	turns []reconcile.Turn
}

func startLoop(t *testing.T, text string, change ...func(*reconcile.LoopConfig)) *loop {
	t.Helper()
	l := &loop{history: &history{}, target: reconciletest.New(world()), fetch: make(chan struct{}, 1)}
	l.push("first", text)
	cfg := reconcile.LoopConfig{Target: l.target, Source: l.history, Fetch: l.fetch,
		Load: func(c reconcile.Commit) (*spec.Set, error) { return spec.Load(c.Files, "") },
		OnTurn: func(turn reconcile.Turn) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.turns = append(l.turns, turn)
		}}
	for _, c := range change {
		c(&cfg)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- reconcile.NewLoop(cfg).Run(ctx) }()
	l.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the loop ended with %v", err)
		}
	}
	return l
}

// last is the newest turn.
func (l *loop) last() reconcile.Turn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turns[len(l.turns)-1]
}

func (l *loop) modes() (out []reconcile.Mode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.turns {
		out = append(out, t.Mode)
	}
	return out
}

// One peering is made from nothing without the loop ever waiting inside a pass: it is woken again within seconds.
func TestLoopWakesForPassingStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := startLoop(t, twoPeerings, func(c *reconcile.LoopConfig) { c.Target.(*reconciletest.Target).States = 5 })
		defer l.stop()
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if l.last().Report.Exit() != reconcile.ExitInSync {
			t.Errorf("not in sync after 50 seconds: %+v", l.last().Report.Verdicts())
		}
		modes := l.modes()
		if len(modes) < 3 || modes[0] != reconcile.ModeFull || modes[1] != reconcile.ModeWaiting {
			t.Errorf("turns: %v", modes)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		for _, m := range l.modes()[len(modes):] {
			if m != reconcile.ModeFull {
				t.Errorf("once in sync: turns %v", l.modes())
			}
		}
	})
}

// F48: of 200 requests 25 may be outstanding; the others are made as soon as these are accepted, not with the next passes or when they have rested.
func TestLoopGoesOnAsRequestsAreAccepted(t *testing.T) {
	t.Parallel()
	for name, lag := range map[string]func(*reconciletest.Target){
		"states last":      func(target *reconciletest.Target) { target.States = 3 },
		"looks are behind": func(target *reconciletest.Target) { target.Ago = behind(netstate.ListConnections, time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				set, w := fleet(t, 200, 1)
				l := startLoop(t, "", func(c *reconcile.LoopConfig) {
					target := reconciletest.New(w)
					lag(target)
					c.Target, c.Load = target, func(reconcile.Commit) (*spec.Set, error) { return set, nil }
				})
				defer l.stop()
				time.Sleep(45 * time.Second)
				synctest.Wait()
				if rep := l.last().Report; rep.Exit() != reconcile.ExitInSync {
					t.Errorf("exit %d after 45 seconds", rep.Exit())
				}
			})
		})
	}
}

// behind lets looks show a listing as it was so long ago.
func behind(of netstate.Listing, d time.Duration) func(netstate.Scope, netstate.Listing) time.Duration {
	return func(_ netstate.Scope, l netstate.Listing) time.Duration {
		if l == of {
			return d
		}
		return 0
	}
}

// A request whose acceptance is refused, and rests, is looked at in the passes over everything only.
func TestLoopDoesNotWakeForWhatRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		l := startLoop(t, twoPeerings, func(c *reconcile.LoopConfig) {
			target := c.Target.(*reconciletest.Target)
			target.Fault = func(a plan.Action) *netstate.Error {
				if a.Step() == plan.StepAccept {
					return &netstate.Error{Op: "accept", Kind: netstate.Denied}
				}
				return nil
			}
			target.Unread = func(_ *netstate.Observed, whole bool) {
				if whole {
					looks.Add(1)
				}
			}
		})
		defer l.stop()
		time.Sleep(10 * time.Minute)
		before := looks.Load()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := looks.Load() - before; n > 100 { // 60 full passes, of which those that try again look once more
			t.Errorf("%d whole looks in an hour", n)
		}
	})
}

// A commit that does not load, or cannot be had, leaves the last good one in force; with none at all nothing is changed.
func TestLoopKeepsTheLastGoodCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := startLoop(t, "apiVersion: peerd/v1\nnonsense: true\n")
		defer l.stop()
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if got := l.last(); got.SpecErr == nil || got.Report != nil || len(l.target.Applied()) > 0 {
			t.Fatalf("with a broken first commit: %+v, applied %v", got, l.target.Applied())
		}
		l.push("good", twoPeerings)
		time.Sleep(2 * time.Minute)
		l.push("broken", strings.Replace(twoPeerings, "peerings:", "peerngs:", 1))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := l.last(); got.SpecErr == nil || got.Commit.Hash != "good" || got.Report == nil || got.Report.Exit() != reconcile.ExitInSync {
			t.Errorf("with a broken commit: %+v", got)
		}
		l.fail(errors.New("the server is down"))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := l.last(); got.FetchErr == nil || got.Commit.Hash != "good" || got.Report == nil {
			t.Errorf("with the server down: %+v", got)
		}
	})
}

// A commit that touches few peerings is applied by a pass of its own as soon as it is known, without pruning, and the others' report stays.
func TestLoopAppliesSmallCommitsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := startLoop(t, twoPeerings, func(c *reconcile.LoopConfig) {
			c.Interval, c.Prune, c.Limits = time.Hour, true, plan.Limits{Number: 10}
		})
		defer l.stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		before := len(l.target.Applied())
		l.push("second", strings.Replace(twoPeerings, "ports: [443, 80]", "ports: [443, 80, 22]", 1))
		l.fetch <- struct{}{}
		time.Sleep(time.Second)
		synctest.Wait()
		got := l.last()
		if got.Mode != reconcile.ModeCommit || got.Commit.Hash != "second" || !got.Report.Prune {
			t.Errorf("turn: %+v", got)
		}
		if n := len(l.target.Applied()) - before; n != 1 {
			t.Errorf("applied %v, want the rule", l.target.Applied()[before:])
		}
		if v := got.Report.Verdicts(); len(v) != 2 || got.Report.Exit() != reconcile.ExitInSync {
			t.Errorf("verdicts: %+v", v)
		}
		l.push("third", strings.Replace(twoPeerings, "  - {name: three-one, requester: {vpc: three}, accepter: {vpc: one}}\n", "", 1))
		l.fetch <- struct{}{}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := l.last(); got.Mode != reconcile.ModeFull || !got.Report.Prune {
			t.Errorf("a peering went: %+v", got)
		}
	})
}

// The pass for a commit removes nothing and says who will; it does not forget that pruning is on, for the others whose report it keeps.
func TestCommitPassesLeaveRemovals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := startLoop(t, twoPeerings, func(c *reconcile.LoopConfig) {
			c.Interval, c.Prune, c.Limits = time.Hour, true, plan.Limits{Number: 10}
		})
		defer l.stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		n := len(l.modes())
		l.push("second", strings.Replace(twoPeerings, "ports: [443, 80]", "ports: [443]", 1))
		l.fetch <- struct{}{}
		time.Sleep(time.Minute)
		synctest.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		commit, full := l.turns[n], l.turns[n+1]
		if commit.Mode != reconcile.ModeCommit || len(commit.Report.Results) > 0 || commit.Report.Exit() != reconcile.ExitChanges {
			t.Errorf("the commit's pass: %s, exit %d, did %v", commit.Mode, commit.Report.Exit(), commit.Report.Results)
		}
		if v := commit.Report.Verdicts(); !slices.ContainsFunc(v, func(v reconcile.LinkVerdict) bool {
			return strings.Contains(strings.Join(v.Reasons, "\n"), plan.LeftToFull)
		}) {
			t.Errorf("it does not say who removes the rule: %+v", v)
		}
		if full.Mode != reconcile.ModeFull || len(full.Report.Results) != 1 || full.Report.Exit() != reconcile.ExitInSync {
			t.Errorf("the next: %s, exit %d, did %v", full.Mode, full.Report.Exit(), full.Report.Results)
		}
	})
}

// What a pass for a commit must leave, since a peering elsewhere may want the rule as it is, a full pass does at once.
func TestLoopFinishesCommitsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := strings.Replace(twoPeerings, "accepter: {vpc: one}", "accepter: {vpc: one, rules: [{group: sg-0000000000000000a, protocol: tcp, ports: 22}]}", 1)
		l := startLoop(t, shared, func(c *reconcile.LoopConfig) { c.Interval = time.Hour })
		defer l.stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		before := len(l.modes())
		done := len(l.target.Applied())
		l.push("second", strings.Replace(shared, "ports: [443, 80]", "ports: [443, 8080]", 1))
		l.fetch <- struct{}{}
		time.Sleep(time.Minute)
		synctest.Wait()
		if d := cmp.Diff([]reconcile.Mode{reconcile.ModeCommit, reconcile.ModeFull}, l.modes()[before:]); d != "" {
			t.Errorf("passes (-want +got):\n%s", d)
		}
		if got := l.last().Report; got.Exit() != reconcile.ExitInSync || len(l.target.Applied()) != done+1 {
			t.Errorf("not in sync, or not by one change: %+v, %v", got.Verdicts(), l.target.Applied()[done:])
		}
	})
}

// A value in Fetch asks the source, and makes no pass when nothing is new.
func TestLoopFetchesWhenTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := startLoop(t, twoPeerings, func(c *reconcile.LoopConfig) { c.Interval = time.Hour })
		defer l.stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		asks, turns := l.asks, len(l.modes())
		for range 3 {
			l.fetch <- struct{}{}
			synctest.Wait()
		}
		if l.asks != asks+3 {
			t.Errorf("the source was asked %d times, want 3", l.asks-asks)
		}
		for _, m := range l.modes()[turns:] {
			if m != "" {
				t.Errorf("passes without a reason: %v", l.modes()[turns:])
			}
		}
	})
}

// A standby looks and never writes.
func TestLoopOnlyObserves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := startLoop(t, twoPeerings, func(c *reconcile.LoopConfig) { c.Observe = func() bool { return true } })
		defer l.stop()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if d := cmp.Diff([]string(nil), l.target.Applied()); d != "" {
			t.Errorf("a standby wrote:\n%s", d)
		}
		if got := l.last(); !got.Report.DryRun || got.Report.Exit() != reconcile.ExitChanges {
			t.Errorf("report: %+v", got.Report)
		}
	})
}

// What an earlier report says of other peerings is kept, in order.
func TestOver(t *testing.T) {
	t.Parallel()
	report := func(drift ...plan.Drift) *reconcile.Report { return &reconcile.Report{Final: &plan.Plan{Drift: drift}} }
	of := func(l netstate.Link, what string) plan.Drift { return plan.Drift{Link: l, What: what} }
	got := report(of("b", "new")).Over(report(of("a", "1"), of("a", "2"), of("b", "old"), of("c", "3")), []netstate.Link{"b"})
	if d := cmp.Diff([]plan.Drift{of("a", "1"), of("a", "2"), of("b", "new"), of("c", "3")}, got.Final.Drift); d != "" {
		t.Errorf("drift (-want +got):\n%s", d)
	}
}

// Whoever asks for a fetch every second does not keep connections from being looked at that wait for a state.
func TestLoopWakesWhileItIsAskedToFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := startLoop(t, twoPeerings, func(c *reconcile.LoopConfig) {
			c.Interval, c.Target.(*reconciletest.Target).States = time.Hour, 5
		})
		defer l.stop()
		for range 120 {
			time.Sleep(time.Second)
			l.fetch <- struct{}{}
		}
		synctest.Wait()
		if !slices.Contains(l.modes(), reconcile.ModeWaiting) {
			t.Errorf("no pass over what waits for a state: %v", l.modes())
		}
	})
}

// A commit that changes how an account is reached, and no peering, is applied at once too.
func TestLoopAppliesChangedAccounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := startLoop(t, twoPeerings, func(c *reconcile.LoopConfig) { c.Interval = time.Hour })
		defer l.stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		changed := strings.Replace(twoPeerings, `id: "111111111111"`, `id: "111111111111", quotas: {routesPerTable: 7}`, 1)
		if changed == twoPeerings {
			t.Fatal("nothing is changed")
		}
		for hash, want := range map[string]reconcile.Mode{"moved": "", "changed": reconcile.ModeFull} {
			text := "\n" + twoPeerings // the same on other lines
			if hash == "changed" {
				text = changed
			}
			l.push(hash, text)
			l.fetch <- struct{}{}
			time.Sleep(time.Second)
			synctest.Wait()
			if got := l.last(); got.Mode != want || got.Commit.Hash != hash {
				t.Errorf("%s: turn %+v", hash, got)
			}
			l.push("first", twoPeerings)
			l.fetch <- struct{}{}
			time.Sleep(time.Second)
			synctest.Wait()
		}
	})
}

// unhurried is a source with a limit of its own, as long as a fetch from a repository may take.
type unhurried struct{}

var errSlow = errors.New("it took longer than a minute")

func (unhurried) Fetch(ctx context.Context, _ string) (reconcile.Commit, error) {
	time.Sleep(time.Millisecond) // its minute begins a little later than the fetch
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errSlow)
	defer cancel()
	<-ctx.Done()
	return reconcile.Commit{}, context.Cause(ctx)
}

// A source that gives up by itself says why.
func TestLoopLeavesSourcesTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := startLoop(t, twoPeerings, func(c *reconcile.LoopConfig) { c.Source = unhurried{} })
		defer l.stop()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if got := l.last().FetchErr; !errors.Is(got, errSlow) {
			t.Errorf("%v, want %v", got, errSlow)
		}
	})
}
