package spec

import (
	"cmp"
	"slices"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
)

// draft is a peering before defaults are merged in: written out, or made by a mesh or hub.
type draft struct {
	at    *node // the entry, or the mesh or hub
	name  netstate.Link
	from  string
	vpcs  [2]*VPC
	named [2]*node // where each VPC is named, for complaints
	sides [2]*node // what is stated for each; nil when nothing is

	adopt, tags, suspend *node
}

// pair is the identity of a peering: two VPCs, whichever of them requests.
type pair struct{ a, b *VPC }

func (d *draft) pair() pair {
	a, b := d.vpcs[0], d.vpcs[1]
	if b.Name < a.Name {
		a, b = b, a
	}
	return pair{a, b}
}

// makePeerings makes the peerings that are written out and those that meshes and hubs make of the remaining pairs.
func (l *loader) makePeerings() {
	made := l.generate()
	explicit := map[pair]*draft{}
	var drafts []*draft
	for _, n := range l.lists["peerings"] {
		d := l.explicit(n)
		if d == nil {
			continue
		}
		if first := explicit[d.pair()]; first != nil {
			l.ps.at(n, "peers %s with %s, as %s does, at %s: a pair of VPCs has one peering, whichever of them requests", d.vpcs[0].Name, d.vpcs[1].Name, first.name, first.at.pos)
			continue
		}
		explicit[d.pair()] = d
		drafts = append(drafts, d.over(made[d.pair()]))
	}
	for p, d := range made {
		if explicit[p] == nil {
			drafts = append(drafts, d)
		}
	}
	// The order of drafts decides only which of several equal complaints is kept.
	slices.SortStableFunc(drafts, func(a, b *draft) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.name, b.name)) })
	for _, d := range drafts {
		if l.items > maxItems {
			return
		}
		if d.from != "" {
			l.claim(d.name, d.at.get("name"))
		}
		l.checkPair(d)
		l.set.Peerings = append(l.set.Peerings, l.finish(d))
	}
}

// claim takes a label, which is to be taken once.
func (l *loader) claim(name netstate.Link, n *node) {
	first, taken := l.labels[name]
	switch {
	case n == nil:
	case taken:
		l.ps.at(n, "the name %s is taken, at %s: names are global, choose another", quote(string(name)), first)
	default:
		l.labels[name] = n.pos
	}
}

// explicit reads a peering that is written out; nil when it does not say enough to be compared with others.
func (l *loader) explicit(n *node) *draft {
	d := &draft{at: n, name: value[netstate.Link](n.get("name")), adopt: n.get("adopt"), tags: n.get("tags"), suspend: n.get("suspend")}
	l.claim(d.name, n.get("name"))
	for i, role := range []string{"requester", "accepter"} {
		side := n.get(role)
		d.sides[i], d.named[i] = side, side.get("vpc")
		d.vpcs[i] = find(l, d.named[i], l.vpcs, "vpcs")
		if d.vpcs[i] != nil && !d.vpcs[i].Account.Managed {
			l.refuseStated(side, d.vpcs[i])
		}
	}
	switch {
	case d.vpcs[0] == nil || d.vpcs[1] == nil:
		return nil
	case d.vpcs[0] == d.vpcs[1]:
		l.ps.at(d.named[1], "%s is peered with itself: name two VPCs", d.vpcs[0].Name)
		return nil
	}
	return d
}

// refuseStated complains about a side that states what peerd could not do there.
func (l *loader) refuseStated(side *node, v *VPC) {
	if side == nil {
		return
	}
	for _, field := range []string{"dns", "routes", "rules"} {
		if f := side.get(field); f != nil {
			l.ps.at(f, "account %s of VPC %s is not managed: %s of this side are theirs to do, so remove them here", v.Account.Name, v.Name, field)
		}
	}
}

// over returns the draft with what a mesh or hub states of the same pair merged in beneath.
func (d *draft) over(made *draft) *draft {
	if made == nil {
		return d
	}
	out := *d
	for i, v := range d.vpcs {
		j := slices.Index(made.vpcs[:], v)
		out.sides[i] = merge(plainSideShape, made.sides[j], d.sides[i])
	}
	out.adopt = cmp.Or(d.adopt, made.adopt)
	out.tags = merge(ownTags, made.tags, d.tags)
	out.suspend = merge(suspendShape, made.suspend, d.suspend)
	return &out
}

// checkPair complains about two VPCs that EC2 would not peer, or that peerd could not.
func (l *loader) checkPair(d *draft) {
	a, b := d.vpcs[0], d.vpcs[1]
	if !a.Account.Managed && !b.Account.Managed {
		l.ps.at(d.named[1], "neither %s nor %s is in a managed account: peerd has no side of this peering to do", a.Name, b.Name)
	}
	if p, q := a.Region.Partition(), b.Region.Partition(); p != q {
		l.ps.at(d.named[1], "%s is in partition %s and %s in %s: EC2 does not peer across partitions", a.Name, p, b.Name, q)
	}
	if x, y, found := overlap(a.CIDRs, b.CIDRs); found {
		l.ps.each(d.named[1], "%s of %s overlaps %s of %s: EC2 does not peer VPCs whose CIDRs overlap, whichever of them are used", x, a.Name, y, b.Name)
	}
}

// finish merges the defaults in.
func (l *loader) finish(d *draft) *Peering {
	p := &Peering{Pos: d.at.pos, Name: d.name, From: d.from, Adopt: value[bool](d.adopt), Suspend: suspend(d.suspend)}
	p.Tags = tagsOf(merge(ownTags, l.defaults.get("tags"), d.tags))
	if len(p.Tags) > maxTags {
		l.ps.in(d.at, "tags", "%d tags with those of defaults: at most %d are possible, EC2 keeps 50 and some are peerd's own", len(p.Tags), maxTags)
	}
	for i := range p.Sides {
		p.Sides[i] = l.side(d, i)
	}
	return p
}

func suspend(n *node) *Suspend {
	if n == nil {
		return nil
	}
	return &Suspend{Pos: n.pos, Reason: value[string](n.get("reason")), Until: value[time.Time](n.get("until"))}
}
