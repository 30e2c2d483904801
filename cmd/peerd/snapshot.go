package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
)

// snapshot is what the files of a spec held when they were read, and what of them could not be read: an fs.FS that says the same however often
// it is asked.
type snapshot struct {
	nodes map[string]*node // by path; "." is the root
	left  int64            // bytes that may yet be read
	sum   hash.Hash
}

// node is a file or a directory.
type node struct {
	info  fs.FileInfo
	data  []byte // nil: not read
	below []fs.DirEntry
	err   error // why it could not be read
}

// maxLocal bounds what is held; spec.Load has limits of its own, which refuse far less.
const maxLocal = 64 << 20

// take reads the spec's files once. Of links it is noted whether they lead to a directory, which spec.Load refuses; nothing is read through
// them, nor from devices, which may not end.
func take(files fs.FS) *snapshot {
	s := &snapshot{nodes: map[string]*node{}, left: maxLocal, sum: sha256.New()}
	s.readDir(files, ".")
	return s
}

// hash tells one state of the files from another.
func (s *snapshot) hash() string { return hex.EncodeToString(s.sum.Sum(nil)[:6]) }

func (s *snapshot) readDir(files fs.FS, name string) {
	n := &node{}
	s.nodes[name] = n
	if n.info, n.err = fs.Stat(files, name); n.err == nil {
		n.below, n.err = fs.ReadDir(files, name)
	}
	if n.err != nil {
		fmt.Fprintf(s.sum, "%q: %v\n", name, n.err)
		return
	}
	for _, e := range n.below {
		below := path.Join(name, e.Name())
		switch {
		case e.IsDir():
			s.readDir(files, below)
		case e.Type().IsRegular() && (path.Ext(below) == ".yaml" || path.Ext(below) == ".yml"):
			s.readFile(files, below)
		case !e.Type().IsRegular():
			n := &node{}
			s.nodes[below] = n
			n.info, n.err = fs.Stat(files, below)
			fmt.Fprintf(s.sum, "%q: %v, %v\n", below, e.Type(), n.err != nil || n.info.IsDir())
		}
	}
}

func (s *snapshot) readFile(files fs.FS, name string) {
	n := s.open(files, name)
	s.nodes[name] = n
	s.left -= int64(len(n.data))
	fmt.Fprintf(s.sum, "%q: %v, %d\n", name, n.err, len(n.data))
	s.sum.Write(n.data)
}

func (s *snapshot) open(files fs.FS, name string) *node {
	f, err := files.Open(name)
	if err != nil {
		return &node{err: err}
	}
	defer f.Close() // only read: nothing is lost by an error here
	n := &node{}
	if n.info, n.err = f.Stat(); n.err == nil {
		n.data, n.err = io.ReadAll(io.LimitReader(f, min(maxFile+1, s.left)))
	}
	return n
}

func (s *snapshot) node(op, name string) (*node, error) {
	n, known := s.nodes[name]
	if !known {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, n.err
}

// Open opens a file.
func (s *snapshot) Open(name string) (fs.File, error) {
	n, err := s.node("open", name)
	switch {
	case err != nil:
		return nil, err
	case n.data == nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return heldFile{bytes.NewReader(n.data), n.info}, nil
}

// ReadDir lists a directory.
func (s *snapshot) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := s.node("readdir", name)
	if err != nil {
		return nil, err
	}
	return n.below, nil
}

// Stat describes a file or a directory.
func (s *snapshot) Stat(name string) (fs.FileInfo, error) {
	n, err := s.node("stat", name)
	if err != nil {
		return nil, err
	}
	return n.info, nil
}

type heldFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f heldFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f heldFile) Close() error               { return nil }
