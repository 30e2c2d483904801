package trace

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
)

// active and filtered are EC2's other states of a route. A filtered one is not used (VPC Route Server).
const (
	active   netstate.RouteState = "active"
	filtered netstate.RouteState = "filtered"
)

// way returns the hops from a place to the VPC of another: the route, and the connection that it leads to.
func (w *walker) way(step, over Step, a, b place) []Hop {
	h := Hop{Step: step, Says: netstate.Yes, Scope: a.vpc.Scope, ID: string(a.vpc.ID)}
	if err := w.o.Missing(a.vpc.Scope, netstate.ListTables); err != nil {
		return []Hop{h.unknown(fmt.Sprintf("the route tables of %s cannot be read", a), unreadCure(err))}
	}
	t, how := a.table(w.o)
	if t.ID == "" {
		return []Hop{h.unknown(fmt.Sprintf("no main route table of %s was seen", a), "look again: every VPC has one")}
	}
	h.ID = string(t.ID)
	pick, doubt := w.lookup(a, t, b.addr)
	switch {
	case doubt != "":
		return []Hop{h.unknown(fmt.Sprintf("which route of %s takes %s cannot be known: %s", t.ID, b.addr, doubt), "let the prefix lists of "+string(t.ID)+" be read")}
	case pick == nil:
		return []Hop{h.no(NoRoute, fmt.Sprintf("%s (%s) has no route for %s", t.ID, how, b.addr), w.routeCure(a, b))}
	}
	h.Text = fmt.Sprintf("%s -> %s in %s (%s)", pick.key.Dest, pick.route.Target, t.ID, how)
	if a.vpc == b.vpc {
		return []Hop{w.within(h, pick)}
	}
	return w.across(h, over, pick, a, b)
}

// table returns the table that a place's subnet uses: its own, or the main one.
func (p place) table(o *netstate.Observed) (key netstate.TableKey, how string) {
	for _, k := range p.tables {
		if p.subnet != "" && slices.Contains(o.Tables[k].Subnets, p.subnet) {
			return k, "of " + string(p.subnet)
		}
	}
	for _, k := range p.tables {
		if o.Tables[k].Main {
			return k, "main"
		}
	}
	return netstate.TableKey{}, ""
}

// candidate is a route that matches an address.
type candidate struct {
	key   netstate.RouteKey
	route netstate.Route
	bits  int
	rank  int // of equal length the lower wins: static, prefix list, propagated (VPC User Guide, "Route priority")
}

// lookup returns the route that takes an address, nil where none does. Doubt says why that cannot be known.
func (w *walker) lookup(p place, t netstate.TableKey, addr netip.Addr) (best *candidate, doubt string) {
	var unread netstate.PrefixListID
	for _, k := range p.routes[t] {
		r := w.o.Routes[k]
		if r.State == filtered || k.Propagated && w.local(p, t, addr) {
			continue
		}
		bits, known := w.matches(k, addr)
		if !known {
			unread = k.Dest.List
		}
		c := &candidate{k, r, bits, rankOf(k)}
		switch {
		case bits < 0:
		case best == nil, c.bits > best.bits, c.bits == best.bits && c.rank < best.rank:
			best, doubt = c, ""
		case c.bits == best.bits && c.rank == best.rank && c.route.Target != best.route.Target:
			doubt = fmt.Sprintf("%s and %s have it both, and EC2 chooses", best.key.Dest, k.Dest)
		}
	}
	if unread != "" && (best == nil || best.bits < addr.BitLen() || best.rank > 0) {
		return nil, fmt.Sprintf("the entries of %s were not read", unread)
	}
	return best, doubt
}

// local reports whether the VPC's own route has the address: no propagated route beats it, however long (VPC User Guide, "Route priority").
func (w *walker) local(p place, t netstate.TableKey, addr netip.Addr) bool {
	return slices.ContainsFunc(p.routes[t], func(k netstate.RouteKey) bool {
		return w.o.Routes[k].Target.Kind == netstate.TargetLocal && k.Dest.Prefix.IsValid() && k.Dest.Prefix.Contains(addr)
	})
}

func rankOf(k netstate.RouteKey) int {
	switch {
	case k.Propagated:
		return 2
	case k.Dest.List != "":
		return 1
	}
	return 0
}

