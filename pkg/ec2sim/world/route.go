package world

import (
	"net/netip"
	"slices"
	"time"
)

// Dest is where a route leads: a prefix or a prefix list, exactly one. With the table it is the identity of the route.
type Dest struct {
	Prefix netip.Prefix
	List   string
}

// String is the prefix or the list.
func (d Dest) String() string {
	if d.List != "" {
		return d.List
	}
	return d.Prefix.String()
}

func (d Dest) v4() string {
	if d.Prefix.IsValid() && d.Prefix.Addr().Is4() {
		return d.Prefix.String()
	}
	return ""
}

func (d Dest) v6() string {
	if d.Prefix.IsValid() && d.Prefix.Addr().Is6() {
		return d.Prefix.String()
	}
	return ""
}

// TargetKind is the name of the parameter that carries a target.
type TargetKind string

// The kinds of target. vpce- ids come back as a gateway id.
const (
	ToGateway    TargetKind = "GatewayId"
	ToNAT        TargetKind = "NatGatewayId"
	ToTransit    TargetKind = "TransitGatewayId"
	ToPeering    TargetKind = "VpcPeeringConnectionId"
	ToInterface  TargetKind = "NetworkInterfaceId"
	ToInstance   TargetKind = "InstanceId"
	ToEgressOnly TargetKind = "EgressOnlyInternetGatewayId"
	ToEndpoint   TargetKind = "VpcEndpointId"
	ToCarrier    TargetKind = "CarrierGatewayId"
	ToLocalGW    TargetKind = "LocalGatewayId"

	ToCoreNetwork TargetKind = "CoreNetworkArn" // of Cloud WAN; in world files only
)

// TargetKinds lists those that CreateRoute can be given.
var TargetKinds = []TargetKind{
	ToGateway, ToNAT, ToTransit, ToPeering, ToInterface, ToInstance, ToEgressOnly, ToEndpoint, ToCarrier, ToLocalGW,
}

// Target is where matching traffic goes.
type Target struct {
	Kind TargetKind
	ID   string
}

// Origins of routes.
const (
	ByTable       = "CreateRouteTable"
	ByCall        = "CreateRoute"
	ByPropagation = "EnableVgwRoutePropagation"
)

// Route is one that somebody made, or that a gateway propagates.
type Route struct {
	Dest   Dest
	Target Target
	Origin string
	Pinned string    // a state that a world file fixed
	Listed time.Time // from when Describe shows it
}

// RouteView is a route with its state, which EC2 works out when asked.
type RouteView struct {
	Route
	State string
}

// tableView adds local routes and states. A route survives its target and turns blackhole; it revives when the target does
// (VPC Peering Guide, "Update your route tables").
func (w *World) tableView(at At, t Table) TableView {
	v := TableView{Table: t}
	for _, p := range w.in(Scope{at.Account, at.Region}).vpcs[t.VPC].all() {
		v.Shown = append(v.Shown, RouteView{Route{Dest: Dest{Prefix: p}, Target: Target{ToGateway, "local"}, Origin: ByTable}, "active"})
	}
	for _, r := range t.Routes {
		if !at.Now.Before(r.Listed) {
			v.Shown = append(v.Shown, RouteView{r, w.routeState(at, t, r)})
		}
	}
	return v
}

func (w *World) routeState(at At, t Table, r Route) string {
	alive := true
	switch {
	case r.Pinned != "":
		return r.Pinned
	case r.Target.Kind == ToPeering:
		c, ok := w.conns[r.Target.ID]
		alive = ok && c.Status(at.Now) == Active
	case WellFormed("igw", r.Target.ID):
		alive = w.in(at.Scope).gateways[r.Target.ID].VPC == t.VPC
	}
	if alive {
		return "active"
	}
	return "blackhole"
}

// RouteRequest names a route: CreateRoute and ReplaceRoute take all of it, DeleteRoute only the destination.
type RouteRequest struct {
	Table, CIDR, IPv6CIDR, List string
	Targets                     []Target
}

// String is the destination as it was sent.
func (in RouteRequest) String() string { return in.CIDR + in.IPv6CIDR + in.List }

// dest reads the one destination, in canonical form.
func (in RouteRequest) dest() (Dest, *Error) {
	given := 0
	for _, s := range []string{in.CIDR, in.IPv6CIDR, in.List} {
		if s != "" {
			given++
		}
	}
	switch {
	case given == 0:
		return Dest{}, refuse("MissingParameter", "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, destinationPrefixListId")
	case given > 1:
		return Dest{}, refuse("InvalidParameterCombination", "The parameter destinationCidrBlock cannot be used with the parameter destinationIpv6CidrBlock or destinationPrefixListId")
	case in.List != "":
		return Dest{List: in.List}, listKind.check(in.List)
	case in.CIDR != "":
		p, err := parseCIDR(in.CIDR, "destinationCidrBlock", false)
		return Dest{Prefix: p}, err
	}
	p, err := parseCIDR(in.IPv6CIDR, "destinationIpv6CidrBlock", true)
	return Dest{Prefix: p}, err
}

