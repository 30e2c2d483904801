package spec

import (
	"fmt"
	"slices"
)

// form is what a part of a spec must look like. The walk checks trees against it; Schema makes a JSON Schema of it.
type form int

const (
	isText   form = iota // one value, read by parse
	isBool               // true or false, not quoted
	isList               // of elem
	isObject             // with fields
	isMap                // of names, read by key, to elem
	isUnion              // one of forms, told apart by being a value, a list or a map
)

// shape describes one part of a spec.
type shape struct {
	form  form
	what  string // what it is, with an example; ends the sentence "must be …"
	elem  *shape
	key   *shape
	union map[kind]*shape

	fields []field
	oneOf  []string // of these fields exactly one is to be stated

	words []string // the texts that are accepted, when they can be listed
	parse func(string) (any, error)

	fewest, most int // elements of a list or map; most 0: no bound

	// What follows repeats for the JSON Schema, which has no parsers, what parse and later steps check with better words. It may accept
	// more than they do; what it refuses they refuse, wherever it is used.
	pattern        string // a text, as a regular expression
	butNot         string // a text that pattern matches and that is refused, likewise
	examples       []string
	least, largest *int64 // a text that YAML reads as a number
	unique         bool   // a list holds nothing twice
	conditions     []condition
}

// condition is what one field of an object says about others.
type condition struct {
	field string   // when it is stated
	is    []any    // as one of these, where there are any
	isNot []any    // and as something else than these
	needs []string // one of these is stated too
	bars  []string // and none of these
}

// field is a named part of an object.
type field struct {
	name     string
	shape    *shape
	required bool
	doc      string
}

func object(what string, fields ...field) *shape {
	return &shape{form: isObject, what: what, fields: fields}
}

// exactlyOne is an object of which exactly one of the fields is stated.
func exactlyOne(what string, fields ...field) *shape {
	s := object(what, fields...)
	for _, f := range fields {
		s.oneOf = append(s.oneOf, f.name)
	}
	return s
}

func listOf(what string, elem *shape) *shape { return &shape{form: isList, what: what, elem: elem} }

func mapOf(what string, key, elem *shape) *shape {
	return &shape{form: isMap, what: what, key: key, elem: elem}
}

// text is one value; parse says what it means, or what is wrong with it.
func text(what, pattern string, parse func(string) (any, error)) *shape {
	return &shape{form: isText, what: what, pattern: pattern, parse: parse}
}

// word is a text that is one of a few.
func word(what string, words ...string) *shape {
	return text(what, "", func(s string) (any, error) {
		if !slices.Contains(words, s) {
			return nil, fmt.Errorf("%s is not %s%s", quote(s), what, didYouMean(s, words))
		}
		return s, nil
	}).only(words...)
}

// either is a union; a nil form is not accepted.
func either(what string, one, many, fields *shape) *shape {
	s := &shape{form: isUnion, what: what, union: map[kind]*shape{}}
	for k, f := range map[kind]*shape{scalar: one, list: many, mapping: fields} {
		if f != nil {
			s.union[k] = f
		}
	}
	return s
}

// atLeast returns the shape with a least number of elements, or of characters, which the text's parser checks itself.
func (s *shape) atLeast(n int) *shape {
	c := *s
	c.fewest = n
	return &c
}

// atMost returns the shape with a greatest number of elements, or of characters, which the text's parser checks itself.
func (s *shape) atMost(n int) *shape {
	c := *s
	c.most = n
	return &c
}

// only returns a text's shape with the words that its parser accepts.
func (s *shape) only(words ...string) *shape {
	c := *s
	c.words = words
	return &c
}

// except returns a text's shape with a pattern of what is refused.
func (s *shape) except(pattern string) *shape {
	c := *s
	c.butNot = pattern
	return &c
}

// such returns a text's shape with examples, which editors offer.
func (s *shape) such(examples ...string) *shape {
	c := *s
	c.examples = examples
	return &c
}

// within returns a text's shape with bounds for where it is a number.
func (s *shape) within(least, largest int64) *shape {
	c := *s
	c.least, c.largest = &least, &largest
	return &c
}

// noTwice returns a list's shape in which nothing may stand twice.
func (s *shape) noTwice() *shape {
	c := *s
	c.unique = true
	return &c
}

// when returns an object's shape whose fields say something about each other.
func (s *shape) when(conditions ...condition) *shape {
	c := *s
	c.conditions = conditions
	return &c
}

// without returns an object's shape that lacks a field.
func (s *shape) without(name string) *shape {
	c := *s
	c.fields = nil
	for _, f := range s.fields {
		if f.name != name {
			c.fields = append(c.fields, f)
		}
	}
	return &c
}

// choose returns an object's shape of which exactly one of the named fields is stated.
func (s *shape) choose(names ...string) *shape {
	c := *s
	c.oneOf = names
	return &c
}

// with returns an object's shape that has one more field.
func (s *shape) with(f field) *shape {
	c := *s
	c.fields = append(slices.Clone(s.fields), f)
	return &c
}

// named returns the shape under another description.
func (s *shape) named(what string) *shape {
	c := *s
	c.what = what
	return &c
}

// field returns the shape of an object's field, nil when it has none of that name.
func (s *shape) field(name string) *shape {
	for _, f := range s.fields {
		if f.name == name {
			return f.shape
		}
	}
	return nil
}

func (s *shape) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}
