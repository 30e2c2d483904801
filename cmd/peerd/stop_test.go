package main

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// A process that is told to end begins no new action, finishes the calls in flight and tells what they did; the next run does what is left.
func TestF04Terminated(t *testing.T) {
	if testing.Short() {
		t.Skip("the processes it starts are not what is tested with -short")
	}
	t.Parallel()
	spec := filepath.Join("testdata", "scenarios", "group-reference", "spec.yaml")
	for name, c := range map[string]struct {
		signal syscall.Signal
		delays world.Delays
		late   string        // the action at which it is told
		by     time.Duration // how long the answer to that takes
	}{
		"while routes are made":             {signal: syscall.SIGTERM, late: "CreateRoute", by: 2 * time.Second},
		"while a request is made":           {signal: syscall.SIGTERM, late: "CreateVpcPeeringConnection", by: 2 * time.Second},
		"by the keyboard":                   {signal: syscall.SIGINT, late: "AcceptVpcPeeringConnection", by: 2 * time.Second},
		"while a state is waited for":       {signal: syscall.SIGTERM, late: "AcceptVpcPeeringConnection", delays: world.Delays{Provisioning: time.Hour}},
		"while it reads, and nothing comes": {signal: syscall.SIGTERM, late: "DescribeVpcs", by: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, err := ec2sim.New(ec2sim.Config{World: simtest.World, Delays: c.delays})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(sim)
			t.Cleanup(server.Close)
			if c.by > 0 {
				sim.Inject(fault.Rule{Operation: c.late, Kind: fault.Late, Delay: c.by})
			}
			cmd, out := process(t.Context(), t, server.URL, "--once", "--spec", spec)
			told := tellAt(sim, c.late, cmd, c.signal)
			var exit *exec.ExitError
			if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != reconcile.ExitFailed {
				t.Errorf("%v, want exit %d\n%s", err, reconcile.ExitFailed, out)
			}
			at := *told.Load()
			if took := time.Since(at); took > 10*time.Second {
				t.Errorf("it ended after %s\n%s", took, out)
			}
			for _, call := range simtest.Mutating(sim.Calls()) {
				if call.Time.Sub(at) > max(time.Second, c.by-100*time.Millisecond) {
					t.Errorf("begun %s after it was told: %s", call.Time.Sub(at), call.Action)
				}
			}
			wantTold(t, sim, out)
			failures.Shown(t, 4, c.by == 0 || sim.Fired()[fault.Late] > 0, "a signal in the middle of applying")
			sim.After(nil)
			sim.ClearFaults()
			sim.Advance(2 * time.Hour)
			again, out := process(t.Context(), t, server.URL, "--once", "--spec", spec)
			if err := again.Run(); err != nil {
				t.Errorf("the next run: %v\n%s", err, out)
			}
		})
	}
}

// tellAt sends a signal to the process when the first call of an action has taken effect, and says when that was.
func tellAt(sim *ec2sim.Sim, action string, cmd *exec.Cmd, s syscall.Signal) *atomic.Pointer[time.Time] {
	var told atomic.Pointer[time.Time]
	sim.After(func(c ec2sim.Call) {
		now := time.Now()
		if c.Action == action && told.CompareAndSwap(nil, &now) {
			_ = cmd.Process.Signal(s)
		}
	})
	return &told
}

var progressLine = regexp.MustCompile(`(?m)^\[ *\d+/\d+\] `)

// wantTold fails the test unless the process says of each write that took effect that it was done: a line of progress for each action. A call may carry several rules.
func wantTold(t *testing.T, sim *ec2sim.Sim, out *bytes.Buffer) {
	t.Helper()
	applied, said := 0, len(progressLine.FindAllString(out.String(), -1))
	for _, c := range simtest.Mutating(sim.Calls()) {
		if c.Service == "ec2" && c.Applied {
			applied++
		}
	}
	if said < applied {
		t.Errorf("%d writes took effect, %d actions are told to be done\n%s", applied, said, out)
	}
}
