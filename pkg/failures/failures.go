// Package failures is the register of docs/failures.md: tests tell it which row they show, and its command (check) tells which rows nobody
// shows and whether their tests notice when the protection is taken away. Nothing but tests imports it.
package failures

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// Log is the environment variable that names the file to which shown rows are written, a line each: row, test, directory of the package.
const Log = "PEERD_ROWS"

// Shown registers that a test shows a row. fired says whether the log of the simulator or another stand-in shows that the row's fault
// occurred; if it did not, the test fails, since it showed nothing. A test that fails for another reason registers nothing.
func Shown(t testing.TB, row int, fired bool, fault string) {
	t.Helper()
	if !fired {
		t.Errorf("row %02d: the fault did not occur: %s", row, fault)
		return
	}
	t.Cleanup(func() {
		if !t.Failed() {
			if err := register(row, t.Name()); err != nil {
				t.Errorf("register row %02d: %v", row, err)
			}
		}
	})
}

var mu sync.Mutex // keeps the lines of one test process whole

func register(row int, test string) error {
	path := os.Getenv(Log)
	if path == "" {
		return nil
	}
	mu.Lock()
	defer mu.Unlock()
	dir, err := os.Getwd() // go test runs a package's tests in its directory
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	test, _, _ = strings.Cut(test, "/") // a row's subtests stand and fall together
	_, err = fmt.Fprintf(f, "%02d\t%s\t%s\n", row, test, dir)
	return err
}
