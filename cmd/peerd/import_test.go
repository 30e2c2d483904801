package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/adopt"
	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
)

// readAs is an account as a spec has it, with the role that the simulated worlds give it.
func readAs(name, id, externalID string) *spec.Account {
	return &spec.Account{Name: name, ID: netstate.AccountID(id), Managed: true, Role: "peerd", ExternalID: externalID}
}

// importOf imports from a simulated AWS, through the SDK, as the command does; the simulator's world must not change.
func importOf(t *testing.T, sim *ec2sim.Sim, in adopt.Input) string {
	t.Helper()
	before := sim.Dump()
	text, err := imported(t.Context(), simtest.Target(sim), in)
	if err != nil {
		t.Fatal(err)
	}
	if sim.Dump() != before {
		t.Error("the import changed something")
	}
	return string(text)
}

// everywhere are accounts in regions.
func everywhere(accounts []*spec.Account, regions ...netstate.Region) []netstate.Scope {
	var out []netstate.Scope
	for _, a := range accounts {
		for _, r := range regions {
			out = append(out, netstate.Scope{Account: a.ID, Region: r})
		}
	}
	return out
}

// onlyTags holds a plan of an imported spec against the promise: tags of connections, and nothing else, neither to do nor in the way.
func onlyTags(t *testing.T, text string, p *plan.Plan) {
	t.Helper()
	var other []string
	for _, a := range p.Actions {
		if _, tags := a.(plan.TagConnection); !tags {
			other = append(other, a.String())
		}
	}
	for _, d := range p.Drift {
		if d.Resource != plan.ResourceTags {
			other = append(other, string(d.Link)+": "+string(d.Kind)+" "+string(d.Resource)+" "+d.What)
		}
	}
	for _, w := range p.Problems {
		if w.Severity != plan.Warns {
			other = append(other, w.String())
		}
	}
	if len(other) > 0 {
		t.Errorf("an import, and its plan has more than tags:\n%s\n%s", strings.Join(other, "\n"), text)
	}
}

// TestImportOfLivedInEstate: what exists there, whoever made it, as a spec that changes tags alone.
func TestImportOfLivedInEstate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		accounts := []*spec.Account{readAs("network", "111111111111", "acme-7f3"), readAs("payments", "222222222222", ""), readAs("data", "333333333333", "")}
		sim, err := ec2sim.New(ec2sim.Config{World: storyFile(t, "world.yaml")})
		if err != nil {
			t.Fatal(err)
		}
		in := adopt.Input{Owner: "acme", Accounts: accounts, Asked: everywhere(accounts, "eu-west-1", "us-east-1", "ap-northeast-1")}
		text := importOf(t, sim, in)
		slices.Reverse(in.Accounts)
		slices.Reverse(in.Asked)
		if again := importOf(t, sim, in); again != text {
			t.Errorf("a second import says otherwise:\n%s", again)
		}
		r := &simtest.Rig{T: t, Sim: sim, Spec: simtest.LoadSpec(t, text)}
		planned, _ := r.Plan()
		onlyTags(t, text, planned.First)
		if n := len(planned.First.Actions); n != 8 {
			t.Errorf("%d tags are planned, and docs/import.md says 8", n)
		}
		takenOver(t, sim, text)
		documented(t, text)
	})
}

// documented holds the page about imports against what an import prints.
func documented(t *testing.T, text string) {
	t.Helper()
	const page = "../../docs/import.md"
	was, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(was), "```yaml\n")
	shown, after, found := strings.Cut(rest, "```\n\nIts plan")
	if !found {
		t.Fatal("docs/import.md shows no import")
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+"```yaml\n"+text+"```\n\nIts plan"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		shown = text
	}
	if d := cmp.Diff(text, shown); d != "" {
		t.Errorf("what docs/import.md shows (+) is not what is printed (-):\n%s", d)
	}
}

// takenOver lets peerd take an import over: only tags of connections change in the world, and another plan has nothing to do.
func takenOver(t *testing.T, sim *ec2sim.Sim, text string) {
	t.Helper()
	r := &simtest.Rig{T: t, Sim: sim, Spec: simtest.LoadSpec(t, text)}
	before := simtest.Lines(withoutTags(sim))
	r.Apply()
	simtest.WantSame(t, "the world before", before, "the world after, but for tags of connections", simtest.Lines(withoutTags(sim)))
	planned, _ := r.Plan()
	if len(planned.First.Actions) > 0 || len(planned.First.Drift) > 0 {
		t.Errorf("taken over, and still planned:\n%s\n%s", simtest.Text(planned), text)
	}
}

var connectionTags = regexp.MustCompile(`(?m)^(\S+ connection .*) tags=.*$`)

func withoutTags(sim *ec2sim.Sim) string { return connectionTags.ReplaceAllString(sim.Dump(), "$1") }

