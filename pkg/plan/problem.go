package plan

import (
	"cmp"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// Severity is how much a problem stops.
type Severity int

// The severities of a problem, the smallest first.
const (
	Warns      Severity = iota // nothing: it is said
	BlocksItem                 // one route, rule or option is left out
	HoldsSide                  // one side's options, routes and rules are left as they are
	HoldsLink                  // nothing of the peering is changed
)

// The codes of problems; stable, for people to search and for tools to match.
const (
	CodeUnread         = "unread"              // a listing that the peering needs could not be read
	CodeVPCMissing     = "vpc-missing"         // no VPC matches
	CodeVPCAmbiguous   = "vpc-ambiguous"       // several VPCs match
	CodeVPCMoved       = "vpc-moved"           // tags find another VPC than the living connection joins
	CodeOverlap        = "cidr-overlap"        // EC2 refuses to peer overlapping VPCs
	CodeBeyondPinned   = "cidr-beyond-pinned"  // the VPC brings more than the spec allows
	CodeProtected      = "protected-range"     // a range that is never routed or opened
	CodeOutside        = "destination-outside" // a destination that is not the peer's
	CodeLocal          = "destination-local"   // a destination within the VPC whose route it is to be
	CodeNoTables       = "tables-missing"      // a table selector that matches nothing
	CodeGroupMissing   = "group-missing"       // no security group matches
	CodeGroupAmbiguous = "group-ambiguous"     // several security groups match
	CodeDNSOff         = "dns-attributes-off"  // the VPCs must have DNS support and hostnames on
	CodeForeignConn    = "connection-foreign"  // a connection of this pair that is not ours
	CodeUnknownStatus  = "connection-unknown"  // a state that peerd does not know
	CodeConnFailed     = "connection-failed"   // EC2 gave the request up
	CodeRejected       = "connection-rejected" // somebody of the other side said no
	CodeDeleted        = "connection-deleted"  // somebody deleted it, and one side is not ours to judge
	CodeExpired        = "connection-expired"  // nobody accepted it, as often as is asked
	CodeResting        = "resting"             // it failed before, and its time has not come again
	CodeStuck          = "connection-stuck"    // it has been in a passing state for too long
	CodeRouteConflict  = "route-conflict"      // the destination points elsewhere
	CodeRouteContested = "route-contested"     // two peerings want one destination in one table
	CodeTwin           = "connection-twin"     // two live connections of one pair
	CodeSuspendOver    = "suspend-over"        // the entry suspends it until a time that is past
	CodeTwoNames       = "vpc-two-names"       // two entries turn out to be one pair of VPCs
	CodePrefixList     = "prefix-list"         // a prefix list that is missing or reaches outside
)

// Problem is why something that the spec asks for cannot be had, and what to do.
type Problem struct {
	Link     netstate.Link
	Code     string
	Pos      spec.Pos
	Severity Severity
	Message  string
}

// String returns "file:line:col: code: message", without a place where the spec has none.
func (p Problem) String() string {
	if p.Pos == (spec.Pos{}) {
		return p.Code + ": " + p.Message
	}
	return p.Pos.String() + ": " + p.Code + ": " + p.Message
}

func sortProblems(ps []Problem) {
	slices.SortFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
}
