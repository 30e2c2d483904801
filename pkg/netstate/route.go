package netstate

import "net/netip"

// Dest is a route's destination: a prefix or a prefix list, exactly one.
type Dest struct {
	Prefix netip.Prefix
	List   PrefixListID
}

// String returns the CIDR or the prefix list's id.
func (d Dest) String() string {
	if d.List != "" {
		return string(d.List)
	}
	return d.Prefix.String()
}

// RouteKey is a route's identity: what AWS would call a duplicate. A propagated route may stand beside a static one of the same
// destination (VPC User Guide, "Route priority"), so it is another key.
type RouteKey struct {
	Scope
	Table      TableID
	Dest       Dest
	Propagated bool
}

// Compare orders routes by scope, table, destination; a propagated one comes last.
func (k RouteKey) Compare(o RouteKey) int {
	if c := k.Scope.Compare(o.Scope); c != 0 {
		return c
	}
	if k.Table != o.Table {
		return compare(k.Table, o.Table)
	}
	if k.Dest.List != o.Dest.List {
		return compare(k.Dest.List, o.Dest.List)
	}
	if c := ComparePrefix(k.Dest.Prefix, o.Dest.Prefix); c != 0 || k.Propagated == o.Propagated {
		return c
	}
	if o.Propagated {
		return -1
	}
	return 1
}

// TargetKind says what a route points at, after EC2's field that names it.
type TargetKind string

// The kinds that peerd tells apart; every other target is TargetOther.
const (
	TargetPeering TargetKind = "peering"
	TargetLocal   TargetKind = "local"
	TargetOther   TargetKind = "other"
)

// Target is what a route points at.
type Target struct {
	Kind TargetKind
	ID   string // pcx-…, igw-…, local, …
}

// ToPeering returns the target that is this connection.
func ToPeering(id ConnID) Target { return Target{TargetPeering, string(id)} }

// String returns the target's id.
func (t Target) String() string { return t.ID }

// RouteState is EC2's state of a route: active, blackhole or filtered.
type RouteState string

// Blackhole is the state of a route whose target does not carry traffic.
const Blackhole RouteState = "blackhole"

// OriginCreateRoute is the origin of routes made by a call of CreateRoute, the only ones peerd ever touches.
const OriginCreateRoute = "CreateRoute"

// Route is what stands at a RouteKey.
type Route struct {
	Target Target
	Origin string
	State  RouteState
}

// TableKey is a route table's identity.
type TableKey struct {
	Scope
	ID TableID
}

// Table is a route table as far as selectors and guards ask for it.
type Table struct {
	VPC     VPCID
	Main    bool
	Gateway bool // associated with a gateway: holds no peering routes (VPC User Guide, "Gateway route tables")
	Subnets []SubnetID
	Tags    Tags
}
