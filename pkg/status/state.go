package status

import (
	"bytes"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
)

// Config is what a State is made of.
type Config struct {
	Registry *prometheus.Registry // where the metrics are registered; nil: one of its own
	Build    Build
	Interval time.Duration // between full passes; zero: there is a single one
	Git      bool          // specs come from a git repository: its metrics are shown
	Webhook  bool          // there is a webhook: its metrics are shown
}

// Build is what this program was built from.
type Build struct{ Version, Revision, Go string }

// Snapshot is what the collector shows: values of one moment, none of which changes any more. What is zero is unknown.
type Snapshot struct {
	Report       *reconcile.Report // the latest that says how peerings stand, with all of them in it
	LastRun      time.Time
	LastSuccess  time.Time // of a pass that had a spec and could read some account and region
	DriftSince   map[netstate.Link]time.Time
	ScopeSuccess map[netstate.Scope]time.Time // when all that was asked of it could last be read

	Build    Build
	Interval time.Duration
	Leader   netstate.Tri

	Fetched   netstate.Tri // whether the latest fetch worked
	LastFetch time.Time    // that worked
	Loads     netstate.Tri // whether the latest commit that was fetched loads
	Revision  string       // of the commit in force, where specs come from git
	Committed time.Time
}

// State is how peerd stands: it is told of what happens, and shows it. It may be used by many goroutines at once; nobody who tells it
// something ever waits for somebody who looks.
type State struct {
	cfg     Config
	counts  *counters
	metrics *exposition

	mu      sync.Mutex // guards what follows
	now     Snapshot
	heard   time.Time       // when the loop was heard of last; ahead of now while it waits
	left    map[differs]int // drift that the latest pass left
	written func() []byte   // the latest report as JSON, made when first asked for
}

// differs is a kind of difference of one peering.
type differs struct {
	link     netstate.Link
	resource plan.Resource
	kind     plan.DriftKind
}

// New returns a state that knows nothing yet, with its metrics registered.
func New(cfg Config) *State {
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	s := &State{cfg: cfg, counts: newCounters(cfg.Registry), heard: time.Now(), left: map[differs]int{},
		now: Snapshot{Build: cfg.Build, Interval: cfg.Interval, DriftSince: map[netstate.Link]time.Time{}, ScopeSuccess: map[netstate.Scope]time.Time{}}}
	s.counts.begin(cfg.Git, cfg.Webhook)
	s.metrics = &exposition{gather: cfg.Registry, made: map[string]page{}}
	cfg.Registry.MustRegister(NewCollector(s.Snapshot))
	return s
}

// Snapshot returns what is known now.
func (s *State) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Ready says why there is nothing to be shown yet, and nil once there is.
func (s *State) Ready() error {
	if s.Snapshot().Report == nil {
		return errors.New("no pass has been made yet")
	}
	return nil
}

// OnTurn takes in what happened between two waits of the loop: LoopConfig.OnTurn. Of a single pass it is Turn{Mode: ModeFull, Report: …}.
func (s *State) OnTurn(t reconcile.Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Fetched {
		s.fetched(t)
	}
	if t.Report != nil {
		s.passed(t)
	}
	s.heard = time.Now()
	if t.Next.After(s.heard) {
		s.heard = t.Next
	}
	s.metrics.outdated()
}

func (s *State) fetched(t reconcile.Turn) {
	s.counts.fetched(t, s.cfg.Git)
	s.now.Fetched = netstate.TriOf(t.FetchErr == nil)
	if t.FetchErr == nil {
		s.now.Loads = netstate.TriOf(t.SpecErr == nil)
	}
	if !s.cfg.Git {
		return
	}
	s.now.Revision, s.now.Committed = t.Commit.Hash, t.Commit.Time
	if t.FetchErr == nil {
		s.now.LastFetch = time.Now()
	}
}

