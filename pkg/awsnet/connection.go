package awsnet

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// listConnections returns every connection that the scope shows: filters of EC2 cannot say "this VPC on either side" in one call, and a
// connection that nobody asked for may be an orphan of ours.
func (r *reader) listConnections(ctx context.Context) ([]types.VpcPeeringConnection, *netstate.Error) {
	return list(ctx, r.client, "list peering connections", pages[types.VpcPeeringConnection]{
		id: func(c types.VpcPeeringConnection) string { return aws.ToString(c.VpcPeeringConnectionId) },
		next: func(ctx context.Context, token *string) ([]types.VpcPeeringConnection, *string, error) {
			in := &ec2.DescribeVpcPeeringConnectionsInput{MaxResults: r.cfg.page(1000), NextToken: token}
			out, err := r.client.read.DescribeVpcPeeringConnections(ctx, in)
			if err != nil {
				return nil, nil, err
			}
			return out.VpcPeeringConnections, out.NextToken, nil
		},
	})
}

// mergeConnections lays what one scope shows over what others have shown. Each scope is asked once, and shows the view of each side that
// is its own: both views, with the same tags, where both sides are.
func mergeConnections(o *netstate.Observed, scope netstate.Scope, seen []types.VpcPeeringConnection) {
	for _, in := range seen {
		shown := connectionOf(in, scope)
		if shown.ID == "" {
			continue
		}
		c, known := o.Connections[shown.ID]
		if !known {
			c = shown
			c.Views = [2]netstate.View{}
		}
		if shown.Status.After(c.Status) {
			c.Status, c.Message = shown.Status, shown.Message
		}
		if c.Expires.IsZero() {
			c.Expires = shown.Expires
		}
		own := false
		for side := range c.Views {
			if len(shown.Shows[side]) > len(c.Shows[side]) {
				c.Shows[side] = shown.Shows[side]
			}
			mine := shown.VPC(netstate.Side(side)).Scope == scope
			own = own || mine
			c.Views[side] = mergeView(c.Views[side], shown.Views[side], mine)
		}
		if own {
			o.Connections[c.ID] = c
		}
	}
}

// mergeView lays one scope's view of a side over what is known of it: the side's own scope knows best, another one's word counts only
// for what is not known otherwise.
func mergeView(have, shown netstate.View, own bool) netstate.View {
	switch {
	case own:
		if shown.DNS == netstate.Unknown {
			shown.DNS = have.DNS
		}
		shown.Seen = true
		return shown
	case have.DNS == netstate.Unknown:
		have.DNS = shown.DNS
	}
	return have
}

// connectionOf translates what a scope shows of a connection. Both views hold its tags; which of them is its own, the caller knows.
func connectionOf(in types.VpcPeeringConnection, scope netstate.Scope) netstate.Connection {
	tags := tagsOf(in.Tags)
	c := netstate.Connection{
		ID:        netstate.ConnID(aws.ToString(in.VpcPeeringConnectionId)),
		Requester: vpcOf(in.RequesterVpcInfo, scope),
		Accepter:  vpcOf(in.AccepterVpcInfo, scope),
		Expires:   aws.ToTime(in.ExpirationTime),
		Views:     [2]netstate.View{{Tags: tags, DNS: dnsOf(in.RequesterVpcInfo)}, {Tags: tags, DNS: dnsOf(in.AccepterVpcInfo)}},
		Shows:     [2][]netip.Prefix{showsOf(in.RequesterVpcInfo), showsOf(in.AccepterVpcInfo)},
	}
	if in.Status != nil {
		c.Status, c.Message = netstate.Status(in.Status.Code), aws.ToString(in.Status.Message)
	}
	return c
}

// vpcOf returns the VPC of a side. An owner or a region that is not shown is the one that was asked: EC2 shows them, an emulator of one account
// may not.
func vpcOf(in *types.VpcPeeringConnectionVpcInfo, scope netstate.Scope) netstate.VPC {
	if in == nil {
		return netstate.VPC{}
	}
	id, account := aws.ToString(in.VpcId), aws.ToString(in.OwnerId)
	if id != "" {
		account = cmp.Or(account, string(scope.Account))
	}
	region := cmp.Or(aws.ToString(in.Region), string(scope.Region))
	return netstate.VPC{Scope: netstate.Scope{Account: netstate.AccountID(account), Region: netstate.Region(region)}, ID: netstate.VPCID(id)}
}

