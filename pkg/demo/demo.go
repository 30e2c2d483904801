// Package demo is a story for people who want to see peerd at work: a simulated AWS, a git repository, commits, and hands that change things
// behind peerd's back. It must not know the reconciler. Read Scenes first.
package demo

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/peerd/peerd/pkg/sandbox"
	"github.com/peerd/peerd/pkg/spec"
)

//go:embed specs/*.yaml
var specs embed.FS

// Demo is the place of the story.
type Demo struct {
	Box *sandbox.Box // has what all the commits take for granted

	dir  string // the repository's work tree
	repo *git.Repository
}

// Scene is something that somebody does.
type Scene struct {
	What string
	Play func(context.Context) error
}

// New makes an empty repository in a directory, with the branch main, and a simulated AWS.
func New(dir string) (*Demo, error) {
	repo, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.Main}})
	if err != nil {
		return nil, err
	}
	set, err := spec.Load(specs, "")
	if err != nil {
		return nil, err
	}
	box, err := sandbox.New(set)
	if err != nil {
		return nil, err
	}
	return &Demo{Box: box, dir: dir, repo: repo}, nil
}

// Scenes are the story, in order. The first makes the first commit.
func (d *Demo) Scenes() []Scene {
	return []Scene{
		{"a commit peers the hub with payments", d.add("network.yaml", "payments.yaml")},
		{"somebody deletes a route by hand", patiently(d.deleteRoute)},
		{"a commit peers the hub with data, in another region", d.add("data.yaml")},
		{"somebody revokes a rule, and adds one of their own, which stays", patiently(d.changeRules)},
		{"a commit has a mistake in it", d.mistake},
		{"a commit mends it", d.add("data.yaml")},
	}
}

// add makes a commit of files as they are here.
func (d *Demo) add(names ...string) func(context.Context) error {
	return func(context.Context) error {
		files := map[string][]byte{}
		for _, n := range names {
			text, err := specs.ReadFile("specs/" + n)
			if err != nil {
				return err
			}
			files[n] = text
		}
		return d.commit("Add "+strings.Join(names, " and "), files)
	}
}

func (d *Demo) mistake(context.Context) error {
	text, err := specs.ReadFile("specs/data.yaml")
	if err != nil {
		return err
	}
	return d.commit("Open a port for the hub", map[string][]byte{"data.yaml": bytes.ReplaceAll(text, []byte("ports: 5432"), []byte("port: 5432"))})
}

func (d *Demo) commit(message string, files map[string][]byte) error {
	tree, err := d.repo.Worktree()
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(d.dir, name), text, 0o600); err != nil {
			return err
		}
		if _, err := tree.Add(name); err != nil {
			return fmt.Errorf("add %s: %w", name, err)
		}
	}
	who := &object.Signature{Name: "peerd demo", Email: "demo@example.com", When: time.Now()}
	if _, err := tree.Commit(message, &git.CommitOptions{Author: who}); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
