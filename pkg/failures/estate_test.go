package failures_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/simtest"
)

// settled is a rig whose spec was applied.
func settled(t *testing.T, cfg ec2sim.Config, text string) *simtest.Rig {
	t.Helper()
	r := simtest.New(t, cfg, text)
	applied(t, r)
	return r
}

// facts are the lines of the simulator's world that hold all these words.
func facts(r *simtest.Rig, words ...string) []string {
	return linesWith(r.Sim.Dump(), words...)
}

func holding(lines []string, words ...string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(l, w) })
	})
}

// lost are the facts of an earlier dump that are no more; gained are those that were not.
func lost(r *simtest.Rig, before string) []string {
	return simtest.Without(simtest.Lines(before), simtest.Lines(r.Sim.Dump()))
}

func gained(r *simtest.Rig, before string) []string {
	return simtest.Without(simtest.Lines(r.Sim.Dump()), simtest.Lines(before))
}

// of are the calls of some actions, in order.
func of(calls []ec2sim.Call, actions ...string) []ec2sim.Call {
	return slices.DeleteFunc(slices.Clone(calls), func(c ec2sim.Call) bool { return !slices.Contains(actions, c.Action) })
}

// wantNone fails the test if there are any of these lines.
func wantNone(t *testing.T, what string, lines []string) {
	t.Helper()
	if len(lines) > 0 {
		t.Errorf("%s:\n%s", what, strings.Join(lines, "\n"))
	}
}

// wantOne returns the only one of these lines.
func wantOne(t *testing.T, what string, lines []string) string {
	t.Helper()
	if len(lines) != 1 {
		t.Fatalf("%s: %d lines, want one:\n%s", what, len(lines), strings.Join(lines, "\n"))
	}
	return lines[0]
}

// id returns the id in the n-th word of a fact.
func id(line string, n int) string { return strings.Fields(line)[n] }

// wantOrder compares the actions of calls to EC2 in their order.
func wantOrder(t *testing.T, calls []ec2sim.Call, want ...string) {
	t.Helper()
	var got []string
	for _, c := range calls {
		if c.Service == "ec2" {
			got = append(got, c.Action)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("mutating calls in order (-want +got):\n%s", d)
	}
}
