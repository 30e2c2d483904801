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
	os.Exit(run(m))
}

var workdir string // what several tests use is made there once

func run(m *testing.M) int {
	var err error
	if workdir, err = os.MkdirTemp("", "peerd"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(workdir)
	return m.Run()
}

var build = sync.OnceValues(func() (string, error) {
	program := filepath.Join(workdir, "peerd")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/peerd").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
})

// peerd returns the program, built from what is checked out.
func peerd(t *testing.T) string {
	t.Helper()
	skipProcesses(t)
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func skipProcesses(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the processes it starts are not what is tested with -short")
	}
}
