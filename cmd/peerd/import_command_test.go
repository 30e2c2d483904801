package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim/fault"
)

// What import is told, and what it says where it cannot do it: then there is no spec at all, not even a part of one.
func TestImportCommand(t *testing.T) {
	sim := served(t)
	specs := filepath.Join(t.TempDir(), "spec.yaml")
	if err := os.WriteFile(specs, []byte(scenarioText(t, "cross-account")), 0o600); err != nil {
		t.Fatal(err)
	}
	both := []string{"--account", "network=111111111111", "--account", "222222222222", "--region", "eu-west-1", "--role", "peerd", "--external-id", "acme-7f3"}
	for _, tc := range []struct {
		name string
		args []string
		code int
		says string // on stdout where the code is 0
	}{
		{"nothing", nil, 3, "say what to read"},
		{"account without region", []string{"--account", "111111111111"}, 3, "--account without --region"},
		{"not an account", []string{"--account", "1111", "--region", "eu-west-1"}, 3, `--account "1111" is not an account's 12 digits`},
		{"not a region", []string{"--account", "111111111111", "--region", "Ireland"}, 3, `--region "Ireland" is not a region`},
		{"two accounts of one name", []string{"--account", "a=111111111111", "--account", "a=222222222222", "--region", "eu-west-1"}, 3, "another account has that name"},
		{"other owner than the spec's", []string{"--spec", specs, "--owner", "else"}, 3, "they must agree"},
		{"no spec", []string{"--spec", "no-such-file.yaml"}, 3, "no-such-file.yaml"},
		{"ambient credentials", []string{"--account", "111111111111", "--region", "eu-west-1"}, 0, `account-111111111111: {id: "111111111111"}`},
		{"ambient credentials of another account", []string{"--account", "222222222222", "--region", "eu-west-1"}, 1, "the credentials belong to account 111111111111, not to 222222222222"},
		{"no such role", []string{"--account", "111111111111", "--region", "eu-west-1", "--role", "none-such"}, 1, "not everything could be read"},
		{"roles", both, 0, `network: {id: "111111111111", role: peerd, externalId: acme-7f3}`},
		{"no owner", both, 0, "# owner: NAME"},
		{"owner", append(both, "--owner", "acme"), 0, "\nowner: acme\n"},
		{"a spec's accounts, roles, names and owner", []string{"--spec", specs}, 0, `payments: {id: "222222222222", role: "arn:aws:iam::222222222222:role/peerd"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := peerd(t, nil, append([]string{"import"}, tc.args...)...)
			said := stdout
			if tc.code != 0 {
				said = stderr
			}
			if code != tc.code || !strings.Contains(said, tc.says) || code != 0 && stdout != "" {
				t.Errorf("exit %d, want %d and %q\nstdout:\n%s\nstderr:\n%s", code, tc.code, tc.says, stdout, stderr)
			}
		})
	}
	for _, c := range sim.Calls() {
		if c.Mutating && c.Service == "ec2" {
			t.Errorf("a call that changes something: %s", c.Action)
		}
	}

	if code, stdout, stderr := peerd(t, nil, "--once", "--spec", specs, "--aws-share", "1"); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	for _, listing := range []string{"DescribeVpcPeeringConnections", "DescribeVpcs", "DescribeRouteTables", "DescribeSubnets", "DescribeSecurityGroups", "DescribeSecurityGroupRules"} {
		sim.Inject(fault.Rule{Service: "ec2", Operation: listing, Account: "222222222222", Kind: fault.Error, Code: "UnauthorizedOperation"})
		code, stdout, stderr := peerd(t, nil, append([]string{"import"}, both...)...)
		sim.ClearFaults()
		if code != 1 || stdout != "" || !strings.Contains(stderr, "(222222222222/eu-west-1)") {
			t.Errorf("%s is refused: exit %d\n%s\n%s", listing, code, stdout, stderr)
		}
	}
}
