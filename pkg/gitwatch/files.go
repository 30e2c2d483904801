package gitwatch

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// files is an fs.FS in memory: the spec files of a commit, and the directories above them.
type files struct {
	nodes map[string]*node // by path; "." is the root
	count int              // of files
	when  time.Time
}

// node is a file or a directory, and describes itself.
type node struct {
	name  string
	data  []byte
	isDir bool
	below []fs.DirEntry // sorted by name
	when  time.Time
}

func newFiles(when time.Time) *files {
	return &files{nodes: map[string]*node{".": {name: ".", isDir: true, when: when}}, when: when}
}

// add puts a file in its place, and makes the directories above it.
func (f *files) add(name string, data []byte) {
	f.count++
	n := &node{name: path.Base(name), data: data, when: f.when}
	f.nodes[name] = n
	for dir := path.Dir(name); ; dir, n = path.Dir(dir), f.nodes[dir] {
		parent, known := f.nodes[dir]
		if !known {
			parent = &node{name: path.Base(dir), isDir: true, when: f.when}
			f.nodes[dir] = parent
		}
		at, _ := slices.BinarySearchFunc(parent.below, n.name, func(e fs.DirEntry, name string) int { return strings.Compare(e.Name(), name) })
		parent.below = slices.Insert(parent.below, at, fs.DirEntry(n))
		if known {
			return
		}
	}
}

// Open opens a file or directory.
func (f *files) Open(name string) (fs.File, error) {
	n, found := f.nodes[name]
	switch {
	case !fs.ValidPath(name):
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	case !found:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case n.isDir:
		return &openDir{node: n}, nil
	}
	return &openFile{node: n, Reader: bytes.NewReader(n.data)}, nil
}

func (n *node) Name() string               { return n.name }
func (n *node) Size() int64                { return int64(len(n.data)) }
func (n *node) ModTime() time.Time         { return n.when }
func (n *node) IsDir() bool                { return n.isDir }
func (n *node) Sys() any                   { return nil }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }

func (n *node) Mode() fs.FileMode {
	if n.isDir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

type openFile struct {
	*node
	*bytes.Reader
}

func (o *openFile) Size() int64                { return o.node.Size() }
func (o *openFile) Stat() (fs.FileInfo, error) { return o.node, nil }
func (o *openFile) Close() error               { return nil }

type openDir struct {
	*node
	at int // how much was read
}

func (o *openDir) Stat() (fs.FileInfo, error) { return o.node, nil }
func (o *openDir) Close() error               { return nil }

func (o *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: o.name, Err: errors.New("is a directory")}
}

// ReadDir returns the next n entries, or all that are left.
func (o *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	left := o.below[o.at:]
	switch {
	case n <= 0:
		n = len(left)
	case len(left) == 0:
		return nil, io.EOF
	}
	n = min(n, len(left))
	o.at += n
	return slices.Clone(left[:n]), nil
}
