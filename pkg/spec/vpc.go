package spec

import (
	"net/netip"

	"github.com/peerd/peerd/pkg/netstate"
)

func (l *loader) makeVPCs() {
	first := map[string]*VPC{}
	for _, name := range l.order["vpcs"] {
		n := l.entries["vpcs"][name]
		v := l.vpc(name, n)
		if v == nil {
			continue
		}
		if other := first[v.identity()]; other != nil {
			l.ps.at(n, "is the same VPC as %s, at %s (%s): one VPC has one name", other.Name, other.Pos, v.selector())
			continue
		}
		first[v.identity()] = v
		l.vpcs[name] = v
		l.set.VPCs = append(l.set.VPCs, v)
	}
}

// identity is equal for two names of one VPC, as far as the spec shows it. A VPC's id is unique by itself.
func (v *VPC) identity() string {
	if v.Select.ID != "" {
		return string(v.Select.ID)
	}
	return v.Scope().String() + " " + v.Select.Tags.String()
}

func (v *VPC) selector() string {
	if v.Select.ID != "" {
		return string(v.Select.ID)
	}
	return "tags " + v.Select.Tags.String()
}

// vpc returns the VPC, or nil when too little of it is right for anything to be said about its peerings.
func (l *loader) vpc(name string, n *node) *VPC {
	v := &VPC{
		Pos: n.pos, Name: name,
		Account: find(l, n.get("account"), l.accounts, "accounts"),
		Region:  value[netstate.Region](n.get("region")),
		Select:  netstate.VPCSelector{ID: value[netstate.VPCID](n.get("id")), Tags: tagsOf(n.get("tags"))},
	}
	l.pin(n, v)
	if v.Account == nil || v.Region == "" || v.Select.ID == "" && v.Select.Tags == nil {
		return nil
	}
	l.checkPartition(n, v)
	if !v.Account.Managed {
		l.needStated(n, v)
	}
	return v
}

// pin reads the CIDRs that a VPC may bring.
func (l *loader) pin(n *node, v *VPC) {
	stated := map[netip.Prefix]bool{}
	for _, c := range n.list("cidrs") {
		p := value[netip.Prefix](c)
		switch {
		case stated[p]:
			l.ps.at(c, "%s is listed twice: keep one", p)
		case p.Bits() == 0:
			l.ps.at(c, "%s is every address, which no VPC has: list the VPC's own CIDRs", p)
		case l.set.useless(p) != "":
			l.ps.at(c, "%s: it could never be routed", l.set.useless(p))
		}
		stated[p] = true
		v.CIDRs = append(v.CIDRs, p)
	}
	if v.CIDRs != nil {
		v.CIDRs = netstate.SortPrefixes(v.CIDRs)
	}
}

func (l *loader) checkPartition(n *node, v *VPC) {
	want, from := v.Account.partition(), "account "+v.Account.Name
	if other := l.firstIn[v.Account]; want == "" && other != nil {
		want, from = other.Region.Partition(), "VPC "+other.Name+" of the same account"
	}
	if l.firstIn[v.Account] == nil {
		l.firstIn[v.Account] = v
	}
	if want != "" && want != v.Region.Partition() {
		l.ps.at(n.get("region"), "%s is in partition %s, but %s is in %s: an account belongs to one partition", v.Region, v.Region.Partition(), from, want)
	}
}

// needStated complains when a VPC that peerd cannot look at is not described.
func (l *loader) needStated(n *node, v *VPC) {
	if v.Select.ID == "" {
		l.ps.in(n, "id", "account %s is not managed, so peerd cannot look for the VPC by its tags: give its id", v.Account.Name)
	}
	if len(v.CIDRs) == 0 && !n.broken {
		l.ps.in(n, "cidrs", "account %s is not managed, so peerd cannot read the VPC's CIDRs: list them", v.Account.Name)
	}
}
