package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Digest returns 12 hexadecimal digits that stay the same as long as the entry asks for the same: its label, its place in a file and a
// suspension are no part of it, defaults are. It stands in the tag peerd:entry, so that a later pass knows whether somebody changed an
// entry whose request was refused.
func (p *Peering) Digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "tags %s\nadopt %t\n", p.Tags, p.Adopt)
	for i := range p.Sides {
		p.Sides[i].digest(h)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// digest writes every field of a side that says something; one that is added later is written only where it is set, so that old entries
// keep their digest.
func (s *Side) digest(w io.Writer) {
	fmt.Fprintf(w, "side %s %s %s %v\ndns %s\n", s.VPC.Scope(), s.VPC.Select.ID, s.VPC.Select.Tags, s.VPC.CIDRs, s.DNS)
	for _, t := range []Tables{s.Routes.Tables, s.Routes.Exclude} {
		fmt.Fprintf(w, "tables %d %s {%s} {%s}\n", t.Kind, t.IDs, t.Tags, t.SubnetTags)
	}
	fmt.Fprintf(w, "replace %t\n", s.Routes.Replace)
	digestDests(w, s.Routes.To)
	for _, r := range s.Rules {
		fmt.Fprintf(w, "rule %s %s %s %s %v %q\n", r.Group, r.Account.ID, r.Direction, r.Proto, r.Ports, r.Description)
		digestDests(w, r.Peer.CIDRs)
		if r.Peer.Group != nil {
			fmt.Fprintf(w, "from %s\n", r.Peer.Group)
		}
	}
}

func digestDests(w io.Writer, to []Dest) {
	for _, d := range to {
		fmt.Fprintf(w, "to %s %t\n", d.Dest, d.Wider)
	}
}
