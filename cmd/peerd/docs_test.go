package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/sandbox"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/tooltest"
)

// shownRun is a run of peerd with what it prints.
var shownRun = regexp.MustCompile("(?s)```text\n\\$ (?:go run ./cmd/)?peerd ([^\n]*)\n(.*?)```\n")

// What the pages show is what comes out, in a directory that has nothing but the example. With -update it is written anew.
func TestDocsShowTheRealOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	copied(t, example, filepath.Join(dir, "peerings.example.yaml"))
	for path, least := range map[string]int{"../../README.md": 2, "../../README.zh-CN.md": 2, "../../docs/trace.md": 2, "../../docs/cli.md": 1} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text := page(t, path)
			ran := 0
			got := shownRun.ReplaceAllStringFunc(text, func(block string) string {
				ran++
				run := shownRun.FindStringSubmatch(block)
				cmd, _ := process(t.Context(), t, "", strings.Fields(run[1])...)
				cmd.Dir, cmd.Stdout, cmd.Stderr = dir, nil, nil
				out, _ := cmd.Output() // its exit code says no more than the output does
				return strings.TrimSuffix(block, run[2]+"```\n") + string(out) + "```\n"
			})
			if ran < least {
				t.Errorf("%s shows %d runs, want %d", path, ran, least)
			}
			if *update {
				must(t, os.WriteFile(path, []byte(got), 0o644))
				return
			}
			same := func(s string) string { return anyConnection.ReplaceAllString(s, "pcx-") } // which gets which id is a matter of time
			if d := cmp.Diff(same(text), same(got)); d != "" {
				t.Errorf("%s shows something else than what comes out (-shown +got):\n%s", path, d)
			}
		})
	}
}

var anyConnection = regexp.MustCompile("pcx-[0-9a-f]+")

// What the README shows of a longer output stands in that: an entry on the page about import, a statement among those of the example's policies.
func TestREADMEShowsPartsOfRealOutputs(t *testing.T) {
	t.Parallel()
	readme := page(t, "../../README.md")
	_, entry, _ := strings.Cut(readme, "```yaml\n  # ")
	entry, _, _ = strings.Cut(entry, "```\n")
	if !strings.Contains(page(t, "../../docs/import.md"), entry) || entry == "" {
		t.Errorf("docs/import.md, which is held against a run, has no\n%s", entry)
	}
	_, statement, _ := strings.Cut(readme, "```json\n")
	statement, _, _ = strings.Cut(statement, "\n```\n")
	_, policies, _ := peerd(t, nil, "iam-policy", "--spec", example)
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(policies)); err != nil || statement == "" || !strings.Contains(compact.String(), statement) {
		t.Errorf("peerd iam-policy prints no %s: %v", statement, err)
	}
}

// Whoever follows the README with accounts of their own has everything in sync: its spec and commands as they stand there, in an empty
// directory, on an AWS that has what the spec takes for granted.
func TestREADMEWithAccounts(t *testing.T) {
	t.Parallel()
	readme := page(t, "../../README.md")
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "specs"), 0o700))
	block := regexp.MustCompile("(?s)```yaml\n(apiVersion.*?)```").FindStringSubmatch(readme)
	if block == nil {
		t.Fatal("the README shows no spec")
	}
	must(t, os.WriteFile(filepath.Join(dir, "specs", "mine.yaml"), []byte(block[1]), 0o600))
	box, err := sandbox.New(simtest.LoadSpec(t, block[1]))
	if err != nil {
		t.Fatal(err)
	}
	aws := httptest.NewServer(box.Sim)
	t.Cleanup(aws.Close)
	var codes []int
	for _, line := range regexp.MustCompile(`(?m)^\$ peerd (.*?) +#`).FindAllStringSubmatch(readme, -1) {
		codes = append(codes, typed(t, dir, aws.URL, line[1]))
	}
	if d := cmp.Diff([]int{0, 2, 0, 2, 0, 0}, codes); d != "" {
		t.Errorf("validate, plan in the sandbox, iam-policy, plan, one pass, the daemon: exit codes (-want +got)\n%s", d)
	}
}

