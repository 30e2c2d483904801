package soak

import (
	"context"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// Try does by hand, in memory, what a call of EC2 does; what peerd can do too is done as an action, and so refused where that is.
func (m *memory) Try(account, region, action string, params ...string) bool {
	p := map[string]string{}
	for i := 0; i < len(params); i += 2 {
		p[params[i]] = params[i+1]
	}
	at := netstate.Scope{Account: netstate.AccountID(account), Region: netstate.Region(region)}
	switch action {
	case "CreateRoute", "ReplaceRoute", "DeleteRoute":
		return m.tryRoute(action, routeKey(at.String()+" "+p["RouteTableId"]+" "+p["DestinationCidrBlock"]), p["TransitGatewayId"])
	case "DeleteTags":
		m.Edit(func(o *netstate.Observed) { untagged(o, at, netstate.ConnID(p["ResourceId.1"]), p["Tag.1.Key"]) })
		return true
	case "DeleteVpcPeeringConnection":
		return m.tryAction(plan.Placed(plan.CloseConnection{Conn: netstate.ConnID(p["VpcPeeringConnectionId"])}, "", at))
	case "CreateVpcPeeringConnection":
		other := netstate.Scope{Account: netstate.AccountID(p["PeerOwnerId"]), Region: netstate.Region(p["PeerRegion"])}
		return m.tryAction(plan.Placed(plan.OpenConnection{Requester: netstate.VPC{Scope: at, ID: netstate.VPCID(p["VpcId"])},
			Accepter: netstate.VPC{Scope: other, ID: netstate.VPCID(p["PeerVpcId"])}}, "", at))
	case "AuthorizeSecurityGroupIngress":
		k := ingress(netstate.GroupKey{Scope: at, ID: netstate.GroupID(p["GroupId"])}, 443, p["IpPermissions.1.IpRanges.1.CidrIp"])
		return m.tryAction(plan.Placed(plan.AllowRule{Key: k}, "", at))
	case "RevokeSecurityGroupIngress":
		k := netstate.RuleKey{Scope: at, Group: netstate.GroupID(p["GroupId"]), Dir: netstate.Ingress}
		return m.tryAction(plan.Placed(plan.RevokeRule{ID: netstate.RuleID(p["SecurityGroupRuleId.1"]), Key: k}, "", at))
	}
	panic("no hand does " + action)
}

func (m *memory) tryAction(a plan.Action) bool {
	return m.Target.Apply(context.Background(), plan.Batch{a}, nil)[0].Err == nil
}

// tryRoute makes, replaces or deletes a route by hand; a destination within the VPC takes none.
func (m *memory) tryRoute(action string, k netstate.RouteKey, target string) (done bool) {
	m.Edit(func(o *netstate.Observed) {
		v := netstate.VPC{Scope: k.Scope, ID: o.Tables[netstate.TableKey{Scope: k.Scope, ID: k.Table}].VPC}
		for _, c := range o.VPCs[v].CIDRs {
			if netstate.Inside(k.Dest.Prefix, c) {
				return
			}
		}
		if _, there := o.Routes[k]; there == (action == "CreateRoute") {
			return
		}
		done = true
		if action == "DeleteRoute" {
			delete(o.Routes, k)
			return
		}
		o.Routes[k] = elsewhere(target)
	})
	return done
}

// untagged takes a tag out of the view of a connection that a scope has.
func untagged(o *netstate.Observed, at netstate.Scope, id netstate.ConnID, key string) {
	c, there := o.Connections[id]
	if !there {
		return
	}
	for i := range c.Views {
		if c.VPC(netstate.Side(i)).Scope == at {
			tags := c.Views[i].Tags.With(nil)
			delete(tags, key)
			c.Views[i].Tags = tags
		}
	}
	o.Connections[id] = c
}
