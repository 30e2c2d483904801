// Package tooltest finds the programs that tests use (git, promtool, helm) and keeps what they print. A test without its program is skipped, except in CI, which installs
// all of them.
package tooltest

import (
	"os"
	"os/exec"
	"testing"
)

// Need finds a program and returns its path. Without it the test is skipped, except in CI, where it fails.
func Need(t *testing.T, program string) string {
	t.Helper()
	for _, p := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	Missing(t, program+" is not installed")
	return ""
}

// Missing skips a test that lacks something, except in CI, where it fails.
func Missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}
