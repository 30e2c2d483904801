package plan

import (
	"github.com/peerd/peerd/pkg/netstate"
)

// Effect writes into o what an action that worked did, so that it is known before a look shows it: EC2 is eventually consistent, and after
// a mutation its answer is to be trusted over a stale list (EC2 Developer Guide, "Eventual consistency"). got is the id that AWS answered
// with. o is changed: pass a Clone.
func Effect(o *netstate.Observed, a Action, got string) {
	switch a := a.(type) {
	case OpenConnection:
		opened(o, a, netstate.ConnID(got))
	case AcceptConnection:
		c := o.Connections[a.Conn]
		if c.Status == netstate.Pending || c.Status == netstate.Initiating {
			c.Status = netstate.Provisioning
		}
		o.Connections[a.Conn] = c
	case TagConnection:
		c := o.Connections[a.Conn]
		tagged(&c, a.Side, a.Tags)
		o.Connections[a.Conn] = c
	case SetOptions:
		c := o.Connections[a.Conn]
		c.Views[a.Side].DNS = netstate.TriOf(a.DNS)
		o.Connections[a.Conn] = c
	case AllowRule:
		o.Rules[a.Key] = netstate.Rule{ID: netstate.RuleID(got), Description: a.Description, Tags: a.Tags}
	case ChangeRule:
		r := o.Rules[a.From]
		delete(o.Rules, a.From)
		r.Description = a.Description
		r.Tags = r.Tags.With(o.Rules[a.Key].Tags) // tagged already, as what it becomes
		o.Rules[a.Key] = r
	case DescribeRule:
		r := o.Rules[a.Key]
		r.Description = a.Description
		o.Rules[a.Key] = r
	case TagRule:
		r := o.Rules[a.Key]
		r.Tags = r.Tags.With(a.Tags)
		o.Rules[a.Key] = r
	case AddRoute:
		o.Routes[a.Key] = routeTo(a.Conn)
	case ReplaceRoute:
		o.Routes[a.Key] = routeTo(a.Conn)
	case RemoveRoute:
		delete(o.Routes, a.Key)
	case RevokeRule:
		delete(o.Rules, a.Key)
	case CloseConnection:
		c := o.Connections[a.Conn]
		c.Status = netstate.Deleting
		o.Connections[a.Conn] = c
	}
}

func routeTo(c netstate.ConnID) netstate.Route {
	return netstate.Route{Target: netstate.ToPeering(c), Origin: netstate.OriginCreateRoute, State: "active"}
}

func opened(o *netstate.Observed, a OpenConnection, id netstate.ConnID) {
	c, known := o.Connections[id]
	if !known {
		c = netstate.Connection{ID: id, Requester: a.Requester, Accepter: a.Accepter, Status: netstate.Initiating}
	}
	tagged(&c, netstate.RequesterSide, a.Tags)
	o.Connections[id] = c
}

// tagged puts tags on one view; where both sides are one account and region there is one set of tags.
func tagged(c *netstate.Connection, s netstate.Side, t netstate.Tags) {
	c.Views[s].Seen = true
	c.Views[s].Tags = c.Views[s].Tags.With(t)
	if c.SameScope() {
		c.Views[s.Other()].Seen = true
		c.Views[s.Other()].Tags = c.Views[s].Tags
	}
}
