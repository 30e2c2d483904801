package plan

import (
	"cmp"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// A rule says for which peering it was made by that peering's name alone, and names change. Whose one is that nobody wants any more decides
// what it may become and what its removal waits for, so it is asked of more than the name, until something answers:
//
//	a connection, not dead, carries the label, and an entry wants its pair    that entry, whatever it is called now
//	an entry has the name                                                     that entry
//	such a connection, whose pair nobody wants                                a leftover's: nobody's
//	none, and a rule is missing in that group, perhaps for the same peer      whoever wants that and has a connection: a rename that came half through
//	none of these                                                             a leftover's: nobody's

// findHeirs notes whose the extra rules are, those first that are to get another in the same group.
func (b *builder) findHeirs(d delta[netstate.RuleKey]) {
	missing := map[netstate.GroupKey][]netstate.RuleKey{}
	for _, k := range d.missing {
		g := netstate.GroupKey{Scope: k.Scope, ID: k.Group}
		missing[g] = append(missing[g], k)
	}
	for _, k := range d.extra {
		b.heirs[k] = b.heirsOf(netstate.Link(b.o.Rules[k].Tags[netstate.TagLink]), b.successors(k, missing[netstate.GroupKey{Scope: k.Scope, ID: k.Group}]))
	}
}

func (b *builder) heirsOf(label netstate.Link, successors []*state) []*state {
	var out []*state
	living := b.livingOf(label)
	for _, c := range living {
		if s := b.entries[c.Pair()]; s != nil && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	switch s := b.byName[label]; {
	case len(out) > 0:
		slices.SortFunc(out, func(x, y *state) int {
			return cmp.Or(-cmp.Compare(one(slices.Contains(successors, x)), one(slices.Contains(successors, y))), cmp.Compare(x.want.Name, y.want.Name))
		})
		return out
	case s != nil:
		return []*state{s}
	case len(living) > 0:
		return nil
	}
	return successors
}

// livingOf are the connections, not dead, that carry a label, whoever owns them.
func (b *builder) livingOf(label netstate.Link) []netstate.Connection {
	if label == "" {
		return nil
	}
	return keep(b.at.labels[label], func(c netstate.Connection) bool { return !c.Status.Dead() })
}

// successors are the links, by name, that want one of the missing rules of an extra one's group, which may be for the same peer: such as have a
// connection, which is what a rename leaves them.
func (b *builder) successors(extra netstate.RuleKey, missing []netstate.RuleKey) []*state {
	var out []*state
	for _, k := range missing {
		if p := extra.Peer.Prefix; p.IsValid() && k.Peer.Kind() == extra.Peer.Kind() && !k.Peer.Prefix.Overlaps(p) {
			continue // for others
		}
		for _, name := range b.d.Rules[k].Links {
			if s := b.byName[name]; s.conn != nil && !s.held && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	slices.SortFunc(out, func(x, y *state) int { return cmp.Compare(x.want.Name, y.want.Name) })
	return out
}

// concerned are the links that may have their own mind about an extra rule: its heirs, and the one whose name it carries.
func (b *builder) concerned(k netstate.RuleKey) []*state {
	out := b.heirs[k]
	if s := b.byName[netstate.Link(b.o.Rules[k].Tags[netstate.TagLink])]; s != nil && !slices.Contains(out, s) {
		out = append(slices.Clip(out), s)
	}
	return out
}

// leavesLiving reports whether a living connection of ours carries a label, and no entry wants its pair.
func (b *builder) leavesLiving(label netstate.Link) bool {
	return slices.ContainsFunc(b.livingOf(label), func(c netstate.Connection) bool {
		v, _ := claimConnection(b.d.Owner, c, false)
		return v == ours && b.entries[c.Pair()] == nil
	})
}
