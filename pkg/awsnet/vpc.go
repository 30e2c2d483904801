package awsnet

import (
	"context"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// listVPCs returns the VPCs that a selector means; where all select by id, no other is even asked for. A VPC that another account owns
// and shares with this one is not this scope's: only its owner can peer it (VPC User Guide, "Share your VPC").
func (r *reader) listVPCs(ctx context.Context) (map[netstate.VPC]netstate.Facts, *netstate.Error) {
	var found []types.Vpc
	var err *netstate.Error
	wanted := selectionOf(r.w.VPCs)
	if len(wanted.tagged) == 0 {
		found, err = filtered(wanted.list(), func(f types.Filter) ([]types.Vpc, *netstate.Error) { return r.describeVPCs(ctx, f) }, "vpc-id")
	} else {
		found, err = r.describeVPCs(ctx)
	}
	if err != nil {
		return nil, err
	}
	out := map[netstate.VPC]netstate.Facts{}
	for _, v := range found {
		id, facts := netstate.VPCID(aws.ToString(v.VpcId)), factsOf(v)
		if id != "" && r.ours(v.OwnerId) && wanted.means(id, facts.Tags) {
			out[netstate.VPC{Scope: r.scope, ID: id}] = facts
		}
	}
	return out, nil
}

func (c *client) describeVPCs(ctx context.Context, filters ...types.Filter) ([]types.Vpc, *netstate.Error) {
	return list(ctx, c, "list VPCs", pages[types.Vpc]{
		id: func(v types.Vpc) string { return aws.ToString(v.VpcId) },
		next: func(ctx context.Context, token *string) ([]types.Vpc, *string, error) {
			out, err := c.read.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: filters, MaxResults: c.cfg.page(1000), NextToken: token})
			if err != nil {
				return nil, nil, err
			}
			return out.Vpcs, out.NextToken, nil
		},
	})
}

// factsOf keeps of a VPC the CIDRs that are associated: others are still coming, or on their way out, or were refused. An emulator may
// know of the primary CIDR alone.
func factsOf(v types.Vpc) netstate.Facts {
	var all []netip.Prefix
	add := func(cidr *string, state *types.VpcCidrBlockState) {
		p, err := netip.ParsePrefix(aws.ToString(cidr))
		if err == nil && state != nil && state.State == types.VpcCidrBlockStateCodeAssociated {
			all = append(all, p)
		}
	}
	if len(v.CidrBlockAssociationSet) == 0 {
		add(v.CidrBlock, &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociated})
	}
	for _, a := range v.CidrBlockAssociationSet {
		add(a.CidrBlock, a.CidrBlockState)
	}
	for _, a := range v.Ipv6CidrBlockAssociationSet {
		add(a.Ipv6CidrBlock, a.Ipv6CidrBlockState)
	}
	return netstate.Facts{CIDRs: netstate.SortPrefixes(all), Tags: tagsOf(v.Tags)}
}

// listSubnets returns the subnets of the selected VPCs.
func (r *reader) listSubnets(ctx context.Context, vpcs *result[map[netstate.VPC]netstate.Facts]) (map[netstate.SubnetKey]netstate.Subnet, *netstate.Error) {
	ids, err := selectionOf(r.w.VPCs).find(vpcs)
	if err != nil {
		return nil, err
	}
	found, err := filtered(ids, func(f types.Filter) ([]types.Subnet, *netstate.Error) { return r.describeSubnets(ctx, f) }, "vpc-id")
	if err != nil {
		return nil, err
	}
	out, within := map[netstate.SubnetKey]netstate.Subnet{}, setOf(ids)
	for _, s := range found {
		id, vpc := netstate.SubnetID(aws.ToString(s.SubnetId)), netstate.VPCID(aws.ToString(s.VpcId))
		if id != "" && within[vpc] {
			out[netstate.SubnetKey{Scope: r.scope, ID: id}] = netstate.Subnet{VPC: vpc, CIDRs: subnetCIDRs(s), Tags: tagsOf(s.Tags)}
		}
	}
	return out, nil
}

// subnetCIDRs are the addresses that a subnet has: its IPv4 CIDR, and the IPv6 ones that are associated.
func subnetCIDRs(s types.Subnet) []netip.Prefix {
	var all []netip.Prefix
	if p, err := netip.ParsePrefix(aws.ToString(s.CidrBlock)); err == nil {
		all = append(all, p)
	}
	for _, a := range s.Ipv6CidrBlockAssociationSet {
		p, err := netip.ParsePrefix(aws.ToString(a.Ipv6CidrBlock))
		if err == nil && a.Ipv6CidrBlockState != nil && a.Ipv6CidrBlockState.State == types.SubnetCidrBlockStateCodeAssociated {
			all = append(all, p)
		}
	}
	return netstate.SortPrefixes(all)
}

func (c *client) describeSubnets(ctx context.Context, f types.Filter) ([]types.Subnet, *netstate.Error) {
	return list(ctx, c, "list subnets", pages[types.Subnet]{
		id: func(s types.Subnet) string { return aws.ToString(s.SubnetId) },
		next: func(ctx context.Context, token *string) ([]types.Subnet, *string, error) {
			out, err := c.read.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []types.Filter{f}, MaxResults: c.cfg.page(1000), NextToken: token})
			if err != nil {
				return nil, nil, err
			}
			return out.Subnets, out.NextToken, nil
		},
	})
}
