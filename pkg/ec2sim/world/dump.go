package world

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Dump writes the whole world as text: one line per fact, sorted, so that two dumps can be compared line by line. States are
// those of the given instant. A connection has one line per side that exists in a scope of its own; "shared" is the view of
// both sides when they lie in one scope. A connection nobody sees any more is left out.
func (w *World) Dump(now time.Time) string {
	var d dump
	for _, s := range w.scopes() {
		w.dumpScope(&d, At{s, now})
	}
	slices.Sort(d)
	if len(d) == 0 {
		return ""
	}
	return strings.Join(d, "\n") + "\n"
}

type dump []string

func (d *dump) add(at At, format string, args ...any) {
	*d = append(*d, at.Scope.String()+" "+fmt.Sprintf(format, args...))
}

// String is JSON with sorted keys; no tags are {}.
func (t Tags) String() string {
	if len(t) == 0 {
		return "{}"
	}
	b, err := json.Marshal(map[string]string(t))
	if err != nil {
		panic(err) // a map of strings always marshals
	}
	return string(b)
}

func (w *World) dumpScope(d *dump, at At) {
	r := w.in(at.Scope)
	for _, v := range r.vpcs {
		d.add(at, "vpc %s cidrs=%s ipv6=%s default=%t dns-support=%t dns-hostnames=%t usage-metrics=%t tags=%s", v.ID,
			strings.Join(texts(v.Prefixes(false)), ","), strings.Join(texts(v.Prefixes(true)), ","), v.Default,
			v.DNSSupport, v.DNSHostnames, v.UsageMetrics, v.Tags)
	}
	for _, s := range r.subnets {
		ipv6 := ""
		if s.IPv6.IsValid() {
			ipv6 = s.IPv6.String()
		}
		d.add(at, "subnet %s %s cidr=%s ipv6=%s az=%s tags=%s", s.ID, s.VPC, s.CIDR, ipv6, s.Zone, s.Tags)
	}
	for _, g := range r.gateways {
		d.add(at, "igw %s vpc=%s tags=%s", g.ID, g.VPC, g.Tags)
	}
	for _, t := range r.tables {
		w.dumpTable(d, at, t)
	}
	for _, g := range r.groups {
		w.dumpGroup(d, at, g)
	}
	for _, a := range r.acls {
		dumpACL(d, at, a)
	}
	for _, n := range r.interfaces {
		d.add(at, "interface %s %s %s address=%s ipv6=%s groups=%s instance=%s index=%d tags=%s", n.ID, n.VPC, n.Subnet, n.Address, n.IPv6,
			strings.Join(n.Groups, ","), n.Instance, n.Index, n.Tags)
	}
	for _, l := range r.lists {
		dumpList(d, at, l)
	}
	for _, id := range w.connsIn[at.Scope] {
		w.dumpConnection(d, at, w.conns[id])
	}
}

func (w *World) dumpTable(d *dump, at At, t Table) {
	var uses []string
	for _, a := range t.Associations {
		uses = append(uses, a.Subnet+a.Gateway)
	}
	uses = slices.DeleteFunc(uses, func(s string) bool { return s == "" })
	slices.Sort(uses)
	d.add(at, "table %s %s main=%t associations=%s tags=%s", t.ID, t.VPC, t.Main(), strings.Join(uses, ","), t.Tags)
	at.Now = at.Now.Add(w.Delays.Routes) // the fact, not what Describe already shows
	for _, r := range w.tableView(at, t).Shown {
		d.add(at, "route %s %s -> %s origin=%s state=%s", t.ID, r.Dest, r.Target.ID, r.Origin, r.State)
	}
}

func (w *World) dumpGroup(d *dump, at At, g Group) {
	d.add(at, "group %s %s name=%s description=%s tags=%s", g.ID, g.VPC, strconv.Quote(g.Name), strconv.Quote(g.Description), g.Tags)
	for _, r := range w.ruleViews(at, g) {
		direction := "ingress"
		if r.Key.Egress {
			direction = "egress"
		}
		peer := r.Key.Peer.String()
		if r.Ref != nil {
			peer = r.Key.Peer.Owner + "/" + peer
			if r.Ref.Status != "" {
				peer += " via=" + r.Ref.Connection + " peering=" + r.Ref.Status
			}
		}
		d.add(at, "rule %s %s %s %s %d-%d %s description=%s tags=%s", r.ID, g.ID, direction, r.Key.Protocol, r.Key.From, r.Key.To,
			peer, strconv.Quote(r.Description), r.Tags)
	}
}

func dumpACL(d *dump, at At, a ACL) {
	var subnets []string
	for _, s := range a.Associations {
		subnets = append(subnets, s.Subnet)
	}
	slices.Sort(subnets)
	d.add(at, "acl %s %s default=%t subnets=%s tags=%s", a.ID, a.VPC, a.Default, strings.Join(subnets, ","), a.Tags)
	for _, e := range a.Entries {
		direction, verdict := "ingress", "deny"
		if e.Egress {
			direction = "egress"
		}
		if e.Allow {
			verdict = "allow"
		}
		d.add(at, "acl-entry %s %s %d %s %s ports=%d-%d icmp=%d/%d %s", a.ID, direction, e.Number, e.Protocol, e.CIDR, e.From, e.To, e.ICMPType, e.Code, verdict)
	}
}

func dumpList(d *dump, at At, l PrefixList) {
	var entries []string
	for _, e := range l.Entries {
		entries = append(entries, e.CIDR.String())
	}
	slices.Sort(entries)
	d.add(at, "prefix-list %s name=%s family=%s max=%d owner=%s entries=%s tags=%s", l.ID, strconv.Quote(l.Name), l.Family, l.Max, l.Owner,
		strings.Join(entries, ","), l.Tags)
}

func (w *World) dumpConnection(d *dump, at At, c *Connection) {
	if !c.VisibleTo(Requester, at.Now) && !c.VisibleTo(Accepter, at.Now) {
		return
	}
	what := fmt.Sprintf("connection %s requester=%s accepter=%s status=%s", c.ID, c.Ends[Requester], c.Ends[Accepter], c.Status(at.Now))
	if c.Same() {
		d.add(at, "%s view=shared requester-dns=%t accepter-dns=%t tags=%s", what, c.DNS[Requester].Value, c.DNS[Accepter].Value, c.Tags[Requester])
		return
	}
	side := c.Sides(at.Scope)[0]
	d.add(at, "%s view=%s dns=%t tags=%s", what, side, c.DNS[side].Value, c.Tags[w.tagSide(c, side)])
}
