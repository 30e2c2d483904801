package awsnet

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// ec2API is every call of EC2 that peerd makes: the list of its permissions. STS is called twice more, AssumeRole and GetCallerIdentity,
// in session.go. They are functions and not an interface's methods, since the linker keeps each of the several hundred operations of a client that
// is put into an interface: they are a third of the program then.
type ec2API struct {
	DescribeVpcPeeringConnections call[ec2.DescribeVpcPeeringConnectionsInput, ec2.DescribeVpcPeeringConnectionsOutput]
	DescribeVpcs                  call[ec2.DescribeVpcsInput, ec2.DescribeVpcsOutput]
	DescribeVpcAttribute          call[ec2.DescribeVpcAttributeInput, ec2.DescribeVpcAttributeOutput]
	DescribeSubnets               call[ec2.DescribeSubnetsInput, ec2.DescribeSubnetsOutput]
	DescribeRouteTables           call[ec2.DescribeRouteTablesInput, ec2.DescribeRouteTablesOutput]
	DescribeSecurityGroups        call[ec2.DescribeSecurityGroupsInput, ec2.DescribeSecurityGroupsOutput]
	DescribeSecurityGroupRules    call[ec2.DescribeSecurityGroupRulesInput, ec2.DescribeSecurityGroupRulesOutput]
	DescribeNetworkAcls           call[ec2.DescribeNetworkAclsInput, ec2.DescribeNetworkAclsOutput]
	DescribeNetworkInterfaces     call[ec2.DescribeNetworkInterfacesInput, ec2.DescribeNetworkInterfacesOutput]
	DescribeManagedPrefixLists    call[ec2.DescribeManagedPrefixListsInput, ec2.DescribeManagedPrefixListsOutput]
	GetManagedPrefixListEntries   call[ec2.GetManagedPrefixListEntriesInput, ec2.GetManagedPrefixListEntriesOutput]

	CreateVpcPeeringConnection        call[ec2.CreateVpcPeeringConnectionInput, ec2.CreateVpcPeeringConnectionOutput]
	AcceptVpcPeeringConnection        call[ec2.AcceptVpcPeeringConnectionInput, ec2.AcceptVpcPeeringConnectionOutput]
	DeleteVpcPeeringConnection        call[ec2.DeleteVpcPeeringConnectionInput, ec2.DeleteVpcPeeringConnectionOutput]
	ModifyVpcPeeringConnectionOptions call[ec2.ModifyVpcPeeringConnectionOptionsInput, ec2.ModifyVpcPeeringConnectionOptionsOutput]
	CreateTags                        call[ec2.CreateTagsInput, ec2.CreateTagsOutput]

	CreateRoute  call[ec2.CreateRouteInput, ec2.CreateRouteOutput]
	ReplaceRoute call[ec2.ReplaceRouteInput, ec2.ReplaceRouteOutput]
	DeleteRoute  call[ec2.DeleteRouteInput, ec2.DeleteRouteOutput]

	AuthorizeSecurityGroupIngress              call[ec2.AuthorizeSecurityGroupIngressInput, ec2.AuthorizeSecurityGroupIngressOutput]
	AuthorizeSecurityGroupEgress               call[ec2.AuthorizeSecurityGroupEgressInput, ec2.AuthorizeSecurityGroupEgressOutput]
	RevokeSecurityGroupIngress                 call[ec2.RevokeSecurityGroupIngressInput, ec2.RevokeSecurityGroupIngressOutput]
	RevokeSecurityGroupEgress                  call[ec2.RevokeSecurityGroupEgressInput, ec2.RevokeSecurityGroupEgressOutput]
	ModifySecurityGroupRules                   call[ec2.ModifySecurityGroupRulesInput, ec2.ModifySecurityGroupRulesOutput]
	UpdateSecurityGroupRuleDescriptionsIngress call[ec2.UpdateSecurityGroupRuleDescriptionsIngressInput, ec2.UpdateSecurityGroupRuleDescriptionsIngressOutput]
	UpdateSecurityGroupRuleDescriptionsEgress  call[ec2.UpdateSecurityGroupRuleDescriptionsEgressInput, ec2.UpdateSecurityGroupRuleDescriptionsEgressOutput]
}

// call is one operation of the SDK's client.
type call[In, Out any] func(context.Context, *In, ...func(*ec2.Options)) (*Out, error)

func newEC2API(c *ec2.Client) ec2API {
	return ec2API{
		DescribeVpcPeeringConnections: c.DescribeVpcPeeringConnections,
		DescribeVpcs:                  c.DescribeVpcs,
		DescribeVpcAttribute:          c.DescribeVpcAttribute,
		DescribeSubnets:               c.DescribeSubnets,
		DescribeRouteTables:           c.DescribeRouteTables,
		DescribeSecurityGroups:        c.DescribeSecurityGroups,
		DescribeSecurityGroupRules:    c.DescribeSecurityGroupRules,
		DescribeNetworkAcls:           c.DescribeNetworkAcls,
		DescribeNetworkInterfaces:     c.DescribeNetworkInterfaces,
		DescribeManagedPrefixLists:    c.DescribeManagedPrefixLists,
		GetManagedPrefixListEntries:   c.GetManagedPrefixListEntries,

		CreateVpcPeeringConnection:        c.CreateVpcPeeringConnection,
		AcceptVpcPeeringConnection:        c.AcceptVpcPeeringConnection,
		DeleteVpcPeeringConnection:        c.DeleteVpcPeeringConnection,
		ModifyVpcPeeringConnectionOptions: c.ModifyVpcPeeringConnectionOptions,
		CreateTags:                        c.CreateTags,

		CreateRoute:  c.CreateRoute,
		ReplaceRoute: c.ReplaceRoute,
		DeleteRoute:  c.DeleteRoute,

		AuthorizeSecurityGroupIngress:              c.AuthorizeSecurityGroupIngress,
		AuthorizeSecurityGroupEgress:               c.AuthorizeSecurityGroupEgress,
		RevokeSecurityGroupIngress:                 c.RevokeSecurityGroupIngress,
		RevokeSecurityGroupEgress:                  c.RevokeSecurityGroupEgress,
		ModifySecurityGroupRules:                   c.ModifySecurityGroupRules,
		UpdateSecurityGroupRuleDescriptionsIngress: c.UpdateSecurityGroupRuleDescriptionsIngress,
		UpdateSecurityGroupRuleDescriptionsEgress:  c.UpdateSecurityGroupRuleDescriptionsEgress,
	}
}
