package spec_test

import (
	"testing"
	"testing/fstest"

	"github.com/peerd/peerd/pkg/spec"
)

// load returns the set that files make, which must be valid.
func load(t *testing.T, files map[string]string) *spec.Set {
	t.Helper()
	set, err := spec.Load(tree(files), "")
	if err != nil {
		t.Fatalf("Load:\n%v", err)
	}
	return set
}

func tree(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}
