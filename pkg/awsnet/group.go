package awsnet

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// listGroups returns the groups that an ask means, those stated by id too: EC2 does not say when such a one is in another VPC. A VPC that is selected by tags may be another account's, shared with this one, which
// does not see its tags (VPC User Guide, "Share your VPC"): if none is found, groups are listed whatever their VPC, for the plan to judge.
func (r *reader) listGroups(ctx context.Context, vpcs *result[map[netstate.VPC]netstate.Facts]) (map[netstate.GroupKey]netstate.Group, *netstate.Error) {
	ids, everywhere, err := r.groupVPCs(vpcs)
	if err != nil {
		return nil, err
	}
	var found []types.SecurityGroup
	if everywhere {
		found, err = r.describeGroups(ctx)
	} else {
		found, err = filtered(ids, func(f types.Filter) ([]types.SecurityGroup, *netstate.Error) { return r.describeGroups(ctx, f) }, "vpc-id")
	}
	if err != nil {
		return nil, err
	}
	out, within, wanted := map[netstate.GroupKey]netstate.Group{}, setOf(ids), askedOf(r.w.Groups)
	for _, in := range found {
		g := netstate.Group{
			VPC: netstate.VPCID(aws.ToString(in.VpcId)), Owner: netstate.AccountID(aws.ToString(in.OwnerId)),
			Name: aws.ToString(in.GroupName), Tags: tagsOf(in.Tags),
		}
		id := netstate.GroupID(aws.ToString(in.GroupId))
		if id != "" && (everywhere || within[g.VPC]) && wanted.mean(id, g) {
			out[netstate.GroupKey{Scope: r.scope, ID: id}] = g
		}
	}
	return out, nil
}

// groupVPCs returns the VPCs whose groups are asked for, or that it cannot be said which.
func (r *reader) groupVPCs(vpcs *result[map[netstate.VPC]netstate.Facts]) (ids []netstate.VPCID, everywhere bool, _ *netstate.Error) {
	var selectors []netstate.VPCSelector
	for _, a := range r.w.Groups {
		selectors = append(selectors, a.VPC)
	}
	wanted := selectionOf(selectors)
	for _, tags := range wanted.tagged {
		found, err := selectionOf([]netstate.VPCSelector{{Tags: tags}}).find(vpcs)
		if err != nil {
			return nil, false, err
		}
		everywhere = everywhere || len(found) == 0
		ids = append(ids, found...)
	}
	return append(ids, wanted.list()...), everywhere, nil
}

// asks are what many asks for groups mean together, sorted out like a selection of VPCs.
type asks struct {
	ids    map[netstate.GroupID]bool
	named  map[string]map[netstate.VPCID]bool // in which VPCs; the empty one: in whichever
	tagged map[string]netstate.GroupAsk
	all    map[netstate.VPCID]bool // every group of these VPCs
}

func askedOf(all []netstate.GroupAsk) asks {
	out := asks{map[netstate.GroupID]bool{}, map[string]map[netstate.VPCID]bool{}, map[string]netstate.GroupAsk{}, map[netstate.VPCID]bool{}}
	for _, a := range all {
		switch {
		case a.All:
			out.all[a.VPC.ID] = true
		case a.Group.ID != "":
			out.ids[a.Group.ID] = true
		case a.Group.Name == "":
			out.tagged[string(a.VPC.ID)+" "+a.Group.Tags.String()] = a
		case out.named[a.Group.Name] == nil:
			out.named[a.Group.Name] = map[netstate.VPCID]bool{a.VPC.ID: true}
		default:
			out.named[a.Group.Name][a.VPC.ID] = true
		}
	}
	return out
}

// mean reports whether an ask means the group. One that names the VPC by id means the groups of that VPC only.
func (a asks) mean(id netstate.GroupID, g netstate.Group) bool {
	if vpcs := a.named[g.Name]; a.all[g.VPC] || a.ids[id] || vpcs[""] || vpcs[g.VPC] {
		return true
	}
	for _, t := range a.tagged {
		if (t.VPC.ID == "" || t.VPC.ID == g.VPC) && t.Group.Match(id, g) {
			return true
		}
	}
	return false
}

func (c *client) describeGroups(ctx context.Context, filters ...types.Filter) ([]types.SecurityGroup, *netstate.Error) {
	return list(ctx, c, "list security groups", pages[types.SecurityGroup]{
		id: func(g types.SecurityGroup) string { return aws.ToString(g.GroupId) },
		next: func(ctx context.Context, token *string) ([]types.SecurityGroup, *string, error) {
			in := &ec2.DescribeSecurityGroupsInput{Filters: filters, MaxResults: c.cfg.page(1000), NextToken: token}
			out, err := c.read.DescribeSecurityGroups(ctx, in)
			if err != nil {
				return nil, nil, err
			}
			return out.SecurityGroups, out.NextToken, nil
		},
	})
}