// showsOf returns the CIDRs shown of a side. They are no ground to plan on, since EC2 shows them of active connections and else only the
// requester's; they say what a VPC brings that nobody here may describe.
func showsOf(in *types.VpcPeeringConnectionVpcInfo) []netip.Prefix {
	if in == nil {
		return nil
	}
	all := []*string{in.CidrBlock}
	for _, b := range in.CidrBlockSet {
		all = append(all, b.CidrBlock)
	}
	for _, b := range in.Ipv6CidrBlockSet {
		all = append(all, b.Ipv6CidrBlock)
	}
	var out []netip.Prefix
	for _, text := range all {
		if c, err := netip.ParsePrefix(aws.ToString(text)); err == nil {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return netstate.SortPrefixes(out)
}

// dnsOf returns what is shown of a side's option: EC2 leaves it out while the connection is pending and often across accounts.
func dnsOf(in *types.VpcPeeringConnectionVpcInfo) netstate.Tri {
	if in == nil || in.PeeringOptions == nil || in.PeeringOptions.AllowDnsResolutionFromRemoteVpc == nil {
		return netstate.Unknown
	}
	return netstate.TriOf(*in.PeeringOptions.AllowDnsResolutionFromRemoteVpc)
}

// openConnection requests a connection. EC2 answers with the existing one, and with success, if the pair has one in this direction: then
// it must be ours to go on, and nothing is done to it here.
func (w *writer) openConnection(ctx context.Context, a plan.OpenConnection) (string, *netstate.Error) {
	what := fmt.Sprintf("open a connection from %s to %s", a.Requester.ID, a.Accepter)
	var shown netstate.Connection
	err := w.change(ctx, what, func(ctx context.Context) error {
		out, err := w.write.CreateVpcPeeringConnection(ctx, &ec2.CreateVpcPeeringConnectionInput{
			VpcId: text(a.Requester.ID), PeerVpcId: text(a.Accepter.ID),
			PeerOwnerId: text(a.Accepter.Account), PeerRegion: text(a.Accepter.Region),
			TagSpecifications: tagged(types.ResourceTypeVpcPeeringConnection, a.Tags),
		})
		if err != nil {
			return err
		}
		if out.VpcPeeringConnection == nil || aws.ToString(out.VpcPeeringConnection.VpcPeeringConnectionId) == "" {
			return &notReply{"the reply names no connection"}
		}
		shown = connectionOf(*out.VpcPeeringConnection, w.scope)
		return nil
	})
	if err != nil {
		return "", err
	}
	if complaint := notAsked(a, shown); complaint != "" {
		return "", &netstate.Error{Op: what, Scope: w.scope, Kind: netstate.Exists, Message: fmt.Sprintf("EC2 answered with %s, %s", shown.ID, complaint)}
	}
	return string(shown.ID), nil
}

// notAsked says how a connection is not the one that was asked for, empty when it is.
func notAsked(a plan.OpenConnection, c netstate.Connection) string {
	tags := c.Views[netstate.RequesterSide].Tags
	owner := tags[netstate.TagOwner]
	switch {
	case c.Requester.ID != a.Requester.ID || c.Accepter.ID != "" && c.Accepter.ID != a.Accepter.ID:
		return fmt.Sprintf("which joins %s and %s", c.Requester.ID, c.Accepter.ID)
	case owner == "":
		return fmt.Sprintf("which is %s and does not carry our tags", c.Status)
	case owner != a.Tags[netstate.TagOwner]: // the other tags may be those of an earlier request of ours; they are mended like any
		return fmt.Sprintf("which is %s and belongs to %q", c.Status, owner)
	case !c.Status.Alive() && c.Status != netstate.Failed: // a new one may fail at once
		return fmt.Sprintf("which is %s", c.Status)
	}
	return ""
}

// acceptConnection accepts a request.
func (w *writer) acceptConnection(ctx context.Context, a plan.AcceptConnection) *netstate.Error {
	return w.change(ctx, "accept "+string(a.Conn), func(ctx context.Context) error {
		_, err := w.write.AcceptVpcPeeringConnection(ctx, &ec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: text(a.Conn)})
		return err
	})
}

// tagConnection tags the scope's view of a connection. One that is taken over is read just before: EC2 puts tags over those of another owner,
// who may have taken it since the last look.
func (w *writer) tagConnection(ctx context.Context, a plan.TagConnection) *netstate.Error {
	if a.Takes {
		if err := w.stillNobodys(ctx, a); err != nil {
			return err
		}
	}
	return w.tag(ctx, a.Tags, string(a.Conn))
}

func (w *writer) stillNobodys(ctx context.Context, a plan.TagConnection) *netstate.Error {
	what := "take over " + string(a.Conn)
	var found []types.VpcPeeringConnection
	err := w.look(ctx, what, func(ctx context.Context) error {
		out, err := w.read.DescribeVpcPeeringConnections(ctx, &ec2.DescribeVpcPeeringConnectionsInput{VpcPeeringConnectionIds: []string{string(a.Conn)}})
		if err == nil {
			found = out.VpcPeeringConnections
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range found {
		if owner := tagsOf(c.Tags)[netstate.TagOwner]; owner != "" && owner != a.Tags[netstate.TagOwner] {
			return &netstate.Error{Op: what, Scope: w.scope, Kind: netstate.Stale, Message: fmt.Sprintf("it belongs to %q since", owner)}
		}
	}
	return nil
}

// setOptions sets the option of the side that the scope owns; the other side is never sent (VPC Peering Guide, "Modify peering options").
func (w *writer) setOptions(ctx context.Context, a plan.SetOptions) *netstate.Error {
	return w.change(ctx, fmt.Sprintf("set the %s's options of %s", a.Side, a.Conn), func(ctx context.Context) error {
		in := &ec2.ModifyVpcPeeringConnectionOptionsInput{VpcPeeringConnectionId: text(a.Conn)}
		options := &types.PeeringConnectionOptionsRequest{AllowDnsResolutionFromRemoteVpc: &a.DNS}
		if a.Side == netstate.RequesterSide {
			in.RequesterPeeringConnectionOptions = options
		} else {
			in.AccepterPeeringConnectionOptions = options
		}
		_, err := w.write.ModifyVpcPeeringConnectionOptions(ctx, in)
		return err
	})
}

// closeConnection deletes a connection.
func (w *writer) closeConnection(ctx context.Context, a plan.CloseConnection) *netstate.Error {
	return w.change(ctx, "close "+string(a.Conn), func(ctx context.Context) error {
		out, err := w.write.DeleteVpcPeeringConnection(ctx, &ec2.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: text(a.Conn)})
		if err != nil {
			return err
		}
		return agreed(out.Return)
	})
}
