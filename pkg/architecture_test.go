// Package pkg_test holds the rules about who may import what: the table in ARCHITECTURE.md, checked.
package pkg_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/peerd/peerd/"

// allowed says which of our packages each of them may import. A package that is not here may not exist.
var allowed = map[string][]string{
	"pkg/netstate":                {},
	"pkg/spec":                    {"pkg/netstate"},
	"pkg/plan":                    {"pkg/netstate", "pkg/spec"},
	"pkg/plan/plantest":           {"pkg/netstate", "pkg/spec", "pkg/plan"},
	"pkg/preflight":               {"pkg/netstate", "pkg/spec", "pkg/plan"},
	"pkg/iampolicy":               {"pkg/netstate", "pkg/spec"},
	"pkg/iampolicy/iamtest":       {"pkg/ec2sim", "pkg/ec2sim/wire", "pkg/ec2sim/world"},
	"pkg/adopt":                   {"pkg/netstate", "pkg/spec", "pkg/plan"},
	"pkg/trace":                   {"pkg/netstate", "pkg/spec"},
	"pkg/reconcile":               {"pkg/netstate", "pkg/spec", "pkg/plan", "pkg/preflight"},
	"pkg/reconcile/reconciletest": {"pkg/netstate", "pkg/plan", "pkg/reconcile"},
	"pkg/render":                  {"pkg/netstate", "pkg/spec", "pkg/plan", "pkg/reconcile"},
	"pkg/status":                  {"pkg/netstate", "pkg/plan", "pkg/reconcile", "pkg/render"},
	"pkg/awsnet":                  {"pkg/netstate", "pkg/plan"},
	"pkg/gitwatch":                {"pkg/reconcile"},
	"pkg/gitwatch/gittest":        {"pkg/gitwatch", "pkg/tooltest"},
	"pkg/ec2sim":                  {"pkg/ec2sim/wire", "pkg/ec2sim/world", "pkg/ec2sim/fault"},
	"pkg/ec2sim/wire":             {},
	"pkg/ec2sim/world":            {},
	"pkg/ec2sim/fault":            {},
	"pkg/ec2sim/control":          {"pkg/ec2sim", "pkg/ec2sim/fault"},
	"pkg/sandbox":                 {"pkg/netstate", "pkg/spec", "pkg/ec2sim", "pkg/ec2sim/world"},
	"pkg/demo":                    {"pkg/netstate", "pkg/spec", "pkg/sandbox"},
	"pkg/simtest":                 {"pkg/netstate", "pkg/spec", "pkg/plan", "pkg/reconcile", "pkg/render", "pkg/awsnet", "pkg/ec2sim", "pkg/ec2sim/world"},
	"pkg/tooltest":                {},
	"pkg/failures":                {},
	"pkg/soak":                    {},
	"pkg/crash":                   {},
	"pkg/bench":                   {},
	"pkg/failures/check":          {"pkg/failures"},
	"cmd/peerd":                   nil, // everything
}

// pure packages have no way to reach the world: no context, clock, logger, file or network.
var pure = []string{"pkg/netstate", "pkg/spec", "pkg/plan", "pkg/preflight", "pkg/trace", "pkg/iampolicy", "pkg/adopt"}

var impure = []string{"context", "os", "net/http", "log/slog", "log", "os/exec", "net"}

var clock = []string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker", "Tick"}

type goPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Doc        string
}

func packages(t *testing.T) map[string]goPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports,Doc", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]goPackage{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 {
			all[strings.TrimPrefix(p.ImportPath, module)] = p
		}
	}
}

func TestImportsFollowTheTable(t *testing.T) {
	t.Parallel()
	for name, p := range packages(t) {
		may, known := allowed[name]
		if !known {
			t.Errorf("%s is not in the table of packages", name)
		}
		for _, i := range p.Imports {
			own, isOurs := strings.CutPrefix(i, module)
			if isOurs && may != nil && !slices.Contains(may, own) {
				t.Errorf("%s imports %s; it may import %v", name, own, may)
			}
		}
	}
}

func TestOnlyAwsnetAndWhatSimulatesReachTheSDK(t *testing.T) {
	t.Parallel()
	for name, p := range packages(t) {
		for _, i := range p.Imports {
			if strings.HasPrefix(i, "github.com/aws/") && !slices.Contains([]string{"pkg/awsnet", "pkg/sandbox", "pkg/simtest", "pkg/demo", "pkg/bench"}, name) {
				t.Errorf("%s imports %s: only awsnet talks to AWS; sandbox and simtest hand it credentials, demo changes a sandbox by hand, bench has a client to compare with", name, i)
			}
		}
	}
}

func TestOnlyGitwatchReachesGit(t *testing.T) {
	t.Parallel()
	for name, p := range packages(t) {
		for _, i := range p.Imports {
			if strings.HasPrefix(i, "github.com/go-git/") && name != "pkg/gitwatch" && name != "pkg/demo" {
				t.Errorf("%s imports %s: only gitwatch reads repositories; demo makes one", name, i)
			}
			if name == "pkg/gitwatch" && i == "os/exec" {
				t.Errorf("%s imports %s: no git program runs", name, i)
			}
		}
	}
}

func TestPurePackagesReachNothing(t *testing.T) {
	t.Parallel()
	all := packages(t)
	for _, name := range pure {
		for _, i := range all[name].Imports {
			third := strings.Contains(strings.Split(i, "/")[0], ".") && !strings.HasPrefix(i, module)
			if slices.Contains(impure, i) || third && i != "go4.org/netipx" && i != "gopkg.in/yaml.v3" {
				t.Errorf("%s imports %s: it must stay pure", name, i)
			}
		}
		for _, f := range all[name].GoFiles {
			noClock(t, filepath.Join(all[name].Dir, f))
		}
	}
}

func noClock(t *testing.T, path string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, sel.Sel.Name) {
			t.Errorf("%s: time.%s: Observed.At is the only now", fset.Position(sel.Pos()), sel.Sel.Name)
		}
		return true
	})
}

func TestYAMLIsImportedInOneFilePerPackage(t *testing.T) {
	t.Parallel()
	for name, p := range packages(t) {
		var files []string
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range file.Imports {
				if i.Path.Value == `"gopkg.in/yaml.v3"` {
					files = append(files, f)
				}
			}
		}
		if len(files) > 1 || len(files) == 1 && !slices.Contains([]string{"pkg/spec", "pkg/adopt", "pkg/ec2sim"}, name) {
			t.Errorf("%s imports yaml in %v: one file of spec, of adopt and of ec2sim each", name, files)
		}
	}
}

func TestEveryPackageHasOneComment(t *testing.T) {
	t.Parallel()
	for name, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", name)
		}
		n := 0
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc != nil {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s has %d package comments, want one", name, n)
		}
	}
}
