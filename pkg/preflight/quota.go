package preflight

import (
	"cmp"
	"fmt"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// The default quotas, which peerd assumes where the spec states none: then it only warns (Amazon VPC quotas).
const (
	PeeringsPerVPC      = 50
	OutstandingRequests = 25
	RoutesPerTable      = 500
	RulesPerGroup       = 60
)

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

// of are a link's actions that add: without its connection none of them can be done. They are sorted by link once, since every link may be
// over a quota.
func (c *checker) of(l netstate.Link) []plan.Action {
	if c.adding == nil {
		c.adding = map[netstate.Link][]plan.Action{}
		for _, a := range c.plan.Actions {
			if !a.Step().Removes() {
				c.adding[a.Link()] = append(c.adding[a.Link()], a)
			}
		}
	}
	return c.adding[l]
}

// findJoining notes which peerings the plan accepts: their requests become active in this pass, and wait no longer.
func (c *checker) findJoining() {
	for _, a := range c.plan.Actions {
		if _, ok := a.(plan.AcceptConnection); ok {
			c.joins[a.Link()] = true
			c.joining[c.conns[a.Link()]] = true
		}
	}
}

func waits(s netstate.Status) bool { return s == netstate.Pending || s == netstate.Initiating }

// peerings counts each VPC's active connections, and those that the plan opens or accepts, as EC2 does when it is asked for them (Amazon VPC
// quotas, "Active VPC peering connections per VPC"). What a VPC's own account asked somebody else for counts too: it may become active at
// any time. What strangers ask it for does not, or they could use up the quota. One that is removed counts until it is gone: new ones are
// built first.
func (c *checker) peerings() {
	have := map[netstate.VPC]int{}
	for _, x := range c.o.Connections {
		switch {
		case x.Status == netstate.Active || x.Status == netstate.Provisioning:
			have[x.Requester]++
			have[x.Accepter]++
		case waits(x.Status) && !c.joining[x.ID]:
			have[x.Requester]++
		}
	}
	c.use(QuotaPeerings, perVPC, PeeringsPerVPC, netstate.ListConnections, func(v netstate.VPC) int { return have[v] })
	counted := map[netstate.Link]bool{}
	for _, a := range c.plan.Actions {
		ends, ok := joinedBy(a)
		if !ok || counted[a.Link()] {
			continue
		}
		counted[a.Link()] = true
		if c.full(a, ends, have) {
			continue
		}
		have[ends[0]]++
		have[ends[1]]++
	}
}

// joinedBy are the VPCs of a connection that an action opens or accepts.
func joinedBy(a plan.Action) (ends [2]netstate.VPC, ok bool) {
	switch a := a.(type) {
	case plan.OpenConnection:
		return [2]netstate.VPC{a.Requester, a.Accepter}, true
	case plan.AcceptConnection:
		return [2]netstate.VPC{a.Requester, a.Accepter}, true
	}
	return ends, false
}

// full reports whether a stated quota of either VPC refuses one more peering.
func (c *checker) full(a plan.Action, ends [2]netstate.VPC, have map[netstate.VPC]int) bool {
	for _, v := range ends {
		l := c.limit(v.Account, perVPC, PeeringsPerVPC)
		if have[v] < l.n {
			continue
		}
		c.over(l, a, c.of(a.Link()), plan.HoldsLink, CodePeerings, "%s has %d peerings and may have %d: raise the quota, or peer fewer VPCs with it", v, have[v], l.n)
		if l.stated {
			return true
		}
	}
	return false
}

// requests counts the requests of each account and region that wait for acceptance (Amazon VPC quotas, "Outstanding VPC peering connection
// requests"). Those that this pass accepts make room again within it; only the others stay in the way.
func (c *checker) requests() {
	waiting := map[netstate.Scope]int{}
	for _, x := range c.o.Connections {
		if waits(x.Status) && !c.joining[x.ID] {
			waiting[x.Requester.Scope]++
		}
	}
	c.use(QuotaRequests, outstanding, OutstandingRequests, netstate.ListConnections, func(v netstate.VPC) int { return waiting[v.Scope] })
	for _, a := range c.plan.Actions {
		open, ok := a.(plan.OpenConnection)
		if !ok {
			continue
		}
		at := open.Scope()
		l := c.limit(at.Account, outstanding, OutstandingRequests)
		if waiting[at] >= l.n {
			c.over(l, a, c.of(a.Link()), plan.HoldsLink, CodeRequests, "%s has %d requests that wait for acceptance and may have %d: have them accepted or deleted, or raise the quota", at, waiting[at], l.n)
		}
		if !c.joins[a.Link()] && (waiting[at] < l.n || !l.stated) {
			waiting[at]++
		}
	}
}

// family is an address family; EC2 counts each apart.
type family int

// String returns "IPv4" or "IPv6".
func (f family) String() string { return [2]string{"IPv4", "IPv6"}[f] }

// load is what something counts against quotas, by family.
type load [2]int

func (l load) plus(m load) load  { return load{l[0] + m[0], l[1] + m[1]} }
func (l load) minus(m load) load { return load{l[0] - m[0], l[1] - m[1]} }

// passed are the families in which more would be over the quota.
func (l limit) passed(have, more load) (out []family) {
	for f := range more {
		if more[f] > 0 && have[f]+more[f] > l.n {
			out = append(out, family(f))
		}
	}
	return out
}

// listLoad is what a prefix list counts: its maximum of entries (VPC User Guide, "Prefix lists"). One that could not be read, or shows no
// maximum, counts at least one.
func (c *checker) listLoad(at netstate.Scope, id netstate.PrefixListID) load {
	l := c.o.PrefixLists[netstate.PrefixListKey{Scope: at, ID: id}]
	n := max(1, cmp.Or(l.MaxEntries, len(l.Entries)))
	if l.V6 {
		return load{0, n}
	}
	return load{n, 0}
}

func (c *checker) routeLoad(k netstate.RouteKey) load {
	switch {
	case k.Dest.List != "":
		return c.listLoad(k.Scope, k.Dest.List)
	case k.Dest.Prefix.Addr().Is6():
		return load{0, 1}
	}
	return load{1, 0}
}

// ruleLoad is what a rule counts; one that refers to a group counts once for either family (Amazon VPC quotas, "Security groups").
func (c *checker) ruleLoad(k netstate.RuleKey) load {
	switch {
	case k.Peer.Group != "":
		return load{1, 1}
	case k.Peer.List != "":
		return c.listLoad(k.Scope, k.Peer.List)
	case k.Peer.Prefix.Addr().Is6():
		return load{0, 1}
	}
	return load{1, 0}
}

// routes counts each table's routes: all that are not propagated, the local ones too (Amazon VPC quotas, "Route tables"). One that is removed
// counts until it is gone.
func (c *checker) routes() {
	have := map[netstate.TableKey]load{}
	for k := range c.o.Routes {
		if t := (netstate.TableKey{Scope: k.Scope, ID: k.Table}); !k.Propagated {
			have[t] = have[t].plus(c.routeLoad(k))
		}
	}
	full := map[netstate.VPC]int{}
	for k, t := range c.o.Tables {
		v := netstate.VPC{Scope: k.Scope, ID: t.VPC}
		full[v] = max(full[v], have[k].most())
	}
	c.use(QuotaRoutes, perTable, RoutesPerTable, netstate.ListTables, func(v netstate.VPC) int { return seen(full, v) })
	for _, a := range c.plan.Actions {
		add, ok := a.(plan.AddRoute)
		if !ok {
			continue
		}
		t := netstate.TableKey{Scope: add.Key.Scope, ID: add.Key.Table}
		l := c.limit(t.Account, perTable, RoutesPerTable)
		more := c.routeLoad(add.Key)
		passed := l.passed(have[t], more)
		for _, f := range passed {
			c.over(l, a, []plan.Action{a}, plan.BlocksItem, CodeRoutes, "%s has %d %s routes and may have %d; %s needs %d more: raise the quota, or route fewer and wider ranges",
				t.ID, have[t][f], f, l.n, add.Key.Dest, more[f])
		}
		if len(passed) == 0 || !l.stated {
			have[t] = have[t].plus(more)
		}
	}
}

// rules counts each group's rules by direction. One that is turned into another counts as the other does; one that is removed counts until
// it is gone.
func (c *checker) rules() {
	type key struct {
		netstate.GroupKey
		dir netstate.Direction
	}
	keyOf := func(k netstate.RuleKey) key { return key{netstate.GroupKey{Scope: k.Scope, ID: k.Group}, k.Dir} }
	have := map[key]load{}
	for k := range c.o.Rules {
		have[keyOf(k)] = have[keyOf(k)].plus(c.ruleLoad(k))
	}
	full := map[netstate.VPC]int{}
	for k, w := range c.want.Rules { // only the groups that these name were read whole
		full[w.VPC] = max(full[w.VPC], have[keyOf(k)].most())
	}
	c.use(QuotaRules, perGroup, RulesPerGroup, netstate.ListRules, func(v netstate.VPC) int { return seen(full, v) })
	for _, a := range c.plan.Actions {
		k, more, ok := c.ruleAdded(a)
		if !ok {
			continue
		}
		g := keyOf(k)
		l := c.limit(g.Account, perGroup, RulesPerGroup)
		passed := l.passed(have[g], more)
		for _, f := range passed {
			c.over(l, a, []plan.Action{a}, plan.BlocksItem, CodeRules, "%s has %d %s rules for %s and may have %d; %s needs %d more: raise the quota, or open fewer ranges",
				g.ID, have[g][f], g.dir, f, l.n, k.Peer, more[f])
		}
		if len(passed) == 0 || !l.stated {
			have[g] = have[g].plus(more)
		}
	}
}

// ruleAdded is the rule that an action makes, and what it adds to its group.
func (c *checker) ruleAdded(a plan.Action) (k netstate.RuleKey, more load, ok bool) {
	switch a := a.(type) {
	case plan.AllowRule:
		return a.Key, c.ruleLoad(a.Key), true
	case plan.ChangeRule:
		return a.Key, c.ruleLoad(a.Key).minus(c.ruleLoad(a.From)), true
	}
	return k, more, false
}
