package plan

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
)

// Limits bound how many peerings one pass may take something away from: a number, or a part of those owned.
type Limits struct {
	Number  int // used when Percent is 0
	Percent int // of the owned and readable connections at the start of the pass; at least one peering
	Allowed int // by the commit that is applied; raises the limit for that commit
}

// ParseLimits reads "5" or "10%".
func ParseLimits(s string) (Limits, error) {
	number, percent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || percent && n > 100 {
		return Limits{}, fmt.Errorf("%q: say how many peerings may lose something, such as 5 or 10%%", s)
	}
	if percent {
		return Limits{Percent: n}, nil
	}
	return Limits{Number: n}, nil
}

// allowTrailer is the line of a commit message that raises the limit for that commit; the case of its key does not matter (git-interpret-trailers).
var allowTrailer = regexp.MustCompile(`(?mi)^Peerd-Allow-Deletes: *([0-9]{1,6})\s*$`)

// AllowedBy returns the number of deletions that a commit message allows; 0 where it says nothing. Only its last paragraph holds trailers.
func AllowedBy(message string) int {
	paragraphs := strings.Split(strings.TrimSpace(message), "\n\n")
	if len(paragraphs) < 2 {
		return 0
	}
	m := allowTrailer.FindStringSubmatch(paragraphs[len(paragraphs)-1])
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // the pattern holds nothing else
	return n
}

// Withheld are removals that were taken out of a plan, and why.
type Withheld struct {
	Actions []Action
	Links   int // peerings that would have lost something
	Limit   int
	Reason  string
}

// Guard counts the removals of the whole plan before the first call. Over the limit every removal is taken out, additions and repairs stay,
// and all drift is still reported.
func (p *Plan) Guard(l Limits) {
	limit := max(l.cap(p.Owned), l.Allowed)
	losing := p.losing()
	switch {
	case p.empty:
		p.withhold(len(losing), 0, "the spec has no peerings: an empty spec removes nothing")
	case len(losing) > limit:
		p.withhold(len(losing), limit, fmt.Sprintf("%d of %d peerings would lose something, at most %d may (--max-deletes, or the trailer Peerd-Allow-Deletes of the commit): nothing is removed", len(losing), p.Owned, limit))
	}
}

func (l Limits) cap(owned int) int {
	if l.Percent > 0 {
		return max(1, owned*l.Percent/100)
	}
	return l.Number
}

// losing are the peerings that would lose their connection, a route or a rule without a replacement. One whose removal is under way was
// counted when it began.
func (p *Plan) losing() map[netstate.Link]bool {
	out := map[netstate.Link]bool{}
	for _, a := range p.removals() {
		if !p.leaving[a.Link()] {
			out[a.Link()] = true
		}
	}
	return out
}

func (p *Plan) removals() []Action {
	return keep(p.Actions, func(a Action) bool { return a.Step().Removes() })
}

func (p *Plan) withhold(links, limit int, reason string) {
	p.Withheld = &Withheld{Actions: p.removals(), Links: links, Limit: limit, Reason: reason}
	p.Actions = keep(p.Actions, func(a Action) bool { return !a.Step().Removes() })
	said := map[string]bool{}
	for _, a := range p.Withheld.Actions {
		said[string(a.Link())+a.String()[len("- "):]] = true
	}
	for i, d := range p.Drift {
		if d.Kind == DriftExtra && said[string(d.Link)+d.What] {
			p.Drift[i].Left = "withheld"
		}
	}
}