// exact says whether a destination was written as EC2 keeps it. CreateRoute clears host bits; ReplaceRoute and DeleteRoute must name the
// destination exactly (EC2 API reference, DeleteRoute: "The value you specify must match the CIDR for the route exactly").
func (in RouteRequest) exact(d Dest) bool {
	if d.List != "" {
		return true
	}
	p, err := netip.ParsePrefix(in.CIDR + in.IPv6CIDR)
	return err == nil && p == d.Prefix
}

// route checks everything that CreateRoute and ReplaceRoute have in common.
func (w *World) route(at At, in RouteRequest) (Table, Route, *Error) {
	t, err := get(tableKind, w.in(at.Scope).tables, in.Table)
	if err != nil {
		return t, Route{}, err
	}
	d, err := in.dest()
	if err != nil {
		return t, Route{}, err
	}
	if len(in.Targets) == 0 {
		return t, Route{}, refuse("MissingParameter", "The request must contain exactly one route target")
	}
	if len(in.Targets) > 1 {
		return t, Route{}, refuse("InvalidParameterCombination", "The request must contain exactly one route target")
	}
	r := Route{Dest: d, Target: in.Targets[0], Origin: ByCall, Listed: at.Now.Add(w.Delays.Routes)}
	if err := w.checkTarget(at, t, r.Target); err != nil {
		return t, r, err
	}
	return t, r, w.checkDest(at, t, r)
}

// CreateRoute adds a route. A propagated route to the same destination does not hinder it.
func (w *World) CreateRoute(at At, in RouteRequest) *Error {
	t, r, err := w.route(at, in)
	if err != nil {
		return err
	}
	if i := t.index(r.Dest); i >= 0 {
		if t.Routes[i].Target == r.Target && w.Switches.IdenticalCreateRoute != "fail" {
			return nil
		}
		return refuse("RouteAlreadyExists", "The route identified by %s already exists.", r.Dest)
	}
	if w.routesUsed(at, t, r.Dest)+w.weight(at, r.Dest) > w.Quota(at.Account).Routes && w.Quota(at.Account).Routes > 0 {
		return refuse(or(w.Switches.RouteLimitCode, "RouteLimitExceeded"), "The maximum number of routes has been reached.")
	}
	t.Routes = append(slices.Clip(t.Routes), r)
	w.in(at.Scope).tables[t.ID] = t
	return nil
}

// ReplaceRoute gives an existing destination another target, with no moment in between. Its error for a destination that is
// not there is InvalidParameterValue, unlike DeleteRoute's.
func (w *World) ReplaceRoute(at At, in RouteRequest) *Error {
	t, r, err := w.route(at, in)
	if err != nil {
		return err
	}
	i := t.index(r.Dest)
	if i < 0 || !in.exact(r.Dest) {
		return invalid("There is no route defined for '%s' in the route table. Use CreateRoute instead.", in)
	}
	r.Listed = t.Routes[i].Listed
	t.Routes = slices.Clone(t.Routes)
	t.Routes[i] = r
	w.in(at.Scope).tables[t.ID] = t
	return nil
}

// DeleteRoute removes a route that a call made.
func (w *World) DeleteRoute(at At, in RouteRequest) *Error {
	t, err := get(tableKind, w.in(at.Scope).tables, in.Table)
	if err != nil {
		return err
	}
	d, err := in.dest()
	if err != nil {
		return err
	}
	if d.Prefix.IsValid() && slices.Contains(w.in(at.Scope).vpcs[t.VPC].all(), d.Prefix) {
		return invalid("cannot remove local route %s in route table %s", d, t.ID)
	}
	i := t.index(d)
	if i < 0 || !in.exact(d) {
		return refuse("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", in, t.ID)
	}
	t.Routes = slices.Delete(slices.Clone(t.Routes), i, i+1)
	w.in(at.Scope).tables[t.ID] = t
	return nil
}

// index finds the route a call made; propagated ones are out of reach.
func (t Table) index(d Dest) int {
	return slices.IndexFunc(t.Routes, func(r Route) bool { return r.Dest == d && r.Origin == ByCall })
}

// routesUsed counts the routes of a table in the family of a destination; local routes count, propagated ones do not, and a
// prefix list counts with its maximum number of entries (VPC User Guide, "Amazon VPC quotas").
func (w *World) routesUsed(at At, t Table, d Dest) int {
	v6 := w.isV6(at, d)
	used := len(w.in(at.Scope).vpcs[t.VPC].Prefixes(v6))
	for _, r := range t.Routes {
		if r.Origin != ByPropagation && w.isV6(at, r.Dest) == v6 {
			used += w.weight(at, r.Dest)
		}
	}
	return used
}

func (w *World) weight(at At, d Dest) int {
	if d.List != "" {
		return w.in(at.Scope).lists[d.List].Max
	}
	return 1
}

func (w *World) isV6(at At, d Dest) bool {
	if d.List != "" {
		return w.in(at.Scope).lists[d.List].Family == "IPv6"
	}
	return d.Prefix.Addr().Is6()
}
