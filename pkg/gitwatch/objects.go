package gitwatch

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// maxMeta bounds commits and trees: a directory of 10,000 long names has 300 kB.
const maxMeta = 4 << 20

// errMissing says that an object is not there.
var errMissing = errors.New("is missing")

// objects reads a repository's objects. A hash stands for what it is the hash of, wherever that was stored: everything is hashed again.
type objects struct {
	store storer.EncodedObjectStorer
}

func (o objects) read(kind plumbing.ObjectType, hash plumbing.Hash, limit int64) ([]byte, error) {
	size, err := o.store.EncodedObjectSize(hash)
	switch {
	case errors.Is(err, plumbing.ErrObjectNotFound):
		return nil, fmt.Errorf("%s %s %w", kind, hash, errMissing)
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w", kind, hash, err)
	case size > limit:
		return nil, fmt.Errorf("%s %s has %d bytes, more than %d", kind, hash, size, limit)
	}
	data, err := o.content(kind, hash, limit)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, hash, err)
	}
	if plumbing.ComputeHash(kind, data) != hash {
		return nil, fmt.Errorf("%s %s is damaged: its content has another hash", kind, hash)
	}
	return data, nil
}

func (o objects) content(kind plumbing.ObjectType, hash plumbing.Hash, limit int64) ([]byte, error) {
	object, err := o.store.EncodedObject(kind, hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) { // though it has a size
		return nil, errors.New("it is an object of another kind")
	} else if err != nil {
		return nil, err
	}
	r, err := object.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read: nothing is lost by an error here
	return io.ReadAll(io.LimitReader(r, limit+1))
}

func (o objects) commit(hash plumbing.Hash) (commit, error) {
	raw, err := o.read(plumbing.CommitObject, hash, maxMeta)
	if err != nil {
		return commit{}, err
	}
	c, err := parseCommit(raw)
	if err != nil {
		return commit{}, fmt.Errorf("commit %s: %w", hash, err)
	}
	c.hash = hash
	return c, nil
}

func (o objects) tree(hash plumbing.Hash) ([]entry, error) {
	raw, err := o.read(plumbing.TreeObject, hash, maxMeta)
	if err != nil {
		return nil, err
	}
	entries, err := parseTree(raw)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", hash, err)
	}
	return entries, nil
}