// matches returns the length of the longest prefix of a destination that has the address, less than zero where none has.
func (w *walker) matches(k netstate.RouteKey, addr netip.Addr) (bits int, known bool) {
	prefixes, known := []netip.Prefix{k.Dest.Prefix}, true
	if k.Dest.List != "" {
		prefixes, known = w.entries(k.Scope, k.Dest.List)
	}
	bits = -1
	for _, p := range prefixes {
		if p.Contains(addr) {
			bits = max(bits, p.Bits())
		}
	}
	return bits, known
}

// entries returns what a prefix list holds. Lists that do not show how long they may be are AWS's own, of addresses of its services.
func (w *walker) entries(s netstate.Scope, id netstate.PrefixListID) (prefixes []netip.Prefix, known bool) {
	l, known := w.o.PrefixLists[netstate.PrefixListKey{Scope: s, ID: id}]
	return l.Entries, known
}

// within judges a route between two places of one VPC. What a longer one than the local does is not followed: it may lead through an
// appliance, and of a prefix list EC2's documents do not say which of the two wins.
func (w *walker) within(h Hop, c *candidate) Hop {
	if c.route.Target.Kind == netstate.TargetLocal {
		return h
	}
	return h.unknown(h.Text+", within the VPC, which is not followed", fmt.Sprintf("remove %s from %s: the local route would take it", c.key.Dest, c.key.Table))
}

// across judges a route that has to lead to a connection with the other VPC.
func (w *walker) across(h Hop, over Step, c *candidate, a, b place) []Hop {
	if c.route.Target.Kind != netstate.TargetPeering {
		return []Hop{w.astray(h, c, w.routeCure(a, b))}
	}
	id := netstate.ConnID(c.route.Target.ID)
	conn, seen := w.o.Connections[id]
	joins := seen && conn.Pair() == netstate.NewPair(a.vpc, b.vpc)
	switch {
	case !seen && c.route.State != netstate.Blackhole:
		return []Hop{h.unknown(fmt.Sprintf("%s, a connection that was not seen", h.Text), w.connectionCure(a.vpc.Scope))}
	case seen && !joins && c.route.State == netstate.Blackhole, !seen, conn.Status.Dead():
		return []Hop{h.no(Blackhole, h.Text+", a blackhole", w.staleCure(c, a, b))}
	case !joins:
		return []Hop{h.no(Elsewhere, fmt.Sprintf("%s, which joins %s and %s: peering is not transitive", h.Text, conn.Requester.ID, conn.Accepter.ID), w.routeCure(a, b))}
	}
	on := Hop{Step: over, Says: netstate.Yes, Scope: a.vpc.Scope, ID: string(id), Text: fmt.Sprintf("%s with %s is %s", id, b.vpc, conn.Status)}
	switch {
	case conn.Status == netstate.Active && c.route.State == active:
		return []Hop{h, on}
	case conn.Status == netstate.Active && c.route.State == netstate.Blackhole:
		return []Hop{h.no(Blackhole, h.Text+", a blackhole although the connection is active", w.staleCure(c, a, b)), on}
	case conn.Status == netstate.Active:
		return []Hop{h.unknown(fmt.Sprintf("%s, in state %q", h.Text, c.route.State), "look again"), on}
	case !conn.Status.Alive():
		return []Hop{h, on.unknown(on.Text+", a state that peerd does not know", "look again")}
	}
	return []Hop{h, on.no(NotActive, on.Text, w.acceptCure(conn))}
}

// astray judges a route whose target is no connection. Gateways to the internet drop what is for private addresses; where other targets
// send it is not followed.
func (w *walker) astray(h Hop, c *candidate, cure string) Hop {
	id := c.route.Target.ID
	switch {
	case c.route.State == netstate.Blackhole:
		return h.no(Blackhole, h.Text+", a blackhole", cure)
	case c.route.Target.Kind == netstate.TargetLocal, strings.HasPrefix(id, "igw-"), strings.HasPrefix(id, "eigw-"):
		return h.no(Elsewhere, h.Text+", which does not lead to the other VPC", cure)
	}
	return h.unknown(h.Text+", and where that sends it is not followed", cure)
}
