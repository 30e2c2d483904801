package plan

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/peerd/peerd/pkg/netstate"
)

// unknownConn stands in a line for the id of a connection that does not exist yet.
const unknownConn = "(known after accept)"

func connText(id netstate.ConnID) string {
	if id == "" {
		return unknownConn
	}
	return string(id)
}

// announce is the action's line without its sign and without what a later look fills in: a later plan within a pass may hold only what the
// first announced. Whoever acts for a shared rule does what was announced; a removal stays with its peering, which the guard counted.
func announce(a Action) string {
	switch a.(type) {
	case AllowRule, ChangeRule, DescribeRule, TagRule:
		return fmt.Sprintf("%s%s", a.Scope(), a.line("")[1:])
	}
	return fmt.Sprintf("%s %s%s", a.Link(), a.Scope(), a.line("")[1:])
}

func (a OpenConnection) line(string) string {
	return fmt.Sprintf("+ connection %s -> %s {%s}", a.Requester.ID, a.Accepter, shown(a.Tags))
}

// shown are the tags that the line of a request prints: all but those that peerd writes for itself. The time of asking would make every
// plan another one.
func shown(t netstate.Tags) netstate.Tags {
	out := maps.Clone(t)
	delete(out, netstate.TagEntry)
	delete(out, netstate.TagTry)
	return out
}

func (a AcceptConnection) line(conn string) string {
	return fmt.Sprintf("+ accept %s from %s into %s", conn, a.Requester, a.Accepter.ID)
}

func (a TagConnection) line(conn string) string {
	if a.Leaving {
		return fmt.Sprintf("- mark %s as leaving", conn)
	}
	return fmt.Sprintf("%c tags of %s as the %s sees it {%s}", sign(a.New), conn, a.Side, a.Tags)
}

func (a SetOptions) line(conn string) string {
	return fmt.Sprintf("%c options of %s: dns %s for %s", sign(a.New), conn, onOff(a.DNS), a.VPC.ID)
}

func (a AllowRule) line(string) string { return "+ rule " + a.Key.String() + quoted(a.Description) }

func (a ChangeRule) line(string) string {
	return fmt.Sprintf("~ rule %s: %s -> %s%s", a.ID, a.From, a.Key, quoted(a.Description))
}

func (a DescribeRule) line(string) string {
	return fmt.Sprintf("~ rule %s %s: description%s", a.ID, a.Key, quoted(a.Description))
}

func (a TagRule) line(string) string {
	return fmt.Sprintf("~ rule %s %s: tags {%s}", a.ID, a.Key, a.Tags)
}

func (a AddRoute) line(conn string) string {
	return fmt.Sprintf("+ route %s -> %s in %s", a.Key.Dest, conn, a.Key.Table)
}

func (a ReplaceRoute) line(conn string) string {
	return fmt.Sprintf("~ route %s -> %s in %s (was %s)", a.Key.Dest, conn, a.Key.Table, a.Was)
}

func (a RemoveRoute) line(string) string {
	return fmt.Sprintf("- route %s -> %s in %s", a.Key.Dest, a.Was, a.Key.Table)
}

func (a RevokeRule) line(string) string { return fmt.Sprintf("- rule %s %s", a.ID, a.Key) }

func (a CloseConnection) line(string) string {
	return fmt.Sprintf("- connection %s %s -> %s", a.Conn, a.Requester, a.Accepter)
}

// String returns the action as a line of the plan.
func (a OpenConnection) String() string { return a.line("") }

// String returns the action as a line of the plan.
func (a AcceptConnection) String() string { return a.line(connText(a.Conn)) }

// String returns the action as a line of the plan.
func (a TagConnection) String() string { return a.line(connText(a.Conn)) }

// String returns the action as a line of the plan.
func (a SetOptions) String() string { return a.line(connText(a.Conn)) }

// String returns the action as a line of the plan.
func (a AllowRule) String() string { return a.line("") }

// String returns the action as a line of the plan.
func (a ChangeRule) String() string { return a.line("") }

// String returns the action as a line of the plan.
func (a DescribeRule) String() string { return a.line("") }

// String returns the action as a line of the plan.
func (a TagRule) String() string { return a.line("") }

// String returns the action as a line of the plan.
func (a AddRoute) String() string { return a.line(connText(a.Conn)) }

// String returns the action as a line of the plan.
func (a ReplaceRoute) String() string { return a.line(connText(a.Conn)) }

// String returns the action as a line of the plan.
func (a RemoveRoute) String() string { return a.line("") }

// String returns the action as a line of the plan.
func (a RevokeRule) String() string { return a.line("") }

// String returns the action as a line of the plan.
func (a CloseConnection) String() string { return a.line("") }

func sign(isNew bool) byte {
	if isNew {
		return '+'
	}
	return '~'
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func quoted(description string) string {
	if description == "" {
		return ""
	}
	return " " + strconv.Quote(description)
}
