package deploy

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/tooltest"
)

func workflows(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("ci/github/workflows/*.yml")
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	return all
}

// mustPass runs a tool that must find nothing.
func mustPass(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tooltest.Need(t, program), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %v: %v\n%s", program, args, err, out)
	}
}

const usesAction = "peerd/peerd/deploy/ci/github@v1.2.3"

// actionlint reads the workflows, once as they are and once with the action beside them, where it compares their inputs with the action's.
func TestWorkflowsAreLinted(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	mustPass(t, ".", "git", "init", "-q", repo)
	writeFile(t, filepath.Join(repo, "action", "action.yml"), read(t, "ci/github/action.yml"))
	for _, w := range workflows(t) {
		mustPass(t, ".", "actionlint", w)
		text := read(t, w)
		if !strings.Contains(text, usesAction) {
			t.Errorf("%s does not use the action", w)
		}
		writeFile(t, filepath.Join(repo, ".github", "workflows", filepath.Base(w)), strings.ReplaceAll(text, usesAction, "./action"))
	}
	mustPass(t, repo, "actionlint")
	wrong := filepath.Join(repo, ".github", "workflows", "peerd-plan.yml")
	writeFile(t, wrong, strings.ReplaceAll(read(t, wrong), "aws-role:", "aws-rôle:"))
	cmd := exec.CommandContext(t.Context(), tooltest.Need(t, "actionlint"))
	cmd.Dir = repo
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "is not defined in action") {
		t.Errorf("a wrong input is not noticed: %v\n%s", err, out)
	}
}

// action-validator holds the schemas that GitHub's own editors use, of workflows and of actions.
func TestActionHasItsSchema(t *testing.T) {
	t.Parallel()
	for _, file := range append(workflows(t), "ci/github/action.yml") {
		mustPass(t, ".", "action-validator", file)
	}
	wrong := filepath.Join(t.TempDir(), "action.yml")
	writeFile(t, wrong, strings.Replace(read(t, "ci/github/action.yml"), "required: true", "needed: true", 1))
	if out, err := exec.CommandContext(t.Context(), tooltest.Need(t, "action-validator"), wrong).CombinedOutput(); err == nil {
		t.Errorf("a wrong word is not noticed: %s", out)
	}
}

// What others have made is pinned by a commit with its tag beside it, or stands in README.md among what is not.
func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^([\w./-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	readme := read(t, "README.md")
	for _, w := range workflows(t) {
		text := read(t, w)
		for _, forbidden := range []string{"pull_request_target", "secrets.", "write-all"} {
			if strings.Contains(text, forbidden) {
				t.Errorf("%s: %s", w, forbidden)
			}
		}
		if !strings.Contains(text, "\n  PEERD_PRUNE: \"false\"") {
			t.Errorf("%s removes things", w)
		}
		if !strings.Contains(text, "\npermissions: {}\n") || !strings.Contains(text, "\nconcurrency:\n") {
			t.Errorf("%s grants permissions to all jobs, or lets two run at once", w)
		}
		for _, m := range regexp.MustCompile(`uses: (.*)`).FindAllStringSubmatch(text, -1) {
			commit, _, _ := strings.Cut(m[1], " #")
			if !pinned.MatchString(m[1]) && !strings.Contains(readme, "`"+m[1]+"`") ||
				pinned.MatchString(m[1]) && !strings.Contains(readme, commit[strings.Index(commit, "@")+1:]) {
				t.Errorf("%s: README.md says nothing of %s", w, m[1])
			}
		}
	}
	for _, m := range regexp.MustCompile(`image: (.*)`).FindAllStringSubmatch(read(t, "ci/gitlab/peerd.yml"), -1) {
		if !strings.Contains(readme, "`"+m[1]+"`") {
			t.Errorf("README.md says nothing of %s", m[1])
		}
	}
}

// The document's policies are JSON, and the role for plans reaches the reading roles of deploy/iam alone.
func TestCIDocument(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(read(t, "../docs/ci.md"), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d policies", len(blocks))
	}
	var statements []struct {
		Action    string
		Resource  string
		Principal map[string]string
		Condition map[string]map[string]any
	}
	for _, b := range blocks {
		var p struct{ Statement json.RawMessage }
		err := json.Unmarshal([]byte(b[1]), &p)
		if err == nil {
			err = json.Unmarshal(p.Statement, &statements)
		}
		if err != nil || len(statements) != 1 {
			t.Fatalf("%v in %s", err, b[1])
		}
	}
	if reads := statements[0]; reads.Action != "sts:AssumeRole" || reads.Resource != "arn:aws:iam::*:role/peerd-read" {
		t.Errorf("%+v", reads)
	}
	if !strings.Contains(read(t, "iam/terraform/variables.tf"), "default     = \"peerd-read\"") {
		t.Error("deploy/iam names the reading role otherwise")
	}
}
