package reconciletest

import (
	"time"

	"github.com/peerd/peerd/pkg/netstate"
)

// made is a connection that the test requested and that is in a state now; the requester's tags are ours, the accepter's view has none.
func (c *check) made(id string, requester, accepter netstate.VPC, s netstate.Status) netstate.Connection {
	tags := netstate.Tags(nil)
	if requester.Scope == accepter.Scope {
		tags = ours
	}
	return shown(c.want, netstate.Connection{ID: netstate.ConnID(id), Requester: requester, Accepter: accepter, Status: s}, ours, tags)
}

// as is the connection of the world in another state.
func (c *check) as(s netstate.Status) netstate.Connection {
	now := c.want.Connections[pcx]
	now.Status = s
	return shown(c.want, now, now.Views[0].Tags, now.Views[1].Tags)
}

// dead are the states that a connection ends in.
var dead = []netstate.Status{netstate.Failed, netstate.Expired, netstate.Rejected, netstate.Deleted}

// connectionTests are those of requests, acceptances, tags and options.
var connectionTests = map[string]func(*check){
	"a connection comes to life, and is accepted by its accepter alone and once": func(c *check) {
		c.start()
		id := c.works(opening(hub, near, ours))
		c.shows(func(o *netstate.Observed) {
			o.Connections[netstate.ConnID(id)] = c.made(id, hub, near, netstate.Initiating)
		})
		c.refused(netstate.Stale, accepting(bobWest, netstate.ConnID(id))) // not seen there yet
		c.becomes(c.made(id, hub, near, netstate.Pending))
		c.refused(netstate.Denied, accepting(west, netstate.ConnID(id)))
		c.works(accepting(bobWest, netstate.ConnID(id)))
		c.shows(func(o *netstate.Observed) {
			o.Connections[netstate.ConnID(id)] = c.made(id, hub, near, netstate.Provisioning)
		})
		c.refused(netstate.Stale, closing(west, netstate.ConnID(id)))
		c.becomes(c.made(id, hub, near, netstate.Active))
		c.refused(netstate.Stale, accepting(bobWest, netstate.ConnID(id)))
	},
	"what another owner took since is not taken over": func(c *check) {
		c.start(joinedWith(hub, near, netstate.Active, untagged))
		c.works(taking(west, pcx, netstate.RequesterSide, ours))
		c.start(joinedWith(hub, near, netstate.Active, theirs))
		c.refused(netstate.Stale, taking(west, pcx, netstate.RequesterSide, ours))
		c.shows(nil)
	},
	"between regions": func(c *check) {
		c.start()
		id := c.works(opening(hub, far, ours))
		c.becomes(c.made(id, hub, far, netstate.Pending))
		c.works(accepting(bobEast, netstate.ConnID(id)))
		c.becomes(c.made(id, hub, far, netstate.Active))
	},
	"within one account and region there is one set of tags": func(c *check) {
		c.start()
		id := c.works(opening(hub, spare, ours))
		c.shows(func(o *netstate.Observed) {
			o.Connections[netstate.ConnID(id)] = c.made(id, hub, spare, netstate.Initiating)
		})
		c.becomes(c.made(id, hub, spare, netstate.Pending))
		c.works(tagging(west, netstate.ConnID(id), netstate.AccepterSide, netstate.Tags{"team": "net"}))
		c.shows(func(o *netstate.Observed) {
			x := o.Connections[netstate.ConnID(id)]
			x.Views[0].Tags = ours.With(netstate.Tags{"team": "net"})
			x.Views[1].Tags = x.Views[0].Tags
			o.Connections[x.ID] = x
		})
	},
	"a repeated request is answered with the living one of ours, and puts no tags on it": func(c *check) {
		for _, s := range []netstate.Status{netstate.Pending, netstate.Active} {
			c.start(joined(hub, near, s))
			if id := c.works(opening(hub, near, ours.With(netstate.Tags{"team": "net"}))); id != string(pcx) {
				c.t.Errorf("%s: answered with %s", s, id)
			}
			c.shows(nil)
		}
	},
	"a request where a stranger's lives": func(c *check) {
		for _, tags := range []netstate.Tags{untagged, theirs} {
			for _, s := range []netstate.Status{netstate.Pending, netstate.Active} {
				c.start(joinedWith(hub, near, s, tags))
				c.refused(netstate.Exists, opening(hub, near, ours))
			}
		}
	},
	"a request in the other direction makes a twin, which is not accepted beside an active one": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		id := c.works(opening(near, hub, ours))
		c.becomes(c.made(id, near, hub, netstate.Pending))
		c.refused(netstate.Exists, accepting(west, netstate.ConnID(id)))
	},
	"of two requests that wait both ways one is accepted": func(c *check) {
		c.start(joined(hub, near, netstate.Pending))
		id := c.works(opening(near, hub, ours))
		c.becomes(c.made(id, near, hub, netstate.Pending))
		c.works(accepting(west, netstate.ConnID(id)))
		c.becomes(c.made(id, near, hub, netstate.Active))
		c.refused(netstate.Exists, accepting(bobWest, pcx))
	},
	"a request beside a dead connection makes another": func(c *check) {
		for _, s := range dead {
			c.start(joined(hub, near, s))
			id := c.works(opening(hub, near, ours))
			if id == string(pcx) {
				c.t.Errorf("%s: answered with the dead one", s)
			}
			c.becomes(c.made(id, hub, near, netstate.Pending))
		}
	},
	"what is wrong with the other side lets the request fail, and they never see it": func(c *check) {
		for _, other := range []netstate.VPC{nowhere, inside} {
			c.start()
			id := c.works(opening(hub, other, ours))
			failed := c.made(id, hub, other, netstate.Failed)
			failed.Views[netstate.AccepterSide] = netstate.View{}
			c.becomes(failed)
			c.refused(netstate.Stale, accepting(bobWest, failed.ID))
			c.refused(netstate.Stale, closing(west, failed.ID))
			time.Sleep(3 * time.Hour)
			c.shows(func(o *netstate.Observed) { delete(o.Connections, failed.ID) })
		}
	},
	"a request from a VPC that is not there, or to itself": func(c *check) {
		c.start()
		c.refused(netstate.Stale, opening(nowhere, hub, ours))
		c.refused(netstate.Invalid, opening(hub, hub, ours))
	},
	"a request that nobody answers expires": func(c *check) {
		c.start(joined(hub, near, netstate.Pending))
		time.Sleep(waits)
		c.shows(func(o *netstate.Observed) { o.Connections[pcx] = c.as(netstate.Expired) })
		time.Sleep(47 * time.Hour)
		c.shows(nil)
		time.Sleep(2 * time.Hour)
		c.shows(func(o *netstate.Observed) { delete(o.Connections, pcx) })
	},
	"nothing dead or unknown is accepted": func(c *check) {
		for _, s := range append(dead, netstate.Active) {
			c.start(joined(hub, near, s))
			c.refused(netstate.Stale, accepting(bobWest, pcx))
		}
		c.refused(netstate.Stale, accepting(bobWest, no))
	},
	"tags are those of one view, and are added to what is there": func(c *check) {
		for _, s := range []netstate.Status{netstate.Pending, netstate.Active, netstate.Rejected, netstate.Deleted} {
			c.start(joinedWith(hub, near, s, untagged))
			c.works(tagging(bobWest, pcx, netstate.AccepterSide, ours))
			both := func(o *netstate.Observed) {
				x := o.Connections[pcx]
				x.Views[1].Tags = untagged.With(ours)
				o.Connections[pcx] = x
			}
			c.shows(both)
			c.works(tagging(bobWest, pcx, netstate.AccepterSide, ours))
			c.shows(nil)
		}
		c.refused(netstate.Stale, tagging(west, no, netstate.RequesterSide, ours))
	},
	"a view that is not seen yet is not tagged": func(c *check) {
		c.start()
		id := c.works(opening(hub, near, ours))
		c.apply([]netstate.Kind{netstate.Stale}, tagging(bobWest, netstate.ConnID(id), netstate.AccepterSide, ours))
		c.works(tagging(west, netstate.ConnID(id), netstate.RequesterSide, ours))
		c.becomes(c.made(id, hub, near, netstate.Pending))
	},
	"each side sets its own option": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		for _, on := range []bool{true, true, false} {
			c.works(resolving(near, pcx, netstate.AccepterSide, on))
			c.shows(func(o *netstate.Observed) {
				x := o.Connections[pcx]
				x.Views[1].DNS = netstate.TriOf(on)
				o.Connections[pcx] = x
			})
		}
		c.refused(netstate.Stale, resolving(near, pcx, netstate.RequesterSide, true))
		c.refused(netstate.Stale, resolving(near, no, netstate.AccepterSide, true))
	},
	"options need an active connection": func(c *check) {
		for _, s := range append(dead, netstate.Pending) {
			c.start(joined(hub, near, s))
			c.refused(netstate.Stale, resolving(hub, pcx, netstate.RequesterSide, true))
		}
	},
	"options need DNS attributes in both VPCs": func(c *check) {
		for _, pair := range [][2]netstate.VPC{{mute, near}, {near, mute}} {
			c.start(joined(pair[0], pair[1], netstate.Active))
			c.refused(netstate.Invalid, resolving(pair[0], pcx, netstate.RequesterSide, true))
			c.works(resolving(pair[0], pcx, netstate.RequesterSide, false))
			c.shows(nil)
		}
	},
}

