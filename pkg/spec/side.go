package spec

import (
	"errors"
	"net/netip"

	"github.com/peerd/peerd/pkg/netstate"
)

// sideBuilder makes one side of one peering.
type sideBuilder struct {
	*loader
	vpc, peer *VPC
}

// side returns a side of a draft, with the defaults beneath. Sides that are not managed take none.
func (l *loader) side(d *draft, i int) Side {
	b := sideBuilder{l, d.vpcs[i], d.vpcs[1-i]}
	s := Side{Pos: d.named[i].pos, VPC: b.vpc}
	if d.from == "" {
		s.Pos = d.named[i].parent.pos
	}
	if !b.vpc.Account.Managed {
		return s
	}
	n := merge(plainSideShape, l.defaults.get("side"), d.sides[i])
	s.DNS = value[netstate.Tri](n.get("dns"))
	s.Routes = b.routes(n.get("routes"), s.Pos)
	s.Rules = b.rules(n.get("rules"))
	l.count(d, s)
	return s
}

// maxItems bounds the destinations and rules that all peerings have together: a long list in a large mesh is short to write.
const maxItems = 250_000

func (l *loader) count(d *draft, s Side) {
	l.items += len(s.Routes.To)
	for _, r := range s.Rules {
		l.items += r.size()
	}
	l.tooMany(d)
}

func (l *loader) tooMany(d *draft) bool {
	if l.items <= maxItems {
		return false
	}
	l.ps.at(d.at, "the peerings up to here have more than %d rules and destinations", maxItems)
	return true
}

func parseDNS(s string) (any, error) {
	switch s {
	case "true":
		return netstate.Yes, nil
	case "false":
		return netstate.No, nil
	case "unmanaged":
		return netstate.Unknown, nil
	}
	return nil, errors.New(quote(s) + " is not true, false or unmanaged" + didYouMean(s, []string{"true", "false", "unmanaged"}))
}

func (b *sideBuilder) routes(n *node, at Pos) Routes {
	r := Routes{Pos: at, Tables: Tables{Pos: at, Kind: SelectAll}}
	if n == nil {
		return r
	}
	r.Pos, r.Tables.Pos = n.pos, n.pos
	if t := n.get("tables"); t != nil {
		r.Tables = tables(t)
	}
	if x := n.get("exclude"); x != nil {
		r.Exclude = tables(x)
	}
	r.To = b.dests(n.list("to"))
	b.refuseLocal(n.list("to"))
	r.Replace = value[string](n.get("onConflict")) == "replace"
	return r
}

// tables reads a selector of route tables.
func tables(n *node) Tables {
	t := Tables{Pos: n.pos}
	switch {
	case n.kind == list:
		t.Kind = SelectIDs
		for _, id := range n.items {
			t.IDs = append(t.IDs, value[netstate.TableID](id))
		}
	case n.get("tags") != nil:
		t.Kind, t.Tags = SelectTags, tagsOf(n.get("tags"))
	case n.get("subnets") != nil:
		t.Kind, t.SubnetTags = SelectSubnets, tagsOf(n.get("subnets").get("tags"))
	case n.text == "all":
		t.Kind = SelectAll
	case n.text == "main":
		t.Kind = SelectMain
	}
	return t
}

// dests reads a list of destinations, or of peers of a rule.
func (b *sideBuilder) dests(items []*node) []Dest {
	var out []Dest
	first := map[netstate.Dest]Pos{}
	for _, n := range items {
		d := Dest{Pos: n.pos, Wider: value[bool](n.get("wider")), Dest: netstate.Dest{Prefix: prefixOf(n), List: value[netstate.PrefixListID](n.get("prefixList"))}}
		if d.Dest == (netstate.Dest{}) {
			continue
		}
		if _, twice := first[d.Dest]; twice {
			b.ps.at(n, "%s is listed twice: keep one", d.Dest)
			continue
		}
		first[d.Dest] = n.pos
		b.checkDest(n, d)
		out = append(out, d)
	}
	return out
}

// refuseLocal complains about destinations that lie in what the side's own VPC is pinned to have: EC2 routes those locally, and refuses any
// other way. One that is not said to be wider has to lie in the peer, and so is refused for that.
func (b *sideBuilder) refuseLocal(items []*node) {
	for _, n := range items {
		if p := prefixOf(n); p.IsValid() && value[bool](n.get("wider")) && insideAny(p, b.vpc.CIDRs) {
			b.ps.at(n, "%s lies in %s itself, which is pinned to %s: EC2 routes nothing within a VPC through a peering; remove it, or list it on the other side if it is meant to lead here",
				p, b.vpc.Name, joinPrefixes(b.vpc.CIDRs))
		}
	}
}

func prefixOf(n *node) netip.Prefix {
	if n.kind == scalar {
		return value[netip.Prefix](n)
	}
	return value[netip.Prefix](n.get("cidr"))
}

// checkDest complains about what may not be routed or opened, as far as the spec alone shows it: the plan knows what the peer's CIDRs are when they
// are not pinned, and the entries of prefix lists.
func (b *sideBuilder) checkDest(n *node, d Dest) {
	p := d.Dest.Prefix
	switch {
	case d.Dest.List != "" && n.get("wider") != nil:
		b.ps.at(n.get("wider"), "has no meaning for a prefix list: remove it")
	case d.Dest.List != "":
	case b.set.forbidden(p) != "":
		b.ps.at(n, "%s: it is never routed or opened", b.set.forbidden(p))
	case d.Wider:
	case p.Bits() == 0:
		b.ps.at(n, "%s is every address, not only those of %s: write {cidr: %s, wider: true} if that is meant", p, b.peer.Name, quote(p.String()))
	case len(b.peer.CIDRs) > 0 && !insideAny(p, b.peer.CIDRs):
		b.ps.at(n, "%s is outside %s, which is pinned to %s: correct it, or write {cidr: %s, wider: true} if it is meant",
			p, b.peer.Name, joinPrefixes(b.peer.CIDRs), quote(p.String()))
	}
}
