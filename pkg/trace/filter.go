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
	return []Hop{h.no(NoRule, fmt.Sprintf("no %s rule of %s lets %s pass %s %s", dir, h.ID, w.traffic, toward(dir), other.addr), w.ruleCure(at, other, dir))}
}

func toward(d netstate.Direction) string {
	if d == netstate.Egress {
		return "to"
	}
	return "from"
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
	case !covers(k.Proto, k.Ports, w.traffic.Proto, w.traffic.request()):
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

// covers reports whether a rule's or entry's protocol and ports take in all of the traffic's.
func covers(p netstate.Proto, r netstate.PortRange, proto netstate.Proto, ports netstate.PortRange) bool {
	_, all := meets(p, r, proto, ports)
	return all
}

// meets returns which of the ports a rule or entry takes in; all says that it is all of them.
func meets(p netstate.Proto, r netstate.PortRange, proto netstate.Proto, ports netstate.PortRange) (cut netstate.PortRange, all bool) {
	switch {
	case p != netstate.ProtoAll && p != proto:
		return cut, false
	case p == netstate.ProtoAll || r == netstate.AllPorts || ports == netstate.AllPorts:
		return ports, true
	case p == netstate.ICMP || p == netstate.ICMPv6: // type and code, of which the code may be any
		return cut, r.From == ports.From && (r.To == -1 || r.To == ports.To)
	}
	cut = netstate.PortRange{From: max(r.From, ports.From), To: min(r.To, ports.To)}
	if cut.From > cut.To {
		return netstate.PortRange{}, false
	}
	return cut, cut == ports
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
	left := []netstate.PortRange{ports}
	for _, e := range w.o.ACLs[key].Entries {
		if e.Dir != dir || !e.CIDR.Contains(other.addr) {
			continue
		}
		cut, rest := take(left, e, w.traffic.Proto)
		if len(cut) > 0 && !e.Allow {
			return h.no(Denied, fmt.Sprintf("%s of %s%s", e, key.ID, portsText(w.traffic, cut)), aclCure(e, key, dir, w.traffic, ports, other))
		}
		if len(rest) == 0 {
			h.Text = fmt.Sprintf("%s of %s", e, key.ID)
			return h
		}
		left = rest
	}
	return h.no(Denied, fmt.Sprintf("no entry of %s lets it pass", key.ID), aclCure(netstate.ACLEntry{}, key, dir, w.traffic, ports, other))
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

// take splits the ports that are left into those that an entry decides and the rest.
func take(left []netstate.PortRange, e netstate.ACLEntry, proto netstate.Proto) (cut, rest []netstate.PortRange) {
	for _, r := range left {
		c, all := meets(e.Proto, e.Ports, proto, r)
		switch {
		case all:
			cut = append(cut, r)
			continue
		case c == (netstate.PortRange{}):
			rest = append(rest, r)
			continue
		}
		cut = append(cut, c)
		if r.From < c.From {
			rest = append(rest, netstate.PortRange{From: r.From, To: c.From - 1})
		}
		if c.To < r.To {
			rest = append(rest, netstate.PortRange{From: c.To + 1, To: r.To})
		}
	}
	return cut, rest
}

func portsText(t Traffic, cut []netstate.PortRange) string {
	if t.Proto != netstate.TCP && t.Proto != netstate.UDP || cut[0].From == cut[0].To {
		return ""
	}
	return fmt.Sprintf(", for the client's ports %d-%d", cut[0].From, cut[0].To)
}
