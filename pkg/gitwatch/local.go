package gitwatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// local is a repository on this machine, read where it lies. Its configuration and hooks are never looked at.
type local struct {
	store  *filesystem.Storage
	branch plumbing.ReferenceName
}

// openLocal opens a bare repository, or the one of a work tree.
func openLocal(path string, branch plumbing.ReferenceName) (*local, error) {
	for _, dir := range []string{path, filepath.Join(path, ".git")} {
		if isDir(filepath.Join(dir, "objects")) && isDir(filepath.Join(dir, "refs")) {
			store := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRU(8*cache.MiByte))
			return &local{store: store, branch: branch}, nil
		}
	}
	if !isDir(path) {
		return nil, errors.New("there is no such directory")
	}
	return nil, errors.New("it is not a git repository")
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (l *local) head(context.Context) (plumbing.Hash, error) {
	ref, err := storer.ResolveReference(l.store, l.branch)
	if !errors.Is(err, plumbing.ErrReferenceNotFound) {
		if err != nil {
			return plumbing.ZeroHash, err
		}
		return ref.Hash(), nil
	}
	all, err := l.store.IterReferences()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	empty := true
	err = all.ForEach(func(r *plumbing.Reference) error {
		empty = empty && r.Type() != plumbing.HashReference
		return nil
	})
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return plumbing.ZeroHash, noBranch(l.branch, empty)
}

// noBranch says that there is nothing to follow: a repository without a branch says nothing, in particular not that everything should go.
func noBranch(branch plumbing.ReferenceName, empty bool) error {
	if empty {
		return errors.New("the repository is empty")
	}
	return fmt.Errorf("the repository has no branch %q", branch.Short())
}

// deepen has nothing to do: everything is here.
func (l *local) deepen(context.Context, plumbing.Hash, int) error { return nil }

func (l *local) objects() objects { return objects{l.store} }

func (l *local) close() {}
