package netstate

import (
	"cmp"
	"fmt"
	"net/netip"
)

// ACLKey is a network ACL's identity.
type ACLKey struct {
	Scope
	ID ACLID
}

// ACL is a network ACL. A subnet has exactly one, and it is stateless: replies need entries of their own.
type ACL struct {
	VPC     VPCID
	Default bool // what a new subnet of the VPC gets
	Subnets []SubnetID
	Entries []ACLEntry // sorted; in each direction the first that matches decides
}

// ACLEntry is one rule of a network ACL.
type ACLEntry struct {
	Number int32
	Dir    Direction
	Allow  bool
	Proto  Proto
	Ports  PortRange // as in rules; ICMP's type and code
	CIDR   netip.Prefix
}

// lastACLNumber is the highest number that an entry can be given; those above are the denials that close every ACL (VPC User Guide,
// "Network ACL rules").
const lastACLNumber = 32766

// Closing reports whether the entry is a denial that closes the ACL, which nobody wrote and nobody can remove.
func (e ACLEntry) Closing() bool { return e.Number > lastACLNumber }

// Compare orders entries by direction, then as EC2 evaluates them.
func (e ACLEntry) Compare(o ACLEntry) int {
	return cmp.Or(-compare(e.Dir, o.Dir), cmp.Compare(e.Number, o.Number), ComparePrefix(e.CIDR, o.CIDR))
}

// String returns "entry 100, ingress allow tcp 443 from 10.0.0.0/16".
func (e ACLEntry) String() string {
	verdict := "deny"
	if e.Allow {
		verdict = "allow"
	}
	number := fmt.Sprint("entry ", e.Number)
	if e.Closing() {
		number = "the closing entry"
	}
	return fmt.Sprintf("%s, %s %s %s %s %s", number, e.Dir, verdict, RuleKey{Proto: e.Proto, Ports: e.Ports}.Traffic(), e.Dir.Toward(), e.CIDR)
}
