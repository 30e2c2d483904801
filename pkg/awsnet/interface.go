package awsnet

import (
	"context"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// listInterfaces returns the network interfaces that are asked for by their ids or their instances'. Filters ask for them, since an id that
// this account and region does not have would be refused.
func (r *reader) listInterfaces(ctx context.Context) (map[netstate.InterfaceKey]netstate.Interface, *netstate.Error) {
	by := map[string][]string{}
	for _, id := range r.w.Interfaces {
		filter := "network-interface-id"
		if strings.HasPrefix(id, "i-") {
			filter = "attachment.instance-id"
		}
		by[filter] = append(by[filter], id)
	}
	out, asked := map[netstate.InterfaceKey]netstate.Interface{}, setOf(r.w.Interfaces)
	for filter, ids := range by {
		found, err := filtered(ids, func(f types.Filter) ([]types.NetworkInterface, *netstate.Error) { return r.describeInterfaces(ctx, f) }, filter)
		if err != nil {
			return nil, err
		}
		for _, in := range found {
			id, n, ok := interfaceOf(in)
			if ok && r.ours(in.OwnerId) && (asked[string(id)] || asked[string(n.Instance)]) {
				out[netstate.InterfaceKey{Scope: r.scope, ID: id}] = n
			}
		}
	}
	return out, nil
}

func (c *client) describeInterfaces(ctx context.Context, f types.Filter) ([]types.NetworkInterface, *netstate.Error) {
	return list(ctx, c, "list network interfaces", pages[types.NetworkInterface]{
		id: func(n types.NetworkInterface) string { return aws.ToString(n.NetworkInterfaceId) },
		next: func(ctx context.Context, token *string) ([]types.NetworkInterface, *string, error) {
			in := &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{f}, MaxResults: c.cfg.page(1000), NextToken: token}
			out, err := c.read.DescribeNetworkInterfaces(ctx, in)
			if err != nil {
				return nil, nil, err
			}
			return out.NetworkInterfaces, out.NextToken, nil
		},
	})
}

// interfaceOf returns what a reply shows of an interface, or false for one without a private address.
func interfaceOf(in types.NetworkInterface) (netstate.InterfaceID, netstate.Interface, bool) {
	addr, err := netip.ParseAddr(aws.ToString(in.PrivateIpAddress))
	n := netstate.Interface{VPC: netstate.VPCID(aws.ToString(in.VpcId)), Address: addr}
	for _, g := range in.Groups {
		n.Groups = append(n.Groups, netstate.GroupID(aws.ToString(g.GroupId)))
	}
	if a := in.Attachment; a != nil {
		n.Instance, n.Index = netstate.InstanceID(aws.ToString(a.InstanceId)), aws.ToInt32(a.DeviceIndex)
	}
	id := netstate.InterfaceID(aws.ToString(in.NetworkInterfaceId))
	return id, n, err == nil && id != ""
}
