package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/simtest"
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

// F62: the process itself, and a pause file that somebody makes while a call is in flight: that call is the last that changes something.
func TestF62PauseFileInTheMiddle(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pause")
	sim, endpoint := server(t)
	var writes atomic.Int64
	sim.After(func(c ec2sim.Call) {
		if c.Mutating && writes.Add(1) == 1 {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	spec := filepath.Join("testdata", "scenarios", "cross-account", "spec.yaml")
	cmd, out := process(t.Context(), t, endpoint, "--once", "--spec", spec, "--pause-file", file, "-o", "json")
	err := cmd.Run()
	_, left, _ := strings.Cut(out.String(), `"left": {`)
	drift := strings.Count(left, `"what": "route `) // what else is missing depends on what the accepter sees by then
	if code := cmd.ProcessState.ExitCode(); code != 2 || writes.Load() > 1 || !strings.Contains(out.String(), "paused: nothing is changed") || drift != 3 {
		t.Errorf("exit %d (%v), %d writes, want none after the pause\n%s", code, err, writes.Load(), out)
	}
	failures.Shown(t, 62, writes.Load() >= 1, "the pause file was made when one write had taken effect")
}

// F62: the daemon, and a pause file that is made while it runs: drift is still measured, nothing is mended, and all of it is once the file is gone.
func TestF62PauseFileOfTheDaemon(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	dir := t.TempDir()
	spec, file := filepath.Join(dir, "spec.yaml"), filepath.Join(dir, "pause")
	must(t, os.WriteFile(spec, []byte(scenarioText(t, "same-account")), 0o600))
	r := startDaemon(t, "--spec", spec, "--interval", "1s", "--aws-share", "1", "--pause-file", file)
	r.until("the first passes", 30*time.Second, r.said(`verdict="in sync"`))
	made := r.routes()

	must(t, os.WriteFile(file, nil, 0o600))
	r.deleteRoute()
	calls := len(r.sim.Calls())
	drifts := func() int { return strings.Count(r.log.String(), " add=1 ") }
	before := drifts()
	r.until("two passes that see what is missing", 15*time.Second, func() bool { return drifts() >= before+2 })
	simtest.WantActions(t, nil, simtest.Mutating(r.sim.Calls()[calls:]))
	failures.Shown(t, 62, made > 0 && r.routes() == made-1, "the pause file was there while a route was missing")

	must(t, os.Remove(file))
	r.until("the route is made again", 10*time.Second, func() bool { return r.routes() == made })
}
