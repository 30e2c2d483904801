package plan

import (
	"cmp"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// suspended says why a link is suspended, and is empty when it is not: its entry says so until a time, or somebody put the suspend tag on
// one of its VPCs or on a view of a connection of the pair. The tag is the quickest way to stop peerd, from the console and without a commit.
func (x *expander) suspended(l *DesiredLink, s *spec.Suspend) string {
	if s != nil && (s.Until.IsZero() || x.o.At.Before(s.Until)) {
		return cmp.Or(s.Reason, "suspended") + untilText(s.Until)
	}
	if s != nil { // a year that is mistyped looks like any other
		x.problem(l, s.Pos, Warns, CodeSuspendOver, "the suspension (%s) ended at %s: remove it, or set a later time", s.Reason, s.Until.UTC().Format(time.RFC3339))
	}
	for _, e := range l.Ends {
		if why := byTag(x.o.VPCs[e.VPC].Tags, string(e.VPC.ID)); why != "" {
			return why
		}
	}
	for _, c := range x.at.pairs[l.Pair()] {
		if why := suspendedConnection(c); why != "" && c.Status.Alive() {
			return why
		}
	}
	return ""
}

func untilText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " (until " + t.UTC().Format(time.RFC3339) + ")"
}

func suspendedConnection(c netstate.Connection) string {
	return cmp.Or(byTag(c.Views[0].Tags, string(c.ID)), byTag(c.Views[1].Tags, string(c.ID)))
}

// suspendedByTag says why a connection is suspended: by the tag on one of its views or of its VPCs.
func (b *builder) suspendedByTag(c netstate.Connection) string {
	why := suspendedConnection(c)
	for _, v := range []netstate.VPC{c.Requester, c.Accepter} {
		why = cmp.Or(why, byTag(b.o.VPCs[v].Tags, string(v.ID)))
	}
	return why
}

// suspendedRule says why a rule that no peering wants is suspended: with the connection that its label names, or by the tag on the VPC of
// its group, which is known only where an entry names the group; else by that on any VPC there.
func (b *builder) suspendedRule(k netstate.RuleKey, label netstate.Link) string {
	for _, c := range b.at.labels[label] {
		if why := b.suspendedByTag(c); why != "" && label != "" && c.Status.Alive() {
			return why
		}
	}
	group, known := b.o.Groups[netstate.GroupKey{Scope: k.Scope, ID: k.Group}]
	for _, v := range b.at.vpcs[k.Scope] {
		if why := byTag(b.o.VPCs[v].Tags, string(v.ID)); why != "" && (!known || group.VPC == v.ID) {
			return why
		}
	}
	return ""
}

func byTag(t netstate.Tags, on string) string {
	reason, there := t[netstate.TagSuspend]
	if !there {
		return ""
	}
	return cmp.Or(reason, "no reason given") + " (tag " + netstate.TagSuspend + " on " + on + ")"
}
