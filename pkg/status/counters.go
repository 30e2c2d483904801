package status

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
)

// prefix is that of all metrics.
const prefix = "peerd_"

// counters are the metrics that add up over time; everything else is made from the latest report.
type counters struct {
	runs     *prometheus.CounterVec
	phases   *prometheus.HistogramVec
	drift    *prometheus.CounterVec
	changes  *prometheus.CounterVec
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	fetches  *prometheus.CounterVec
	webhooks *prometheus.CounterVec
}

func newCounters(reg prometheus.Registerer) *counters {
	with := promauto.With(reg)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return with.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	}
	histogram := func(name, help, label string, buckets ...float64) *prometheus.HistogramVec {
		return with.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}, []string{label})
	}
	return &counters{
		runs:     counter("reconcile_runs_total", "Passes, by what they covered and how they ended.", "mode", "result"),
		phases:   histogram("reconcile_duration_seconds", "Time taken by the phases of passes.", "phase", .01, .05, .1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
		drift:    counter("drift_detected_total", "Differences that a pass found before it did anything, and that the pass before had not left.", "resource", "kind"),
		changes:  counter("changes_total", "Actions in AWS, done or failed.", "resource", "action", "result"),
		requests: counter("aws_requests_total", "HTTP requests to AWS; each attempt counts.", "operation", "outcome"),
		latency:  histogram("aws_request_duration_seconds", "Time until AWS had answered a request, or it was given up.", "operation", .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30),
		fetches:  counter("git_fetches_total", "Fetches from the repository.", "result"),
		webhooks: counter("webhook_requests_total", "Requests to the webhook.", "provider", "result"),
	}
}

// The values of labels that are known beforehand.
var (
	resources  = []plan.Resource{plan.ResourceConnection, plan.ResourceOptions, plan.ResourceTags, plan.ResourceRoute, plan.ResourceRule}
	driftKinds = []plan.DriftKind{plan.DriftMissing, plan.DriftExtra, plan.DriftChanged, plan.DriftConflict}
	modes      = []reconcile.Mode{reconcile.ModeFull, reconcile.ModeCommit, reconcile.ModeWaiting}
	results    = []string{runSuccess, runPartial, runError, runBlocked}
	effects    = []string{"add", "change", "delete"}
)

// The results of a pass.
const (
	runSuccess = "success" // everything is as the spec says, or differs on purpose
	runPartial = "partial" // some peerings need attention
	runError   = "error"   // there was no pass to speak of
	runBlocked = "blocked" // paused, or removals were withheld
)

// begin starts counters at zero, so that a first event is an increase too.
func (c *counters) begin(git, webhook bool) {
	for _, r := range results {
		for _, m := range modes {
			c.runs.WithLabelValues(string(m), r)
		}
	}
	for _, r := range resources {
		for _, k := range driftKinds {
			c.drift.WithLabelValues(string(r), string(k))
		}
		for _, e := range effects {
			c.changes.WithLabelValues(string(r), e, succeeded)
			c.changes.WithLabelValues(string(r), e, failed)
		}
	}
	if git {
		c.fetches.WithLabelValues(succeeded)
		c.fetches.WithLabelValues(failed)
	}
	for _, p := range providers {
		if webhook {
			c.webhooks.WithLabelValues(p.name, WebhookAccepted)
			c.webhooks.WithLabelValues(p.name, WebhookUnauthorized)
		}
	}
}

const (
	succeeded = "success"
	failed    = "error"
)

func resultOf(err bool) string {
	if err {
		return failed
	}
	return succeeded
}

func (c *counters) fetched(t reconcile.Turn, git bool) {
	c.phases.WithLabelValues("fetch").Observe(t.Took.Seconds())
	if git {
		c.fetches.WithLabelValues(resultOf(t.FetchErr != nil)).Inc()
	}
}

func (c *counters) passed(t reconcile.Turn, found map[differs]int) {
	c.runs.WithLabelValues(string(t.Mode), endOf(t.Report)).Inc()
	took := t.Report.Took
	c.phases.WithLabelValues("read").Observe(took.Read.Seconds())
	if t.Report.First != nil {
		c.phases.WithLabelValues("diff").Observe(took.Diff.Seconds())
	}
	if took.Apply > 0 {
		c.phases.WithLabelValues("apply").Observe(took.Apply.Seconds())
	}
	for d, n := range found {
		c.drift.WithLabelValues(string(d.resource), string(d.kind)).Add(float64(n))
	}
}

// endOf says in one word how a pass ended.
func endOf(r *reconcile.Report) string {
	switch {
	case r.Err != nil:
		return runError
	case r.Paused || r.First != nil && r.First.Withheld != nil:
		return runBlocked
	case r.Exit() == reconcile.ExitAttention:
		return runPartial
	}
	return runSuccess
}

func (c *counters) done(o reconcile.Result) {
	c.changes.WithLabelValues(string(resourceOf(o.Action)), effectOf(o.Action), resultOf(o.Err != nil)).Inc()
}

// effectOf says what an action does, as its line's sign does.
func effectOf(a plan.Action) string {
	switch a.String()[0] {
	case '+':
		return effects[0]
	case '~':
		return effects[1]
	}
	return effects[2]
}

// resourceOf is the kind of thing that an action is about.
func resourceOf(a plan.Action) plan.Resource {
	switch a.(type) {
	case plan.OpenConnection, plan.AcceptConnection, plan.CloseConnection:
		return plan.ResourceConnection
	case plan.SetOptions:
		return plan.ResourceOptions
	case plan.TagConnection, plan.TagRule:
		return plan.ResourceTags
	case plan.AllowRule, plan.ChangeRule, plan.DescribeRule, plan.RevokeRule:
		return plan.ResourceRule
	}
	return plan.ResourceRoute
}

func (c *counters) called(x Call) {
	c.requests.WithLabelValues(x.Operation, x.Outcome).Inc()
	c.latency.WithLabelValues(x.Operation).Observe(x.Duration.Seconds())
}
