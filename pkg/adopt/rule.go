package adopt

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// A rule belongs to the peering of its group's VPC to which it opens something:
//
//	other end of the rule                                        belongs to
//	  any, with our tag and the name of a peering of ours          that one
//	  a group                                                      the peering with the group's VPC, in one region
//	  a prefix or list that a side routes to its peer              that one
//	  a prefix, or a list of prefixes, inside the peer's CIDRs     that one, first where the side routes a part of it
//	  anything else, such as 0.0.0.0/0                             none: it is no rule for a peering
//
// Where several have the same claim, the first by name has it.

// atom is what an entry of one port range and one description opens, but for its peers.
type atom struct {
	netstate.GroupKey
	dir   netstate.Direction
	proto netstate.Proto
	ports netstate.PortRange
	peer  netstate.GroupID // of a rule that names a group
	text  string
}

// opened are the other ends of atoms, by the side that has them.
type opened map[*end]map[atom][]netstate.Dest

// rulesAll fills in the rules of every side.
func (b *builder) rulesAll() {
	all := opened{}
	for _, k := range slices.SortedFunc(maps.Keys(b.o.Rules), netstate.RuleKey.Compare) {
		b.rule(all, k, b.o.Rules[k])
	}
	for _, l := range b.links {
		for i, e := range l.ends {
			e.Rules = b.entries(e, l.ends[1-i], all[e])
		}
	}
}

// rule gives one rule to the peering to which it belongs.
func (b *builder) rule(all opened, k netstate.RuleKey, r netstate.Rule) {
	l, i := b.owner(k, r)
	ours := b.in.Owner != "" && r.Owner() == b.in.Owner
	if l == nil {
		if ours {
			b.left = append(b.left, fmt.Sprintf("rule %s (%s, %s): it carries our tag and belongs to no peering above, so a plan calls it extra", r.ID, k, k.Scope))
		}
		return
	}
	e, peer := l.ends[i], l.ends[1-i]
	d := netstate.Dest{Prefix: k.Peer.Prefix, List: k.Peer.List}
	why := ""
	switch {
	case r.Owner() != "" && r.Owner() != netstate.Released && !ours:
		why = fmt.Sprintf("it belongs to the owner %q", r.Owner())
	case (k.Proto == netstate.TCP || k.Proto == netstate.UDP) && k.Ports.From < 0:
		why = "it has no ports, which a spec states"
	case k.Peer.Group == "":
		why = b.forbidden(k.Scope, e, peer, d)
	}
	if why != "" && ours {
		why += "; it is ours, so a plan calls it extra"
	}
	if why != "" {
		l.note(e, "the rule %s (%s) is left out: %s", k, r.ID, why)
		return
	}
	if all[e] == nil {
		all[e] = map[atom][]netstate.Dest{}
	}
	a := atom{netstate.GroupKey{Scope: k.Scope, ID: k.Group}, k.Dir, k.Proto, k.Ports, k.Peer.Group, r.Description}
	if len(a.text) > 255 || !textRegexp.MatchString(a.text) {
		a.text = "" // EC2 allows no such text; a description that is not stated is left as it is
	}
	if k.Peer.Group == "" {
		all[e][a] = append(all[e][a], d)
	} else {
		all[e][a] = nil
	}
}

// textRegexp is what EC2 allows in descriptions and names of groups (EC2 API Reference, CreateSecurityGroup), and a spec too.
var textRegexp = regexp.MustCompile(`^[A-Za-z0-9. _\-:/()#,@\[\]+=&;{}!$*]*$`)

// owner returns the peering to which a rule belongs, and the side of its group; nil: none.
func (b *builder) owner(k netstate.RuleKey, r netstate.Rule) (*link, int) {
	var best *link
	side, most := 0, 0
	for _, l := range b.links {
		for i, e := range l.ends {
			if c := b.claim(k, r, l, i); e.managed() && c > most {
				best, side, most = l, i, c
			}
		}
	}
	return best, side
}

// claim says how much a rule belongs to one side of a peering; zero: not at all.
func (b *builder) claim(k netstate.RuleKey, r netstate.Rule, l *link, i int) int {
	e, peer := l.ends[i], l.ends[1-i]
	if k.Region != e.vpc.Region || b.o.Groups[netstate.GroupKey{Scope: k.Scope, ID: k.Group}].VPC != e.vpc.ID {
		return 0
	}
	d := netstate.Dest{Prefix: k.Peer.Prefix, List: k.Peer.List}
	named := l.ours && r.Owner() == b.in.Owner && r.Tags[netstate.TagLink] == string(l.Name)
	switch {
	case k.Peer.Group != "":
		g := b.o.Groups[netstate.GroupKey{Scope: peer.vpc.Scope, ID: k.Peer.Group}]
		if e.vpc.Region != peer.vpc.Region || g.VPC != peer.vpc.ID && (peer.managed() || !named) {
			return 0
		}
		return 3
	case named:
		return 4
	case e.routed[d] && (d.List != "" || d.Prefix.Bits() > 0):
		return 3
	case b.inside(k.Scope, peer, d):
		if slices.ContainsFunc(slices.Collect(maps.Keys(e.routed)), func(to netstate.Dest) bool { return to.List == "" && to.Prefix.Overlaps(d.Prefix) }) {
			return 2
		}
		return 1
	}
	return 0
}

