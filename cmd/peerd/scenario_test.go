package main

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// kinds of AWS that every scenario is run against.
var kinds = map[string]ec2sim.Config{
	"prompt":  {},
	"lagging": {Delays: simtest.Lagging},
	"emulator": {Switches: world.Switches{IgnoreFilters: true, IgnorePageSize: true, JumpToActive: true, NotFoundSpelling: "Id",
		AlwaysOptions: true, IDsWithMaxResults: "allow"}},
	"emulator with shared tags": {Switches: world.Switches{IgnoreFilters: true, SharedTags: true, JumpToActive: true, IdenticalCreateRoute: "fail"}},
}

// newRig is a simulated AWS with a scenario's spec.
func newRig(t *testing.T, cfg ec2sim.Config, scenario string) *simtest.Rig {
	t.Helper()
	return simtest.New(t, cfg, scenarioText(t, scenario))
}

func scenarioText(t *testing.T, scenario string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "scenarios", scenario, "spec.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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

func converge(t *testing.T, r *simtest.Rig, name string, sharedTags bool) {
	want, listed := exits[name]
	if !listed {
		want = [2]int{reconcile.ExitInSync, reconcile.ExitChanges}
	}
	before := r.Sim.Dump()
	planned, calls := r.Plan()
	simtest.MustExit(t, "plan", planned, want[1])
	if len(calls) > 0 || r.Sim.Dump() != before {
		t.Errorf("the plan changed something: %v", calls)
	}
	applied, calls := r.Apply()
	simtest.MustExit(t, "first pass", applied, want[0])
	after := r.Sim.Dump()
	if touched := simtest.Without(simtest.Lines(before), simtest.Lines(after)); len(touched) > 0 {
		t.Errorf("what was there before is no more as it was:\n%s", strings.Join(touched, "\n"))
	}
	made := simtest.Without(simtest.Lines(after), simtest.Lines(before))
	if !sharedTags { // there the accepter's tags are there before they are set
		simtest.WantSame(t, "the plan", planLines(planned.First), "the calls", callLines(r.Sim, calls))
		simtest.WantSame(t, "the plan", planLines(planned.First), "the world", worldLines(t, made))
		golden(t, name, simtest.Anonymous(made))
	}
	left := r.Sim.Dump()
	again, calls := r.Apply()
	simtest.MustExit(t, "second pass", again, want[0])
	if len(calls) > 0 || r.Sim.Dump() != left {
		t.Errorf("the second pass changed something: %v", calls)
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
		out = append(out, simtest.NoConn(a.Scope().String()+" "+strings.ReplaceAll(a.String(), "(known after accept)", "pcx")))
	}
	return out
}
