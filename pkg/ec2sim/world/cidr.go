package world

import "net/netip"

// parseCIDR reads a CIDR and clears its host bits, as EC2 does before it stores one (EC2 API reference, CreateVpc: "we modify
// the specified CIDR block to its canonical form").
func parseCIDR(text, parameter string, v6 bool) (netip.Prefix, *Error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is6() != v6 || p.Addr().Is4In6() {
		return netip.Prefix{}, invalid("Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", text, parameter)
	}
	return p.Masked(), nil
}

// within says whether inner is equal to outer or more specific.
func within(inner, outer netip.Prefix) bool {
	return inner.Bits() >= outer.Bits() && outer.Contains(inner.Addr())
}

func overlapping(as, bs []netip.Prefix) bool {
	for _, a := range as {
		for _, b := range bs {
			if a.Overlaps(b) {
				return true
			}
		}
	}
	return false
}

func texts(ps []netip.Prefix) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.String()
	}
	return out
}