// Whoever moves from peerings made by hand as docs/moving.md says changes nothing but tags, and has everything in sync.
func TestMovingFromWorkByHand(t *testing.T) {
	t.Parallel()
	anyRole := regexp.MustCompile(`(?m)^    roles: .*\n`)
	sim, err := ec2sim.New(ec2sim.Config{World: anyRole.ReplaceAll(simtest.World, nil)})
	if err != nil {
		t.Fatal(err)
	}
	aws := httptest.NewServer(sim)
	t.Cleanup(aws.Close)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "peerd"), []byte("#!/bin/sh\nexec '"+os.Args[0]+"' \"$@\"\n"), 0o700))
	byHand, _, _ := strings.Cut(page(t, "../../docs/moving.md"), "## From Terraform")
	var codes []int
	for _, line := range regexp.MustCompile(`(?m)^ *\$ (peerd .*)$`).FindAllStringSubmatch(byHand, -1) {
		cmd, out := process(t.Context(), t, aws.URL)
		cmd.Path, cmd.Args, cmd.Dir = "/bin/sh", []string{"sh", "-c", line[1]}, dir
		cmd.Env = append(cmd.Env, "PATH="+dir)
		codes = append(codes, exitCode(t, cmd.Run()))
		t.Logf("%s\n%s", line[1], out)
	}
	if d := cmp.Diff([]int{0, 2, 0}, codes); d != "" {
		t.Errorf("import, plan, one pass: exit codes (-want +got)\n%s", d)
	}
	for _, c := range simtest.Mutating(sim.Calls()) {
		if c.Action != "CreateTags" {
			t.Errorf("%s was called", c.Action)
		}
	}
}

// typed runs a command, and ends it where it is a daemon that has made a pass.
func typed(t *testing.T, dir, endpoint, line string) int {
	t.Helper()
	cmd, _ := process(t.Context(), t, endpoint, strings.Fields(line)...)
	var out tooltest.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	cmd.Env = append(cmd.Env, "PEERD_LISTEN=127.0.0.1:0", "PEERD_PROBE_LISTEN=127.0.0.1:0")
	must(t, cmd.Start())
	if !strings.HasPrefix(line, "--spec") {
		return exitCode(t, cmd.Wait())
	}
	for end := time.Now().Add(time.Minute); !ready(out.String()); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("peerd %s has made no pass after a minute:\n%s", line, out.String())
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	return exitCode(t, cmd.Wait())
}

// ready reports whether a daemon whose log this is has made a pass.
func ready(log string) bool {
	probes := regexp.MustCompile(`for=probe-listen address=(\S+)`).FindStringSubmatch(log)
	if probes == nil {
		return false
	}
	answer, err := http.Get("http://" + probes[1] + "/readyz")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	e, ok := err.(*exec.ExitError)
	if !ok {
		t.Fatal(err)
	}
	return e.ExitCode()
}

// The Chinese README has the same code as the English one, and a heading for each of its headings.
func TestREADMEInChinese(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("(?s)```.*?```\n")
	english, chinese := page(t, "../../README.md"), page(t, "../../README.zh-CN.md")
	if d := cmp.Diff(code.FindAllString(english, -1), code.FindAllString(chinese, -1)); d != "" {
		t.Errorf("README.zh-CN.md (+) has other code than README.md (-):\n%s", d)
	}
	parts := regexp.MustCompile(`(?m)^(#+ |\| [^-|])`)
	if a, b := len(parts.FindAllString(code.ReplaceAllString(english, ""), -1)), len(parts.FindAllString(code.ReplaceAllString(chinese, ""), -1)); a != b {
		t.Errorf("README.md has %d headings and rows, README.zh-CN.md %d", a, b)
	}
	figures := regexp.MustCompile(`\d[\d,.]*`)
	strip := func(s string) []string { return figures.FindAllString(code.ReplaceAllString(s, ""), -1) }
	if d := cmp.Diff(strip(english), strip(chinese)); d != "" {
		t.Errorf("README.zh-CN.md (+) has other figures than README.md (-):\n%s", d)
	}
}

func page(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func copied(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.WriteFile(to, []byte(page(t, from)), 0o600))
}
