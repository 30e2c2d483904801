package spec_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/peerd/peerd/pkg/spec"
)

// FuzzLoad feeds a file, and a second one, to Load: it never panics, every complaint has a place, and the same files give the same answer
// (F17).
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/broken/*.yaml", "testdata/valid/*.yaml", "../../peerings.example.yaml", "../../testdata/every-field.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(data), "apiVersion: peerd/v1\n")
		}
	}
	f.Add("? [x]\n: 1\n<<: {b: 1}", "")
	f.Fuzz(func(t *testing.T, one, two string) {
		files := map[string]string{"a.yaml": one, "b.yaml": two}
		set, err := spec.Load(tree(files), "dir")
		again, errAgain := spec.Load(tree(files), "dir")
		var all *spec.Errors
		switch {
		case err == nil && errAgain == nil:
			if describe(set) != describe(again) {
				t.Error("two loads differ")
			}
		case !errors.As(err, &all) || set != nil:
			t.Errorf("set %v with error %v", set, err)
		case errAgain == nil || err.Error() != errAgain.Error():
			t.Errorf("two loads complain differently:\n%v\n%v", err, errAgain)
		default:
			checkPlaces(t, all)
		}
	})
}
