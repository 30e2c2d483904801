package reconciletest

import (
	"net/netip"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// How long a request waits, and how long a connection is shown after its end (VPC Peering Guide, "VPC peering connection lifecycle").
const (
	waits      = 7 * 24 * time.Hour
	shortAfter = 2 * time.Hour
	longAfter  = 2 * 24 * time.Hour
)

// moveOn takes the connections of some scopes through their passing states, and lets requests expire.
func (w *world) moveOn(looked map[netstate.Scope]netstate.ScopeLook, states int, now time.Time) {
	for id, c := range w.Connections {
		_, requester := looked[c.Requester.Scope]
		_, accepter := looked[c.Accepter.Scope]
		if requester || accepter {
			w.age(id, c, states, now)
		}
	}
}

// next are the states that connections leave by themselves, and what they become.
var next = map[netstate.Status]netstate.Status{
	netstate.Initiating: netstate.Pending, netstate.Provisioning: netstate.Active, netstate.Deleting: netstate.Deleted,
}

func (w *world) age(id netstate.ConnID, c netstate.Connection, states int, now time.Time) {
	l := w.lives[id]
	if c.Status == netstate.Pending && !now.Before(c.Expires) {
		c.Status, l.over = netstate.Expired, c.Expires
	}
	to, passes := next[c.Status]
	if passes {
		l.age++
	}
	if passes && l.age >= states {
		c.Status, l.age = to, 0
		switch {
		case to == netstate.Pending && l.fails:
			c.Status, l.over = netstate.Failed, now
		case to == netstate.Pending:
			c.Views[netstate.AccepterSide].Seen = true
		case to == netstate.Deleted:
			l.over = now
		}
	}
	w.Connections[id], w.lives[id] = c, l
}

// sees reports whether a side sees a connection: not before it reached that side, and no more once its afterlife is over.
func (w *world) sees(c netstate.Connection, s netstate.Side, now time.Time) bool {
	over := w.lives[c.ID].over
	return c.Views[s].Seen && (over.IsZero() || now.Before(over.Add(w.afterlife(c, s))))
}

// afterlife is how long a side goes on seeing a connection that has ended.
//
//	          requester   accepter    both of one account
//	failed    2 h         –           2 h
//	expired   2 days      2 days      2 days
//	rejected  2 days      2 h         2 h
//	deleted   2 h for who deleted it, 2 days for the other; 2 h
func (w *world) afterlife(c netstate.Connection, s netstate.Side) time.Duration {
	switch {
	case c.Status == netstate.Expired:
		return longAfter
	case c.Status == netstate.Failed && s == netstate.AccepterSide && !c.SameScope():
		return 0
	case c.Status == netstate.Failed, c.Requester.Account == c.Accepter.Account:
		return shortAfter
	case c.Status == netstate.Rejected && s == netstate.AccepterSide, c.Status == netstate.Deleted && w.lives[c.ID].by == c.VPC(s).Account:
		return shortAfter
	}
	return longAfter
}

// visible finds a connection that a scope sees.
func (w *world) visible(a plan.Action, id netstate.ConnID, now time.Time) (netstate.Connection, *netstate.Error) {
	c := w.Connections[id]
	for s := range c.Views {
		if c.VPC(netstate.Side(s)).Scope == a.Scope() && w.sees(c, netstate.Side(s), now) {
			return c, nil
		}
	}
	return c, gone(a, "InvalidVpcPeeringConnectionID.NotFound")
}

// gone is the refusal of an id that is not there: for what takes something away that is done, for all else it may not be there yet.
func gone(a plan.Action, code string) *netstate.Error {
	switch a.(type) {
	case plan.RemoveRoute, plan.RevokeRule, plan.CloseConnection:
		return Fail(a, netstate.Gone, code)
	}
	return Fail(a, netstate.Stale, code)
}

// open requests a connection. A living one of this direction is answered with, and its tags stay as they are; the real target refuses that
// answer if the connection is not the owner's. What is wrong with the other side lets the request fail later.
func (w *world) open(a plan.OpenConnection, now time.Time) (string, *netstate.Error) {
	if _, there := w.VPCs[a.Requester]; !there || a.Requester.Scope != a.Scope() {
		return "", gone(a, "InvalidVpcID.NotFound")
	}
	if a.Requester == a.Accepter {
		return "", Fail(a, netstate.Invalid, "InvalidParameterValue")
	}
	for id, c := range w.Connections {
		if c.Requester != a.Requester || c.Accepter != a.Accepter || !c.Status.Alive() {
			continue
		}
		if c.Views[netstate.RequesterSide].Owner() != netstate.OwnerID(a.Tags[netstate.TagOwner]) {
			return "", Fail(a, netstate.Exists, "")
		}
		return string(id), nil
	}
	c := netstate.Connection{ID: netstate.ConnID(w.id("pcx")), Requester: a.Requester, Accepter: a.Accepter, Status: netstate.Initiating, Expires: now.Add(waits)}
	c.Views[netstate.RequesterSide] = netstate.View{Seen: true, Tags: a.Tags, DNS: netstate.No}
	c.Views[netstate.AccepterSide].DNS = netstate.No
	if c.SameScope() {
		c.Views[netstate.AccepterSide] = c.Views[netstate.RequesterSide]
	}
	theirs := w.cidrs(a.Accepter)
	fails := len(theirs) == 0 || a.Requester.Region.Partition() != a.Accepter.Region.Partition() || overlapping(w.cidrs(a.Requester), theirs)
	w.Connections[c.ID], w.lives[c.ID] = c, life{fails: fails}
	return string(c.ID), nil
}

// accept is for the accepter, while the request waits and nothing else joins the two VPCs.
func (w *world) accept(a plan.AcceptConnection, now time.Time) *netstate.Error {
	c, err := w.visible(a, a.Conn, now)
	switch {
	case err != nil:
		return err
	case c.Accepter.Scope != a.Scope():
		return Fail(a, netstate.Denied, "OperationNotPermitted")
	case c.Status != netstate.Pending:
		return Fail(a, netstate.Stale, "InvalidStateTransition")
	}
	for _, o := range w.Connections {
		if o.ID != c.ID && o.Pair() == c.Pair() && (o.Status == netstate.Active || o.Status == netstate.Provisioning) {
			return Fail(a, netstate.Exists, "VpcPeeringConnectionAlreadyExists")
		}
	}
	c.Status = netstate.Provisioning
	w.Connections[c.ID] = c
	return nil
}

// tag puts tags on the view of whoever asks; where both sides are one account and region there is one set of tags.
func (w *world) tag(a plan.TagConnection, now time.Time) *netstate.Error {
	c, err := w.visible(a, a.Conn, now)
	if err != nil {
		return err
	}
	for s := range c.Views {
		if c.VPC(netstate.Side(s)).Scope == a.Scope() {
			if o := c.Views[s].Owner(); a.Takes && o != "" && string(o) != a.Tags[netstate.TagOwner] {
				return Fail(a, netstate.Stale, "")
			}
			c.Views[s].Tags = c.Views[s].Tags.With(a.Tags)
		}
	}
	w.Connections[c.ID] = c
	return nil
}

// setOptions is for each side's own account and region, and needs DNS attributes on in both VPCs.
func (w *world) setOptions(a plan.SetOptions, now time.Time) *netstate.Error {
	c, err := w.visible(a, a.Conn, now)
	switch {
	case err != nil:
		return err
	case c.Status != netstate.Active || c.VPC(a.Side).Scope != a.Scope():
		return Fail(a, netstate.Stale, "OperationNotPermitted")
	case a.DNS && !(w.resolves(c.Requester) && w.resolves(c.Accepter)):
		return Fail(a, netstate.Invalid, "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled")
	}
	c.Views[a.Side].DNS = netstate.TriOf(a.DNS)
	w.Connections[c.ID] = c
	return nil
}

func (w *world) resolves(v netstate.VPC) bool {
	f := w.VPCs[v]
	return f.DNSSupport == netstate.Yes && f.DNSHostnames == netstate.Yes
}

// close is for either owner of an active connection, and for the requester of one that waits. Only between regions is deleting a state of
// its own.
func (w *world) close(a plan.CloseConnection, now time.Time) *netstate.Error {
	c, err := w.visible(a, a.Conn, now)
	switch {
	case err != nil:
		return err
	case c.Status == netstate.Pending && c.Requester.Account != a.Scope().Account:
		return Fail(a, netstate.Denied, "OperationNotPermitted")
	case c.Status != netstate.Active && c.Status != netstate.Pending:
		return Fail(a, netstate.Stale, "InvalidStateTransition")
	}
	l := life{by: a.Scope().Account}
	c.Status = netstate.Deleting
	if c.Requester.Region == c.Accepter.Region {
		c.Status, l.over = netstate.Deleted, now
	}
	w.Connections[c.ID], w.lives[c.ID] = c, l
	return nil
}

// brings are the CIDRs that EC2 shows of a side: all of an answered request, and the requester's first one of a request that waits. What a
// VPC brings that the world does not have, the test says.
func (w *world) brings(c netstate.Connection, s netstate.Side) []netip.Prefix {
	all := w.cidrs(c.VPC(s))
	switch {
	case !c.Status.Alive():
		return nil
	case len(all) == 0:
		return c.Shows[s]
	case c.Status == netstate.Active || c.Status == netstate.Provisioning:
		return all
	case s == netstate.RequesterSide && all[0].Addr().Is4():
		return all[:1]
	}
	return nil
}
