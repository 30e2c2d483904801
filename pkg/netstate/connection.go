package netstate

import (
	"net/netip"
	"time"
)

// Status is a peering connection's state code (VPC Peering Guide, "VPC peering connection lifecycle").
type Status string

// The nine states that EC2 documents.
const (
	Initiating   Status = "initiating-request"
	Pending      Status = "pending-acceptance"
	Provisioning Status = "provisioning"
	Active       Status = "active"
	Failed       Status = "failed"
	Expired      Status = "expired"
	Rejected     Status = "rejected"
	Deleting     Status = "deleting"
	Deleted      Status = "deleted"
)

// Alive reports whether the connection carries traffic or still may.
func (s Status) Alive() bool {
	return s == Initiating || s == Pending || s == Provisioning || s == Active
}

// Dead reports whether the connection is over: EC2 keeps showing such ones for hours or days, beside a living one of the same pair.
func (s Status) Dead() bool {
	return s == Failed || s == Expired || s == Rejected || s == Deleting || s == Deleted
}

// progress orders the states of a connection's life, which never goes back. A state that is not known comes last, so that it is never
// overlooked.
var progress = map[Status]int{
	Initiating: 1, Pending: 2, Provisioning: 3, Active: 4, Deleting: 5, Failed: 6, Expired: 6, Rejected: 6, Deleted: 6,
}

// After reports whether a state comes later in a connection's life: of two views that differ, the later one is the newer.
func (s Status) After(earlier Status) bool {
	rank := func(s Status) int {
		if r, ok := progress[s]; ok {
			return r
		}
		return 7
	}
	return rank(s) > rank(earlier)
}

// Side is a role in a connection, and the index of its view.
type Side int

// The two sides of a connection.
const (
	RequesterSide Side = 0
	AccepterSide  Side = 1
)

// String returns "requester" or "accepter".
func (s Side) String() string { return [...]string{"requester", "accepter"}[s] }

// Other returns the opposite side.
func (s Side) Other() Side { return 1 - s }

// View is what one side's account and region show of a connection. Tags are per view: those set by one side are not seen by the other.
type View struct {
	Seen bool
	Tags Tags
	DNS  Tri // AllowDnsResolutionFromRemoteVpc of this side; absent in a reply means unknown, not false
}

// Owner returns the owner tag of the view, empty when there is none.
func (v View) Owner() OwnerID { return OwnerID(v.Tags[TagOwner]) }

// Connection is a VPC peering connection, put together from the views that could be read.
type Connection struct {
	ID                  ConnID
	Requester, Accepter VPC
	Status              Status
	Message             string    // EC2's own words; for people, never for decisions
	Expires             time.Time // of a pending request; zero when not shown
	Views               [2]View
	Shows               [2][]netip.Prefix // what EC2 says that each side brings; of a pending request the requester's only, if any
}

// Pair returns the connection's unordered pair of VPCs.
func (c Connection) Pair() Pair { return NewPair(c.Requester, c.Accepter) }

// VPC returns the VPC of one side.
func (c Connection) VPC(s Side) VPC {
	if s == RequesterSide {
		return c.Requester
	}
	return c.Accepter
}

// SideOf returns the side that a VPC has in this connection.
func (c Connection) SideOf(v VPC) Side {
	if c.Requester == v {
		return RequesterSide
	}
	return AccepterSide
}

// SameScope reports whether both sides are one account and region: then there is one view only, with one set of tags.
func (c Connection) SameScope() bool { return c.Requester.Scope == c.Accepter.Scope }
