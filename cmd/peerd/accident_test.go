package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// accidents are ways in which a good spec goes bad. Each is run with --prune; all but what the limit is there for with every removal allowed.
var accidents = map[string]struct {
	spec   func(t *testing.T, dir, good string) string // writes the spec and returns its path
	fault  fault.Rule                                  // what AWS does; zero: nothing
	limit  string                                      // empty: 100%
	code   int
	reason string // a pattern that one line of the output matches
}{
	"the peerings are gone from the spec": {spec: written(func(good string) string { return good[:strings.Index(good, "peerings:")] }),
		code: reconcile.ExitAttention, reason: `^! \d\d removals withheld: the spec has no peerings: an empty spec removes nothing$`},
	"nothing but the owner is left of the spec": {spec: written(func(string) string { return "apiVersion: peerd/v1\nowner: acme\n" }),
		code: reconcile.ExitAttention, reason: `^! all removals withheld: the spec has no peerings: an empty spec removes nothing$`},
	"the file is empty": {spec: written(func(string) string { return "" }),
		code: reconcile.ExitSpec, reason: `spec\.yaml:1:1: the file holds no document`},
	"everything is commented out": {spec: written(func(good string) string { return "# " + strings.ReplaceAll(good, "\n", "\n# ") }),
		code: reconcile.ExitSpec, reason: `spec\.yaml:1:1: the file holds no document`},
	"the directory is empty": {spec: func(*testing.T, string, string) string { return "" },
		code: reconcile.ExitSpec, reason: `no \*\.yaml or \*\.yml file is here: a spec that is not found is not an empty spec, so nothing is changed`},
	"the directory is gone": {spec: func(*testing.T, string, string) string { return "moved" },
		code: reconcile.ExitSpec, reason: `read the spec: .*moved: no such file or directory`},
	"half of the directory is gone": {spec: func(t *testing.T, dir, good string) string {
		head, mesh := good[:strings.Index(good, "meshes:")], good[strings.Index(good, "meshes:"):]
		write(t, filepath.Join(dir, "new", "mesh.yaml"), "apiVersion: peerd/v1\n"+mesh)
		write(t, filepath.Join(dir, "old", "spec.yaml"), head)
		return "old"
	}, limit: "10%", code: reconcile.ExitAttention,
		reason: `^! \d\d removals withheld: 14 of 20 peerings would lose something, at most 2 may \(--max-deletes, .*\): nothing is removed$`},
	"half of the peerings are gone": {spec: written(func(good string) string { return good[:strings.Index(good, "meshes:")] }),
		limit: "10%", code: reconcile.ExitAttention, reason: `^! \d\d removals withheld: 14 of 20 peerings would lose something, at most 2 may`},
	"a typo in the hub's id": {spec: written(changed("id: vpc-0000000000000a001", "id: vpc-0000000000000aOO1")),
		code: reconcile.ExitSpec, reason: `spec\.yaml:9:50: vpcs\.hub\.id: "vpc-0000000000000aOO1" is not the id of a VPC`},
	"a wrong id of the hub": {spec: written(changed("id: vpc-0000000000000a001", "id: vpc-0000000000000aaa1")),
		code: reconcile.ExitAttention, reason: `^! core/ledger: .*: vpc-missing: no VPC vpc-0000000000000aaa1 in 111111111111/eu-west-1: correct the id`},
	"a wrong tag of a VPC": {spec: written(changed("tags: {Name: payments}", "tags: {Name: paymnets}")),
		code: reconcile.ExitAttention, reason: `^! pay: .*: vpc-missing: no VPC with tags \{Name="paymnets"\} in 222222222222/eu-west-1: correct the id or tags`},
	"a wrong region of a VPC": {spec: written(changed("region: us-east-1, id: vpc-0000000000000a101", "region: us-west-2, id: vpc-0000000000000a101")),
		code: reconcile.ExitAttention, reason: `^! backbone/hub-ap--hub-us: .*: vpc-missing: no VPC vpc-0000000000000a101 in 111111111111/us-west-2`},
	"an account that refuses to be read": {spec: written(withoutData), fault: fault.Rule{Service: "ec2", Account: "333333333333", Kind: fault.Error, Code: "UnauthorizedOperation"},
		code: reconcile.ExitAttention, reason: `^! could not read: .*\(333333333333/eu-west-1\): UnauthorizedOperation`},
	"an account whose role is gone": {spec: written(changed(`data: {id: "333333333333", role: peerd}`, `data: {id: "333333333333", role: pered}`)),
		code: reconcile.ExitAttention, reason: `333333333333/eu-west-1.*AccessDenied`},
	"an account whose role is gone, and its peerings with it": {spec: written(func(good string) string {
		return changed(`data: {id: "333333333333", role: peerd}`, `data: {id: "333333333333", role: pered}`)(withoutData(good))
	}), code: reconcile.ExitAttention, reason: `^  ! extra connection: pcx-0000000000000e002 .*\(333333333333/eu-west-1 could not be read\)$`},
	"an account left out, with its VPCs and peerings": {spec: written(func(good string) string {
		good = withoutData(good)
		for _, cut := range []string{"  data: {id: \"333333333333\", role: peerd}\n", "  lake: ", "  warehouse: ", "  reports: ", "  lake-us: ", "  lake-ap: "} {
			good = without(good, cut, "\n")
		}
		return good
	}), code: reconcile.ExitAttention, reason: `^  ! extra connection: pcx-0000000000000e002 .*\(orphan: the spec does not name account 333333333333\)$`},
}

