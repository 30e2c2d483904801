package main

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/iampolicy/iamtest"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
)

// trespass is a call that no role of a spec may make, in a world in which EC2 itself would agree to it.
type trespass struct {
	what  string
	asked iamtest.Asked
}

// trespasses are made in forks of a world in which the rig's spec came true.
type trespasses struct {
	hands
	out   []trespass
	tried map[string]bool // what EC2 itself was found to agree to; asking once is enough
}

// a VPC of nobody's in each place, with what it brings.
type bystander struct{ account, region, vpc, table, group, rule string }

// elsewhere is a region in which no scenario has anything.
const elsewhere = "eu-central-1"

// fork goes on in a copy of the world; what is done there stays there.
func (t *trespasses) fork(do func(f *trespasses)) {
	r := *t.Rig
	r.Sim = t.Sim.Fork()
	f := &trespasses{hands: hands{&r}, tried: t.tried}
	do(f)
	t.out = append(t.out, f.out...)
}

func (t *trespasses) role(account string) string { return "arn:aws:iam::" + account + ":role/peerd" }

// must is a call that must be refused, and which nothing but IAM stands in the way of.
func (t *trespasses) must(what, account, region, action string, params ...string) {
	t.T.Helper()
	t.may(what, account, region, action, params...)
	if t.tried[what] {
		return
	}
	t.tried[what] = true
	r := *t.Rig
	r.Sim = t.Sim.Fork()
	if !r.Try(account, region, action, params...) {
		t.T.Errorf("%s: EC2 itself refuses %s %v", what, action, params)
	}
}

// may is a call that must be refused, whether EC2 would agree or not.
func (t *trespasses) may(what, account, region, action string, params ...string) {
	form := url.Values{"Action": {action}}
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	t.out = append(t.out, trespass{what + " (" + account + ")", iamtest.Ask(t.Sim, t.role(account), region, form)})
}

func tags(kind string, pairs ...string) []string {
	out := []string{"TagSpecification.1.ResourceType", kind}
	for i := 0; i < len(pairs); i += 2 {
		n := string(rune('1' + i/2))
		out = append(out, "TagSpecification.1.Tag."+n+".Key", pairs[i], "TagSpecification.1.Tag."+n+".Value", pairs[i+1])
	}
	return out
}

// retag are the parameters of CreateTags.
func retag(id string, pairs ...string) []string {
	out := []string{"ResourceId.1", id}
	for i := 0; i < len(pairs); i += 2 {
		n := string(rune('1' + i/2))
		out = append(out, "Tag."+n+".Key", pairs[i], "Tag."+n+".Value", pairs[i+1])
	}
	return out
}

var mine = []string{netstate.TagOwner, "acme", netstate.TagLink, "x"}

// all are the calls that must be refused with the policies of the rig's spec.
func (t *trespasses) all() []trespass {
	by := t.bystanders()
	for _, p := range t.Spec.Peerings {
		a, b := p.Sides[0].VPC, p.Sides[1].VPC
		t.opening(a, b, by[a.Scope()])
		t.joining(a, b, by)
		t.fork(func(f *trespasses) { f.reopened(a, b) })
	}
	for scope, b := range by {
		t.network(b)
		for other, c := range by {
			if scope.Account < other.Account {
				t.strange(b, c)
			}
		}
	}
	for _, l := range t.ours(" connection ") {
		t.ourConnection(l)
	}
	for _, l := range t.ours(" rule ") {
		t.ourRule(l)
	}
	for _, account := range []string{"111111111111", "222222222222"} {
		t.must("reading elsewhere", account, elsewhere, "DescribeVpcs")
	}
	return t.out
}

