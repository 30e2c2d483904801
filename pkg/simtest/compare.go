package simtest

import (
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
)

var (
	connID = regexp.MustCompile(`pcx-[0-9a-f]{17}`)
	ruleID = regexp.MustCompile(`sgr-[0-9a-f]{17}`)
	asked  = regexp.MustCompile(`"peerd:try":"(\d+) [^"]*"`)
)

// NoConn takes connection ids out of a line.
func NoConn(line string) string { return connID.ReplaceAllString(line, "pcx") }

// NoTime takes the times of requests out of a line.
func NoTime(line string) string { return asked.ReplaceAllString(line, `"peerd:try":"$1"`) }

// Anonymous takes the ids that AWS makes, and the times of requests, out of dumped lines.
func Anonymous(dumped []string) []string {
	out := make([]string, len(dumped))
	for i, l := range dumped {
		out[i] = NoTime(ruleID.ReplaceAllString(NoConn(l), "sgr"))
	}
	return out
}

// WantActions compares the actions of calls to EC2, in any order.
func WantActions(t *testing.T, want []string, calls []ec2sim.Call) {
	t.Helper()
	var got []string
	for _, c := range calls {
		if c.Service == "ec2" {
			got = append(got, c.Action)
		}
	}
	slices.Sort(got)
	if d := cmp.Diff(slices.Sorted(slices.Values(want)), got); d != "" {
		t.Errorf("mutating calls (-want +got):\n%s", d)
	}
}

// WantSame compares two sets of lines.
func WantSame(t *testing.T, oneName string, one []string, otherName string, other []string) {
	t.Helper()
	if d := cmp.Diff(slices.Sorted(slices.Values(one)), slices.Sorted(slices.Values(other))); d != "" {
		t.Errorf("%s (-) and %s (+) differ:\n%s", oneName, otherName, d)
	}
}
