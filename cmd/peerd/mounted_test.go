package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/spec"
)

// configMap is a directory as Kubernetes mounts a ConfigMap ("Mounted ConfigMaps are updated automatically").
type configMap struct {
	t   *testing.T
	dir string
}

// holds makes a state of the files beside those that are there, and points the link to it. The old state is removed later.
func (m configMap) holds(state string, files map[string]string) {
	m.t.Helper()
	dir := filepath.Join(m.dir, "..2026_11_25_"+state)
	next := filepath.Join(m.dir, "..data_tmp")
	m.must(os.Mkdir(dir, 0o755))
	for name, text := range files {
		m.must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(m.dir, name)); !os.IsExist(err) {
			m.must(err)
		}
	}
	m.must(os.Symlink(filepath.Base(dir), next))
	m.must(os.Rename(next, filepath.Join(m.dir, "..data")))
}

func (m configMap) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// A spec in a mounted ConfigMap is what ..data points to, under the names that are in the ConfigMap. It is followed; what was read of it holds, also
// where it is replaced and removed before it is loaded; and while ..data leads nowhere, the rest of the directory is not taken for the spec.
func TestSpecInAConfigMap(t *testing.T) {
	t.Parallel()
	m := configMap{t, t.TempDir()}
	text := scenarioText(t, "same-account")
	m.holds("one", map[string]string{"net.yaml": text})
	a := &app{}
	source, err := a.source(m.dir)
	m.must(err)
	first, err := source.Fetch(t.Context(), "")
	m.must(err)
	set, err := a.loadCommit(first)
	if err != nil || len(set.Peerings) == 0 || set.OwnerPos.File != filepath.Join(m.dir, "net.yaml") {
		t.Fatalf("%+v, %v", set, err)
	}

	m.holds("two", map[string]string{"net.yaml": text + "# and a word more\n"})
	second, err := source.Fetch(t.Context(), "")
	m.must(err)
	if second.Hash == first.Hash {
		t.Error("the change is not seen")
	}
	if _, err := a.loadCommit(second); err != nil { // both states lie there: not everything twice
		t.Error(err)
	}
	if set, err := loadSpec(m.dir); err != nil || len(set.Peerings) == 0 {
		t.Error(err)
	}
	if _, err := spec.Load(os.DirFS(m.dir), m.dir); err == nil {
		t.Error("the directory as a whole holds other states too, and loads: nothing was tested")
	}
	m.must(os.RemoveAll(filepath.Join(m.dir, "..2026_11_25_one")))
	m.must(os.RemoveAll(filepath.Join(m.dir, "..2026_11_25_two")))
	if again, err := a.loadCommit(first); err != nil || len(again.Peerings) != len(set.Peerings) {
		t.Errorf("a state that was replaced, and is gone since it was read: %+v, %v", again, err)
	}
	if c, err := source.Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("a link that leads nowhere: %+v, %v", c, err)
	}
}