// bystanders puts into each account and region of the spec a VPC that it does not name.
func (t *trespasses) bystanders() map[netstate.Scope]bystander {
	out := map[netstate.Scope]bystander{}
	for i, v := range t.Spec.VPCs {
		s := v.Scope()
		if _, made := out[s]; made {
			continue
		}
		b := bystander{account: string(s.Account), region: string(s.Region)}
		before := simtest.Lines(t.Sim.Dump())
		t.Do(b.account, b.region, "CreateVpc", "CidrBlock", "172."+string(rune('1'+i/10))+string(rune('0'+i%10))+".0.0/16")
		for _, l := range simtest.Without(simtest.Lines(t.Sim.Dump()), before) {
			_, _, id := where(l)
			switch {
			case strings.HasPrefix(id, "vpc-"):
				b.vpc = id
			case strings.HasPrefix(id, "rtb-") && b.table == "":
				b.table = id
			case strings.HasPrefix(id, "sg-"):
				b.group = id
			}
		}
		before = simtest.Lines(t.Sim.Dump())
		t.Do(b.account, b.region, "AuthorizeSecurityGroupIngress", append([]string{"GroupId", b.group}, ssh...)...)
		for _, l := range simtest.Without(simtest.Lines(t.Sim.Dump()), before) {
			_, _, b.rule = where(l)
		}
		out[s] = b
	}
	return out
}

