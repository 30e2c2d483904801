package spec

import (
	"slices"
	"strconv"
	"strings"
)

// kind is the form of a node.
type kind int

const (
	scalar kind = iota
	list
	mapping
)

// String names the form as a message does.
func (k kind) String() string { return [...]string{"a single value", "a list", "a map of fields"}[k] }

// node is one value of a document, free of everything YAML offers and a spec does not need: no aliases, no tags, no nulls.
type node struct {
	pos    Pos
	kind   kind
	text   string  // of a scalar, as written
	quoted bool    // of a scalar
	fields []entry // of a mapping, as written, no key twice
	items  []*node // of a list
	parent *node
	step   string   // how the parent reaches it: a key, or "[3]"
	value  any      // of a scalar the walk accepted: what it means
	broken bool     // a complaint was made about something directly within: do not complain about what is missing
	lost   []string // the keys whose values were refused
}

// entry is a key with its value.
type entry struct {
	key *node
	val *node
}

// get returns the value of a field, nil when there is none or no node.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.fields {
		if e.key.text == key {
			return e.val
		}
	}
	return nil
}

// stated returns the keys of a mapping, those with refused values among them.
func (n *node) stated() []string {
	keys := slices.Clone(n.lost)
	for _, e := range n.fields {
		keys = append(keys, e.key.text)
	}
	return keys
}

// lose records that the value of a key was refused.
func (n *node) lose(key string) {
	n.broken = true
	n.lost = append(n.lost, key)
}

// itemsOf returns the items of a list, none when it is absent.
func (n *node) itemsOf() []*node {
	if n == nil {
		return nil
	}
	return n.items
}

// list returns the items of a list field, none when it is absent.
func (n *node) list(key string) []*node {
	return n.get(key).itemsOf()
}

// value returns what an accepted scalar means, the zero value when it is absent.
func value[T any](n *node) T {
	var zero T
	if n == nil {
		return zero
	}
	if v, ok := n.value.(T); ok {
		return v
	}
	return zero
}

// path returns where the node is in its document; list items that have a name are reached by it.
func (n *node) path() string {
	if n.parent == nil {
		return ""
	}
	step := n.step
	if name := n.get("name"); n.parent.kind == list && name != nil && name.kind == scalar {
		step = "[" + safe(name.text) + "]"
	}
	return joinPath(n.parent.path(), step)
}

func joinPath(base, step string) string {
	if base == "" || strings.HasPrefix(step, "[") {
		return base + step
	}
	return base + "." + step
}

// quote shows a user's text in a message: one line, and not endless.
func quote(s string) string { return strconv.Quote(clip(s)) }

// safe is quote without the quotes, for keys and names that are usually plain.
func safe(s string) string {
	q := quote(s)
	return q[1 : len(q)-1]
}

func clip(s string) string {
	const most = 60
	runes := []rune(s)
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
