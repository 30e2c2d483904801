package world

import (
	"net/netip"
	"slices"
)

// ACL is a network ACL.
type ACL struct {
	ID, VPC, Owner string
	Default        bool
	Entries        []Entry // without the closing deny, which is always there
	Associations   []ACLAssociation
	Token          string // the client token that made it
	Tags           Tags
}

// ACLAssociation ties a subnet to its ACL.
type ACLAssociation struct{ ID, Subnet string }

// Entry is one rule of an ACL; the lowest number that matches decides (VPC User Guide, "Network ACL rules").
type Entry struct {
	Number         int
	Egress         bool
	Protocol       string // a number, -1 for all
	Allow          bool
	CIDR           netip.Prefix
	From, To       int // ports, where the protocol is 6 or 17
	ICMPType, Code int // where it is 1 or 58
}

// closing is the number of the deny that ends every ACL.
const closing = 32767

// addDefaultACL: the default ACL of a VPC lets everything through.
func (w *World) addDefaultACL(at At, v VPC) {
	a := ACL{ID: DerivedID("acl", "default", v.ID), VPC: v.ID, Owner: at.Account, Default: true, Tags: Tags{}}
	for _, egress := range []bool{true, false} {
		a.Entries = append(a.Entries, Entry{Number: 100, Egress: egress, Protocol: "-1", Allow: true, CIDR: mustCIDR("0.0.0.0/0")})
		if len(v.Prefixes(true)) > 0 {
			a.Entries = append(a.Entries, Entry{Number: 101, Egress: egress, Protocol: "-1", Allow: true, CIDR: mustCIDR("::/0")})
		}
	}
	w.in(at.Scope).acls[a.ID] = a
}

func (w *World) attachACL(r *region, id, subnet string) string {
	a := r.acls[id]
	as := ACLAssociation{w.newID("aclassoc"), subnet}
	a.Associations = append(slices.Clip(a.Associations), as)
	r.acls[id] = a
	return as.ID
}

func (w *World) detachACL(r *region, id, subnet string) {
	a := r.acls[id]
	a.Associations = slices.DeleteFunc(slices.Clone(a.Associations), func(x ACLAssociation) bool { return x.Subnet == subnet })
	r.acls[id] = a
}

// AddACL puts an ACL into the world and gives it the subnets named.
func (w *World) AddACL(at At, a ACL, subnets []string) {
	r := w.in(at.Scope)
	a.Owner = at.Account
	if a.Default {
		for id, old := range r.acls {
			if old.VPC == a.VPC && old.Default {
				a.Associations = old.Associations
				delete(r.acls, id)
			}
		}
	}
	r.acls[a.ID] = a
	for _, s := range subnets {
		for id := range r.acls {
			w.detachACL(r, id, s)
		}
		w.attachACL(r, a.ID, s)
	}
}

// CreateNetworkAcl makes an ACL that lets nothing through (VPC User Guide, "Custom network ACLs").
func (w *World) CreateNetworkAcl(at At, vpc, token string, tags Tags) (ACL, *Error) {
	r := w.in(at.Scope)
	if _, err := get(vpcKind, r.vpcs, vpc); err != nil {
		return ACL{}, err
	}
	if err := w.CheckTags(at.Account, tags); err != nil {
		return ACL{}, err
	}
	have := 0
	for _, a := range r.acls {
		if token != "" && a.Token == token {
			return w.closed(at, a), nil
		}
		if a.VPC == vpc {
			have++
		}
	}
	if full(have, w.Quota(at.Account).ACLs) {
		return ACL{}, refuse("NetworkAclLimitExceeded", "The maximum number of network ACLs has been reached.")
	}
	a := ACL{ID: w.newID("acl"), VPC: vpc, Owner: at.Account, Token: token, Tags: tags}
	r.acls[a.ID] = a
	return w.closed(at, a), nil
}

// DeleteNetworkAcl refuses the default ACL and any that a subnet uses.
func (w *World) DeleteNetworkAcl(at At, id string) *Error {
	r := w.in(at.Scope)
	a, err := get(aclKind, r.acls, id)
	if err != nil {
		return err
	}
	if a.Default {
		return refuse("InvalidParameterValue", "cannot delete default network ACL %s", id)
	}
	if len(a.Associations) > 0 {
		return refuse("DependencyViolation", "The networkAcl '%s' has dependencies and cannot be deleted.", id)
	}
	delete(r.acls, id)
	return nil
}

// ReplaceNetworkAclAssociation moves a subnet to another ACL of its VPC.
func (w *World) ReplaceNetworkAclAssociation(at At, association, acl string) (string, *Error) {
	r := w.in(at.Scope)
	next, err := get(aclKind, r.acls, acl)
	if err != nil {
		return "", err
	}
	for id, a := range r.acls {
		i := slices.IndexFunc(a.Associations, func(x ACLAssociation) bool { return x.ID == association })
		if i < 0 {
			continue
		}
		if a.VPC != next.VPC {
			return "", invalid("Network ACL %s and subnet %s belong to different networks", acl, a.Associations[i].Subnet)
		}
		subnet := a.Associations[i].Subnet
		w.detachACL(r, id, subnet)
		return w.attachACL(r, acl, subnet), nil
	}
	return "", refuse("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", association)
}
