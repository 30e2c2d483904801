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

// onGitLab is a repository with a spec that includes the jobs, in which gitlab-ci-local runs them: it holds GitLab's schema, and evaluates
// includes, inputs and rules. Jobs run in a shell here, not in their image.
type onGitLab struct {
	t    *testing.T
	dir  string
	apks string // where apk is, which only that image has
	env  []string
}

func newOnGitLab(t *testing.T, spec, include string, env ...string) onGitLab {
	t.Helper()
	g := onGitLab{t, t.TempDir(), t.TempDir(), env}
	jobs := read(t, "ci/gitlab/peerd.yml")
	inShell := strings.Replace(jobs, "  image: alpine:3.22\n", "", 1)
	if inShell == jobs {
		t.Fatal("the jobs have no image")
	}
	writeFile(t, filepath.Join(g.dir, "peerd.yml"), inShell)
	writeFile(t, filepath.Join(g.dir, ".gitlab-ci.yml"), include)
	writeFile(t, filepath.Join(g.dir, "specs", "net.yaml"), spec)
	apk := filepath.Join(g.apks, "apk")
	writeFile(t, apk, "#!/bin/sh\n[ \"$1\" = add ]\n")
	mustPass(t, ".", "chmod", "0755", apk)
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"remote", "add", "origin", "https://gitlab.example.com/acme/net.git"}, {"add", "-A"},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "a spec"}} {
		mustPass(t, g.dir, "git", args...)
	}
	return g
}

// pipeline runs all jobs that the rules leave for these variables, and says whether it passed.
func (g onGitLab) pipeline(variables ...string) (string, bool) {
	g.t.Helper()
	args := []string{"--shell-isolation"}
	for _, v := range append(variables, g.env...) {
		args = append(args, "--variable", v)
	}
	cmd := exec.CommandContext(g.t.Context(), tooltest.Need(g.t, "gitlab-ci-local"), args...)
	cmd.Dir, cmd.Env = g.dir, append(os.Environ(), "HOME="+g.t.TempDir(), "PATH="+g.apks+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), forgeToken) {
		g.t.Errorf("the token is in the log:\n%s", out)
	}
	return string(out), err == nil
}

// The jobs run as GitLab would start them: on a merge request, on one from a fork, on a schedule and on main.
func TestGitLabJobsRun(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	releases := released(t).URL
	sums, err := exec.CommandContext(t.Context(), tooltest.Need(t, "curl"), "-sf", releases+"/v1.2.3/checksums.txt").Output()
	if err != nil {
		t.Fatal(err)
	}
	aws, assumed := federated(t)
	text := read(t, "../cmd/peerd/testdata/scenarios/cross-account/spec.yaml")
	include := regexp.MustCompile("(?s)```yaml\n(include:.*?)```").FindStringSubmatch(read(t, "../docs/ci.md"))
	if include == nil {
		t.Fatal("the document shows no include")
	}
	shown := strings.Replace(include[1], "DIGEST", strings.Fields(string(sums))[0], 1)
	env := []string{"RELEASES_URL=" + releases, "CI_API_V4_URL=" + f.URL, "CI_PROJECT_ID=5", "COMMENT_TOKEN=" + forgeToken,
		"AWS_ENDPOINT_URL=" + aws, "AWS_ENDPOINT_URL_STS=" + aws, "AWS_ID_TOKEN=job-identity"}
	own := []string{"CI_PIPELINE_SOURCE=merge_request_event", "CI_MERGE_REQUEST_IID=" + forgeNumber,
		"CI_MERGE_REQUEST_PROJECT_ID=5", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID=5"}
	fork := append(own[:3:3], "CI_MERGE_REQUEST_SOURCE_PROJECT_ID=6")
	push := []string{"CI_PIPELINE_SOURCE=push", "CI_COMMIT_BRANCH=main", "CI_DEFAULT_BRANCH=main"}
	schedule := []string{"CI_PIPELINE_SOURCE=schedule"}
	planning := newOnGitLab(t, text, shown, env...)
	applying := newOnGitLab(t, text, shown+"      apply-role: arn:aws:iam::111111111111:role/apply\n", env...)
	for _, step := range []struct {
		in        onGitLab
		variables []string
		passes    bool
		says      string
	}{
		{planning, schedule, false, "AWS is not as specs says"},
		{planning, fork, true, "specs: valid: 1 peering"},
		{planning, own, true, "to add"},
		{planning, push, true, ""}, // without a role for it nothing is applied
		{planning, schedule, false, "AWS is not as specs says"},
		{applying, push, true, "in sync: 1 peering"},
		{planning, schedule, true, "in sync"},
	} {
		out, passed := step.in.pipeline(step.variables...)
		if passed != step.passes || !strings.Contains(out, step.says) || !strings.Contains(out, "json schema validated") {
			t.Fatalf("%v passed: %v; no %q in:\n%s", step.variables, passed, step.says, out)
		}
	}
	mustHold(t, f.ours(), "### peerd plan: ", "exit 2.\n")
	all := strings.Join(assumed(), "\n")
	if !strings.Contains(all, "role/apply") || strings.Count(all, "role/peerd-plan") < 4 {
		t.Errorf("assumed: %s", all)
	}
}
