package reconciletest

import "github.com/peerd/peerd/pkg/netstate"

// leads is a route to the connection of the world.
func leads(s netstate.RouteState) netstate.Route {
	return netstate.Route{Target: netstate.ToPeering(pcx), Origin: netstate.OriginCreateRoute, State: s}
}

// routed puts a route to the connection into the world.
func routed(k netstate.RouteKey) func(*netstate.Observed) {
	return func(o *netstate.Observed) { o.Routes[k] = leads("active") }
}

// routeTests are those of routes.
var routeTests = map[string]func(*check){
	"a route is made, and made again": func(c *check) {
		for _, k := range []netstate.RouteKey{to(mainRT, "10.1.0.0/16"), to(mainRT, "2001:db8:9::/64"), to(mainRT, string(offices)), to(privRT, "10.1.0.0/16")} {
			c.start(joined(hub, near, netstate.Active))
			c.works(adding(k, pcx))
			c.shows(func(o *netstate.Observed) { o.Routes[k] = leads("active") })
			c.works(adding(k, pcx))
			c.shows(nil)
		}
	},
	"on the accepter's side": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		c.works(adding(to(nearRT, "10.0.0.0/16"), pcx))
		c.shows(func(o *netstate.Observed) { o.Routes[to(nearRT, "10.0.0.0/16")] = leads("active") })
	},
	"a route to a request that waits is a blackhole until it is active": func(c *check) {
		c.start(joined(hub, near, netstate.Pending))
		k := to(mainRT, "10.1.0.0/16")
		c.works(adding(k, pcx))
		c.shows(func(o *netstate.Observed) { o.Routes[k] = leads(netstate.Blackhole) })
		c.works(accepting(bobWest, pcx))
		c.want.Routes[k] = leads("active")
		c.becomes(c.as(netstate.Active))
	},
	"routes stay behind as blackholes, and are removed or replaced then": func(c *check) {
		k, other := to(mainRT, "10.1.0.0/16"), to(privRT, "10.1.0.0/16")
		c.start(joined(hub, near, netstate.Active), routed(k), routed(other))
		c.works(closing(west, pcx))
		c.shows(func(o *netstate.Observed) {
			o.Connections[pcx], o.Routes[k], o.Routes[other] = c.as(netstate.Deleted), leads(netstate.Blackhole), leads(netstate.Blackhole)
		})
		id := netstate.ConnID(c.works(opening(hub, near, ours)))
		c.becomes(c.made(string(id), hub, near, netstate.Pending))
		c.works(accepting(bobWest, id))
		c.becomes(c.made(string(id), hub, near, netstate.Active))
		c.works(replacing(k, netstate.ToPeering(pcx), id))
		c.works(removing(other, netstate.ToPeering(pcx)))
		c.shows(func(o *netstate.Observed) {
			o.Routes[k] = netstate.Route{Target: netstate.ToPeering(id), Origin: netstate.OriginCreateRoute, State: "active"}
			delete(o.Routes, other)
		})
	},
	"a destination that leads elsewhere": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		c.refused(netstate.Exists, adding(to(mainRT, "172.16.0.0/12"), pcx))
	},
	"a propagated route hinders none": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		c.works(adding(to(mainRT, "10.9.0.0/16"), pcx))
		c.shows(func(o *netstate.Observed) { o.Routes[to(mainRT, "10.9.0.0/16")] = leads("active") })
	},
	"destinations that no table takes": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		for _, d := range []string{"10.0.0.0/16", "10.0.7.0/24", "2001:db8:1::/64", "169.254.168.0/24", "fd00:ec2::/64"} {
			c.refused(netstate.Invalid, adding(to(mainRT, d), pcx))
		}
		c.works(adding(to(mainRT, "10.0.0.0/8"), pcx)) // wider than the VPC is allowed
		c.shows(func(o *netstate.Observed) { o.Routes[to(mainRT, "10.0.0.0/8")] = leads("active") })
		c.refused(netstate.Stale, adding(to(mainRT, "pl-0000000000000a00f"), pcx))
	},
	"tables that take none": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		c.refused(netstate.Stale, adding(to("rtb-0000000000000a00f", "10.1.0.0/16"), pcx))
		c.refused(netstate.Invalid, adding(to(edgeRT, "10.1.0.0/16"), pcx))
		c.refused(netstate.Invalid, adding(to(spareRT, "10.1.0.0/16"), pcx)) // not the connection's VPC
	},
	"connections that take none": func(c *check) {
		for _, s := range dead {
			c.start(joined(hub, near, s), func(o *netstate.Observed) {
				o.Routes[to(mainRT, "10.1.0.0/16")] = netstate.Route{Target: transit, Origin: netstate.OriginCreateRoute, State: "active"}
			})
			c.refused(netstate.Stale, adding(to(privRT, "10.1.0.0/16"), pcx))
			c.refused(netstate.Stale, replacing(to(mainRT, "10.1.0.0/16"), transit, pcx))
		}
		c.refused(netstate.Stale, adding(to(privRT, "10.1.0.0/16"), no))
		c.refused(netstate.Stale, replacing(to(mainRT, "10.1.0.0/16"), transit, no))
	},
	"a route is replaced, if it still is what it was": func(c *check) {
		k := to(mainRT, "172.16.0.0/12")
		c.start(joined(hub, near, netstate.Active))
		c.refused(netstate.Stale, replacing(k, netstate.ToPeering(pcx), pcx))
		c.works(replacing(k, transit, pcx))
		c.shows(func(o *netstate.Observed) { o.Routes[k] = leads("active") })
		c.refused(netstate.Stale, replacing(k, transit, pcx))
		c.works(replacing(k, netstate.ToPeering(pcx), pcx))
		c.shows(nil)
	},
	"what is not replaced": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		local := netstate.Target{Kind: netstate.TargetLocal, ID: "local"}
		c.refused(netstate.Stale, replacing(to(mainRT, "10.1.0.0/16"), transit, pcx)) // not there
		c.refused(netstate.Stale, replacing(to("rtb-0000000000000a00f", "172.16.0.0/12"), transit, pcx))
		c.refused(netstate.Stale, replacing(to(mainRT, "10.0.0.0/16"), local, pcx))
		c.refused(netstate.Stale, replacing(to(mainRT, "10.9.0.0/16"), netstate.Target{Kind: netstate.TargetOther, ID: "vgw-0000000000000a001"}, pcx)) // propagated only
	},
	"a route is not replaced with a connection of others": func(c *check) {
		c.start(joined(spare, near, netstate.Active))
		c.refused(netstate.Invalid, replacing(to(mainRT, "172.16.0.0/12"), transit, pcx))
	},
	"a route is removed, if it still is what it was": func(c *check) {
		k := to(mainRT, "10.1.0.0/16")
		c.start(joined(hub, near, netstate.Active), routed(k))
		c.refused(netstate.Stale, removing(k, transit))
		c.works(removing(k, netstate.ToPeering(pcx)))
		c.shows(func(o *netstate.Observed) { delete(o.Routes, k) })
		c.refused(netstate.Gone, removing(k, netstate.ToPeering(pcx)))
		c.refused(netstate.Gone, removing(to("rtb-0000000000000a00f", "10.1.0.0/16"), transit))
		c.refused(netstate.Stale, removing(to(mainRT, "10.0.0.0/16"), netstate.Target{Kind: netstate.TargetLocal, ID: "local"}))
	},
}
