package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
)

const (
	toTools = "  - {name: hub-tools, requester: {vpc: hub}, accepter: {vpc: tools}}\n"
	toData  = "  - {name: tools-data, requester: {vpc: tools}, accepter: {vpc: data}}\n"
	toEast  = "  - {name: tools-east, requester: {vpc: tools}, accepter: {vpc: east}}\n"
)

// twoFiles are the files of an estate with a peering in each of two, before one more moves from the second to the first, in between, and after.
func twoFiles(t *testing.T) (before, between, after map[string]string) {
	t.Helper()
	head, _, _ := strings.Cut(scenarioText(t, "mesh"), "meshes:")
	files := func(a, z string) map[string]string {
		return map[string]string{"estate.yaml": head, "a.yaml": "apiVersion: peerd/v1\npeerings:\n" + a, "z.yaml": "apiVersion: peerd/v1\npeerings:\n" + z}
	}
	return files(toTools, toEast+toData), files(toTools, toEast), files(toTools+toData, toEast)
}

// A peering moves from one file to another while the daemon reads them: it is not removed, however much may be, and the new state comes into
// force once it lasts.
func TestF18PeeringMovesToAnotherFile(t *testing.T) {
	t.Parallel()
	before, between, after := twoFiles(t)
	dir := t.TempDir()
	writeAll(t, dir, before)
	synctest.Test(t, func(t *testing.T) {
		a := &app{}
		a.prune = true
		source, err := a.source(dir)
		must(t, err)
		r := simtest.New(t, ec2sim.Config{}, before["estate.yaml"]+"peerings:\n"+toTools)
		var last reconcile.Turn
		full := make(chan struct{})
		loop := reconcile.NewLoop(reconcile.LoopConfig{Target: simtest.Target(r.Sim), Source: source, Load: a.loadCommit, Interval: time.Hour,
			Prune: true, Limits: plan.Limits{Number: 100}, Full: full, OnTurn: func(t reconcile.Turn) { last = t }})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- loop.Run(ctx) }()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		simtest.MustExit(t, "the first state", last.Report, reconcile.ExitInSync)
		made, calls, first := r.Sim.Dump(), len(r.Sim.Calls()), last.Commit.Hash

		writeAll(t, dir, between)
		full <- struct{}{}
		synctest.Wait() // it has read, and waits whether that lasts
		torn := take(os.DirFS(dir))
		set, err := a.loadCommit(reconcile.Commit{Files: torn})
		must(t, err)
		writeAll(t, dir, after)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		simtest.MustExit(t, "the state after", last.Report, reconcile.ExitInSync)
		simtest.WantActions(t, nil, simtest.Mutating(r.Sim.Calls()[calls:]))
		if now := take(os.DirFS(dir)).hash(); last.Commit.Hash != now || now == first {
			t.Errorf("in force is %s, before it was %s, and the files are %s", last.Commit.Hash, first, now)
		}
		if r.Sim.Dump() != made {
			t.Error("something has changed")
		}
		stop()
		must(t, <-done)
		failures.Shown(t, 18, len(set.Peerings) == 2 && strings.Contains(made, "a002 accepter=222222222222/us-east-1/vpc-0000000000000b101 status=active"),
			"what was read in between is valid, and lacks a peering that is there")
	})
}

// changing is a directory in memory in which something happens after a file was opened for the first time.
type changing struct {
	files fstest.MapFS
	after string
	then  func()
}

// Open opens a file as it is.
func (c *changing) Open(name string) (fs.File, error) {
	f, err := c.files.Open(name)
	if then := c.then; name == c.after && then != nil {
		c.then = nil
		then()
	}
	return f, err
}

func inMemory(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// Between the reading of two files a peering moves from the second to the first. Nobody takes what was read then, with --prune or without: it is
// read again, until it is the same twice.
func TestF18PeeringMovesWhileItIsRead(t *testing.T) {
	t.Parallel()
	before, _, after := twoFiles(t)
	for name, steady := range map[string]time.Duration{"with --prune": steadyToPrune, "without": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &changing{files: inMemory(before), after: "a.yaml"}
				c.then = func() { maps.Copy(c.files, inMemory(after)) }
				var sets []int // of what was read, how many peerings each had
				s, err := settled(t.Context(), func() (*snapshot, error) {
					s := take(c)
					set, err := spec.Load(s, "")
					must(t, err)
					sets = append(sets, len(set.Peerings))
					return s, nil
				}, steady, "")
				if err != nil || s.hash() != take(inMemory(after)).hash() {
					t.Errorf("taken: %+v, %v", s, err)
				}
				failures.Shown(t, 18, slices.Equal(sets, []int{2, 3, 3}), "the first read lacks one of three peerings")
			})
		})
	}
}

// Files that never stay the same are no state; the error says what to do. What is in force is not read twice.
func TestF18FilesThatKeepChanging(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		files, reads := fstest.MapFS{"a.yaml": {}}, 0
		read := func() (*snapshot, error) {
			reads++
			files["a.yaml"].Data = append(files["a.yaml"].Data, '#')
			return take(files), nil
		}
		if _, err := settled(t.Context(), read, 0, ""); !errors.Is(err, errChanging) || !strings.Contains(err.Error(), "5 times in a row: wait until") {
			t.Errorf("%v after %d reads", err, reads)
		}
		failures.Shown(t, 18, reads == maxReads+1, "every read differs from the one before")
		known := take(fstest.MapFS{"a.yaml": {Data: []byte(strings.Repeat("#", reads+1))}}).hash()
		before := reads
		if s, err := settled(t.Context(), read, time.Hour, known); err != nil || s.hash() != known || reads != before+1 {
			t.Errorf("what is in force: %v after %d reads, want one", err, reads-before)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if _, err := settled(ctx, read, time.Hour, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("told to stop: %v", err)
		}
	})
}

