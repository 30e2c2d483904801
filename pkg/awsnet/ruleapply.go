package awsnet

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// allowRules adds the rules of one group and direction in one call. Where one of several exists already or is over the quota, EC2 does not
// say which, nor is it documented that none of them was added: each is then asked for alone.
func (w *writer) allowRules(ctx context.Context, out []plan.Outcome) {
	made, err := w.authorize(ctx, actions[plan.AllowRule](out))
	if err != nil && (err.Kind == netstate.Exists || err.Kind == netstate.Limit) && len(out) > 1 {
		for i := range out {
			w.allowRules(ctx, out[i:i+1])
		}
		return
	}
	failAll(out, err)
	for i, a := range actions[plan.AllowRule](out) {
		out[i].Got = string(made[a.Key])
	}
}

// authorize makes one call of Authorize and returns the ids of the rules that it made.
func (w *writer) authorize(ctx context.Context, rules []plan.AllowRule) (map[netstate.RuleKey]netstate.RuleID, *netstate.Error) {
	first := rules[0]
	group, tags := text(first.Key.Group), tagged(types.ResourceTypeSecurityGroupRule, first.Tags)
	permissions := make([]types.IpPermission, len(rules))
	for i, r := range rules {
		permissions[i] = permission(r)
	}
	var made []types.SecurityGroupRule
	err := w.change(ctx, naming("allow", first.Key, len(rules)), func(ctx context.Context) error {
		if first.Key.Dir == netstate.Egress {
			out, err := w.write.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: group, IpPermissions: permissions, TagSpecifications: tags})
			if err != nil {
				return err
			}
			made = out.SecurityGroupRules
			return agreed(out.Return)
		}
		out, err := w.write.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: group, IpPermissions: permissions, TagSpecifications: tags})
		if err != nil {
			return err
		}
		made = out.SecurityGroupRules
		return agreed(out.Return)
	})
	ids := map[netstate.RuleKey]netstate.RuleID{}
	for _, in := range made {
		if k, ok := ruleKey(w.scope, in); ok {
			ids[k] = netstate.RuleID(*in.SecurityGroupRuleId)
		}
	}
	return ids, err
}

// permission writes a rule as Authorize takes it.
func permission(a plan.AllowRule) types.IpPermission {
	k := a.Key
	p := types.IpPermission{IpProtocol: text(k.Proto)}
	p.FromPort, p.ToPort = ports(k)
	description := optional(a.Description)
	switch {
	case k.Peer.List != "":
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: text(k.Peer.List), Description: description}}
	case k.Peer.Group != "":
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: text(k.Peer.Group), UserId: optional(string(a.PeerAccount)), Description: description}}
	case k.Peer.Prefix.Addr().Is4():
		p.IpRanges = []types.IpRange{{CidrIp: aws.String(k.Peer.Prefix.Masked().String()), Description: description}}
	default:
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String(k.Peer.Prefix.Masked().String()), Description: description}}
	}
	return p
}

// ports returns the range to send: none for a protocol that has no ports, where EC2 opens all whatever is sent.
func ports(k netstate.RuleKey) (from, to *int32) {
	switch k.Proto {
	case netstate.TCP, netstate.UDP, netstate.ICMP, netstate.ICMPv6:
		return &k.Ports.From, &k.Ports.To
	}
	return nil, nil
}

// changeRules turns rules of one group into others; they keep their ids and tags. The description is sent always: what is not sent is
// not kept.
func (w *writer) changeRules(ctx context.Context, rules []plan.ChangeRule) *netstate.Error {
	updates := make([]types.SecurityGroupRuleUpdate, len(rules))
	for i, r := range rules {
		updates[i] = types.SecurityGroupRuleUpdate{SecurityGroupRuleId: text(r.ID), SecurityGroupRule: request(r)}
	}
	return w.change(ctx, naming("change", rules[0].From, len(rules)), func(ctx context.Context) error {
		out, err := w.write.ModifySecurityGroupRules(ctx, &ec2.ModifySecurityGroupRulesInput{GroupId: text(rules[0].Key.Group), SecurityGroupRules: updates})
		if err != nil {
			return err
		}
		return agreed(out.Return)
	})
}

