package plan

import (
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// asked reports whether a connection is the request that the spec expects of a partner: from exactly that account, region and VPC to ours,
// and still pending. Nothing else that a stranger sends is ever accepted (VPC Peering Guide, "Accept or reject a VPC peering connection":
// beware of requests from AWS accounts that you do not know).
func (s *state) asked(c netstate.Connection) bool {
	requester, accepter := &s.want.Ends[0], &s.want.Ends[1]
	return !requester.Managed && accepter.Managed && c.Requester == requester.VPC && c.Accepter == accepter.VPC && c.Status == netstate.Pending
}

// checkPartner holds the link if EC2 shows of an unmanaged side more than the spec declares: before its request is accepted, and again when
// the connection is active, since EC2 then shows all that it brings.
func (b *builder) checkPartner(s *state) {
	for _, side := range []netstate.Side{netstate.RequesterSide, netstate.AccepterSide} {
		e := s.endOf(s.conn.VPC(side))
		if e.Managed {
			continue
		}
		for _, c := range s.conn.Shows[side] {
			if !slices.ContainsFunc(e.CIDRs, func(d netip.Prefix) bool { return netstate.Inside(c, d) }) {
				s.held = true
				b.problem(s, e.Pos, HoldsLink, CodeBeyondPinned, "%s shows %s of %s, which vpcs.%s.cidrs does not declare: add it there if it is meant, or have them disassociate it", s.conn.ID, c, e.VPC, e.Name)
			}
		}
	}
}
