package status_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/status"
	"github.com/peerd/peerd/pkg/tooltest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// state is a state with its registry.
type state struct {
	*status.State
	reg *prometheus.Registry
}

func newState(change ...func(*status.Config)) state {
	cfg := status.Config{Registry: prometheus.NewRegistry(), Build: status.Build{Version: "v1.2.3", Revision: "abc", Go: "go1.26"}, Interval: time.Minute, Git: true, Webhook: true}
	for _, c := range change {
		c(&cfg)
	}
	return state{status.New(cfg), cfg.Registry}
}

// text is everything that the state exposes.
func (s state) text(t *testing.T) string {
	t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// series are the lines of the exposition whose metric has one of the names, without the prefix.
func (s state) series(t *testing.T, names ...string) []string {
	t.Helper()
	var out []string
	for _, l := range strings.Split(s.text(t), "\n") {
		name, _, _ := strings.Cut(strings.TrimPrefix(l, "peerd_"), " ")
		name, _, _ = strings.Cut(name, "{")
		if slices.Contains(names, name) {
			out = append(out, strings.TrimPrefix(l, "peerd_"))
		}
	}
	return out
}

func (s state) want(t *testing.T, names string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, s.series(t, strings.Fields(names)...)); d != "" {
		t.Errorf("%s (-want +got):\n%s", names, d)
	}
}

// told is a state that was told of everything that can happen.
func told(t *testing.T) (s state) {
	t.Helper()
	synctest.Test(t, func(*testing.T) { // the clock begins in the year 2000
		s = newState()
		s.OnTurn(turn(rich()))
		s.OnTurn(reconcile.Turn{Fetched: true, Took: 5 * time.Second, FetchErr: errFetch, Commit: turn(nil).Commit})
		s.OnLead(true)
		s.OnCall(status.Call{Operation: "DescribeVpcs", Outcome: "success", Duration: 80 * time.Millisecond})
		s.OnCall(status.Call{Operation: "DescribeVpcs", Outcome: "throttled", Duration: 20 * time.Millisecond})
		s.OnCall(status.Call{Operation: "CreateRoute", Outcome: "denied", Duration: 3 * time.Second})
		s.OnWebhook("github", status.WebhookAccepted)
		s.OnWebhook("unknown", status.WebhookUnauthorized)
		s.OnDone(reconcile.Result{Action: route("10.20.0.0/16")})
		s.OnDone(reconcile.Result{Action: plan.CloseConnection{}, Err: &netstate.Error{}})
	})
	return s
}

