package gittest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/tooltest"
)

// Origin is a bare repository made with the git program, and a work tree whose objects are written into it straight away. Its branch is
// main. Nobody's configuration of git has an effect on it.
type Origin struct {
	Bare string   // the path of the bare repository
	Env  []string // of every git that runs here; may be added to

	t    *testing.T
	work string
}

// NewOrigin makes one without a commit, for as long as the test runs.
func NewOrigin(t *testing.T) *Origin {
	t.Helper()
	tooltest.Need(t, "git")
	dir := t.TempDir()
	o := &Origin{t: t, Bare: filepath.Join(dir, "origin.git"), work: filepath.Join(dir, "work")}
	o.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=maintenance.auto", "GIT_CONFIG_VALUE_0=false",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
	}
	for _, d := range []string{o.Bare, o.work} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o.InBare("init", "-q", "--bare", "-b", "main")
	o.Git("init", "-q", "-b", "main")
	return o
}

// Git runs git in the work tree and returns what it printed, without the space around it. What it commits is no branch's head before Push.
func (o *Origin) Git(args ...string) string {
	o.t.Helper()
	return o.git(o.work, "", args...)
}

// InBare runs git in the bare repository and returns what it printed, without the space around it.
func (o *Origin) InBare(args ...string) string {
	o.t.Helper()
	return o.git(o.Bare, "", args...)
}

func (o *Origin) git(dir, stdin string, args ...string) string {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, o.Env, strings.NewReader(stdin)
	if dir == o.work {
		cmd.Env = append(slices.Clone(o.Env), "GIT_OBJECT_DIRECTORY="+filepath.Join(o.Bare, "objects"))
	}
	return strings.TrimSpace(output(o.t, cmd))
}

// Ask asks git, in the bare repository, what it answers with its exit code: yes with 0, no with 1. Any other fails the test.
func (o *Origin) Ask(args ...string) bool {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), "git", args...)
	cmd.Dir, cmd.Env = o.Bare, o.Env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		o.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return err == nil
}

// Commit makes a commit of these files alone, by path, on top of the work tree's, pushes it and returns its hash. Flags are those of git
// commit.
func (o *Origin) Commit(message string, files map[string]string, flags ...string) string {
	o.t.Helper()
	o.write(files)
	o.Git("add", "-A")
	o.Git(append([]string{"commit", "-q", "--allow-empty", "-m", message}, flags...)...)
	return o.Push()
}

// History adds so many commits that change nothing to the work tree's, faster than one by one. They are not pushed.
func (o *Origin) History(n int) {
	o.t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "commit refs/heads/longer\ncommitter Ada <ada@example.com> %d +0000\ndata 5\nmany\n\n", 1767225600+i)
		if i == 0 {
			fmt.Fprintf(&b, "from %s\n\n", o.Git("rev-parse", "HEAD"))
		}
	}
	o.git(o.work, b.String(), "fast-import", "--quiet", "--force")
	o.Git("reset", "-q", "--hard", "longer")
}

// Push makes the work tree's commit the head of main, by force if needed, and returns its hash.
func (o *Origin) Push() string {
	o.t.Helper()
	return o.head(o.Git("rev-parse", "HEAD"))
}

func (o *Origin) head(hash string) string {
	o.t.Helper()
	o.InBare("update-ref", "refs/heads/main", hash)
	return hash
}

func (o *Origin) write(files map[string]string) {
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

// Put writes an object of any content, however malformed, into the bare repository and returns its hash.
func (o *Origin) Put(kind, content string) string {
	o.t.Helper()
	return o.git(o.Bare, content, "hash-object", "-t", kind, "-w", "--literally", "--stdin")
}

// Entry is one of a tree, as its bytes.
func Entry(mode, name, hash string) string {
	raw, err := hex.DecodeString(hash)
	if err != nil {
		panic(err)
	}
	return mode + " " + name + "\x00" + string(raw)
}

// Tree writes the tree of these files, by path, and returns its hash.
func (o *Origin) Tree(files map[string]string) string {
	o.t.Helper()
	entries, deeper := map[string]string{}, map[string]map[string]string{}
	for path, text := range files {
		dir, rest, ok := strings.Cut(path, "/")
		if !ok {
			entries[path] = Entry("100644", path, o.Put("blob", text))
			continue
		}
		if deeper[dir] == nil {
			deeper[dir] = map[string]string{}
		}
		deeper[dir][rest] = text
	}
	for dir, below := range deeper {
		entries[dir+"/"] = Entry("40000", dir, o.Tree(below)) // git sorts directories as if a / ended their names
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		b.WriteString(entries[name])
	}
	return o.Put("tree", b.String())
}

// Plant makes main a commit of a tree that git itself would not write: these entries under specs. It returns the commit's hash.
func (o *Origin) Plant(entries ...string) string {
	o.t.Helper()
	return o.PlantTree(o.Put("tree", Entry("40000", "specs", o.Put("tree", strings.Join(entries, "")))))
}

// PlantTree makes main a commit of a tree, without parents, and returns the commit's hash.
func (o *Origin) PlantTree(tree string) string {
	o.t.Helper()
	const eve = "Eve <eve@example.com> 1767225600 +0000"
	return o.Enter(fmt.Sprintf("tree %s\nauthor %s\ncommitter %s\n\nplanted\n", tree, eve, eve))
}

// Payload is what a commit of these files alone says before it is signed; the files are written, the commit is not.
func (o *Origin) Payload(message string, files map[string]string, when time.Time, parents ...string) string {
	o.t.Helper()
	header := "tree " + o.Tree(files) + "\n"
	for _, p := range parents {
		header += "parent " + p + "\n"
	}
	ada := fmt.Sprintf("Ada <ada@example.com> %d +0100", when.Unix())
	return fmt.Sprintf("%sauthor %s\ncommitter %s\n\n%s\n", header, ada, ada, message)
}

// Enter makes a commit of its payload and signatures, whether they are about it or not, the head of main and returns its hash. The work
// tree stays where it is.
func (o *Origin) Enter(payload string, signatures ...string) string {
	o.t.Helper()
	header, message, _ := strings.Cut(payload, "\n\n")
	for _, s := range signatures {
		header += "\ngpgsig " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n ")
	}
	return o.head(o.Put("commit", header+"\n\n"+message))
}

// Signed makes a commit of these files alone, by path, on top of the head of main, pushes it and returns its hash. sign makes the armored
// signature of the commit's payload, as GPG.By and SSHKeys.By do; nil: it is not signed. The work tree follows.
func (o *Origin) Signed(message string, files map[string]string, sign func(payload string) string) string {
	o.t.Helper()
	var parents, signatures []string
	if head := o.InBare("for-each-ref", "--format=%(objectname)", "refs/heads/main"); head != "" {
		parents = append(parents, head)
	}
	payload := o.Payload(message, files, time.Now(), parents...)
	if sign != nil {
		signatures = append(signatures, sign(payload))
	}
	hash := o.Enter(payload, signatures...)
	o.Git("reset", "-q", "--hard", hash)
	return hash
}
