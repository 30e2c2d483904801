package status

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
)

// gauge is one metric of the collector.
type gauge struct{ *prometheus.Desc }

func newGauge(name, help string, labels ...string) gauge {
	return gauge{prometheus.NewDesc(prefix+name, help, labels, nil)}
}

// collector makes metrics from the latest snapshot, whenever it is asked to: what is gone from it, or unknown, has no series.
type collector struct {
	latest func() Snapshot

	build, lastRun, lastSuccess, interval                              gauge
	peerings, known, inSync, status, ready, suspended, drifting, waits gauge
	info, drift, unmanaged, planned, blocked                           gauge
	up, lastRead, used, limit                                          gauge
	lastFetch, committed, revision, loads, leader                      gauge
}

// NewCollector returns a collector of what the latest snapshot says.
func NewCollector(latest func() Snapshot) prometheus.Collector {
	return &collector{
		latest:      latest,
		build:       newGauge("build_info", "What this program was built from; always 1.", "version", "revision", "goversion"),
		lastRun:     newGauge("reconcile_last_run_timestamp_seconds", "When the latest pass ended."),
		lastSuccess: newGauge("reconcile_last_success_timestamp_seconds", "When the latest pass ended that had a spec and could read at least one account and region."),
		interval:    newGauge("reconcile_interval_seconds", "Time between full passes."),

		peerings:  newGauge("peerings", "Peerings of the spec."),
		known:     newGauge("peering_known", "Whether all that the peering needs could be read, and its VPCs found; if not, nothing of it is changed.", "peering"),
		inSync:    newGauge("peering_in_sync", "Whether AWS is as the spec says.", "peering"),
		status:    newGauge("peering_status", "State of the peering's connection as EC2 calls it, or none; always 1.", "peering", "status"),
		ready:     newGauge("peering_ready", "Whether the peering carries traffic as declared: active, with its DNS options, routes and rules on both sides, no route that yields to another's, and no rule whose traffic network ACLs stop.", "peering"),
		suspended: newGauge("peering_suspended", "Whether the peering is suspended, by its entry or by a tag.", "peering"),
		drifting:  newGauge("peering_drift_since_timestamp_seconds", "Since when the peering has differed from the spec, as far as this process knows.", "peering"),
		waits:     newGauge("peering_pending_expiry_timestamp_seconds", "When the request expires that waits for the other side to accept it.", "peering"),
		info:      newGauge("peering_info", "Where the peering's two sides are, by the names that the spec gives their accounts; always 1.", "peering", "requester_account", "requester_region", "accepter_account", "accepter_region"),
		drift:     newGauge("drift_resources", "Differences that the latest pass left.", "peering", "resource", "kind"),
		unmanaged: newGauge("unmanaged_resources", "What was seen beside the peerings and is left alone: others' connections, routes to connections, rules.", "account", "region", "resource"),
		planned:   newGauge("plan_changes", "Actions in the plan of the latest pass, before it did anything.", "action"),
		blocked:   newGauge("apply_blocked", "Whether something keeps changes back.", "reason"),

		up:       newGauge("scope_up", "Whether all that was asked of the account and region could be read.", "account", "region"),
		lastRead: newGauge("scope_last_success_timestamp_seconds", "When all that was asked of the account and region could last be read.", "account", "region"),
		used:     newGauge("quota_usage", "How much of a quota the VPC uses, in its fullest table or group where it is a quota of those.", "vpc", "quota"),
		limit:    newGauge("quota_limit", "The quota that the spec states for the VPC's account, or else EC2's default.", "vpc", "quota"),

		lastFetch: newGauge("git_last_success_timestamp_seconds", "When the repository was last fetched."),
		committed: newGauge("git_commit_timestamp_seconds", "When the commit in force was made."),
		revision:  newGauge("git_revision_info", "The commit in force; always 1.", "revision"),
		loads:     newGauge("spec_last_load_successful", "Whether the latest commit that was fetched is a valid spec; if not, the last good one stays in force."),
		leader:    newGauge("leader", "Whether this process is the one that writes, of those that elect one."),
	}
}

// Describe sends the descriptions of all metrics.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, g := range []gauge{c.build, c.lastRun, c.lastSuccess, c.interval, c.peerings, c.known, c.inSync, c.status, c.ready, c.suspended, c.drifting, c.waits, c.info,
		c.drift, c.unmanaged, c.planned, c.blocked, c.up, c.lastRead, c.used, c.limit, c.lastFetch, c.committed, c.revision, c.loads, c.leader} {
		to <- g.Desc
	}
}

// Collect sends the metrics of the latest snapshot.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s := c.latest()
	out := sender{to}
	out.send(c.build, 1, s.Build.Version, s.Build.Revision, s.Build.Go)
	out.time(c.lastRun, s.LastRun)
	out.time(c.lastSuccess, s.LastSuccess)
	out.time(c.lastFetch, s.LastFetch)
	out.time(c.committed, s.Committed)
	if s.Interval > 0 {
		out.send(c.interval, s.Interval.Seconds())
	}
	if s.Revision != "" {
		out.send(c.revision, 1, s.Revision)
	}
	out.tri(c.loads, s.Loads)
	out.tri(c.leader, s.Leader)
	c.blocks(out, s)
	if s.Report != nil {
		c.report(out, s)
	}
}

// The reasons for which changes are kept back.
const (
	blockedByGuard = "guard"      // removals are withheld: too many peerings would lose something
	blockedByPause = "paused"     // by the pause file
	blockedByRole  = "standby"    // another process writes
	blockedByFetch = "repository" // its newest commit cannot be had, or is not to be trusted
	blockedBySpec  = "spec"       // the newest commit is no valid spec
)

