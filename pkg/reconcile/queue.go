package reconcile

import (
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// Bounds of what is done side by side. The scopes' token buckets set the pace; these keep a slow account from taking everything: a link
// waits only for others of the same two accounts, and an account never has more than its part of all that are worked on.
const (
	linksPerPair    = 8
	linksPerAccount = 48
	callsPerLink    = 4
)

// accounts are the two accounts of a link.
type accounts [2]netstate.AccountID

// pair is how many links of two accounts are worked on, and of each of them.
type pair struct {
	running int
	of      [2]*int
}

// queue holds the idle links that have something to do. They stand in lines by what decides whether they may start, so that the thousands of
// one line cost no more than its first; the lines take turns.
type queue struct {
	pairs   map[accounts]*pair
	running map[netstate.AccountID]*int
	lines   []*line
	at      map[place]*line
	turn    int // the line that is asked first
}

// place is what must have room before a link may start: its two accounts and, if it requests a connection, where it does so.
type place struct {
	accounts
	opening netstate.Scope
}

type line struct {
	place
	pair  *pair
	links []*link
}

func newQueue() queue {
	return queue{pairs: map[accounts]*pair{}, running: map[netstate.AccountID]*int{}, at: map[place]*line{}}
}

// clear empties the lines; what is worked on stays counted.
func (q *queue) clear() {
	for _, n := range q.lines {
		n.links = n.links[:0]
	}
}

// add puts a link at the end of its line.
func (q *queue) add(l *link, next []item) {
	at := placeOf(l, next)
	n := q.at[at]
	if n == nil {
		n = &line{place: at, pair: q.pair(at.accounts)}
		q.at[at] = n
		q.lines = append(q.lines, n)
	}
	n.links = append(n.links, l)
}

// placeOf says where a link stands whose next actions are these.
func placeOf(l *link, next []item) place {
	at := place{accounts: accounts{l.state.Ends[0].VPC.Account, l.state.Ends[1].VPC.Account}}
	if open, ok := next[0].Action.(plan.OpenConnection); ok {
		at.opening = open.Scope()
	}
	return at
}

func (q *queue) pair(a accounts) *pair {
	if q.pairs[a] == nil {
		q.pairs[a] = &pair{of: [2]*int{q.account(a[0]), q.account(a[1])}}
	}
	return q.pairs[a]
}

func (q *queue) account(id netstate.AccountID) *int {
	if q.running[id] == nil {
		q.running[id] = new(int)
	}
	return q.running[id]
}

// full reports whether no more links of the pair may be worked on.
func (p *pair) full() bool {
	return p.running >= linksPerPair || *p.of[0] >= linksPerAccount || *p.of[1] >= linksPerAccount
}

// count adds to what is worked on of the pair.
func (p *pair) count(n int) {
	p.running += n
	*p.of[0] += n
	if p.of[1] != p.of[0] {
		*p.of[1] += n
	}
}

// take returns a link that may start, with its next actions, out of the line whose turn it is; nil when none may.
func (q *queue) take(room func(netstate.Scope) bool) (*link, []item) {
	for i := range q.lines {
		at := (q.turn + i) % len(q.lines)
		n := q.lines[at]
		if n.pair.full() || n.opening != (netstate.Scope{}) && !room(n.opening) {
			continue
		}
		if l, next := q.first(n); l != nil {
			q.turn = at + 1
			return l, next
		}
	}
	return nil, nil
}

// first takes the first link out of a line that still has something to do there: others may have done it, or it stands elsewhere now.
func (q *queue) first(n *line) (*link, []item) {
	for len(n.links) > 0 {
		l := n.links[0]
		n.links = n.links[1:]
		next := l.next()
		switch {
		case len(next) == 0:
			l.queued = false
		case placeOf(l, next) != n.place:
			q.add(l, next)
		default:
			l.queued = false
			return l, next
		}
	}
	return nil, nil
}

// anyRoom reports whether a link in line may start once those that are worked on are done.
func (q *queue) anyRoom(room func(netstate.Scope) bool) bool {
	return slices.ContainsFunc(q.lines, func(n *line) bool {
		return (n.opening == netstate.Scope{} || room(n.opening)) && slices.ContainsFunc(n.links, func(l *link) bool { return len(l.next()) > 0 })
	})
}