// withoutData leaves out the peerings of one account.
func withoutData(good string) string {
	return changed(", warehouse, reports", "", "lake-us, ", "", "pay-ap, lake-ap]\n", "pay-ap]\n", "exclude: [[pay-ap, lake-ap]]", "")(without(good, "  - name: lake\n", "hubs:\n"))
}

// written makes a directory with one file, which is the good spec changed.
func written(change func(string) string) func(*testing.T, string, string) string {
	return func(t *testing.T, dir, good string) string {
		write(t, filepath.Join(dir, "spec.yaml"), change(good))
		return ""
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// changed replaces pairs of texts.
func changed(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

// without cuts a text from one word on up to another, which ends a line or begins what stays.
func without(text, from, to string) string {
	begin := strings.Index(text, from)
	end := begin + strings.Index(text[begin+1:], to) + 1
	if to == "\n" {
		end++
	}
	return text[:begin] + text[end:]
}

// Whatever goes wrong with a spec or with the right to read, --prune removes nothing because of it, and one line says why.
func TestNothingIsRemovedByAccident(t *testing.T) {
	sim, err := ec2sim.New(ec2sim.Config{World: storyFile(t, "world.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, sim)
	good := string(storyFile(t, "4-mesh-grows", "spec.yaml"))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "spec.yaml"), good)
	for _, args := range [][]string{{"--once"}, {"--once", "--prune"}} { // then nothing of what is there now is too much
		code, stdout, stderr := peerd(t, nil, append(args, "--spec", dir, "--aws-share", "1")...)
		if want := map[int]int{1: reconcile.ExitChanges, 2: reconcile.ExitInSync}[len(args)]; code != want {
			t.Fatalf("%s: exit %d, want %d\n%s\n%s", args, code, want, stdout, stderr)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(accidents)) {
		t.Run(name, func(t *testing.T) {
			m := accidents[name]
			dir := t.TempDir()
			path := filepath.Join(dir, m.spec(t, dir, good))
			if m.fault.Kind != "" {
				sim.Inject(m.fault)
				defer sim.ClearFaults()
			}
			before, calls := sim.Dump(), len(sim.Calls())
			limit := "100%"
			if m.limit != "" {
				limit = m.limit
			}
			code, stdout, stderr := peerd(t, nil, "--once", "--prune", "--max-deletes", limit, "--spec", path, "--aws-share", "1")
			since := sim.Calls()[calls:]
			if m.fault.Kind != "" && sim.Fired()[m.fault.Kind] == 0 {
				t.Error("the fault did not fire")
			}
			if code != m.code || code == reconcile.ExitSpec && len(since) > 0 {
				t.Errorf("exit %d, want %d; %d calls\n%s\n%s", code, m.code, len(since), stdout, stderr)
			}
			if made := simtest.Mutating(since); len(made) > 0 || sim.Dump() != before {
				t.Errorf("something was changed: %v", made)
			}
			lines := strings.Split(stdout+stderr, "\n")
			if !slices.ContainsFunc(lines, regexp.MustCompile(m.reason).MatchString) {
				t.Errorf("no line says %s\n%s\n%s", m.reason, stdout, stderr)
			}
		})
	}
}
