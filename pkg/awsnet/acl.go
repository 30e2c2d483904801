package awsnet

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// listACLs returns the network ACLs of the selected VPCs. An entry that cannot be understood voids the listing: what it lets through, or
// keeps from the entries after it, is unknown.
func (r *reader) listACLs(ctx context.Context, vpcs *result[map[netstate.VPC]netstate.Facts]) (map[netstate.ACLKey]netstate.ACL, *netstate.Error) {
	ids, err := selectionOf(r.w.VPCs).find(vpcs)
	if err != nil {
		return nil, err
	}
	found, err := filtered(ids, func(f types.Filter) ([]types.NetworkAcl, *netstate.Error) { return r.describeACLs(ctx, f) }, "vpc-id")
	if err != nil {
		return nil, err
	}
	out, within := map[netstate.ACLKey]netstate.ACL{}, setOf(ids)
	for _, in := range found {
		key := netstate.ACLKey{Scope: r.scope, ID: netstate.ACLID(aws.ToString(in.NetworkAclId))}
		if key.ID == "" || !r.ours(in.OwnerId) || !within[netstate.VPCID(aws.ToString(in.VpcId))] {
			continue
		}
		acl, ok := aclOf(in)
		if !ok {
			return nil, r.failure("list network ACLs", &notReply{fmt.Sprintf("%s has an entry of a form that is not known", key.ID)}, false)
		}
		out[key] = acl
	}
	return out, nil
}

func (c *client) describeACLs(ctx context.Context, f types.Filter) ([]types.NetworkAcl, *netstate.Error) {
	return list(ctx, c, "list network ACLs", pages[types.NetworkAcl]{
		id: func(a types.NetworkAcl) string { return aws.ToString(a.NetworkAclId) },
		next: func(ctx context.Context, token *string) ([]types.NetworkAcl, *string, error) {
			in := &ec2.DescribeNetworkAclsInput{Filters: []types.Filter{f}, MaxResults: c.cfg.page(1000), NextToken: token}
			out, err := c.read.DescribeNetworkAcls(ctx, in)
			if err != nil {
				return nil, nil, err
			}
			return out.NetworkAcls, out.NextToken, nil
		},
	})
}

func aclOf(in types.NetworkAcl) (netstate.ACL, bool) {
	out := netstate.ACL{VPC: netstate.VPCID(aws.ToString(in.VpcId)), Default: aws.ToBool(in.IsDefault)}
	for _, a := range in.Associations {
		if id := aws.ToString(a.SubnetId); id != "" {
			out.Subnets = append(out.Subnets, netstate.SubnetID(id))
		}
	}
	for _, e := range in.Entries {
		entry, ok := aclEntry(e)
		if !ok {
			return out, false
		}
		out.Entries = append(out.Entries, entry)
	}
	slices.Sort(out.Subnets)
	slices.SortFunc(out.Entries, netstate.ACLEntry.Compare)
	return out, true
}

// aclEntry spells an entry as rules are spelt, or returns false where it is of a form that is not known.
func aclEntry(in types.NetworkAclEntry) (netstate.ACLEntry, bool) {
	e := netstate.ACLEntry{Number: aws.ToInt32(in.RuleNumber), Dir: netstate.Ingress, Proto: netstate.NewProto(aws.ToString(in.Protocol))}
	if aws.ToBool(in.Egress) {
		e.Dir = netstate.Egress
	}
	p, err := netip.ParsePrefix(cmp.Or(aws.ToString(in.CidrBlock), aws.ToString(in.Ipv6CidrBlock)))
	e.CIDR, e.Allow = p.Masked(), in.RuleAction == types.RuleActionAllow
	known := e.Allow || in.RuleAction == types.RuleActionDeny
	if err != nil || !known || in.Egress == nil || in.RuleNumber == nil || e.Proto == "" {
		return e, false
	}
	e.Ports = netstate.NewPorts(e.Proto, aclPorts(e.Proto, in))
	return e, true
}

// aclPorts reads an entry's ports, or ICMP's type and code; what is left out means all, and so does the whole range.
func aclPorts(p netstate.Proto, in types.NetworkAclEntry) netstate.PortRange {
	r := netstate.AllPorts
	switch icmp := p == netstate.ICMP || p == netstate.ICMPv6; {
	case icmp && in.IcmpTypeCode != nil:
		r = netstate.PortRange{From: portOf(in.IcmpTypeCode.Type), To: portOf(in.IcmpTypeCode.Code)}
	case !icmp && in.PortRange != nil:
		r = netstate.PortRange{From: portOf(in.PortRange.From), To: portOf(in.PortRange.To)}
	}
	return r
}
