package plan_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/plan/plantest"
	"github.com/peerd/peerd/pkg/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// scenarios returns the directories under testdata, each named by its situation.
func scenarios(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("testdata/*/observed.txt")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for i := range dirs {
		dirs[i] = filepath.Dir(dirs[i])
	}
	return dirs
}

// specOf loads a scenario's own spec, or the one that most share.
func specOf(t *testing.T, dir string) *spec.Set {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "spec")); err != nil {
		dir = "testdata"
	}
	s, err := spec.Load(os.DirFS(filepath.Join(dir, "spec")), "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// optionsOf reads a scenario's options.txt, if it has one: the words prune, only=LABEL and avoid=LABEL.
func optionsOf(t *testing.T, dir string) plan.Options {
	t.Helper()
	words, err := os.ReadFile(filepath.Join(dir, "options.txt"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	opt := plan.Options{Avoid: map[netstate.Link]bool{}}
	for _, w := range strings.Fields(string(words)) {
		switch word, label, _ := strings.Cut(w, "="); word {
		case "prune":
			opt.Prune = true
		case "only":
			opt.Only = append(opt.Only, netstate.Link(label))
		case "avoid":
			opt.Avoid[netstate.Link(label)] = true
		default:
			t.Fatalf("%s: unknown option %q", dir, w)
		}
	}
	return opt
}

// dump is the whole plan as text: every part that decides something.
func dump(p *plan.Plan) string {
	var b bytes.Buffer
	for _, l := range p.Links {
		fmt.Fprintf(&b, "link %s %s <-> %s conn=%s %s held=%v suspended=%q waiting=%q\n", l.Name, l.Ends[0].VPC, l.Ends[1].VPC, l.Conn, l.Status, l.Held, l.Suspended, l.Waiting)
	}
	for _, a := range p.Actions {
		ready := "ready"
		if !a.Ready() {
			ready = "waits"
		}
		fmt.Fprintf(&b, "%s %s %s %s\n", ready, a.Link(), a.Scope(), a)
	}
	for _, d := range p.Drift {
		fmt.Fprintf(&b, "drift %s %s %s: %s", d.Link, d.Resource, d.Kind, d.What)
		if d.Left != "" {
			fmt.Fprintf(&b, " (%s)", d.Left)
		}
		b.WriteByte('\n')
	}
	for _, err := range p.Unread {
		fmt.Fprintf(&b, "unread %v\n", err)
	}
	for _, u := range p.Unmanaged {
		fmt.Fprintf(&b, "unmanaged %s %s %d\n", u.Scope, u.Resource, u.Count)
	}
	for _, x := range p.Problems {
		fmt.Fprintf(&b, "problem %s %d %s\n", x.Link, x.Severity, x)
	}
	return b.String()
}

func TestPlanGoldens(t *testing.T) {
	t.Parallel()
	for _, dir := range scenarios(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			got := dump(plan.Make(specOf(t, dir), plantest.Observed(t, filepath.Join(dir, "observed.txt")), optionsOf(t, dir)))
			path := filepath.Join(dir, "plan.golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("plan differs (-want +got):\n%s", d)
			}
		})
	}
}
