package netstate

import (
	"net/netip"
	"slices"
)

// Facts are what one look showed of a VPC.
type Facts struct {
	CIDRs        []netip.Prefix // associated IPv4 and IPv6 CIDRs, sorted; those not in state "associated" are left out
	Tags         Tags
	DNSSupport   Tri // enableDnsSupport; unknown when it was not asked for
	DNSHostnames Tri // enableDnsHostnames; likewise
}

// Families reports whether the VPC has IPv4 and IPv6 CIDRs.
func (f Facts) Families() (v4, v6 bool) {
	for _, p := range f.CIDRs {
		if p.Addr().Is4() {
			v4 = true
		} else {
			v6 = true
		}
	}
	return v4, v6
}

// Subnet is a subnet, as far as selectors and traces ask for it.
type Subnet struct {
	VPC   VPCID
	CIDRs []netip.Prefix // the IPv4 one and the associated IPv6 ones, sorted
	Tags  Tags
}

// SubnetKey is a subnet's identity.
type SubnetKey struct {
	Scope
	ID SubnetID
}

// PrefixList is a managed prefix list: MaxEntries is what it counts against quotas (VPC User Guide, prefix lists).
type PrefixList struct {
	MaxEntries int // zero: not shown, as of AWS's own lists
	V6         bool
	Entries    []netip.Prefix // of lists that the spec names and customers' lists that routes use
}

// PrefixListKey is a prefix list's identity.
type PrefixListKey struct {
	Scope
	ID PrefixListID
}

// VPCSelector names a VPC by its id or by tags that exactly one VPC of the scope carries.
type VPCSelector struct {
	ID   VPCID
	Tags Tags
}

// Match reports whether the selector means this VPC.
func (s VPCSelector) Match(id VPCID, tags Tags) bool {
	if s.ID != "" {
		return s.ID == id
	}
	return tags.Match(s.Tags)
}

// ComparePrefix orders IPv4 before IPv6, then by address, then wider first.
func ComparePrefix(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

// SortPrefixes returns the prefixes masked, sorted and without repeats.
func SortPrefixes(in []netip.Prefix) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(in))
	for _, p := range in {
		out = append(out, p.Masked())
	}
	slices.SortFunc(out, ComparePrefix)
	return slices.Compact(out)
}

// Inside reports whether inner lies wholly within outer.
func Inside(inner, outer netip.Prefix) bool {
	return inner.Bits() >= outer.Bits() && outer.Contains(inner.Addr())
}
