package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/tooltest"
)

// running is peerd as a daemon.
type running struct {
	t   *testing.T
	cmd *exec.Cmd
	sim *ec2sim.Sim
	log *tooltest.Buffer

	endpoint string // of the simulator
}

// startDaemon starts the built peerd on a simulated AWS; it is ended with the test if it has not ended before.
func startDaemon(t *testing.T, args ...string) *running {
	t.Helper()
	sim, endpoint := server(t)
	return startDaemonAt(t, sim, endpoint, args...)
}

// startDaemonAt starts it on an AWS that is there already.
func startDaemonAt(t *testing.T, sim *ec2sim.Sim, endpoint string, args ...string) *running {
	t.Helper()
	r := prepareDaemonAt(t, sim, endpoint, args...)
	r.start()
	return r
}

// prepareDaemonAt does everything but start it.
func prepareDaemonAt(t *testing.T, sim *ec2sim.Sim, endpoint string, args ...string) *running {
	t.Helper()
	cmd, _ := process(t.Context(), t, endpoint, append([]string{"--listen", "127.0.0.1:0", "--probe-listen", "127.0.0.1:0"}, args...)...)
	r := &running{t, cmd, sim, &tooltest.Buffer{}, endpoint}
	cmd.Stdout, cmd.Stderr = r.log, r.log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	return r
}

func (r *running) start() {
	r.t.Helper()
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = r.cmd.Process.Kill() }) // one that a failed test leaves stopped would keep the simulator's connections
}

// until waits for a condition, and fails the test with the log if it does not come.
func (r *running) until(what string, within time.Duration, holds func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(within); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: not within %s\n%s", what, within, r.log)
		}
	}
}

func (r *running) said(words string) func() bool {
	return func() bool { return strings.Contains(r.log.String(), words) }
}

// stop ends the daemon as systemd and Kubernetes do, and returns how long that took.
func (r *running) stop() time.Duration {
	r.t.Helper()
	begun := time.Now()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("the daemon ended with %v\n%s", err, r.log)
	}
	return time.Since(begun)
}

// The daemon makes what a file says, mends what somebody breaks, follows the file, keeps the last good one when it is broken, makes a pass at
// once on SIGHUP, and ends in order.
func TestDaemonFollowsAFile(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	text := scenarioText(t, "same-account")
	path := filepath.Join(t.TempDir(), "spec.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	r := startDaemon(t, "--spec", path, "--interval", "1s", "--aws-share", "1")
	r.until("the first passes", 30*time.Second, r.said(`verdict="in sync"`))
	made := r.routes()
	if made == 0 {
		t.Fatalf("no routes:\n%s", r.sim.Dump())
	}
	r.deleteRoute()
	r.until("the route is made again", 10*time.Second, func() bool { return r.routes() == made })

	write(strings.Replace(text, "peerings:", "peerngs:", 1))
	r.until("the broken file is said", 10*time.Second, r.said("the spec does not load"))
	if !strings.Contains(r.log.String(), path+":") || r.routes() != made {
		t.Errorf("a broken file: %d routes, want %d\n%s", r.routes(), made, r.log)
	}
	write(text + "    tags: {ticket: NET-7}\n")
	r.until("the new tag", 10*time.Second, func() bool { return strings.Contains(r.sim.Dump(), `"ticket":"NET-7"`) })

	passes := len(r.sim.Calls())
	if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.until("a pass on SIGHUP", 10*time.Second, func() bool { return len(r.sim.Calls()) > passes })
	if took := r.stop(); took > 15*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	if !slices.ContainsFunc(simtest.Lines(r.sim.Dump()), func(l string) bool { return strings.Contains(l, "status=active") }) {
		t.Error("stopping took the connection away")
	}
}
