package gitwatch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/peerd/peerd/pkg/reconcile"
)

// Watcher is a source of commits: the newest one of a branch. It is not for use by two goroutines at once.
type Watcher struct {
	cfg    Config
	at     address
	branch plumbing.ReferenceName
	dir    string // the spec's directory, as fs.FS spells it

	last reconcile.Commit // the newest whose files were read, so that they are read once only
}

// String says what is watched, without anything secret.
func (w *Watcher) String() string {
	return fmt.Sprintf("%s of %s", w.branch.Short(), w.at)
}

// repository is one, wherever it is, as it is at one fetch.
type repository interface {
	// head returns the commit at which the branch points.
	head(ctx context.Context) (plumbing.Hash, error)
	// deepen makes a commit readable with its files, and as many commits as that down from it; more may be.
	deepen(ctx context.Context, head plumbing.Hash, commits int) error
	objects() objects
	close()
}

// Fetch returns the commit at which the branch points, if it may be applied: it descends from applied, or nothing was applied yet, or
// rewinds are allowed; and everything below the path is a regular file or a directory with a harmless name. Whatever else there is in
// between is passed over. See reconcile.Source.
func (w *Watcher) Fetch(ctx context.Context, applied string) (reconcile.Commit, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Limits.Time)
	defer cancel()
	c, err := w.fetch(ctx, applied)
	if err != nil {
		return reconcile.Commit{}, w.explain(ctx, err)
	}
	return c, nil
}

func (w *Watcher) fetch(ctx context.Context, applied string) (reconcile.Commit, error) {
	r, err := w.open(ctx)
	if err != nil {
		return reconcile.Commit{}, err
	}
	defer r.close()
	head, err := r.head(ctx)
	if err != nil {
		return reconcile.Commit{}, err
	}
	if err := r.deepen(ctx, head, 1); err != nil {
		return reconcile.Commit{}, err
	}
	c, err := r.objects().commit(head)
	if err != nil {
		return reconcile.Commit{}, err
	}
	if err := w.checkDescent(ctx, r, head, applied); err != nil {
		return reconcile.Commit{}, err
	}
	return w.handOut(ctx, r.objects(), c)
}

func (w *Watcher) open(context.Context) (repository, error) {
	return openLocal(w.at.path, w.branch)
}

// handOut reads the spec's files of a commit.
func (w *Watcher) handOut(ctx context.Context, o objects, c commit) (reconcile.Commit, error) {
	if w.last.Hash == c.hash.String() {
		return w.last, nil
	}
	files, err := readFiles(ctx, o, c, w.dir, w.cfg.Limits)
	if err != nil {
		return reconcile.Commit{}, fmt.Errorf("commit %s: %w", c.hash, err)
	}
	subject, _, _ := strings.Cut(c.message, "\n")
	w.last = reconcile.Commit{Hash: c.hash.String(), Subject: subject, Message: c.message, Time: c.when, Files: files}
	return w.last, nil
}

// explain says what was fetched and why there is nothing.
func (w *Watcher) explain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("it took longer than %s", w.cfg.Limits.Time)
	}
	return fmt.Errorf("fetch %s: %w", w, err)
}
