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
type local struct{ path string }

// maxLocal bounds what is read to tell one state of the files from another; spec.Load has limits of its own.
const maxLocal = 64 << 20

// Fetch returns the files as they are. Links and devices are passed over, as spec.Load does: they are no part of the spec, and may not end.
func (l local) Fetch(context.Context, string) (reconcile.Commit, error) {
	files, _, err := specFiles(l.path)
	if err != nil {
		return reconcile.Commit{}, err
	}
	h := sha256.New()
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || path.Ext(name) != ".yaml" && path.Ext(name) != ".yml" {
			return err
		}
		fmt.Fprintf(h, "%q\n", name)
		f, err := files.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(h, io.LimitReader(f, maxLocal))
		return err
	})
	if replaced := whole(files); replaced != nil {
		return reconcile.Commit{}, replaced
	}
	if err != nil {
		return reconcile.Commit{}, fmt.Errorf("read the spec: %w", err)
	}
	return reconcile.Commit{Hash: hex.EncodeToString(h.Sum(nil)[:6]), Subject: "local files", Time: time.Now(), Files: files}, nil
}

var _ reconcile.Source = local{}
