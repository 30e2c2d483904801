package awsnet

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/netstate"
)

// A VPC selected by tags that this account does not see may be shared with it: its groups are listed all the same.
func TestGroupsOfAVPCThatIsNotSeen(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	l := lookAt()
	l.Scopes[west] = netstate.ScopeLook{Groups: []netstate.GroupAsk{{VPC: netstate.VPCSelector{Tags: netstate.Tags{"Name": "another's"}}, Group: netstate.GroupSelector{Name: "app"}}}}
	o := b.see(t, l)
	diff(t, o.Groups[netstate.GroupKey{Scope: west, ID: app}].VPC, hub.ID)
}

// What a selector by tags leads to cannot be read while the VPCs cannot.
func TestUnreadVPCsHoldWhatTheyLeadTo(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	b.sim.Inject(fault.Rule{Operation: "DescribeVpcs", Kind: fault.Error, Code: "UnauthorizedOperation", Status: 403, Before: true})
	l := lookAt()
	byTags := []netstate.VPCSelector{{Tags: netstate.Tags{"tier": "core"}}}
	l.Scopes[west] = netstate.ScopeLook{VPCs: byTags, DNS: byTags, Tables: true, Subnets: true, Groups: []netstate.GroupAsk{{VPC: byTags[0], Group: netstate.GroupSelector{Name: "app"}}}}
	o := b.observe(t, l)
	for _, listing := range []netstate.Listing{netstate.ListVPCs, netstate.ListDNS, netstate.ListTables, netstate.ListSubnets, netstate.ListGroups, netstate.ListRules} {
		wantKind(t, o.Missing(west, listing), netstate.Denied)
	}
	diff(t, o.Missing(west, netstate.ListConnections) == nil, true)
	diff(t, b.count("DescribeVpcs"), 1)
}

func TestOneFailedAttributeFailsTheListing(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	b.sim.Inject(fault.Rule{Operation: "DescribeVpcAttribute", Count: 1, Kind: fault.Error, Code: "UnauthorizedOperation", Status: 403, Before: true})
	l := lookAt(hub)
	w := l.Scopes[west]
	w.DNS = w.VPCs
	l.Scopes[west] = w
	o := b.observe(t, l)
	wantKind(t, o.Missing(west, netstate.ListDNS), netstate.Denied)
	diff(t, o.VPCs[hub].DNSSupport, netstate.Unknown)
}

