package ec2sim

import (
	"maps"
	"slices"

	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// action is one call of an API: it first reads its parameters, all of them, and gives back what is to happen. Between the two
// the Sim refuses unknown parameters and answers DryRun.
type action struct {
	decode   func(wire.Form) effect
	mutating bool
	noDryRun bool // calls whose model has no DryRun
}

// effect does what was asked and gives the members of the reply.
type effect func(*request) ([]wire.Node, *world.Error)

var services = map[string]map[string]action{"ec2": ec2Actions, "sts": stsActions}

// Actions lists every action that a service, ec2 or sts, models.
func Actions(service string) []string { return slices.Sorted(maps.Keys(services[service])) }

func reads(decode func(wire.Form) effect) action  { return action{decode: decode} }
func writes(decode func(wire.Form) effect) action { return action{decode: decode, mutating: true} }

// ec2Actions is everything of EC2 that is modelled; any other action is refused.
var ec2Actions = map[string]action{
	"DescribeVpcs":             reads(describeVpcs),
	"DescribeVpcAttribute":     reads(describeVpcAttribute),
	"CreateVpc":                writes(createVpc),
	"DeleteVpc":                writes(deleteVpc),
	"ModifyVpcAttribute":       {decode: modifyVpcAttribute, mutating: true, noDryRun: true},
	"AssociateVpcCidrBlock":    {decode: associateVpcCidrBlock, mutating: true, noDryRun: true},
	"DisassociateVpcCidrBlock": {decode: disassociateVpcCidrBlock, mutating: true, noDryRun: true},

	"DescribeSubnets": reads(describeSubnets),
	"CreateSubnet":    writes(createSubnet),
	"DeleteSubnet":    writes(deleteSubnet),

	"DescribeNetworkInterfaces": reads(describeNetworkInterfaces),

	"DescribeInternetGateways": reads(describeInternetGateways),
	"CreateInternetGateway":    writes(createInternetGateway),
	"AttachInternetGateway":    writes(attachInternetGateway),
	"DetachInternetGateway":    writes(detachInternetGateway),
	"DeleteInternetGateway":    writes(deleteInternetGateway),

	"DescribeRouteTables":          reads(describeRouteTables),
	"CreateRouteTable":             writes(createRouteTable),
	"DeleteRouteTable":             writes(deleteRouteTable),
	"AssociateRouteTable":          writes(associateRouteTable),
	"DisassociateRouteTable":       writes(disassociateRouteTable),
	"ReplaceRouteTableAssociation": writes(replaceRouteTableAssociation),
	"CreateRoute":                  writes(createRoute),
	"ReplaceRoute":                 writes(replaceRoute),
	"DeleteRoute":                  writes(deleteRoute),

	"DescribeSecurityGroups":                     reads(describeSecurityGroups),
	"CreateSecurityGroup":                        writes(createSecurityGroup),
	"DeleteSecurityGroup":                        writes(deleteSecurityGroup),
	"DescribeSecurityGroupRules":                 reads(describeSecurityGroupRules),
	"AuthorizeSecurityGroupIngress":              writes(authorize(false)),
	"AuthorizeSecurityGroupEgress":               writes(authorize(true)),
	"RevokeSecurityGroupIngress":                 writes(revoke(false)),
	"RevokeSecurityGroupEgress":                  writes(revoke(true)),
	"ModifySecurityGroupRules":                   writes(modifySecurityGroupRules),
	"UpdateSecurityGroupRuleDescriptionsIngress": writes(updateDescriptions(false)),
	"UpdateSecurityGroupRuleDescriptionsEgress":  writes(updateDescriptions(true)),
	"DescribeStaleSecurityGroups":                reads(describeStaleSecurityGroups),
	"DescribeSecurityGroupReferences":            reads(describeSecurityGroupReferences),

	"DescribeVpcPeeringConnections":     reads(describeVpcPeeringConnections),
	"CreateVpcPeeringConnection":        writes(createVpcPeeringConnection),
	"AcceptVpcPeeringConnection":        writes(acceptVpcPeeringConnection),
	"RejectVpcPeeringConnection":        writes(rejectVpcPeeringConnection),
	"DeleteVpcPeeringConnection":        writes(deleteVpcPeeringConnection),
	"ModifyVpcPeeringConnectionOptions": writes(modifyVpcPeeringConnectionOptions),

	"DescribeNetworkAcls":          reads(describeNetworkAcls),
	"CreateNetworkAcl":             writes(createNetworkAcl),
	"DeleteNetworkAcl":             writes(deleteNetworkAcl),
	"CreateNetworkAclEntry":        writes(putNetworkAclEntry(false)),
	"ReplaceNetworkAclEntry":       writes(putNetworkAclEntry(true)),
	"DeleteNetworkAclEntry":        writes(deleteNetworkAclEntry),
	"ReplaceNetworkAclAssociation": writes(replaceNetworkAclAssociation),

	"DescribeManagedPrefixLists":  reads(describeManagedPrefixLists),
	"GetManagedPrefixListEntries": reads(getManagedPrefixListEntries),
	"CreateManagedPrefixList":     writes(createManagedPrefixList),
	"DeleteManagedPrefixList":     writes(deleteManagedPrefixList),

	"CreateTags":   writes(createTags),
	"DeleteTags":   writes(deleteTags),
	"DescribeTags": reads(describeTags),
}

// returned answers a call whose reply is nothing but true.
func returned(err *world.Error) ([]wire.Node, *world.Error) {
	if err != nil {
		return nil, err
	}
	return []wire.Node{wire.Bool("return", true)}, nil
}

// done answers a call whose reply is empty.
func done(err *world.Error) ([]wire.Node, *world.Error) { return nil, err }
