package spec

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
)

// parseCIDR reads a network; one with host bits is refused, because which network was meant is a guess.
func parseCIDR(s string) (any, error) {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return nil, errors.New(notCIDR(s))
	case p.Addr().Is4In6():
		return nil, fmt.Errorf("%s is IPv4 written as IPv6: write the IPv4 CIDR", s)
	case p != p.Masked():
		return nil, fmt.Errorf("%s has host bits set: the network is %s", s, p.Masked())
	}
	return p, nil
}

func notCIDR(s string) string {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" && !a.Is4In6() {
		return fmt.Sprintf("%s is an address, not a network: write %s", s, netip.PrefixFrom(a, a.BitLen()))
	}
	if base, _, ok := strings.Cut(s, "/"); ok {
		if a, err := netip.ParseAddr(base); err == nil && a.Zone() == "" {
			return fmt.Sprintf("%s has a wrong length: after the / comes a number from 0 to %d", quote(s), a.BitLen())
		}
	}
	return fmt.Sprintf("%s is not a CIDR, such as 10.20.0.0/16 or 2001:db8:12::/56", quote(s))
}

// reserved are ranges in which no VPC peer can be: nothing is routed or opened to a part of them (VPC User Guide, "Route table
// concepts", and the IANA special-purpose registries). A wider destination may contain them.
var reserved = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("169.254.168.0/22"), "reserved by EC2"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "reserved by EC2"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local: the instance metadata service is there"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// forbidden says why nothing may be routed or opened to a prefix: it is not even to touch a protected range. Empty when it may.
func (s *Set) forbidden(p netip.Prefix) string {
	for _, r := range s.Protected {
		if r.Overlaps(p) {
			return fmt.Sprintf("%s touches %s, which is listed under protected", p, r)
		}
	}
	return inReserved(p)
}

// useless says why a pinned CIDR could never be routed; one that merely contains a protected range is a bound, and may.
func (s *Set) useless(p netip.Prefix) string {
	for _, r := range s.Protected {
		if netstate.Inside(p, r) {
			return fmt.Sprintf("%s lies in %s, which is listed under protected", p, r)
		}
	}
	return inReserved(p)
}

func inReserved(p netip.Prefix) string {
	if r, what := Reserved(p); what != "" {
		return fmt.Sprintf("%s lies in %s, which is %s", p, r, what)
	}
	return ""
}

// Reserved returns the range that a prefix lies in and in which no VPC peer can be, and what it is; empty when there is none.
func Reserved(p netip.Prefix) (in netip.Prefix, what string) {
	for _, r := range reserved {
		if netstate.Inside(p, r.prefix) {
			return r.prefix, r.what
		}
	}
	return in, ""
}

// insideAny reports whether the prefix lies within one of the others.
func insideAny(p netip.Prefix, others []netip.Prefix) bool {
	return slices.ContainsFunc(others, func(o netip.Prefix) bool { return netstate.Inside(p, o) })
}

// overlap returns the first two prefixes of a and b that overlap.
func overlap(a, b []netip.Prefix) (x, y netip.Prefix, found bool) {
	for _, x := range a {
		for _, y := range b {
			if x.Overlaps(y) {
				return x, y, true
			}
		}
	}
	return x, y, false
}

func joinPrefixes(ps []netip.Prefix) string {
	words := make([]string, len(ps))
	for i, p := range ps {
		words[i] = p.String()
	}
	return strings.Join(words, ", ")
}
