package reconciletest

import "github.com/peerd/peerd/pkg/netstate"

// allowed is an ingress rule of app in another protocol.
func allowed(p netstate.Proto, ports netstate.PortRange, peer netstate.Peer) netstate.RuleKey {
	return netstate.RuleKey{Scope: west, Group: app, Dir: netstate.Ingress, Proto: p, Ports: ports, Peer: peer}
}

// outward is the same rule for the other direction.
func outward(k netstate.RuleKey) netstate.RuleKey {
	k.Dir = netstate.Egress
	return k
}

// in is the same rule of another group.
func in(g netstate.GroupID, k netstate.RuleKey) netstate.RuleKey {
	k.Group = g
	return k
}

// ruleTests are those of security-group rules.
var ruleTests = map[string]func(*check){
	"rules of every form, made once": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		for _, k := range []netstate.RuleKey{
			tcp(443, from("10.1.0.0/16")), tcp(443, from("2001:db8:9::/64")), tcp(443, netstate.Peer{List: offices}), tcp(443, netstate.Peer{Group: app}), tcp(443, netstate.Peer{Group: web}),
			allowed(netstate.UDP, netstate.PortRange{From: 8000, To: 8100}, from("10.1.0.0/16")), allowed(netstate.ICMP, netstate.PortRange{From: 8, To: -1}, from("10.1.0.0/16")),
			allowed(netstate.ICMP, netstate.AllPorts, from("10.1.0.0/16")), allowed(netstate.ICMPv6, netstate.AllPorts, from("2001:db8:9::/64")),
			allowed("50", netstate.AllPorts, from("10.1.0.0/16")), allowed(netstate.ProtoAll, netstate.AllPorts, from("10.1.0.0/16")), outward(tcp(443, from("10.1.0.0/16"))),
		} {
			id := c.works(allowing(k, "by peerd"))
			if id == "" {
				c.t.Errorf("%s: no id", k)
			}
			c.shows(func(o *netstate.Observed) {
				o.Rules[k] = netstate.Rule{ID: netstate.RuleID(id), Description: "by peerd", Tags: ours}
			})
			c.refused(netstate.Exists, allowing(k, "by peerd"))
			c.refused(netstate.Exists, allowing(k, "said otherwise"))
		}
	},
	"of several rules that one call asks for, those that are not there are made": func(c *check) {
		c.start()
		there, a, b := tcp(22, from("192.0.2.0/24")), tcp(80, from("10.1.0.0/16")), tcp(443, from("10.1.0.0/16"))
		out := c.apply([]netstate.Kind{"", netstate.Exists, ""}, allowing(a, ""), allowing(there, ""), allowing(b, ""))
		c.shows(func(o *netstate.Observed) {
			o.Rules[a] = netstate.Rule{ID: netstate.RuleID(out[0].Got), Tags: ours}
			o.Rules[b] = netstate.Rule{ID: netstate.RuleID(out[2].Got), Tags: ours}
		})
	},
	"one rule that names what is not there keeps its call from making any": func(c *check) {
		c.start()
		c.apply([]netstate.Kind{netstate.Stale, netstate.Stale}, allowing(tcp(80, from("10.1.0.0/16")), ""), allowing(tcp(80, netstate.Peer{List: "pl-0000000000000a00f"}), ""))
		c.shows(nil)
	},
	"one call does not ask for the same rule twice": func(c *check) {
		c.start()
		c.apply([]netstate.Kind{netstate.Invalid, netstate.Invalid}, allowing(tcp(80, from("10.1.0.0/16")), ""), allowing(tcp(80, from("10.1.0.0/16")), "said otherwise"))
		c.shows(nil)
	},
	"groups that cannot be named": func(c *check) {
		c.start(joined(hub, near, netstate.Pending))
		c.refused(netstate.Stale, allowing(in("sg-0000000000000a00f", tcp(80, from("10.1.0.0/16"))), ""))
		c.refused(netstate.Stale, allowing(tcp(80, netstate.Peer{Group: web}), "")) // over no active connection
		c.refused(netstate.Stale, allowing(tcp(80, netstate.Peer{Group: db}), ""))  // of another VPC, not peered
		c.refused(netstate.Stale, allowing(tcp(80, netstate.Peer{Group: "sg-0000000000000a00f"}), ""))
		c.refused(netstate.Stale, allowing(tcp(80, netstate.Peer{List: "pl-0000000000000a00f"}), ""))
	},
	"a rule is changed in place: its id and tags stay": func(c *check) {
		c.start()
		was, is := tcp(443, from("10.1.0.0/16")), tcp(8443, from("10.2.0.0/16"))
		id := netstate.RuleID(c.works(allowing(was, "one")))
		c.works(changing(id, was, is, "two"))
		c.shows(func(o *netstate.Observed) { o.Rules[is] = netstate.Rule{ID: id, Description: "two", Tags: ours} })
		c.works(changing(id, was, is, "")) // by its id, whatever it is by now
		c.shows(func(o *netstate.Observed) { o.Rules[is] = netstate.Rule{ID: id, Tags: ours} })
	},
	"what no rule becomes": func(c *check) {
		c.start(joined(hub, near, netstate.Active))
		was := tcp(443, from("10.1.0.0/16"))
		id := netstate.RuleID(c.works(allowing(was, "")))
		c.shows(func(o *netstate.Observed) { o.Rules[was] = netstate.Rule{ID: id, Tags: ours} })
		c.refused(netstate.Exists, changing(id, was, tcp(22, from("192.0.2.0/24")), ""))
		c.refused(netstate.Invalid, changing(id, was, tcp(443, from("2001:db8:9::/64")), ""))
		c.refused(netstate.Invalid, changing(id, was, tcp(443, netstate.Peer{List: offices}), ""))
		c.refused(netstate.Invalid, changing(id, was, tcp(443, netstate.Peer{Group: app}), ""))
		c.refused(netstate.Stale, changing("sgr-0000000000000a0ff", was, tcp(80, from("10.1.0.0/16")), ""))
		c.refused(netstate.Stale, changing(id, was, in(db, tcp(80, from("10.1.0.0/16"))), ""))
	},
	"several rules are changed all or none": func(c *check) {
		c.start()
		one, two := tcp(443, from("10.1.0.0/16")), tcp(80, from("10.1.0.0/16"))
		a, b := netstate.RuleID(c.works(allowing(one, ""))), netstate.RuleID(c.works(allowing(two, "")))
		c.shows(func(o *netstate.Observed) {
			o.Rules[one], o.Rules[two] = netstate.Rule{ID: a, Tags: ours}, netstate.Rule{ID: b, Tags: ours}
		})
		c.apply([]netstate.Kind{netstate.Exists, netstate.Exists}, changing(a, one, tcp(444, from("10.1.0.0/16")), ""), changing(b, two, tcp(22, from("192.0.2.0/24")), ""))
		c.shows(nil)
		c.apply([]netstate.Kind{netstate.Stale, netstate.Stale}, describing(a, one, "new"), describing("sgr-0000000000000a0ff", two, "new"))
		c.shows(nil)
		c.apply([]netstate.Kind{netstate.Stale, netstate.Stale}, taggingRule(a, one, theirs), taggingRule("sgr-0000000000000a0ff", two, theirs))
		c.shows(nil)
		c.apply([]netstate.Kind{"", ""}, describing(a, one, "new"), describing(b, two, ""))
		c.shows(func(o *netstate.Observed) { o.Rules[one] = netstate.Rule{ID: a, Description: "new", Tags: ours} })
	},
	"descriptions and tags go by id and direction": func(c *check) {
		k := tcp(22, from("192.0.2.0/24"))
		c.start()
		c.works(describing(office, k, "the office"))
		c.works(taggingRule(office, k, ours))
		c.works(taggingRule(office, tcp(80, from("10.1.0.0/16")), netstate.Tags{"team": "net"})) // the key does not matter
		c.shows(func(o *netstate.Observed) {
			o.Rules[k] = netstate.Rule{ID: office, Description: "the office", Tags: ours.With(netstate.Tags{"team": "net"})}
		})
		c.refused(netstate.Stale, describing(office, outward(k), "x"))
		c.refused(netstate.Stale, describing("sgr-0000000000000a0ff", k, "x"))
		c.refused(netstate.Stale, taggingRule("sgr-0000000000000a0ff", k, ours))
	},
	"a rule is revoked by id, whatever it has become, and once": func(c *check) {
		c.start()
		was, is := tcp(443, from("10.1.0.0/16")), tcp(8443, from("10.1.0.0/16"))
		id := netstate.RuleID(c.works(allowing(was, "")))
		c.works(changing(id, was, is, ""))
		other := netstate.RuleID(c.works(allowing(was, "")))
		c.shows(func(o *netstate.Observed) {
			o.Rules[is], o.Rules[was] = netstate.Rule{ID: id, Tags: ours}, netstate.Rule{ID: other, Tags: ours}
		})
		c.refused(netstate.Gone, revoking(id, outward(was)))
		c.works(revoking(id, was))
		c.shows(func(o *netstate.Observed) { delete(o.Rules, is) })
		c.refused(netstate.Gone, revoking(id, was))
		c.refused(netstate.Gone, revoking(other, in("sg-0000000000000a00f", was)))
	},
	"of several rules that one call revokes, those that are there go": func(c *check) {
		c.start()
		a, b := tcp(80, from("10.1.0.0/16")), tcp(443, from("10.1.0.0/16"))
		one, two := netstate.RuleID(c.works(allowing(a, ""))), netstate.RuleID(c.works(allowing(b, "")))
		c.apply([]netstate.Kind{"", netstate.Gone, ""}, revoking(one, a), revoking("sgr-0000000000000a0ff", a), revoking(two, b))
		c.shows(nil)
	},
}
