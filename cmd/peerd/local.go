package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/peerd/peerd/pkg/reconcile"
)

// local is a source of specs on disk: its commit is what the files hold now.
type local struct{ files fs.FS }

// maxLocal bounds what is read to tell one state of the files from another; spec.Load has limits of its own.
const maxLocal = 64 << 20

// Fetch returns the files as they are. What is wrong with one of them is for spec.Load to say.
func (l local) Fetch(context.Context, string) (reconcile.Commit, error) {
	h := sha256.New()
	err := fs.WalkDir(l.files, ".", func(name string, d fs.DirEntry, err error) error {
		if name == "." && err != nil {
			return err
		}
		if err == nil && (d.IsDir() || path.Ext(name) != ".yaml" && path.Ext(name) != ".yml") {
			return nil
		}
		fmt.Fprintf(h, "%q\n", name)
		if err == nil {
			err = l.copy(h, name)
		}
		if err != nil {
			fmt.Fprintf(h, "%v\n", err)
		}
		return nil
	})
	if err != nil {
		return reconcile.Commit{}, fmt.Errorf("read the spec: %w", err)
	}
	return reconcile.Commit{Hash: hex.EncodeToString(h.Sum(nil)[:6]), Subject: "local files", Time: time.Now(), Files: l.files}, nil
}

func (l local) copy(w io.Writer, name string) error {
	f, err := l.files.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, io.LimitReader(f, maxLocal))
	return err
}

var _ reconcile.Source = local{}
