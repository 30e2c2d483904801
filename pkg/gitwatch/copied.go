package gitwatch

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
)

// maxHistory is how many commits a copy remembers.
const maxHistory = 10_000

// copied is what was fetched of a repository: one commit with everything below its tree, and commits down from it and from earlier ones,
// without theirs. It grows by one commit object a push, whatever the repository's age.
type copied struct {
	store *memory.Storage
	tip   plumbing.Hash // the commit that is whole; zero: none
	depth int           // how many commits down from it are there
}

// unpack reads a pack, whose objects may be differences from what is here already. That is not changed.
func (c *copied) unpack(ctx context.Context, pack []byte, l Limits) (*memory.Storage, error) {
	if err := measure(ctx, pack, l); err != nil {
		return nil, err
	}
	both := memory.NewStorage()
	for hash, o := range c.store.Objects {
		if _, err := both.SetEncodedObject(o); err != nil {
			return nil, fmt.Errorf("object %s: %w", hash, err)
		}
	}
	return both, unpack(ctx, pack, both)
}

// take replaces the copy by what it has become with what arrived: a commit that is whole, and commits of its history. If anything is
// missing nothing is changed. A copy that was not made shallow keeps everything: the server will leave out what any ancestor has.
func (c *copied) take(ctx context.Context, arrived *memory.Storage, tip plumbing.Hash, depth int, shallow bool) error {
	kept := arrived
	if shallow {
		kept = memory.NewStorage()
		if err := keep(ctx, kept, arrived, tip); err != nil {
			return err
		}
	}
	*c = copied{store: kept, tip: tip, depth: depth}
	return nil
}

// keep copies a commit, everything below its tree, and the history.
func keep(ctx context.Context, to, from *memory.Storage, tip plumbing.Hash) error {
	c, err := objects{from}.commit(tip)
	if err != nil {
		return err
	}
	if len(from.Commits) > maxHistory {
		from.Commits = map[plumbing.Hash]plumbing.EncodedObject{tip: from.Commits[tip]}
	}
	for _, o := range from.Commits {
		if _, err := to.SetEncodedObject(o); err != nil {
			return err
		}
	}
	return keepTree(ctx, to, from, c.tree)
}

func keepTree(ctx context.Context, to, from *memory.Storage, tree plumbing.Hash) error {
	if to.HasEncodedObject(tree) == nil {
		return nil // a second time
	}
	entries, err := objects{from}.tree(tree)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := to.SetEncodedObject(from.Trees[tree]); err != nil {
		return err
	}
	for _, e := range entries {
		switch blob, found := from.Blobs[e.hash]; {
		case e.mode&modeKind == modeDirectory:
			if err := keepTree(ctx, to, from, e.hash); err != nil {
				return err
			}
		case found:
			if _, err := to.SetEncodedObject(blob); err != nil {
				return err
			}
		}
	}
	return nil
}
