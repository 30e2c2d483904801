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
		return os.DirFS(path), filepath.Clean(path), nil
	}
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir) // "." for a bare name
	return oneFile{os.DirFS(dir), name}, dir, nil
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
