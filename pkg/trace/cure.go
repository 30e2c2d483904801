package trace

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// sides returns the entry of the spec that joins the VPCs of two places, and the side of the first; nil where there is none.
func (w *walker) sides(a, b place) (*spec.Peering, *spec.Side) {
	for _, p := range w.set.Peerings {
		for i := range p.Sides {
			if slices.Contains(a.names, p.Sides[i].VPC) && slices.Contains(b.names, p.Sides[1-i].VPC) {
				return p, &p.Sides[i]
			}
		}
	}
	return nil, nil
}

// routeCure says what would route from a place to another.
func (w *walker) routeCure(a, b place) string {
	if a.vpc == b.vpc {
		return "the route tables of " + string(a.vpc.ID)
	}
	p, s := w.sides(a, b)
	switch {
	case p == nil:
		return fmt.Sprintf("no peering of the spec joins %s and %s: add one under peerings", a, b)
	case !a.managed():
		return fmt.Sprintf("the routes of %s are its owner's to make", a)
	case s.Routes.Tables.Kind == spec.SelectNone:
		return fmt.Sprintf("%s: %s routes no table of %s", s.Routes.Pos, p.Name, a)
	case len(s.Routes.To) > 0 && !slices.ContainsFunc(s.Routes.To, func(d spec.Dest) bool { return d.Dest.List != "" || d.Dest.Prefix.Contains(b.addr) }):
		return fmt.Sprintf("%s: what %s routes to (%s) does not have %s", s.Routes.To[0].Pos, p.Name, dests(s.Routes.To), b.addr)
	}
	return fmt.Sprintf("%s: the routes of %s in %s; if they mean this table, let a pass of peerd make them", s.Routes.Pos, a, p.Name)
}

func dests(to []spec.Dest) string {
	if len(to) == 1 {
		return to[0].Dest.String()
	}
	return fmt.Sprintf("%s and %d more", to[0].Dest, len(to)-1)
}

// staleCure says what would mend a route that leads nowhere.
func (w *walker) staleCure(c *candidate, a, b place) string {
	return fmt.Sprintf("the route %s in %s; %s", c.key.Dest, c.key.Table, w.routeCure(a, b))
}

func (w *walker) connectionCure(s netstate.Scope) string {
	if err := w.o.Missing(s, netstate.ListConnections); err != nil {
		return unreadCure(err)
	}
	return "look again: a list may lag behind"
}

// acceptCure says what a connection that is not active waits for.
func (w *walker) acceptCure(c netstate.Connection) string {
	if c.Status == netstate.Pending {
		return fmt.Sprintf("accept %s in %s, or let a pass of peerd do it", c.ID, c.Accepter.Scope)
	}
	return fmt.Sprintf("wait for %s to become active", c.ID)
}

// ruleCure says where a rule would be written that lets the traffic pass.
func (w *walker) ruleCure(at, other place, dir netstate.Direction) string {
	rule := fmt.Sprintf("an %s rule for %s %s %s in one of the groups", dir, w.traffic, dir.Toward(), netip.PrefixFrom(other.addr, other.addr.BitLen()))
	if p, s := w.sides(at, other); p != nil {
		return fmt.Sprintf("%s: %s, under rules of %s", s.Pos, rule, p.Name)
	}
	return rule
}

// aclCure says what of a network ACL is in the way: peerd does not manage them.
func aclCure(e netstate.ACLEntry, key netstate.ACLKey, dir netstate.Direction, t Traffic, ports netstate.PortRange, other place) string {
	what := netstate.RuleKey{Proto: t.Proto, Ports: netstate.NewPorts(t.Proto, ports)}.Traffic()
	before := ""
	if !e.Closing() && e.Number > 0 {
		before = fmt.Sprintf(", with a number below %d", e.Number)
	}
	return fmt.Sprintf("an entry of %s in %s that allows %s %s %s %s%s", key.ID, key.Scope, dir, what, dir.Toward(), other.addr, before)
}
