package spec

import (
	"cmp"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// WithOwner returns the set with its owner settled: the one asked for on the command line and the one a file states must agree, and one of
// them must be given. The error is an *Errors.
func (s *Set) WithOwner(owner netstate.OwnerID) (*Set, error) {
	var ps problems
	at := s.OwnerPos
	switch {
	case owner == "" && s.Owner == "":
		ps.add(at, "", "no owner: write owner: NAME into the spec or give --owner NAME; everything peerd makes is tagged with it")
	case owner != "" && s.Owner != "" && owner != s.Owner:
		ps.add(at, "owner", "the spec says %s and --owner says %s: they must agree, or one would remove what the other made", s.Owner, quote(string(owner)))
	case owner != "":
		if _, err := parseOwner(string(owner)); err != nil {
			ps.add(at, "", "%s", err)
		}
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	out := *s
	out.Owner = cmp.Or(owner, s.Owner)
	return &out, nil
}

// Peering returns the peering with this label, nil when there is none.
func (s *Set) Peering(name netstate.Link) *Peering {
	i, found := slices.BinarySearchFunc(s.Peerings, name, func(p *Peering, name netstate.Link) int { return cmp.Compare(p.Name, name) })
	if !found {
		return nil
	}
	return s.Peerings[i]
}

func (s *Set) sort() {
	slices.SortFunc(s.Accounts, func(a, b *Account) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.VPCs, func(a, b *VPC) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Peerings, func(a, b *Peering) int { return cmp.Compare(a.Name, b.Name) })
}
