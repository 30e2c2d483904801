package sandbox

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// The shape of the simulator's world file, as far as a spec implies one.
type (
	worldFile struct {
		Accounts []*account `json:"accounts"`
	}
	account struct {
		ID      string             `json:"id"`
		Regions map[string]*region `json:"regions"`
	}
	region struct {
		VPCs        []*vpc        `json:"vpcs"`
		PrefixLists []*prefixList `json:"prefixLists,omitempty"`
	}
	prefixList struct {
		ID      string              `json:"id"`
		Name    string              `json:"name"`
		Family  string              `json:"family"`
		Entries []map[string]string `json:"entries"`
	}
	vpc struct {
		ID      string          `json:"id,omitempty"`
		Name    string          `json:"name"`
		CIDRs   []string        `json:"cidrs"`
		IPv6    string          `json:"ipv6,omitempty"`
		DNS     map[string]bool `json:"dns"`
		Tags    netstate.Tags   `json:"tags,omitempty"`
		Subnets []*subnet       `json:"subnets,omitempty"`
		Tables  []*table        `json:"tables"`
		Groups  []*group        `json:"groups,omitempty"`
	}
	subnet struct {
		Name  string        `json:"name"`
		CIDR  string        `json:"cidr"`
		Table string        `json:"table"`
		Tags  netstate.Tags `json:"tags,omitempty"`
	}
	table struct {
		ID   string        `json:"id,omitempty"`
		Name string        `json:"name"`
		Main bool          `json:"main,omitempty"`
		Tags netstate.Tags `json:"tags,omitempty"`
	}
	group struct {
		ID      string        `json:"id,omitempty"`
		Name    string        `json:"name"`
		Account string        `json:"account,omitempty"` // a participant's group in a shared VPC
		Tags    netstate.Tags `json:"tags,omitempty"`
	}
)

// maker collects a world while it goes through a spec.
type maker struct {
	file     worldFile
	accounts map[netstate.AccountID]*account
	vpcs     map[string]*vpc // by the spec's name
	used     []netip.Prefix
	next     int
}

// worldOf returns a world in which everything that the spec names exists: each VPC with CIDRs that hold what is routed to it, a main
// route table and those that selectors name, and the security groups of its rules.
func worldOf(s *spec.Set) worldFile {
	m := &maker{accounts: map[netstate.AccountID]*account{}, vpcs: map[string]*vpc{}}
	for _, a := range s.Accounts {
		m.account(a.ID)
	}
	wanted := destinations(s)
	for _, v := range s.VPCs {
		m.used = append(append(m.used, v.CIDRs...), wanted[v]...)
	}
	for _, v := range s.VPCs {
		m.vpc(v, wanted[v])
	}
	for _, p := range s.Peerings {
		for i := range p.Sides {
			m.side(&p.Sides[i], &p.Sides[1-i])
		}
	}
	return m.file
}

// destinations returns what the spec routes or opens towards each VPC, so that an unpinned one can be made to have it.
func destinations(s *spec.Set) map[*spec.VPC][]netip.Prefix {
	out := map[*spec.VPC][]netip.Prefix{}
	for _, p := range s.Peerings {
		for i := range p.Sides {
			peer := p.Sides[1-i].VPC
			listed := slices.Clone(p.Sides[i].Routes.To)
			for _, r := range p.Sides[i].Rules {
				listed = append(listed, r.Peer.CIDRs...)
			}
			for _, d := range listed {
				if d.Dest.List == "" && !d.Wider {
					out[peer] = append(out[peer], d.Dest.Prefix)
				}
			}
		}
	}
	return out
}

func (m *maker) account(id netstate.AccountID) *account {
	if m.accounts[id] == nil {
		m.accounts[id] = &account{ID: string(id), Regions: map[string]*region{}}
		m.file.Accounts = append(m.file.Accounts, m.accounts[id])
	}
	return m.accounts[id]
}

func (m *maker) region(s netstate.Scope) *region {
	a := m.account(s.Account)
	if a.Regions[string(s.Region)] == nil {
		a.Regions[string(s.Region)] = &region{}
	}
	return a.Regions[string(s.Region)]
}

func (m *maker) vpc(v *spec.VPC, wanted []netip.Prefix) {
	r := m.region(v.Scope())
	made := &vpc{ID: string(v.Select.ID), Name: v.Name, Tags: v.Select.Tags, DNS: map[string]bool{"support": true, "hostnames": true},
		Tables: []*table{{Name: "main", Main: true}}}
	for _, c := range m.cidrs(v, wanted) {
		if c.Addr().Is4() {
			made.CIDRs = append(made.CIDRs, c.String())
		} else {
			made.IPv6 = c.String()
		}
	}
	m.vpcs[v.Name] = made
	r.VPCs = append(r.VPCs, made)
}

