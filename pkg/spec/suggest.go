package spec

import (
	"maps"
	"slices"
	"strings"
)

// didYouMean returns ": did you mean X?" for the nearest candidate, or nothing when none is near.
func didYouMean(word string, candidates []string) string {
	best := nearest(word, candidates)
	if meant := synonyms[strings.ToLower(word)]; slices.Contains(candidates, meant) {
		best = meant
	}
	if best != "" {
		return ": did you mean " + best + "?"
	}
	return ""
}

// synonyms are what people write who think in another tool's words.
var synonyms = map[string]string{
	"inbound": "ingress", "in": "ingress", "outbound": "egress", "out": "egress", "any": "all", "*": "all",
	"yes": "true", "on": "true", "no": "false", "off": "false", "sourcegroup": "group", "port": "ports", "routetables": "tables",
}

// nearest returns the candidate with the fewest edits, the first in order of several; at most one edit per three letters, and two.
func nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	best, least := "", min(2, (len(word)+1)/3)+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if d := distance(word, strings.ToLower(c), least); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, change or swap with their neighbour (optimal string alignment); it gives up at limit.
func distance(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}

func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
