package gitwatch_test

import (
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
	"github.com/peerd/peerd/pkg/reconcile"
)

var _ reconcile.Source = (*gitwatch.Watcher)(nil)

// specs is a commit's files: some of a spec, and others.
var specs = map[string]string{
	"README.md":           "not a spec",
	"peerings.yaml":       "outside of the path",
	"specs/core.yaml":     "a: 1\n",
	"specs/eu/west.yml":   "b: 2\n",
	"specs/eu/README.md":  "nor this",
	"specs/us/east/x.yml": "c: 3\n",
	"specs/zz/only.txt":   "no spec file is in this directory",
}

func TestFetch(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, o *gittest.Origin, c gitwatch.Config) {
		hash := o.Commit("Peer the hub\n\nbecause of NET-7\n\nPeerd-Allow-Deletes: 3\n", specs)
		c.Path = "specs/"
		w := watch(t, c)
		got := mustFetch(t, w, "", hash)
		if got.Subject != "Peer the hub" || got.Message != "Peer the hub\n\nbecause of NET-7\n\nPeerd-Allow-Deletes: 3\n" {
			t.Errorf("subject %q of message %q", got.Subject, got.Message)
		}
		if age := time.Since(got.Time); age < 0 || age > time.Hour {
			t.Errorf("committed at %s", got.Time)
		}
		want := []string{"core.yaml", "eu/west.yml", "us/east/x.yml"}
		if all := names(t, got.Files); !slices.Equal(all, want) {
			t.Errorf("files %v, want %v", all, want)
		}
		if text := read(t, got.Files, "eu/west.yml"); text != "b: 2\n" {
			t.Errorf("eu/west.yml is %q", text)
		}
		if err := fstest.TestFS(got.Files, want...); err != nil {
			t.Error(err)
		}
		next := o.Commit("Change it", map[string]string{"specs/core.yaml": "a: 4\n"})
		got = mustFetch(t, w, hash, next)
		if text := read(t, got.Files, "core.yaml"); text != "a: 4\n" {
			t.Errorf("core.yaml is %q", text)
		}
	})
}

// The path may be the root, or deeper; another branch may be followed; the repository may have a work tree.
func TestWhatIsWatched(t *testing.T) {
	t.Parallel()
	o := gittest.NewOrigin(t)
	hash := o.Commit("first", specs)
	o.InBare("update-ref", "refs/heads/team/prod", o.Git("rev-parse", "HEAD"))
	later := o.Commit("second", map[string]string{"specs/core.yaml": "a: 9\n"})
	cloned := filepath.Join(t.TempDir(), "clone")
	o.InBare("clone", "-q", o.Bare, cloned)
	for _, c := range []struct {
		name string
		cfg  gitwatch.Config
		hash string
		want []string
	}{
		{"the root", gitwatch.Config{Repo: o.Bare}, later, []string{"specs/core.yaml"}},
		{"the root, as a dot", gitwatch.Config{Repo: o.Bare, Path: "."}, later, []string{"specs/core.yaml"}},
		{"another branch", gitwatch.Config{Repo: o.Bare, Branch: "team/prod", Path: "specs/us"}, hash, []string{"east/x.yml"}},
		{"a directory without specs", gitwatch.Config{Repo: o.Bare, Branch: "team/prod", Path: "specs/zz"}, hash, nil},
		{"a URL", gitwatch.Config{Repo: "file://" + o.Bare, Path: "./specs"}, later, []string{"core.yaml"}},
		{"a work tree's", gitwatch.Config{Repo: cloned, Path: "specs"}, later, []string{"core.yaml"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := mustFetch(t, watch(t, c.cfg), "", c.hash)
			if all := names(t, got.Files); !slices.Equal(all, c.want) {
				t.Errorf("files %v, want %v", all, c.want)
			}
		})
	}
}
