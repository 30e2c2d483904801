package netstate

import "time"

// Access is how one account is reached: the ambient credentials or a profile's, and a role to assume with them.
type Access struct {
	Account    AccountID
	Role       string        // a role's name or full ARN; empty: the source credentials themselves, which must belong to Account
	ExternalID string        // sent with AssumeRole
	Profile    string        // source credentials; empty: the SDK's own chain
	Session    time.Duration // of the assumed role; zero: 15 minutes
	STSRegion  Region        // where AssumeRole is called; empty: where the SDK's settings say, else the account's first region
}

// Listing is one kind of list call.
type Listing string

// The listings that peerd can ask for.
const (
	ListConnections Listing = "DescribeVpcPeeringConnections"
	ListVPCs        Listing = "DescribeVpcs"
	ListDNS         Listing = "DescribeVpcAttribute"
	ListSubnets     Listing = "DescribeSubnets"
	ListTables      Listing = "DescribeRouteTables"
	ListGroups      Listing = "DescribeSecurityGroups"
	ListRules       Listing = "DescribeSecurityGroupRules"
	ListACLs        Listing = "DescribeNetworkAcls"
	ListInterfaces  Listing = "DescribeNetworkInterfaces"
	ListPrefixLists Listing = "DescribeManagedPrefixLists"
)

// GroupAsk is one security group whose rules are wanted: the selector within a VPC. All asks for every group of the VPC instead, which is
// then selected by id.
type GroupAsk struct {
	VPC   VPCSelector
	Group GroupSelector
	All   bool
}

// ScopeLook is what to read in one scope. Each listing is one paginated call for the whole scope, never one per peering.
type ScopeLook struct {
	VPCs        []VPCSelector  // the VPCs whose tables, subnets and groups are wanted
	DNS         []VPCSelector  // those of them whose DNS attributes are wanted: two calls each, EC2 offers no list
	Subnets     bool           // subnets of the VPCs
	Tables      bool           // route tables and routes of the VPCs
	ACLs        bool           // network ACLs of the VPCs
	Interfaces  []string       // ids of network interfaces, and of instances whose interfaces are wanted, in whichever VPC
	Groups      []GroupAsk     // rules of these groups, and the groups themselves: that one is in its VPC, EC2 does not check
	PrefixLists []PrefixListID // with their entries
	RuleLists   bool           // the entries of the prefix lists that rules use, too
}

// Look is what one look at the world has to read, and with what rights.
type Look struct {
	Owner           OwnerID // rules that carry this owner tag are listed in every scope
	Access          map[AccountID]Access
	Scopes          map[Scope]ScopeLook
	ConnectionsOnly bool // only the connections of these scopes: the cheap look while a state is waited for
}
