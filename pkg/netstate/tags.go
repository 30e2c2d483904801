package netstate

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The tags that carry what peerd must know again (design: ownership and safety).
const (
	TagOwner   = "peerd:owner"
	TagLink    = "peerd:peering"
	TagEntry   = "peerd:entry"
	TagTry     = "peerd:try"
	TagSuspend = "peerd:suspend"
	TagName    = "Name"
)

// Leaving is the value of the entry tag of a connection whose removal was begun: finishing it is not a new removal.
const Leaving = "leaving"

// Released is the value of the owner tag by which a person takes a thing out of peerd's hands.
const Released OwnerID = "none"

// Tags are the tags of one resource, or those wanted on one.
type Tags map[string]string

// Missing returns those of want that t lacks or holds with another value. Only keys in want are compared: others are somebody else's.
func (t Tags) Missing(want Tags) Tags {
	var out Tags
	for k, v := range want {
		if have, ok := t[k]; !ok || have != v {
			if out == nil {
				out = Tags{}
			}
			out[k] = v
		}
	}
	return out
}

// With returns a copy of t overlaid with more.
func (t Tags) With(more Tags) Tags {
	out := make(Tags, len(t)+len(more))
	maps.Copy(out, t)
	maps.Copy(out, more)
	return out
}

// Match reports whether t holds every tag of want; an empty want matches nothing, so that a forgotten selector selects nothing.
func (t Tags) Match(want Tags) bool { return len(want) > 0 && len(t.Missing(want)) == 0 }

// String returns the tags as key="value", sorted by key.
func (t Tags) String() string {
	var b strings.Builder
	for i, k := range slices.Sorted(maps.Keys(t)) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(k + "=" + strconv.Quote(t[k]))
	}
	return b.String()
}
