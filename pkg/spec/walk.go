package spec

import (
	"slices"
	"strings"
)

// walker checks a tree against a shape. What it refuses it complains about and cuts off, marking the parent as broken, so that later steps meet
// only values they understand and do not complain again.
type walker struct{ ps *problems }

// check reports whether the node can be used.
func (w *walker) check(n *node, s *shape) bool {
	if w.ps.full() {
		return false
	}
	switch s.form {
	case isUnion:
		if f, ok := s.union[n.kind]; ok {
			return w.check(n, f)
		}
	case isList:
		if n.kind == list {
			return w.list(n, s)
		}
	case isMap:
		if n.kind == mapping {
			return w.table(n, s)
		}
	case isObject:
		if n.kind == mapping {
			return w.object(n, s)
		}
	default:
		if n.kind == scalar {
			return w.text(n, s)
		}
	}
	w.ps.at(n, "must be %s, not %s", s.what, n.kind)
	return false
}

func (w *walker) text(n *node, s *shape) bool {
	switch {
	case s.form == isBool:
		return w.bool(n)
	case n.quoted && isTruth(n.text) && slices.Contains(s.words, "true"):
		w.ps.at(n, "must be %s without quotes", s.what)
		return false
	}
	v, err := s.parse(n.text)
	if err != nil {
		w.ps.at(n, "%s", err)
		return false
	}
	n.value = v
	return true
}

func (w *walker) bool(n *node) bool {
	switch {
	case !isTruth(n.text):
		w.ps.at(n, "%s is neither true nor false%s", quote(n.text), didYouMean(n.text, []string{"true", "false"}))
	case n.quoted:
		w.ps.at(n, "must be true or false without quotes")
	default:
		n.value = n.text[0] == 't' || n.text[0] == 'T'
		return true
	}
	return false
}

// isTruth reports whether YAML reads an unquoted text as true or false (YAML 1.2, "Core Schema").
func isTruth(s string) bool {
	return slices.Contains([]string{"true", "True", "TRUE", "false", "False", "FALSE"}, s)
}

func (w *walker) list(n *node, s *shape) bool {
	if !w.enough(n, s, len(n.items)) {
		return false
	}
	kept := n.items[:0]
	for _, item := range n.items {
		if w.check(item, s.elem) {
			kept = append(kept, item)
		} else {
			n.broken = true
		}
	}
	n.items = kept
	return len(kept) > 0 || !n.broken
}

// enough complains about a list or map that holds less than it must, or more than it may.
func (w *walker) enough(n *node, s *shape, have int) bool {
	few, many := have < s.fewest && !n.broken, s.most > 0 && have > s.most
	switch {
	case !few && !many:
		return true
	case have == 0:
		w.ps.at(n, "is empty: it must be %s", s.what)
	case few || s.fewest == s.most:
		w.ps.at(n, "must be %s, and has %d", s.what, have)
	default:
		w.ps.at(n, "must be %s, at most %d of them, and has %d", s.what, s.most, have)
	}
	return false
}

func (w *walker) table(n *node, s *shape) bool {
	if !w.enough(n, s, len(n.fields)) {
		return false
	}
	kept := n.fields[:0]
	for _, e := range n.fields {
		if w.check(e.key, s.key) && w.check(e.val, s.elem) {
			kept = append(kept, e)
		} else {
			n.lose(e.key.text)
		}
	}
	n.fields = kept
	return len(kept) > 0 || !n.broken
}

func (w *walker) object(n *node, s *shape) bool {
	stated := n.stated()
	kept := n.fields[:0]
	for _, e := range n.fields {
		if w.field(e, s) {
			kept = append(kept, e)
		} else {
			n.lose(e.key.text)
		}
	}
	n.fields = kept
	w.missing(n, s, stated)
	return true
}

func (w *walker) field(e entry, s *shape) bool {
	f := s.field(e.key.text)
	switch {
	case w.ps.full():
		return false
	case f == nil:
		w.ps.at(e.key, "unknown field%s", unknownHint(e.key.text, s))
		return false
	}
	return w.check(e.val, f)
}

func unknownHint(key string, s *shape) string {
	if hint := didYouMean(key, s.names()); hint != "" {
		return hint
	}
	return ": the fields here are " + strings.Join(s.names(), ", ")
}

// missing complains about required fields that are not stated. Those stated and refused are not missing; a field whose name
// was misspelt probably is the one meant.
func (w *walker) missing(n *node, s *shape, stated []string) {
	for _, f := range s.fields {
		if f.required && !slices.Contains(stated, f.name) && !misspelt(f.name, stated, s) {
			n.broken = true
			w.ps.in(n, f.name, "missing: it must be %s", f.shape.what)
		}
	}
	if len(s.oneOf) == 0 {
		return
	}
	var have []string
	for _, name := range s.oneOf {
		if slices.Contains(stated, name) {
			have = append(have, name)
		}
	}
	switch {
	case len(have) > 1:
		w.ps.at(n, "states both %s: exactly one of %s is possible", strings.Join(have, " and "), strings.Join(s.oneOf, ", "))
		n.broken = true
	case len(have) == 0 && !n.broken:
		w.ps.at(n, "must state one of %s", strings.Join(s.oneOf, ", "))
		n.broken = true
	}
}

func misspelt(name string, stated []string, s *shape) bool {
	if len(stated) > 3*len(s.fields) {
		return false // not a typing mistake any more
	}
	for _, key := range stated {
		if s.field(key) == nil && nearest(key, s.names()) == name {
			return true
		}
	}
	return false
}
