package ec2sim

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// load builds the world that a file describes. What refers to something else comes after it: VPCs with subnets, groups and
// lists first, then connections, then routes, rules and ACLs.
func (s *Sim) load(text []byte) error {
	f := file{Switches: s.world.Switches, Delays: s.world.Delays}
	if err := parse(text, &f); err != nil {
		return fmt.Errorf("world file: %w", err)
	}
	s.world.Switches, s.world.Delays = f.Switches, f.Delays
	s.world.Quotas = quotas(f.Quotas, world.DefaultQuotas())
	s.accounts = map[string]*account{}
	l := &loader{world: s.world, now: s.now(), names: map[string]string{}}
	for _, a := range f.Accounts {
		l.check(accountForm.MatchString(a.ID), "account id %q is not twelve digits", a.ID)
		l.check(s.accounts[a.ID] == nil, "account %s comes twice", a.ID)
		s.accounts[a.ID] = roles(a)
		s.world.Raised[a.ID] = quotas(a.Quotas, s.world.Quotas)
	}
	passes := []func(world.At, regionSpec){l.vpcs, l.connections, l.details}
	for i, pass := range passes {
		for _, a := range f.Accounts {
			for _, name := range slices.Sorted(maps.Keys(a.Regions)) {
				l.check(wire.IsRegion(name), "account %s: %q is not the name of a region", a.ID, name)
				pass(l.at(a.ID, name), a.Regions[name])
			}
		}
		if i == 1 {
			for _, c := range f.Connections {
				l.connection(world.Scope{}, c)
			}
		}
	}
	s.world.Fresh() // what a file holds is not new
	return l.err
}

// loader turns specs into facts; it keeps the first complaint.
type loader struct {
	world *world.World
	now   time.Time
	names map[string]string // scope, kind and name → id
	err   error
}

func (l *loader) at(account, region string) world.At {
	return world.At{Scope: world.Scope{Account: account, Region: region}, Now: l.now}
}

func (l *loader) check(ok bool, format string, args ...any) {
	if !ok && l.err == nil {
		l.err = fmt.Errorf("world file: "+format, args...)
	}
}

func roles(a accountSpec) *account {
	out := &account{}
	for _, r := range a.Roles {
		if out.roles == nil {
			out.roles = map[string]role{}
		}
		out.roles[r.Name] = role{r.ExternalID, r.Trust, orElse(r.MaxSession, 12*time.Hour)}
	}
	return out
}

// quotas fills in what was not written.
func quotas(q, fallback world.Quotas) world.Quotas {
	for _, p := range []struct {
		have *int
		want int
	}{
		{&q.Peerings, fallback.Peerings}, {&q.Outstanding, fallback.Outstanding}, {&q.Tables, fallback.Tables},
		{&q.Routes, fallback.Routes}, {&q.Rules, fallback.Rules}, {&q.Groups, fallback.Groups}, {&q.VPCs, fallback.VPCs},
		{&q.Subnets, fallback.Subnets}, {&q.CIDRs, fallback.CIDRs}, {&q.ACLs, fallback.ACLs}, {&q.ACLEntries, fallback.ACLEntries},
		{&q.Gateways, fallback.Gateways}, {&q.Lists, fallback.Lists}, {&q.Tags, fallback.Tags},
	} {
		if *p.have == 0 {
			*p.have = p.want
		}
	}
	return q
}

// id takes the id written down, or derives one from the name, and remembers the name.
func (l *loader) id(s world.Scope, prefix, parent, id, name string) string {
	l.check(id != "" || name != "", "%s: a %s needs an id or a name", s, prefix)
	if id == "" {
		id = world.DerivedID(prefix, s.String(), parent, name)
	}
	l.check(world.WellFormed(prefix, id), "%s: %q is not an id of the form %s-<8 or 17 hex digits>", s, id, prefix)
	key := s.String() + " " + id
	l.check(l.names[key] == "", "%s: %s comes twice", s, id)
	l.names[key] = id
	if name != "" {
		l.names[nameKey(s, prefix, parent, name)] = id
	}
	return id
}

