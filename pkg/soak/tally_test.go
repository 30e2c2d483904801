package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// seen is a call as AWS saw it.
type seen struct {
	at                  time.Time
	scope, action, text string
	answer, fault       string // empty: success, none
	mutating, applied   bool
}

// story tells the calls that changed something, and the faults.
func story(calls []seen) string {
	var b strings.Builder
	for i, c := range calls {
		if c.mutating || c.fault != "" {
			fmt.Fprintf(&b, "%d %s %s %s applied=%t answer=%s fault=%s %s\n", i+1, c.at.Format("02 15:04:05"), c.scope, c.action, c.applied, c.answer, c.fault, c.text)
		}
	}
	return b.String()
}

// tally adds up what all seeds saw.
type tally struct {
	kinds []string // of faults, those that there are

	mu    sync.Mutex // guards the rest
	seeds int
	calls int
	fired map[string]int
	hit   map[string]int // mutating action × fault
}

func (s *tally) add(calls []seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fired == nil {
		s.fired, s.hit = map[string]int{}, map[string]int{}
	}
	s.seeds++
	s.calls += len(calls)
	for _, c := range calls {
		if c.fault == "" {
			continue
		}
		s.fired[c.fault]++
		if c.mutating {
			s.hit[c.action+" × "+c.fault]++
		}
	}
}

// rare lists the kinds of fault that fired less often than that.
func (s *tally) rare(least int) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kinds {
		if s.fired[k] < least {
			out = append(out, fmt.Sprintf("%s %d", k, s.fired[k]))
		}
	}
	return out
}

// String is the table of what was seen.
func (s *tally) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%d seeds, %d calls\nfaults fired:", s.seeds, s.calls)
	for _, k := range s.kinds {
		fmt.Fprintf(&b, " %s %d", k, s.fired[k])
	}
	b.WriteString("\nactions × faults:")
	for _, k := range slices.Sorted(maps.Keys(s.hit)) {
		fmt.Fprintf(&b, "\n  %s %d", k, s.hit[k])
	}
	return b.String()
}
