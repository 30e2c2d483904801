package awsnet

import (
	"cmp"
	"context"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// rules are a scope's security-group rules that matter, and the groups that they show to be there.
type rules struct {
	rules  map[netstate.RuleKey]netstate.Rule
	groups map[netstate.GroupKey]netstate.Group
}

// listRules returns the rules of the groups asked for, and those that carry our owner tag wherever they are: EC2 cannot filter rules by
// VPC, so an owned rule of a group that no entry names any more would not be found otherwise.
func (r *reader) listRules(ctx context.Context, groups *result[map[netstate.GroupKey]netstate.Group]) (rules, *netstate.Error) {
	out := rules{map[netstate.RuleKey]netstate.Rule{}, map[netstate.GroupKey]netstate.Group{}}
	var found []types.SecurityGroupRule
	if r.owner != "" {
		owned, err := r.describeRules(ctx, types.Filter{Name: aws.String("tag:" + netstate.TagOwner), Values: []string{literal.Replace(string(r.owner))}})
		if err != nil {
			return out, err
		}
		found = owned
	}
	ids, err := r.groupIDs(groups)
	if err != nil {
		return out, err
	}
	more, err := filtered(ids, func(f types.Filter) ([]types.SecurityGroupRule, *netstate.Error) { return r.describeRules(ctx, f) }, "group-id")
	if err != nil {
		return out, err
	}
	all := append(found, more...)
	if id := twoVersions(all); id != "" {
		return out, &netstate.Error{Op: "list security-group rules", Scope: r.scope, Kind: netstate.Stale,
			Message: "two lists show " + id + " in two ways: it is being changed, or one of them is out of date"}
	}
	wanted := setOf(ids)
	for _, in := range all {
		r.take(out, in, wanted)
	}
	return out, nil
}

// twoVersions returns the id of a rule that is shown twice as different rules, empty when there is none: a plan from both would revoke
// by its id what the rule was, and so what it is.
func twoVersions(all []types.SecurityGroupRule) string {
	seen := map[string]netstate.RuleKey{}
	for _, in := range all {
		id := aws.ToString(in.SecurityGroupRuleId)
		k, _ := ruleKey(netstate.Scope{}, in)
		if have, twice := seen[id]; twice && have != k {
			return id
		}
		seen[id] = k
	}
	return ""
}

// literal writes a filter's value so that EC2 takes it for itself: * and ? are wildcards there (EC2 User Guide, "List and filter").
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)

// take keeps a rule that was asked for. The filters are checked again: an emulator may ignore them.
func (r *reader) take(out rules, in types.SecurityGroupRule, wanted map[netstate.GroupID]bool) {
	k, ok := ruleKey(r.scope, in)
	if !ok || !r.ours(in.GroupOwnerId) {
		return
	}
	rule := netstate.Rule{ID: netstate.RuleID(aws.ToString(in.SecurityGroupRuleId)), Description: aws.ToString(in.Description), Tags: tagsOf(in.Tags)}
	owned := r.owner != "" && rule.Owner() == r.owner
	if !owned && !wanted[k.Group] {
		return
	}
	if wanted[k.Group] {
		out.groups[netstate.GroupKey{Scope: r.scope, ID: k.Group}] = netstate.Group{Owner: netstate.AccountID(aws.ToString(in.GroupOwnerId))}
	}
	if have, twice := out.rules[k]; twice && !before(rule, have, r.owner) {
		return // two ports of a protocol that has none are one rule to us: ours stands for both, else the first by id
	}
	out.rules[k] = rule
}

func before(a, b netstate.Rule, owner netstate.OwnerID) bool {
	if x, y := a.Owner() == owner, b.Owner() == owner; x != y {
		return x
	}
	return a.ID < b.ID
}

// groupIDs returns the groups whose rules are wanted, once the listing of groups is there.
func (r *reader) groupIDs(groups *result[map[netstate.GroupKey]netstate.Group]) ([]netstate.GroupID, *netstate.Error) {
	found, err := groups.wait()
	if err != nil {
		return nil, err
	}
	var ids []netstate.GroupID
	for k := range found {
		ids = append(ids, k.ID)
	}
	for _, a := range r.w.Groups {
		if a.Group.ID != "" {
			ids = append(ids, a.Group.ID)
		}
	}
	return ids, nil
}

func (c *client) describeRules(ctx context.Context, f types.Filter) ([]types.SecurityGroupRule, *netstate.Error) {
	return list(ctx, c, "list security-group rules", pages[types.SecurityGroupRule]{
		id: func(r types.SecurityGroupRule) string { return aws.ToString(r.SecurityGroupRuleId) },
		next: func(ctx context.Context, token *string) ([]types.SecurityGroupRule, *string, error) {
			in := &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{f}, MaxResults: c.cfg.page(1000), NextToken: token}
			out, err := c.read.DescribeSecurityGroupRules(ctx, in)
			if err != nil {
				return nil, nil, err
			}
			return out.SecurityGroupRules, out.NextToken, nil
		},
	})
}

// ruleKey returns a rule's identity in our spelling, or false where the rule is of a form that is not known: such a one is foreign.
func ruleKey(scope netstate.Scope, in types.SecurityGroupRule) (netstate.RuleKey, bool) {
	k := netstate.RuleKey{Scope: scope, Group: netstate.GroupID(aws.ToString(in.GroupId)), Dir: netstate.Ingress, Proto: netstate.NewProto(aws.ToString(in.IpProtocol))}
	if in.IsEgress == nil || k.Group == "" || k.Proto == "" || aws.ToString(in.SecurityGroupRuleId) == "" {
		return k, false
	}
	if *in.IsEgress {
		k.Dir = netstate.Egress
	}
	k.Ports = netstate.NewPorts(k.Proto, netstate.PortRange{From: portOf(in.FromPort), To: portOf(in.ToPort)})
	peer, ok := peerOf(in)
	k.Peer = peer
	return k, ok
}

// portOf reads a port; one that is left out means all (EC2 API Reference, SecurityGroupRule).
func portOf(p *int32) int32 {
	if p == nil {
		return -1
	}
	return *p
}

func peerOf(in types.SecurityGroupRule) (netstate.Peer, bool) {
	if list := aws.ToString(in.PrefixListId); list != "" {
		return netstate.Peer{List: netstate.PrefixListID(list)}, true
	}
	if g := in.ReferencedGroupInfo; g != nil && aws.ToString(g.GroupId) != "" {
		return netstate.Peer{Group: netstate.GroupID(*g.GroupId)}, true
	}
	p, err := netip.ParsePrefix(cmp.Or(aws.ToString(in.CidrIpv4), aws.ToString(in.CidrIpv6)))
	return netstate.Peer{Prefix: p.Masked()}, err == nil
}
