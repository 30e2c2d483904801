package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
)

// Reading needs no right to write: whatever only plans assumes the accounts' readRole, where there is one, and never the role that writes.
func TestRoles(t *testing.T) {
	dir := filepath.Join("testdata", "scenarios")
	text := func(name string, change ...string) []byte {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.NewReplacer(change...).Replace(string(data))
		if changed == string(data) {
			t.Fatalf("nothing changed in %s", name)
		}
		return []byte(changed)
	}
	const (
		write  = "arn:aws:iam::111111111111:role/peerd"
		read   = "arn:aws:iam::111111111111:role/peerd-read"
		writeB = "arn:aws:iam::222222222222:role/peerd"
		readB  = "arn:aws:iam::222222222222:role/net/peerd-read"
	)
	both := []string{"role: peerd,", "role: peerd, readRole: peerd-read,", `role: "` + writeB + `"`, `role: "` + writeB + `", readRole: "` + readB + `"`}
	for name, tc := range map[string]struct {
		change []string
		args   []string
		code   int
		want   []string // roles assumed
	}{
		"plan":                       {both, []string{"plan"}, 2, []string{read, readB}},
		"dry run":                    {both, []string{"--once", "--dry-run"}, 2, []string{read, readB}},
		"once":                       {both, []string{"--once"}, 0, []string{write, writeB}},
		"plan, one without":          {both[:2], []string{"plan"}, 2, []string{read, writeB}},
		"plan, with pruning in view": {both, []string{"plan", "--prune"}, 2, []string{read, readB}},
	} {
		t.Run(name, func(t *testing.T) {
			world := text(filepath.Join("..", "..", "..", "..", "pkg", "simtest", "world.yaml"), "roles: [{name: peerd, externalId: acme-7f3}]", "roles: [{name: peerd, externalId: acme-7f3}, {name: peerd-read, externalId: acme-7f3}]",
				"roles: [{name: peerd}]", "roles: [{name: peerd}, {name: peerd-read}]")
			sim, err := ec2sim.New(ec2sim.Config{World: world})
			if err != nil {
				t.Fatal(err)
			}
			serve(t, sim)
			path := filepath.Join(t.TempDir(), "spec.yaml")
			if err := os.WriteFile(path, text(filepath.Join("cross-account", "spec.yaml"), tc.change...), 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := peerd(t, nil, append(tc.args, "--spec", path, "--aws-share", "1")...)
			if code != tc.code {
				t.Errorf("exit %d, want %d\n%s\n%s", code, tc.code, stdout, stderr)
			}
			if d := cmp.Diff(tc.want, assumed(sim.Calls())); d != "" {
				t.Errorf("roles assumed (-want +got):\n%s", d)
			}
		})
	}
}

// serve makes a simulator the AWS of the program, with ambient credentials of the account 111111111111.
func serve(t *testing.T, sim *ec2sim.Sim) {
	t.Helper()
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	id, secret := ec2sim.AccessKey("111111111111")
	for k, v := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "eu-west-1",
		"AWS_PROFILE": "", "AWS_SESSION_TOKEN": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull} {
		t.Setenv(k, v)
	}
}

// assumed are the roles that were asked for, each once and sorted.
func assumed(calls []ec2sim.Call) []string {
	var out []string
	for _, c := range calls {
		if c.Action == "AssumeRole" {
			out = append(out, c.Params.Get("RoleArn"))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
