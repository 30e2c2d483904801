package reconcile

import (
	"slices"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/preflight"
)

// Report is all that is to be said about one cycle.
type Report struct {
	DryRun, Prune     bool
	NoWait            bool // connections that pass from state to state were left to the next cycle
	Paused            bool // somebody paused all writes, before or during the cycle
	Started, Finished time.Time
	First             *plan.Plan  // what was to be done; nil when Err came before it
	Results           []Result    // what was done, in the order in which it came back
	Final             *plan.Plan  // what was left by the last look
	Err               error       // why the cycle could not be done at all
	Memory            plan.Memory // for the next pass of this process

	Took     Phases
	Scopes   []ScopeRead                   // by the last look at everything
	Accounts map[netstate.AccountID]string // the spec's names of accounts
}

// Phases are how long the parts of a cycle took; zero: there was no such part.
type Phases struct {
	Read  time.Duration // the first look
	Diff  time.Duration // the first plan
	Apply time.Duration // doing it, waiting for states and looking again
}

// ScopeRead says whether an account and region could be read.
type ScopeRead struct {
	Scope netstate.Scope
	At    time.Time       // of the look
	Err   *netstate.Error // the first listing of those asked for that could not be read; nil: all could
}

// Result is what became of one action.
type Result = plan.Outcome

// Verdict says how a peering stands at the end of a cycle.
type Verdict int

// The verdicts, the best first.
const (
	InSync    Verdict = iota
	OnPurpose         // what differs does so on purpose: suspended, waiting for the other side, or pruning is off
	Changes           // changes are pending; of a dry run only
	Attention         // a conflict, a refusal, a hold, a failure, or time ran out
)

// LinkVerdict is a peering's verdict with the reasons in words; Link is empty for what belongs to no peering of the spec.
type LinkVerdict struct {
	Link    netstate.Link
	Verdict Verdict
	Ready   bool // it carries traffic as declared: active, with all its options, routes and rules, none of which yields to another's or is stopped by a network ACL
	Reasons []string
}

// Verdicts judges every peering by the last look, sorted by name as the plan's are, leftovers of peerings that the spec no longer has
// among them. What belongs to none of the plan's peerings comes last.
func (r *Report) Verdicts() []LinkVerdict {
	if r.Final == nil {
		return nil
	}
	j := &judge{Report: r, of: map[netstate.Link]*LinkVerdict{}, states: map[netstate.Link]plan.LinkState{}}
	for _, s := range r.Final.Links {
		j.states[s.Name] = s
		j.link(s)
	}
	j.problems()
	j.failures()
	for _, d := range r.Final.Drift {
		j.drift(d)
	}
	out := make([]LinkVerdict, len(j.names))
	for i, n := range j.names {
		out[i] = *j.of[n]
	}
	return out
}

type judge struct {
	*Report
	names  []netstate.Link // in the order in which each was first judged
	of     map[netstate.Link]*LinkVerdict
	states map[netstate.Link]plan.LinkState
}

func (j *judge) say(l netstate.Link, v Verdict, reason string) {
	r := j.of[l]
	if r == nil {
		r = &LinkVerdict{Link: l}
		j.names, j.of[l] = append(j.names, l), r
	}
	r.Verdict = max(r.Verdict, v)
	if reason != "" && !slices.Contains(r.Reasons, reason) {
		r.Reasons = append(r.Reasons, reason)
	}
}

func (j *judge) link(s plan.LinkState) {
	j.say(s.Name, InSync, "")
	j.of[s.Name].Ready = s.Status == netstate.Active && !s.Held && !s.Leftover
	switch {
	case s.Held:
		j.say(s.Name, Attention, "")
	case s.Suspended != "":
		j.say(s.Name, InSync, "suspended: "+s.Suspended)
	case s.Waiting != "":
		j.say(s.Name, OnPurpose, "waiting for "+s.Waiting+until(s.Expires))
	case s.Ending != "":
		j.say(s.Name, InSync, string(s.Ending)+" is being deleted: another connection is requested once it is gone")
	}
}

