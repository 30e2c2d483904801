package preflight

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// acls warns of declared rules whose traffic the network ACLs let pass nowhere: groups and routes know nothing of them, and traffic
// over a peering crosses those of both subnets, there and back (VPC User Guide, "Network ACL basics"). Which subnets have the hosts
// that a rule is for is not known, so an ACL that lets a part of it pass, for one subnet, is enough.
func (c *checker) acls() {
	links, ruled := map[netstate.Link]*plan.DesiredLink{}, map[netstate.Link]bool{}
	for _, l := range c.want.Links {
		links[l.Name] = l
	}
	filters := filtersOf(c.o)
	for _, k := range slices.SortedFunc(maps.Keys(c.want.Rules), netstate.RuleKey.Compare) {
		rule := c.want.Rules[k]
		for _, name := range rule.Links {
			l := links[name]
			ruled[name] = true
			i := 0
			if l.Ends[1].VPC == rule.VPC {
				i = 1
			}
			c.filtered(declared{l, k, rule, &l.Ends[i], &l.Ends[1-i]}, filters)
		}
	}
	for _, l := range c.want.Links {
		if ruled[l.Name] {
			c.unreadACLs(l)
		}
	}
}

// unreadACLs says that it is not known whether rules work. Nothing else depends on network ACLs, so nothing is held.
func (c *checker) unreadACLs(l *plan.DesiredLink) {
	for _, e := range l.Ends {
		if err := c.o.Missing(e.VPC.Scope, netstate.ListACLs); err != nil {
			c.warn(l.Name, CodeUnreadACLs, "whether network ACLs of %s let the rules' traffic pass is not known: %v", e.Name, err)
		}
	}
}

// declared is a rule of a peering: near is the end whose group has it.
type declared struct {
	link      *plan.DesiredLink
	key       netstate.RuleKey
	rule      *plan.DesiredRule
	near, far *plan.End
}

// filter is a network ACL with the route tables of its subnets.
type filter struct {
	key    netstate.ACLKey
	tables map[netstate.TableID]bool
}

// filtersOf are the network ACLs of each VPC that guard a subnet; of a VPC without subnets the one that its first will have.
func filtersOf(o *netstate.Observed) map[netstate.VPC][]filter {
	tables, main := map[netstate.SubnetID]netstate.TableID{}, map[netstate.VPC]netstate.TableID{}
	for k, t := range o.Tables {
		if t.Main {
			main[netstate.VPC{Scope: k.Scope, ID: t.VPC}] = k.ID
		}
		for _, s := range t.Subnets {
			tables[s] = k.ID
		}
	}
	out, spare := map[netstate.VPC][]filter{}, map[netstate.VPC][]filter{}
	for _, k := range slices.SortedFunc(maps.Keys(o.ACLs), func(a, b netstate.ACLKey) int { return cmp.Compare(a.ID, b.ID) }) {
		a := o.ACLs[k]
		v := netstate.VPC{Scope: k.Scope, ID: a.VPC}
		f := filter{k, map[netstate.TableID]bool{}}
		for _, s := range a.Subnets {
			f.tables[cmp.Or(tables[s], main[v])] = true
		}
		if len(a.Subnets) > 0 {
			out[v] = append(out[v], f)
		} else if a.Default {
			spare[v] = append(spare[v], f)
		}
	}
	for v, f := range spare {
		if len(out[v]) == 0 {
			out[v] = f
		}
	}
	return out
}

// on are the ACLs of an end's subnets that route to the peer, or of all of them where none does.
func on(e *plan.End, filters []filter) []filter {
	routing := slices.DeleteFunc(slices.Clone(filters), func(f filter) bool {
		for k := range e.Routes {
			if f.tables[k.Table] {
				return false
			}
		}
		return true
	})
	if len(routing) == 0 {
		return filters
	}
	return routing
}

// filtered warns where a rule's traffic passes none of one end's ACLs. On the far side only addresses of the rule's families matter.
func (c *checker) filtered(d declared, filters map[netstate.VPC][]filter) {
	peers := c.peers(d)
	if !c.refuses(d, d.near, d.key.Dir, peers, filters) {
		c.refuses(d, d.far, d.key.Dir.Opposite(), plan.Brings(peers, d.near.CIDRs), filters)
	}
}

// peers are the addresses of the far end that a rule is about.
func (c *checker) peers(d declared) []netip.Prefix {
	p := d.key.Peer
	said := []netip.Prefix{p.Prefix}
	switch {
	case p.Group != "":
		return d.far.CIDRs
	case p.List != "":
		said = c.o.PrefixLists[netstate.PrefixListKey{Scope: d.key.Scope, ID: p.List}].Entries
	}
	return slices.DeleteFunc(slices.Clone(said), func(q netip.Prefix) bool { return !slices.ContainsFunc(d.far.CIDRs, q.Overlaps) })
}

// refuses warns if no ACL of an end lets any of a rule's traffic pass, there and back: to or from the other end's addresses.
func (c *checker) refuses(d declared, e *plan.End, dir netstate.Direction, others []netip.Prefix, filters map[netstate.VPC][]filter) bool {
	var first *netstate.FlowPart
	var at netstate.ACLID
	for _, f := range on(e, filters[e.VPC]) {
		for _, with := range others {
			part := stopped(c.o.ACLs[f.key], netstate.Flow{Dir: dir, With: with, Proto: d.key.Proto, Ports: d.key.Ports})
			if part == nil {
				return false
			}
			if first == nil {
				first, at = part, f.key.ID
			}
		}
	}
	if first == nil {
		return false
	}
	entry := "the lack of an entry"
	if first.Entry != (netstate.ACLEntry{}) {
		entry = first.Entry.String()
	}
	c.warnAt(d.link.Name, d.rule.Pos, CodeACL, "%s carries nothing: %s of %s in %s keeps %s from passing; let the ACL allow that, or drop the rule",
		d.key, entry, at, e.Name, first.Flow)
	return true
}

// stopped returns what an ACL refuses where it lets nothing of the traffic pass, or nothing of the replies.
func stopped(a netstate.ACL, request netstate.Flow) *netstate.FlowPart {
	flows := []netstate.Flow{request}
	if reply, ok := netstate.Reply(request); ok {
		flows = append(flows, reply)
	}
	for _, f := range flows {
		if parts := a.Judge(f); !slices.ContainsFunc(parts, netstate.FlowPart.Allowed) {
			return &netstate.FlowPart{Flow: f, Entry: parts[0].Entry}
		}
	}
	return nil
}
