package main

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// lagging are delays that make every passing state and every lag of a view be seen.
var lagging = world.Delays{Initiating: time.Second, Visible: 2 * time.Second, VisibleRequester: time.Second, Provisioning: 3 * time.Second,
	Options: time.Second, References: 4 * time.Second, Routes: time.Second}

// kinds of AWS that every scenario is run against.
var kinds = map[string]ec2sim.Config{
	"prompt":  {},
	"lagging": {Delays: lagging},
	"emulator": {Switches: world.Switches{IgnoreFilters: true, IgnorePageSize: true, JumpToActive: true, NotFoundSpelling: "Id",
		AlwaysOptions: true, IDsWithMaxResults: "allow"}},
	"emulator with shared tags": {Switches: world.Switches{IgnoreFilters: true, SharedTags: true, JumpToActive: true, IdenticalCreateRoute: "fail"}},
}

// rig is a simulated AWS with a spec for it.
type rig struct {
	t    *testing.T
	sim  *ec2sim.Sim
	spec *spec.Set
}

func newRig(t *testing.T, cfg ec2sim.Config, scenario string) *rig {
	t.Helper()
	dir := filepath.Join("testdata", "scenarios")
	text, err := os.ReadFile(filepath.Join(dir, "world.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.World = text
	sim, err := ec2sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	set, err := loadSpec(filepath.Join(dir, scenario, "spec.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t, sim, set}
}

// target is the real SDK over the simulator as its transport, with ambient credentials of the first account.
func target(sim http.RoundTripper) *awsnet.Target {
	client := &http.Client{Transport: sim}
	id, secret := ec2sim.AccessKey("111111111111")
	return awsnet.New(awsnet.Config{HTTPClient: client, Share: 1, Source: func(context.Context, netstate.Access) (aws.Config, error) {
		return aws.Config{Region: "eu-west-1", HTTPClient: client, Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")}, nil
	}})
}

// cycle runs one pass as a fresh process would, and returns the report and the calls that changed something.
func (r *rig) cycle(dryRun bool) (*reconcile.Report, []ec2sim.Call) {
	r.t.Helper()
	return r.run(reconcile.Input{DryRun: dryRun})
}

// prune runs one pass that may remove things of at most so many peerings.
func (r *rig) prune(most int) (*reconcile.Report, []ec2sim.Call) {
	r.t.Helper()
	return r.run(reconcile.Input{Prune: true, Limits: plan.Limits{Number: most}})
}

func (r *rig) run(in reconcile.Input) (*reconcile.Report, []ec2sim.Call) {
	r.t.Helper()
	before := len(r.sim.Calls())
	in.Spec = r.spec
	report := reconcile.New(reconcile.Config{Target: target(r.sim)}).Cycle(r.t.Context(), in)
	return report, mutating(r.sim.Calls()[before:])
}

func mutating(calls []ec2sim.Call) []ec2sim.Call {
	return slices.DeleteFunc(slices.Clone(calls), func(c ec2sim.Call) bool { return !c.Mutating })
}

func mustExit(t *testing.T, what string, r *reconcile.Report, want int) {
	t.Helper()
	if got := r.Exit(); got != want {
		var b bytes.Buffer
		_ = render.ReportText(&b, r)
		t.Errorf("%s: exit %d, want %d\n%s", what, got, want, b.String())
	}
}

func lines(dump string) []string { return strings.Split(strings.TrimSuffix(dump, "\n"), "\n") }

// without returns the lines of a that b does not have.
func without(a, b []string) []string {
	have := map[string]bool{}
	for _, l := range b {
		have[l] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(l string) bool { return have[l] })
}

func scenarios(t *testing.T) []string {
	t.Helper()
	specs, err := filepath.Glob("testdata/scenarios/*/spec.yaml")
	if err != nil || len(specs) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var out []string
	for _, s := range specs {
		out = append(out, filepath.Base(filepath.Dir(s)))
	}
	return out
}

// exits are the exit codes of a pass and of the plan before it, where they are not 0 and 2.
var exits = map[string][2]int{"one-of-three-broken": {reconcile.ExitAttention, reconcile.ExitAttention}}

// Every scenario on every kind of AWS: plan, apply, and apply again. State is judged from the simulator's world.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, name := range scenarios(t) {
		for kind, cfg := range kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { converge(t, newRig(t, cfg, name), name, cfg.Switches.SharedTags) })
			})
		}
	}
}

func converge(t *testing.T, r *rig, name string, sharedTags bool) {
	want, listed := exits[name]
	if !listed {
		want = [2]int{reconcile.ExitInSync, reconcile.ExitChanges}
	}
	before := r.sim.Dump()
	planned, calls := r.cycle(true)
	mustExit(t, "plan", planned, want[1])
	if len(calls) > 0 || r.sim.Dump() != before {
		t.Errorf("the plan changed something: %v", calls)
	}
	applied, calls := r.cycle(false)
	mustExit(t, "first pass", applied, want[0])
	after := r.sim.Dump()
	if touched := without(lines(before), lines(after)); len(touched) > 0 {
		t.Errorf("what was there before is no more as it was:\n%s", strings.Join(touched, "\n"))
	}
	made := without(lines(after), lines(before))
	if !sharedTags { // there the accepter's tags are there before they are set
		wantSame(t, "the plan", planLines(planned.First), "the calls", callLines(r.sim, calls))
		wantSame(t, "the plan", planLines(planned.First), "the world", worldLines(t, made))
		golden(t, name, anonymous(made))
	}
	left := r.sim.Dump()
	again, calls := r.cycle(false)
	mustExit(t, "second pass", again, want[0])
	if len(calls) > 0 || r.sim.Dump() != left {
		t.Errorf("the second pass changed something: %v", calls)
	}
}

func wantSame(t *testing.T, oneName string, one []string, otherName string, other []string) {
	t.Helper()
	slices.Sort(one)
	slices.Sort(other)
	if d := cmp.Diff(one, other); d != "" {
		t.Errorf("%s (-) and %s (+) differ:\n%s", oneName, otherName, d)
	}
}

// golden compares what was made with what a person read and found to be what the spec says.
func golden(t *testing.T, name string, got []string) {
	t.Helper()
	slices.Sort(got)
	text := strings.Join(got, "\n") + "\n"
	path := filepath.Join("testdata", "scenarios", name, "made.golden")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), text); d != "" {
		t.Errorf("what was made differs from %s (-want +got):\n%s", path, d)
	}
}

// planLines are a plan's lines with their scope, without ids that were not known yet.
func planLines(p *plan.Plan) []string {
	var out []string
	for _, a := range p.Actions {
		out = append(out, noConn(a.Scope().String()+" "+strings.ReplaceAll(a.String(), "(known after accept)", "pcx")))
	}
	return out
}