// until says how long a request waits.
func until(expires time.Time) string {
	if expires.IsZero() {
		return ""
	}
	return " until " + expires.UTC().Format(time.RFC3339)
}

func (j *judge) problems() {
	for _, p := range j.Final.Problems {
		switch {
		case p.Severity > plan.Warns:
			j.say(p.Link, Attention, p.String())
		case p.Code == preflight.CodeShadowed || p.Code == preflight.CodeACL: // not for peerd to mend, and yet traffic goes elsewhere or nowhere
			j.say(p.Link, InSync, p.String())
		default:
			continue
		}
		j.of[p.Link].Ready = false
	}
}

// failures repeats why an action did not work, if it is still to be done. A bug is said in any case.
func (j *judge) failures() {
	left := map[string]bool{}
	for _, a := range j.Final.Actions {
		left[plan.Key(a)] = true
	}
	for _, r := range j.Results {
		if r.Err != nil && (left[plan.Key(r.Action)] || r.Err.Code == netstate.CodePanic) {
			j.say(r.Action.Link(), Attention, r.Err.Error())
		}
	}
}

func (j *judge) drift(d plan.Drift) {
	s := j.states[d.Link]
	if of := j.of[d.Link]; of != nil && d.Kind != plan.DriftExtra && d.Resource != plan.ResourceTags {
		of.Ready = false
	}
	switch {
	case d.Kind == plan.DriftConflict:
		j.say(d.Link, Attention, "")
	case d.Kind == plan.DriftExtra && j.stays(d) != "":
		j.say(d.Link, j.ofExtra(d), "extra: "+d.What+": "+j.stays(d))
	case j.Paused:
		j.say(d.Link, OnPurpose, "paused: nothing is changed")
	case s.Suspended != "" || s.Waiting != "":
		j.say(d.Link, OnPurpose, "")
	case j.NoWait && s.Passing():
		j.say(d.Link, OnPurpose, "waiting for AWS: "+passingText(s))
	case j.DryRun:
		j.say(d.Link, Changes, "")
	default:
		if s.Passing() && s.Status != netstate.Pending && j.Err == nil { // it was waited for; an acceptance may have failed, which is said
			j.say(d.Link, Attention, "--timeout is over: "+passingText(s))
		}
		j.say(d.Link, Attention, "left: "+string(d.Kind)+" "+d.What)
	}
}

// passingText says which connection is on its way.
func passingText(s plan.LinkState) string {
	if s.Ending != "" {
		return string(s.Ending) + " is being deleted"
	}
	return string(s.Conn) + " is " + string(s.Status)
}

// stays says why something extra is not removed. What the guard took out of the first plan stands in a later one again.
func (j *judge) stays(d plan.Drift) string {
	if d.Left == "" && j.First != nil && j.First.Withheld != nil {
		return "withheld"
	}
	return d.Left
}

// ofExtra is the verdict on something extra that stays: without pruning, or suspended, that is as somebody wants it; what is left to a pass over
// everything, the next one does.
func (j *judge) ofExtra(d plan.Drift) Verdict {
	if !j.Prune || d.Left == "suspended" || d.Left == plan.LeftToFull {
		return OnPurpose
	}
	return Attention
}

// The exit codes of a cycle (design: command line). ExitSpec is for whoever loads the spec.
const (
	ExitInSync    = 0
	ExitFailed    = 1
	ExitChanges   = 2
	ExitSpec      = 3
	ExitAttention = 4
)

// Exit returns the cycle's exit code: the worst of 1, 4, 2, 0 in this order.
func (r *Report) Exit() int {
	if r.Err != nil {
		return ExitFailed
	}
	worst := InSync
	if r.First != nil && r.First.Withheld != nil || r.Final != nil && len(r.Final.Unread) > 0 {
		worst = Attention
	}
	for _, v := range r.Verdicts() {
		worst = max(worst, v.Verdict)
	}
	switch worst {
	case Attention:
		return ExitAttention
	case Changes, OnPurpose:
		return ExitChanges
	}
	return ExitInSync
}
