package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/simtest"
)

// served is a simulated AWS over HTTP, to which the environment leads the SDK.
func served(t *testing.T) *ec2sim.Sim {
	t.Helper()
	sim, err := ec2sim.New(ec2sim.Config{World: simtest.World})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	id, secret := ec2sim.AccessKey("111111111111")
	for k, v := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "eu-west-1",
		"AWS_PROFILE": "", "AWS_SESSION_TOKEN": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull} {
		t.Setenv(k, v)
	}
	return sim
}

// The spec directory is emptied, moved or mistyped: nothing is deleted, however much may be. What is not found is no spec, and nothing is
// sent to AWS; what is found and has no peerings is an empty spec, whose removals are withheld.
func TestF18SpecIsNotThere(t *testing.T) {
	sim := served(t)
	head, peerings, _ := strings.Cut(scenarioText(t, "cross-account"), "peerings:")
	whole := map[string]string{"estate.yaml": head, "net/peerings.yaml": "apiVersion: peerd/v1\npeerings:" + peerings}
	args := []string{"--once", "--owner", "acme", "--aws-share", "1", "--prune", "--max-deletes", "100%"}
	first := filepath.Join(t.TempDir(), "specs")
	writeAll(t, first, whole)
	if code, stdout, stderr := peerd(t, nil, append(args, "--spec", first)...); code != 0 {
		t.Fatalf("first pass: exit %d\n%s\n%s", code, stdout, stderr)
	}
	before := sim.Dump()
	removed := func(names ...string) func(string) string {
		return func(dir string) string {
			for _, name := range names {
				must(t, os.Remove(filepath.Join(dir, name)))
			}
			return dir
		}
	}
	changed := func(name, text string) func(string) string {
		return func(dir string) string {
			must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
			return dir
		}
	}
	for name, tc := range map[string]struct {
		fault func(dir string) (path string) // what happens to the directory, and which path peerd is given
		code  int
		says  string
	}{
		"emptied":       {removed("estate.yaml", "net/peerings.yaml"), 3, "no *.yaml or *.yml file is here"},
		"emptied whole": {func(dir string) string { must(t, os.RemoveAll(dir)); must(t, os.Mkdir(dir, 0o700)); return dir }, 3, "no *.yaml or *.yml file is here"},
		"moved":         {func(dir string) string { must(t, os.Rename(dir, dir+"-2")); return dir }, 3, "no such file or directory"},
		"mistyped":      {func(dir string) string { return dir + "s" }, 3, "no such file or directory"},
		"another directory, without specs": {func(dir string) string {
			must(t, os.MkdirAll(filepath.Join(dir, "docs"), 0o700))
			return filepath.Join(dir, "docs")
		}, 3, "no *.yaml or *.yml file is here"},
		"files renamed": {func(dir string) string {
			for _, f := range []string{"estate.yaml", "net/peerings.yaml"} {
				must(t, os.Rename(filepath.Join(dir, f), filepath.Join(dir, f+".off")))
			}
			return dir
		}, 3, "no *.yaml or *.yml file is here"},
		"file moved": {func(dir string) string { return filepath.Join(dir, "peerings.yaml") }, 3, "no such file or directory"},
		"files emptied": {func(dir string) string {
			writeAll(t, dir, map[string]string{"estate.yaml": "", "net/peerings.yaml": ""})
			return dir
		}, 3, "the file holds no document"},
		"files full of comments": {func(dir string) string {
			writeAll(t, dir, map[string]string{"estate.yaml": "# x\n", "net/peerings.yaml": "# x\n"})
			return dir
		}, 3, "the file holds no document"},
		"only a link is left": {func(dir string) string {
			removed("estate.yaml", "net/peerings.yaml")(dir)
			must(t, os.Symlink(first, filepath.Join(dir, "x.yaml")))
			return dir
		}, 3, "x.yaml:1:1: is not a file of its own"},
		"a file became a link": {func(dir string) string {
			must(t, os.Rename(filepath.Join(dir, "net/peerings.yaml"), dir+".shared"))
			must(t, os.Symlink(dir+".shared", filepath.Join(dir, "net/peerings.yaml")))
			return dir
		}, 3, "peerings.yaml:1:1: is not a file of its own"},
		"peerings emptied":         {changed("net/peerings.yaml", ""), 3, "peerings.yaml"},
		"peerings null":            {changed("net/peerings.yaml", "apiVersion: peerd/v1\npeerings:\n"), 3, "peerings.yaml:2:10"},
		"peerings removed":         {removed("net/peerings.yaml"), 4, "an empty spec removes nothing"},
		"peerings an empty list":   {changed("net/peerings.yaml", "apiVersion: peerd/v1\npeerings: []\n"), 4, "an empty spec removes nothing"},
		"what they join removed":   {removed("estate.yaml"), 3, "is not defined under vpcs"},
		"the id of a VPC mistyped": {changed("estate.yaml", strings.Replace(head, "vpc-0000000000000a001", "vpc-0000000000000a0aa", 1)), 4, "no VPC vpc-0000000000000a0aa"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "specs")
			writeAll(t, dir, whole)
			path := tc.fault(dir)
			calls := len(sim.Calls())
			code, stdout, stderr := peerd(t, nil, append(args, "--spec", path)...)
			if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
				t.Errorf("exit %d, want %d and %q\n%s\n%s", code, tc.code, tc.says, stdout, stderr)
			}
			made := sim.Calls()[calls:]
			if tc.code == 3 && len(made) > 0 {
				t.Errorf("%d calls were made of a spec that is not there", len(made))
			}
			simtest.WantActions(t, nil, simtest.Mutating(made))
			if sim.Dump() != before {
				t.Error("something has changed")
			}
			failures.Shown(t, 18, strings.Contains(before, `"peerd:owner":"acme"`), "what peerd made is there to be deleted")
		})
	}
}

// writeAll puts files into a directory.
func writeAll(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
