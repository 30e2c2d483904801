package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/spec"
)

// Each workload has as many peerings as it says, in a spec that loads and a world that the simulator takes.
func TestWorkloads(t *testing.T) {
	t.Parallel()
	peerings := map[string]int{"W1": 1, "W2": 20, "W3": 100, "W4": 1225, "W5": 10000, "L100": 100, "L1000": 1000, "L10000": 10000}
	for _, w := range workloads {
		set := load(t, w.spec())
		if len(set.Peerings) != peerings[w.Name] || len(w.pairs) != peerings[w.Name] {
			t.Errorf("%s: %d pairs, %d peerings, want %d", w.Name, len(w.pairs), len(set.Peerings), peerings[w.Name])
		}
		if _, err := ec2sim.New(ec2sim.Config{World: []byte(w.world(true))}); err != nil {
			t.Errorf("%s: %v", w.Name, err)
		}
	}
}

// Each commit of one line loads, and changes as many peerings of the mesh as it says.
func TestCommitsOfOneLine(t *testing.T) {
	t.Parallel()
	w := workloads[slices.IndexFunc(workloads, func(w workload) bool { return w.shape == "mesh" })]
	was := load(t, w.spec())
	for i, want := range []int{1, 1, 1, 1, 1225} {
		c := w.commitsOfOneLine()[i]
		now, changed := load(t, c.files), 0
		for _, p := range append(now.Peerings, was.Peerings...) {
			a, b := was.Peering(p.Name), now.Peering(p.Name)
			if a == nil || b == nil {
				changed++
			} else if a.Digest() != b.Digest() && p == b {
				changed++
			}
		}
		if changed != want {
			t.Errorf("%s: %d peerings change, want %d", c.what, changed, want)
		}
		was = now
	}
}

func load(t *testing.T, text map[string]string) *spec.Set {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range text {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, err := spec.Load(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The least that W1 can cost, counted by hand.
func TestLimit(t *testing.T) {
	t.Parallel()
	none, all := workloads[0].nothingToDo(30*time.Millisecond), workloads[0].everything(30*time.Millisecond, 1)
	if want := 2 + 14; none.Calls != want {
		t.Errorf("no change: %d calls, want %d: 2 sessions, 7 lists in 2 scopes", none.Calls, want)
	}
	if want := 16 + 2 + 1 + 1 + 1 + 2 + 4 + 2 + 14; all.Calls != want {
		t.Errorf("converging: %d calls, want %d: lists, identities, request, acceptance, tags, rules of 2 groups, 4 routes, lists until active, last look", all.Calls, want)
	}
	if all.Wall != 9*30*time.Millisecond {
		t.Errorf("converging takes %v at least, want nine calls one after the other", all.Wall)
	}
}

// What is in flight is what came within one latency.
func TestInFlight(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var m measure
	m.ByAction = map[string]int{}
	m.count([]call{{Time: at}, {Time: at.Add(10 * time.Millisecond)}, {Time: at.Add(30 * time.Millisecond), Code: "RequestLimitExceeded"}, {Time: at.Add(90 * time.Millisecond)}}, 30*time.Millisecond)
	if m.Calls != 4 || m.InFlight != 2 || m.Throttled != 1 {
		t.Errorf("%+v: want 4 calls, 2 at once, 1 throttled", m)
	}
}

// The tables of docs/performance.md hold the figures of docs/performance.json, which the bench wrote.
func TestFiguresOfTheDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	figures, err := os.ReadFile("../../docs/performance.json")
	if err != nil {
		t.Fatal(err)
	}
	var results []result
	if err := json.Unmarshal(figures, &results); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for _, r := range results {
		r.row(&want)
	}
	growth(&want, results)
	rows := 0
	for line := range strings.Lines(want.String()) {
		if strings.TrimSpace(line) != "" && !strings.Contains(string(text), line) {
			t.Errorf("not in docs/performance.md: %s", line)
		}
		rows++
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " MB | ") && strings.Contains(line, " s | ") {
			rows--
		}
	}
	if rows != 2 { // the sentence about growth, and the empty line before it
		t.Errorf("docs/performance.md has %d rows that docs/performance.json has not", 2-rows)
	}
}
