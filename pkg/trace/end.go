package trace

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// end is one end of a question: addresses in a VPC.
type end struct {
	vpc     netstate.VPC
	names   []*spec.VPC // the spec's names for it
	sets    []netip.Prefix
	grouped bool // it is known which groups it has
	groups  map[netstate.GroupID]bool
}

func (e end) managed() bool { return e.names[0].Account.Managed }

func (e end) String() string { return e.names[0].Name }

// found is a VPC of the spec as it was observed.
type found struct {
	vpc   netstate.VPC
	names []*spec.VPC
	cidrs []netip.Prefix
}

// lost is an end that cannot be walked from: what it is cannot be known, or it is not there.
type lost struct {
	says netstate.Tri
	why  Why
	at   netstate.Scope
	text string
	cure string
}

// resolver finds out what the ends of a question are.
type resolver struct {
	set  *spec.Set
	o    *netstate.Observed
	vpcs []*found
	gone map[*spec.VPC]*lost // names that mean no VPC, and why
}

func newResolver(s *spec.Set, o *netstate.Observed) *resolver {
	r := &resolver{set: s, o: o, gone: map[*spec.VPC]*lost{}}
	for _, v := range s.VPCs {
		f, l := r.observed(v)
		if l != nil {
			r.gone[v] = l
			continue
		}
		if i := slices.IndexFunc(r.vpcs, func(x *found) bool { return x.vpc == f.vpc }); i >= 0 {
			r.vpcs[i].names = append(r.vpcs[i].names, v)
			continue
		}
		r.vpcs = append(r.vpcs, f)
	}
	return r
}

// observed returns the VPC that a name of the spec means. Of one that nobody lets us read, the spec states what there is to know.
func (r *resolver) observed(v *spec.VPC) (*found, *lost) {
	if !v.Account.Managed {
		return &found{netstate.VPC{Scope: v.Scope(), ID: v.Select.ID}, []*spec.VPC{v}, v.CIDRs}, nil
	}
	if err := r.o.Missing(v.Scope(), netstate.ListVPCs); err != nil {
		return nil, &lost{netstate.Unknown, Unread, v.Scope(), "VPC " + v.Name + " cannot be read", unreadCure(err)}
	}
	var hits []netstate.VPC
	for k, f := range r.o.VPCs {
		if k.Scope == v.Scope() && v.Select.Match(k.ID, f.Tags) {
			hits = append(hits, k)
		}
	}
	if len(hits) != 1 {
		return nil, &lost{netstate.No, NoVPC, v.Scope(), fmt.Sprintf("%d VPCs are what the spec calls %s", len(hits), v.Name), fmt.Sprintf("%s: what the spec says of %s", v.Pos, v.Name)}
	}
	return &found{hits[0], []*spec.VPC{v}, r.o.VPCs[hits[0]].CIDRs}, nil
}

func unreadCure(err *netstate.Error) string { return "let it be read: " + err.Error() }

// end finds out what an end is. Of the three results exactly one is there.
func (r *resolver) end(text string, groups []string, t Traffic) (*end, *lost, error) {
	f, sets, l, err := r.place(text)
	if l != nil || err != nil {
		return nil, l, err
	}
	e := &end{vpc: f.vpc, names: f.names, sets: netstate.SortPrefixes(sets), groups: map[netstate.GroupID]bool{}}
	if len(groups) == 0 || !t.Said() {
		return e, nil, nil
	}
	e.grouped = true
	for _, g := range groups {
		id, l, err := r.group(e, g)
		if l != nil || err != nil {
			return nil, l, err
		}
		e.groups[id] = true
	}
	return e, nil, nil
}

func (r *resolver) place(text string) (*found, []netip.Prefix, *lost, error) {
	addresses, name, at := strings.Cut(text, "@")
	if v := nameIn(r.set, text); v != nil {
		f, l := r.named(v)
		if l != nil || !at {
			return f, cidrsOf(f), l, nil
		}
		p, err := parseSet(addresses)
		if err == nil && !slices.ContainsFunc(f.cidrs, func(c netip.Prefix) bool { return netstate.Inside(p, c) }) {
			err = wrong("%s does not lie in %s, which has %v", p, name, f.cidrs)
		}
		return f, []netip.Prefix{p}, nil, err
	}
	switch {
	case at:
		return nil, nil, nil, wrong("%s: the spec has no VPC %q; it has %s", text, name, r.names())
	case strings.HasPrefix(text, "subnet-"):
		return r.subnet(netstate.SubnetID(text))
	}
	p, err := parseSet(text)
	if err != nil {
		return nil, nil, nil, wrong("%q is no VPC of the spec (it has %s), no id of a subnet, instance or interface, no address and no CIDR", text, r.names())
	}
	return r.addresses(p)
}

