package trace

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// Ask answers a question from what was observed. The error is an *ArgumentError: the question means nothing.
func Ask(s *spec.Set, o *netstate.Observed, q Question) (*Result, error) {
	r := newResolver(s, o)
	from, fromLost, err := r.end(q.From, q.FromGroups, q.Traffic)
	if err != nil {
		return nil, err
	}
	to, toLost, err := r.end(q.To, q.ToGroups, q.Traffic)
	if err != nil {
		return nil, err
	}
	out := &Result{Unjudged: unjudged(q)}
	if fromLost != nil || toLost != nil {
		out.add(Path{Hops: lostHops(fromLost, toLost)})
		return out, nil
	}
	out.From, out.To = from.vpc, to.vpc
	w := newWalker(s, o, q.Traffic, from, to)
	for _, pair := range w.pairs() {
		out.add(w.walk(pair[0], pair[1]))
	}
	if out.Yes+out.No+out.Unknown == 0 {
		text := fmt.Sprintf("%s and %s have no addresses of one family that this could pass between", from, to)
		out.add(Path{Hops: []Hop{{Step: StepTo, Says: netstate.No, Why: NoFamily, Scope: to.vpc.Scope, ID: string(to.vpc.ID), Text: text,
			Cure: "give both VPCs a CIDR of the family"}}})
	}
	return out, nil
}

func unjudged(q Question) []string {
	if !q.Traffic.Said() {
		return []string{"network ACLs and security groups: no protocol and port was asked for"}
	}
	var out []string
	if len(q.FromGroups) == 0 {
		out = append(out, "security groups of FROM: it was not said which it has")
	}
	if len(q.ToGroups) == 0 {
		out = append(out, "security groups of TO: it was not said which it has")
	}
	return out
}

func lostHops(from, to *lost) []Hop {
	var out []Hop
	for i, l := range []*lost{from, to} {
		if l != nil {
			out = append(out, Hop{Step: []Step{StepFrom, StepTo}[i], Says: l.says, Why: l.why, Scope: l.at, Text: l.text, Cure: l.cure})
		}
	}
	return out
}

// walker walks packets between two ends.
type walker struct {
	o        *netstate.Observed
	set      *spec.Set
	traffic  Traffic
	from, to *end
	vpcs     map[netstate.VPC]*layout
}

// layout is what a VPC has, sorted.
type layout struct {
	subnets []subnet
	tables  []netstate.TableKey
	routes  map[netstate.TableKey][]netstate.RouteKey
	acls    []netstate.ACLKey
}

type subnet struct {
	id    netstate.SubnetID
	cidrs []netip.Prefix
}

func newWalker(s *spec.Set, o *netstate.Observed, t Traffic, from, to *end) *walker {
	w := &walker{o, s, t, from, to, map[netstate.VPC]*layout{}}
	for _, e := range []*end{from, to} {
		if w.vpcs[e.vpc] == nil {
			w.vpcs[e.vpc] = layoutOf(o, e.vpc)
		}
	}
	return w
}

