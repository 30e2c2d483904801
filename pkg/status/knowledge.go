package status

import (
	"regexp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
)

// insight is how much a report knows of a peering of the spec.
type insight struct {
	state plan.LinkState
	whole bool // all of it was compared: what does not stand in the drift is in sync
}

// known reports whether all that the peering needs could be read and found.
func (i insight) known() bool { return !i.state.Unknown }

// knowledge says how much a report knows of each peering of the spec; leftovers are none. What is held, whole or on one side, was not
// compared, though it may be known why it is not as it should be.
func knowledge(r *reconcile.Report) map[netstate.Link]insight {
	out := map[netstate.Link]insight{}
	for _, s := range r.Final.Links {
		if !s.Leftover {
			out[s.Name] = insight{s, !s.Held}
		}
	}
	for _, p := range r.Final.Problems {
		if i, there := out[p.Link]; there && p.Severity >= plan.HoldsSide {
			i.whole = false
			out[p.Link] = i
		}
	}
	return out
}

var (
	label  = regexp.MustCompile(`^[a-z0-9][a-z0-9._/-]{0,199}$`)
	someID = regexp.MustCompile(`^[a-z]{2,9}-[0-9a-f]{8,17}$`)
)

// named is a peering's name as a label. The name of what is left over comes from a tag, and anybody may have written that: what no spec
// could have called a peering, or what stands there for want of a tag, is no name.
func named(l netstate.Link, inSpec bool) string {
	if inSpec {
		return render.Plain(string(l))
	}
	if !label.MatchString(string(l)) || someID.MatchString(string(l)) {
		return ""
	}
	return string(l)
}
