package plan

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

const (
	settleTime   = time.Minute      // how long a call's answer is trusted over a look that does not show its effect yet
	stuckAfter   = 10 * time.Minute // in a state that connections leave within seconds
	forgotten    = 24 * time.Hour   // a connection that no look shows any more
	restsAccount = 2                // passes in a row in which every write of an account failed, before it rests
)

// Memory is what a pass must know of earlier ones of the same process. It is a value: Next makes the one for the pass that follows. The
// zero value remembers nothing, and nothing that matters is lost with it: git, tags and AWS say the rest.
type Memory struct {
	settling []settling                     // done, and not yet shown by a look
	passing  map[netstate.ConnID]passing    // connections in a state that they should leave by themselves
	failures map[string]failure             // of actions, by key
	accounts map[netstate.AccountID]failure // of accounts all of whose writes fail
}

type settling struct {
	done  Outcome
	until time.Time
}

type passing struct {
	status netstate.Status
	since  time.Time
}

// failure is how many times in a row something failed, when last, and how.
type failure struct {
	n   int
	at  time.Time
	err string
}

// over is when it may be tried again.
func (f failure) over() time.Time { return f.at.Add(rest(f.n)) }

// Next returns the memory for the next pass: what this one did, and what its last look showed.
func (m Memory) Next(o *netstate.Observed, done []Outcome) Memory {
	return Memory{settling: m.unsettled(o, done), passing: m.stillPassing(o), failures: m.failed(o.At, done), accounts: m.failing(o.At, done)}
}

// unsettled are the effects that the look does not show yet.
func (m Memory) unsettled(o *netstate.Observed, done []Outcome) []settling {
	all := slices.Clone(m.settling)
	for _, d := range done {
		if d.Err == nil {
			all = append(all, settling{d, o.At.Add(settleTime)})
		}
	}
	return keep(all, func(s settling) bool { return o.At.Before(s.until) && showsBefore(o, s.done) })
}

// Settle lays over a look what earlier passes did and it does not show yet: EC2 is eventually consistent, and one stale list is neither
// drift nor a reason to do anything twice. What somebody else changed since is left as it is.
func (m Memory) Settle(o *netstate.Observed) *netstate.Observed {
	var out *netstate.Observed
	for _, s := range m.settling {
		if !o.At.Before(s.until) || !showsBefore(o, s.done) {
			continue
		}
		if out == nil {
			out = o.Clone()
		}
		Effect(out, s.done.Action, s.done.Got)
	}
	if out == nil {
		return o
	}
	return out
}

// showsBefore reports whether a look shows just what was there before an action took effect.
func showsBefore(o *netstate.Observed, d Outcome) bool {
	switch a := d.Action.(type) {
	case OpenConnection:
		c, listed := o.Connections[netstate.ConnID(d.Got)]
		return !listed || c.Status.Alive() && UntaggedYet(c.Views[netstate.RequesterSide].Tags, a.Tags)
	case AcceptConnection:
		s := o.Connections[a.Conn].Status
		return s == netstate.Initiating || s == netstate.Pending
	case TagConnection:
		c, listed := o.Connections[a.Conn]
		return listed && UntaggedYet(c.Views[a.Side].Tags, a.Tags)
	case SetOptions:
		c, listed := o.Connections[a.Conn]
		return listed && c.Views[a.Side].DNS != netstate.TriOf(a.DNS)
	case AllowRule:
		_, there := o.Rules[a.Key]
		return !there
	case ChangeRule:
		_, there := o.Rules[a.Key]
		return !there && o.Rules[a.From].ID == a.ID
	case DescribeRule:
		r := o.Rules[a.Key]
		return r.ID == a.ID && r.Description != a.Description
	case TagRule:
		r := o.Rules[a.Key]
		return r.ID == a.ID && UntaggedYet(r.Tags, a.Tags)
	case AddRoute:
		_, there := o.Routes[a.Key]
		return !there
	case ReplaceRoute:
		return o.Routes[a.Key].Target == a.Was
	case RemoveRoute:
		return o.Routes[a.Key].Target == a.Was
	case RevokeRule:
		return o.Rules[a.Key].ID == a.ID
	case CloseConnection:
		return o.Connections[a.Conn].Status.Alive()
	}
	return false
}

// UntaggedYet reports whether a look shows nothing of the tags that one call set: it is older than the call. Where it shows some of them,
// somebody took the others away since; where it shows an owner in the place of ours, somebody gave the connection away.
func UntaggedYet(have, set netstate.Tags) bool {
	return len(set) > 0 && len(have.Missing(set)) == len(set) && (set[netstate.TagOwner] == "" || have[netstate.TagOwner] == "")
}

// stillPassing are the connections in passing states. One that the look does not show may only be out of it, as in a pass for a commit
// elsewhere: it is kept for a while.
func (m Memory) stillPassing(o *netstate.Observed) map[netstate.ConnID]passing {
	out := map[netstate.ConnID]passing{}
	for id, was := range m.passing {
		if _, shown := o.Connections[id]; !shown && o.At.Sub(was.since) < forgotten {
			out[id] = was
		}
	}
	for id, c := range o.Connections {
		if !passes(c.Status) {
			continue
		}
		out[id] = passing{c.Status, o.At}
		if was := m.passing[id]; was.status == c.Status {
			out[id] = was
		}
	}
	return out
}

