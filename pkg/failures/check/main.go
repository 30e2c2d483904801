// Command check says how well docs/failures.md is tested. "rows" runs every test of a row and prints the rows that none shows; "mutants"
// takes away each row's protection, one patch at a time, and prints whether the row's tests notice.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/peerd/peerd/pkg/failures"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, w io.Writer) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	only := flags.String("rows", "", "rows that must be shown, such as 07,18-21; empty: all of docs/failures.md")
	if len(args) == 0 {
		return errors.New("say rows or mutants")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	titles, err := readRows("docs/failures.md")
	if err != nil {
		return err
	}
	want, err := parseRows(*only, titles)
	if err != nil {
		return err
	}
	shown, err := collect(ctx, want)
	if err != nil {
		return err
	}
	switch args[0] {
	case "rows":
		return reportRows(w, titles, want, shown)
	case "mutants":
		return mutants(ctx, w, want, shown)
	}
	return fmt.Errorf("%q: say rows or mutants", args[0])
}

var rowLine = regexp.MustCompile(`^\| (\d\d) \| ([^|]*) \|`)

// readRows returns the faults of the table by number.
func readRows(path string) (map[int]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: run it in the root of the repository", err)
	}
	out := map[int]string{}
	for _, l := range strings.Split(string(text), "\n") {
		if m := rowLine.FindStringSubmatch(l); m != nil {
			n, _ := strconv.Atoi(m[1]) // the pattern holds digits only
			out[n] = m[2]
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no rows", path)
	}
	return out, nil
}

// parseRows reads "07,18-21"; empty means every row.
func parseRows(s string, titles map[int]string) ([]int, error) {
	var out []int
	for n := range titles {
		if s == "" {
			out = append(out, n)
		}
	}
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) {
		lo, hi, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(lo)
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(hi)
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no row and no range of rows", part)
		}
		for n := from; n <= to; n++ {
			if titles[n] == "" {
				return nil, fmt.Errorf("there is no row %02d", n)
			}
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// test is where a row is shown.
type test struct {
	Name, Dir string
}

// collect runs the tests of rows, which are named TestF and a row, and returns what they registered.
func collect(ctx context.Context, rows []int) (map[int][]test, error) {
	dir, err := os.MkdirTemp("", "peerd-rows")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	log := filepath.Join(dir, "rows")
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-run", "^TestF("+alternatives(rows)+")", "./...")
	cmd.Env = append(os.Environ(), failures.Log+"="+log)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the tests of rows fail: %w\n%s", err, out)
	}
	return readShown(log)
}

func alternatives(rows []int) string {
	out := make([]string, len(rows))
	for i, n := range rows {
		out[i] = fmt.Sprintf("%02d", n)
	}
	return strings.Join(out, "|")
}

func readShown(path string) (map[int][]test, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[int][]test{}
	for s := bufio.NewScanner(f); s.Scan(); {
		field := strings.Split(s.Text(), "\t")
		n, err := strconv.Atoi(field[0])
		if err != nil || len(field) != 3 {
			return nil, fmt.Errorf("%s: %q is not a line of the register", path, s.Text())
		}
		if t := (test{field[1], field[2]}); !slices.Contains(out[n], t) {
			out[n] = append(out[n], t)
		}
	}
	return out, nil
}

func reportRows(w io.Writer, titles map[int]string, want []int, shown map[int][]test) error {
	missing := 0
	for _, n := range want {
		if len(shown[n]) == 0 {
			missing++
			fmt.Fprintf(w, "%02d has no test: %s\n", n, titles[n])
		}
	}
	fmt.Fprintf(w, "%d of %d rows are shown by a test\n", len(want)-missing, len(want))
	if missing > 0 {
		return fmt.Errorf("%d rows have no test", missing)
	}
	return nil
}
