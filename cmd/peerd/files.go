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
		return dirFiles(path), filepath.Clean(path), nil
	}
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir) // "." for a bare name
	return oneFile{os.DirFS(dir), name}, dir, nil
}

// dirFiles are the files of a directory. A ConfigMap that Kubernetes mounts has them in a directory of its own, to which ..data is a link: when
// the ConfigMap changes, another such directory is made, the link is replaced, and the old one is removed.
func dirFiles(path string) fs.FS {
	link := filepath.Join(path, "..data")
	target, err := os.Readlink(link)
	if err != nil {
		return os.DirFS(path)
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(path, target)
	}
	return mounted{os.DirFS(target), path}
}

// mounted is what a ConfigMap that is mounted at a path held when it was opened.
type mounted struct {
	fs.FS
	path string
}

// whole refuses files that were replaced while they were read: some may have been gone, and what they said would be taken for unwanted.
func whole(read fs.FS) error {
	if m, ok := read.(mounted); ok && dirFiles(m.path) != m {
		return fmt.Errorf("read the spec: %s was replaced while it was read", m.path)
	}
	return nil
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
