package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/render"
)

const example = "../../peerings.example.yaml"

// peerd runs the program in this process and returns its exit code and outputs.
func peerd(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, func(k string) (string, bool) { v, ok := env[k]; return v, ok }, &out, &err)
	return code, out.String(), err.String()
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("apiVersion: peerd/v1\nowner: acme\nacounts: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		env  map[string]string
		code int
		says string // in stdout or stderr
	}{
		"once in the sandbox":    {[]string{"--once", "--sandbox", "--spec", example}, nil, 0, "in sync: 3 peerings"},
		"flags from environment": {[]string{"--once"}, map[string]string{"PEERD_SANDBOX": "true", "PEERD_SPEC": example}, 0, "in sync: 3 peerings"},
		"plan":                   {[]string{"plan", "--sandbox", example}, nil, 2, "Plan: 28 to add, 0 to change, 0 to delete"},
		"dry run":                {[]string{"--once", "--dry-run", "--sandbox", "--spec", example}, nil, 2, "Plan: 28 to add"},
		"valid":                  {[]string{"validate", example}, nil, 0, "valid: 3 peerings, 3 VPCs, 2 accounts"},
		"not valid":              {[]string{"validate", broken}, nil, 3, "broken.yaml:3:1:"},
		"broken spec":            {[]string{"--once", "--spec", broken}, nil, 3, "nothing was sent to AWS"},
		"no spec":                {[]string{"--once"}, nil, 3, "--spec PATH"},
		"missing spec":           {[]string{"plan", "no-such-file.yaml"}, nil, 3, "no-such-file.yaml"},
		"other owner":            {[]string{"--once", "--sandbox", "--spec", example, "--owner", "else"}, nil, 3, "acme-network"},
		"unknown flag":           {[]string{"--onec"}, nil, 3, "unknown flag: --onec"},
		"bad environment":        {[]string{"--once", "--sandbox", "--spec", example}, map[string]string{"PEERD_TIMEOUT": "soon"}, 3, "PEERD_TIMEOUT"},
		"bad output":             {[]string{"--once", "--sandbox", "--spec", example, "-o", "xml"}, nil, 3, "text, json or markdown"},
		"markdown":               {[]string{"plan", "--sandbox", example, "-o", "markdown"}, nil, 2, "### peerd plan: 28 to add"},
		"one target":             {[]string{"plan", "--sandbox", example, "--target", "hub-data"}, nil, 2, "Plan: 7 to add"},
		"no such target":         {[]string{"plan", "--sandbox", example, "--target", "hub-dat"}, nil, 3, "it has hub-data, hub-payments, payments-data"},
		"target once":            {[]string{"--once", "--sandbox", "--spec", example, "--target", "hub-data"}, nil, 0, "in sync: 1 peering\n"},
		"painted":                {[]string{"plan", "--sandbox", example, "--color", "always"}, nil, 2, "\x1b[32m    + connection"},
		"bad color":              {[]string{"plan", "--sandbox", example, "--color", "blue"}, nil, 3, "auto, always or never"},
		"secret as a flag":       {[]string{"--once", "--aws-secret-access-key", "x"}, nil, 3, "secrets are never taken on the command line"},
		"labels are completed":   {[]string{"__complete", "plan", example, "--target", "hub"}, nil, 0, "hub-data\nhub-payments\n"},
		"help has examples":      {[]string{"--help"}, nil, 0, "peerd --once --sandbox --spec peerings.example.yaml"},
		"bad share":              {[]string{"--once", "--sandbox", "--spec", example, "--aws-share", "2"}, nil, 3, "--aws-share"},
		"nothing to apply":       {nil, nil, 3, "say --spec PATH"},
		"version":                {[]string{"version"}, nil, 0, "peerd "},
		"completion":             {[]string{"completion", "bash"}, nil, 0, "peerd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := peerd(t, tc.env, tc.args...)
			if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
				t.Errorf("peerd %s: exit %d, want %d and %q in the output\nstdout:\n%s\nstderr:\n%s", strings.Join(tc.args, " "), code, tc.code, tc.says, stdout, stderr)
			}
		})
	}
}

// The plan and the verdict go to stdout, progress to stderr.
func TestResultsAndProgressAreApart(t *testing.T) {
	t.Parallel()
	_, stdout, stderr := peerd(t, nil, "--once", "--sandbox", "--spec", example)
	if strings.Contains(stdout, "[ 1/28]") || !strings.Contains(stderr, "[ 1/28]") || !strings.Contains(stderr, "[28/28]") {
		t.Errorf("progress belongs on stderr\nstdout:\n%s\nstderr:\n%s", stdout, stderr)
	}
}

func TestJSONReport(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := peerd(t, nil, "--once", "--sandbox", "--spec", example, "-o", "json")
	var r render.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v\n%s\n%s", err, stdout, stderr)
	}
	if code != 0 || r.Exit != 0 || r.Plan.Summary.Add != 28 || len(r.Results) != 28 || len(r.Left.Actions) != 0 || len(r.Verdicts) != 3 {
		t.Errorf("exit %d, report %+v", code, r)
	}
}

// In a GitHub job the plan goes to the step summary and its counts to the outputs, beside the ordinary output.
func TestGitHubActions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary"), "GITHUB_OUTPUT": filepath.Join(dir, "output")}
	code, stdout, stderr := peerd(t, env, "plan", "--sandbox", example)
	if code != 2 || !strings.Contains(stdout, "Plan: 28 to add") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	got := map[string]string{"summary": page(t, filepath.Join(dir, "summary")), "output": page(t, filepath.Join(dir, "output"))}
	for file, want := range map[string]string{"summary": "### peerd plan: 28 to add, 0 to change, 0 to delete\n", "output": "add=28\nchange=0\ndelete=0\nproblems=0\n"} {
		if !strings.HasPrefix(got[file], want) {
			t.Errorf("%s:\n%s", file, got[file])
		}
	}
	if _, markdown, _ := peerd(t, nil, "plan", "--sandbox", example, "-o", "markdown"); markdown != got["summary"] || !strings.HasSuffix(markdown, "</details>\n\n**not in sync: 3 of 3 peerings**\n") {
		t.Errorf("the summary:\n%s\nand the output as Markdown:\n%s", got["summary"], markdown)
	}
}
