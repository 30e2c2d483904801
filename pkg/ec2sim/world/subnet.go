package world

import "net/netip"

// Subnet is a part of a VPC in one availability zone.
type Subnet struct {
	ID, VPC, Owner, Zone string
	CIDR                 netip.Prefix
	IPv6                 netip.Prefix // invalid: none
	Tags                 Tags
}

// uses says whether the subnet lies in a CIDR of its VPC.
func (s Subnet) uses(p netip.Prefix) bool {
	return p.Overlaps(s.CIDR) || s.IPv6.IsValid() && p.Overlaps(s.IPv6)
}

// NewSubnet is what CreateSubnet is asked for.
type NewSubnet struct {
	VPC, CIDR, IPv6, Zone string
	Tags                  Tags
}

// CreateSubnet makes a subnet inside the CIDRs of its VPC and outside its other subnets (VPC User Guide, "Subnet CIDR blocks").
func (w *World) CreateSubnet(at At, in NewSubnet) (Subnet, *Error) {
	r := w.in(at.Scope)
	v, err := get(vpcKind, r.vpcs, in.VPC)
	if err != nil {
		return Subnet{}, err
	}
	s := Subnet{VPC: v.ID, Owner: at.Account, Zone: or(in.Zone, at.Region+"a"), Tags: in.Tags}
	if s.Zone[:len(s.Zone)-1] != at.Region {
		return s, invalid("Value (%s) for parameter availabilityZone is invalid.", in.Zone)
	}
	if s.CIDR, err = w.subnetRange(r, v, in.CIDR, false); err != nil {
		return s, err
	}
	if in.IPv6 != "" {
		if s.IPv6, err = w.subnetRange(r, v, in.IPv6, true); err != nil {
			return s, err
		}
	}
	if err := w.CheckTags(at.Account, in.Tags); err != nil {
		return s, err
	}
	have := 0
	for _, o := range r.subnets {
		if o.VPC == v.ID {
			have++
		}
	}
	if full(have, w.Quota(at.Account).Subnets) {
		return s, refuse("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
	}
	s.ID = w.newID("subnet")
	return w.AddSubnet(at, s), nil
}

// AddSubnet puts a subnet into the world, under the default network ACL of its VPC.
func (w *World) AddSubnet(at At, s Subnet) Subnet {
	s.Owner = at.Account
	r := w.in(at.Scope)
	r.subnets[s.ID] = s
	for _, a := range r.acls {
		if a.VPC == s.VPC && a.Default {
			w.attachACL(r, a.ID, s.ID)
		}
	}
	return s
}

func (w *World) subnetRange(r *region, v VPC, text string, v6 bool) (netip.Prefix, *Error) {
	if text == "" {
		return netip.Prefix{}, missing("cidrBlock")
	}
	p, err := parseCIDR(text, "cidrBlock", v6)
	if err != nil {
		return p, err
	}
	inside := false
	for _, b := range v.Prefixes(v6) {
		inside = inside || within(p, b)
	}
	if !inside || !v6 && p.Bits() > 28 {
		return p, refuse("InvalidSubnet.Range", "The CIDR '%s' is invalid.", text)
	}
	for _, s := range r.subnets {
		if s.VPC == v.ID && s.uses(p) {
			return p, refuse("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", text)
		}
	}
	return p, nil
}

// DeleteSubnet removes a subnet that no interface is in, and its associations.
func (w *World) DeleteSubnet(at At, id string) *Error {
	r := w.in(at.Scope)
	if _, err := get(subnetKind, r.subnets, id); err != nil {
		return err
	}
	if r.inUse(id) {
		return refuse("DependencyViolation", "The subnet '%s' has dependencies and cannot be deleted.", id)
	}
	for _, t := range r.tables {
		for _, a := range t.Associations {
			if a.Subnet == id {
				_ = w.DisassociateRouteTable(at, a.ID) // a subnet's association is never the main one
			}
		}
	}
	for _, a := range r.acls {
		w.detachACL(r, a.ID, id)
	}
	delete(r.subnets, id)
	return nil
}

// Subnets lists the subnets that the scope sees.
func (w *World) Subnets(at At, q Query) ([]Subnet, *Error) {
	id := func(s Subnet) string { return s.ID }
	others := func(o At, v VPC) []Subnet {
		return inVPC(w.in(o.Scope).subnets, func(s Subnet) string { return s.VPC }, v.ID, func(s *Subnet) { s.Tags = nil })
	}
	return find(w, q, listing[Subnet]{
		kind: subnetKind, all: described(w, at, sorted(w.in(at.Scope).subnets), others, id), id: id, tags: func(s Subnet) Tags { return s.Tags },
		fields: fields[Subnet]{
			"subnet-id":         func(s Subnet) []string { return one(s.ID) },
			"vpc-id":            func(s Subnet) []string { return one(s.VPC) },
			"owner-id":          func(s Subnet) []string { return one(s.Owner) },
			"availability-zone": func(s Subnet) []string { return one(s.Zone) },
			"state":             func(Subnet) []string { return one("available") },
			"cidr-block":        func(s Subnet) []string { return one(s.CIDR.String()) },
			"ipv6-cidr-block-association.ipv6-cidr-block": func(s Subnet) []string {
				if !s.IPv6.IsValid() {
					return nil
				}
				return one(s.IPv6.String())
			},
		},
	})
}
