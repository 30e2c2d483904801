package preflight

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// The codes of findings; stable, for people to search and for tools to match.
const (
	CodePeerings = "quota-peerings-per-vpc"
	CodeRoutes   = "quota-routes-per-table"
	CodeRules    = "quota-rules-per-group"
	CodeShadowed = "route-shadowed"
	CodeTakes    = "route-takes-traffic"
)

// The default quotas, which peerd assumes where the spec states none: then it only warns (Amazon VPC quotas).
const (
	peeringsPerVPC = 50
	routesPerTable = 500
	rulesPerGroup  = 60
)

// Check returns what the plan would run into. A stated quota that would be passed refuses what is new, in the order of names; an assumed
// one warns.
func Check(s *spec.Set, want *plan.Desired, o *netstate.Observed, p *plan.Plan) []plan.Refusal {
	c := &checker{want: want, o: o, plan: p, accounts: map[netstate.AccountID]*spec.Account{}, links: map[netstate.Link]*spec.Peering{}, conns: map[netstate.Link]netstate.ConnID{}}
	for _, a := range s.Accounts {
		c.accounts[a.ID] = a
	}
	for _, x := range s.Peerings {
		c.links[x.Name] = x
	}
	for _, l := range p.Links {
		c.conns[l.Name] = l.Conn
	}
	c.peerings()
	c.routes()
	c.rules()
	c.traffic()
	return c.found
}

type checker struct {
	want     *plan.Desired
	o        *netstate.Observed
	plan     *plan.Plan
	accounts map[netstate.AccountID]*spec.Account
	links    map[netstate.Link]*spec.Peering
	conns    map[netstate.Link]netstate.ConnID // living ones of ours
	found    []plan.Refusal
}

// limit is a quota and whether the spec states it.
type limit struct {
	n      int
	stated bool
}

func (c *checker) limit(a netstate.AccountID, of func(spec.Quotas) int, assumed int) limit {
	if x := c.accounts[a]; x != nil && of(x.Quotas) > 0 {
		return limit{of(x.Quotas), true}
	}
	return limit{assumed, false}
}

// over reports one action that passes a quota: refused with what depends on it if the quota is stated, else warned of.
func (c *checker) over(l limit, a plan.Action, with []plan.Action, sev plan.Severity, code, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	r := plan.Refusal{Problem: plan.Problem{Link: a.Link(), Code: code, Pos: c.pos(a.Link()), Severity: sev, Message: message}, Actions: with}
	if !l.stated {
		r.Severity, r.Actions = plan.Warns, nil
		r.Message += " (assumed: state the account's quota under accounts.*.quotas)"
	}
	c.found = append(c.found, r)
}

func (c *checker) warn(l netstate.Link, code, format string, args ...any) {
	c.found = append(c.found, plan.Refusal{Problem: plan.Problem{Link: l, Code: code, Pos: c.pos(l), Severity: plan.Warns, Message: fmt.Sprintf(format, args...)}})
}

func (c *checker) pos(l netstate.Link) spec.Pos {
	if p := c.links[l]; p != nil {
		return p.Pos
	}
	return spec.Pos{}
}

// peerings counts each VPC's connections that are alive, and those that the plan opens. A connection that is removed counts until it is
// gone: the new ones are built first.
func (c *checker) peerings() {
	alive := map[netstate.VPC]int{}
	for _, x := range c.o.Connections {
		if x.Status.Alive() {
			alive[x.Requester]++
			alive[x.Accepter]++
		}
	}
	for _, a := range c.plan.Actions {
		open, ok := a.(plan.OpenConnection)
		if !ok {
			continue
		}
		full := false
		for _, v := range []netstate.VPC{open.Requester, open.Accepter} {
			l := c.limit(v.Account, func(q spec.Quotas) int { return q.PeeringsPerVPC }, peeringsPerVPC)
			if alive[v] >= l.n && !full {
				full = l.stated
				c.over(l, a, c.of(a.Link()), plan.HoldsLink, CodePeerings, "%s has %d peerings and may have %d: raise the quota, or peer fewer VPCs with it", v, alive[v], l.n)
			}
		}
		if !full {
			alive[open.Requester]++
			alive[open.Accepter]++
		}
	}
}

// of are a link's actions that add: without its connection none of them can be done.
func (c *checker) of(l netstate.Link) []plan.Action {
	return slices.DeleteFunc(slices.Clone(c.plan.Actions), func(a plan.Action) bool { return a.Link() != l || a.Step().Removes() })
}

// family tells IPv4 from IPv6, which EC2 counts apart; a prefix list counts its maximum of entries in its own family.
type family bool

// rules counts each group's rules by direction and family (Amazon VPC quotas, "Security groups").
func (c *checker) rules() {
	type key struct {
		netstate.GroupKey
		dir netstate.Direction
		v6  family
	}
	of := func(k netstate.RuleKey) (key, int) {
		weight, v6 := c.weight(k.Scope, k.Peer.Prefix, k.Peer.List)
		return key{netstate.GroupKey{Scope: k.Scope, ID: k.Group}, k.Dir, v6}, weight
	}
	have := map[key]int{}
	for k := range c.o.Rules {
		g, n := of(k)
		have[g] += n
	}
	for _, a := range c.plan.Actions {
		allow, ok := a.(plan.AllowRule)
		if !ok {
			continue
		}
		g, n := of(allow.Key)
		l := c.limit(g.Account, func(q spec.Quotas) int { return q.RulesPerGroup }, rulesPerGroup)
		if have[g]+n > l.n {
			c.over(l, a, []plan.Action{a}, plan.BlocksItem, CodeRules, "%s has %d %s rules for %s and may have %d; %s needs %d more: raise the quota, or open fewer ranges",
				g.ID, have[g], g.dir, g.v6, l.n, allow.Key.Peer, n)
		}
		if have[g]+n <= l.n || !l.stated {
			have[g] += n
		}
	}
}

// weight returns what a destination or peer counts against quotas, and in which family: a prefix or a group one, a prefix list its maximum of
// entries (VPC User Guide, "Prefix lists").
func (c *checker) weight(s netstate.Scope, p netip.Prefix, id netstate.PrefixListID) (int, family) {
	if id == "" {
		return 1, family(p.Addr().Is6())
	}
	l := c.o.PrefixLists[netstate.PrefixListKey{Scope: s, ID: id}]
	return max(1, cmp.Or(l.MaxEntries, len(l.Entries))), family(len(l.Entries) > 0 && l.Entries[0].Addr().Is6())
}

// String returns "IPv4" or "IPv6".
func (f family) String() string {
	if f {
		return "IPv6"
	}
	return "IPv4"
}