func (c *collector) blocks(out sender, s Snapshot) {
	out.tri(c.blocked, not(s.Fetched), blockedByFetch)
	out.tri(c.blocked, not(s.Loads), blockedBySpec)
	out.tri(c.blocked, not(s.Leader), blockedByRole)
	if s.Report != nil {
		out.bool(c.blocked, s.Report.Paused, blockedByPause)
		out.bool(c.blocked, s.Report.First != nil && s.Report.First.Withheld != nil, blockedByGuard)
	}
}

func not(t netstate.Tri) netstate.Tri {
	switch t {
	case netstate.Yes:
		return netstate.No
	case netstate.No:
		return netstate.Yes
	}
	return netstate.Unknown
}

func (c *collector) report(out sender, s Snapshot) {
	of := knowledge(s.Report)
	out.send(c.peerings, float64(len(of)))
	verdicts := map[netstate.Link]reconcile.LinkVerdict{}
	for _, v := range s.Report.Verdicts() {
		verdicts[v.Link] = v
	}
	for l, i := range of {
		c.peering(out, s, i, verdicts[l])
	}
	c.drifts(out, s.Report, of)
	if s.Report.First != nil {
		add, change, remove := s.Report.First.Count()
		for i, n := range []int{add, change, remove} {
			out.send(c.planned, float64(n), effects[i])
		}
	}
	c.places(out, s)
	for _, q := range s.Report.Final.Quotas {
		out.send(c.used, float64(q.Used), q.VPC, q.Quota)
		out.send(c.limit, float64(q.Limit), q.VPC, q.Quota)
	}
}

// peering sends what is known of one peering.
func (c *collector) peering(out sender, s Snapshot, i insight, v reconcile.LinkVerdict) {
	l, name := i.state, named(i.state.Name, true)
	out.bool(c.known, i.known(), name)
	account := func(e int) string { return s.Report.Accounts[l.Ends[e].VPC.Account] }
	out.send(c.info, 1, name, account(0), string(l.Ends[0].VPC.Region), account(1), string(l.Ends[1].VPC.Region))
	if !i.known() {
		return
	}
	out.bool(c.inSync, v.Verdict == reconcile.InSync, name)
	out.bool(c.ready, v.Ready, name)
	out.bool(c.suspended, l.Suspended != "", name)
	if !l.Held {
		out.send(c.status, 1, name, statusText(l))
	}
	out.time(c.drifting, s.DriftSince[l.Name], name)
	out.time(c.waits, l.Expires, name)
}

// statusText is the state of a peering's connection.
func statusText(l plan.LinkState) string {
	if l.Conn == "" {
		return "none"
	}
	return string(l.Status)
}

// drifts counts differences by peering, with zeros for what is in sync of peerings that were compared whole. What is left over of peerings
// that are not in the spec has no zeros, and what has no name is counted under none.
func (c *collector) drifts(out sender, r *reconcile.Report, of map[netstate.Link]insight) {
	type key struct {
		peering  string
		resource plan.Resource
		kind     plan.DriftKind
	}
	n := map[key]int{}
	for l, i := range of {
		for _, resource := range resources {
			for _, kind := range driftKinds {
				if i.whole {
					n[key{named(l, true), resource, kind}] = 0
				}
			}
		}
	}
	for _, d := range r.Final.Drift {
		_, inSpec := of[d.Link]
		n[key{named(d.Link, inSpec), d.Resource, d.Kind}]++
	}
	for k, count := range n {
		out.send(c.drift, float64(count), k.peering, string(k.resource), string(k.kind))
	}
}

// places sends what is known of accounts and regions; one that the spec does not name has no name to be shown under.
func (c *collector) places(out sender, s Snapshot) {
	read := map[netstate.Scope]bool{}
	for _, x := range s.Report.Scopes {
		name := s.Report.Accounts[x.Scope.Account]
		if name == "" {
			continue
		}
		read[x.Scope] = x.Err == nil
		out.bool(c.up, x.Err == nil, name, string(x.Scope.Region))
		out.time(c.lastRead, s.ScopeSuccess[x.Scope], name, string(x.Scope.Region))
	}
	for _, u := range s.Report.Final.Unmanaged {
		if read[u.Scope] {
			out.send(c.unmanaged, float64(u.Count), s.Report.Accounts[u.Scope.Account], string(u.Scope.Region), string(u.Resource))
		}
	}
}

// sender sends metrics.
type sender struct{ to chan<- prometheus.Metric }

func (s sender) send(g gauge, value float64, labels ...string) {
	for i := range labels {
		labels[i] = render.Plain(labels[i])
	}
	s.to <- prometheus.MustNewConstMetric(g.Desc, prometheus.GaugeValue, value, labels...)
}

// time sends a time, unless it is unknown.
func (s sender) time(g gauge, t time.Time, labels ...string) {
	if !t.IsZero() {
		s.send(g, float64(t.UnixMilli())/1000, labels...)
	}
}

func (s sender) bool(g gauge, b bool, labels ...string) { s.tri(g, netstate.TriOf(b), labels...) }

// tri sends 1 or 0, or nothing when it is unknown.
func (s sender) tri(g gauge, t netstate.Tri, labels ...string) {
	switch t {
	case netstate.Yes:
		s.send(g, 1, labels...)
	case netstate.No:
		s.send(g, 0, labels...)
	}
}
