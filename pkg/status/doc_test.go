package status_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/peerd/peerd/pkg/status"
)

// fqName is in the text of a Desc, which offers nothing else.
var fqName = regexp.MustCompile(`fqName: "([^"]+)"`)

// docs/metrics.md has a row for each metric, with its type, its labels and its help.
func TestDocumentOfMetrics(t *testing.T) {
	t.Parallel()
	families, err := told(t).reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want, seen := []string{}, map[string]bool{}
	for _, f := range families {
		labels := []string{}
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		if len(labels) == 0 {
			labels = []string{"–"}
		}
		seen[f.GetName()] = true
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s |", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp()))
	}
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(l, "| `peerd_") {
			got = append(got, l)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("docs/metrics.md (-want +got):\n%s", d)
	}
	described := make(chan *prometheus.Desc, 1000)
	status.NewCollector(func() status.Snapshot { return status.Snapshot{} }).Describe(described)
	close(described)
	for d := range described {
		if name := fqName.FindStringSubmatch(d.String())[1]; !seen[name] {
			t.Errorf("%s is described, and nothing is told that makes it", name)
		}
	}
}

// The metrics are those that were agreed on, no more and no fewer.
func TestMetricsAreThoseOfTheDesign(t *testing.T) {
	t.Parallel()
	want := strings.Fields(`build_info reconcile_runs_total reconcile_duration_seconds reconcile_last_run_timestamp_seconds reconcile_last_success_timestamp_seconds
		reconcile_interval_seconds peerings peering_known peering_in_sync peering_status peering_ready peering_suspended peering_drift_since_timestamp_seconds
		peering_pending_expiry_timestamp_seconds peering_info drift_resources drift_detected_total unmanaged_resources changes_total plan_changes apply_blocked
		scope_up scope_last_success_timestamp_seconds aws_requests_total aws_request_duration_seconds quota_usage quota_limit git_fetches_total
		git_last_success_timestamp_seconds git_commit_timestamp_seconds git_revision_info spec_last_load_successful webhook_requests_total leader`)
	families, err := told(t).reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		got = append(got, strings.TrimPrefix(f.GetName(), "peerd_"))
	}
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
