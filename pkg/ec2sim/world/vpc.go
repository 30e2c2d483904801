package world

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// VPC is a virtual network.
type VPC struct {
	ID                       string
	Owner                    string
	Blocks                   []Block // the first is the primary one
	Default                  bool
	DNSSupport, DNSHostnames bool
	UsageMetrics             bool
	SharedWith               []string // accounts
	Encryption               Encryption
	Tags                     Tags
}

// Encryption is a VPC's encryption control (VPC User Guide, "VPC encryption controls"); the zero value is none.
type Encryption struct {
	Mode           string `yaml:"mode"`           // monitor or enforce
	ExcludePeering bool   `yaml:"excludePeering"` // peerings need not be encrypted
}

// enforced says whether peerings of the VPC must be encrypted.
func (e Encryption) enforced() bool { return e.Mode == "enforce" && !e.ExcludePeering }

// Block is one CIDR of a VPC, counted from the time it is associated.
type Block struct {
	Association string
	Prefix      netip.Prefix
	Since       time.Time
}

// State is associating or associated.
func (b Block) State(now time.Time) string {
	if past(b.Since, now) {
		return "associated"
	}
	return "associating"
}

// past says whether a moment that was set has come.
func past(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// Prefixes lists the CIDRs of one family.
func (v VPC) Prefixes(v6 bool) []netip.Prefix {
	var out []netip.Prefix
	for _, b := range v.Blocks {
		if b.Prefix.Addr().Is6() == v6 {
			out = append(out, b.Prefix)
		}
	}
	return out
}

// all lists the CIDRs of both families.
func (v VPC) all() []netip.Prefix { return append(v.Prefixes(false), v.Prefixes(true)...) }

// NewVPC is what CreateVpc is asked for.
type NewVPC struct {
	CIDR       string
	AmazonIPv6 bool
	Tags       Tags
}

// CreateVpc makes a VPC with its main route table, default security group and default network ACL (VPC User Guide, "VPC basics").
func (w *World) CreateVpc(at At, in NewVPC) (VPC, *Error) {
	if in.CIDR == "" {
		return VPC{}, missing("cidrBlock")
	}
	p, err := vpcCIDR(in.CIDR)
	if err != nil {
		return VPC{}, err
	}
	if err := w.CheckTags(at.Account, in.Tags); err != nil {
		return VPC{}, err
	}
	if full(len(w.in(at.Scope).vpcs), w.Quota(at.Account).VPCs) {
		return VPC{}, refuse("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
	}
	v := VPC{ID: w.newID("vpc"), DNSSupport: true, Tags: in.Tags, Blocks: []Block{w.block(at.Now, p)}}
	if in.AmazonIPv6 {
		v.Blocks = append(v.Blocks, w.block(at.Now, w.amazonIPv6()))
	}
	return w.AddVPC(at, v), nil
}

// AddVPC puts a VPC into the world with what every VPC is born with.
func (w *World) AddVPC(at At, v VPC) VPC {
	v.Owner = at.Account
	w.in(at.Scope).vpcs[v.ID] = v
	w.addMainTable(at, v)
	w.addDefaultGroup(at, v)
	w.addDefaultACL(at, v)
	return v
}

func (w *World) block(since time.Time, p netip.Prefix) Block {
	return Block{Association: w.newID("vpc-cidr-assoc"), Prefix: p, Since: since}
}

// vpcCIDR accepts /16 to /28 (VPC User Guide, "VPC CIDR blocks").
func vpcCIDR(text string) (netip.Prefix, *Error) {
	p, err := parseCIDR(text, "cidrBlock", false)
	if err == nil && (p.Bits() < 16 || p.Bits() > 28 || within(p, linkLocal)) {
		return p, refuse("InvalidVpc.Range", "The CIDR '%s' is invalid.", text)
	}
	return p, err
}

// amazonIPv6 hands out /56 blocks in order, from a range Amazon uses.
func (w *World) amazonIPv6() netip.Prefix {
	w.made++
	return netip.MustParsePrefix(fmt.Sprintf("2600:1f18:%x:%x00::/56", w.made>>8, w.made&0xff))
}

// Vpcs lists the VPCs that the scope sees.
func (w *World) Vpcs(at At, q Query) ([]VPC, *Error) {
	id := func(v VPC) string { return v.ID }
	others := func(_ At, v VPC) []VPC {
		v.Tags = nil
		return []VPC{v}
	}
	return find(w, q, listing[VPC]{
		kind: vpcKind, all: described(w, at, sorted(w.in(at.Scope).vpcs), others, id), id: id, tags: func(v VPC) Tags { return v.Tags },
		fields: fields[VPC]{
			"vpc-id":                            func(v VPC) []string { return one(v.ID) },
			"owner-id":                          func(v VPC) []string { return one(v.Owner) },
			"is-default":                        func(v VPC) []string { return yes(v.Default) },
			"state":                             func(VPC) []string { return one("available") },
			"cidr":                              func(v VPC) []string { return texts(v.Prefixes(false)[:1]) },
			"cidr-block-association.cidr-block": func(v VPC) []string { return texts(v.Prefixes(false)) },
			"ipv6-cidr-block-association.ipv6-cidr-block": func(v VPC) []string { return texts(v.Prefixes(true)) },
		},
	})
}

// DeleteVpc refuses while anything lives in the VPC. Connections go with it, except a request of another account that waits
// for this VPC's owner: that one must be rejected first (VPC Peering Guide, "Delete a VPC peering connection").
func (w *World) DeleteVpc(at At, id string) *Error {
	r := w.in(at.Scope)
	if _, err := get(vpcKind, r.vpcs, id); err != nil {
		return err
	}
	if w.occupied(r, id) || w.awaited(at, id) {
		return refuse("DependencyViolation", "The vpc '%s' has dependencies and cannot be deleted.", id)
	}
	w.closeConnections(at, id)
	for t, v := range r.tables {
		if v.VPC == id {
			delete(r.tables, t)
		}
	}
	for a, v := range r.acls {
		if v.VPC == id {
			delete(r.acls, a)
		}
	}
	for g, v := range r.groups {
		if v.VPC == id {
			w.dropGroup(r, g)
		}
	}
	delete(r.vpcs, id)
	return nil
}

// occupied says whether more is left in a VPC than what it was born with.
func (w *World) occupied(r *region, id string) bool {
	for _, s := range r.subnets {
		if s.VPC == id {
			return true
		}
	}
	for _, t := range r.tables {
		if t.VPC == id && !t.Main() {
			return true
		}
	}
	for _, g := range r.groups {
		if g.VPC == id && g.Name != "default" {
			return true
		}
	}
	for _, a := range r.acls {
		if a.VPC == id && !a.Default {
			return true
		}
	}
	for _, g := range r.gateways {
		if g.VPC == id {
			return true
		}
	}
	return false
}

// VPCAttribute reads one of the three attributes by its name.
func (w *World) VPCAttribute(at At, id, name string) (bool, *Error) {
	v, err := get(vpcKind, w.in(at.Scope).vpcs, id)
	if err != nil {
		return false, err
	}
	switch name {
	case "enableDnsSupport":
		return v.DNSSupport, nil
	case "enableDnsHostnames":
		return v.DNSHostnames, nil
	case "enableNetworkAddressUsageMetrics":
		return v.UsageMetrics, nil
	case "":
		return false, missing("attribute")
	}
	return false, invalid("Value (%s) for parameter attribute is invalid. Unknown attribute.", name)
}

// ModifyVpcAttribute sets exactly one attribute (EC2 API reference, ModifyVpcAttribute: "you can only modify one attribute at a time").
func (w *World) ModifyVpcAttribute(at At, id string, support, hostnames, metrics *bool) *Error {
	r := w.in(at.Scope)
	v, err := get(vpcKind, r.vpcs, id)
	if err != nil {
		return err
	}
	sent := 0
	for field, value := range map[*bool]*bool{&v.DNSSupport: support, &v.DNSHostnames: hostnames, &v.UsageMetrics: metrics} {
		if value != nil {
			*field = *value
			sent++
		}
	}
	if sent == 0 {
		return missing("attribute")
	}
	if sent > 1 {
		return refuse("InvalidParameterCombination", "Fields for multiple attribute types specified: %s", strconv.Itoa(sent))
	}
	if v.DNSHostnames && !v.DNSSupport {
		return invalid("EnableDnsHostnames cannot be true when EnableDnsSupport is false")
	}
	r.vpcs[id] = v
	return nil
}
