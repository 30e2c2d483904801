package world

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// kind is how EC2 speaks of one kind of resource. The spellings (ID and Id, NotFound and Malformed) differ from kind to
// kind in AWS's own list (EC2 Developer Guide, "Error codes"), so each is written out.
type kind struct{ prefix, notFound, malformed, noun, resource string }

var (
	vpcKind       = kind{"vpc", "InvalidVpcID.NotFound", "InvalidVpcID.Malformed", "vpc ID", "vpc"}
	subnetKind    = kind{"subnet", "InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed", "subnet ID", "subnet"}
	tableKind     = kind{"rtb", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed", "routeTable ID", "route-table"}
	connKind      = kind{"pcx", "InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.Malformed", "vpcPeeringConnection ID", "vpc-peering-connection"}
	gatewayKind   = kind{"igw", "InvalidInternetGatewayID.NotFound", "InvalidInternetGatewayId.Malformed", "internetGateway ID", "internet-gateway"}
	groupKind     = kind{"sg", "InvalidGroup.NotFound", "InvalidGroupId.Malformed", "security group", "security-group"}
	ruleKind      = kind{"sgr", "InvalidSecurityGroupRuleId.NotFound", "InvalidSecurityGroupRuleId.Malformed", "security group rule ID", "security-group-rule"}
	aclKind       = kind{"acl", "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed", "networkAcl ID", "network-acl"}
	interfaceKind = kind{"eni", "InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterfaceId.Malformed", "networkInterface ID", "network-interface"}
	listKind      = kind{"pl", "InvalidPrefixListID.NotFound", "InvalidPrefixListId.Malformed", "prefix list ID", "prefix-list"}
)

var kinds = []kind{vpcKind, subnetKind, tableKind, connKind, gatewayKind, groupKind, ruleKind, aclKind, interfaceKind, listKind}

var idForm = regexp.MustCompile(`^[a-z]+-(?:[0-9a-f]{8}|[0-9a-f]{17})$`)

// WellFormed says whether an id has the form EC2 gives to ids with this prefix: eight or seventeen hex digits.
func WellFormed(prefix, id string) bool {
	return strings.HasPrefix(id, prefix+"-") && idForm.MatchString(id)
}

// DerivedID makes the id of something that has only a name, the same in every run.
func DerivedID(prefix string, parts ...string) string { return prefix + "-0" + digest(parts...)[:16] }

// newID makes the next id of this world. AWS's run-time ids start with a zero.
func (w *World) newID(prefix string) string {
	w.made++
	id := DerivedID(prefix, "made", strconv.Itoa(w.made))
	w.fresh = append(w.fresh, id)
	return id
}

// Fresh gives the ids made since it was last asked.
func (w *World) Fresh() []string {
	ids := w.fresh
	w.fresh = nil
	return ids
}

// Gone is the NotFound error for an id of any kind.
func (w *World) Gone(id string) *Error {
	prefix, _, _ := strings.Cut(id, "-")
	for _, k := range kinds {
		switch {
		case k.prefix != prefix:
		case k == connKind:
			return w.connectionGone(id)
		default:
			return k.gone(id)
		}
	}
	return refuse("InvalidID", "The ID '%s' is not valid", id)
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

func (k kind) gone(id string) *Error {
	return refuse(k.notFound, "The %s '%s' does not exist", k.noun, id)
}

// check refuses an id that cannot be one of this kind.
func (k kind) check(id string) *Error {
	if id == "" {
		return missing(strings.ReplaceAll(k.noun, " ", ""))
	}
	if !WellFormed(k.prefix, id) {
		return refuse(k.malformed, "Invalid id: \"%s\" (expecting \"%s-...\")", id, k.prefix)
	}
	return nil
}

// get finds one resource by id, or says in EC2's words that it is malformed or not there.
func get[T any](k kind, all map[string]T, id string) (T, *Error) {
	var none T
	if err := k.check(id); err != nil {
		return none, err
	}
	v, ok := all[id]
	if !ok {
		return none, k.gone(id)
	}
	return v, nil
}
