package ec2sim

import (
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func createSecurityGroup(f wire.Form) effect {
	in := world.NewGroup{Name: f.Str("GroupName"), Description: f.Str("GroupDescription"), VPC: f.Str("VpcId")}
	tags, bad := tagSpecifications(f, "security-group")
	in.Tags = tags
	return func(q *request) ([]wire.Node, *world.Error) {
		if bad != nil {
			return nil, bad
		}
		g, err := q.world.CreateSecurityGroup(q.at, in)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Text("groupId", g.ID), wire.Text("securityGroupArn", q.arn("security-group", g.ID)), tagSet(g.Tags)}, nil
	}
}

// arn names a resource of the caller's scope.
func (q *request) arn(kind, id string) string {
	return "arn:" + world.Partition(q.call.Region) + ":ec2:" + q.call.Region + ":" + q.call.Account + ":" + kind + "/" + id
}

func deleteSecurityGroup(f wire.Form) effect {
	id := f.Required("GroupId")
	return func(q *request) ([]wire.Node, *world.Error) {
		if err := q.world.DeleteSecurityGroup(q.at, id); err != nil {
			return nil, err
		}
		return []wire.Node{wire.Bool("return", true), wire.Text("groupId", id)}, nil
	}
}

func describeSecurityGroups(f wire.Form) effect {
	in := query(f, "GroupId")
	names := f.List("GroupName")
	p := pages(f, "securityGroupInfo", 1000, in.IDs)
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.Groups(q.at, in, names)
		if err != nil {
			return nil, err
		}
		return page(q, p, found, func(g world.GroupView) string { return g.ID }, q.groupNodes)
	}
}

func (q *request) groupNodes(g world.GroupView) []wire.Node {
	return []wire.Node{
		wire.Text("groupId", g.ID), wire.Text("securityGroupArn", q.arn("security-group", g.ID)), wire.Text("groupName", g.Name),
		wire.Text("groupDescription", g.Description), wire.Text("vpcId", g.VPC), wire.Text("ownerId", g.Owner),
		permissions("ipPermissions", g.Shown, false), permissions("ipPermissionsEgress", g.Shown, true), tagSet(g.Tags),
	}
}

// traffic is what the rules of one permission share.
type traffic struct {
	protocol string
	from, to int
}

// permissions shows rules the old way: grouped by protocol and ports, without ids.
func permissions(name string, rules []world.RuleView, egress bool) wire.Node {
	order, grouped := byTraffic(rules, egress)
	return wire.Set(name, order, func(t traffic) []wire.Node { return append(t.nodes(), sources(grouped[t])...) })
}

// stalePermissions is the same where only groups can be the source.
func stalePermissions(name string, rules []world.RuleView, egress bool) wire.Node {
	order, grouped := byTraffic(rules, egress)
	return wire.Set(name, order, func(t traffic) []wire.Node { return append(t.nodes(), wire.Set("groups", grouped[t], groupPair)) })
}

func byTraffic(rules []world.RuleView, egress bool) ([]traffic, map[traffic][]world.RuleView) {
	var order []traffic
	grouped := map[traffic][]world.RuleView{}
	for _, r := range rules {
		if r.Key.Egress != egress {
			continue
		}
		t := traffic{r.Key.Protocol, r.Key.From, r.Key.To}
		if grouped[t] == nil {
			order = append(order, t)
		}
		grouped[t] = append(grouped[t], r)
	}
	return order, grouped
}

// nodes leaves out ports that mean nothing.
func (t traffic) nodes() []wire.Node {
	nodes := []wire.Node{wire.Text("ipProtocol", t.protocol)}
	switch t.protocol {
	case "tcp", "udp", "icmp", "icmpv6":
		nodes = append(nodes, wire.Int("fromPort", t.from), wire.Int("toPort", t.to))
	}
	return nodes
}

func sources(rules []world.RuleView) []wire.Node {
	var v4, v6, lists, groups []world.RuleView
	for _, r := range rules {
		switch p := r.Key.Peer; {
		case p.Group != "":
			groups = append(groups, r)
		case p.List != "":
			lists = append(lists, r)
		case p.CIDR.Addr().Is6():
			v6 = append(v6, r)
		default:
			v4 = append(v4, r)
		}
	}
	source := func(member string) func(world.RuleView) []wire.Node {
		return func(r world.RuleView) []wire.Node {
			return []wire.Node{wire.Text(member, r.Key.Peer.String()), wire.Opt("description", r.Description)}
		}
	}
	return []wire.Node{
		wire.Set("groups", groups, groupPair), wire.Set("ipRanges", v4, source("cidrIp")),
		wire.Set("ipv6Ranges", v6, source("cidrIpv6")), wire.Set("prefixListIds", lists, source("prefixListId")),
	}
}

// groupPair shows a referenced group; a rule that is about to be unknown or revoked has none to show but its id.
func groupPair(r world.RuleView) []wire.Node {
	ref := world.Reference{Group: r.Key.Peer.Group, Owner: r.Key.Peer.Owner}
	if r.Ref != nil {
		ref = *r.Ref
	}
	return []wire.Node{
		wire.Text("groupId", ref.Group), wire.Opt("userId", ref.Owner), wire.Opt("vpcId", ref.VPC),
		wire.Opt("vpcPeeringConnectionId", ref.Connection), wire.Opt("peeringStatus", ref.Status), wire.Opt("description", r.Description),
	}
}

func describeStaleSecurityGroups(f wire.Form) effect {
	vpc := f.Required("VpcId")
	p := pages(f, "staleSecurityGroupSet", 255, nil)
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.StaleGroups(q.at, vpc)
		if err != nil {
			return nil, err
		}
		return page(q, p, found, func(g world.GroupView) string { return g.ID }, func(g world.GroupView) []wire.Node {
			return []wire.Node{
				wire.Text("groupId", g.ID), wire.Text("groupName", g.Name), wire.Text("description", g.Description), wire.Text("vpcId", g.VPC),
				stalePermissions("staleIpPermissions", g.Shown, false), stalePermissions("staleIpPermissionsEgress", g.Shown, true),
			}
		})
	}
}

func describeSecurityGroupReferences(f wire.Form) effect {
	ids := f.List("GroupId")
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.GroupUses(q.at, ids)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Set("securityGroupReferenceSet", found, func(u world.GroupUse) []wire.Node {
			return []wire.Node{wire.Text("groupId", u.Group), wire.Text("referencingVpcId", u.VPC), wire.Text("vpcPeeringConnectionId", u.Connection)}
		})}, nil
	}
}
