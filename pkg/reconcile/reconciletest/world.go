package reconciletest

import (
	"maps"
	"net/netip"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// world is everything there is. Of a connection it has both views, with the options as they were set; of routes only those that are not
// local; the states of routes are worked out when they are shown.
type world struct {
	*netstate.Observed
	lives map[netstate.ConnID]life
	made  int // ids made so far
}

// life is what a connection does not show of itself.
type life struct {
	age   int       // looks since its state changed
	fails bool      // EC2 will find something wrong with its other side
	over  time.Time // when it came to its end; zero: it did not
	by    netstate.AccountID
}

func newWorld(o *netstate.Observed, now time.Time) *world {
	w := &world{Observed: o.Clone(), lives: map[netstate.ConnID]life{}}
	for id, c := range w.Connections {
		for i := range c.Views {
			if c.Views[i].DNS == netstate.Unknown {
				c.Views[i].DNS = netstate.No
			}
		}
		if c.Expires.IsZero() {
			c.Expires = now.Add(waits)
		}
		w.Connections[id] = c
		if c.Status.Dead() && c.Status != netstate.Deleting {
			w.lives[id] = life{over: now, by: c.Requester.Account}
		}
	}
	maps.DeleteFunc(w.Routes, func(_ netstate.RouteKey, r netstate.Route) bool { return r.Target.Kind == netstate.TargetLocal })
	return w
}

func (w *world) clone() *world { return &world{w.Observed.Clone(), maps.Clone(w.lives), w.made} }

// whole is the world as a look would show it that sees everything.
func (w *world) whole(now time.Time) *netstate.Observed {
	o := w.Observed.Clone()
	o.At = now
	maps.DeleteFunc(o.Connections, func(_ netstate.ConnID, c netstate.Connection) bool {
		return !w.sees(c, netstate.RequesterSide, now) && !w.sees(c, netstate.AccepterSide, now)
	})
	for k, r := range o.Routes {
		r.State = w.stateOf(r)
		o.Routes[k] = r
	}
	return o
}

// do lets one action take effect, or says why EC2 would not. It changes nothing that it refuses.
func (w *world) do(a plan.Action, now time.Time) (got string, _ *netstate.Error) {
	switch a := a.(type) {
	case plan.OpenConnection:
		return w.open(a, now)
	case plan.AcceptConnection:
		return string(a.Conn), w.accept(a, now)
	case plan.TagConnection:
		return string(a.Conn), w.tag(a, now)
	case plan.SetOptions:
		return string(a.Conn), w.setOptions(a, now)
	case plan.CloseConnection:
		return "", w.close(a, now)
	case plan.AddRoute:
		return "", w.addRoute(a, now)
	case plan.ReplaceRoute:
		return "", w.replaceRoute(a, now)
	case plan.RemoveRoute:
		return "", w.removeRoute(a)
	case plan.AllowRule:
		return w.allow(a)
	case plan.ChangeRule:
		return "", w.change(a)
	case plan.DescribeRule:
		return "", w.describe(a)
	case plan.TagRule:
		return "", w.tagRule(a)
	case plan.RevokeRule:
		return "", w.revoke(a)
	}
	return "", Fail(a, netstate.Invalid, "InvalidAction")
}

// cidrs are all of a VPC's; none if there is no such VPC.
func (w *world) cidrs(v netstate.VPC) []netip.Prefix { return w.VPCs[v].CIDRs }

func overlapping(a, b []netip.Prefix) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Overlaps(y) {
				return true
			}
		}
	}
	return false
}
