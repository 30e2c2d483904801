package spec

import (
	"fmt"
	"slices"
	"strings"
)

// sameAs reports whether two peerings of one pair want the same, whichever side requests and wherever it is stated.
func (p *Peering) sameAs(q *Peering) bool {
	a, b := p.wants(), q.wants()
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// wants writes down everything but names, roles and positions.
func (p *Peering) wants() []string {
	end := ""
	if p.Suspend != nil {
		end = p.Suspend.Reason + " " + p.Suspend.Until.String()
	}
	return []string{p.Sides[0].wants(), p.Sides[1].wants(), fmt.Sprintf("%t %s %q", p.Adopt, p.Tags, end)}
}

func (s Side) wants() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n%s\n%s\n%s %t\n", s.VPC.Name, s.DNS, s.Routes.Tables.wants(), s.Routes.Exclude.wants(), destsText(s.Routes.To), s.Routes.Replace)
	for _, r := range s.Rules {
		fmt.Fprintf(&b, "%q %q\n", r.atoms(), r.Description)
	}
	return b.String()
}

func (t Tables) wants() string {
	return fmt.Sprintf("%d %q %s / %s", t.Kind, t.IDs, t.Tags, t.SubnetTags)
}

func destsText(dests []Dest) string {
	var b strings.Builder
	for _, d := range dests {
		fmt.Fprintf(&b, "%s %t, ", d.Dest, d.Wider)
	}
	return b.String()
}