func cidrsOf(f *found) []netip.Prefix {
	if f == nil {
		return nil
	}
	return f.cidrs
}

func (r *resolver) named(v *spec.VPC) (*found, *lost) {
	if l := r.gone[v]; l != nil {
		return nil, l
	}
	return r.vpcs[slices.IndexFunc(r.vpcs, func(x *found) bool { return slices.Contains(x.names, v) })], nil
}

func (r *resolver) subnet(id netstate.SubnetID) (*found, []netip.Prefix, *lost, error) {
	for _, f := range r.vpcs {
		if s, ok := r.o.Subnets[netstate.SubnetKey{Scope: f.vpc.Scope, ID: id}]; ok && s.VPC == f.vpc.ID {
			return f, s.CIDRs, nil, nil
		}
	}
	if l := r.unreadAnywhere(string(id), netstate.ListVPCs, netstate.ListSubnets); l != nil {
		return nil, nil, l, nil
	}
	return nil, nil, nil, wrong("%s: no VPC of the spec has this subnet", id)
}

// addresses finds the VPC that a CIDR lies in.
func (r *resolver) addresses(p netip.Prefix) (*found, []netip.Prefix, *lost, error) {
	var hits []*found
	var names []string
	for _, f := range r.vpcs {
		if slices.ContainsFunc(f.cidrs, func(c netip.Prefix) bool { return netstate.Inside(p, c) }) {
			hits, names = append(hits, f), append(names, f.names[0].Name)
		}
	}
	what := p.String()
	if p.IsSingleIP() {
		what = p.Addr().String()
	}
	switch l := r.unreadAnywhere(what, netstate.ListVPCs); {
	case len(hits) > 1:
		return nil, nil, nil, wrong("%s lies in %s: say which, as %s@%s", what, strings.Join(names, " and "), what, names[0])
	case l != nil: // it may lie in one of those that were not read, too
		return nil, nil, l, nil
	case len(hits) == 0:
		return nil, nil, nil, wrong("%s lies in no VPC of the spec; it has %s", what, r.names())
	}
	return hits[0], []netip.Prefix{p}, nil, nil
}

// unreadAnywhere says that a thing cannot be found since a listing of some scope was not read.
func (r *resolver) unreadAnywhere(what string, listings ...netstate.Listing) *lost {
	for _, s := range slices.SortedFunc(maps.Keys(r.o.Unread), netstate.Scope.Compare) {
		if err := r.o.Missing(s, listings...); err != nil {
			return &lost{netstate.Unknown, Unread, s, "where " + what + " is cannot be known", unreadCure(err) + "; or say ADDRESS@NAME, with the name of its VPC in the spec"}
		}
	}
	return nil
}

// group finds a security group that an end is said to have.
func (r *resolver) group(e *end, text string) (netstate.GroupID, *lost, error) {
	if !e.managed() {
		return "", nil, wrong("%s: groups of %s cannot be read, its account is not managed", text, e)
	}
	if err := r.o.Missing(e.vpc.Scope, netstate.ListGroups); err != nil {
		return "", &lost{netstate.Unknown, Unread, e.vpc.Scope, "security groups of " + e.String() + " cannot be read", unreadCure(err)}, nil
	}
	sel := groupSelector(text)
	for k, g := range r.o.Groups {
		if k.Scope == e.vpc.Scope && g.VPC == e.vpc.ID && sel.Match(k.ID, g) {
			return k.ID, nil, nil
		}
	}
	return "", nil, wrong("%s: %s has no such security group", text, e.vpc)
}

func (r *resolver) names() string {
	var out []string
	for i, v := range r.set.VPCs {
		if i == 10 {
			return fmt.Sprintf("%s and %d more", strings.Join(out, ", "), len(r.set.VPCs)-i)
		}
		out = append(out, v.Name)
	}
	return strings.Join(out, ", ")
}

// parseSet reads an address or a CIDR.
func parseSet(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" && !a.Is4In6() {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		return p, wrong("%q is no address and no CIDR", s)
	case p != p.Masked():
		return p, wrong("%s has host bits: say %s, or %s alone", s, p.Masked(), p.Addr())
	}
	return p, nil
}
