package deploy

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what is made from something else")

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(builtIn) // of no use any more, and nothing depends on it
	os.Exit(code)
}

var builtIn string // where peerd was built; empty: it was not

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "peerd")
	if err != nil {
		return "", err
	}
	builtIn = dir
	program := filepath.Join(dir, "peerd")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/peerd").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
})

// peerd returns the program, built from what is checked out.
func peerd(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the processes it starts are not what is tested with -short")
	}
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return program
}