func nameKey(s world.Scope, prefix, parent, name string) string {
	return strings.Join([]string{s.String(), prefix, parent, name}, "\x00")
}

// find takes an id as it is, and looks up a name.
func (l *loader) find(s world.Scope, prefix, parent, ref string) string {
	if world.WellFormed(prefix, ref) {
		return ref
	}
	id := l.names[nameKey(s, prefix, parent, ref)]
	l.check(id != "", "%s: there is no %s named %q", s, prefix, ref)
	return id
}

// named adds the Name tag that people expect to see.
func named(t world.Tags, name string) world.Tags {
	out := world.Tags{}
	maps.Copy(out, t)
	if _, given := out["Name"]; name != "" && !given {
		out["Name"] = name
	}
	return out
}

func (l *loader) cidr(at world.At, text string) netip.Prefix {
	p, err := netip.ParsePrefix(text)
	l.check(err == nil, "%s: %q is not a CIDR", at.Scope, text)
	if err != nil {
		return netip.Prefix{}
	}
	l.check(p == p.Masked(), "%s: %s has host bits; EC2 would store %s", at.Scope, p, p.Masked())
	return p
}

func (l *loader) vpcs(at world.At, r regionSpec) {
	for _, v := range r.VPCs {
		l.vpc(at, v)
	}
	for _, p := range r.PrefixLists {
		l.list(at, p)
	}
	for _, id := range r.Targets {
		l.world.AddTarget(at, id)
	}
}

func (l *loader) vpc(at world.At, spec vpcSpec) {
	v := world.VPC{
		ID: l.id(at.Scope, "vpc", "", spec.ID, spec.Name), Default: spec.Default, Tags: named(spec.Tags, spec.Name),
		DNSSupport: spec.DNS.Support == nil || *spec.DNS.Support, DNSHostnames: spec.DNS.Hostnames,
		Encryption: spec.Encryption,
	}
	l.check(slices.Contains([]string{"", "monitor", "enforce"}, v.Encryption.Mode), "%s: %s: encryption mode is monitor or enforce, not %q", at.Scope, v.ID, v.Encryption.Mode)
	l.check(len(spec.CIDRs) > 0, "%s: %s has no CIDR", at.Scope, v.ID)
	for _, text := range slices.Concat(spec.CIDRs, spec.IPv6) {
		v.Blocks = append(v.Blocks, world.Block{
			Association: world.DerivedID("vpc-cidr-assoc", v.ID, text), Prefix: l.cidr(at, text), Since: l.now,
		})
	}
	l.world.AddVPC(at, v)
	for _, account := range spec.SharedWith {
		l.check(accountForm.MatchString(account), "%s: %s is shared with %q, which is no account", at.Scope, v.ID, account)
		l.world.Share(at, v.ID, account)
	}
	for _, t := range spec.Tables {
		l.table(at, v.ID, t)
	}
	for _, sub := range spec.Subnets {
		l.subnet(at, v.ID, sub)
	}
	for _, g := range spec.Groups {
		l.group(at, v.ID, g)
	}
	for _, n := range spec.Interfaces {
		l.networkInterface(at, v.ID, n)
	}
}

// table makes the empty table; its routes come later, when connections exist.
func (l *loader) table(at world.At, vpc string, spec tableSpec) {
	t := world.Table{ID: l.id(at.Scope, "rtb", vpc, spec.ID, spec.Name), VPC: vpc, Tags: named(spec.Tags, spec.Name)}
	if spec.Main {
		t.Associations = append(t.Associations, world.Association{Main: true})
	}
	if spec.Gateway {
		t.Associations = append(t.Associations, world.Association{Gateway: l.gateway(at, vpc)})
	}
	l.world.AddTable(at, t)
}

// gateway makes the VPC's internet gateway when it is first needed.
func (l *loader) gateway(at world.At, vpc string) string {
	id := world.DerivedID("igw", at.Scope.String(), vpc)
	l.world.AddGateway(at, world.Gateway{ID: id, VPC: vpc, Tags: world.Tags{}})
	return id
}

