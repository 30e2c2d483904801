package spec

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/peerd/peerd/pkg/netstate"
)

// maxTags, on one resource or in one selector, leaves room for peerd's own tags: EC2 keeps 50 on a resource.
const maxTags = 40

// parseTagKey reads the key of a tag to match.
func parseTagKey(s string) (any, error) {
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		return nil, fmt.Errorf("a tag's key is empty: give it a name")
	case n > 127:
		return nil, fmt.Errorf("the tag key %s has %d characters: EC2 keeps at most 127", quote(s), n)
	case strings.ContainsFunc(s, unicode.IsControl):
		return nil, fmt.Errorf("the tag key %s holds a control character: remove it", quote(s))
	}
	return s, nil
}

// parseOwnTagKey reads the key of a tag to set.
func parseOwnTagKey(s string) (any, error) {
	low := strings.ToLower(s)
	switch {
	case strings.HasPrefix(low, "aws:"):
		return nil, fmt.Errorf("the tag %s is not ours to set: keys that begin with aws: are kept for AWS", quote(s))
	case strings.HasPrefix(low, "peerd:"):
		return nil, fmt.Errorf("the tag %s is not free: keys that begin with peerd: say what peerd owns", quote(s))
	}
	return parseTagKey(s)
}

func parseTagValue(s string) (any, error) {
	switch n := utf8.RuneCountInString(s); {
	case n > 256:
		return nil, fmt.Errorf("the tag's value has %d characters: EC2 keeps at most 256", n)
	case strings.ContainsFunc(s, unicode.IsControl):
		return nil, fmt.Errorf("the tag's value %s holds a control character: remove it", quote(s))
	}
	return s, nil
}

// tagsOf returns a map of tags, nil when there are none.
func tagsOf(n *node) netstate.Tags {
	if n == nil || len(n.fields) == 0 {
		return nil
	}
	tags := make(netstate.Tags, len(n.fields))
	for _, e := range n.fields {
		tags[e.key.text] = e.val.text
	}
	return tags
}
