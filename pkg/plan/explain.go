package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// Explanation is why a line of a plan stands there. All of it is for people.
type Explanation struct {
	Pos  spec.Pos // of the words of the spec that ask for it; the zero value: nothing in the spec does
	Seen string   // what was observed in its place
	Law  string   // what decided, of the table of claims and the laws of the core
}

// Explain says why an action of a plan stands there, from what the plan was made of.
func Explain(d *Desired, o *netstate.Observed, a Action) Explanation {
	x := explainer{d: d, o: o}
	if i := slices.IndexFunc(d.Links, func(l *DesiredLink) bool { return l.Name == a.Link() }); i >= 0 {
		x.link = d.Links[i]
	}
	switch a := a.(type) {
	case OpenConnection:
		return x.open(a)
	case AcceptConnection:
		return Explanation{x.at(), x.connection(a.Conn), "a request that is ours, or that the spec expects of a partner, is accepted when both VPCs, their accounts and CIDRs are as declared"}
	case TagConnection:
		return x.tag(a)
	case SetOptions:
		return Explanation{x.side(a.VPC), x.option(a), "each side's option is set by the account and region that own it, once the connection is active"}
	case AddRoute:
		return Explanation{x.routePos(a.Key), "no route to " + a.Key.Dest.String() + " in " + string(a.Key.Table), "a route that is missing in a selected table is made; nothing is in its place that could be lost"}
	case ReplaceRoute:
		return Explanation{x.routePos(a.Key), x.route(a.Key), x.replaceLaw(a)}
	case RemoveRoute:
		return Explanation{Seen: x.route(a.Key), Law: "it leads to a connection of ours, was made by CreateRoute, and is not wanted: with --prune it is removed, once all that adds has worked"}
	case AllowRule:
		return Explanation{x.rulePos(a.Key), "no such rule in " + string(a.Key.Group), "an identical rule of anybody's would do; there is none, so one with our tags is made"}
	case ChangeRule:
		return Explanation{x.rulePos(a.Key), x.rule(a.From), "a rule of ours is changed in place: it keeps its id, and nothing is closed in between"}
	case DescribeRule:
		return Explanation{x.rulePos(a.Key), x.rule(a.Key), "of a rule of ours the description is as the spec says"}
	case TagRule:
		return Explanation{x.rulePos(a.Key), x.rule(a.Key), "of a rule of ours the tags that the spec states are put on; others are left alone"}
	case RevokeRule:
		return Explanation{Seen: x.rule(a.Key), Law: "it carries our owner tag and no peering wants it: with --prune it is removed, once all that adds has worked"}
	case CloseConnection:
		return Explanation{Seen: x.connection(a.Conn), Law: a.Reason() + ", and our owner tag is on it: with --prune it is removed, after its routes"}
	}
	return Explanation{x.at(), "", a.Reason()}
}

type explainer struct {
	d    *Desired
	o    *netstate.Observed
	link *DesiredLink // nil: the spec has no such peering
}

// at is the peering's entry.
func (x explainer) at() spec.Pos {
	if x.link == nil {
		return spec.Pos{}
	}
	return x.link.Pos
}

func (x explainer) side(v netstate.VPC) spec.Pos {
	if x.link != nil {
		for _, e := range x.link.Ends {
			if e.VPC == v {
				return e.Pos
			}
		}
	}
	return spec.Pos{}
}

func (x explainer) routePos(k netstate.RouteKey) spec.Pos {
	if x.link != nil {
		for _, e := range x.link.Ends {
			if pos, found := e.Routes[k]; found {
				return pos
			}
		}
	}
	return spec.Pos{}
}

func (x explainer) rulePos(k netstate.RuleKey) spec.Pos {
	if r := x.d.Rules[k]; r != nil {
		return r.Pos
	}
	return spec.Pos{}
}

func (x explainer) open(a OpenConnection) Explanation {
	var seen []string
	pair := netstate.NewPair(a.Requester, a.Accepter)
	for _, c := range x.o.Connections {
		if c.Pair() == pair {
			seen = append(seen, x.connection(c.ID))
		}
	}
	slices.Sort(seen)
	if seen == nil {
		seen = []string{"no connection of this pair"}
	}
	return Explanation{x.at(), strings.Join(seen, ", "), "no living connection of the pair is ours, and none of anybody else's is in the way: one is requested, with its tags in the same call"}
}

func (x explainer) option(a SetOptions) string {
	if a.New {
		return "the connection is not active yet"
	}
	return a.Reason()
}

func (x explainer) tag(a TagConnection) Explanation {
	e := Explanation{Pos: x.at(), Seen: x.connection(a.Conn), Law: "of a connection of ours the tags that the spec states are put on; others are left alone"}
	if c, known := x.o.Connections[a.Conn]; known {
		e.Seen = fmt.Sprintf("the %s sees %s with the tags %s", a.Side, c.ID, c.Views[a.Side].Tags)
	}
	switch {
	case a.Leaving:
		e.Pos, e.Law = spec.Pos{}, a.Reason()+": the mark lets a later pass finish it without counting it as a new removal"
	case a.Takes:
		e.Law = "nobody's tag is on it, and adopt: true, or its being a partner's request that the spec expects, takes it over"
	case a.New:
		e.Law = "tags are kept per account and region: what is ours must be known as ours from either side"
	}
	return e
}

func (x explainer) connection(id netstate.ConnID) string {
	c, known := x.o.Connections[id]
	switch {
	case id == "":
		return "it is not there yet"
	case !known:
		return string(id) + " is not shown here yet"
	}
	return fmt.Sprintf("%s is %s", id, c.Status)
}

func (x explainer) route(k netstate.RouteKey) string {
	r, known := x.o.Routes[k]
	if !known {
		return "no route to " + k.Dest.String() + " in " + string(k.Table)
	}
	return fmt.Sprintf("a route to %s in %s leads to %s (%s)", k.Dest, k.Table, r.Target, r.State)
}

// replaceLaw is the row of the table of claims by which a route in the way may be taken.
func (x explainer) replaceLaw(a ReplaceRoute) string {
	const how = ": it is replaced in one call, without a gap"
	c, known := x.o.Connections[netstate.ConnID(a.Was.ID)]
	switch {
	case a.Was.Kind == netstate.TargetPeering && !known:
		return "it is a blackhole to a connection that is gone" + how
	case a.Was.Kind == netstate.TargetPeering && c.Status.Dead():
		return "it leads to " + string(c.ID) + ", which is " + string(c.Status) + how
	case a.Was.Kind == netstate.TargetPeering && ownedBy(c, x.d.Owner):
		return "it leads to another connection of ours, whose peering does not want it any more" + how
	}
	return "it leads to what is not ours, and routes.onConflict: replace takes it" + how
}

func ownedBy(c netstate.Connection, o netstate.OwnerID) bool {
	return c.Views[0].Owner() == o || c.Views[1].Owner() == o
}

func (x explainer) rule(k netstate.RuleKey) string {
	r, known := x.o.Rules[k]
	if !known {
		return "no such rule in " + string(k.Group)
	}
	return fmt.Sprintf("%s is %s %q", r.ID, k, r.Description)
}
