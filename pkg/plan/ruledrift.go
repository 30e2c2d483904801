package plan

import (
	"cmp"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// ruleActions compares the rules of all links at once: rules belong to the owner, not to one peering.
func (b *builder) ruleActions() {
	want, have := map[netstate.RuleKey]bool{}, map[netstate.RuleKey]bool{}
	for k := range b.d.Rules {
		want[k] = true
	}
	for k, r := range b.o.Rules {
		switch claimRule(b.d.Owner, r, want[k]) {
		case ours:
			have[k] = true
			if want[k] {
				b.mendRule(k, r)
			}
		case satisfies:
			have[k] = true
		}
	}
	d := diff(want, have, netstate.RuleKey.Compare)
	b.findHeirs(d)
	replaced := b.changeInPlace(d)
	for _, k := range d.missing {
		if s := b.ruleLink(k); s != nil && replaced[k] == "" {
			w := b.d.Rules[k]
			b.addRule(s, k, AllowRule{s.head(k.Scope, !s.active(), "not in the group"), k, w.PeerAccount, w.Description, w.Tags}, ResourceRule, DriftMissing)
		}
	}
	taken := map[netstate.RuleID]bool{}
	for _, id := range replaced {
		taken[id] = true
	}
	for _, k := range d.extra {
		b.extraRule(k, b.o.Rules[k], taken)
	}
}

// changeInPlace pairs a rule of ours that is no longer wanted with a missing one that differs from it in its ports or its peer only:
// ModifySecurityGroupRules turns one into the other without a gap, and keeps id and tags (EC2 API reference). It cannot change the
// direction or the kind of peer, and names a group without its account. Where a held peering may want the old rule, the new one is added
// beside it instead; but left as it is where those peerings are only out of this look.
func (b *builder) changeInPlace(d delta[netstate.RuleKey]) map[netstate.RuleKey]netstate.RuleID {
	out, used := map[netstate.RuleKey]netstate.RuleID{}, map[netstate.RuleKey]bool{}
	extra := map[netstate.GroupKey][]netstate.RuleKey{}
	for _, k := range d.extra {
		g := netstate.GroupKey{Scope: k.Scope, ID: k.Group}
		extra[g] = append(extra[g], k)
	}
	for _, k := range d.missing {
		s, blind := b.ruleLink(k), b.blindRules[k.Scope]
		if s == nil || blind && !b.opt.Near {
			continue
		}
		for _, old := range extra[netstate.GroupKey{Scope: k.Scope, ID: k.Group}] {
			r := b.o.Rules[old]
			if used[old] || !alike(old, k) || !b.mayBecome(s, k, old) || r.ID == "" {
				continue
			}
			w := b.d.Rules[k]
			if old.Peer != k.Peer && w.PeerAccount != "" && w.PeerAccount != k.Account {
				continue
			}
			used[old], out[k] = true, r.ID
			change := ChangeRule{s.head(k.Scope, !s.active(), "the entry changed"), r.ID, old, k, w.PeerAccount, cmp.Or(w.Description, r.Description)}
			if blind {
				b.leaveRule(s, k, change, ResourceRule, DriftChanged)
				break
			}
			b.addRule(s, k, change, ResourceRule, DriftChanged)
			b.mendTags(s, k, r, !s.active())
			break
		}
	}
	return out
}

// mayBecome reports whether an unwanted rule of ours is free to be turned into another: it is that of a peering which wants the other one
// now, and of none that is suspended or held while somebody else acts. One that only seems to be, since no entry and no connection has its
// label any more, would be removed as a leftover's, and so is changed only where it might be. One whose label a leftover carries too may
// still be what that needs, until it is removed itself: pruning may be off, or it may be withheld.
func (b *builder) mayBecome(actor *state, k, old netstate.RuleKey) bool {
	wanting := b.wanting(k)
	mine := func(s *state) bool { return slices.Contains(wanting, s) }
	label := netstate.Link(b.o.Rules[old].Tags[netstate.TagLink])
	known := b.byName[label] != nil || len(b.livingOf(label)) > 0
	if label == "" || !known && !b.opt.Prune || b.leavesLiving(label) || !slices.ContainsFunc(b.heirs[old], mine) {
		return false
	}
	return !slices.ContainsFunc(b.concerned(old), func(s *state) bool { return s != actor && (s.left() != "" || s.anyHeld() && !mine(s)) })
}

// alike reports whether one rule of a group may become another: the same direction and kind of peer, and either the same traffic or the
// same peer.
func alike(a, b netstate.RuleKey) bool {
	if a.Dir != b.Dir || a.Peer.Kind() != b.Peer.Kind() {
		return false
	}
	return a.Peer == b.Peer || a.Proto == b.Proto && a.Ports == b.Ports
}

// mendRule corrects description and tags of a rule that is ours and wanted. A description that the spec does not state is not managed.
// While a peering that may have its own mind about the rule is held, the difference is reported and left.
func (b *builder) mendRule(k netstate.RuleKey, r netstate.Rule) {
	s, w := b.ruleLink(k), b.d.Rules[k]
	if s == nil {
		return
	}
	if w.Description != "" && w.Description != r.Description {
		b.mendOrLeave(k, r)(s, k, DescribeRule{s.head(k.Scope, false, "the description differs"), r.ID, k, w.Description}, ResourceRule, DriftChanged)
	}
	b.mendTags(s, k, r, false)
}

// mendTags corrects the tags of a rule of ours that is wanted as k, or is about to become it.
func (b *builder) mendTags(s *state, k netstate.RuleKey, r netstate.Rule, waits bool) {
	w := b.d.Rules[k]
	missing := r.Tags.Missing(w.Tags)
	if slices.Contains(w.Links, netstate.Link(r.Tags[netstate.TagLink])) {
		delete(missing, netstate.TagLink) // shared: whoever made it may stand on it
	}
	if len(missing) > 0 {
		b.mendOrLeave(k, r)(s, k, TagRule{s.head(k.Scope, waits, "the rule lacks them"), r.ID, k, missing}, ResourceTags, DriftMissing)
	}
}

// mendOrLeave returns how a difference of a rule is recorded: it is mended unless a held peering may have its own mind about the rule.
func (b *builder) mendOrLeave(k netstate.RuleKey, r netstate.Rule) func(*state, netstate.RuleKey, Action, Resource, DriftKind) {
	if b.mindUnknown(k, r) {
		return b.leaveRule
	}
	return b.addRule
}

// mindUnknown reports whether a held peering may want the rule otherwise than those that are not held: the one whose label it carries, or
// one that has rules in that account and region. In a look at a few peerings nearly all others are held, and the words and tags of a rule
// that was made for one of the few, and is wanted by it, are its own.
func (b *builder) mindUnknown(k netstate.RuleKey, r netstate.Rule) bool {
	name := netstate.Link(r.Tags[netstate.TagLink])
	label := b.byName[name]
	if label != nil && label.anyHeld() {
		return true
	}
	own := b.opt.Near && slices.Contains(b.opt.Only, name) && slices.Contains(b.d.Rules[k].Links, name)
	return b.blindRules[k.Scope] && !own
}

// ruleLink returns the link that acts for a rule: of those that want it and are not held there, one that may act before a suspended one,
// then one that this pass is for and that has not failed in it, then one with an active connection, then the first by name.
func (b *builder) ruleLink(k netstate.RuleKey) *state {
	var best *state
	for _, s := range b.wanting(k) {
		if best == nil || slices.Compare(b.fitness(s), b.fitness(best)) > 0 {
			best = s
		}
	}
	return best
}

// wanting are the links that want a rule and are not held there, by name.
func (b *builder) wanting(k netstate.RuleKey) []*state {
	var out []*state
	for _, name := range b.d.Rules[k].Links {
		if s := b.byName[name]; !s.held && !s.heldAt(b.d.Rules[k].VPC) {
			out = append(out, s)
		}
	}
	return out
}

func (b *builder) fitness(s *state) []int {
	chosen := (len(b.opt.Only) == 0 || slices.Contains(b.opt.Only, s.want.Name)) && !b.opt.Avoid[s.want.Name]
	return []int{one(s.want.Suspended == ""), one(chosen), one(s.active())}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// addRule takes an action on a shared rule into the plan once, and its difference into the drift of every link that wants the rule: none
// of them is in sync without it.
func (b *builder) addRule(s *state, k netstate.RuleKey, a Action, r Resource, kind DriftKind) {
	b.add(s, a, r, kind)
	for _, other := range b.wanting(k) {
		if other == s {
			continue
		}
		b.drift(other.want.Name, r, kind, a.String()[len("+ "):], other.left())
		if s.left() == "" {
			b.out.shared[other.want.Name] = append(b.out.shared[other.want.Name], Key(a))
		}
	}
}

// leaveRule records a difference of a shared rule that is not mended while a peering is held.
func (b *builder) leaveRule(_ *state, k netstate.RuleKey, a Action, r Resource, kind DriftKind) {
	for _, s := range b.wanting(k) {
		b.drift(s.want.Name, r, kind, a.String()[len("~ "):], heldMayWant)
	}
}

// extraRule removes or reports a rule of ours that nobody wants, unless a peering that may have made it could not be resolved whole. It goes
// with its heir's removals, and so after what that adds; where there is none, with a leftover's.
func (b *builder) extraRule(k netstate.RuleKey, r netstate.Rule, taken map[netstate.RuleID]bool) {
	concerned := b.concerned(k)
	if taken[r.ID] || slices.ContainsFunc(concerned, (*state).anyHeld) {
		return
	}
	label := netstate.Link(r.Tags[netstate.TagLink])
	suspended, why := b.suspendedRule(k, label), ""
	for _, s := range concerned {
		suspended = cmp.Or(suspended, s.left())
	}
	var of netstate.Link
	if len(b.heirs[k]) > 0 {
		of = b.heirs[k][0].want.Name
	} else {
		of = b.leftover(label, string(r.ID)).Name
	}
	if b.byName[label] == nil {
		why = b.unreadAround(k.Scope, label)
	}
	a := RevokeRule{head{Of: of, At: k.Scope, Why: "no peering wants it"}, r.ID, k}
	if why != "" {
		b.removeUnless(why, a, ResourceRule)
		return
	}
	b.remove(a, ResourceRule, suspended)
}

// unreadAround names an account and region of a leftover's rule, or of its connection, that could not be read whole: nothing of it goes then.
func (b *builder) unreadAround(rule netstate.Scope, label netstate.Link) string {
	scopes := []netstate.Scope{rule}
	for _, c := range b.at.labels[label] {
		scopes = append(scopes, c.Requester.Scope, c.Accepter.Scope)
	}
	for _, at := range scopes {
		if b.notWhole(at) {
			return at.String() + " could not be read"
		}
	}
	return ""
}

// notWhole reports whether a listing is missing without which nothing of a leftover can be judged.
func (b *builder) notWhole(at netstate.Scope) bool {
	return b.o.Missing(at, netstate.ListConnections, netstate.ListVPCs, netstate.ListTables, netstate.ListRules) != nil
}
