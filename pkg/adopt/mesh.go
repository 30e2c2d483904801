package adopt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// mesh is a set of at least three VPCs, every pair of which is peered alike: one entry says it.
type mesh struct {
	name    string
	members []string // names of VPCs, sorted
	of      *link    // any of its peerings
}

// likeness is equal for peerings that one mesh may have.
type likeness struct{ text, label string }

// meshes finds the peerings that meshes say, and returns the others.
func (b *builder) meshes() (out []mesh, rest []*link) {
	alike := map[likeness][]*link{}
	for _, l := range b.links {
		if k, ok := l.likeness(); ok {
			alike[k] = append(alike[k], l)
		}
	}
	in, taken := map[*link]bool{}, map[string]bool{}
	for _, k := range slices.SortedFunc(maps.Keys(alike), func(a, b likeness) int { return strings.Compare(a.label+"\n"+a.text, b.label+"\n"+b.text) }) {
		for _, members := range cliques(alike[k]) {
			name := k.label
			for n := 1; name == "" || taken[name] && k.label == ""; n++ {
				name = fmt.Sprintf("mesh-%d", n)
			}
			if taken[name] {
				continue // what is ours keeps its labels, and a name is one mesh's
			}
			taken[name] = true
			m := mesh{name: name, members: members}
			for _, l := range alike[k] {
				if slices.Contains(members, l.Sides[0].VPC.Name) && slices.Contains(members, l.Sides[1].VPC.Name) {
					in[l], m.of = true, l
				}
			}
			out = append(out, m)
		}
	}
	return out, slices.DeleteFunc(slices.Clone(b.links), func(l *link) bool { return in[l] })
}

// likeness says what a mesh that has the peering says, if one may: nothing is to be remarked on, both sides are the same, and what is ours is
// labelled as a mesh labels it.
func (l *link) likeness() (likeness, bool) {
	if len(l.notes) > 0 || l.conn.Status != netstate.Active || !l.ends[0].managed() || !l.ends[1].managed() {
		return likeness{}, false
	}
	texts := [2]string{}
	for i, s := range l.Sides {
		var err error
		if texts[i], err = encoded(plainSide(s)); err != nil {
			return likeness{}, false
		}
	}
	k := likeness{text: texts[0] + l.Tags.String()}
	if texts[0] != texts[1] || !l.ours {
		return k, texts[0] == texts[1]
	}
	names := []string{l.Sides[0].VPC.Name, l.Sides[1].VPC.Name}
	slices.Sort(names)
	label, ok := strings.CutSuffix(string(l.Name), "/"+names[0]+"--"+names[1])
	k.label = label
	return k, ok && plainName(label) == label && label != ""
}

// cliques are sets of at least three VPCs, all of whose pairs are among the peerings; no pair is in two of them.
func cliques(links []*link) [][]string {
	joined := map[[2]string]bool{}
	names := map[string]bool{}
	for _, l := range links {
		a, b := l.Sides[0].VPC.Name, l.Sides[1].VPC.Name
		joined[[2]string{a, b}], joined[[2]string{b, a}] = true, true
		names[a], names[b] = true, true
	}
	var out [][]string
	all := slices.Sorted(maps.Keys(names))
	for _, first := range all {
		set := []string{first}
		for _, next := range all {
			if !slices.ContainsFunc(set, func(have string) bool { return !joined[[2]string{have, next}] }) {
				set = append(set, next)
			}
		}
		if len(set) < 3 {
			continue
		}
		for _, a := range set {
			for _, b := range set {
				delete(joined, [2]string{a, b})
			}
		}
		slices.Sort(set)
		out = append(out, set)
	}
	return out
}

// side is what each member's side is.
func (m mesh) side() spec.Side { return m.of.Sides[0] }
