package sandbox

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// tableAsk is a selector that must find a table of a VPC which the exception does not find too.
type tableAsk struct {
	in           *vpc
	want, except spec.Tables
}

// weight orders selectors of tables: ids, which name what they mean, then those with the most tags.
func (a tableAsk) weight() int {
	if a.want.Kind == spec.SelectIDs {
		return math.MaxInt
	}
	return len(a.want.Tags) + len(a.want.SubnetTags)
}

func (m *maker) makeTables() error {
	var asks []tableAsk
	m.eachSide(func(side, _ *spec.Side) {
		v := m.vpcs[side.VPC]
		asks = append(asks, tableAsk{v, side.Routes.Tables, side.Routes.Exclude}, tableAsk{in: v, want: side.Routes.Exclude})
	})
	slices.SortStableFunc(asks, func(a, b tableAsk) int { return cmp.Compare(b.weight(), a.weight()) })
	for _, a := range asks {
		if err := m.makeTable(a); err != nil {
			return err
		}
	}
	return nil
}

// makeTable makes what the selector lacks. Nothing helps one all of whose tables are excluded by what it asks for itself.
func (m *maker) makeTable(a tableAsk) error {
	if a.want.Kind == spec.SelectIDs {
		for _, id := range a.want.IDs {
			if m.fresh(a.in.scope, string(id)) {
				a.in.newTable(string(id), string(id), nil)
			}
		}
		return nil
	}
	found := false
	for _, t := range a.in.Tables {
		if a.in.selects(a.want, t) {
			if !a.in.selects(a.except, t) {
				return nil
			}
			found = true
		}
	}
	if a.want.Kind == spec.SelectNone || a.want.Kind == spec.SelectMain || found && a.hopeless() {
		return nil
	}
	if a.want.Kind == spec.SelectSubnets {
		t := a.in.newTable(a.in.freeTable(len(a.in.Subnets)), "", nil)
		return a.in.newSubnet(t.Name, a.want.SubnetTags)
	}
	a.in.newTable(a.in.freeTable(len(a.in.Tables)), "", a.want.Tags)
	return nil
}

// hopeless reports whether every table that could be made for the selector is excluded.
func (a tableAsk) hopeless() bool {
	switch a.except.Kind {
	case spec.SelectAll:
		return true
	case spec.SelectTags:
		return a.want.Tags.Match(a.except.Tags)
	case spec.SelectSubnets:
		return a.want.SubnetTags.Match(a.except.SubnetTags)
	}
	return false
}

func (v *vpc) selects(s spec.Tables, t *table) bool {
	switch s.Kind {
	case spec.SelectAll:
		return true
	case spec.SelectMain:
		return t.Main
	case spec.SelectIDs:
		return slices.Contains(s.IDs, netstate.TableID(t.ID))
	case spec.SelectTags:
		return t.Tags.Match(s.Tags)
	case spec.SelectSubnets:
		return slices.ContainsFunc(v.Subnets, func(x *subnet) bool { return x.Table == t.Name && x.Tags.Match(s.SubnetTags) })
	}
	return false
}

// newTable adds a table. Its tags are stated whole, since the simulator would give it its name as one too.
func (v *vpc) newTable(name, id string, tags netstate.Tags) *table {
	t := &table{ID: id, Name: name, Tags: netstate.Tags{netstate.TagName: name}.With(tags)}
	v.Tables = append(v.Tables, t)
	return t
}

// newSubnet adds a subnet that uses the table of the same name.
func (v *vpc) newSubnet(name string, tags netstate.Tags) error {
	n := len(v.Subnets)
	for _, c := range v.CIDRs {
		for b := range blocks(c, subnetLen) {
			if n == 0 {
				v.Subnets = append(v.Subnets, &subnet{Name: name, CIDR: b, Table: name, Tags: netstate.Tags{netstate.TagName: name}.With(tags)})
				return nil
			}
			n--
		}
	}
	return fmt.Errorf("no room for %d subnets of /%d in %s (%s), which selectors of route tables ask for: pin a larger CIDR under vpcs.%s.cidrs",
		len(v.Subnets)+1, subnetLen, v.name(), prefixes(v.CIDRs), v.name())
}

func prefixes(ps []netip.Prefix) string {
	s := fmt.Sprint(ps)
	return s[1 : len(s)-1]
}

// groupAsk is a selector that must find one group, in a VPC and of an account.
type groupAsk struct {
	in      *vpc
	account netstate.AccountID
	sel     netstate.GroupSelector
}

// weight orders selectors of groups: names and ids, which no tag selector means, then those with the most tags.
func (a groupAsk) weight() int {
	switch {
	case a.sel.Name != "":
		return math.MaxInt
	case a.sel.ID != "":
		return math.MaxInt - 1 // after the names: such a group gets one that nobody asks for
	}
	return len(a.sel.Tags)
}

func (m *maker) makeGroups() {
	var asks []groupAsk
	seen := map[string]bool{}
	ask := func(a groupAsk) {
		k := fmt.Sprintf("%p %s %s", a.in, a.account, a.sel)
		if !seen[k] {
			seen[k] = true
			asks = append(asks, a)
		}
	}
	m.eachSide(func(side, peer *spec.Side) {
		for _, r := range side.Rules {
			ask(groupAsk{m.vpcs[side.VPC], r.Account.ID, r.Group})
			if r.Peer.Group != nil {
				ask(groupAsk{m.vpcs[peer.VPC], peer.VPC.Account.ID, *r.Peer.Group})
			}
		}
	})
	slices.SortStableFunc(asks, func(a, b groupAsk) int { return cmp.Compare(b.weight(), a.weight()) })
	for _, a := range asks {
		m.makeGroup(a)
	}
}

func (m *maker) makeGroup(a groupAsk) {
	participant := ""
	if a.account != a.in.scope.Account {
		participant = string(a.account)
	}
	for _, g := range a.in.Groups {
		if g.Account == participant && a.sel.Match(netstate.GroupID(g.ID), netstate.Group{Name: g.Name, Tags: g.Tags}) {
			return
		}
	}
	if m.fresh(netstate.Scope{Account: a.account, Region: a.in.scope.Region}, string(a.sel.ID)) {
		a.in.Groups = append(a.in.Groups, &group{ID: string(a.sel.ID), Name: cmp.Or(a.sel.Name, a.in.freeGroup()), Account: participant, Tags: a.sel.Tags})
	}
}

// freeTable is a name for a table that no table of the VPC has, with this number or a higher one.
func (v *vpc) freeTable(n int) string {
	return firstFree(v.name()+"-", n, func(name string) bool {
		return slices.ContainsFunc(v.Tables, func(t *table) bool { return t.Name == name })
	})
}

// freeGroup is a name for a group that no group of the VPC has.
func (v *vpc) freeGroup() string {
	return firstFree(v.name()+"-group-", len(v.Groups), func(name string) bool {
		return slices.ContainsFunc(v.Groups, func(g *group) bool { return g.Name == name })
	})
}

func firstFree(prefix string, n int, taken func(name string) bool) string {
	for ; ; n++ {
		if name := fmt.Sprint(prefix, n); !taken(name) {
			return name
		}
	}
}