func (l *loader) subnet(at world.At, vpc string, spec subnetSpec) {
	s := world.Subnet{
		ID: l.id(at.Scope, "subnet", vpc, spec.ID, spec.Name), VPC: vpc, CIDR: l.cidr(at, spec.CIDR),
		Zone: cmp.Or(spec.AZ, at.Region+"a"), Tags: named(spec.Tags, spec.Name),
	}
	if spec.IPv6 != "" {
		s.IPv6 = l.cidr(at, spec.IPv6)
	}
	l.world.AddSubnet(at, s)
	if spec.Table != "" {
		if _, err := l.world.AssociateRouteTable(at, l.find(at.Scope, "rtb", vpc, spec.Table), s.ID, ""); err != nil {
			l.check(false, "%s: subnet %s: %v", at.Scope, s.ID, err)
		}
	}
}

func (l *loader) group(at world.At, vpc string, spec groupSpec) {
	if spec.Name == "default" && spec.ID == "" {
		spec.ID = world.DerivedID("sg", "default", vpc) // the one the VPC was born with
		l.id(at.Scope, "sg", vpc, spec.ID, spec.Name)
		return
	}
	owner := at.Account
	l.world.Share(at, vpc, cmp.Or(spec.Account, owner))
	at = l.whose(at, spec)
	g := world.Group{
		VPCOwner: owner,
		ID:       l.id(at.Scope, "sg", vpc, spec.ID, spec.Name), Name: cmp.Or(spec.Name, spec.ID), VPC: vpc,
		Description: cmp.Or(spec.Description, "group "+cmp.Or(spec.Name, spec.ID)), Tags: named(spec.Tags, ""),
	}
	silent := slices.ContainsFunc(spec.Rules, func(r ruleSpec) bool { return r.Direction == "egress" })
	l.world.AddGroup(at, g, !silent)
}

func (l *loader) networkInterface(at world.At, vpc string, spec interfaceSpec) {
	n := world.Interface{
		ID: l.id(at.Scope, "eni", vpc, spec.ID, spec.Name), VPC: vpc, Subnet: l.find(at.Scope, "subnet", vpc, spec.Subnet),
		Address: l.addr(at, spec.Address), Instance: spec.Instance, Index: spec.Index, Tags: named(spec.Tags, spec.Name),
	}
	l.check(n.Instance == "" || world.WellFormed("i", n.Instance), "%s: %s: %q is no instance's id", at.Scope, n.ID, n.Instance)
	if spec.IPv6 != "" {
		n.IPv6 = l.addr(at, spec.IPv6)
	}
	for _, g := range spec.Groups {
		n.Groups = append(n.Groups, l.find(at.Scope, "sg", vpc, g))
	}
	l.check(len(n.Groups) > 0, "%s: %s has no security group", at.Scope, n.ID)
	l.world.AddInterface(at, n)
}

func (l *loader) addr(at world.At, text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	l.check(err == nil, "%s: %q is not an address", at.Scope, text)
	return a
}

// whose is the scope of a group: its VPC's, or that of a participant.
func (l *loader) whose(at world.At, spec groupSpec) world.At {
	at.Account = cmp.Or(spec.Account, at.Account)
	return at
}

func (l *loader) list(at world.At, spec listSpec) {
	p := world.PrefixList{
		ID: l.id(at.Scope, "pl", "", spec.ID, spec.Name), Name: cmp.Or(spec.Name, spec.ID), Owner: cmp.Or(spec.Owner, at.Account),
		Family: cmp.Or(spec.Family, "IPv4"), Max: cmp.Or(spec.Max, len(spec.Entries)), Version: 1, Tags: named(spec.Tags, ""),
	}
	l.check(p.Family == "IPv4" || p.Family == "IPv6", "%s: %s: family is IPv4 or IPv6, not %q", at.Scope, p.ID, p.Family)
	for _, e := range spec.Entries {
		p.Entries = append(p.Entries, world.ListEntry{CIDR: l.cidr(at, e.CIDR), Description: e.Description})
	}
	l.world.AddPrefixList(at, p)
}
