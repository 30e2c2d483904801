package gitwatch_test

import (
	"encoding/base64"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
	"github.com/peerd/peerd/pkg/reconcile"
)

// transports are the ways to reach a repository.
var transports = map[string]func(*testing.T, *gittest.Origin) gitwatch.Config{
	"a repository on this machine": func(_ *testing.T, o *gittest.Origin) gitwatch.Config { return gitwatch.Config{Repo: o.Bare} },
	"https":                        func(t *testing.T, o *gittest.Origin) gitwatch.Config { return gittest.Serve(t, o).Config() },
	"ssh":                          func(t *testing.T, o *gittest.Origin) gitwatch.Config { return gittest.ServeSSH(t).Config(o) },
}

// everyWay runs a test once for each transport, each with a repository of its own; hereAndThere leaves out ssh, whose servers are slow.
func everyWay(t *testing.T, test func(*testing.T, *gittest.Origin, gitwatch.Config)) {
	t.Helper()
	eachOf(t, slices.Sorted(maps.Keys(transports)), test)
}

func hereAndThere(t *testing.T, test func(*testing.T, *gittest.Origin, gitwatch.Config)) {
	t.Helper()
	eachOf(t, []string{"a repository on this machine", "https"}, test)
}

func eachOf(t *testing.T, ways []string, test func(*testing.T, *gittest.Origin, gitwatch.Config)) {
	t.Helper()
	for _, name := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := gittest.NewOrigin(t)
			test(t, o, transports[name](t, o))
		})
	}
}

func watch(t *testing.T, c gitwatch.Config) *gitwatch.Watcher {
	t.Helper()
	w, err := gitwatch.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// mustFetch fetches a commit, which must be the one of a hash.
func mustFetch(t *testing.T, w *gitwatch.Watcher, applied, want string) reconcile.Commit {
	t.Helper()
	c, err := w.Fetch(t.Context(), applied)
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	if c.Hash != want {
		t.Fatalf("got commit %s, want %s", c.Hash, want)
	}
	return c
}

// mustRefuse fetches, and gets nothing but an error that says all of these words.
func mustRefuse(t *testing.T, w *gitwatch.Watcher, applied string, words ...string) string {
	t.Helper()
	c, err := w.Fetch(t.Context(), applied)
	if err == nil {
		t.Fatalf("commit %s was handed out with %v", c.Hash, names(t, c.Files))
	}
	if c.Hash != "" || c.Files != nil {
		t.Errorf("a commit came with the error: %+v", c)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	noSecret(t, err.Error())
	for _, r := range err.Error() {
		if r < ' ' || r == 0x7f || r == '\u202e' {
			t.Errorf("the error is not escaped: %q", err)
			break
		}
	}
	return err.Error()
}

// noSecret looks for the password in every form in which it is sent.
func noSecret(t *testing.T, text string) {
	t.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte(gittest.User + ":" + gittest.Password))
	for _, s := range []string{gittest.Password, url.QueryEscape(gittest.Password), url.PathEscape(gittest.Password), basic, gittest.User + ":", gittest.User + "@"} {
		if strings.Contains(text, s) {
			t.Errorf("%q is said: %s", s, text)
		}
	}
}

// names returns the paths of the files.
func names(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	if fsys == nil {
		return nil
	}
	var out []string
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, fsys fs.FS, name string) string {
	t.Helper()
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
