package spec_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

func TestExamples(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../../peerings.example.yaml", "../../testdata/every-field.yaml"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			set := load(t, map[string]string{"example.yaml": string(data)})
			if set.Owner != "acme-network" || len(set.Peerings) < 3 {
				t.Errorf("owner %q, %d peerings", set.Owner, len(set.Peerings))
			}
			for _, p := range set.Peerings {
				if set.Peering(p.Name) != p {
					t.Errorf("Peering(%q) does not find it", p.Name)
				}
			}
			if set.Peering("nothing") != nil {
				t.Error("Peering finds what is not there")
			}
		})
	}
}

func TestWhichFilesAreRead(t *testing.T) {
	t.Parallel()
	set := load(t, map[string]string{
		"a.yaml": "apiVersion: peerd/v1\naccounts: {a: {id: \"111111111111\"}}\n", "deep/er/b.yml": "apiVersion: peerd/v1\naccounts: {b: {id: \"222222222222\"}}\n",
		"README.md": "# not: [yaml", "c.yaml.bak": "not: [yaml", "yaml": "not: [yaml", "d.json": "{",
	})
	if len(set.Accounts) != 2 {
		t.Errorf("%d accounts, want those of a.yaml and deep/er/b.yml", len(set.Accounts))
	}
	if got := set.Accounts[1].Pos; got != (spec.Pos{File: "deep/er/b.yml", Line: 2, Col: 15}) {
		t.Errorf("b stands at %s", got)
	}
}

// TestUnreadable holds the complaints that no file's content can show; none of these trees is an empty spec.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	bad := "apiVersion: peerd/v1\nowner: a b\n"
	link := &fstest.MapFile{Data: []byte("apiVersion: peerd/v1\n"), Mode: fs.ModeSymlink}
	rows := []struct {
		name, dir string
		fsys      fs.FS
		want      string
	}{
		{"no files", "specs", tree(nil), "specs:1:1: no *.yaml or *.yml file is here"},
		{"no files, no dir", "", tree(nil), ".:1:1: no *.yaml"},
		{"only other files", "", tree(map[string]string{"README.md": "x"}), ".:1:1: no *.yaml"},
		{"a link", "", fstest.MapFS{"a.yaml": link, "b.yaml": {Data: []byte("apiVersion: peerd/v1\n")}}, "a.yaml:1:1: is not a file of its own"},
		{"a link to a directory", "", onDisk(t, "..", "sub"), "sub:1:1: is not a file of its own"},
		{"a link to nothing", "", onDisk(t, "gone", "sub"), "sub:1:1: is not a file of its own"},
		{"a directory with the name of a file", "", tree(map[string]string{"a.yaml/x.txt": ""}), ".:1:1: no *.yaml"},
		{"positions with dir", "net/specs", tree(map[string]string{"sub/a.yaml": bad}), "net/specs/sub/a.yaml:2:8: owner: "},
		{"positions with ./dir", "./specs", tree(map[string]string{"a.yaml": bad}), "./specs/a.yaml:2:8: owner: "},
		{"a name with a newline", "", tree(map[string]string{"a\nb.yaml": bad}), `a\nb.yaml:2:8: owner: `},
		{"a file that cannot be opened", "", failing{tree(map[string]string{"a.yaml": bad}), "a.yaml"}, "a.yaml:1:1: cannot be read: permission denied"},
		{"a directory that cannot be listed", "", failing{tree(map[string]string{"sub/a.yaml": bad}), "sub"}, "sub:1:1: cannot be read: permission denied"},
		{"too large", "", tree(map[string]string{"a.yaml": "# " + strings.Repeat("x", 5<<20)}), "a.yaml:1:1: the file is larger than 4 MiB"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			set, err := spec.Load(r.fsys, r.dir)
			if err == nil || set != nil || !strings.HasPrefix(err.Error(), r.want) {
				t.Errorf("got %v\nwant %s…", err, r.want)
			}
		})
	}
}

// onDisk is a directory with a spec and a link.
func onDisk(t *testing.T, target, link string) fs.FS {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("apiVersion: peerd/v1\n"), 0o600), os.Symlink(target, filepath.Join(dir, link))); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(dir)
}

// failing is a file system of which one name cannot be opened.
type failing struct {
	fs.FS
	name string
}

func (f failing) Open(name string) (fs.File, error) {
	if name == f.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.FS.Open(name)
}

// TestBrokenFileHidesNoDefinition has a syntax error in the file that may define what another one uses: that is one mistake.
func TestBrokenFileHidesNoDefinition(t *testing.T) {
	t.Parallel()
	_, err := spec.Load(tree(map[string]string{
		"accounts.yaml": "apiVersion: peerd/v1\naccounts: {net: {id: \"111111111111\"}\nowner: x\n",
		"vpcs.yaml":     "apiVersion: peerd/v1\nvpcs: {hub: {account: net, region: eu-west-1, id: vpc-00000001}, app: {account: net, region: eu-west-9x, id: vpc-00000002}}\n",
	}), "")
	if err == nil || strings.Contains(err.Error(), "not defined") || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got:\n%v", err)
	}
}

func TestWithOwner(t *testing.T) {
	t.Parallel()
	stated := load(t, map[string]string{"a.yaml": "apiVersion: peerd/v1\nowner: acme\n"})
	silent := load(t, map[string]string{"b.yaml": "apiVersion: peerd/v1\n"})
	rows := []struct {
		name  string
		set   *spec.Set
		owner netstate.OwnerID
		want  string
	}{
		{"in the file", stated, "", "acme"},
		{"on the command line", silent, "acme", "acme"},
		{"in both", stated, "acme", "acme"},
		{"in neither", silent, "", "b.yaml:1:1: no owner: "},
		{"different", stated, "other", "a.yaml:2:8: owner: the spec says acme and --owner says \"other\": "},
		{"not possible", silent, "none", "b.yaml:1:1: the owner \"none\" is what"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			set, err := r.set.WithOwner(r.owner)
			if err != nil {
				got = err.Error()
			} else {
				got = string(set.Owner)
			}
			if !strings.HasPrefix(got, r.want) {
				t.Errorf("got %s\nwant %s", got, r.want)
			}
		})
	}
	if silent.Owner != "" {
		t.Error("WithOwner changed the set it was asked of")
	}
}

func TestProblemsAreSortedByPlace(t *testing.T) {
	t.Parallel()
	_, err := spec.Load(tree(map[string]string{
		"b.yaml": "apiVersion: peerd/v1\nx: 1\nprotected: [b, a]\n", "a.yaml": "apiVersion: peerd/v1\ny: 1\n",
	}), "")
	var places []string
	for _, p := range err.(*spec.Errors).Problems() {
		places = append(places, p.Pos.String())
	}
	if diff := cmp.Diff([]string{"a.yaml:2:1", "b.yaml:2:1", "b.yaml:3:13", "b.yaml:3:16"}, places); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