func TestShapesOfRules(t *testing.T) {
	t.Parallel()
	base := func(change func(*types.SecurityGroupRule)) types.SecurityGroupRule {
		r := types.SecurityGroupRule{
			SecurityGroupRuleId: aws.String("sgr-1"), GroupId: aws.String("sg-1"), IsEgress: aws.Bool(false), IpProtocol: aws.String("TCP"),
			FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIpv4: aws.String("10.0.0.9/8"),
		}
		change(&r)
		return r
	}
	key := func(dir netstate.Direction, proto netstate.Proto, from, to int32, peer netstate.Peer) netstate.RuleKey {
		return netstate.RuleKey{Scope: west, Group: "sg-1", Dir: dir, Proto: proto, Ports: netstate.PortRange{From: from, To: to}, Peer: peer}
	}
	ten := netstate.Peer{Prefix: prefix("10.0.0.0/8")}
	for name, c := range map[string]struct {
		in   types.SecurityGroupRule
		want netstate.RuleKey
		ok   bool
	}{
		"host bits":        {base(func(*types.SecurityGroupRule) {}), key("ingress", "tcp", 22, 22, ten), true},
		"number":           {base(func(r *types.SecurityGroupRule) { r.IpProtocol, r.IsEgress = aws.String("17"), aws.Bool(true) }), key("egress", "udp", 22, 22, ten), true},
		"all, no ports":    {base(func(r *types.SecurityGroupRule) { r.IpProtocol, r.FromPort, r.ToPort = aws.String("-1"), nil, nil }), key("ingress", "-1", -1, -1, ten), true},
		"another protocol": {base(func(r *types.SecurityGroupRule) { r.IpProtocol = aws.String("50") }), key("ingress", "50", -1, -1, ten), true},
		"icmp type": {base(func(r *types.SecurityGroupRule) {
			r.IpProtocol, r.FromPort, r.ToPort = aws.String("1"), aws.Int32(8), aws.Int32(-1)
		}), key("ingress", "icmp", 8, -1, ten), true},
		"group": {base(func(r *types.SecurityGroupRule) {
			r.CidrIpv4, r.ReferencedGroupInfo = nil, &types.ReferencedSecurityGroup{GroupId: aws.String("sg-2"), UserId: aws.String("2")}
		}), key("ingress", "tcp", 22, 22, netstate.Peer{Group: "sg-2"}), true},
		"list":         {base(func(r *types.SecurityGroupRule) { r.CidrIpv4, r.PrefixListId = nil, aws.String("pl-1") }), key("ingress", "tcp", 22, 22, netstate.Peer{List: "pl-1"}), true},
		"IPv6":         {base(func(r *types.SecurityGroupRule) { r.CidrIpv4, r.CidrIpv6 = nil, aws.String("2001:DB8::1/32") }), key("ingress", "tcp", 22, 22, netstate.Peer{Prefix: prefix("2001:db8::/32")}), true},
		"no peer":      {base(func(r *types.SecurityGroupRule) { r.CidrIpv4 = nil }), netstate.RuleKey{}, false},
		"no direction": {base(func(r *types.SecurityGroupRule) { r.IsEgress = nil }), netstate.RuleKey{}, false},
		"no id":        {base(func(r *types.SecurityGroupRule) { r.SecurityGroupRuleId = nil }), netstate.RuleKey{}, false},
	} {
		got, ok := ruleKey(west, c.in)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: got %v %t, want %v %t", name, got, ok, c.want, c.ok)
		}
	}
}

// Two rules that are one to us: ours stands for both, else the first by id; and others' groups are not ours to change.
func TestTakeRules(t *testing.T) {
	t.Parallel()
	r := &reader{client: &client{scope: west}, owner: owner}
	rule := func(id string, tags ...types.Tag) types.SecurityGroupRule {
		return types.SecurityGroupRule{
			SecurityGroupRuleId: &id, GroupId: aws.String("sg-1"), GroupOwnerId: aws.String(string(alice)), IsEgress: aws.Bool(false),
			IpProtocol: aws.String("50"), CidrIpv4: aws.String("10.0.0.0/8"), Tags: tags,
		}
	}
	ours := types.Tag{Key: aws.String(netstate.TagOwner), Value: aws.String(string(owner))}
	for _, c := range []struct {
		in   []types.SecurityGroupRule
		want netstate.RuleID
	}{
		{[]types.SecurityGroupRule{rule("sgr-2"), rule("sgr-1")}, "sgr-1"},
		{[]types.SecurityGroupRule{rule("sgr-1"), rule("sgr-2", ours)}, "sgr-2"},
		{[]types.SecurityGroupRule{rule("sgr-2", ours), rule("sgr-1")}, "sgr-2"},
	} {
		out := rules{map[netstate.RuleKey]netstate.Rule{}, map[netstate.GroupKey]netstate.Group{}}
		for _, in := range c.in {
			r.take(out, in, map[netstate.GroupID]bool{"sg-1": true})
		}
		diff(t, len(out.rules), 1)
		for _, got := range out.rules {
			diff(t, got.ID, c.want)
		}
	}
	out := rules{map[netstate.RuleKey]netstate.Rule{}, map[netstate.GroupKey]netstate.Group{}}
	foreign := rule("sgr-3", ours)
	foreign.GroupOwnerId = aws.String(string(bob))
	r.take(out, foreign, nil)
	r.take(out, rule("sgr-4"), nil)
	diff(t, len(out.rules), 0)
}
