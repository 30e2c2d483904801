package spec

import (
	"maps"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// sameAs reports whether two peerings of one pair want the same, whichever side requests, whatever their labels and wherever it is
// stated.
func (p *Peering) sameAs(q *Peering) bool {
	other := q.Sides
	if p.Sides[0].VPC != other[0].VPC {
		other[0], other[1] = other[1], other[0]
	}
	return p.Adopt == q.Adopt && maps.Equal(p.Tags, q.Tags) && p.Suspend.Equal(q.Suspend) &&
		p.Sides[0].sameAs(other[0]) && p.Sides[1].sameAs(other[1])
}

// Equal reports whether two suspensions say the same; nil is none.
func (s *Suspend) Equal(o *Suspend) bool {
	if s == nil || o == nil {
		return s == o
	}
	return s.Reason == o.Reason && s.Until.Equal(o.Until)
}

func (s Side) sameAs(o Side) bool {
	return s.VPC == o.VPC && s.DNS == o.DNS && s.Routes.sameAs(o.Routes) && slices.EqualFunc(s.Rules, o.Rules, Rule.sameAs)
}

func (r Routes) sameAs(o Routes) bool {
	return r.Tables.sameAs(o.Tables) && r.Exclude.sameAs(o.Exclude) && r.Replace == o.Replace && slices.EqualFunc(r.To, o.To, Dest.sameAs)
}

func (t Tables) sameAs(o Tables) bool {
	return t.Kind == o.Kind && slices.Equal(t.IDs, o.IDs) && maps.Equal(t.Tags, o.Tags) && maps.Equal(t.SubnetTags, o.SubnetTags)
}

func (d Dest) sameAs(o Dest) bool { return d.Dest == o.Dest && d.Wider == o.Wider }

func (r Rule) sameAs(o Rule) bool {
	return sameGroup(&r.Group, &o.Group) && r.Account == o.Account && r.Direction == o.Direction && r.Proto == o.Proto &&
		slices.Equal(r.Ports, o.Ports) && r.Peer.sameAs(o.Peer) && r.Description == o.Description
}

func (p RulePeer) sameAs(o RulePeer) bool {
	return slices.EqualFunc(p.CIDRs, o.CIDRs, Dest.sameAs) && sameGroup(p.Group, o.Group)
}

func sameGroup(a, b *netstate.GroupSelector) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Name == b.Name && maps.Equal(a.Tags, b.Tags)
}
