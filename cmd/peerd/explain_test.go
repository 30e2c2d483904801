package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Each line of an explained plan names words of the spec that say what it does: a rule's line has its port, a stated route's its destination.
func TestExplain(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(file), "\n")
	code, out, stderr := peerd(t, nil, "plan", "--sandbox", example, "--explain", "hub-payments")
	if code != 2 || strings.Contains(out, "hub-data") {
		t.Fatalf("exit %d\n%s%s", code, out, stderr)
	}
	asked := regexp.MustCompile(`(?m)^    \+ (?:rule \S+ \S+ (?:type )?(\d+)|route (10.20.0.0/17)).*\n +spec: ` + regexp.QuoteMeta(example) + `:(\d+):\d+\n +seen: .+\n +law:  .+\n`)
	found := asked.FindAllStringSubmatch(out, -1)
	if len(found) != 5 {
		t.Errorf("%d of its lines are explained as they must be, want 5\n%s", len(found), out)
	}
	for _, m := range found {
		n, err := strconv.Atoi(m[3])
		if err != nil {
			t.Fatal(err)
		}
		if words := m[1] + m[2]; !strings.Contains(lines[n-1], words) {
			t.Errorf("line %d does not say %s: %s", n, words, lines[n-1])
		}
	}
	plain := regexp.MustCompile(`(?m)^ +(spec|seen|law): .*\n`).ReplaceAllString(out, "")
	if _, same, _ := peerd(t, nil, "plan", "--sandbox", example, "--target", "hub-payments"); plain != same {
		t.Errorf("what is explained (+) is not the plan (-):\n%s\n%s", plain, same)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "--explain LABEL` says of each line why it stands there:\n\n```text\n")
	shown, _, _ = strings.Cut(shown, "```\n")
	if shown == "" || !strings.Contains(strings.ReplaceAll(out, example, "peerings.example.yaml"), shown) {
		t.Errorf("the README shows what is not printed:\n%s", shown)
	}
	for says, args := range map[string][]string{
		"the spec has no peering of this name": {"plan", "--sandbox", example, "--explain", "hub-payment"},
		"without -o and --target":              {"plan", "--sandbox", example, "--explain", "hub-payments", "-o", "json"},
	} {
		if code, _, stderr := peerd(t, nil, args...); code != 3 || !strings.Contains(stderr, says) {
			t.Errorf("%v: exit %d\n%s", args, code, stderr)
		}
	}
}
