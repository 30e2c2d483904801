package gitwatch_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/reconcile"
)

// need finds a program. Without it the test is skipped, except in CI.
func need(t *testing.T, program string) string {
	t.Helper()
	for _, p := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
	return ""
}

// origin is a bare repository made with the git program, and a work tree whose objects are written into it straight away.
type origin struct {
	t    *testing.T
	bare string
	work string
	env  []string
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	need(t, "git")
	dir := t.TempDir()
	o := &origin{t: t, bare: filepath.Join(dir, "origin.git"), work: filepath.Join(dir, "work")}
	o.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=maintenance.auto", "GIT_CONFIG_VALUE_0=false",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
	}
	for _, d := range []string{o.bare, o.work} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o.in(o.bare, nil, "init", "-q", "--bare", "-b", "main")
	o.git("init", "-q", "-b", "main")
	return o
}

// in runs git in a directory and returns what it printed.
func (o *origin) in(dir string, stdin []byte, args ...string) string {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, o.env, bytes.NewReader(stdin)
	if dir == o.work {
		cmd.Env = append(slices.Clone(o.env), "GIT_OBJECT_DIRECTORY="+filepath.Join(o.bare, "objects"))
	}
	out, err := cmd.Output()
	if err != nil {
		o.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr(err))
	}
	return strings.TrimSpace(string(out))
}

func stderr(err error) []byte {
	if e, ok := err.(*exec.ExitError); ok {
		return e.Stderr
	}
	return nil
}

func (o *origin) git(args ...string) string {
	o.t.Helper()
	return o.in(o.work, nil, args...)
}

// commit makes a commit of these files alone, makes it the head of main, by force if needed, and returns its hash.
func (o *origin) commit(message string, files map[string]string, flags ...string) string {
	o.t.Helper()
	o.write(files)
	o.git("add", "-A")
	o.git(append([]string{"commit", "-q", "--allow-empty", "-m", message}, flags...)...)
	return o.push()
}

// history adds so many commits that change nothing to the branch, faster than one by one.
func (o *origin) history(n int) {
	o.t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "commit refs/heads/longer\ncommitter Ada <ada@example.com> %d +0000\ndata 5\nmany\n\n", 1767225600+i)
		if i == 0 {
			fmt.Fprintf(&b, "from %s\n\n", o.git("rev-parse", "HEAD"))
		}
	}
	o.in(o.work, []byte(b.String()), "fast-import", "--quiet", "--force")
	o.git("reset", "-q", "--hard", "longer")
}

func (o *origin) push() string {
	o.t.Helper()
	hash := o.git("rev-parse", "HEAD")
	o.in(o.bare, nil, "update-ref", "refs/heads/main", hash)
	return hash
}

func (o *origin) write(files map[string]string) {
	o.t.Helper()
	old, err := filepath.Glob(filepath.Join(o.work, "*"))
	if err != nil {
		o.t.Fatal(err)
	}
	for _, f := range old {
		if filepath.Base(f) == ".git" {
			continue
		}
		if err := os.RemoveAll(f); err != nil {
			o.t.Fatal(err)
		}
	}
	for name, text := range files {
		path := filepath.Join(o.work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			o.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			o.t.Fatal(err)
		}
	}
}

// put writes an object of any content, however malformed, into the bare repository.
func (o *origin) put(kind, content string) string {
	o.t.Helper()
	return o.in(o.bare, []byte(content), "hash-object", "-t", kind, "-w", "--literally", "--stdin")
}

// line is one of a tree.
func line(mode, name, hash string) string {
	raw, err := hex.DecodeString(hash)
	if err != nil {
		panic(err)
	}
	return mode + " " + name + "\x00" + string(raw)
}

// plant makes main a commit of a tree that git itself would not write: these lines under specs.
func (o *origin) plant(lines ...string) string {
	o.t.Helper()
	return o.plantTree(o.put("tree", line("40000", "specs", o.put("tree", strings.Join(lines, "")))))
}

func (o *origin) plantTree(tree string) string {
	o.t.Helper()
	raw := fmt.Sprintf("tree %s\nauthor Eve <eve@example.com> 1767225600 +0000\ncommitter Eve <eve@example.com> 1767225600 +0000\n\nplanted\n", tree)
	hash := o.put("commit", raw)
	o.in(o.bare, nil, "update-ref", "refs/heads/main", hash)
	return hash
}

// transports are the ways to reach a repository.
var transports = map[string]func(*testing.T, *origin) gitwatch.Config{
	"a repository on this machine": func(_ *testing.T, o *origin) gitwatch.Config { return gitwatch.Config{Repo: o.bare} },
	"https":                        func(t *testing.T, o *origin) gitwatch.Config { return serve(t, o).config(t) },
	"ssh":                          func(t *testing.T, o *origin) gitwatch.Config { return serveSSH(t).reach(o) },
}

// everyWay runs a test once for each transport, each with a repository of its own; hereAndThere leaves out ssh, whose servers are slow.
func everyWay(t *testing.T, test func(*testing.T, *origin, gitwatch.Config)) {
	t.Helper()
	eachOf(t, slices.Sorted(maps.Keys(transports)), test)
}

func hereAndThere(t *testing.T, test func(*testing.T, *origin, gitwatch.Config)) {
	t.Helper()
	eachOf(t, []string{"a repository on this machine", "https"}, test)
}

func eachOf(t *testing.T, ways []string, test func(*testing.T, *origin, gitwatch.Config)) {
	t.Helper()
	for _, name := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t)
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
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	for _, s := range []string{password, url.QueryEscape(password), url.PathEscape(password), basic, user + ":", user + "@"} {
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
