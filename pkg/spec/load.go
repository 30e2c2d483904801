package spec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Limits of what is read at all.
const (
	maxFileBytes = 4 << 20
	maxAllBytes  = 32 << 20
	maxFiles     = 10_000
)

// Load reads every *.yaml and *.yml file below the root of fsys, in the order of their names, and returns the spec they make together.
// The error is an *Errors with everything that is wrong. In positions, dir stands before the files' names; it may be empty.
func Load(fsys fs.FS, dir string) (*Set, error) {
	l := newLoader()
	l.readAll(reader{fsys: fsys, dir: dir, ps: l.ps})
	l.resolve()
	if err := l.ps.err(); err != nil {
		return nil, err
	}
	return l.set, nil
}

// readAll collects every document that can be read.
func (l *loader) readAll(r reader) {
	p := parser{ps: l.ps}
	w := walker{ps: l.ps}
	for _, name := range r.names() {
		data, ok := r.read(name)
		if !ok {
			continue
		}
		if l.set.OwnerPos.File == "" {
			l.set.OwnerPos = r.top(name)
		}
		for _, doc := range p.parse(r.shown(name), data) {
			if w.check(doc, documentShape) {
				l.collect(doc)
			} else {
				l.ps.lost = true
			}
		}
	}
}

// reader finds and reads the files of a spec.
type reader struct {
	fsys fs.FS
	dir  string
	ps   *problems
	sum  int
}

// names returns the spec files' names, sorted.
func (r *reader) names() []string {
	var names []string
	err := fs.WalkDir(r.fsys, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			r.ps.lose(r.top(name), "cannot be read: %s", reason(err))
		case len(names) > maxFiles:
			return fs.SkipAll
		case r.leadsElsewhere(name, e):
			r.ps.lose(r.top(name), "is not a file of its own: links are not followed, nor devices read, and what it stands for would be taken for unwanted; put the file or directory itself here")
		case e.Type().IsRegular() && isSpec(name):
			names = append(names, name)
		}
		return nil
	})
	switch {
	case err != nil:
		r.ps.lose(r.top("."), "cannot be read: %s", reason(err))
	case len(names) > maxFiles:
		r.ps.lose(r.top("."), "more than %d spec files", maxFiles)
		return nil
	case len(names) == 0 && len(r.ps.list) == 0:
		r.ps.lose(r.top("."), "no *.yaml or *.yml file is here: a spec that is not found is not an empty spec, so nothing is changed")
	}
	return names
}

// leadsElsewhere reports whether an entry that is neither file nor directory may stand for a part of the spec: it is named so, or a link to a
// directory or to nothing. A spec is what its own tree holds.
func (r *reader) leadsElsewhere(name string, e fs.DirEntry) bool {
	if e.Type().IsRegular() || e.IsDir() {
		return false
	}
	to, err := fs.Stat(r.fsys, name)
	return isSpec(name) || err != nil || to.IsDir()
}

func isSpec(name string) bool {
	ext := path.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

func (r *reader) read(name string) ([]byte, bool) {
	f, err := r.fsys.Open(name)
	if err != nil {
		r.ps.lose(r.top(name), "cannot be read: %s", reason(err))
		return nil, false
	}
	defer f.Close() // only read: nothing is lost by an error here
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	r.sum += len(data)
	switch {
	case err != nil:
		r.ps.lose(r.top(name), "cannot be read: %s", reason(err))
	case len(data) > maxFileBytes:
		r.ps.lose(r.top(name), "the file is larger than %d MiB: split it, or use meshes and hubs", maxFileBytes>>20)
	case r.sum > maxAllBytes:
		r.ps.lose(r.top(name), "the files up to here are larger than %d MiB together", maxAllBytes>>20)
	default:
		return data, true
	}
	return nil, false
}

// reason is an error without the operation and path that fs puts before it.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func (r *reader) top(name string) Pos { return Pos{File: r.shown(name), Line: 1, Col: 1} }

// shown is a file's name as positions have it: names in a commit are a stranger's text.
func (r *reader) shown(name string) string {
	full := path.Join(r.dir, name)
	if strings.HasPrefix(r.dir, "./") {
		full = "./" + full
	}
	q := fmt.Sprintf("%q", full)
	return q[1 : len(q)-1]
}
