package main

import (
	"fmt"
	"slices"
)

// The parts of the CLI's answers that facts reads.
type (
	cliTag    struct{ Key, Value string }
	cliTables struct {
		RouteTables []struct {
			RouteTableId string
			Routes       []struct{ DestinationCidrBlock, GatewayId, VpcPeeringConnectionId, Origin, State string }
			Tags         []cliTag
		}
	}
	cliRules struct {
		SecurityGroupRules []struct {
			SecurityGroupRuleId, GroupId, IpProtocol, CidrIpv4, Description string
			IsEgress                                                        bool
			FromPort, ToPort                                                int
			ReferencedGroupInfo                                             struct{ GroupId, UserId, VpcPeeringConnectionId, PeeringStatus string }
			Tags                                                            []cliTag
		}
	}
	cliConnections struct{ VpcPeeringConnections []map[string]any }
)

// facts tells, one line for each, what the CLI shows an account of its connections, routes and rules. The tags of a connection are facts of
// their own.
func (x terminal) facts(account string) []string {
	x.t.Helper()
	var out []string
	say := func(format string, args ...any) { out = append(out, account+" "+fmt.Sprintf(format, args...)) }
	var tables cliTables
	x.read("ec2 describe-route-tables", &tables)
	for _, t := range tables.RouteTables {
		say("table %s %v", t.RouteTableId, spelt(t.Tags))
		for _, r := range t.Routes {
			say("route %s %s -> %s%s %s %s", t.RouteTableId, r.DestinationCidrBlock, r.GatewayId, r.VpcPeeringConnectionId, r.Origin, r.State)
		}
	}
	var rules cliRules
	x.read("ec2 describe-security-group-rules", &rules)
	for _, r := range rules.SecurityGroupRules {
		peer, g := r.CidrIpv4, r.ReferencedGroupInfo
		if g.GroupId != "" {
			peer = g.UserId + "/" + g.GroupId + " over " + g.VpcPeeringConnectionId + " " + g.PeeringStatus
		}
		say("rule %s %s egress=%t %s %d-%d %s %q %v", r.SecurityGroupRuleId, r.GroupId, r.IsEgress, r.IpProtocol, r.FromPort, r.ToPort, peer, r.Description, spelt(r.Tags))
	}
	var connections cliConnections
	x.read("ec2 describe-vpc-peering-connections", &connections)
	for _, c := range connections.VpcPeeringConnections {
		tags, _ := c["Tags"].([]any)
		delete(c, "Tags")
		say("connection %v", c) // all of it, with sorted keys
		for _, tag := range tags {
			m, _ := tag.(map[string]any)
			say("tag %v %v=%v", c["VpcPeeringConnectionId"], m["Key"], m["Value"])
		}
	}
	return out
}

func spelt(tags []cliTag) []string {
	var out []string
	for _, t := range tags {
		out = append(out, t.Key+"="+t.Value)
	}
	slices.Sort(out)
	return out
}
