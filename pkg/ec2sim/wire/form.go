// Package wire is how EC2 and STS speak: the flattened form in, the XML out, and the scope inside a signature.
//
// It knows nothing of networks; what a call means is the business of package world. Read Form first.
package wire

import (
	"fmt"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// Error is a refusal with the code that EC2 or STS would use.
type Error struct{ Code, Message string }

// Error joins code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Form is the parameters of one request, or those below a prefix of it. It remembers which of them were read, so that a
// parameter nobody asked for is refused instead of being politely ignored.
type Form struct {
	shared *reading
	prefix string
}

type reading struct {
	values url.Values
	used   map[string]bool
	err    *Error // the first value that did not fit
}

// NewForm starts reading the values of a request.
func NewForm(values url.Values) Form {
	return Form{shared: &reading{values: values, used: map[string]bool{}}}
}

// Str reads a parameter; absent is empty.
func (f Form) Str(name string) string {
	v, _ := f.Get(name)
	return v
}

// Get reads a parameter and says whether it was sent at all: EC2 treats an empty tag value and no value differently.
func (f Form) Get(name string) (string, bool) {
	key := f.prefix + name
	vs, ok := f.shared.values[key]
	if !ok {
		return "", false
	}
	f.shared.used[key] = true
	return vs[0], true
}

// Required reads a parameter that must not be empty.
func (f Form) Required(name string) string {
	v := f.Str(name)
	if v == "" {
		f.Refuse("MissingParameter", "The request must contain the parameter %s", lowerFirst(f.prefix+name))
	}
	return v
}

// Bool reads a boolean; absent is nil.
func (f Form) Bool(name string) *bool {
	v, ok := f.Get(name)
	if !ok {
		return nil
	}
	b := v == "true"
	if !b && v != "false" {
		f.Refuse("InvalidParameterValue", "Value (%s) for parameter %s is invalid. Expected 'true' or 'false'", v, lowerFirst(f.prefix+name))
	}
	return &b
}

// True reads a boolean whose absence means false.
func (f Form) True(name string) bool {
	b := f.Bool(name)
	return b != nil && *b
}

// Int reads a whole number; absent is nil.
func (f Form) Int(name string) *int {
	v, ok := f.Get(name)
	if !ok {
		return nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil {
		f.Refuse("InvalidParameterValue", "Value (%s) for parameter %s is invalid. It must be an integer.", v, lowerFirst(f.prefix+name))
	}
	i := int(n)
	return &i
}

// List reads the scalars Name.1, Name.2, … in the order of their numbers.
func (f Form) List(name string) []string {
	var out []string
	for _, n := range f.numbers(name) {
		if v, ok := f.Get(name + "." + n); ok {
			out = append(out, v)
		}
	}
	return out
}

// Subs gives one Form for each of the structures Name.1.…, Name.2.…, in the order of their numbers.
func (f Form) Subs(name string) []Form {
	var out []Form
	for _, n := range f.numbers(name) {
		out = append(out, Form{f.shared, f.prefix + name + "." + n + "."})
	}
	return out
}

// Sub gives the Form below a nested structure, and whether anything of it was sent.
func (f Form) Sub(name string) (Form, bool) {
	sub := Form{f.shared, f.prefix + name + "."}
	for key := range f.shared.values {
		if strings.HasPrefix(key, sub.prefix) {
			return sub, true
		}
	}
	return sub, false
}

// Check reports the first value that did not fit, or else a parameter that nothing has read.
func (f Form) Check() *Error {
	var unread []string
	for key := range f.shared.values {
		if !f.shared.used[key] {
			unread = append(unread, key)
		}
	}
	if len(unread) > 0 {
		sort.Strings(unread)
		return &Error{"UnknownParameter", fmt.Sprintf("The parameter %s is not recognized", unread[0])}
	}
	return f.shared.err
}

// numbers lists the indexes in use below name, ascending by value.
func (f Form) numbers(name string) []string {
	prefix := f.prefix + name + "."
	seen := map[int]bool{}
	for key := range f.shared.values {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		digits, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(digits); err == nil && n > 0 && strconv.Itoa(n) == digits {
			seen[n] = true
		}
	}
	order := make([]int, 0, len(seen))
	for n := range seen {
		order = append(order, n)
	}
	sort.Ints(order)
	out := make([]string, len(order))
	for i, n := range order {
		out[i] = strconv.Itoa(n)
	}
	return out
}

// Refuse notes a complaint; the first one is what Check reports.
func (f Form) Refuse(code, format string, args ...any) {
	if f.shared.err == nil {
		f.shared.err = &Error{code, fmt.Sprintf(format, args...)}
	}
}

// lowerFirst spells a parameter the way EC2's messages do.
func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }
