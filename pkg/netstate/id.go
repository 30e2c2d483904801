package netstate

import (
	"cmp"
	"strings"
)

// The ids of AWS objects, each of its own type so that they cannot be mixed up.
type (
	// AccountID is an AWS account's 12 digits.
	AccountID string
	// Region is a region's name, such as eu-west-1.
	Region string
	// VPCID is a VPC's id, vpc-….
	VPCID string
	// TableID is a route table's id, rtb-….
	TableID string
	// SubnetID is a subnet's id, subnet-….
	SubnetID string
	// GroupID is a security group's id, sg-….
	GroupID string
	// RuleID is a security-group rule's id, sgr-….
	RuleID string
	// InterfaceID is a network interface's id, eni-….
	InterfaceID string
	// InstanceID is an instance's id, i-….
	InstanceID string
	// ACLID is a network ACL's id, acl-….
	ACLID string
	// ConnID is a VPC peering connection's id, pcx-….
	ConnID string
	// PrefixListID is a managed prefix list's id, pl-….
	PrefixListID string
	// OwnerID is the value of the tag peerd:owner: which peerd made a thing.
	OwnerID string
	// Link is a peering's label in the spec; its identity is the unordered pair of VPCs.
	Link string
)

// Scope is one EC2 endpoint seen with one account's rights.
type Scope struct {
	Account AccountID
	Region  Region
}

// String returns "account/region".
func (s Scope) String() string { return string(s.Account) + "/" + string(s.Region) }

// Compare orders scopes by account, then region.
func (s Scope) Compare(o Scope) int {
	return cmp.Or(cmp.Compare(s.Account, o.Account), cmp.Compare(s.Region, o.Region))
}

// VPC is a VPC by its full identity.
type VPC struct {
	Scope
	ID VPCID
}

// String returns "account/region/vpc-id".
func (v VPC) String() string { return v.Scope.String() + "/" + string(v.ID) }

// Pair is the identity of a peering: two VPCs, whichever of them requests.
type Pair struct{ A, B VPC }

// NewPair returns the pair of two VPCs, the same for both orders.
func NewPair(a, b VPC) Pair {
	if cmp.Or(b.Scope.Compare(a.Scope), cmp.Compare(b.ID, a.ID)) < 0 {
		a, b = b, a
	}
	return Pair{a, b}
}

// Partition returns the AWS partition of a region: aws, aws-cn or aws-us-gov. Peering does not cross partitions.
func (r Region) Partition() string {
	switch {
	case strings.HasPrefix(string(r), "cn-"):
		return "aws-cn"
	case strings.HasPrefix(string(r), "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// Tri is a fact that can also be unknown; the zero value is unknown.
type Tri int8

// The three values of Tri.
const (
	Unknown Tri = iota
	No
	Yes
)

// TriOf turns a boolean into a known Tri.
func TriOf(b bool) Tri {
	if b {
		return Yes
	}
	return No
}

// String returns "unknown", "no" or "yes".
func (t Tri) String() string { return [...]string{"unknown", "no", "yes"}[t] }
