package world

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Filter is one Filter.N of a Describe call.
type Filter struct {
	Name   string
	Values []string
}

// Query is what all Describe calls have in common.
type Query struct {
	IDs     []string
	Filters []Filter
}

// fields says which filters a listing knows, and which values an item has for them.
type fields[T any] map[string]func(T) []string

// listing is everything that a Describe call needs to know of its kind of resource.
type listing[T any] struct {
	kind     kind
	all      []T // sorted by id
	id       func(T) string
	tags     func(T) Tags // nil: not to be filtered by tags
	noTagKey bool         // the call knows the filters tag:<key> but not tag-key
	fields   fields[T]
}

// find applies a query: ids must all exist, and filters are AND between names, OR between values (EC2 User Guide, "List and
// filter using the CLI and API"). A name nobody knows is refused, so that a typing error shows.
func find[T any](w *World, q Query, l listing[T]) ([]T, *Error) {
	items, err := l.named(q.IDs)
	if err != nil || w.Switches.IgnoreFilters {
		return items, err
	}
	if len(q.Filters) > 50 {
		return nil, refuse("FilterLimitExceeded", "The maximum number of filters is 50")
	}
	for _, f := range q.Filters {
		of, err := l.field(f)
		if err != nil {
			return nil, err
		}
		items = slices.DeleteFunc(items, func(it T) bool { return !anyMatch(f.Values, of(it)) })
	}
	return items, nil
}

func (l listing[T]) named(ids []string) ([]T, *Error) {
	if len(ids) == 0 {
		return slices.Clone(l.all), nil
	}
	byID := make(map[string]T, len(l.all))
	for _, it := range l.all {
		byID[l.id(it)] = it
	}
	out := map[string]T{}
	for _, id := range ids {
		it, err := get(l.kind, byID, id)
		if err != nil {
			return nil, err
		}
		out[id] = it
	}
	return sorted(out), nil
}

func (l listing[T]) field(f Filter) (func(T) []string, *Error) {
	if f.Name == "" || len(f.Values) == 0 {
		return nil, invalid("The filter 'null' is invalid")
	}
	if len(f.Values) > 200 {
		return nil, refuse("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200")
	}
	for _, v := range f.Values {
		if utf8.RuneCountInString(v) > 255 {
			return nil, invalid("Filter value exceeds the maximum length of 255 characters")
		}
	}
	if of, ok := l.fields[f.Name]; ok {
		return of, nil
	}
	if key, ok := strings.CutPrefix(f.Name, "tag:"); ok && l.tags != nil {
		return func(it T) []string {
			if v, ok := l.tags(it)[key]; ok {
				return []string{v}
			}
			return nil
		}, nil
	}
	if f.Name == "tag-key" && l.tags != nil && !l.noTagKey {
		return func(it T) []string {
			var keys []string
			for k := range l.tags(it) {
				keys = append(keys, k)
			}
			return keys
		}, nil
	}
	return nil, invalid("The filter '%s' is invalid", f.Name)
}

func anyMatch(patterns, values []string) bool {
	for _, p := range patterns {
		for _, v := range values {
			if matches(p, v) {
				return true
			}
		}
	}
	return false
}

// matches compares with EC2's wildcards: * for any run, ? for one character, a backslash takes the next one literally.
// Case counts. It walks back only to the last star, so a hostile pattern costs at most len(pattern) × len(value).
func matches(filter, text string) bool {
	pattern, value := []rune(filter), []rune(text)
	p, v, star, mark := 0, 0, -1, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, v
			p++
		case p < len(pattern) && pattern[p] == '?':
			p, v = p+1, v+1
		case p+1 < len(pattern) && pattern[p] == '\\' && pattern[p+1] == value[v]:
			p, v = p+2, v+1
		case p < len(pattern) && pattern[p] != '\\' && pattern[p] == value[v]:
			p, v = p+1, v+1
		case star >= 0:
			mark++
			p, v = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// one and yes make field values of a string and of a boolean.
func one(v string) []string {
	if v == "" {
		return nil
	}
	return []string{v}
}

func yes(b bool) []string {
	if b {
		return []string{"true"}
	}
	return []string{"false"}
}