// TestImportOfScenarios: what peerd itself made gives back a spec that plans to nothing, and wants what the one that made it wants.
func TestImportOfScenarios(t *testing.T) {
	t.Parallel()
	for _, name := range scenarios(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, ec2sim.Config{}, name)
			r.Apply()
			accounts := []*spec.Account{readAs("network", network, externalID), readAs("payments", payments, "")}
			text := importOf(t, r.Sim, adopt.Input{Owner: "acme", Accounts: accounts, Asked: everywhere(accounts, "eu-west-1", "us-east-1")})
			made := r.Spec
			r.Spec = simtest.LoadSpec(t, text)
			planned, _ := r.Plan()
			onlyTags(t, text, planned.First)
			for _, a := range planned.First.Actions {
				if !r.Spec.Peering(a.Link()).Adopt { // what others made by hand is there too
					t.Errorf("peerd made it, and yet %s: %s\n%s", a.Link(), a, text)
				}
			}
			simtest.WantSame(t, "the spec", wants(t, r.Sim, made), "the import", wants(t, r.Sim, r.Spec))
		})
	}
}

// wants is what a spec wants of the pairs that are connected by its owner, but for names: tables, routes, options, tags, and rules.
func wants(t *testing.T, sim *ec2sim.Sim, s *spec.Set) []string {
	t.Helper()
	o, err := simtest.Target(sim).Observe(t.Context(), plan.Look(s, plan.Ask{}))
	if err != nil {
		t.Fatal(err)
	}
	connected := map[netstate.Pair]bool{}
	for _, c := range o.Connections {
		connected[c.Pair()] = connected[c.Pair()] || c.Status == netstate.Active && c.Views[0].Owner() == s.Owner
	}
	d, _ := plan.Expand(s, o)
	var out []string
	named := map[netstate.Link]bool{}
	for _, l := range d.Links {
		if named[l.Name] = connected[l.Pair()]; !named[l.Name] {
			continue
		}
		for _, e := range l.Ends {
			at := fmt.Sprint(l.Pair(), " at ", e.VPC, ": ")
			out = append(out, at+"dns "+fmt.Sprint(e.DNS == netstate.Yes), at+"managed "+fmt.Sprint(e.Managed))
			for table := range e.Tables {
				out = append(out, at+"table "+string(table))
			}
			for k := range e.Routes {
				out = append(out, at+"route "+string(k.Table)+" "+k.Dest.String())
			}
		}
		out = append(out, fmt.Sprint(l.Pair(), ": tags ", lacking(l.Tags, netstate.TagLink)))
	}
	for k, r := range d.Rules {
		if !slices.ContainsFunc(r.Links, func(l netstate.Link) bool { return named[l] }) {
			continue
		}
		out = append(out, fmt.Sprint(k.Scope, " ", k, " ", r.VPC, r.PeerAccount, r.Description, lacking(r.Tags, netstate.TagLink)))
	}
	return out
}

func lacking(t netstate.Tags, key string) netstate.Tags {
	out := t.With(nil)
	delete(out, key)
	return out
}

// TestImportOfMesh: what a mesh made comes back as that mesh, and what was made by hand alike between all pairs as one too.
func TestImportOfMesh(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(scenarioText(t, "mesh"), "meshes:")
	const made = "meshes:\n  - {name: core, vpcs: [data, hub, tools], side: {dns: true}, tags: {team: net}}\n"
	r := simtest.New(t, ec2sim.Config{}, head+made)
	r.Apply()
	accounts := []*spec.Account{readAs("network", network, externalID), readAs("payments", payments, "")}
	in := adopt.Input{Owner: "acme", Accounts: accounts, Asked: everywhere(accounts, "eu-west-1", "us-east-1")}
	text := importOf(t, r.Sim, in)
	const entry = "\nmeshes:\n  - name: core\n    vpcs: [data, hub, tools]\n    side: {dns: true}\n    tags: {team: net}\n"
	if !strings.Contains(text, entry) {
		t.Errorf("no %s in\n%s", entry, text)
	}
	back := simtest.LoadSpec(t, text)
	simtest.WantSame(t, "the spec", wants(t, r.Sim, r.Spec), "the import", wants(t, r.Sim, back))
	r.Spec = back
	planned, _ := r.Plan()
	onlyTags(t, text, planned.First)

	for _, l := range simtest.Lines(r.Sim.Dump()) {
		f := strings.Fields(l)
		if at := strings.Split(f[0], "/"); f[1] == "connection" && strings.Contains(l, `"peerd:owner"`) {
			r.Do(at[0], at[1], "DeleteTags", "ResourceId.1", f[2], "Tag.1.Key", "peerd:owner")
		}
	}
	text = importOf(t, r.Sim, in)
	const byHand = "\nmeshes:\n  - name: mesh-1\n    vpcs: [data, hub, tools]\n    adopt: true\n    side: {dns: true}\n"
	if !strings.Contains(text, byHand) {
		t.Errorf("no %s in\n%s", byHand, text)
	}
	r.Spec = simtest.LoadSpec(t, text)
	planned, _ = r.Plan()
	onlyTags(t, text, planned.First)
	takenOver(t, r.Sim, text)
}