// cidrs returns what the VPC is made with: its pinned CIDRs, else what is routed to it, else a free /16.
func (m *maker) cidrs(v *spec.VPC, wanted []netip.Prefix) []netip.Prefix {
	out := v.CIDRs
	if len(out) == 0 {
		out = outermost(wanted)
	}
	if slices.ContainsFunc(out, func(c netip.Prefix) bool { return c.Addr().Is4() }) {
		return out
	}
	for {
		c := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(m.next), 0, 0}), 16)
		if m.next > 255 {
			c = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, byte(64 + (m.next-256)/16), byte(m.next % 16 * 16), 0}), 20)
		}
		m.next++
		if !slices.ContainsFunc(m.used, c.Overlaps) {
			return append(slices.Clone(out), c)
		}
	}
}

// outermost leaves out the prefixes that lie in others.
func outermost(ps []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range netstate.SortPrefixes(ps) {
		if !slices.ContainsFunc(out, func(o netip.Prefix) bool { return o.Overlaps(p) }) {
			out = append(out, p)
		}
	}
	return out
}

// side makes the tables and groups that one side's selectors name.
func (m *maker) side(s, peer *spec.Side) {
	v := m.vpcs[s.VPC.Name]
	for _, t := range []spec.Tables{s.Routes.Tables, s.Routes.Exclude} {
		m.tables(v, t)
	}
	m.lists(s.VPC.Scope(), s.Routes.To, peer)
	for _, r := range s.Rules {
		m.lists(netstate.Scope{Account: r.Account.ID, Region: s.VPC.Region}, r.Peer.CIDRs, peer)
		participant := ""
		if r.Account != s.VPC.Account {
			participant = string(r.Account.ID)
		}
		v.group(r.Group, participant)
		if r.Peer.Group != nil {
			m.vpcs[peer.VPC.Name].group(*r.Peer.Group, "")
		}
	}
}

// lists makes the prefix lists that are routed or opened to; each holds the peer's first CIDR.
func (m *maker) lists(at netstate.Scope, dests []spec.Dest, peer *spec.Side) {
	r := m.region(at)
	for _, d := range dests {
		id := string(d.Dest.List)
		if id == "" || slices.ContainsFunc(r.PrefixLists, func(l *prefixList) bool { return l.ID == id }) {
			continue
		}
		r.PrefixLists = append(r.PrefixLists, &prefixList{ID: id, Name: id, Family: "IPv4",
			Entries: []map[string]string{{"cidr": m.vpcs[peer.VPC.Name].CIDRs[0]}}})
	}
}

func (m *maker) tables(v *vpc, t spec.Tables) {
	for _, id := range t.IDs {
		if !slices.ContainsFunc(v.Tables, func(x *table) bool { return x.ID == string(id) }) {
			v.Tables = append(v.Tables, &table{ID: string(id), Name: string(id)})
		}
	}
	if t.Kind == spec.SelectTags && !slices.ContainsFunc(v.Tables, func(x *table) bool { return x.Tags.Match(t.Tags) }) {
		v.Tables = append(v.Tables, &table{Name: fmt.Sprintf("%s-%d", v.Name, len(v.Tables)), Tags: t.Tags})
	}
	if t.Kind == spec.SelectSubnets && !slices.ContainsFunc(v.Subnets, func(x *subnet) bool { return x.Tags.Match(t.SubnetTags) }) {
		name := fmt.Sprintf("%s-%d", v.Name, len(v.Subnets))
		v.Tables = append(v.Tables, &table{Name: name})
		v.Subnets = append(v.Subnets, &subnet{Name: name, CIDR: nthSubnet(v.CIDRs[0], len(v.Subnets)), Table: name, Tags: t.SubnetTags})
	}
}

// nthSubnet returns the n-th /28 of a CIDR, the smallest that EC2 allows a subnet to be (VPC User Guide, "Subnet sizing").
func nthSubnet(cidr string, n int) string {
	a := netip.MustParsePrefix(cidr).Addr().As4()
	at := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3]) + uint32(n)*16
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at)}), 28).String()
}

func (v *vpc) group(sel netstate.GroupSelector, account string) {
	for _, g := range v.Groups {
		if g.Account == account && sel.Match(netstate.GroupID(g.ID), netstate.Group{Name: g.Name, Tags: g.Tags}) {
			return
		}
	}
	name := sel.Name
	if name == "" {
		name = fmt.Sprintf("%s-group-%d", v.Name, len(v.Groups))
	}
	v.Groups = append(v.Groups, &group{ID: string(sel.ID), Name: name, Account: account, Tags: sel.Tags})
}