func layoutOf(o *netstate.Observed, v netstate.VPC) *layout {
	l := &layout{routes: map[netstate.TableKey][]netstate.RouteKey{}}
	for k, s := range o.Subnets {
		if k.Scope == v.Scope && s.VPC == v.ID {
			l.subnets = append(l.subnets, subnet{k.ID, s.CIDRs})
		}
	}
	for k, t := range o.Tables {
		if k.Scope == v.Scope && t.VPC == v.ID {
			l.tables = append(l.tables, k)
			l.routes[k] = nil
		}
	}
	for k := range o.Routes {
		t := netstate.TableKey{Scope: k.Scope, ID: k.Table}
		if _, here := l.routes[t]; here {
			l.routes[t] = append(l.routes[t], k)
		}
	}
	for k, a := range o.ACLs {
		if k.Scope == v.Scope && a.VPC == v.ID {
			l.acls = append(l.acls, k)
		}
	}
	slices.SortFunc(l.subnets, func(a, b subnet) int { return cmp.Compare(a.id, b.id) })
	slices.SortFunc(l.tables, func(a, b netstate.TableKey) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(l.acls, func(a, b netstate.ACLKey) int { return cmp.Compare(a.ID, b.ID) })
	for _, keys := range l.routes {
		slices.SortFunc(keys, netstate.RouteKey.Compare)
	}
	return l
}

// place is one address of an end, in its subnet.
type place struct {
	*end
	*layout
	addr   netip.Addr
	subnet netstate.SubnetID // empty: the VPC has none yet
}

// walk passes every hop from one address to another and back.
func (w *walker) walk(from, to netip.Addr) Path {
	p := Path{From: from, To: to}
	a, h := w.place(StepFrom, w.from, from)
	p.Hops = append(p.Hops, h)
	b, g := w.place(StepTo, w.to, to)
	p.Hops = append(p.Hops, g)
	if w.vague(w.from) || w.vague(w.to) {
		return p
	}
	if h.Says == netstate.Yes {
		p.Hops = append(p.Hops, w.way(StepRoute, StepConnection, a, b)...)
	}
	if g.Says == netstate.Yes {
		p.Hops = append(p.Hops, w.wayBack(b, a, p.Hops)...)
	}
	if !w.traffic.Said() {
		return p
	}
	p.Hops = append(p.Hops, w.group(StepGroupOut, netstate.Egress, a, b)...)
	p.Hops = append(p.Hops, w.group(StepGroupIn, netstate.Ingress, b, a)...)
	if h.Says != netstate.Yes || g.Says != netstate.Yes || a.vpc == b.vpc && a.subnet == b.subnet {
		return p // within one subnet no ACL is asked (VPC User Guide, "Network ACL basics")
	}
	return Path{from, to, append(p.Hops,
		w.acl(StepACLOut, netstate.Egress, a, b, w.traffic.request()), w.acl(StepACLIn, netstate.Ingress, b, a, w.traffic.request()),
		w.acl(StepReplyOut, netstate.Egress, b, a, w.traffic.reply()), w.acl(StepReplyIn, netstate.Ingress, a, b, w.traffic.reply()))}
}

// vague reports whether it is not known which addresses an end has: of a VPC or CIDR whose subnets were not read, one that is refused may
// be one that nobody has.
func (w *walker) vague(e *end) bool {
	single := len(e.sets) == 1 && e.sets[0].IsSingleIP()
	return e.managed() && !single && w.o.Missing(e.vpc.Scope, netstate.ListSubnets) != nil
}

// wayBack is the way of the reply. Its connection is a hop only if it is not the one that the packet came over.
func (w *walker) wayBack(b, a place, sofar []Hop) []Hop {
	hops := w.way(StepBack, StepBackOver, b, a)
	if len(hops) == 2 && slices.ContainsFunc(sofar, func(h Hop) bool { return h.Step == StepConnection && h.ID == hops[1].ID }) {
		return hops[:1]
	}
	return hops
}

// place finds the subnet of an address.
func (w *walker) place(step Step, e *end, addr netip.Addr) (place, Hop) {
	p := place{end: e, layout: w.vpcs[e.vpc], addr: addr}
	h := Hop{Step: step, Says: netstate.Yes, Scope: e.vpc.Scope, ID: string(e.vpc.ID)}
	if !e.managed() {
		return p, h.unknown(fmt.Sprintf("%s is in %s of %s, whose account is not managed: its side cannot be seen", addr, e.vpc.ID, e), "ask its owner: peerd has no credentials there")
	}
	if err := w.o.Missing(e.vpc.Scope, netstate.ListSubnets); err != nil {
		return p, h.unknown(fmt.Sprintf("the subnets of %s cannot be read", e), unreadCure(err))
	}
	for _, s := range p.subnets {
		if slices.ContainsFunc(s.cidrs, func(c netip.Prefix) bool { return c.Contains(addr) }) {
			p.subnet, h.ID, h.Text = s.id, string(s.id), fmt.Sprintf("%s in %s of %s", addr, s.id, e)
			return p, h
		}
	}
	if len(p.subnets) == 0 {
		h.Text = fmt.Sprintf("%s in %s, which has no subnet yet: walked as from a new one", addr, e)
		return p, h
	}
	return p, h.no(NoSubnet, fmt.Sprintf("no subnet of %s has %s", e, addr), fmt.Sprintf("create a subnet with this address in %s", e.vpc.ID))
}

func (h Hop) no(why Why, text, cure string) Hop {
	h.Says, h.Why, h.Text, h.Cure = netstate.No, why, text, cure
	return h
}

func (h Hop) unknown(text, cure string) Hop {
	h.Says, h.Why, h.Text, h.Cure = netstate.Unknown, Unread, text, cure
	return h
}
