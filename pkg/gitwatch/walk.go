package gitwatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxObjections is how many refused entries an error names.
const maxObjections = 10

// readFiles returns the spec files below a directory of a commit. One entry that is refused refuses the commit: what a tree means must not
// depend on what is left out of it.
func readFiles(ctx context.Context, o objects, c commit, dir string, l Limits) (fs.FS, error) {
	tree, err := o.find(c.tree, dir)
	if err != nil {
		return nil, err
	}
	w := walk{ctx: ctx, objects: o, limits: l, files: newFiles(c.when)}
	if err := w.directory(dir, ".", tree); err != nil {
		return nil, err
	}
	if err := w.objection(); err != nil {
		return nil, err
	}
	return w.files, nil
}

// find returns the tree of a directory, from the root down.
func (o objects) find(root plumbing.Hash, dir string) (plumbing.Hash, error) {
	if dir == "." {
		return root, nil
	}
	tree, done := root, ""
	for _, name := range strings.Split(dir, "/") {
		entries, err := o.tree(tree)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		done = path.Join(done, name)
		e, err := only(entries, name)
		switch {
		case err != nil:
			return plumbing.ZeroHash, fmt.Errorf("%s %w", shown(done), err)
		case e.objection() != "":
			return plumbing.ZeroHash, fmt.Errorf("%s %s", shown(done), e.objection())
		case e.mode&modeKind != modeDirectory:
			return plumbing.ZeroHash, fmt.Errorf("%s is not a directory", shown(done))
		}
		tree = e.hash
	}
	return tree, nil
}

// only returns the one entry of a name.
func only(entries []entry, name string) (entry, error) {
	var found []entry
	for _, e := range entries {
		if e.name == name {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 0:
		return entry{}, errors.New("does not exist: a spec that is not found is not an empty spec, so nothing is changed")
	case 1:
		return found[0], nil
	}
	return entry{}, errors.New("is there twice")
}

// walk collects the spec files of a tree.
type walk struct {
	ctx     context.Context
	objects objects
	limits  Limits
	files   *files
	refused []string
	more    int   // refused besides these
	entries int   // looked at: a small repository can show the same tree a billion times
	bytes   int64 // of the files
}

// directory reads a tree; full is its path in the repository, below the one below the spec's directory.
func (w *walk) directory(full, below string, tree plumbing.Hash) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := w.objects.tree(tree)
	if err != nil {
		return err
	}
	if w.entries += len(entries); w.entries > w.limits.Objects {
		return fmt.Errorf("more than %d files and directories are below the path", w.limits.Objects)
	}
	names := map[string]bool{}
	for _, e := range entries {
		full, below := join(full, e.name), join(below, e.name)
		switch why := e.objection(); {
		case why != "":
			w.refuse(full, why)
		case names[e.name]:
			w.refuse(full, "is there twice")
		case len(full) > maxPath:
			w.refuse(full, fmt.Sprintf("has a path longer than %d bytes", maxPath))
		default:
			if err := w.entry(e, full, below); err != nil {
				return err
			}
		}
		names[e.name] = true
	}
	return nil
}

// join does not tidy up, as path.Join does: what is refused is shown as it is.
func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

func (w *walk) refuse(full, why string) {
	if len(w.refused) < maxObjections {
		w.refused = append(w.refused, shown(full)+" "+why)
	} else {
		w.more++
	}
}

// objection says what was refused, if anything was.
func (w *walk) objection() error {
	switch {
	case len(w.refused) == 0:
		return nil
	case w.more > 0:
		return fmt.Errorf("%s; and %d more", strings.Join(w.refused, "; "), w.more)
	}
	return errors.New(strings.Join(w.refused, "; "))
}

// entry reads a directory, or a file if it is one of a spec.
func (w *walk) entry(e entry, full, below string) error {
	if e.mode&modeKind == modeDirectory {
		return w.directory(full, below, e.hash)
	}
	if ext := path.Ext(e.name); ext != ".yaml" && ext != ".yml" {
		return nil
	}
	data, err := w.objects.read(plumbing.BlobObject, e.hash, w.limits.FileBytes)
	if err != nil {
		return fmt.Errorf("%s: %w", shown(full), err)
	}
	if isPointer(data) {
		w.refuse(full, "is a pointer of Git LFS, whose files are not fetched")
		return nil
	}
	w.files.add(below, data)
	w.bytes += int64(len(data))
	switch {
	case w.files.count > w.limits.Files:
		return fmt.Errorf("more than %d spec files are below the path", w.limits.Files)
	case w.bytes > w.limits.AllBytes:
		return fmt.Errorf("the spec files have more than %d bytes together", w.limits.AllBytes)
	}
	return nil
}

// isPointer recognises what Git LFS puts in the place of a file; the first was its name before it had one.
func isPointer(data []byte) bool {
	return bytes.HasPrefix(data, []byte("version http://git-media.io/v/")) || bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/"))
}