// passes reports whether a connection leaves a state by itself, within seconds (VPC Peering Guide, lifecycle).
func passes(s netstate.Status) bool {
	return s == netstate.Initiating || s == netstate.Provisioning || s == netstate.Deleting
}

// stuck returns since when a connection has been in a passing state, if that is too long.
func (m Memory) stuck(c netstate.Connection, now time.Time) (since time.Time, is bool) {
	p := m.passing[c.ID]
	return p.since, p.status == c.Status && passes(c.Status) && now.Sub(p.since) > stuckAfter
}

// failed counts how often in a row each action failed for a reason that does not pass by itself.
func (m Memory) failed(now time.Time, done []Outcome) map[string]failure {
	out := map[string]failure{}
	for k, f := range m.failures {
		if now.Before(f.over().Add(lastRest)) { // nobody asks for it any more, or it would have been tried
			out[k] = f
		}
	}
	for _, d := range done {
		k := Key(d.Action)
		switch {
		case d.Err == nil:
			delete(out, k)
		case !d.Err.Kind.Passing():
			out[k] = failure{m.failures[k].n + 1, now, d.Err.Error()}
		}
	}
	return out
}

// failing counts the passes in a row in which all of an account's writes failed, of two peerings or more, and at least one of them for a
// reason that is the account's and not the action's. A pass that wrote nothing there says nothing, and little one whose only peering fails:
// where all else is in sync, the one write that something else forbids is all that is tried.
func (m Memory) failing(now time.Time, done []Outcome) map[netstate.AccountID]failure {
	out := maps.Clone(m.accounts)
	if out == nil {
		out = map[netstate.AccountID]failure{}
	}
	worked, failed := map[netstate.AccountID]bool{}, map[netstate.AccountID]map[netstate.Link]bool{}
	for _, d := range done {
		a := d.Action.Scope().Account
		if failed[a] == nil {
			failed[a] = map[netstate.Link]bool{}
		}
		worked[a] = worked[a] || d.Err == nil
		failed[a][d.Action.Link()] = true
	}
	for _, d := range done {
		switch a := d.Action.Scope().Account; {
		case worked[a]:
			delete(out, a)
		case len(failed[a]) > 1 && ofAccount(d.Err.Kind):
			out[a] = failure{m.accounts[a].n + 1, now, d.Err.Error()}
		}
	}
	return out
}

// ofAccount reports whether a failure says more about the account than about what was asked of it.
func ofAccount(k netstate.Kind) bool {
	switch k {
	case netstate.Denied, netstate.Retry, netstate.Throttled, netstate.Ambiguous, netstate.Void:
		return true
	}
	return false
}

// Rest leaves out of the plan what failed in earlier passes and whose time has not come again, and everything of an account that rests, but
// for one action that has not failed itself: should that work, the account is well again. While something that adds rests, what removes
// does too.
func (p *Plan) Rest(m Memory, now time.Time) {
	probes := m.probes(p.Actions, now)
	resting := map[string]bool{}
	blocked := map[netstate.Link]bool{}
	at := map[netstate.Link]spec.Pos{}
	for _, s := range p.Links {
		at[s.Name] = s.Pos
	}
	for _, a := range p.Actions {
		why := m.resting(a, now)
		if why == "" || probes[a.Scope().Account] == Key(a) {
			continue
		}
		resting[Key(a)] = true
		blocked[a.Link()] = blocked[a.Link()] || !a.Step().Removes()
		p.Problems = append(p.Problems, Problem{Link: a.Link(), Code: CodeResting, Pos: at[a.Link()], Severity: BlocksItem, Message: why})
	}
	if len(resting) == 0 {
		return
	}
	p.leaveOut(func(a Action) bool { return resting[Key(a)] || a.Step().Removes() && blocked[a.Link()] }, "resting")
	sortProblems(p.Problems)
	p.Problems = slices.Compact(p.Problems)
}

// probes are the keys of actions, one of each account that rests, that are tried all the same: the first that can be and that never failed itself,
// something that adds before what removes.
func (m Memory) probes(actions []Action, now time.Time) map[netstate.AccountID]string {
	out, removes := map[netstate.AccountID]string{}, map[netstate.AccountID]bool{}
	for _, a := range actions {
		at := a.Scope().Account
		if !m.accountRests(at, now) || m.failures[Key(a)].n > 0 || !a.Ready() {
			continue
		}
		if out[at] == "" || removes[at] && !a.Step().Removes() {
			out[at], removes[at] = Key(a), a.Step().Removes()
		}
	}
	return out
}

func (m Memory) accountRests(a netstate.AccountID, now time.Time) bool {
	f := m.accounts[a]
	return f.n >= restsAccount && now.Before(f.over())
}

func (m Memory) resting(a Action, now time.Time) string {
	if account := a.Scope().Account; m.accountRests(account, now) {
		f := m.accounts[account]
		return fmt.Sprintf("every write of account %s failed in %d passes in a row, last: %s; it rests until %s", account, f.n, f.err, f.over().UTC().Format(time.RFC3339))
	}
	if f := m.failures[Key(a)]; f.n > 0 && now.Before(f.over()) {
		return fmt.Sprintf("failed %d times in a row, last: %s; tried again after %s", f.n, f.err, f.over().UTC().Format(time.RFC3339))
	}
	return ""
}
