package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one complaint about a spec.
type Problem struct {
	Pos     Pos
	Path    string // where in the document: "peerings[hub-payments].requester.dns"; empty at its top
	Message string // what is wrong, why, and what to do
}

// String returns "file:line:col: path: message".
func (p Problem) String() string {
	if p.Path == "" {
		return fmt.Sprintf("%s: %s", p.Pos, p.Message)
	}
	return fmt.Sprintf("%s: %s: %s", p.Pos, p.Path, p.Message)
}

// Errors is everything that is wrong with a spec.
type Errors struct{ list []Problem }

// Problems returns the complaints, sorted by file, line and column.
func (e *Errors) Problems() []Problem { return slices.Clone(e.list) }

// Error returns one line per problem.
func (e *Errors) Error() string {
	lines := make([]string, len(e.list))
	for i, p := range e.list {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// maxProblems is more than anybody reads; a file of nothing but mistakes must not cost more than a correct one.
const maxProblems = 1_000

// problems collects complaints. The same sort of complaint about the same place is kept once: a mistake in a mesh or in the
// defaults shows in every peering made from it.
type problems struct {
	list []Problem
	seen map[complaint]bool
	lost bool // a part of some file could not be read at all: what is missing may have been defined there
}

type complaint struct {
	pos        Pos
	path, sort string
}

// lose adds a complaint after which the rest of a file is not read.
func (ps *problems) lose(pos Pos, format string, args ...any) {
	ps.lost = true
	ps.add(pos, "", format, args...)
}

// at adds a complaint about a node.
func (ps *problems) at(n *node, format string, args ...any) {
	ps.add(n.pos, n.path(), format, args...)
}

// in adds a complaint about a field that a node lacks or should not have.
func (ps *problems) in(n *node, field, format string, args ...any) {
	ps.add(n.pos, joinPath(n.path(), field), format, args...)
}

// each adds a complaint that is worth repeating about one place, with other words.
func (ps *problems) each(n *node, format string, args ...any) {
	ps.addAs(fmt.Sprintf(format, args...), n.pos, n.path(), format, args...)
}

func (ps *problems) add(pos Pos, path, format string, args ...any) {
	ps.addAs(format, pos, path, format, args...)
}

// addAs adds a complaint unless one of the same sort was made about the same place.
func (ps *problems) addAs(sort string, pos Pos, path, format string, args ...any) {
	key := complaint{pos, path, sort}
	if ps.seen[key] || ps.full() {
		return
	}
	if len(ps.list) == maxProblems {
		path, format, args = "", "more than %d problems: the others are not shown", []any{maxProblems}
	}
	if ps.seen == nil {
		ps.seen = map[complaint]bool{}
	}
	ps.seen[key] = true
	ps.list = append(ps.list, Problem{Pos: pos, Path: path, Message: fmt.Sprintf(format, args...)})
}

// full reports whether more complaints would not be kept.
func (ps *problems) full() bool { return len(ps.list) > maxProblems }

// err returns the complaints as an error, or nil when there are none.
func (ps *problems) err() error {
	if len(ps.list) == 0 {
		return nil
	}
	slices.SortFunc(ps.list, compareProblems)
	return &Errors{ps.list}
}

func compareProblems(a, b Problem) int {
	return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col),
		cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
}
