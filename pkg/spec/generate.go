package spec

import (
	"cmp"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// maxGenerated bounds the pairs that meshes and hubs make together. EC2 allows 125 peerings of one VPC, so that no mesh of more than 126 can be.
const maxGenerated = 50_000

// generator is a mesh or a hub.
type generator struct {
	*loader
	at   *node
	kind string // "mesh" or "hub"
	name string
	made []*draft
}

// generate returns what meshes and hubs make, by pair. They are taken in the order of their names, not of files: where two make the same
// peering, the label is that of the first.
func (l *loader) generate() map[pair]*draft {
	made, sum := map[pair]*draft{}, 0
	for _, g := range l.generators() {
		sum += g.size()
		if sum > maxGenerated {
			l.ps.at(g.at, "meshes and hubs make more than %d peerings up to here: EC2 allows at most 125 of one VPC", maxGenerated)
			break
		}
		g.make()
		for _, d := range g.made {
			if other := made[d.pair()]; other != nil {
				l.checkSame(other, d)
				continue
			}
			made[d.pair()] = d
		}
	}
	return made
}

// generators returns meshes, then hubs, each sorted by name and each name once.
func (l *loader) generators() []*generator {
	var all []*generator
	for _, section := range []string{"meshes", "hubs"} {
		first := map[string]*node{}
		kind := map[string]string{"meshes": "mesh", "hubs": "hub"}[section]
		for _, n := range l.lists[section] {
			name := n.get("name")
			if name == nil {
				continue
			}
			if other := first[name.text]; other != nil {
				l.twice(name, other)
				continue
			}
			first[name.text] = name
			all = append(all, &generator{loader: l, at: n, kind: kind, name: name.text})
		}
	}
	slices.SortStableFunc(all, func(a, b *generator) int { return cmp.Or(-cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name)) })
	return all
}

// size returns how many pairs there are at most.
func (g *generator) size() int {
	if n := len(g.at.list("vpcs")); g.kind == "mesh" {
		return n * (n - 1) / 2
	}
	return len(g.at.list("spokes"))
}

func (g *generator) make() {
	if g.kind == "mesh" {
		g.mesh()
		return
	}
	g.hub()
}

// mesh makes a peering of every pair of members; the first in sort order requests.
func (g *generator) mesh() {
	members := g.members("vpcs")
	excluded := g.excluded(members)
	side := g.at.get("side")
	for i, a := range members {
		for _, b := range members[i+1:] {
			d := g.draft(a.vpc.Name+"--"+b.vpc.Name, a, b)
			d.sides = [2]*node{side, side}
			if !excluded[d.pair()] {
				g.made = append(g.made, d)
			}
		}
	}
}

// hub makes a peering of the hub with every spoke; the hub requests.
func (g *generator) hub() {
	named := g.at.get("hub")
	vpc := find(g.loader, named, g.vpcs, "vpcs")
	if vpc != nil && !vpc.Account.Managed {
		g.refuseStated(g.at.get("hubSide"), vpc)
	}
	for _, spoke := range g.members("spokes") {
		switch {
		case vpc == nil:
		case spoke.vpc == vpc:
			g.ps.at(spoke.named, "%s is the hub itself: remove it from the spokes", vpc.Name)
		default:
			d := g.draft(spoke.vpc.Name, member{named, vpc}, spoke)
			d.sides = [2]*node{g.at.get("hubSide"), g.at.get("spokeSide")}
			g.made = append(g.made, d)
		}
	}
}

// member is a VPC and where it is named.
type member struct {
	named *node
	vpc   *VPC
}

// members returns the VPCs of a list, sorted by name.
func (g *generator) members(field string) []member {
	var out []member
	seen := map[string]bool{}
	for _, n := range g.at.list(field) {
		if seen[n.text] {
			g.ps.at(n, "%s is listed twice: keep one", quote(n.text))
			continue
		}
		seen[n.text] = true
		if v := find(g.loader, n, g.vpcs, "vpcs"); v != nil {
			out = append(out, member{n, v})
		}
	}
	slices.SortFunc(out, func(a, b member) int { return cmp.Compare(a.vpc.Name, b.vpc.Name) })
	return out
}

// excluded reads the pairs that a mesh leaves out.
func (g *generator) excluded(members []member) map[pair]bool {
	out := map[pair]bool{}
	for _, n := range g.at.list("exclude") {
		if n.broken {
			continue
		}
		a, b := g.memberNamed(n.items[0], members), g.memberNamed(n.items[1], members)
		if a != nil && b != nil {
			out[(&draft{vpcs: [2]*VPC{a, b}}).pair()] = true
		}
	}
	return out
}

func (g *generator) memberNamed(n *node, members []member) *VPC {
	names := make([]string, len(members))
	for i, m := range members {
		if names[i] = m.vpc.Name; names[i] == n.text {
			return m.vpc
		}
	}
	stated := g.at.get("vpcs") // without members that is the complaint, not each exclusion
	if _, known := g.vpcs[n.text]; stated != nil && !stated.broken && !(known && g.vpcs[n.text] == nil) {
		g.ps.at(n, "%s is not a member of mesh %s, so there is nothing to exclude%s", quote(n.text), g.name, didYouMean(n.text, names))
	}
	return nil
}

func (g *generator) draft(label string, a, b member) *draft {
	return &draft{
		at: g.at, name: netstate.Link(g.name + "/" + label), from: g.kind + " " + g.name,
		vpcs: [2]*VPC{a.vpc, b.vpc}, named: [2]*node{a.named, b.named},
		adopt: g.at.get("adopt"), tags: g.at.get("tags"), suspend: g.at.get("suspend"),
	}
}

// checkSame complains about two generators that make different peerings of one pair.
func (l *loader) checkSame(first, second *draft) {
	if l.items > maxItems {
		return
	}
	quiet := *l
	quiet.ps, quiet.checked = &problems{}, nil
	same := quiet.finish(first).sameAs(quiet.finish(second))
	l.items = quiet.items
	if l.tooMany(second) || same {
		return
	}
	l.ps.at(second.named[1], "%s and %s both peer %s with %s, and want different things of it: exclude the pair from one, or make their sides, adopt, tags and suspend equal",
		first.from, second.from, second.vpcs[0].Name, second.vpcs[1].Name)
}
