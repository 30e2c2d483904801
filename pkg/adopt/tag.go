package adopt

import (
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/peerd/peerd/pkg/netstate"
)

// common are the tags that all of some things carry, of those that are meant.
func common(all []netstate.Tags, meant func(key, value string) bool) netstate.Tags {
	if len(all) == 0 {
		return nil
	}
	out := maps.Clone(all[0])
	maps.DeleteFunc(out, func(k, v string) bool { return !meant(k, v) })
	for _, t := range all[1:] {
		maps.DeleteFunc(out, func(k, v string) bool {
			have, there := t[k]
			return !there || have != v
		})
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// selects reports whether a selector of the spec may name a tag. Those that begin with aws: or peerd: say who made a thing, and not what it is for.
func selects(key, value string) bool {
	low := strings.ToLower(key)
	return key != "" && utf8.RuneCountInString(key) <= 127 && utf8.RuneCountInString(value) <= 256 && !strings.ContainsFunc(key+value, unicode.IsControl) &&
		utf8.ValidString(key+value) && !strings.HasPrefix(low, "aws:") && !strings.HasPrefix(low, "peerd:")
}

// settable reports whether a spec may state a tag of a connection. Its name is given once, at its creation.
func settable(key, value string) bool { return key != netstate.TagName && selects(key, value) }
