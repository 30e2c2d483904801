package world

import (
	"net/netip"
	"slices"
)

// NewBlock is what AssociateVpcCidrBlock is asked for: one of the two.
type NewBlock struct {
	CIDR       string
	AmazonIPv6 bool
}

// AssociateVpcCidrBlock adds a secondary CIDR (VPC User Guide, "Secondary CIDR blocks", which also has the rules for peered VPCs).
func (w *World) AssociateVpcCidrBlock(at At, id string, in NewBlock) (Block, *Error) {
	r := w.in(at.Scope)
	v, err := get(vpcKind, r.vpcs, id)
	if err != nil {
		return Block{}, err
	}
	if (in.CIDR != "") == in.AmazonIPv6 {
		return Block{}, refuse("InvalidParameterCombination", "Exactly one of cidrBlock and amazonProvidedIpv6CidrBlock must be specified")
	}
	p, err := w.asked(at, v, in)
	if err != nil {
		return Block{}, err
	}
	if full(len(v.Prefixes(in.AmazonIPv6)), w.Quota(at.Account).CIDRs) {
		return Block{}, refuse("CidrLimitExceeded", "This network '%s' has met its maximum number of allowed CIDRs: %d", id, w.Quota(at.Account).CIDRs)
	}
	if err := w.peersAllow(at, End{at.Scope, id}, p); err != nil {
		return Block{}, err
	}
	b := w.block(at.Now.Add(w.Delays.Associating), p)
	v.Blocks = append(slices.Clip(v.Blocks), b)
	r.vpcs[id] = v
	w.failOverlapped(at, End{at.Scope, id}, p)
	return b, nil
}

func (w *World) asked(at At, v VPC, in NewBlock) (netip.Prefix, *Error) {
	if in.AmazonIPv6 {
		return w.amazonIPv6(), nil
	}
	return w.secondary(at, v, in.CIDR)
}

// secondary checks an IPv4 CIDR against the VPC itself: its other CIDRs, the private range it lives in, and its routes.
func (w *World) secondary(at At, v VPC, text string) (netip.Prefix, *Error) {
	p, err := vpcCIDR(text)
	if err != nil {
		return p, err
	}
	if overlapping(v.all(), []netip.Prefix{p}) {
		return p, refuse("InvalidVpc.Range", "The CIDR '%s' conflicts with another CIDR of the VPC.", p)
	}
	if restricted(v.Prefixes(false), p) {
		return p, refuse("InvalidVpc.Range", "The CIDR '%s' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR.", p)
	}
	for _, t := range w.in(at.Scope).tables {
		for _, route := range t.Routes {
			if t.VPC == v.ID && route.Dest.Prefix.IsValid() && within(route.Dest.Prefix, p) {
				return p, refuse("InvalidVpc.Range", "The CIDR '%s' is equal to or larger than the destination %s of a route in %s.", p, route.Dest, t.ID)
			}
		}
	}
	return p, nil
}

// ranges are those of RFC 1918, and one of AWS's own; CIDRs of one do not join those of another.
var ranges = []netip.Prefix{mustCIDR("10.0.0.0/8"), mustCIDR("172.16.0.0/12"), mustCIDR("192.168.0.0/16"), mustCIDR("198.19.0.0/16")}

// restricted says whether a CIDR may not join those that a VPC has, the first of which is the primary one (VPC User Guide, "IPv4 CIDR block
// association restrictions").
func restricted(have []netip.Prefix, p netip.Prefix) bool {
	low := func(q netip.Prefix) bool { return within(q, mustCIDR("10.0.0.0/15")) }
	switch r := addressRange(p); {
	case within(p, linkLocal), r.IsValid() && r != addressRange(have[0]):
		return true
	case within(p, mustCIDR("172.31.0.0/16")):
		return true
	}
	return within(p, mustCIDR("10.0.0.0/16")) && slices.ContainsFunc(have, low)
}

// addressRange is which of the ranges a CIDR lies in; none is publicly routable, or 100.64.0.0/10.
func addressRange(p netip.Prefix) netip.Prefix {
	for _, r := range ranges {
		if within(p, r) {
			return r
		}
	}
	return netip.Prefix{}
}

var linkLocal = mustCIDR("169.254.0.0/16") // not to be assigned to VPCs

// peersAllow: an active connection forbids what overlaps the peer; while a request waits, its requester may add nothing at all.
// AWS does not document the error code.
func (w *World) peersAllow(at At, end End, p netip.Prefix) *Error {
	for c := range w.touching(end) {
		switch c.Status(at.Now) {
		case Active, Provisioning:
			if overlapping(w.prefixes(c.other(end)), []netip.Prefix{p}) {
				return refuse("InvalidVpc.Range", "The CIDR '%s' overlaps a CIDR of the peer VPC in %s.", p, c.ID)
			}
		case Initiating, Pending:
			if c.Ends[Requester] == end {
				return refuse("OperationNotPermitted", "A CIDR cannot be added to %s while its request %s is pending.", end.VPC, c.ID)
			}
		}
	}
	return nil
}

// failOverlapped: the accepter may add what overlaps the requester; that fails the request.
func (w *World) failOverlapped(at At, end End, p netip.Prefix) {
	for c := range w.touching(end) {
		if s := c.Status(at.Now); (s == Pending || s == Initiating) && overlapping(w.prefixes(c.other(end)), []netip.Prefix{p}) {
			failed := c.copy()
			failed.Failed = at.Now
			w.put(failed)
		}
	}
}

// DisassociateVpcCidrBlock removes a secondary CIDR that no subnet uses.
func (w *World) DisassociateVpcCidrBlock(at At, association string) (VPC, Block, *Error) {
	r := w.in(at.Scope)
	for id, v := range r.vpcs {
		i := slices.IndexFunc(v.Blocks, func(b Block) bool { return b.Association == association })
		if i < 0 {
			continue
		}
		b := v.Blocks[i]
		if i == 0 {
			return v, b, refuse("OperationNotPermitted", "The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC", association)
		}
		for _, s := range r.subnets {
			if s.VPC == id && s.uses(b.Prefix) {
				return v, b, refuse("InvalidCidrBlock.InUse", "The vpc CIDR block %s is in use by %s.", b.Prefix, s.ID)
			}
		}
		v.Blocks = slices.Delete(slices.Clone(v.Blocks), i, i+1)
		r.vpcs[id] = v
		return v, b, nil
	}
	return VPC{}, Block{}, refuse("InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID '%s' does not exist", association)
}