// inside reports whether a prefix, or every entry of a list, lies inside the peer.
func (b *builder) inside(at netstate.Scope, peer *end, d netstate.Dest) bool {
	if d.List == "" {
		return !wider(d, peer.cidrs)
	}
	entries := b.o.PrefixLists[netstate.PrefixListKey{Scope: at, ID: d.List}].Entries
	out := func(c netip.Prefix) bool { return wider(netstate.Dest{Prefix: c}, peer.cidrs) }
	return len(entries) > 0 && !slices.ContainsFunc(entries, out)
}

// entries turn what a side opens into entries of the spec, each with as many ports as belong together.
func (b *builder) entries(e, peer *end, atoms map[atom][]netstate.Dest) []spec.Rule {
	type kind struct {
		atom         // without its ports, where an entry may have several
		peers string // as text
	}
	together := map[kind]*spec.Rule{}
	for _, a := range slices.SortedFunc(maps.Keys(atoms), compareAtoms) {
		for _, p := range b.peers(a, e, peer, atoms[a]) {
			k := kind{a, peerText(p)}
			if a.proto == netstate.TCP || a.proto == netstate.UDP { // icmp is stated as one type and code
				k.ports = netstate.PortRange{}
			}
			if together[k] == nil {
				together[k] = &spec.Rule{Group: b.group(a.GroupKey), Account: b.account(a.Account), Direction: a.dir, Proto: a.proto, Peer: p, Description: a.text}
			}
			together[k].Ports = append(together[k].Ports, a.ports)
		}
	}
	out := make([]spec.Rule, 0, len(together))
	for _, r := range together {
		out = append(out, *r)
	}
	slices.SortFunc(out, compareEntries)
	return out
}

// peers are the other ends of an atom as entries have them: the peer's CIDRs in one word where all of them are open, and others in a list.
func (b *builder) peers(a atom, e, peer *end, dests []netstate.Dest) []spec.RulePeer {
	if a.peer != "" {
		g := b.group(netstate.GroupKey{Scope: peer.vpc.Scope, ID: a.peer})
		return []spec.RulePeer{{Group: &g}}
	}
	var out []spec.RulePeer
	whole := byDefault(a.proto, e, peer)
	if open := setOf(dests); len(whole) > 0 && !slices.ContainsFunc(whole, func(d netstate.Dest) bool { return !open[d] }) {
		out = append(out, spec.RulePeer{})
		dests = slices.DeleteFunc(slices.Clone(dests), func(d netstate.Dest) bool { return slices.Contains(whole, d) })
	}
	if len(dests) == 0 {
		return out
	}
	var p spec.RulePeer
	for _, d := range dests {
		p.CIDRs = append(p.CIDRs, spec.Dest{Dest: d, Wider: wider(d, peer.cidrs)})
	}
	return append(out, p)
}

// byDefault are the other ends of a rule that names none: what the side routes to the peer of the peer's own, as Expand finds it.
func byDefault(p netstate.Proto, e, peer *end) []netstate.Dest {
	var routed []netip.Prefix
	for _, d := range e.Routes.To {
		if d.Dest.List == "" && !d.Wider {
			routed = append(routed, d.Dest.Prefix)
		}
	}
	if len(routed) == 0 {
		routed = plan.Brings(e.cidrs, peer.cidrs)
	}
	var out []netstate.Dest
	for _, c := range routed {
		if plan.Carries(p, c) {
			out = append(out, netstate.Dest{Prefix: c})
		}
	}
	return out
}

// group names a security group: by its name where no other of the VPC has it, else by its id.
func (b *builder) group(k netstate.GroupKey) netstate.GroupSelector {
	g := b.o.Groups[k]
	byID := netstate.GroupSelector{ID: k.ID}
	if g.Name == "" || len(g.Name) > 255 || strings.HasPrefix(g.Name, "sg-") || !textRegexp.MatchString(g.Name) {
		return byID
	}
	for other, o := range b.o.Groups {
		if other.Scope == k.Scope && other.ID != k.ID && o.VPC == g.VPC && o.Name == g.Name {
			return byID
		}
	}
	return netstate.GroupSelector{Name: g.Name}
}

func compareAtoms(a, b atom) int {
	return cmp.Or(a.Scope.Compare(b.Scope), cmp.Compare(a.ID, b.ID), cmp.Compare(a.dir, b.dir), cmp.Compare(a.proto, b.proto),
		cmp.Compare(a.ports.From, b.ports.From), cmp.Compare(a.ports.To, b.ports.To), cmp.Compare(a.peer, b.peer), cmp.Compare(a.text, b.text))
}

func compareEntries(a, b spec.Rule) int {
	return cmp.Or(cmp.Compare(a.Group.String(), b.Group.String()), cmp.Compare(a.Account.Name, b.Account.Name), -cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Ports[0].From, b.Ports[0].From), cmp.Compare(a.Ports[0].To, b.Ports[0].To),
		cmp.Compare(peerText(a.Peer), peerText(b.Peer)), cmp.Compare(a.Description, b.Description))
}

// peerText tells the other ends of an entry apart, and puts the peer's CIDRs first.
func peerText(p spec.RulePeer) string {
	if p.Group != nil {
		return "group " + p.Group.String()
	}
	s := ""
	for _, d := range p.CIDRs {
		s += d.Dest.String() + " "
	}
	return s
}
