package spec

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
)

// Pos is a place in a spec file; lines and columns count from 1.
type Pos struct {
	File      string
	Line, Col int
}

// String returns "file:line:col".
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Set is a whole spec, valid in itself: names resolved, defaults merged, meshes and hubs turned into peerings.
type Set struct {
	Owner     netstate.OwnerID // empty when no file states it; see WithOwner
	OwnerPos  Pos              // where a file states it, else the top of the first file
	Accounts  []*Account       // sorted by name
	VPCs      []*VPC           // sorted by name
	Peerings  []*Peering       // explicit and generated, sorted by name
	Protected []netip.Prefix   // never routed or opened, masked and sorted
}

// Account is one AWS account and how to reach it.
type Account struct {
	Pos             Pos
	Name            string
	ID              netstate.AccountID
	Managed         bool // false: no credentials, their side is theirs to do
	Role, ReadRole  string
	ExternalID      string
	Profile         string
	SessionDuration time.Duration // zero: 15 minutes
	STSRegion       netstate.Region
	Regions         []netstate.Region // looked at for leftovers, besides those of its VPCs
	Quotas          Quotas
}

// Quotas are an account's limits where the spec states them; zero means not stated.
type Quotas struct{ PeeringsPerVPC, OutstandingRequests, RoutesPerTable, RulesPerGroup int }

// VPC is a VPC as the spec names it.
type VPC struct {
	Pos     Pos
	Name    string
	Account *Account
	Region  netstate.Region
	Select  netstate.VPCSelector
	CIDRs   []netip.Prefix // pinned: what it may bring; masked and sorted. Empty: whatever is associated
}

// Scope returns the account and region in which the VPC is.
func (v *VPC) Scope() netstate.Scope { return netstate.Scope{Account: v.Account.ID, Region: v.Region} }

// Peering is one link between two VPCs, complete: defaults and generator values are merged in.
type Peering struct {
	Pos     Pos
	Name    netstate.Link
	From    string  // "mesh NAME" or "hub NAME" when generated; empty when written out
	Sides   [2]Side // requester, accepter
	Tags    netstate.Tags
	Adopt   bool
	Suspend *Suspend
}

// Suspend takes a peering out of peerd's hands: drift is measured, nothing is changed.
type Suspend struct {
	Pos    Pos
	Reason string
	Until  time.Time // zero: without end
}

// Side is what one VPC of a peering gets.
type Side struct {
	Pos    Pos
	VPC    *VPC
	DNS    netstate.Tri // unknown: not managed
	Routes Routes
	Rules  []Rule
}

// Routes says which tables of a side route which destinations to the peer.
type Routes struct {
	Pos     Pos
	Tables  Tables // the zero value selects nothing: that of an unmanaged side
	Exclude Tables
	To      []Dest // empty: every associated CIDR of the peer
	Replace bool   // onConflict: replace
}

// Tables selects route tables of a VPC.
type Tables struct {
	Pos        Pos
	Kind       TablesKind
	IDs        []netstate.TableID // SelectIDs
	Tags       netstate.Tags      // SelectTags
	SubnetTags netstate.Tags      // SelectSubnets: the tables in effect for subnets with these tags
}

// TablesKind is the form of a table selector.
type TablesKind int

// The forms of a table selector; the zero value selects nothing.
const (
	SelectNone TablesKind = iota
	SelectAll
	SelectMain
	SelectIDs
	SelectTags
	SelectSubnets
)

// Dest is a destination of routes or a peer of rules: a prefix, which lies inside the peer unless Wider, or a prefix list.
type Dest struct {
	Pos   Pos
	Dest  netstate.Dest
	Wider bool
}

// Rule is one entry of rules; it stands for a rule of every port range with every peer.
type Rule struct {
	Pos         Pos
	Group       netstate.GroupSelector
	Account     *Account // whose group it is; never nil
	Direction   netstate.Direction
	Proto       netstate.Proto
	Ports       []netstate.PortRange // as EC2 keeps them; never empty
	Peer        RulePeer
	Description string
}

// RulePeer is the other end of a rule. The zero value means the peer's CIDRs as they are routed.
type RulePeer struct {
	Pos   Pos
	CIDRs []Dest                  // stated prefixes or prefix lists
	Group *netstate.GroupSelector // a group on the other side, same region only
}
