package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// patches are unified diffs named ROW-what-is-taken-away.patch.
const patches = "pkg/failures/testdata/mutants"

// mutants applies one patch at a time and runs the tests of its row against the result. A patch that does not apply, does not compile, or
// goes unnoticed is an error, and so is a wanted row without a patch.
func mutants(ctx context.Context, w io.Writer, want []int, shown map[int][]test) error {
	files, err := filepath.Glob(filepath.Join(patches, "*.patch"))
	if err != nil {
		return err
	}
	killed, bad := 0, 0
	has := map[int]bool{}
	var of []job
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".patch")
		number, what, _ := strings.Cut(name, "-")
		row, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("%s: its name must begin with a row", f)
		}
		if slices.Contains(want, row) {
			has[row] = true
			of = append(of, job{patch: f, row: row, what: strings.ReplaceAll(what, "-", " "), done: make(chan outcome, 1)})
		}
	}
	go runAll(ctx, of, shown)
	for _, j := range of {
		o := <-j.done
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case o.err != nil:
			bad++
			o.verdict = "BAD " + o.err.Error()
		default:
			killed++
		}
		fmt.Fprintf(w, "%02d %-44s %s\n", j.row, j.what, o.verdict)
	}
	for _, row := range want {
		if !has[row] {
			bad++
			fmt.Fprintf(w, "%02d has no mutant\n", row)
		}
	}
	fmt.Fprintf(w, "%d mutants killed\n", killed)
	if bad > 0 {
		return fmt.Errorf("%d rows or mutants are not as they should be", bad)
	}
	return nil
}

// job is one patch to run the tests of its row against.
type job struct {
	patch string
	row   int
	what  string
	done  chan outcome // gets one
}

type outcome struct {
	verdict string
	err     error
}

// runAll does the jobs in order, as many at a time as there are processors: most of the time of each goes into compiling and linking.
func runAll(ctx context.Context, jobs []job, shown map[int][]test) {
	next := make(chan job)
	for range runtime.NumCPU() {
		go func() {
			for j := range next {
				verdict, err := mutant(ctx, j.patch, shown[j.row])
				j.done <- outcome{verdict, err}
			}
		}()
	}
	for _, j := range jobs {
		next <- j
	}
	close(next)
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// died is what a test binary says that ends by a panic outside of its tests, or is stopped for taking too long.
var died = regexp.MustCompile(`(?m)^panic: `)

// mutant says by which test a patch was noticed.
func mutant(ctx context.Context, patch string, tests []test) (string, error) {
	if len(tests) == 0 {
		return "", errors.New("its row has no test")
	}
	dir, err := os.MkdirTemp("", "peerd-mutant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := apply(ctx, patch, dir)
	if err != nil {
		return "", err
	}
	by := byPackage(tests)
	for _, pkg := range cheapFirst(by) {
		names := by[pkg]
		args := []string{"test", "-count=1", "-overlay", overlay, "-run", "^(" + strings.Join(names, "|") + ")$", "-timeout", "2m", pkg}
		out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
		if m := failed.FindSubmatch(out); err != nil && m != nil {
			return "killed by " + string(m[1]), nil
		} else if err != nil && died.Match(out) {
			return "killed: the process ends, or hangs", nil
		} else if err != nil {
			return "", fmt.Errorf("its tests did not run: %w\n%s", err, out)
		}
	}
	return "", errors.New("SURVIVED: its row's tests pass without the protection")
}

func byPackage(tests []test) map[string][]string {
	out := map[string][]string{}
	for _, t := range tests {
		out[t.Dir] = append(out[t.Dir], t.Name)
	}
	return out
}

// cheapFirst puts commands last: each mutant links them anew.
func cheapFirst(by map[string][]string) []string {
	return slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/cmd/"), strings.Count(b, "/cmd/")), cmp.Compare(a, b))
	})
}

var patched = regexp.MustCompile(`(?m)^\+\+\+ b/(\S+)`)

// apply patches copies of the files in dir, and returns an overlay that puts them in the place of the originals.
func apply(ctx context.Context, patch, dir string) (string, error) {
	text, err := os.ReadFile(patch)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for _, m := range patched.FindAllStringSubmatch(string(text), -1) {
		original, err := filepath.Abs(m[1])
		if err != nil {
			return "", err
		}
		copied := filepath.Join(dir, m[1])
		if err := copyFile(original, copied); err != nil {
			return "", err
		}
		replace[original] = copied
	}
	path, err := filepath.Abs(patch)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "git", "apply", "--unidiff-zero", "--recount", path)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir)) // not as a part of some repository above it
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not apply any more: %w\n%s", err, out)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, overlay, 0o600)
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}