// request writes a rule as Modify takes it: here protocols without ports need theirs to be -1.
func request(a plan.ChangeRule) *types.SecurityGroupRuleRequest {
	k := a.Key
	r := &types.SecurityGroupRuleRequest{IpProtocol: text(k.Proto), FromPort: &k.Ports.From, ToPort: &k.Ports.To, Description: &a.Description}
	switch {
	case k.Peer.List != "":
		r.PrefixListId = text(k.Peer.List)
	case k.Peer.Group != "":
		r.ReferencedGroupId = text(k.Peer.Group)
	case k.Peer.Prefix.Addr().Is4():
		r.CidrIpv4 = aws.String(k.Peer.Prefix.Masked().String())
	default:
		r.CidrIpv6 = aws.String(k.Peer.Prefix.Masked().String())
	}
	return r
}

// describeRulesAs changes the descriptions of rules of one group and direction; an empty one is taken away by leaving it out.
func (w *writer) describeRulesAs(ctx context.Context, rules []plan.DescribeRule) *netstate.Error {
	group := text(rules[0].Key.Group)
	all := make([]types.SecurityGroupRuleDescription, len(rules))
	for i, r := range rules {
		all[i] = types.SecurityGroupRuleDescription{SecurityGroupRuleId: text(r.ID), Description: optional(r.Description)}
	}
	return w.change(ctx, naming("describe", rules[0].Key, len(rules)), func(ctx context.Context) error {
		if rules[0].Key.Dir == netstate.Egress {
			out, err := w.write.UpdateSecurityGroupRuleDescriptionsEgress(ctx, &ec2.UpdateSecurityGroupRuleDescriptionsEgressInput{GroupId: group, SecurityGroupRuleDescriptions: all})
			if err != nil {
				return err
			}
			return agreed(out.Return)
		}
		out, err := w.write.UpdateSecurityGroupRuleDescriptionsIngress(ctx, &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{GroupId: group, SecurityGroupRuleDescriptions: all})
		if err != nil {
			return err
		}
		return agreed(out.Return)
	})
}

// tagRules puts the same tags on rules.
func (w *writer) tagRules(ctx context.Context, rules []plan.TagRule) *netstate.Error {
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = string(r.ID)
	}
	return w.tag(ctx, rules[0].Tags, ids...)
}

// revokeRules removes rules of one group and direction by their ids, so that a rule which somebody has edited since is still the one
// that was meant. If one of several is not there, EC2 removes none: each is then asked for alone.
func (w *writer) revokeRules(ctx context.Context, out []plan.Outcome) {
	err := w.revoke(ctx, actions[plan.RevokeRule](out))
	if err != nil && err.Kind == netstate.Gone && len(out) > 1 {
		for i := range out {
			w.revokeRules(ctx, out[i:i+1])
		}
		return
	}
	failAll(out, err)
}

func (w *writer) revoke(ctx context.Context, rules []plan.RevokeRule) *netstate.Error {
	group := text(rules[0].Key.Group)
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = string(r.ID)
	}
	return w.change(ctx, naming("revoke", rules[0].Key, len(rules)), func(ctx context.Context) error {
		if rules[0].Key.Dir == netstate.Egress {
			out, err := w.write.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: group, SecurityGroupRuleIds: ids})
			if err != nil {
				return err
			}
			return agreed(out.Return)
		}
		out, err := w.write.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: group, SecurityGroupRuleIds: ids})
		if err != nil {
			return err
		}
		return agreed(out.Return)
	})
}

// naming says what a call does to its first rule, and how many more there are.
func naming(verb string, first netstate.RuleKey, n int) string {
	if n == 1 {
		return verb + " " + first.String()
	}
	return fmt.Sprintf("%s %s and %d more", verb, first, n-1)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func sdkTags(in netstate.Tags) []types.Tag {
	out := make([]types.Tag, 0, len(in))
	for _, k := range slices.Sorted(maps.Keys(in)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(in[k])})
	}
	return out
}
