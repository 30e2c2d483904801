package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

// local is a source of specs on disk: its commit is what the files hold now.
type local struct {
	path   string
	steady time.Duration // how long a new state has to last before it is taken
}

// steadyToPrune is for a source whose states decide what is removed: between two files of one git pull, or one rsync, there is less.
const steadyToPrune = 500 * time.Millisecond

// Fetch returns the files as they are, once they are not being changed.
func (l local) Fetch(ctx context.Context, applied string) (reconcile.Commit, error) {
	s, err := settled(ctx, l.read, l.steady, applied)
	if errors.Is(err, errChanging) {
		err = fmt.Errorf("read the spec: %s %w", l.path, err)
	}
	if err != nil {
		return reconcile.Commit{}, err
	}
	return reconcile.Commit{Hash: s.hash(), Subject: "local files", Time: time.Now(), Files: s}, nil
}

func (l local) read() (*snapshot, error) {
	files, _, err := specFiles(l.path)
	if err != nil {
		return nil, err
	}
	return take(files), nil
}

var errChanging = fmt.Errorf("changed while it was read, %d times in a row: wait until what writes there is done, "+
	"or let it replace a link to the directory as a whole, as git-sync does", maxReads)

const (
	maxReads  = 5
	readAgain = 100 * time.Millisecond // after a read that differs from the one before
)

// settled reads until it reads the same twice. A state that was read while it was changed may lack what only moves from one file to another, is
// valid all the same, and with --prune that would be removed. A state that is known is in force already: it is not read again.
func settled(ctx context.Context, read func() (*snapshot, error), steady time.Duration, known string) (*snapshot, error) {
	last, err := read()
	for range maxReads {
		if err != nil || last.hash() == known {
			return last, err
		}
		select {
		case <-time.After(steady):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		before := last.hash()
		if last, err = read(); err == nil && last.hash() == before {
			return last, nil
		}
		steady = max(steady, readAgain)
	}
	return nil, errChanging
}

// loadSpec loads what a path holds, for those who make no pass. It takes half a second at most, with nothing to be told to stop.
func loadSpec(path string) (*spec.Set, error) {
	_, dir, err := specFiles(path)
	if err != nil {
		return nil, err
	}
	c, err := local{path: path}.Fetch(context.Background(), "")
	if err != nil {
		return nil, err
	}
	return spec.Load(c.Files, dir)
}

var _ reconcile.Source = local{}
