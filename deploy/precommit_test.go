package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/tooltest"
)

// precommit is a repository whose commits pre-commit checks with the hook of .pre-commit-hooks.yaml as it stands here.
type precommit struct {
	t   *testing.T
	dir string
	env []string
}

func newPrecommit(t *testing.T) precommit {
	t.Helper()
	skipProcesses(t)
	tooltest.Need(t, "pre-commit")
	home := t.TempDir()
	// pre-commit builds peerd under a GOPATH of its own; the modules need not be fetched once more for that.
	p := precommit{t, filepath.Join(home, "specs-repo"), append(os.Environ(), "PRE_COMMIT_HOME="+home, "GOMODCACHE="+goEnv(t, "GOMODCACHE"), "GOFLAGS=-modcacherw",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")}
	hooks := filepath.Join(home, "peerd")
	p.must("..", "git", "clone", "-q", ".", hooks)
	writeFile(t, filepath.Join(hooks, ".pre-commit-hooks.yaml"), read(t, "../.pre-commit-hooks.yaml"))
	p.must(hooks, "git", "add", ".pre-commit-hooks.yaml")
	p.must(hooks, "git", "commit", "-q", "--allow-empty", "-m", "as it stands here")
	revision := strings.TrimSpace(p.must(hooks, "git", "rev-parse", "HEAD"))
	p.must(home, "git", "init", "-q", p.dir)
	writeFile(t, filepath.Join(p.dir, ".pre-commit-config.yaml"), documented(t, hooks, revision))
	return p
}

// documented is the configuration that docs/ci.md shows, for another place and revision.
func documented(t *testing.T, repo, revision string) string {
	t.Helper()
	shown := regexp.MustCompile("(?s)```yaml\n(repos:.*?)```").FindStringSubmatch(read(t, "../docs/ci.md"))
	if shown == nil {
		t.Fatal("the document shows no configuration")
	}
	return strings.NewReplacer("https://github.com/peerd/peerd", repo, "v1.2.3", revision).Replace(shown[1])
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (p precommit) run(dir, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(p.t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p precommit) must(dir, program string, args ...string) string {
	p.t.Helper()
	out, err := p.run(dir, program, args...)
	if err != nil {
		p.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return out
}

// commit tries to commit what is there, and fails the test unless the hook judges as wanted.
func (p precommit) commit(passes bool, says string) {
	p.t.Helper()
	p.must(p.dir, "git", "add", "-A")
	out, err := p.run(p.dir, "pre-commit", "run", "--verbose")
	if (err == nil) != passes || !strings.Contains(out, says) {
		p.t.Errorf("%v; want %v and %q in:\n%s", err, passes, says, out)
	}
	p.must(p.dir, "git", "commit", "-q", "-m", "next", "--no-verify")
}

// pre-commit checks the whole spec at every commit: files that are a spec only together, one that is broken, and one that is gone of which
// no name could be handed on.
func TestPrecommitHook(t *testing.T) {
	t.Parallel()
	p := newPrecommit(t)
	file := func(name string) string { return filepath.Join(p.dir, "specs", name) }
	spec := read(t, "../peerings.example.yaml")
	head, peerings, found := strings.Cut(spec, "\npeerings:\n")
	if !found {
		t.Fatal("the example has no peerings")
	}
	writeFile(t, file("accounts.yaml"), head)
	writeFile(t, file("peerings.yaml"), "apiVersion: peerd/v1\npeerings:\n"+peerings)
	p.commit(true, "specs: valid: 3 peerings, 3 VPCs, 2 accounts")

	writeFile(t, file("accounts.yaml"), strings.Replace(head, "vpc-0a1b2c3d4e5f60001", "vpc-1", 1))
	p.commit(false, "specs/accounts.yaml:")

	writeFile(t, file("accounts.yaml"), head)
	p.commit(true, "valid")
	if err := os.Remove(file("accounts.yaml")); err != nil {
		t.Fatal(err)
	}
	p.commit(false, "specs/peerings.yaml:")
}
