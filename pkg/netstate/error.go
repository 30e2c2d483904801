package netstate

import "fmt"

// Kind says what can be done about a failure; decisions are made by it, never by text.
type Kind string

// The kinds of failure.
const (
	Retry     Kind = "retry"     // passing: the same call may succeed later
	Throttled Kind = "throttled" // the API asks for slower calls
	Stale     Kind = "stale"     // what was decided from is out of date, or not yet visible: look again
	Exists    Kind = "exists"    // what was to be made is there already: compare, then decide
	Ambiguous Kind = "ambiguous" // a write whose effect is unknown: look again, never repeat blindly
	Limit     Kind = "limit"     // a quota
	Denied    Kind = "denied"    // no permission, or no credentials
	Invalid   Kind = "invalid"   // refused for what it is; also every code that is not known
	Gone      Kind = "gone"      // what was to be removed or changed is not there
	Stopped   Kind = "stopped"   // a write that was not sent, because it was not wanted any more
	Void      Kind = "void"      // a reply that is not one: not evidence of anything
)

// Passing reports whether a failure may be over at the next look.
func (k Kind) Passing() bool {
	switch k {
	case Retry, Throttled, Stale, Exists, Ambiguous, Gone, Stopped:
		return true
	}
	return false
}

// Error is a failed call to AWS.
type Error struct {
	Op      string // operation and object: "create route 10.2.0.0/16 in rtb-0a1"
	Scope   Scope
	Kind    Kind
	Code    string // AWS's error code; empty when there was no reply
	Message string
	Stack   string // where it happened, of a panic: for the log, not for reports
}

// CodePanic is the code of a failure that is a bug of peerd's.
const CodePanic = "panic"

// Panicked turns a panic into a failure of what was being done: it is no reason to give up anything else.
func Panicked(op string, s Scope, value any, stack []byte) *Error {
	return &Error{Op: op, Scope: s, Kind: Invalid, Code: CodePanic, Message: fmt.Sprint(value), Stack: string(stack)}
}

// Error returns operation, scope, code and message.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s (%s): ", e.Op, e.Scope)
	if e.Code != "" {
		s += e.Code + ": "
	}
	return s + e.Message
}
