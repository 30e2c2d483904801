package adopt

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// vpc returns the entry of a VPC: the one that a spec has, else a new one that is named later.
func (b *builder) vpc(e *end) *spec.VPC {
	if v := b.vpcs[e.vpc]; v != nil {
		return v
	}
	v := &spec.VPC{Account: b.account(e.vpc.Account), Region: e.vpc.Region, Select: netstate.VPCSelector{ID: e.vpc.ID}}
	for _, known := range b.in.VPCs {
		if known.Scope() == e.vpc.Scope && known.Select.Match(e.vpc.ID, b.o.VPCs[e.vpc].Tags) {
			v.Name = known.Name
		}
	}
	if !v.Account.Managed || slices.ContainsFunc(e.cidrs, plan.Public) {
		v.CIDRs = e.cidrs
	}
	b.vpcs[e.vpc] = v
	return v
}

// account returns an account's entry: one that was not read is another's, and its side theirs to do.
func (b *builder) account(id netstate.AccountID) *spec.Account {
	for _, a := range b.in.Accounts {
		if a.ID == id {
			return a
		}
	}
	for _, v := range b.vpcs {
		if v.Account.ID == id {
			return v.Account
		}
	}
	return &spec.Account{Name: AccountName(id), ID: id}
}

// AccountName is what an account is called that nobody has named.
func AccountName(id netstate.AccountID) string { return "account-" + string(id) }

// nameAll names VPCs after their Name tags and peerings after their VPCs. What has a name keeps it.
func (b *builder) nameAll() {
	taken, same := map[string]bool{}, map[string][]netstate.VPC{}
	for _, v := range b.in.VPCs {
		taken[v.Name] = true
	}
	for at, v := range b.vpcs {
		if v.Name == "" {
			name := cmp.Or(plainName(b.o.VPCs[at].Tags[netstate.TagName]), string(at.ID))
			same[name] = append(same[name], at)
		}
	}
	for name, vpcs := range same {
		if len(vpcs) == 1 && !taken[name] {
			b.vpcs[vpcs[0]].Name = name
			continue
		}
		for _, at := range vpcs {
			b.vpcs[at].Name = name + "-" + strings.TrimPrefix(string(at.ID), "vpc-") // unique, as the id is
		}
	}
	b.label()
}

// label names the peerings: those of ours as they are called already.
func (b *builder) label() {
	taken := map[netstate.Link]bool{}
	for _, l := range b.links {
		if name := netstate.Link(labelOf(l.conn)); l.ours && linkRegexp.MatchString(string(name)) && !taken[name] {
			l.Name, taken[name] = name, true
		}
	}
	for _, l := range b.links {
		if l.Name != "" {
			continue
		}
		base := l.Sides[0].VPC.Name + "-" + l.Sides[1].VPC.Name
		l.Name = netstate.Link(base)
		for n := 2; taken[l.Name]; n++ {
			l.Name = netstate.Link(fmt.Sprintf("%s-%d", base, n))
		}
		taken[l.Name] = true
	}
	slices.SortFunc(b.links, func(x, y *link) int { return cmp.Compare(x.Name, y.Name) })
}

var (
	linkRegexp = regexp.MustCompile(`^[a-z0-9][a-z0-9._/-]{0,199}$`)
	unnamable  = regexp.MustCompile(`[^a-z0-9._]+`)
)

// plainName makes a name of the spec out of a tag, empty where nothing is left; there is room for an id behind it.
func plainName(tag string) string {
	s := strings.TrimLeft(unnamable.ReplaceAllString(strings.ToLower(tag), "-"), "-._")
	return strings.TrimRight(s[:min(len(s), 45)], "-._")
}
