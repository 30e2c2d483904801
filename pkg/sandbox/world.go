package sandbox

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/ec2sim/world"
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
		Quotas  quotas             `json:"quotas"`
		Regions map[string]*region `json:"regions"`
	}
	quotas struct { // zero: EC2's default
		Peerings    int `json:"peerings"`
		Outstanding int `json:"outstanding"`
		Routes      int `json:"routes"`
		Rules       int `json:"rules"`
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
		ID      string          `json:"id"`
		CIDRs   []netip.Prefix  `json:"cidrs"`
		IPv6    []netip.Prefix  `json:"ipv6,omitempty"`
		DNS     map[string]bool `json:"dns"`
		Tags    netstate.Tags   `json:"tags,omitempty"`
		Subnets []*subnet       `json:"subnets,omitempty"`
		Tables  []*table        `json:"tables"`
		Groups  []*group        `json:"groups,omitempty"`

		scope netstate.Scope
		of    []*spec.VPC // which of the spec it stands for, the most specific selector first
	}
	subnet struct {
		Name  string        `json:"name"`
		CIDR  netip.Prefix  `json:"cidr"`
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

// name is what things in the VPC are named after.
func (v *vpc) name() string { return v.of[0].Name }

// maker collects a world while it goes through a spec.
type maker struct {
	spec     *spec.Set
	file     worldFile
	accounts map[netstate.AccountID]*account
	vpcs     map[*spec.VPC]*vpc
	ids      map[scopedID]bool // of tables and groups
}

type scopedID struct {
	netstate.Scope
	id string
}

// worldOf returns a world in which everything that the spec names exists: each VPC with CIDRs that hold what is routed to it, a main
// route table and those that selectors name, and the security groups of its rules. Quotas are as stated, else EC2's defaults.
//
// Where one selector asks for less than another, what is made for the other is meant by both: it is the more specific selectors' turn
// first, and nothing is made for one that finds what it means.
func worldOf(s *spec.Set) (worldFile, error) {
	m := &maker{spec: s, accounts: map[netstate.AccountID]*account{}, vpcs: map[*spec.VPC]*vpc{}, ids: map[scopedID]bool{}}
	for _, a := range s.Accounts {
		q := a.Quotas
		m.account(a.ID).Quotas = quotas{q.PeeringsPerVPC, q.OutstandingRequests, q.RoutesPerTable, q.RulesPerGroup}
	}
	if err := m.makeVPCs(); err != nil {
		return worldFile{}, err
	}
	if err := m.makeTables(); err != nil {
		return worldFile{}, err
	}
	m.makeGroups()
	m.makeLists()
	return m.file, nil
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

// fresh reports whether an id is new in its scope, and remembers it. A table or group is in one VPC only: an entry that names another
// VPC's is told by the plan that it does not exist.
func (m *maker) fresh(s netstate.Scope, id string) bool {
	k := scopedID{s, id}
	if id != "" && m.ids[k] {
		return false
	}
	m.ids[k] = true
	return true
}

// eachSide calls f for every side of every peering.
func (m *maker) eachSide(f func(side, peer *spec.Side)) {
	for _, p := range m.spec.Peerings {
		for i := range p.Sides {
			f(&p.Sides[i], &p.Sides[1-i])
		}
	}
}

func (m *maker) makeVPCs() error {
	m.nameVPCs()
	cidrs, err := m.cidrs()
	if err != nil {
		return err
	}
	for _, v := range m.spec.VPCs {
		made := m.vpcs[v]
		if made.CIDRs != nil {
			continue // made under another name
		}
		for _, c := range cidrs[made] {
			if c.Addr().Is4() {
				made.CIDRs = append(made.CIDRs, c)
			} else {
				made.IPv6 = append(made.IPv6, c)
			}
		}
		r := m.region(made.scope)
		r.VPCs = append(r.VPCs, made)
	}
	return nil
}

// nameVPCs settles which VPC each name of the spec means. They get no Name of their own: another's selector might ask for that one.
func (m *maker) nameVPCs() {
	byTags := map[netstate.Scope][]*vpc{} // the most tags first
	sorted := slices.Clone(m.spec.VPCs)
	slices.SortStableFunc(sorted, func(a, b *spec.VPC) int { return cmp.Compare(len(b.Select.Tags), len(a.Select.Tags)) })
	for _, v := range sorted {
		i := slices.IndexFunc(byTags[v.Scope()], func(x *vpc) bool {
			return len(x.Tags) <= len(v.Select.Tags) || x.Tags.Match(v.Select.Tags) // from here on none has more tags
		})
		if i >= 0 && byTags[v.Scope()][i].Tags.Match(v.Select.Tags) {
			m.vpcs[v] = byTags[v.Scope()][i]
			m.vpcs[v].of = append(m.vpcs[v].of, v)
			continue
		}
		made := &vpc{ID: string(v.Select.ID), Tags: v.Select.Tags, DNS: map[string]bool{"support": true, "hostnames": true}, scope: v.Scope(), of: []*spec.VPC{v}}
		if made.ID == "" {
			made.ID = world.DerivedID("vpc", v.Scope().String(), "", v.Name)
			byTags[v.Scope()] = append(byTags[v.Scope()], made)
		}
		made.newTable("main", "", nil).Main = true
		m.vpcs[v] = made
	}
}

// makeLists makes the prefix lists that are routed or opened to; each holds the peer's first CIDR.
func (m *maker) makeLists() {
	m.eachSide(func(side, peer *spec.Side) {
		m.lists(side.VPC.Scope(), side.Routes.To, peer)
		for _, r := range side.Rules {
			m.lists(netstate.Scope{Account: r.Account.ID, Region: side.VPC.Region}, r.Peer.CIDRs, peer)
		}
	})
}

func (m *maker) lists(at netstate.Scope, dests []spec.Dest, peer *spec.Side) {
	r := m.region(at)
	for _, d := range dests {
		id := string(d.Dest.List)
		if id == "" || slices.ContainsFunc(r.PrefixLists, func(l *prefixList) bool { return l.ID == id }) {
			continue
		}
		r.PrefixLists = append(r.PrefixLists, &prefixList{ID: id, Name: id, Family: "IPv4",
			Entries: []map[string]string{{"cidr": m.vpcs[peer.VPC].CIDRs[0].String()}}})
	}
}
