package plan

import (
	"cmp"
	"fmt"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
)

// What became of the last request of a pair decides whether there is another one. EC2 goes on showing a connection that came to nothing,
// for hours or days, with the tags that it was requested with (VPC Peering Guide, "VPC peering connection lifecycle"): that is all the
// memory there is, and all that is needed.
//
//	the last connection of ours             asked again
//	  deleting                              once it is gone
//	  deleted, both sides managed           at once: somebody deleted it by hand
//	  deleted, by a removal of ours         at once
//	  deleted, one side unmanaged           when the entry changes, or nothing of it is shown any more
//	  rejected                              when the entry changes, or nothing of it is shown any more
//	  expired, the accepter managed         at once
//	  expired, the accepter unmanaged       at once, three times in all
//	  failed                                after a time that doubles with every try, or when the entry changes
const (
	mostExpired = 3
	firstRest   = time.Minute
	lastRest    = time.Hour // less than the two hours for which a failed connection is shown: the count of tries is not lost
)

// try is the value of the tag peerd:try: how many times in a row a connection was asked for, and when last.
type try struct {
	n  int
	at time.Time
}

func (t try) String() string { return fmt.Sprintf("%d %s", t.n, t.at.UTC().Format(time.RFC3339)) }

// tryOf reads the tag; a connection without it was asked for once, nobody knows when.
func tryOf(tags netstate.Tags) try {
	var n int
	var at string
	if _, err := fmt.Sscanf(tags[netstate.TagTry], "%d %s", &n, &at); err != nil || n < 1 {
		return try{n: 1}
	}
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return try{n: n}
	}
	return try{n, when}
}

// rest is how long nothing is tried after the n-th failure in a row.
func rest(n int) time.Duration {
	if n > 6 {
		return lastRest
	}
	return min(firstRest<<max(n-1, 0), lastRest)
}

// askedWith returns our tags of a connection, whichever side they are on.
func askedWith(c netstate.Connection) netstate.Tags {
	if c.Views[netstate.RequesterSide].Tags[netstate.TagEntry] != "" {
		return c.Views[netstate.RequesterSide].Tags
	}
	return c.Views[netstate.AccepterSide].Tags
}

// last returns the connection of ours that the pair had last and that is over.
func (b *builder) last(p netstate.Pair) (last netstate.Connection, found bool) {
	for _, c := range b.at.pairs[p] {
		if v, _ := claimConnection(b.d.Owner, c, false); v != ours || !c.Status.Dead() {
			continue
		}
		if !found || cmp.Or(tryOf(askedWith(c)).at.Compare(tryOf(askedWith(last)).at), cmp.Compare(c.ID, last.ID)) > 0 {
			last, found = c, true
		}
	}
	return last, found
}

// askAgain decides by the table above whether a pair without a living connection is asked for one.
func (b *builder) askAgain(s *state) {
	s.try = try{1, b.o.At}
	for _, c := range b.at.pairs[s.want.Pair()] {
		if c.Status == netstate.Deleting {
			s.ending = c.ID
			b.checkStuck(s, c)
		}
	}
	c, found := b.last(s.want.Pair())
	if !found || s.ending != "" || !s.want.Ends[0].Managed {
		return
	}
	tags := askedWith(c)
	was := tryOf(tags)
	changed := tags[netstate.TagEntry] != "" && tags[netstate.TagEntry] != s.want.entry.Digest()
	switch partner := !s.want.Ends[1].Managed; {
	case changed:
	case c.Status == netstate.Rejected:
		b.hold(s, CodeRejected, "%s was rejected: it is asked for again when this entry changes, or AWS shows nothing of it any more", c.ID)
	case c.Status == netstate.Deleted && partner:
		b.hold(s, CodeDeleted, "%s was deleted, and not by peerd: it is asked for again when this entry changes, or AWS shows nothing of it any more", c.ID)
	case c.Status == netstate.Expired && partner && was.n >= mostExpired:
		b.hold(s, CodeExpired, "%s was asked for %d times, and not accepted within the 7 days that AWS gives: talk to %s; it is asked for again when this entry changes", c.ID, was.n, s.want.Ends[1].VPC.Account)
	case c.Status == netstate.Expired:
		s.try.n = was.n + 1
	case c.Status == netstate.Failed:
		b.afterFailure(s, c, was)
	}
}

// afterFailure repeats EC2's words about a request of ours that failed, since nothing else shows them, and asks again when its rest is over.
func (b *builder) afterFailure(s *state, c netstate.Connection, was try) {
	s.try.n = was.n + 1
	next := was.at.Add(rest(was.n))
	if b.o.At.Before(next) {
		b.hold(s, CodeConnFailed, "%s failed: %q; EC2 says so for overlapping CIDRs, a wrong VPC, account or region; asked for %d times, again after %s or when this entry changes",
			c.ID, c.Message, was.n, next.UTC().Format(time.RFC3339))
		return
	}
	b.problem(s, s.want.Pos, BlocksItem, CodeConnFailed, "%s failed: %q; EC2 says so for overlapping CIDRs, a wrong VPC, account or region", c.ID, c.Message)
}

// checkStuck says that a connection has been in a passing state for too long. There is nothing to be done about it but to wait: a second
// request would get the same one, or stand in its way.
func (b *builder) checkStuck(s *state, c netstate.Connection) {
	if since, is := b.opt.Memory.stuck(c, b.o.At); is {
		b.problem(s, s.want.Pos, BlocksItem, CodeStuck, "%s has been %s since %s, which takes seconds otherwise: nothing is asked for beside it; look at it in the console, or ask AWS",
			c.ID, c.Status, since.UTC().Format(time.RFC3339))
	}
}

// hold leaves a link as it is: what it wants is known, and is not to be had now.
func (b *builder) hold(s *state, code, format string, args ...any) {
	s.held, s.stalled = true, true
	b.problem(s, s.want.Pos, HoldsLink, code, format, args...)
	b.drift(s.want.Name, ResourceConnection, DriftMissing, "connection "+s.want.Ends[0].VPC.String()+" -> "+s.want.Ends[1].VPC.String(), "held")
}

// asks are the tags of a request: what must be known of it once it came to nothing, besides those that the entry states.
func (s *state) asks() netstate.Tags {
	return withName(s.want).With(netstate.Tags{netstate.TagEntry: s.want.entry.Digest(), netstate.TagTry: s.try.String()})
}
