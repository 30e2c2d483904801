package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/simtest"
)

// asPeerd makes the test binary be peerd: tests start it as a process of its own.
const asPeerd = "PEERD_TEST_BINARY_IS_PEERD"

func TestMain(m *testing.M) {
	if os.Getenv(asPeerd) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is peerd as a process that talks to a simulator over HTTP.
func process(ctx context.Context, t *testing.T, endpoint string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	id, secret := ec2sim.AccessKey("111111111111")
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = []string{asPeerd + "=1", "AWS_ENDPOINT_URL=" + endpoint, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=" + id, "AWS_SECRET_ACCESS_KEY=" + secret,
		"AWS_EC2_METADATA_DISABLED=true", "HOME=" + t.TempDir()}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// server serves a fresh simulated AWS over HTTP.
func server(t *testing.T) (*ec2sim.Sim, string) {
	t.Helper()
	ms := 20 * time.Millisecond
	sim, err := ec2sim.New(ec2sim.Config{World: simtest.World, Delays: world.Delays{Initiating: ms, Visible: ms, Provisioning: ms}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(sim)
	t.Cleanup(s.Close)
	return sim, s.URL
}

// killAt kills the process after the n-th EC2 call took effect and before its answer is written; it reports whether that call came.
func killAt(sim *ec2sim.Sim, n int64, cmd *exec.Cmd) *atomic.Bool {
	var seen atomic.Int64
	var killed atomic.Bool
	sim.After(func(c ec2sim.Call) {
		if c.Service == "ec2" && seen.Add(1) == n {
			killed.Store(true)
			_ = cmd.Process.Kill()
		}
	})
	return &killed
}

// Whatever call peerd dies after, the next run finds its way by looking: nothing twice, nothing foreign touched, no repair.
func TestKilledAfterEveryCall(t *testing.T) {
	if testing.Short() {
		t.Skip("the processes it starts are not what is tested with -short")
	}
	t.Parallel()
	spec := filepath.Join("testdata", "scenarios", "group-reference", "spec.yaml")
	sim, endpoint := server(t)
	before := simtest.Lines(sim.Dump())
	cmd, out := process(t.Context(), t, endpoint, "--once", "--spec", spec)
	if err := cmd.Run(); err != nil {
		t.Fatalf("undisturbed: %v\n%s", err, out)
	}
	want := simtest.Anonymous(simtest.Without(simtest.Lines(sim.Dump()), before))
	total := 0
	for _, c := range sim.Calls() {
		if c.Service == "ec2" {
			total++
		}
	}
	t.Logf("%d EC2 calls, so %d positions", total, total)
	for n := 1; n <= total; n++ {
		t.Run(fmt.Sprintf("call %d", n), func(t *testing.T) {
			t.Parallel()
			sim, endpoint := server(t)
			cmd, _ := process(t.Context(), t, endpoint, "--once", "--spec", spec)
			killed := killAt(sim, int64(n), cmd)
			err := cmd.Run()
			sim.After(nil)
			if !killed.Load() { // polls vary with the clock: a run may need a call less
				if err != nil {
					t.Fatalf("not killed, and yet: %v", err)
				}
				t.Skipf("this run made fewer than %d calls", n)
			}
			again, out := process(t.Context(), t, endpoint, "--once", "--spec", spec)
			if err := again.Run(); err != nil {
				t.Fatalf("second run: %v\n%s", err, out)
			}
			after := simtest.Lines(sim.Dump())
			if touched := simtest.Without(before, after); len(touched) > 0 {
				t.Errorf("touched:\n%s", strings.Join(touched, "\n"))
			}
			simtest.WantSame(t, "undisturbed", slices.Clone(want), "after the kill", simtest.Anonymous(simtest.Without(after, before)))
		})
	}
}