// A directory behind a link, as git-sync has it, is read as the link leads when the reading begins, also if only a directory above is a link.
func TestF18LinkIsReplacedWhileItIsRead(t *testing.T) {
	t.Parallel()
	before, _, after := twoFiles(t)
	top := t.TempDir()
	writeAll(t, filepath.Join(top, "one", "specs"), before)
	writeAll(t, filepath.Join(top, "two", "specs"), after)
	link := filepath.Join(top, "current")
	must(t, os.Symlink("one", link))
	files, dir, err := specFiles(filepath.Join(link, "specs"))
	must(t, err)
	must(t, os.Symlink("two", link+".new"))
	must(t, os.Rename(link+".new", link))
	if got, want := take(files).hash(), take(inMemory(before)).hash(); got != want || dir != filepath.Join(link, "specs") {
		t.Errorf("%s, named %s: want %s, the state to which the link led", got, dir, want)
	}
	files, _, err = specFiles(filepath.Join(link, "specs"))
	must(t, err)
	got := take(files).hash()
	if want := take(inMemory(after)).hash(); got != want {
		t.Errorf("%s, want %s, the state to which the link leads", got, want)
	}
	failures.Shown(t, 18, got != take(inMemory(before)).hash(), "the link was replaced")
}

// Nothing is read through links: what is behind them may change, or not end. That there is one counts, since spec.Load refuses some, and says the
// same of them as it does of the directory itself.
func TestF18NothingIsReadThroughLinks(t *testing.T) {
	t.Parallel()
	for link, target := range map[string]string{"b.yaml": "aside.yaml", "notes": "aside.yaml", "sub": "..", "README.md": "gone"} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			aside := t.TempDir()
			dir := filepath.Join(aside, "specs")
			writeAll(t, dir, map[string]string{"a.yaml": "apiVersion: peerd/v1\nowner: acme\n"})
			write(t, filepath.Join(aside, "aside.yaml"), "one")
			without := take(os.DirFS(dir))
			must(t, os.Symlink(filepath.Join(aside, target), filepath.Join(dir, link)))
			first := take(os.DirFS(dir))
			write(t, filepath.Join(aside, "aside.yaml"), "two")
			second := take(os.DirFS(dir))
			if without.hash() == first.hash() || first.hash() != second.hash() {
				t.Errorf("%s without the link, %s with it, %s when what is behind it has changed", without.hash(), first.hash(), second.hash())
			}
			if _, err := second.Open(link); err == nil {
				t.Error("the link is a file")
			}
			_, want := spec.Load(os.DirFS(dir), "")
			if _, err := spec.Load(second, ""); fmt.Sprint(err) != fmt.Sprint(want) {
				t.Errorf("of what was read: %v\nof the directory: %v", err, want)
			}
			linked, err := os.ReadFile(filepath.Join(aside, "aside.yaml"))
			failures.Shown(t, 18, err == nil && string(linked) == "two", "what is behind the link has changed")
		})
	}
}

// broken cannot read a file, or list a directory.
type broken struct {
	fstest.MapFS
	name string
}

// Open opens all others.
func (b broken) Open(name string) (fs.File, error) {
	if name == b.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return b.MapFS.Open(name)
}

// ReadDir lists all others.
func (b broken) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == b.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return b.MapFS.ReadDir(name)
}

// What cannot be read is no empty file: the spec does not load, and the problem is said by name. A state with it is another than one without.
func TestSnapshotOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	files := inMemory(map[string]string{"a.yaml": "apiVersion: peerd/v1\nowner: acme\n", "net/b.yaml": "apiVersion: peerd/v1\n", "README.md": "x"})
	whole := take(files)
	if set, err := spec.Load(whole, "specs"); err != nil || set.Owner != "acme" {
		t.Errorf("%+v, %v", set, err)
	}
	for _, name := range []string{"net", "net/b.yaml", "."} {
		s := take(broken{files, name})
		_, err := spec.Load(s, "specs")
		if want := filepath.Join("specs", name) + ":1:1: cannot be read: permission denied"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if s.hash() == whole.hash() {
			t.Errorf("%s: the same state as the whole", name)
		}
	}
	if _, err := whole.Open("README.md"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is none of a spec: %v", err)
	}
}

// More than a spec may be is refused as before, and is not held.
func TestSnapshotOfTooMuch(t *testing.T) {
	t.Parallel()
	large := &fstest.MapFile{Data: []byte(strings.Repeat("#", 5<<20))}
	files := fstest.MapFS{}
	for _, name := range strings.Split("abcdefghijklmnopqrst", "") {
		files[name+".yaml"] = large
	}
	s := take(files)
	held := 0
	for _, n := range s.nodes {
		held += len(n.data)
	}
	_, err := spec.Load(s, "")
	if held > maxLocal || err == nil || !strings.Contains(err.Error(), "a.yaml:1:1: the file is larger than 4 MiB") || !strings.Contains(err.Error(), "t.yaml:1:1: the files up to here are larger") {
		t.Errorf("%d bytes are held: %v", held, err)
	}
}