func (s *State) passed(t reconcile.Turn) {
	r := t.Report
	s.counts.passed(t, s.found(r))
	s.now.LastRun = r.Finished
	if r.Err == nil {
		s.now.LastSuccess = r.Finished
	}
	if r.Final == nil {
		return // nothing is known that was not known before
	}
	s.now.Report = r
	s.now.ScopeSuccess = readSince(s.now.ScopeSuccess, r)
	s.now.DriftSince = driftSince(s.now.DriftSince, r)
	s.left = leftBy(s.left, r)
	s.written = sync.OnceValue(func() []byte { return asJSON(r) })
}

// found is what the pass found to differ before it did anything, beyond what the pass before had left. What passes by itself is no
// difference that anybody made.
func (s *State) found(r *reconcile.Report) map[differs]int {
	out := map[differs]int{}
	if r.First == nil {
		return out
	}
	moving := map[netstate.Link]bool{}
	for _, l := range r.First.Links {
		moving[l.Name] = l.Passing() || l.Waiting != ""
	}
	for _, d := range r.First.Drift {
		if d.Resource != plan.ResourceConnection || d.Kind != plan.DriftChanged || !moving[d.Link] {
			out[differs{d.Link, d.Resource, d.Kind}]++
		}
	}
	for k, n := range out {
		out[k] = max(0, n-s.left[k])
	}
	return out
}

// leftBy counts what a report leaves. Of a peering that was not compared whole it is no less than what was left before.
func leftBy(before map[differs]int, r *reconcile.Report) map[differs]int {
	out, of := map[differs]int{}, knowledge(r)
	for _, d := range r.Final.Drift {
		out[differs{d.Link, d.Resource, d.Kind}]++
	}
	for k, n := range before {
		if i, there := of[k.link]; there && !i.whole {
			out[k] = max(out[k], n)
		}
	}
	return out
}

// driftSince is since when each peering has differed from the spec, also while it cannot be compared.
func driftSince(before map[netstate.Link]time.Time, r *reconcile.Report) map[netstate.Link]time.Time {
	out := map[netstate.Link]time.Time{}
	for _, d := range r.Final.Drift {
		out[d.Link] = r.Finished
	}
	of := knowledge(r)
	for l, t := range before {
		_, still := out[l]
		if i, there := of[l]; still || there && !i.whole {
			out[l] = t
		}
	}
	return out
}

// readSince is when each account and region that a report looked at could last be read.
func readSince(before map[netstate.Scope]time.Time, r *reconcile.Report) map[netstate.Scope]time.Time {
	out := maps.Clone(before)
	looked := map[netstate.Scope]bool{}
	for _, s := range r.Scopes {
		looked[s.Scope] = true
		if s.Err == nil {
			out[s.Scope] = s.At
		}
	}
	maps.DeleteFunc(out, func(s netstate.Scope, _ time.Time) bool { return !looked[s] })
	return out
}

func asJSON(r *reconcile.Report) []byte {
	var b bytes.Buffer
	if err := render.ReportJSON(&b, r); err != nil {
		return []byte(`{"error":"the report cannot be written"}`) // a buffer takes everything, and a report has nothing that JSON has not
	}
	return b.Bytes()
}

// OnDone counts an action that was done or failed: LoopConfig.OnDone.
func (s *State) OnDone(o reconcile.Result) { s.counts.done(o) }

// OnLead says whether this process is the one that writes, where processes elect one.
func (s *State) OnLead(leads bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Leader = netstate.TriOf(leads)
	s.metrics.outdated()
}

// Call is one HTTP attempt of a call to AWS.
type Call struct {
	Operation string // the API's name: DescribeVpcs
	Outcome   string // success, throttled, denied, not_found or error
	Duration  time.Duration
}

// OnCall counts a call to AWS.
func (s *State) OnCall(c Call) {
	s.counts.called(c)
	s.OnWake()
}

// OnWebhook counts a webhook request: WebhookConfig.OnRequest.
func (s *State) OnWebhook(provider, result string) {
	s.counts.webhooks.WithLabelValues(provider, result).Inc()
}
