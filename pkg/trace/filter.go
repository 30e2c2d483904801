package trace

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
)

// group judges the security groups of one place towards another. Those of an end whose groups are not known are no hop.
func (w *walker) group(step Step, dir netstate.Direction, at, other place) []Hop {
	if !at.grouped {
		return nil
	}
	ids := sortedIDs(at.groups)
	h := Hop{Step: step, Says: netstate.Yes, Scope: at.vpc.Scope, ID: strings.Join(ids, " ")}
	if err := w.o.Missing(at.vpc.Scope, netstate.ListRules); err != nil {
		return []Hop{h.unknown(fmt.Sprintf("the rules of %s cannot be read", h.ID), unreadCure(err))}
	}
	doubt := ""
	for _, k := range w.rules(at.end, dir) {
		switch says, why := w.lets(k, other); says {
		case netstate.Yes:
			h.Text, h.ID = k.String(), string(k.Group)
			return []Hop{h}
		case netstate.Unknown:
			doubt = fmt.Sprintf("%s: %s", k, why)
		}
	}
	if doubt != "" {
		return []Hop{h.unknown(doubt, "say which security groups the other end has, and let prefix lists be read")}
	}
	return []Hop{h.no(NoRule, fmt.Sprintf("no %s rule of %s lets %s pass %s %s", dir, h.ID, w.traffic, dir.Toward(), other.addr), w.ruleCure(at, other, dir))}
}

func sortedIDs(groups map[netstate.GroupID]bool) []string {
	var out []string
	for id := range groups {
		out = append(out, string(id))
	}
	slices.Sort(out)
	return out
}

// rules are those of an end's groups in one direction, sorted.
func (w *walker) rules(e *end, dir netstate.Direction) []netstate.RuleKey {
	var out []netstate.RuleKey
	for k := range w.o.Rules {
		if k.Scope == e.vpc.Scope && e.groups[k.Group] && k.Dir == dir {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, netstate.RuleKey.Compare)
	return out
}

// lets reports whether a rule lets the traffic pass to or from a place.
func (w *walker) lets(k netstate.RuleKey, other place) (says netstate.Tri, why string) {
	switch {
	case !netstate.Flow{Proto: w.traffic.Proto, Ports: w.traffic.request()}.Within(k.Proto, k.Ports):
		return netstate.No, ""
	case k.Peer.Group != "" && k.Region != other.vpc.Region:
		return netstate.No, "" // a group means something within its region only (VPC Peering Guide, "Update your security groups")
	case k.Peer.Group != "" && !other.grouped:
		return netstate.Unknown, "it is not said whether the other end has " + string(k.Peer.Group)
	case k.Peer.Group != "":
		return netstate.TriOf(other.groups[k.Peer.Group]), ""
	case k.Peer.List == "":
		return netstate.TriOf(k.Peer.Prefix.Contains(other.addr)), ""
	}
	entries, known := w.entries(k.Scope, k.Peer.List)
	if !known {
		return netstate.Unknown, "the entries of the list were not read"
	}
	return netstate.TriOf(slices.ContainsFunc(entries, func(p netip.Prefix) bool { return p.Contains(other.addr) })), ""
}

// acl judges the network ACL of a place's subnet for a packet to or from another place. All of the ports must be let through.
func (w *walker) acl(step Step, dir netstate.Direction, at, other place, ports netstate.PortRange) Hop {
	h := Hop{Step: step, Says: netstate.Yes, Scope: at.vpc.Scope, ID: string(at.vpc.ID)}
	if err := w.o.Missing(at.vpc.Scope, netstate.ListACLs); err != nil {
		return h.unknown(fmt.Sprintf("the network ACLs of %s cannot be read", at), unreadCure(err))
	}
	key, ok := at.acl(w.o)
	if !ok {
		return h.unknown(fmt.Sprintf("no network ACL of %s was seen", at.addr), "look again: every subnet has one")
	}
	h.ID = string(key.ID)
	with := netip.PrefixFrom(other.addr, other.addr.BitLen())
	for _, p := range w.o.ACLs[key].Judge(netstate.Flow{Dir: dir, With: with, Proto: w.traffic.Proto, Ports: ports}) {
		h.Text = fmt.Sprintf("%s of %s", p.Entry, key.ID)
		switch {
		case p.Entry == (netstate.ACLEntry{}):
			return h.no(Denied, fmt.Sprintf("no entry of %s lets it pass", key.ID), aclCure(p.Entry, key, dir, w.traffic, ports, other))
		case !p.Allowed():
			return h.no(Denied, h.Text+portsText(w.traffic, p.Ports), aclCure(p.Entry, key, dir, w.traffic, ports, other))
		}
	}
	return h
}

// acl returns the network ACL of a place's subnet; a new subnet has the VPC's default one.
func (p place) acl(o *netstate.Observed) (netstate.ACLKey, bool) {
	for _, k := range p.acls {
		a := o.ACLs[k]
		if p.subnet != "" && slices.Contains(a.Subnets, p.subnet) || p.subnet == "" && a.Default {
			return k, true
		}
	}
	return netstate.ACLKey{}, false
}

func portsText(t Traffic, cut netstate.PortRange) string {
	if t.Proto != netstate.TCP && t.Proto != netstate.UDP || cut.From == cut.To {
		return ""
	}
	return fmt.Sprintf(", for the client's ports %d-%d", cut.From, cut.To)
}
