package render_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/plan/plantest"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const scenarios = "../plan/testdata"

// ofTheirOwn are situations with a spec of their own that look different from all others.
var ofTheirOwn = []string{"contested-one-holds-it", "prune-begun-before", "prune-leftover",
	"suspended-drifts-and-is-left", "suspended-peering-keeps-its-route", "suspension-is-over", "unread-that-no-peering-needs", "vpc-tag-moved"}

var formats = map[string]func(io.Writer, *plan.Plan) error{"txt": render.PlanText, "json": render.PlanJSON, "md": render.PlanMarkdown}

func planned(t *testing.T, scenario string) *plan.Plan {
	t.Helper()
	dir := "spec"
	if own := filepath.Join(scenario, "spec"); exists(filepath.Join(scenarios, own)) {
		dir = own
	}
	s, err := spec.Load(os.DirFS(filepath.Join(scenarios, dir)), "specs")
	if err != nil {
		t.Fatal(err)
	}
	words, err := os.ReadFile(filepath.Join(scenarios, scenario, "options.txt"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return plan.Make(s, plantest.Observed(t, filepath.Join(scenarios, scenario, "observed.txt")), plan.Options{Prune: strings.Contains(string(words), "prune")})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func show(t *testing.T, format func(io.Writer, *plan.Plan) error, p *plan.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := format(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every situation that the plan is tested with on the common spec, and those of the others that look different, in every format.
func TestPlanGoldens(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(scenarios + "/*/observed.txt")
	if err != nil || len(dirs) < 20 {
		t.Fatalf("%d scenarios: %v", len(dirs), err)
	}
	for _, d := range dirs {
		name := filepath.Base(filepath.Dir(d))
		if exists(filepath.Join(d, "../spec")) && !slices.Contains(ofTheirOwn, name) {
			continue
		}
		for ext, format := range formats {
			t.Run(name+"/"+ext, func(t *testing.T) {
				t.Parallel()
				got := show(t, format, planned(t, name))
				path := filepath.Join("testdata", name+"."+ext)
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

// hostile is a plan whose texts try to break out of whatever they are printed in.
func hostile(lines int) *plan.Plan {
	p := &plan.Plan{}
	for i := range lines {
		p.Problems = append(p.Problems, plan.Problem{Link: "a", Code: "x", Severity: plan.HoldsLink, Pos: spec.Pos{File: "f", Line: i, Col: 1},
			Message: "```\n</details> ::set-output name=x::y \x1b[31m\u202e @team **bold** ````"})
		p.Drift = append(p.Drift, plan.Drift{Link: "a\n```", Resource: plan.ResourceRoute, Kind: plan.DriftExtra, What: fmt.Sprintf("line %d ``` \r\n::error::x", i)})
	}
	return p
}

func TestNothingBreaksOutOfMarkdown(t *testing.T) {
	t.Parallel()
	got := show(t, render.PlanMarkdown, hostile(1))
	for _, bad := range []string{"\x1b", "\u202e", "\r", "\n::", "\n</details> ::"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q stands in the Markdown:\n%s", bad, got)
		}
	}
	for _, l := range unfenced(t, got) {
		if strings.Contains(l, "@team") {
			t.Errorf("outside a code block: %s", l)
		}
	}
}

// unfenced are the lines that stand outside of all code blocks.
func unfenced(t *testing.T, markdown string) []string {
	t.Helper()
	var out []string
	fence, inside := "", false
	for _, l := range strings.Split(markdown, "\n") {
		switch {
		case !inside && strings.HasPrefix(l, "```"):
			fence, inside = strings.TrimRight(l, "abcdefghijklmnopqrstuvwxyz"), true
		case inside && l == fence:
			inside = false
		case !inside:
			out = append(out, l)
		}
	}
	if inside {
		t.Errorf("a code block is not closed:\n%s", markdown)
	}
	return out
}

func TestMarkdownFitsAComment(t *testing.T) {
	t.Parallel()
	big := hostile(5000)
	for i := range big.Drift {
		big.Drift[i].Link = "a"
	}
	got := show(t, render.PlanMarkdown, big)
	if len(got) > 60_000 || !strings.Contains(got, "more") {
		t.Errorf("%d bytes, and it must say what was left out", len(got))
	}
}

// ended is the end of a dry run with that many peerings whose changes are pending, as many that are suspended, with words of others, and one that
// needs attention, by its name the last.
func ended(each int) *reconcile.Report {
	p := &plan.Plan{}
	for i := range each {
		a, b := netstate.Link(fmt.Sprintf("mesh/a%04d", i)), netstate.Link(fmt.Sprintf("mesh/b%04d", i))
		p.Links = append(p.Links, plan.LinkState{Name: a}, plan.LinkState{Name: b, Suspended: "``` </details> <b>hi</b> [click](https://evil.example) @team\n::error::x"})
		p.Drift = append(p.Drift, plan.Drift{Link: a, Resource: plan.ResourceConnection, Kind: plan.DriftMissing, What: "connection"},
			plan.Drift{Link: b, Resource: plan.ResourceConnection, Kind: plan.DriftMissing, What: "connection", Left: "suspended"})
	}
	p.Links = append(p.Links, plan.LinkState{Name: "z", Held: true})
	p.Problems = []plan.Problem{{Link: "z", Code: "cidr-overlap", Severity: plan.HoldsLink, Message: strings.Repeat("`", 70_000) + "@team"}}
	return &reconcile.Report{DryRun: true, First: p, Final: p}
}

// The end of a pass stands in the comment below the plan: fenced, short enough together, and what needs attention is never what is left out.
func TestMarkdownOfAReportFitsBelowItsPlan(t *testing.T) {
	t.Parallel()
	r := ended(1000)
	var b bytes.Buffer
	if err := render.ReportMarkdown(&b, r); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if outside := unfenced(t, b.String()); !slices.Equal(outside, []string{"", "**not in sync: 2001 of 2001 peerings**", "", ""}) {
		t.Errorf("outside a code block stands %q", outside)
	}
	want := []string{"z: needs attention", "mesh/b0000: left on purpose"}
	if got := []string{lines[4], lines[6]}; !slices.Equal(got, want) {
		t.Errorf("it begins with %q, want the worst first, %q", got, want)
	}
	if !strings.Contains(b.String(), " peerings more\n`") || strings.Contains(b.String(), "pending") {
		t.Errorf("it must count what was left out, and not repeat that changes are pending:\n%s", b.String())
	}
	for _, p := range []*plan.Plan{r.First, hostile(5000)} {
		if n := len(show(t, render.PlanMarkdown, p)) + b.Len(); n >= 60_000 {
			t.Errorf("%d bytes together", n)
		}
	}
}

// The text of AWS that a pass ends with is fenced too.
func TestMarkdownOfAFailure(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := render.ReportMarkdown(&b, &reconcile.Report{Err: errors.New("``` <b>hi</b>\n@team")}); err != nil {
		t.Fatal(err)
	}
	want := "\n**could not reconcile**\n\n````text\n``` <b>hi</b>\\u000a@team\n````\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// The same spec cut into files of any names gives the same plan, byte for byte.
func TestPlanDoesNotDependOnFiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(scenarios, "spec", "spec.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	head := "apiVersion: peerd/v1\n"
	parts := splitTop(strings.TrimPrefix(string(text), head))
	want := map[string]string{}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		files := fstest.MapFS{}
		for _, i := range r.Perm(len(parts)) {
			files[fmt.Sprintf("%c%d.yaml", 'a'+rune(r.IntN(26)), i)] = &fstest.MapFile{Data: []byte(head + parts[i])}
		}
		s, err := spec.Load(files, "")
		if err != nil {
			t.Fatal(err)
		}
		p := plan.Make(s, plantest.Observed(t, filepath.Join(scenarios, "nothing-there-yet", "observed.txt")), plan.Options{})
		for ext, format := range formats {
			got := show(t, format, p)
			if want[ext] == "" {
				want[ext] = got
			}
			if diff := cmp.Diff(want[ext], got); diff != "" {
				t.Fatalf("seed %d, %s:\n%s", seed, ext, diff)
			}
		}
	}
}

// splitTop cuts a document at its top-level keys.
func splitTop(text string) []string {
	var parts []string
	for _, l := range strings.SplitAfter(text, "\n") {
		if l != "" && l[0] != ' ' && l[0] != '\n' {
			parts = append(parts, "")
		}
		if len(parts) > 0 {
			parts[len(parts)-1] += l
		}
	}
	return parts
}

func TestColorPaintsAndChangesNothing(t *testing.T) {
	t.Parallel()
	text := show(t, render.PlanText, planned(t, "rule-edited"))
	painted := render.Color(text)
	if !strings.Contains(painted, "\x1b[33m    ~ rule") {
		t.Errorf("a change is not painted:\n%q", painted)
	}
	for _, c := range []string{"\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1m", "\x1b[0m"} {
		painted = strings.ReplaceAll(painted, c, "")
	}
	if painted != text {
		t.Error("painting changed the text")
	}
}
