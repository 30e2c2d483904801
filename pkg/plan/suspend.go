package plan

import (
	"cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// suspended says why a link is suspended, and is empty when it is not: its entry says so until a time, or somebody put the suspend tag on
// one of its VPCs or on a view of a connection of the pair. The tag is the quickest way to stop peerd, from the console and without a commit.
func (x *expander) suspended(l *DesiredLink, s *spec.Suspend) string {
	if s != nil && (s.Until.IsZero() || x.o.At.Before(s.Until)) {
		return cmp.Or(s.Reason, "suspended")
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

func suspendedConnection(c netstate.Connection) string {
	return cmp.Or(byTag(c.Views[0].Tags, string(c.ID)), byTag(c.Views[1].Tags, string(c.ID)))
}

func byTag(t netstate.Tags, on string) string {
	reason, there := t[netstate.TagSuspend]
	if !there {
		return ""
	}
	return cmp.Or(reason, "no reason given") + " (tag " + netstate.TagSuspend + " on " + on + ")"
}
