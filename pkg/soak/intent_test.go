package soak

import (
	"fmt"
	"slices"
	"strings"
)

// intent is what a commit asks for, as the test knows it: what the spec says is written from it, and what must be there is judged by it.
type intent struct {
	estate *estate
	links  []link
}

// link is one peering of the intent.
type link struct {
	name      string
	pair      pair
	reverse   bool // the second VPC requests
	dns       bool
	tables    [2]string // of each VPC of the pair: all, main or private
	ports     [2][]int  // opened in the group of each VPC to the other's CIDRs
	adopt     bool
	suspended bool
	note      string // the description of its rules
}

// next is the intent of a later commit: one or two things changed.
func (in intent) next() intent {
	e := in.estate
	out := intent{e, slices.Clone(in.links)}
	for range 1 + e.IntN(3) {
		out.change()
	}
	return out
}

func (in *intent) change() {
	e := in.estate
	i := -1
	if len(in.links) > 0 {
		i = e.IntN(len(in.links))
	}
	switch n := e.IntN(10); {
	case n < 4 || i < 0:
		in.add()
		in.add()
	case n < 6:
		in.links = slices.Delete(in.links, i, i+1)
	case n < 7:
		in.links[i].name += "x"
	case n < 8:
		in.links[i].tables = e.tables(in.links[i].pair)
	case n < 9:
		in.links[i].ports = [2][]int{e.ports(), e.ports()}
	default:
		l := &in.links[i]
		switch e.IntN(4) {
		case 0:
			l.dns = !l.dns
		case 1:
			l.suspended = !l.suspended
		case 2:
			l.note += "!"
		default:
			l.reverse = !l.reverse
		}
	}
}

func (in *intent) add() {
	e := in.estate
	p := e.anyPair()
	if slices.ContainsFunc(in.links, func(l link) bool { return l.pair == p }) {
		return
	}
	in.links = append(in.links, link{name: fmt.Sprintf("l%d-%d", p[0], p[1]), pair: p, reverse: e.IntN(2) == 0, dns: e.IntN(2) == 0, tables: e.tables(p),
		ports: [2][]int{e.ports(), e.ports()}, adopt: e.IntN(2) == 0, note: "by peerd"})
}

func (e *estate) tables(p pair) [2]string {
	var out [2]string
	for i := range out {
		choices := []string{"all", "main"}
		if len(e.vpcs[p[i]].tables) > 1 {
			choices = append(choices, "private")
		}
		out[i] = choices[e.IntN(len(choices))]
	}
	return out
}

func (e *estate) ports() []int {
	var out []int
	for _, p := range []int{80, 443, 5432} {
		if e.IntN(3) == 0 {
			out = append(out, p)
		}
	}
	return out
}

// spec is the intent as a user writes it.
func (in intent) spec() string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: peerd/v1\nowner: %s\naccounts:\n  one: {id: %q, role: peerd, regions: [eu-west-1, us-east-1]}\n  two: {id: %q, role: peerd, regions: [eu-west-1, us-east-1]}\nvpcs:\n", owner, network, payments)
	for _, v := range in.estate.vpcs {
		fmt.Fprintf(&b, "  %s: {account: %s, region: %s, id: %s}\n", v.name, map[string]string{network: "one", payments: "two"}[v.account], v.region, v.id)
	}
	if len(in.links) > 0 {
		b.WriteString("peerings:\n")
	}
	for _, l := range in.links {
		roles := [2]string{"requester", "accepter"}
		if l.reverse {
			roles[0], roles[1] = roles[1], roles[0]
		}
		fmt.Fprintf(&b, "  - name: %s\n    adopt: %t\n", l.name, l.adopt)
		if l.suspended {
			b.WriteString("    suspend: {reason: the test says so}\n")
		}
		for i, role := range roles {
			in.sideText(&b, l, i, role)
		}
	}
	return b.String()
}

func (in intent) sideText(b *strings.Builder, l link, i int, role string) {
	tables := l.tables[i]
	if tables == "private" {
		tables = "{tags: {tier: private}}"
	}
	dns := "unmanaged"
	if l.dns {
		dns = "true"
	}
	fmt.Fprintf(b, "    %s:\n      vpc: %s\n      dns: %s\n      routes: {tables: %s}\n", role, in.estate.vpcs[l.pair[i]].name, dns, tables)
	if len(l.ports[i]) > 0 {
		fmt.Fprintf(b, "      rules: [{group: app, protocol: tcp, ports: %s, description: %q}]\n", strings.ReplaceAll(fmt.Sprint(l.ports[i]), " ", ", "), l.note)
	}
}

// selected are the tables in which a link manages routes, at one of its VPCs.
func (in intent) selected(l link, i int) []string {
	tables := in.estate.vpcs[l.pair[i]].tables
	switch l.tables[i] {
	case "main":
		return tables[:1]
	case "private":
		return tables[1:]
	}
	return tables
}

// routes are the keys of the routes that a link wants.
func (in intent) routes(l link) []string {
	var out []string
	for i := range l.pair {
		here, there := in.estate.vpcs[l.pair[i]], in.estate.vpcs[l.pair[1-i]]
		for _, t := range in.selected(l, i) {
			for _, c := range there.cidrs {
				out = append(out, here.scope()+" "+t+" "+c)
			}
		}
	}
	return out
}

// rules are the keys of the rules that a link wants.
func (in intent) rules(l link) []string {
	var out []string
	for i := range l.pair {
		here, there := in.estate.vpcs[l.pair[i]], in.estate.vpcs[l.pair[1-i]]
		for _, port := range l.ports[i] {
			for _, c := range there.cidrs {
				out = append(out, fmt.Sprintf("%s %s ingress tcp %d-%d %s", here.scope(), here.group, port, port, c))
			}
		}
	}
	return out
}

func (in intent) ends(l link) [2]string {
	return [2]string{in.estate.vpcs[l.pair[0]].String(), in.estate.vpcs[l.pair[1]].String()}
}
