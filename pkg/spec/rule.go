package spec

import (
	"fmt"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
)

// maxRules is the most that EC2 keeps in a security group, whatever its quota (VPC User Guide, "Amazon VPC quotas").
const maxRules = 1_000

// size returns how many rules an entry stands for, as far as the spec shows it.
func (r Rule) size() int { return len(r.Ports) * max(1, len(r.Peer.CIDRs)) }

// rules reads a side's rules and complains about one that is there twice: EC2 would refuse it.
func (b *sideBuilder) rules(list *node) []Rule {
	var out []Rule
	first := map[atom]Pos{}
	key := ruleList{list, b.vpc.Account}
	for _, n := range list.itemsOf() {
		r := b.rule(n)
		if n.broken || r.Account == nil || len(r.Ports) == 0 {
			continue
		}
		if r.size() > maxRules {
			b.ps.at(n, "stands for %d rules, every port with every peer: EC2 keeps at most %d in a group", r.size(), maxRules)
			continue
		}
		if b.checked != nil && !b.checked[key] {
			b.checkTwice(n, r, first)
		}
		out = append(out, r)
	}
	if b.checked != nil {
		b.checked[key] = true
	}
	return out
}

// ruleList is what decides whether a list of rules repeats itself: the peer does not. A mesh has the same list in all its peerings.
type ruleList struct {
	list    *node
	account *Account
}

func (b *sideBuilder) rule(n *node) Rule {
	r := Rule{
		Pos: n.pos, Group: groupOf(n.get("group")), Account: b.vpc.Account, Direction: netstate.Ingress,
		Proto: value[netstate.Proto](n.get("protocol")), Description: value[string](n.get("description")),
	}
	if a := n.get("account"); a != nil {
		r.Account = find(b.loader, a, b.accounts, "accounts")
		b.checkParticipant(a, r.Account)
	}
	if value[string](n.get("direction")) == "egress" {
		r.Direction = netstate.Egress
	}
	r.Ports = b.ports(n, r.Proto)
	r.Peer = b.rulePeer(n.get("peer"))
	return r
}

// checkParticipant complains about a group's account in which peerd could not change the group.
func (b *sideBuilder) checkParticipant(n *node, a *Account) {
	if a != nil && !a.Managed {
		b.ps.at(n, "account %s is not managed: peerd cannot change a security group there", a.Name)
	}
}

// parseGroup reads a security group's id or name (EC2 API reference, CreateSecurityGroup: a name does not begin with sg-).
func parseGroup(s string) (any, error) {
	if strings.HasPrefix(s, "sg-") {
		id, err := parseID[netstate.GroupID]("sg", "security group")(s)
		if err != nil {
			return nil, err
		}
		return netstate.GroupSelector{ID: id.(netstate.GroupID)}, nil
	}
	if s == "" || len(s) > 255 || !textRegexp.MatchString(s) {
		return nil, fmt.Errorf("%s is not the name of a security group: 1 to 255 of a-z, A-Z, 0-9, spaces and ._-:/()#,@[]+=&;{}!$*", quote(s))
	}
	return netstate.GroupSelector{Name: s}, nil
}

func groupOf(n *node) netstate.GroupSelector {
	if t := n.get("tags"); t != nil {
		return netstate.GroupSelector{Tags: tagsOf(t)}
	}
	return value[netstate.GroupSelector](n)
}

// rulePeer reads the other end of a rule; the zero value is the peer's CIDRs.
func (b *sideBuilder) rulePeer(n *node) RulePeer {
	switch {
	case n == nil || n.kind == scalar:
		return RulePeer{}
	case n.kind == list:
		return RulePeer{Pos: n.pos, CIDRs: b.dests(n.items)}
	case n.get("prefixList") != nil:
		id := value[netstate.PrefixListID](n.get("prefixList"))
		return RulePeer{Pos: n.pos, CIDRs: []Dest{{Pos: n.pos, Dest: netstate.Dest{List: id}}}}
	}
	g := groupOf(n.get("group"))
	b.checkReference(n.get("group"), g)
	return RulePeer{Pos: n.pos, Group: &g}
}

// checkReference complains about a group on the other side that EC2 or peerd cannot refer to (VPC Peering Guide, "Update your
// security groups to reference peer security groups").
func (b *sideBuilder) checkReference(n *node, g netstate.GroupSelector) {
	if n == nil {
		return
	}
	if b.vpc.Region != b.peer.Region {
		b.ps.at(n, "group %s is one of %s in %s, and %s is in %s: EC2 refers to groups within one region only, use peer: cidrs",
			g, b.peer.Name, b.peer.Region, b.vpc.Name, b.vpc.Region)
	}
	if !b.peer.Account.Managed && g.ID == "" {
		b.ps.at(n, "account %s is not managed, so peerd cannot look for group %s there: give its id, sg-…", b.peer.Account.Name, g)
	}
}

// atom is one rule as far as the spec shows it: what EC2 would call a duplicate.
type atom struct {
	account, group string
	dir            netstate.Direction
	proto          netstate.Proto
	ports          netstate.PortRange
	peer           string
}

// String names the rule in a complaint.
func (a atom) String() string {
	traffic := netstate.RuleKey{Proto: a.proto, Ports: a.ports}.Traffic()
	return fmt.Sprintf("%s of %s with %s in group %s (account %s)", a.dir, traffic, a.peer, a.group, a.account)
}

// checkTwice complains about a rule of which a part is another rule already.
func (b *sideBuilder) checkTwice(n *node, r Rule, first map[atom]Pos) {
	for _, a := range r.atoms() {
		if at, twice := first[a]; twice {
			b.ps.at(n, "%s is stated before, at %s: EC2 keeps a rule once, remove one", a, at)
			return
		}
		first[a] = r.Pos
	}
}

// atoms returns every rule that an entry stands for.
func (r Rule) atoms() []atom {
	out := make([]atom, 0, r.size())
	group, peers := r.Group.String(), r.Peer.names()
	for _, ports := range r.Ports {
		for _, peer := range peers {
			out = append(out, atom{r.Account.Name, group, r.Direction, r.Proto, ports, peer})
		}
	}
	return out
}

// names returns every other end of a rule.
func (p RulePeer) names() []string {
	switch {
	case p.Group != nil:
		return []string{"group " + p.Group.String()}
	case len(p.CIDRs) == 0:
		return []string{"the peer's CIDRs"}
	}
	names := make([]string, len(p.CIDRs))
	for i, d := range p.CIDRs {
		names[i] = d.Dest.String()
	}
	return names
}