func TestExposition(t *testing.T) {
	t.Parallel()
	got := told(t).text(t)
	path := filepath.Join("testdata", "metrics.golden")
	if *update {
		write(t, path, got)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMetricsAreWellMade(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(told(t).reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// Prometheus' own linter has nothing to say.
func TestPromtoolFindsNothing(t *testing.T) {
	t.Parallel()
	promtool := tooltest.Need(t, "promtool")
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(told(t).text(t))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// No label holds an AWS id, a CIDR, the id of an account or words that somebody else chose.
func TestLabelsHoldNoIDs(t *testing.T) {
	t.Parallel()
	id := regexp.MustCompile(`\b[a-z]{2,9}-[0-9a-f]{8,17}\b|\b\d{12}\b|\b\d+\.\d+\.\d+\.\d+\b|somebody|INC-42|refused|UnauthorizedOperation`)
	for _, l := range strings.Split(told(t).text(t), "\n") {
		if strings.HasPrefix(l, "#") {
			continue
		}
		if bad := id.FindString(strings.Split(l, "} ")[0]); bad != "" {
			t.Errorf("%q in %s", bad, l)
		}
	}
}

func TestNothingIsKnownBeforeTheFirstPass(t *testing.T) {
	t.Parallel()
	s := newState(func(c *status.Config) { c.Interval, c.Git, c.Webhook = 0, false, false })
	var got []string
	for _, l := range strings.Split(s.text(t), "\n") {
		if name, ok := strings.CutPrefix(l, "# TYPE peerd_"); ok {
			got = append(got, name)
		}
	}
	want := []string{"build_info gauge", "changes_total counter", "drift_detected_total counter", "reconcile_runs_total counter"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("metrics (-want +got):\n%s", d)
	}
}

// What is unknown of a peering is absent: neither good nor bad.
func TestUnknownIsAbsent(t *testing.T) {
	t.Parallel()
	s := told(t)
	var got []string
	for _, l := range strings.Split(s.text(t), "\n") {
		for _, name := range []string{"broken", "half", "rejected", "foreign"} {
			if strings.Contains(l, `peering="`+name+`"`) && !strings.Contains(l, "peering_info") {
				got = append(got, strings.TrimPrefix(l, "peerd_"))
			}
		}
	}
	want := []string{ // broken is all that is unknown; of the others it is known that they are not as they should be, and nothing more was compared
		`drift_resources{kind="conflict",peering="foreign",resource="connection"} 1`,
		`drift_resources{kind="missing",peering="half",resource="rule"} 1`,
		`drift_resources{kind="missing",peering="rejected",resource="connection"} 1`,
		`peering_drift_since_timestamp_seconds{peering="foreign"} 1.795608009e+09`,
		`peering_drift_since_timestamp_seconds{peering="half"} 1.795608009e+09`,
		`peering_drift_since_timestamp_seconds{peering="rejected"} 1.795608009e+09`,
		`peering_in_sync{peering="foreign"} 0`,
		`peering_in_sync{peering="half"} 0`,
		`peering_in_sync{peering="rejected"} 0`,
		`peering_known{peering="broken"} 0`,
		`peering_known{peering="foreign"} 1`,
		`peering_known{peering="half"} 1`,
		`peering_known{peering="rejected"} 1`,
		`peering_ready{peering="foreign"} 0`,
		`peering_ready{peering="half"} 0`,
		`peering_ready{peering="rejected"} 0`,
		`peering_status{peering="half",status="active"} 1`,
		`peering_status{peering="rejected",status="none"} 1`,
		`peering_suspended{peering="foreign"} 0`,
		`peering_suspended{peering="half"} 0`,
		`peering_suspended{peering="rejected"} 0`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A peering that goes takes its series with it, and so does an account; counters stay.
func TestSeriesVanish(t *testing.T) {
	t.Parallel()
	s := newState()
	s.OnTurn(turn(rich()))
	if len(s.series(t, "peering_info")) != 9 {
		t.Errorf("%v", s.series(t, "peering_info"))
	}
	r := rich()
	gone := func(l netstate.Link) bool { return l != "hub-data" }
	r.Final.Links = slices.DeleteFunc(r.Final.Links, func(s plan.LinkState) bool { return gone(s.Name) })
	r.Final.Drift = slices.DeleteFunc(r.Final.Drift, func(d plan.Drift) bool { return gone(d.Link) })
	r.Final.Problems, r.Final.Unmanaged, r.Final.Quotas, r.Scopes = nil, nil, nil, r.Scopes[:1]
	r.Finished = noon.Add(time.Minute)
	s.OnTurn(turn(r))
	for _, l := range strings.Split(s.text(t), "\n") {
		if strings.Contains(l, "peering=") && !strings.Contains(l, `peering="hub-data"`) || strings.Contains(l, `{account="payments"`) || strings.Contains(l, "vpc=") {
			t.Errorf("still there: %s", l)
		}
	}
	s.want(t, "peerings peering_known peering_drift_since_timestamp_seconds scope_up scope_last_success_timestamp_seconds",
		`peering_drift_since_timestamp_seconds{peering="hub-data"} 1.795608009e+09`, `peering_known{peering="hub-data"} 1`, "peerings 1",
		`scope_last_success_timestamp_seconds{account="network",region="eu-west-1"} 1.795608e+09`, `scope_up{account="network",region="eu-west-1"} 1`)
	if runs := s.series(t, "reconcile_runs_total"); !slices.Contains(runs, `reconcile_runs_total{mode="full",result="blocked"} 2`) {
		t.Errorf("runs:\n%s", strings.Join(runs, "\n"))
	}
}

// one is a report of one peering.
func one(at time.Time, s plan.LinkState, first, final []plan.Drift, problems ...plan.Problem) *reconcile.Report {
	return &reconcile.Report{Started: at, Finished: at.Add(time.Second), Accounts: rich().Accounts, First: &plan.Plan{Links: []plan.LinkState{s}, Drift: first, Problems: problems},
		Final: &plan.Plan{Links: []plan.LinkState{s}, Drift: final, Problems: problems}}
}

// Drift is counted when it is found, not as often as it is looked at; and since when there has been some is remembered, also while nobody
// knows.
func TestDriftIsCountedOnce(t *testing.T) {
	t.Parallel()
	s := newState()
	missing := drift("a", plan.ResourceRoute, plan.DriftMissing, "route 10.1.0.0/16 -> (known after accept)")
	same := drift("a", plan.ResourceRoute, plan.DriftMissing, "route 10.1.0.0/16 -> pcx-1")
	other := drift("a", plan.ResourceRoute, plan.DriftMissing, "route 10.2.0.0/16 -> pcx-1")
	held := func(x *plan.LinkState) { x.Held, x.Unknown = true, true }
	refused := func(x *plan.LinkState) { x.Held = true }
	passing := func(x *plan.LinkState) { x.Status = netstate.Provisioning }
	for i, step := range []struct {
		state       func(*plan.LinkState)
		first, left []plan.Drift
		detected    int
		since       string // a minute since noon; empty: none is shown
	}{
		0:  {nil, nil, nil, 0, ""},
		1:  {nil, []plan.Drift{missing}, nil, 1, ""},                    // found and mended
		2:  {nil, []plan.Drift{missing}, []plan.Drift{missing}, 2, "2"}, // found again, and left
		3:  {nil, []plan.Drift{same}, []plan.Drift{same}, 2, "2"},
		4:  {nil, []plan.Drift{same, other}, []plan.Drift{same}, 3, "2"},
		5:  {held, nil, nil, 3, ""},     // nobody knows
		6:  {refused, nil, nil, 3, "2"}, // its VPCs overlap, say: nothing is compared
		7:  {nil, []plan.Drift{same}, nil, 3, ""},
		8:  {nil, []plan.Drift{same}, []plan.Drift{same}, 4, "8"},
		9:  {passing, []plan.Drift{drift("a", plan.ResourceConnection, plan.DriftChanged, "pcx-1 is provisioning")}, nil, 4, ""}, // on its way: nobody changed it
		10: {nil, []plan.Drift{drift("a", plan.ResourceConnection, plan.DriftChanged, "pcx-1 is on fire")}, nil, 5, ""},
	} {
		s.OnTurn(turn(one(noon.Add(time.Duration(i)*time.Minute), link("a", step.state), step.first, step.left)))
		got := 0.0
		for _, l := range s.series(t, "drift_detected_total") {
			var n float64
			_, _ = fmt.Sscan(l[strings.LastIndex(l, " ")+1:], &n)
			got += n
		}
		if int(got) != step.detected {
			t.Errorf("step %d: %v were detected, want %d", i, got, step.detected)
		}
		var want []string
		if step.since != "" {
			var minute int
			_, _ = fmt.Sscan(step.since, &minute)
			want = []string{fmt.Sprintf(`peering_drift_since_timestamp_seconds{peering="a"} %.9e`, float64(noon.Add(time.Duration(minute)*time.Minute+time.Second).Unix()))}
		}
		if d := cmp.Diff(want, s.series(t, "peering_drift_since_timestamp_seconds")); d != "" {
			t.Errorf("step %d (-want +got):\n%s", i, d)
		}
	}
}

func TestHowPassesEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		report *reconcile.Report
		want   string
	}{
		"in sync":      {one(noon, link("a", nil), nil, nil), "success"},
		"on purpose":   {one(noon, link("a", func(s *plan.LinkState) { s.Waiting = "them" }), nil, []plan.Drift{drift("a", plan.ResourceRoute, plan.DriftMissing, "x")}), "success"},
		"left":         {one(noon, link("a", nil), nil, []plan.Drift{drift("a", plan.ResourceRoute, plan.DriftMissing, "x")}), "partial"},
		"held":         {one(noon, link("a", func(s *plan.LinkState) { s.Held = true }), nil, nil), "partial"},
		"unreadable":   {&reconcile.Report{Err: errFetch, Final: &plan.Plan{}}, "error"},
		"nothing read": {&reconcile.Report{Err: errFetch}, "error"},
		"paused":       {&reconcile.Report{Paused: true, First: &plan.Plan{}, Final: &plan.Plan{}}, "blocked"},
		"withheld":     {&reconcile.Report{First: &plan.Plan{Withheld: &plan.Withheld{}}, Final: &plan.Plan{}}, "blocked"},
	} {
		s := newState()
		s.OnTurn(reconcile.Turn{Mode: reconcile.ModeCommit, Report: tc.report})
		want := fmt.Sprintf(`reconcile_runs_total{mode="commit",result=%q} 1`, tc.want)
		if !slices.Contains(s.series(t, "reconcile_runs_total"), want) {
			t.Errorf("%s: no %s in\n%s", name, want, strings.Join(s.series(t, "reconcile_runs_total"), "\n"))
		}
		if ok := len(s.series(t, "reconcile_last_success_timestamp_seconds")) == 1; ok != (tc.want != "error" && !tc.report.Finished.IsZero()) {
			t.Errorf("%s: last success is shown: %v", name, ok)
		}
	}
}

// A pass of which nothing is known leaves what was known before.
func TestNothingReadKeepsTheReport(t *testing.T) {
	t.Parallel()
	s := newState()
	s.OnTurn(turn(rich()))
	before := s.series(t, "peering_in_sync", "drift_resources")
	s.OnTurn(reconcile.Turn{Mode: reconcile.ModeFull, Report: &reconcile.Report{Err: errFetch, Finished: noon.Add(time.Hour)}})
	if d := cmp.Diff(before, s.series(t, "peering_in_sync", "drift_resources")); d != "" {
		t.Errorf("(-before +after):\n%s", d)
	}
	s.want(t, "reconcile_last_run_timestamp_seconds reconcile_last_success_timestamp_seconds",
		"reconcile_last_run_timestamp_seconds 1.7956116e+09", "reconcile_last_success_timestamp_seconds 1.795608009e+09")
}

func TestGitAndSpec(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newState()
		shown := "git_fetches_total git_last_success_timestamp_seconds git_commit_timestamp_seconds git_revision_info spec_last_load_successful apply_blocked"
		s.OnTurn(reconcile.Turn{Fetched: true, FetchErr: errFetch})
		s.want(t, shown, `apply_blocked{reason="repository"} 1`, `git_fetches_total{result="error"} 1`, `git_fetches_total{result="success"} 0`)
		commit := reconcile.Commit{Hash: "8f14e45", Time: noon}
		s.OnTurn(reconcile.Turn{Fetched: true, Commit: commit})
		good := []string{`apply_blocked{reason="repository"} 0`, `apply_blocked{reason="spec"} 0`, "git_commit_timestamp_seconds 1.795608e+09", `git_fetches_total{result="error"} 1`,
			`git_fetches_total{result="success"} 1`, "git_last_success_timestamp_seconds 9.466848e+08", `git_revision_info{revision="8f14e45"} 1`, "spec_last_load_successful 1"}
		s.want(t, shown, good...)
		s.OnTurn(reconcile.Turn{Commit: commit}) // nothing was fetched
		s.want(t, shown, good...)
		time.Sleep(time.Hour)
		s.OnTurn(reconcile.Turn{Fetched: true, Commit: commit, SpecErr: errFetch})
		bad := []string{`apply_blocked{reason="repository"} 0`, `apply_blocked{reason="spec"} 1`, "git_commit_timestamp_seconds 1.795608e+09", `git_fetches_total{result="error"} 1`,
			`git_fetches_total{result="success"} 2`, "git_last_success_timestamp_seconds 9.466884e+08", `git_revision_info{revision="8f14e45"} 1`, "spec_last_load_successful 0"}
		s.want(t, shown, bad...)
		s.OnTurn(reconcile.Turn{Fetched: true, Commit: commit, FetchErr: errFetch}) // what cannot be had says nothing about the one before
		s.want(t, "spec_last_load_successful apply_blocked", `apply_blocked{reason="repository"} 1`, `apply_blocked{reason="spec"} 1`, "spec_last_load_successful 0")
		files := newState(func(c *status.Config) { c.Git = false })
		files.OnTurn(reconcile.Turn{Fetched: true, Commit: commit})
		files.want(t, shown, `apply_blocked{reason="repository"} 0`, `apply_blocked{reason="spec"} 0`, "spec_last_load_successful 1")
	})
}

func TestLeader(t *testing.T) {
	t.Parallel()
	s := newState()
	s.want(t, "leader apply_blocked")
	s.OnLead(false)
	s.want(t, "leader apply_blocked", `apply_blocked{reason="standby"} 1`, "leader 0")
	s.OnLead(true)
	s.want(t, "leader apply_blocked", `apply_blocked{reason="standby"} 0`, "leader 1")
}
