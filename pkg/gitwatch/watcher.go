package gitwatch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/peerd/peerd/pkg/reconcile"
)

// Watcher is a source of commits: the newest one of a branch. It is not for use by two goroutines at once.
type Watcher struct {
	cfg    Config
	at     address
	branch plumbing.ReferenceName
	dir    string // the spec's directory, as fs.FS spells it

	secrets []string // what must not be said: the token as it was last read, in every form in which it is sent
	copy    *copied
	last    reconcile.Commit // the newest whose files were read, so that they are read once only
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

// Fetch returns the commit at which the branch points, if it may be applied: it is signed as asked for; it descends from applied, or
// nothing was applied yet, or rewinds are allowed; and everything below the path is a regular file or a directory with a harmless name.
// Commits in between are passed over. See reconcile.Source.
func (w *Watcher) Fetch(ctx context.Context, applied string) (reconcile.Commit, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, w.cfg.Limits.Time, errTooLong)
	defer cancel()
	m := &meter{limit: w.cfg.Limits.Bytes}
	c, err := w.fetch(ctx, m, applied)
	if err != nil {
		return reconcile.Commit{}, w.explain(ctx, m, err)
	}
	return c, nil
}

func (w *Watcher) fetch(ctx context.Context, m *meter, applied string) (reconcile.Commit, error) {
	r, err := w.open(m)
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
	if err := w.verify(c, time.Now()); err != nil {
		return reconcile.Commit{}, fmt.Errorf("commit %s: %w", c.hash, err)
	}
	if err := w.checkDescent(ctx, r, head, applied); err != nil {
		return reconcile.Commit{}, err
	}
	return w.handOut(ctx, r.objects(), c)
}

// open finds the repository; one at a server is asked when it is used.
func (w *Watcher) open(m *meter) (repository, error) {
	dial := w.dialHTTP
	switch w.at.scheme {
	case "file":
		return openLocal(w.at.path, w.branch)
	case "ssh":
		dial = w.dialSSH
	}
	return &remote{
		dial:   func(ctx context.Context) (session, error) { return dial(ctx, m) },
		branch: w.branch, limits: w.cfg.Limits, copy: w.copy,
	}, nil
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

// errTooLong is why a fetch ended that took its whole time.
var errTooLong = errors.New("too long")

// explain says what was fetched and why there is nothing, in words that may be printed and hold no secret.
func (w *Watcher) explain(ctx context.Context, m *meter, err error) error {
	switch {
	case context.Cause(ctx) == errTooLong:
		return fmt.Errorf("fetch %s: it took longer than %s", w, w.cfg.Limits.Time)
	case ctx.Err() != nil:
		return fmt.Errorf("fetch %s: %w", w, ctx.Err())
	case m.reason() != nil:
		err = m.reason()
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // without the URL, which was said
	}
	return fmt.Errorf("fetch %s: %s", w, w.say(err.Error()))
}
