package reconciletest

import (
	"maps"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// asking asks for one scope only.
func asking(l netstate.Look, s netstate.Scope, w netstate.ScopeLook) netstate.Look {
	l.Scopes = map[netstate.Scope]netstate.ScopeLook{s: w}
	return l
}

// locals are the routes that a table has for its VPC's CIDRs.
func locals(o *netstate.Observed) {
	for k, t := range o.Tables {
		for _, p := range o.VPCs[netstate.VPC{Scope: k.Scope, ID: t.VPC}].CIDRs {
			o.Routes[netstate.RouteKey{Scope: k.Scope, Table: k.ID, Dest: netstate.Dest{Prefix: p}}] =
				netstate.Route{Target: netstate.Target{Kind: netstate.TargetLocal, ID: "local"}, Origin: "CreateRouteTable", State: "active"}
		}
	}
}

// only leaves of a look what is of one scope, connections aside.
func only(o *netstate.Observed, s netstate.Scope) *netstate.Observed {
	out := netstate.NewObserved(o.At).Replace(map[netstate.Scope]*netstate.Observed{s: o})
	out.Connections = maps.Clone(o.Connections)
	return out
}

// lookTests are those of what looks show.
var lookTests = map[string]func(*check){
	"a look at everything shows the world": func(c *check) {
		want := World()
		joined(hub, near, netstate.Active)(want)
		c.start(joined(hub, near, netstate.Active))
		locals(want)
		c.compare(want, c.want)
	},
	"a look at connections alone": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		l := Everything(c.want)
		l.ConnectionsOnly = true
		want := netstate.NewObserved(c.want.At)
		want.Connections = c.want.Connections
		c.compare(want, c.look(l))
	},
	"a look at one scope shows its own view, and of the other side nothing but what both show": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		all := Everything(c.want)
		want := only(c.want, west)
		x := want.Connections[pcx]
		x.Views[netstate.AccepterSide] = netstate.View{}
		want.Connections[pcx] = x
		c.compare(want, c.look(asking(all, west, all.Scopes[west])))
	},
	"of another region of the same account the option is shown": func(c *check) {
		c.start(joined(near, far, netstate.Active))
		all := Everything(c.want)
		all.ConnectionsOnly = true
		want := netstate.NewObserved(c.want.At)
		x := c.want.Connections[pcx]
		x.Views[netstate.RequesterSide] = netstate.View{DNS: netstate.No}
		want.Connections[pcx] = x
		c.compare(want, c.look(asking(all, bobEast, netstate.ScopeLook{})))
	},
	"a scope without a side of a connection does not show it": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		l := Everything(c.want)
		l.ConnectionsOnly = true
		c.compare(netstate.NewObserved(c.want.At), c.look(asking(l, bobEast, netstate.ScopeLook{})))
	},
	"nothing is shown that was not asked for": func(c *check) {
		c.start()
		l := Everything(c.want)
		l.Owner = ""
		c.compare(netstate.NewObserved(c.want.At), c.look(asking(l, west, netstate.ScopeLook{})))
		want := netstate.NewObserved(c.want.At)
		f := c.want.VPCs[hub]
		f.DNSSupport, f.DNSHostnames = netstate.Unknown, netstate.Unknown
		want.VPCs[hub] = f
		c.compare(want, c.look(asking(l, west, netstate.ScopeLook{VPCs: []netstate.VPCSelector{{ID: hub.ID}}})))
	},
	"VPCs by their tags, with what is asked for of them": func(c *check) {
		c.start()
		l := Everything(c.want)
		by := []netstate.VPCSelector{{Tags: netstate.Tags{"tier": "edge"}}}
		want := only(c.want, west)
		for v := range want.VPCs {
			if v != spare {
				delete(want.VPCs, v)
			}
		}
		maps.DeleteFunc(want.Tables, func(k netstate.TableKey, _ netstate.Table) bool { return k.ID != spareRT })
		maps.DeleteFunc(want.Routes, func(k netstate.RouteKey, _ netstate.Route) bool { return k.Table != spareRT })
		maps.DeleteFunc(want.Groups, func(k netstate.GroupKey, _ netstate.Group) bool { return k.ID != db })
		maps.DeleteFunc(want.Rules, func(k netstate.RuleKey, _ netstate.Rule) bool { return k.Group != db })
		clear(want.Subnets)
		clear(want.PrefixLists)
		got := c.look(asking(l, west, netstate.ScopeLook{VPCs: by, DNS: by, Tables: true, Subnets: true, Groups: []netstate.GroupAsk{{VPC: by[0], Group: netstate.GroupSelector{Name: "db"}}}}))
		c.compare(want, got)
	},
	"groups by name and by tags, and owned rules wherever they are": func(c *check) {
		c.start()
		k := tcp(443, from("10.1.0.0/16"))
		id := netstate.RuleID(c.works(allowing(k, "")))
		l := Everything(c.want)
		want := netstate.NewObserved(c.want.At)
		want.Rules[k] = netstate.Rule{ID: id, Tags: ours}
		c.compare(want, c.look(asking(l, west, netstate.ScopeLook{})))
		for _, g := range []netstate.GroupSelector{{Name: "app"}, {Tags: netstate.Tags{"tier": "app"}}, {ID: app}} {
			want := only(c.want, west)
			want.Rules[k] = netstate.Rule{ID: id, Tags: ours}
			maps.DeleteFunc(want.Groups, func(k netstate.GroupKey, _ netstate.Group) bool { return k.ID != app })
			maps.DeleteFunc(want.Rules, func(k netstate.RuleKey, _ netstate.Rule) bool { return k.Group != app })
			clear(want.VPCs)
			clear(want.Tables)
			clear(want.Routes)
			clear(want.Subnets)
			clear(want.PrefixLists)
			c.compare(want, c.look(asking(l, west, netstate.ScopeLook{Groups: []netstate.GroupAsk{{VPC: netstate.VPCSelector{ID: hub.ID}, Group: g}}})))
		}
	},
	"a group stated by its id that is in another VPC is known by its rules alone": func(c *check) {
		c.start()
		l := Everything(c.want)
		o := c.look(asking(l, west, netstate.ScopeLook{Groups: []netstate.GroupAsk{{VPC: netstate.VPCSelector{ID: hub.ID}, Group: netstate.GroupSelector{ID: db}}}}))
		if g, there := o.Groups[netstate.GroupKey{Scope: west, ID: db}]; !there || g.VPC != "" || g.Name != "" || len(o.Rules) != 1 {
			c.t.Errorf("groups %v, rules %v", o.Groups, o.Rules)
		}
	},
	"a prefix list in use is shown, with its entries where a route uses it": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		c.works(allowing(tcp(443, netstate.Peer{List: offices}), ""))
		l := Everything(c.want)
		w := l.Scopes[west]
		w.PrefixLists = nil
		at := netstate.PrefixListKey{Scope: west, ID: offices}
		if p := c.look(asking(l, west, w)).PrefixLists[at]; p.MaxEntries != 5 || len(p.Entries) > 0 {
			c.t.Errorf("used by a rule: %+v", p)
		}
		c.works(adding(to(mainRT, string(offices)), pcx))
		if p := c.look(asking(l, west, w)).PrefixLists[at]; p.MaxEntries != 5 || len(p.Entries) != 2 {
			c.t.Errorf("used by a route: %+v", p)
		}
	},
	"a listing that is refused is unread, with what needs it, and nothing else is": func(c *check) {
		for _, one := range []struct {
			listing netstate.Listing
			unread  []netstate.Listing
			without func(*netstate.Observed)
		}{
			{netstate.ListConnections, nil, func(o *netstate.Observed) {
				x := o.Connections[pcx]
				x.Views[netstate.RequesterSide] = netstate.View{}
				o.Connections[pcx] = x
			}},
			{netstate.ListVPCs, nil, func(o *netstate.Observed) { clearWest(o.VPCs, func(k netstate.VPC) netstate.Scope { return k.Scope }) }},
			{netstate.ListDNS, nil, func(o *netstate.Observed) {
				for v, f := range o.VPCs {
					if v.Scope == west {
						f.DNSSupport, f.DNSHostnames = netstate.Unknown, netstate.Unknown
						o.VPCs[v] = f
					}
				}
			}},
			{netstate.ListSubnets, nil, func(o *netstate.Observed) {
				clearWest(o.Subnets, func(k netstate.SubnetKey) netstate.Scope { return k.Scope })
			}},
			{netstate.ListTables, nil, func(o *netstate.Observed) {
				clearWest(o.Tables, func(k netstate.TableKey) netstate.Scope { return k.Scope })
				clearWest(o.Routes, func(k netstate.RouteKey) netstate.Scope { return k.Scope })
			}},
			{netstate.ListGroups, []netstate.Listing{netstate.ListRules}, func(o *netstate.Observed) {
				clearWest(o.Groups, func(k netstate.GroupKey) netstate.Scope { return k.Scope })
				clearWest(o.Rules, func(k netstate.RuleKey) netstate.Scope { return k.Scope })
			}},
			{netstate.ListRules, nil, func(o *netstate.Observed) {
				clearWest(o.Rules, func(k netstate.RuleKey) netstate.Scope { return k.Scope })
			}},
			{netstate.ListPrefixLists, nil, func(o *netstate.Observed) { clear(o.PrefixLists) }},
		} {
			c.start(joined(hub, near, netstate.Active))
			c.Deny(west, one.listing)
			want := c.want.Clone()
			one.without(want)
			for _, l := range append(one.unread, one.listing) {
				want.Fail(west, l, &netstate.Error{Scope: west, Kind: netstate.Denied})
			}
			c.compare(want, c.see(Everything(c.want)))
		}
	},
	"what is selected by tags of VPCs is unread where those are": func(c *check) {
		c.start()
		c.Deny(west, netstate.ListVPCs)
		by := []netstate.VPCSelector{{Tags: netstate.Tags{"tier": "edge"}}}
		ask := netstate.ScopeLook{VPCs: by, DNS: by, Tables: true, Subnets: true, Groups: []netstate.GroupAsk{{VPC: by[0], Group: netstate.GroupSelector{Name: "db"}}}}
		want := netstate.NewObserved(c.want.At)
		for _, l := range []netstate.Listing{netstate.ListVPCs, netstate.ListDNS, netstate.ListSubnets, netstate.ListTables, netstate.ListGroups, netstate.ListRules} {
			want.Fail(west, l, &netstate.Error{Scope: west, Kind: netstate.Denied})
		}
		c.compare(want, c.see(asking(Everything(c.want), west, ask)))
	},
	"what is not wanted any more is not sent": func(c *check) {
		c.start()
		out := c.Apply(c.t.Context(), plan.Batch{opening(hub, near, ours)}, func() bool { return false })
		if err := out[0].Err; err == nil || err.Kind != netstate.Stopped {
			c.t.Errorf("applied all the same: %v", err)
		}
		c.shows(nil)
	},
	"an account without access is unread, and not written to": func(c *check) {
		c.Subject = c.make(c.t, World())
		l := Everything(World())
		delete(l.Access, west.Account)
		o := c.see(l)
		var unread []netstate.Listing
		for l, err := range o.Unread[west] {
			unread = append(unread, l)
			if err.Kind != netstate.Denied {
				c.t.Errorf("%s: %v", l, err)
			}
		}
		if len(unread) != 8 || slices.ContainsFunc(slices.Collect(maps.Keys(o.VPCs)), func(v netstate.VPC) bool { return v.Scope == west }) || len(o.Unread) != 1 {
			c.t.Errorf("unread: %v; VPCs: %v", o.Unread, o.VPCs)
		}
		out := c.Apply(c.t.Context(), plan.Batch{opening(hub, near, ours)}, nil)
		if err := out[0].Err; err == nil || err.Kind != netstate.Denied {
			c.t.Errorf("applied without access: %v", err)
		}
	},
}

func clearWest[K comparable, V any](m map[K]V, scope func(K) netstate.Scope) {
	maps.DeleteFunc(m, func(k K, _ V) bool { return scope(k) == west })
}
