package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/tooltest"
)

func TestCompareShellcheck(t *testing.T) {
	t.Parallel()
	if out, err := exec.CommandContext(t.Context(), tooltest.Need(t, "shellcheck"), "compare.sh").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A commit compared with itself: the table is there, and the two copies of it are gone.
func TestCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("the processes it starts are not what is tested with -short")
	}
	git := tooltest.Need(t, "git")
	if err := exec.CommandContext(t.Context(), git, "rev-parse", "HEAD").Run(); err != nil {
		tooltest.Missing(t, "this is no clone of a repository")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "./compare.sh", "HEAD")
	cmd.Env = append(cmd.Environ(), "BENCH=^BenchmarkLoad$/hub", "COUNT=1", "PACKAGES=./pkg/spec", "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Load/hub_of_120") || !strings.Contains(string(out), "sec/op") || !strings.Contains(string(out), "allocs/op") {
		t.Fatalf("%v\n%s", err, out)
	}
	left, err := exec.CommandContext(t.Context(), git, "worktree", "list").Output()
	if err != nil || strings.Contains(string(left), dir) {
		t.Errorf("left behind (%v):\n%s", err, left)
	}
}
