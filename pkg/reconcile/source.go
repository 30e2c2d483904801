package reconcile

import (
	"context"
	"io/fs"
	"time"
)

// Commit is what a source hands out: one revision of the spec's files.
type Commit struct {
	Hash    string // what tells it from others; of a git commit its hash
	Subject string
	Message string // whole, with its trailers
	Time    time.Time
	Files   fs.FS // the spec's files alone
}

// Source is where specs come from.
type Source interface {
	// Fetch returns the newest commit that may be applied. applied is the one that was applied last, empty when there is none: a commit that
	// does not descend from it is not handed out unless that is allowed. An error says why there is none, and the last good commit stays in
	// force; what it says is fit to be shown: no secrets.
	Fetch(ctx context.Context, applied string) (Commit, error)
}
