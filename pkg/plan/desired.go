package plan

import (
	"net/netip"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// Desired is what the spec asks for, with every name and selector resolved against one look.
type Desired struct {
	Owner netstate.OwnerID
	Links []*DesiredLink // sorted by name
	Rules map[netstate.RuleKey]*DesiredRule
	Known map[netstate.AccountID]bool // accounts that the spec names, and whether they are managed
	Empty bool                        // the spec has no peerings at all

	o      *netstate.Observed       // the look
	at     *index                   // of it
	unread map[*netstate.Error]bool // listings that a link complained of
}

// DesiredLink is one peering as it should be.
type DesiredLink struct {
	Name      netstate.Link
	Pos       spec.Pos
	Ends      [2]End // requester, accepter, as in the spec
	Tags      netstate.Tags
	Adopt     bool
	Suspended string // the reason; empty: not suspended
	Held      bool   // nothing of it is changed, and nothing of it is known for sure
	Unknown   bool   // held, and it is not even known which two VPCs it joins, or what is there of them

	entry *spec.Peering // that it is of
}

// Pair returns the link's identity.
func (l *DesiredLink) Pair() netstate.Pair { return netstate.NewPair(l.Ends[0].VPC, l.Ends[1].VPC) }

// End is one VPC of a link and what it should have.
type End struct {
	VPC     netstate.VPC
	Name    string // the VPC's name in the spec
	Managed bool
	Held    bool           // its options, routes and rules are left as they are
	CIDRs   []netip.Prefix // what it brings into the peering
	Pinned  []netip.Prefix // what the spec allows it to bring; empty: whatever is associated
	DNS     netstate.Tri   // unknown: not managed
	Replace bool           // onConflict: replace
	Pos     spec.Pos
	Tables  map[netstate.TableID]bool      // selected: only their routes are ours to manage
	Routes  map[netstate.RouteKey]spec.Pos // to the link's connection

	RuleScopes []netstate.Scope // where its rules' groups are, resolved or not
}

// DesiredRule is a security-group rule as it should be. Rules belong to the owner, not to one peering: several may want the same.
type DesiredRule struct {
	Links       []netstate.Link // who wants it, sorted
	Pos         spec.Pos        // of the entry of the first of them to be seen
	VPC         netstate.VPC    // whose group it is
	PeerAccount netstate.AccountID
	Description string // empty: not managed
	Tags        netstate.Tags
}