var ssh = []string{"IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "2222", "IpPermissions.1.ToPort", "2222", "IpPermissions.1.IpRanges.1.CidrIp", "198.51.100.0/24"}

// opening: requests other than those of the spec.
func (t *trespasses) opening(a, b *spec.VPC, by bystander) {
	x, y := t.end(a.Scope(), a.Name), t.end(b.Scope(), b.Name)
	open := func(from, account, region, to string, pairs ...string) []string {
		return append([]string{"VpcId", from, "PeerOwnerId", account, "PeerRegion", region, "PeerVpcId", to}, tags("vpc-peering-connection", pairs...)...)
	}
	t.fork(func(f *trespasses) {
		f.close()
		f.must("open for another owner", x.Account, x.Region, "CreateVpcPeeringConnection", open(x.VPC, y.Account, y.Region, y.VPC, netstate.TagOwner, "other")...)
		f.must("open for nobody", x.Account, x.Region, "CreateVpcPeeringConnection", open(x.VPC, y.Account, y.Region, y.VPC)[:8]...)
		f.must("open with a tag of one's own", x.Account, x.Region, "CreateVpcPeeringConnection", open(x.VPC, y.Account, y.Region, y.VPC, netstate.TagOwner, "acme", "stranger", "x")...)
		f.must("open to the partner", x.Account, x.Region, "CreateVpcPeeringConnection", open(x.VPC, partner, "eu-west-1", "vpc-0000000000000c001", mine...)...)
		f.must("open from a bystander", x.Account, x.Region, "CreateVpcPeeringConnection", open(by.vpc, y.Account, y.Region, y.VPC, mine...)...)
	})
}

// joining: connections of a VPC of the spec with one that it does not name, nobody's, to be taken over or accepted; and of another owner.
func (t *trespasses) joining(a, b *spec.VPC, by map[netstate.Scope]bystander) {
	x, y := t.end(a.Scope(), a.Name), t.end(b.Scope(), b.Name)
	from := bystander{account: x.Account, region: x.Region, vpc: x.VPC}
	to := bystander{account: y.Account, region: y.Region, vpc: y.VPC}
	for _, other := range append(slices.Collect(maps.Values(by)), bystander{account: partner, region: "eu-west-1", vpc: "vpc-0000000000000c001"}) {
		t.strange(from, other)
		t.strange(other, to)
	}
}

const partner = "999999999999"

// strange is a connection that no peering wants: nobody's, then another owner's, then one of ours that somebody may want to give away.
func (t *trespasses) strange(from, to bystander) {
	t.fork(func(f *trespasses) {
		id := f.Do(from.account, from.region, "CreateVpcPeeringConnection", "VpcId", from.vpc, "PeerOwnerId", to.account, "PeerRegion", to.region, "PeerVpcId", to.vpc)
		if to.account != partner {
			f.must("accept a stranger's request", to.account, to.region, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id)
		}
		f.Do(to.account, to.region, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id)
		for i, end := range []bystander{from, to} {
			if end.account == partner || i == 1 && end.account == from.account && end.region == from.region {
				continue // not peerd's, or the one view that both have
			}
			f.must("take what no peering wants", end.account, end.region, "CreateTags", retag(id, mine...)...)
			f.must("delete what is nobody's", end.account, end.region, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
			f.Do(end.account, end.region, "CreateTags", retag(id, netstate.TagOwner, "other")...)
			f.must("delete what is another owner's", end.account, end.region, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
			f.must("take what is another owner's", end.account, end.region, "CreateTags", retag(id, mine...)...)
			for _, key := range []string{netstate.TagLink, netstate.TagEntry} {
				f.must("label what is another owner's", end.account, end.region, "CreateTags", retag(id, key, "x")...)
			}
			f.Do(end.account, end.region, "CreateTags", retag(id, netstate.TagOwner, "acme")...)
			f.must("give what is ours away", end.account, end.region, "CreateTags", retag(id, netstate.TagOwner, "other")...)
		}
	})
}

// reopened: a connection of the very pair of a peering, by somebody else.
func (t *trespasses) reopened(a, b *spec.VPC) {
	x, y := t.end(a.Scope(), a.Name), t.end(b.Scope(), b.Name)
	t.close()
	id := t.Do(x.Account, x.Region, "CreateVpcPeeringConnection", "VpcId", x.VPC, "PeerOwnerId", y.Account, "PeerRegion", y.Region, "PeerVpcId", y.VPC)
	views := []bystander{{account: x.Account, region: x.Region}}
	if x.Scope != y.Scope {
		views = append(views, bystander{account: y.Account, region: y.Region})
	}
	for _, v := range views {
		t.must("mark for another owner", v.account, v.region, "CreateTags", retag(id, netstate.TagOwner, "other")...)
		t.must("mark for nobody", v.account, v.region, "CreateTags", retag(id, netstate.TagLink, "x")...)
		t.must("mark with a tag of one's own", v.account, v.region, "CreateTags", retag(id, netstate.TagOwner, "acme", "stranger", "x")...)
		t.Do(v.account, v.region, "CreateTags", retag(id, netstate.TagOwner, "other")...)
		t.must("mark what is another owner's", v.account, v.region, "CreateTags", retag(id, mine...)...)
	}
	t.must("accept what is another owner's", y.Account, y.Region, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id)
	t.Do(y.Account, y.Region, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id)
	for i, v := range views {
		side := []string{"Requester", "Accepter"}[i]
		t.must("set options of another owner's", v.account, v.region, "ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId", id, side+"PeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", "false")
	}
	if len(views) == 1 {
		t.must("set options of another owner's", y.Account, y.Region, "ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId", id, "AccepterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", "false")
	}
}

// network: routes and rules of a VPC that the spec does not name, and tags of what is none of peerd's.
func (t *trespasses) network(b bystander) {
	rule := func(more ...string) []string { return append(append([]string{"GroupId", b.group}, ssh...), more...) }
	igw := []string{"RouteTableId", b.table, "DestinationCidrBlock", "203.0.113.0/24"}
	t.may("route in a bystander", b.account, b.region, "CreateRoute", append(igw, "GatewayId", "igw-1")...)
	t.may("replace a route of a bystander", b.account, b.region, "ReplaceRoute", append(igw, "GatewayId", "igw-1")...)
	t.may("delete a route of a bystander", b.account, b.region, "DeleteRoute", igw...)
	t.must("remove a rule of a bystander", b.account, b.region, "RevokeSecurityGroupIngress", rule()...)
	t.may("open a bystander", b.account, b.region, "AuthorizeSecurityGroupIngress", rule(tags("security-group-rule", mine...)...)...)
	t.may("open a bystander's way out", b.account, b.region, "AuthorizeSecurityGroupEgress", rule(tags("security-group-rule", mine...)...)...)
	t.must("describe a rule of a bystander", b.account, b.region, "UpdateSecurityGroupRuleDescriptionsIngress", "GroupId", b.group, "SecurityGroupRuleDescription.1.SecurityGroupRuleId", b.rule, "SecurityGroupRuleDescription.1.Description", "x")
	t.must("take a rule of nobody's", b.account, b.region, "CreateTags", retag(b.rule, mine...)...)
	t.must("label a rule of nobody's", b.account, b.region, "CreateTags", retag(b.rule, netstate.TagLink, "x")...)
	for _, id := range []string{b.vpc, b.table, b.group} {
		t.must("tag what is no connection", b.account, b.region, "CreateTags", retag(id, mine...)...)
	}
}

func (t *trespasses) ourConnection(line string) {
	account, region, id := where(line)
	t.must("give a connection away", account, region, "CreateTags", retag(id, netstate.TagOwner, "other")...)
	t.must("suspend a connection", account, region, "CreateTags", retag(id, netstate.TagSuspend, "x")...)
	t.must("remove its tags", account, region, "DeleteTags", "ResourceId.1", id)
}

func (t *trespasses) ourRule(line string) {
	account, region, id := where(line)
	f := strings.Fields(line)
	group, direction := f[3], strings.ToUpper(f[4][:1])+f[4][1:]
	add := func(pairs ...string) []string {
		return append(append([]string{"GroupId", group}, ssh...), tags("security-group-rule", pairs...)...)
	}
	t.must("give a rule away", account, region, "CreateTags", retag(id, netstate.TagOwner, "other")...)
	t.must("tag a rule with one's own", account, region, "CreateTags", retag(id, "stranger", "x")...)
	t.must("add a rule for another owner", account, region, "AuthorizeSecurityGroup"+direction, add(netstate.TagOwner, "other")...)
	t.must("add a rule with a tag of one's own", account, region, "AuthorizeSecurityGroup"+direction, add(netstate.TagOwner, "acme", "stranger", "x")...)
	t.fork(func(f *trespasses) {
		f.Do(account, region, "CreateTags", retag(id, netstate.TagOwner, "other")...)
		const rule = "SecurityGroupRule.1.SecurityGroupRule."
		f.may("change a rule of another owner", account, region, "ModifySecurityGroupRules", "GroupId", group, "SecurityGroupRule.1.SecurityGroupRuleId", id,
			rule+"IpProtocol", "tcp", rule+"FromPort", "1", rule+"ToPort", "1", rule+"CidrIpv4", "198.51.100.0/24")
		f.must("label a rule of another owner", account, region, "CreateTags", retag(id, netstate.TagLink, "x")...)
	})
}

// assumptions are attempts to assume the roles that must fail.
func assumptions(roles map[string]iamtest.Role) []trespass {
	var out []trespass
	for arn := range roles {
		for what, a := range map[string]iamtest.Asked{
			"another user":        {Principal: "arn:aws:iam::111111111111:user/other", Keys: map[string][]string{"sts:RoleSessionName": {"peerd"}, "sts:ExternalId": {"acme-7f3"}}},
			"another account":     {Principal: "arn:aws:iam::999999999999:user/peerd", Keys: map[string][]string{"sts:RoleSessionName": {"peerd"}, "sts:ExternalId": {"acme-7f3"}}},
			"another session":     {Principal: runner, Keys: map[string][]string{"sts:RoleSessionName": {"me"}, "sts:ExternalId": {"acme-7f3"}}},
			"another external id": {Principal: runner, Keys: map[string][]string{"sts:RoleSessionName": {"peerd"}, "sts:ExternalId": {"acme"}}},
		} {
			if what == "another external id" && strings.Contains(arn, "222222222222") {
				continue // that account states none
			}
			a.Role, a.Action = arn, "AssumeRole"
			out = append(out, trespass{what, a})
		}
	}
	return out
}

// refusedAll checks that every trespass is refused by the policies of a spec that states all ids, and returns those that given roles refuse:
// where a VPC is found by its tags, other VPCs of its account and region are not told from it, and no others.
func refusedAll(t *testing.T, all []trespass, byID, roles map[string]iamtest.Role) []iamtest.Asked {
	t.Helper()
	var out []iamtest.Asked
	for _, x := range all {
		switch {
		case x.asked.Principal == "" && len(x.asked.Questions) == 0: // not there for this account: EC2 says so
		case x.asked.Allowed(byID):
			t.Errorf("allowed: %s: %s", x.what, x.asked)
		case !x.asked.Allowed(roles):
			out = append(out, x.asked)
		case !slices.ContainsFunc(x.asked.Questions, besideTagged):
			t.Errorf("allowed, and no VPC that is found by tags explains it: %s: %s", x.what, x.asked)
		}
	}
	return out
}

// besideTagged reports whether a question names a VPC in the place of the one that scenarios find by its tags.
func besideTagged(q iamtest.Question) bool {
	for _, key := range []string{"ec2:Vpc", "ec2:RequesterVpc", "ec2:AccepterVpc"} {
		for _, v := range q.Keys[key] {
			if strings.HasPrefix(v, "arn:aws:ec2:eu-west-1:222222222222:vpc/") && !strings.HasSuffix(v, "b001") {
				return true
			}
		}
	}
	return false
}
