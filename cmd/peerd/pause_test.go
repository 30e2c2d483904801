package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// F62: while the pause file exists the plan is shown and nothing is done; without it the pass goes on as ever.
func TestPauseFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pause")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--once", "--sandbox", "--spec", example, "--pause-file", file}
	code, stdout, stderr := peerd(t, nil, args...)
	if code != 2 || !strings.Contains(stdout, "paused: nothing is changed") || !strings.Contains(stdout, "Plan: 28 to add") || stderr != "" {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if code, stdout, _ := peerd(t, nil, args...); code != 0 {
		t.Errorf("exit %d\n%s", code, stdout)
	}
}
