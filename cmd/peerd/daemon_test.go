package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/simtest"
)

// running is peerd as a daemon.
type running struct {
	t   *testing.T
	cmd *exec.Cmd
	sim *ec2sim.Sim
	log *lockedBuffer
}

// lockedBuffer is written by a process and read by its test.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startDaemon starts the built peerd on a simulated AWS; it is ended with the test if it has not ended before.
func startDaemon(t *testing.T, args ...string) *running {
	t.Helper()
	sim, endpoint := server(t)
	cmd, _ := process(t.Context(), t, endpoint, args...)
	r := &running{t, cmd, sim, &lockedBuffer{}}
	cmd.Stdout, cmd.Stderr = r.log, r.log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
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
	if testing.Short() {
		t.Skip("the processes it starts are not what is tested with -short")
	}
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
	routes := func() (n int) {
		for _, l := range simtest.Lines(r.sim.Dump()) {
			if strings.Contains(l, " -> "+simtest.Newest(r.sim)+" ") {
				n++
			}
		}
		return n
	}
	r.until("the first passes", 30*time.Second, r.said(`verdict="in sync"`))
	made := routes()
	if made == 0 {
		t.Fatalf("no routes:\n%s", r.sim.Dump())
	}
	(&simtest.Rig{T: t, Sim: r.sim}).Do("111111111111", "eu-west-1", "DeleteRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.1.0.0/16")
	r.until("the route is made again", 10*time.Second, func() bool { return routes() == made })

	write(strings.Replace(text, "peerings:", "peerngs:", 1))
	r.until("the broken file is said", 10*time.Second, r.said("the spec does not load"))
	if !strings.Contains(r.log.String(), path+":") || routes() != made {
		t.Errorf("a broken file: %d routes, want %d\n%s", routes(), made, r.log)
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
