package spec_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/spec"
)

var update = flag.Bool("update", false, "write the goldens anew")

// TestBroken loads every file, or directory of files, under testdata/broken, each named for its mistake, and compares the complaints
// with the golden beside it. It is F17 for what a person gets wrong: unknown and duplicate fields, types, null, several documents,
// keys that are lists, merge keys, aliases. And F19, in the files account-twice-in-two-files, peering-name-twice, mesh-name-twice,
// mesh-label-taken, vpc-under-two-names, pair-twice, pair-in-both-directions and peering-with-itself.
func TestBroken(t *testing.T) {
	t.Parallel()
	cases := broken(t)
	if len(cases) < 60 {
		t.Fatalf("only %d broken specs", len(cases))
	}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := spec.Load(broke(t, name), "")
			var all *spec.Errors
			if !errors.As(err, &all) {
				t.Fatalf("Load: %v, want *spec.Errors", err)
			}
			checkPlaces(t, all)
			golden(t, filepath.Join("testdata/broken", name+".golden"), err.Error()+"\n")
		})
	}
}

// TestValid loads every file under testdata/valid and compares what it means with the golden beside it.
func TestValid(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/valid/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no valid specs: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			set := load(t, map[string]string{name + ".yaml": string(data)})
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", describe(set))
		})
	}
}

// broken returns the names of the cases, without ".yaml".
func broken(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata/broken")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if name, isFile := strings.CutSuffix(e.Name(), ".yaml"); isFile || e.IsDir() {
			names = append(names, name)
		}
	}
	return names
}

// broke returns the files of a case.
func broke(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	base := filepath.Join("testdata/broken", name)
	if data, err := os.ReadFile(base + ".yaml"); err == nil {
		fsys[name+".yaml"] = &fstest.MapFile{Data: data}
		return fsys
	}
	err := filepath.WalkDir(base, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(base, path)
		fsys[filepath.ToSlash(rel)] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

// checkPlaces fails when a complaint has no place, or nothing to say.
func checkPlaces(t testing.TB, all *spec.Errors) {
	t.Helper()
	if len(all.Problems()) == 0 {
		t.Error("an error without problems")
	}
	for _, p := range all.Problems() {
		if p.Pos.File == "" || p.Pos.Line < 1 || p.Pos.Col < 1 || p.Message == "" {
			t.Errorf("a complaint without place or words: %+v", p)
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, diff)
	}
}
