package reconciletest

import (
	"net/netip"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// reserved prefixes take no routes (VPC User Guide, "Subnet route tables").
var reserved = []netip.Prefix{netip.MustParsePrefix("169.254.168.0/22"), netip.MustParsePrefix("fd00:ec2::/32")}

// stateOf works out a route's state: a route survives its connection as a blackhole, and revives with it.
func (w *world) stateOf(r netstate.Route) netstate.RouteState {
	switch {
	case r.Target.Kind != netstate.TargetPeering:
		return r.State
	case w.Connections[netstate.ConnID(r.Target.ID)].Status == netstate.Active:
		return "active"
	}
	return netstate.Blackhole
}

// addRoute makes a route; to make it again is no failure, to make another of its destination is.
func (w *world) addRoute(a plan.AddRoute, now time.Time) *netstate.Error {
	if err := w.routable(a, a.Key, a.Conn, now); err != nil {
		return err
	}
	if r, there := w.Routes[a.Key]; there {
		if r.Target != netstate.ToPeering(a.Conn) {
			return Fail(a, netstate.Exists, "RouteAlreadyExists")
		}
		return nil
	}
	w.route(a.Key, a.Conn)
	return nil
}

// replaceRoute points a route elsewhere. The real target reads it just before, and goes no further if it is not what was decided upon.
func (w *world) replaceRoute(a plan.ReplaceRoute, now time.Time) *netstate.Error {
	if err := w.stillIs(a, a.Key, a.Was, "InvalidRoute.NotFound"); err != nil {
		return err
	}
	if err := w.routable(a, a.Key, a.Conn, now); err != nil {
		return err
	}
	w.route(a.Key, a.Conn)
	return nil
}

// removeRoute deletes a route, read just before as well.
func (w *world) removeRoute(a plan.RemoveRoute) *netstate.Error {
	if err := w.stillIs(a, a.Key, a.Was, "InvalidRoute.NotFound"); err != nil {
		return err
	}
	delete(w.Routes, a.Key)
	return nil
}

func (w *world) route(k netstate.RouteKey, c netstate.ConnID) {
	w.Routes[k] = netstate.Route{Target: netstate.ToPeering(c), Origin: netstate.OriginCreateRoute}
}

func (w *world) stillIs(a plan.Action, k netstate.RouteKey, was netstate.Target, code string) *netstate.Error {
	r, there := w.shownRoute(k)
	switch {
	case !there:
		return gone(a, code)
	case r.Target != was || r.Origin != netstate.OriginCreateRoute:
		return Fail(a, netstate.Stale, "")
	}
	return nil
}

// shownRoute finds a route as a look at its table would show it.
func (w *world) shownRoute(k netstate.RouteKey) (netstate.Route, bool) {
	t, there := w.Tables[netstate.TableKey{Scope: k.Scope, ID: k.Table}]
	if !there {
		return netstate.Route{}, false
	}
	if r, there := w.local(k.Scope, t)[k.Dest]; there && !k.Propagated {
		return r, true
	}
	r, there := w.Routes[k]
	return r, there
}

// local are the routes that a table has for its VPC's own CIDRs.
func (w *world) local(at netstate.Scope, t netstate.Table) map[netstate.Dest]netstate.Route {
	out := map[netstate.Dest]netstate.Route{}
	for _, p := range w.cidrs(netstate.VPC{Scope: at, ID: t.VPC}) {
		out[netstate.Dest{Prefix: p}] = netstate.Route{Target: netstate.Target{Kind: netstate.TargetLocal, ID: "local"}, Origin: "CreateRouteTable", State: "active"}
	}
	return out
}

// routable says why EC2 refuses a route to a connection: what is wrong with the target comes first, then the destination.
func (w *world) routable(a plan.Action, k netstate.RouteKey, id netstate.ConnID, now time.Time) *netstate.Error {
	t, there := w.Tables[netstate.TableKey{Scope: k.Scope, ID: k.Table}]
	switch {
	case !there || k.Scope != a.Scope():
		return gone(a, "InvalidRouteTableID.NotFound")
	case t.Gateway:
		return Fail(a, netstate.Invalid, "InvalidParameterValue")
	}
	c, err := w.visible(a, id, now)
	v := netstate.VPC{Scope: k.Scope, ID: t.VPC}
	switch {
	case err != nil:
		return err
	case c.Requester != v && c.Accepter != v:
		return Fail(a, netstate.Invalid, "InvalidParameterValue")
	case c.Status.Dead():
		return gone(a, "InvalidVpcPeeringConnectionID.NotFound")
	}
	return w.destination(a, k, v)
}

func (w *world) destination(a plan.Action, k netstate.RouteKey, v netstate.VPC) *netstate.Error {
	if k.Dest.List != "" {
		if _, there := w.PrefixLists[netstate.PrefixListKey{Scope: k.Scope, ID: k.Dest.List}]; !there {
			return gone(a, "InvalidPrefixListID.NotFound")
		}
		return nil
	}
	for _, p := range append(reserved, w.cidrs(v)...) {
		if netstate.Inside(k.Dest.Prefix, p) {
			return Fail(a, netstate.Invalid, "InvalidParameterValue")
		}
	}
	return nil
}
