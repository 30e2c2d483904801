package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/google/renameio/v2"

	"github.com/peerd/peerd/pkg/reconcile"
)

// stateFile remembers across restarts which commit was applied last, so that a branch that was rewound meanwhile is found out. The zero
// value remembers nothing.
type stateFile struct {
	path string
	of   applied // without its commit
}

// applied is what the file holds.
type applied struct {
	FormatVersion int    `json:"formatVersion"`
	Repo          string `json:"repo"` // with its branch, without anything secret
	Path          string `json:"path"`
	Commit        string `json:"commit"`
}

const (
	stateFormat   = 1
	maxStateBytes = 64 << 10
)

// stateOf is the state of what the flags name.
func (a *app) stateOf(source reconcile.Source) stateFile {
	return stateFile{a.stateFile, applied{FormatVersion: stateFormat, Repo: fmt.Sprint(source), Path: cleanPath(a.repo.Path)}}
}

// read returns the commit that was applied last, empty when there was none, or it was of another repository, branch or path. What cannot be
// read is an error, not "none": a rewind would go unseen.
func (s stateFile) read() (string, error) {
	if s.path == "" {
		return "", nil
	}
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("--state-file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxStateBytes))
	if err != nil {
		return "", fmt.Errorf("--state-file: %w", err)
	}
	var was applied
	if err := json.Unmarshal(text, &was); err != nil || was.FormatVersion != stateFormat {
		return "", fmt.Errorf("--state-file %s is not one that this peerd wrote: name another, or remove it if any head may be applied next", s.path)
	}
	commit := was.Commit
	if was.Commit = ""; was != s.of {
		return "", nil
	}
	return commit, nil
}

// write remembers a commit. The file is replaced in one step.
func (s stateFile) write(commit string) error {
	if s.path == "" {
		return nil
	}
	now := s.of
	now.Commit = commit
	text, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("--state-file: %w", err)
	}
	if err := renameio.WriteFile(s.path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("--state-file: %w", err)
	}
	return nil
}
