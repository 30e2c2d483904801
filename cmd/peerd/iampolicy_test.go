package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// iam-policy prints the policies of all accounts or of one, and says what it cannot do.
func TestIAMPolicyCommand(t *testing.T) {
	t.Parallel()
	const spec = "testdata/scenarios/cross-account/spec.yaml"
	partner := filepath.Join(t.TempDir(), "spec.yaml")
	text := strings.Replace(scenarioText(t, "cross-account"), "owner: acme\n", "", 1)
	text = strings.Replace(text, "accounts:\n", "accounts:\n  far: {id: \"999999999999\", managed: false}\n", 1)
	if err := os.WriteFile(partner, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		code int
		want []string // of stdout where the code is 0, else of stderr
	}{
		"all":               {[]string{"--spec", spec}, 0, []string{`"account": "network"`, `"account": "payments"`, "REPLACE-WITH", `"sts:ExternalId"`}},
		"terraform":         {[]string{"payments", "--spec", spec, "-o", "terraform"}, 0, []string{`resource "aws_iam_role" "peerd_payments" {`, "var.peerd_principals"}},
		"cloudformation":    {[]string{"payments", "--spec", spec, "-o", "cloudformation"}, 0, []string{"AWSTemplateFormatVersion", "!Ref Principals"}},
		"principal":         {[]string{"--spec", spec, "--principal", "arn:aws:iam::333333333333:role/ci"}, 0, []string{"arn:aws:iam::333333333333:role/ci"}},
		"owner":             {[]string{"--spec", partner, "--owner", "mine"}, 0, []string{`"owner": "mine"`}},
		"no such account":   {[]string{"pay", "--spec", spec}, 3, []string{"no account pay; it has network, payments"}},
		"unmanaged account": {[]string{"far", "--spec", partner, "--owner", "mine"}, 3, []string{"account far is not managed"}},
		"no owner":          {[]string{"--spec", partner}, 3, []string{"no owner"}},
		"no spec":           {nil, 3, []string{"--spec PATH"}},
		"format":            {[]string{"--spec", spec, "-o", "text"}, 3, []string{"json, terraform or cloudformation"}},
		"no principal":      {[]string{"--spec", spec, "--principal", "*"}, 3, []string{`--principal "*"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := peerd(t, nil, append([]string{"iam-policy"}, tc.args...)...)
			if code != tc.code {
				t.Fatalf("exit %d, want %d: %s", code, tc.code, stderr)
			}
			got := stdout
			if code != 0 {
				got = stderr
			}
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is missing in:\n%s", want, got)
				}
			}
		})
	}
}

// One account's policies are the same alone as among all.
func TestIAMPolicyOfOneAccount(t *testing.T) {
	t.Parallel()
	read := func(args ...string) []map[string]any {
		code, stdout, stderr := peerd(t, nil, append([]string{"iam-policy", "--spec", "testdata/scenarios/cross-account/spec.yaml"}, args...)...)
		var out struct{ Accounts []map[string]any }
		if err := json.Unmarshal([]byte(stdout), &out); err != nil || code != 0 {
			t.Fatalf("exit %d, %v: %s", code, err, stderr)
		}
		return out.Accounts
	}
	all, one := read(), read("payments")
	want, err := json.Marshal(all[1])
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(one[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(one) != 1 || string(want) != string(got) {
		t.Errorf("alone:\n%s\namong all:\n%s", got, want)
	}
}

// docs/permissions.md shows what is really printed for the spec that it shows.
func TestPermissionsDocument(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "permissions.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```(yaml|json)\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) != 3 {
		t.Fatalf("%d blocks", len(blocks))
	}
	path := filepath.Join(t.TempDir(), "spec.yaml")
	if err := os.WriteFile(path, []byte(blocks[0][2]), 0o600); err != nil {
		t.Fatal(err)
	}
	type policy struct{ Statement []json.RawMessage }
	var out struct {
		Accounts []struct {
			Policies struct{ Write policy }
			Trust    policy
		}
	}
	for i, args := range [][]string{{"payments", "--prune"}, {"network", "--principal", "arn:aws:iam::111111111111:role/runner"}} {
		code, stdout, stderr := peerd(t, nil, append([]string{"iam-policy", "--spec", path}, args...)...)
		if err := json.Unmarshal([]byte(stdout), &out); err != nil || code != 0 {
			t.Fatalf("exit %d, %v: %s", code, err, stderr)
		}
		statements := [][]json.RawMessage{out.Accounts[0].Policies.Write.Statement, out.Accounts[0].Trust.Statement}[i]
		var b bytes.Buffer
		for _, s := range statements {
			if err := json.Compact(&b, s); err != nil {
				t.Fatal(err)
			}
			b.WriteByte('\n')
		}
		if d := cmp.Diff(blocks[i+1][2], b.String()); d != "" {
			t.Errorf("%v (-document +printed):\n%s", args, d)
		}
	}
}
