package world

import (
	"net/netip"
	"strings"
)

// reserved prefixes take no routes (VPC User Guide, "Subnet route tables": link-local and the EC2 services' own).
var reserved = []netip.Prefix{netip.MustParsePrefix("169.254.168.0/22"), netip.MustParsePrefix("fd00:ec2::/32")}

// checkDest refuses destinations that the table cannot hold for this target.
func (w *World) checkDest(at At, t Table, r Route) *Error {
	if r.Dest.List != "" {
		if t.Edge() {
			return invalid("Route table %s is associated with a gateway and cannot have a prefix list as destination", t.ID)
		}
		_, err := get(listKind, w.in(at.Scope).lists, r.Dest.List)
		return err
	}
	for _, p := range reserved {
		if within(r.Dest.Prefix, p) {
			return invalid("The destination CIDR block %s is reserved and cannot be routed", r.Dest)
		}
	}
	return w.checkLocal(at, t, r)
}

// checkLocal: inside the VPC's own CIDRs only a network interface, NAT gateway or gateway load balancer endpoint may be a
// target, and only for a whole subnet (VPC User Guide, "Routing for a middlebox appliance"). Wider than the VPC is allowed.
func (w *World) checkLocal(at At, t Table, r Route) *Error {
	inner := r.Target.Kind == ToInterface || r.Target.Kind == ToNAT || r.Target.Kind == ToEndpoint || r.Target.Kind == ToInstance
	for _, p := range w.in(at.Scope).vpcs[t.VPC].all() {
		switch {
		case !within(r.Dest.Prefix, p):
		case !inner:
			return invalid("The destination CIDR block %s is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.", r.Dest)
		case r.Dest.Prefix == p:
			return refuse("RouteAlreadyExists", "The route identified by %s already exists.", r.Dest)
		case !w.isSubnet(at, t.VPC, r.Dest.Prefix):
			return invalid("The destination CIDR block %s does not match a subnet of this VPC", r.Dest)
		}
	}
	return nil
}

func (w *World) isSubnet(at At, vpc string, p netip.Prefix) bool {
	for _, s := range w.in(at.Scope).subnets {
		if s.VPC == vpc && (s.CIDR == p || s.IPv6 == p) {
			return true
		}
	}
	return false
}

// checkTarget refuses targets that do not exist, are of another VPC, or do not belong in a gateway's table.
func (w *World) checkTarget(at At, t Table, to Target) *Error {
	if t.Edge() && to.Kind != ToInterface && to.Kind != ToEndpoint {
		return invalid("Route table %s is associated with a gateway and cannot have %s as target", t.ID, to.ID)
	}
	if to.Kind == ToPeering {
		return w.checkPeeringTarget(at, t, to.ID)
	}
	r := w.in(at.Scope)
	if WellFormed("igw", to.ID) {
		g, err := get(gatewayKind, r.gateways, to.ID)
		if err == nil && g.VPC != t.VPC {
			return invalid("route table %s and network gateway %s belong to different networks", t.ID, to.ID)
		}
		return err
	}
	if r.others[to.ID] {
		return nil
	}
	return goneTarget(to)
}

// goneTarget is the NotFound of each kind of target (EC2 Developer Guide, "Error codes").
func goneTarget(to Target) *Error {
	code := map[TargetKind]string{
		ToGateway: "InvalidGatewayID.NotFound", ToNAT: "InvalidNatGatewayID.NotFound", ToTransit: "InvalidTransitGatewayID.NotFound",
		ToInterface: "InvalidNetworkInterfaceID.NotFound", ToInstance: "InvalidInstanceID.NotFound", ToEndpoint: "InvalidVpcEndpointId.NotFound",
		ToEgressOnly: "InvalidGatewayID.NotFound", ToCarrier: "InvalidCarrierGatewayID.NotFound", ToLocalGW: "InvalidLocalGatewayID.NotFound",
	}[to.Kind]
	noun := strings.TrimSuffix(string(to.Kind), "Id")
	return refuse(code, "The %s ID '%s' does not exist", strings.ToLower(noun[:1])+noun[1:], to.ID)
}

// checkPeeringTarget: the connection must be seen here and have the table's VPC as one end. Pending is good enough: the route
// is a blackhole until the connection is active (VPC Peering Guide, "Update your route tables").
func (w *World) checkPeeringTarget(at At, t Table, id string) *Error {
	c, err := w.connection(at, id)
	if err != nil {
		return err
	}
	if !c.joins(End{at.Scope, t.VPC}) {
		return refuse(or(w.Switches.ForeignConnectionRoute, "InvalidParameterValue"), "route table %s and network gateway %s belong to different networks", t.ID, id)
	}
	if dead := c.Status(at.Now).Terminal(); dead && w.Switches.RouteToDead != "succeed" {
		if w.Switches.RouteToDead == "" {
			return w.connectionGone(id)
		}
		return refuse(w.Switches.RouteToDead, "The vpc peering connection %s is %s", id, c.Status(at.Now))
	}
	return nil
}
