package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// specFiles returns the files of a spec path and the directory in whose terms they are named to the user.
func specFiles(path string) (fs.FS, string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", fmt.Errorf("read the spec: %w", err)
	}
	if info.IsDir() {
		files, err := dirFiles(path)
		return files, filepath.Clean(path), err
	}
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir) // "." for a bare name
	return oneFile{os.DirFS(dir), name}, dir, nil
}

// dirFiles are the files of the directory to which links lead now. What git-sync and Kubernetes put there is one state in a directory of its own,
// to which a link is replaced: reading through the link, file by file, would mix two states. Of a ConfigMap the link is ..data, beside links to
// its files.
func dirFiles(path string) (fs.FS, error) {
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("read the spec: %w", err)
	}
	data := filepath.Join(root, "..data")
	if _, err := os.Readlink(data); err != nil {
		return os.DirFS(root), nil
	}
	if root, err = filepath.EvalSymlinks(data); err != nil {
		return nil, fmt.Errorf("read the spec: %w", err)
	}
	return os.DirFS(root), nil
}

// oneFile is a directory that shows one file only.
type oneFile struct {
	fs.FS
	name string
}

// ReadDir lists the one file.
func (o oneFile) ReadDir(string) ([]fs.DirEntry, error) {
	info, err := fs.Stat(o.FS, o.name)
	if err != nil {
		return nil, err
	}
	return []fs.DirEntry{fs.FileInfoToDirEntry(info)}, nil
}