// endTests are those of how connections end, and of how long they are shown then.
var endTests = map[string]func(*check){
	"an active connection is deleted by either side, and is shown to it for two hours": func(c *check) {
		for _, by := range []netstate.Scope{west, bobWest} {
			c.start(joined(hub, near, netstate.Active))
			c.works(closing(by, pcx))
			c.shows(func(o *netstate.Observed) { o.Connections[pcx] = c.as(netstate.Deleted) })
			c.refused(netstate.Stale, closing(by, pcx))
			time.Sleep(3 * time.Hour)
			c.shows(func(o *netstate.Observed) {
				x := o.Connections[pcx]
				x.Views[x.SideOf(map[netstate.Scope]netstate.VPC{west: hub, bobWest: near}[by])] = netstate.View{}
				o.Connections[pcx] = x
			})
			c.refused(netstate.Gone, closing(by, pcx))
			time.Sleep(2 * 24 * time.Hour)
			c.shows(func(o *netstate.Observed) { delete(o.Connections, pcx) })
		}
	},
	"within one account it is shown for two hours": func(c *check) {
		c.start(joined(hub, spare, netstate.Active))
		c.works(closing(west, pcx))
		c.shows(func(o *netstate.Observed) { o.Connections[pcx] = c.as(netstate.Deleted) })
		time.Sleep(3 * time.Hour)
		c.shows(func(o *netstate.Observed) { delete(o.Connections, pcx) })
	},
	"between regions deleting is a state of its own": func(c *check) {
		c.start(joined(hub, far, netstate.Active))
		c.works(closing(west, pcx))
		c.shows(func(o *netstate.Observed) { o.Connections[pcx] = c.as(netstate.Deleting) })
		c.refused(netstate.Stale, closing(west, pcx))
		id := c.works(opening(hub, far, ours))
		c.want.Connections[pcx] = c.as(netstate.Deleted)
		c.becomes(c.made(id, hub, far, netstate.Pending))
	},
	"a request that waits is withdrawn by its requester alone": func(c *check) {
		c.start(joined(hub, near, netstate.Pending))
		c.refused(netstate.Denied, closing(bobWest, pcx))
		c.works(closing(west, pcx))
		c.shows(func(o *netstate.Observed) { o.Connections[pcx] = c.as(netstate.Deleted) })
	},
	"a request is not withdrawn before it waits": func(c *check) {
		c.start()
		id := c.works(opening(hub, near, ours))
		c.apply([]netstate.Kind{netstate.Stale}, closing(west, netstate.ConnID(id)))
		c.becomes(c.made(id, hub, near, netstate.Pending))
	},
	"what is over is not deleted": func(c *check) {
		for _, s := range dead {
			c.start(joined(hub, near, s))
			c.refused(netstate.Stale, closing(west, pcx))
		}
		c.refused(netstate.Gone, closing(west, no))
	},
	"a rejected request is shown to the accepter for two hours, to the requester for two days": func(c *check) {
		c.start(joined(hub, near, netstate.Rejected))
		time.Sleep(3 * time.Hour)
		c.shows(func(o *netstate.Observed) {
			x := o.Connections[pcx]
			x.Views[netstate.AccepterSide] = netstate.View{}
			o.Connections[pcx] = x
		})
		time.Sleep(2 * 24 * time.Hour)
		c.shows(func(o *netstate.Observed) { delete(o.Connections, pcx) })
	},
}
