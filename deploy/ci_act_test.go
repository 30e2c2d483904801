package deploy

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/tooltest"
)

// released serves peerd, built from what is checked out, as a release of version 1.2.3 for this machine.
func released(t *testing.T) *httptest.Server {
	t.Helper()
	dir := t.TempDir()
	version := filepath.Join(dir, "v1.2.3")
	if err := os.MkdirAll(version, 0o755); err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(dir, "tree") // as .goreleaser.yaml lays the archive out
	writeFile(t, filepath.Join(tree, "deploy", "ci", "peerd-ci"), read(t, "ci/peerd-ci"))
	mustPass(t, ".", "chmod", "0755", filepath.Join(tree, "deploy/ci/peerd-ci"))
	mustPass(t, ".", "cp", peerd(t), filepath.Join(tree, "peerd"))
	mustPass(t, version, "tar", "-czf", "peerd_1.2.3_linux_amd64.tar.gz", "-C", tree, "peerd", "deploy")
	mustPass(t, version, "sh", "-c", "sha256sum *.tar.gz >checksums.txt")
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(s.Close)
	return s
}

// onGitHub is a repository with a spec and the workflows as they are, in which act runs them: a runner for GitHub's workflows that takes the
// action from this directory.
type onGitHub struct {
	t   *testing.T
	dir string
	env []string
}

func newOnGitHub(t *testing.T, spec string, env ...string) onGitHub {
	t.Helper()
	g := onGitHub{t, t.TempDir(), env}
	for _, w := range workflows(t) {
		writeFile(t, filepath.Join(g.dir, ".github", "workflows", filepath.Base(w)), read(t, w))
	}
	writeFile(t, filepath.Join(g.dir, "specs", "net.yaml"), spec)
	for _, args := range [][]string{{"init", "-q"}, {"remote", "add", "origin", "https://github.com/acme/net"}, {"add", "-A"},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "a spec"}} {
		mustPass(t, g.dir, "git", args...)
	}
	return g
}

// run lets act run one workflow on an event, and says whether it passed.
func (g onGitHub) run(workflow, event, payload string) (string, bool) {
	g.t.Helper()
	here, err := filepath.Abs("..")
	if err != nil {
		g.t.Fatal(err)
	}
	file := filepath.Join(g.t.TempDir(), "event.json")
	writeFile(g.t, file, payload)
	args := []string{event, "--workflows", ".github/workflows/" + workflow, "--eventpath", file, "--platform", "ubuntu-24.04=-self-hosted", "--strict",
		"--local-repository", "peerd/peerd@v1.2.3=" + here, "--no-cache-server", "--secret", "GITHUB_TOKEN=" + forgeToken, "--actor", "alice"}
	for _, v := range g.env {
		args = append(args, "--env", v)
	}
	cmd := exec.CommandContext(g.t.Context(), tooltest.Need(g.t, "act"), args...)
	cmd.Dir, cmd.Env = g.dir, append(os.Environ(), "HOME="+g.t.TempDir())
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), forgeToken) {
		g.t.Errorf("the token is in the log:\n%s", out)
	}
	return string(out), err == nil
}

func pullRequest(from string) string {
	return `{"repository": {"full_name": "acme/net"}, "pull_request": {"number": ` + forgeNumber +
		`, "head": {"sha": "0123abcd", "repo": {"full_name": "` + from + `"}}}}`
}

// The workflows run as they are, with the composite action: they install a release, plan into one comment, plan a fork's without any, apply,
// and find drift.
func TestWorkflowsRun(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	aws := simulated(t)
	text := read(t, "../cmd/peerd/testdata/scenarios/cross-account/spec.yaml")
	g := newOnGitHub(t, text, "RELEASES_URL="+released(t).URL, "GITHUB_API_URL="+f.URL, "AWS_ENDPOINT_URL="+aws,
		"AWS_ACCESS_KEY_ID=111111111111", "AWS_SECRET_ACCESS_KEY=x")
	outputs := regexp.MustCompile(`set-output:: add=[1-9]`)
	for _, step := range []struct {
		workflow, event, payload string
		passes                   bool
		says                     string
	}{
		{"peerd-drift.yml", "schedule", "{}", false, "AWS is not as specs says"},
		{"peerd-plan.yml", "pull_request", pullRequest("mallory/net"), true, "specs: valid: 1 peering"},
		{"peerd-plan.yml", "pull_request", pullRequest("acme/net"), true, "to add"},
		{"peerd-apply.yml", "push", `{"ref": "refs/heads/main"}`, true, "in sync: 1 peering"},
		{"peerd-drift.yml", "schedule", "{}", true, "in sync"},
	} {
		out, passed := g.run(step.workflow, step.event, step.payload)
		if passed != step.passes || !strings.Contains(out, step.says) {
			t.Fatalf("%s passed: %v; no %q in:\n%s", step.workflow, passed, step.says, out)
		}
		if step.says == "to add" && !outputs.MatchString(out) {
			t.Errorf("the action has no outputs:\n%s", out)
		}
		if n := len(f.all()); n > 0 && strings.Contains(step.payload, "mallory") {
			t.Errorf("a fork's pull request has %d comments", n)
		}
	}
	mustHold(t, f.ours(), "### peerd plan: ", "\nOf 0123abcd, exit 2.\n")
}
