package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/simtest"
)

// callLines tells mutating calls in the words of the plan, from their parameters alone.
func callLines(sim *ec2sim.Sim, calls []ec2sim.Call) []string {
	var out []string
	for _, c := range calls {
		if c.Service == "ec2" && c.Code == "" {
			for _, l := range callLine(sim, c) {
				out = append(out, simtest.NoConn(c.Account+"/"+c.Region+" "+l))
			}
		}
	}
	return out
}

func callLine(sim *ec2sim.Sim, c ec2sim.Call) []string {
	p := c.Params
	conn := p.Get("VpcPeeringConnectionId")
	switch c.Action {
	case "CreateVpcPeeringConnection":
		return []string{fmt.Sprintf("+ connection %s -> %s/%s/%s {%s}", p.Get("VpcId"), p.Get("PeerOwnerId"), p.Get("PeerRegion"), p.Get("PeerVpcId"), stated(formTags(p, "TagSpecification.1.Tag")))}
	case "AcceptVpcPeeringConnection":
		ends := ends(sim, conn)
		return []string{fmt.Sprintf("+ accept pcx from %s into %s", ends[0], ends[1].ID)}
	case "CreateTags":
		side := netstate.RequesterSide
		if ends(sim, p.Get("ResourceId.1"))[1].Scope == (netstate.Scope{Account: netstate.AccountID(c.Account), Region: netstate.Region(c.Region)}) {
			side = netstate.AccepterSide
		}
		return []string{fmt.Sprintf("+ tags of pcx as the %s sees it {%s}", side, formTags(p, "Tag"))}
	case "ModifyVpcPeeringConnectionOptions":
		return optionLines(p, ends(sim, conn))
	case "CreateRoute":
		return []string{fmt.Sprintf("+ route %s%s%s -> pcx in %s", p.Get("DestinationCidrBlock"), p.Get("DestinationIpv6CidrBlock"), p.Get("DestinationPrefixListId"), p.Get("RouteTableId"))}
	case "AuthorizeSecurityGroupIngress":
		return authorizeLines(p, netstate.Ingress)
	case "AuthorizeSecurityGroupEgress":
		return authorizeLines(p, netstate.Egress)
	}
	return []string{"unexpected " + c.Action + " " + p.Encode()}
}

// ends are the two VPCs of a connection as the simulator knows it.
func ends(sim *ec2sim.Sim, id string) [2]netstate.VPC {
	c, _ := sim.World().Connection(id)
	var out [2]netstate.VPC
	for i, e := range []world.End{c.Ends[world.Requester], c.Ends[world.Accepter]} {
		out[i] = netstate.VPC{Scope: netstate.Scope{Account: netstate.AccountID(e.Account), Region: netstate.Region(e.Region)}, ID: netstate.VPCID(e.VPC)}
	}
	return out
}

func optionLines(p url.Values, ends [2]netstate.VPC) []string {
	var out []string
	for i, side := range []string{"Requester", "Accepter"} {
		if v := p.Get(side + "PeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc"); v != "" {
			out = append(out, optionLine(v == "true", ends[i].ID))
		}
	}
	return out
}

func optionLine(on bool, id netstate.VPCID) string {
	return fmt.Sprintf("+ options of pcx: dns %s for %s", map[bool]string{true: "on", false: "off"}[on], id)
}

func authorizeLines(p url.Values, dir netstate.Direction) []string {
	var out []string
	for i := 1; p.Has(fmt.Sprintf("IpPermissions.%d.IpProtocol", i)); i++ {
		in := fmt.Sprintf("IpPermissions.%d.", i)
		k := netstate.RuleKey{Group: netstate.GroupID(p.Get("GroupId")), Dir: dir, Proto: netstate.Proto(p.Get(in + "IpProtocol")), Ports: netstate.AllPorts}
		if p.Has(in + "FromPort") {
			k.Ports = netstate.PortRange{From: atoi(p.Get(in + "FromPort")), To: atoi(p.Get(in + "ToPort"))}
		}
		for _, list := range []struct{ at, field string }{{"IpRanges", "CidrIp"}, {"Ipv6Ranges", "CidrIpv6"}, {"Groups", "GroupId"}, {"PrefixListIds", "PrefixListId"}} {
			for j := 1; p.Has(fmt.Sprintf("%s%s.%d.%s", in, list.at, j, list.field)); j++ {
				item := fmt.Sprintf("%s%s.%d.", in, list.at, j)
				out = append(out, ruleLine(k, p.Get(item+list.field), p.Get(item+"Description")))
			}
		}
	}
	return out
}

func ruleLine(k netstate.RuleKey, peer, description string) string {
	switch {
	case strings.HasPrefix(peer, "sg-"):
		k.Peer = netstate.Peer{Group: netstate.GroupID(peer)}
	case strings.HasPrefix(peer, "pl-"):
		k.Peer = netstate.Peer{List: netstate.PrefixListID(peer)}
	default:
		k.Peer = netstate.Peer{Prefix: netip.MustParsePrefix(peer)}
	}
	line := "+ rule " + k.String()
	if description != "" {
		line += " " + strconv.Quote(description)
	}
	return line
}

// stated leaves out the tags of a request that no line prints.
func stated(t netstate.Tags) netstate.Tags {
	delete(t, netstate.TagEntry)
	delete(t, netstate.TagTry)
	return t
}

func formTags(p url.Values, prefix string) netstate.Tags {
	out := netstate.Tags{}
	for i := 1; p.Has(fmt.Sprintf("%s.%d.Key", prefix, i)); i++ {
		out[p.Get(fmt.Sprintf("%s.%d.Key", prefix, i))] = p.Get(fmt.Sprintf("%s.%d.Value", prefix, i))
	}
	return out
}

func atoi(s string) int32 {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return int32(n)
}

// The forms of the dumped facts that a pass makes.
var (
	routeFact = regexp.MustCompile(`^(\S+) route (\S+) (\S+) -> (pcx-\S+) origin=CreateRoute state=active$`)
	ruleFact  = regexp.MustCompile(`^(\S+) rule \S+ (\S+) (\S+) (\S+) (-?\d+)-(-?\d+) (?:\d{12}/)?(\S+)(?: via=\S+ peering=active)? description=("(?:[^"\\]|\\.)*") tags=(.*)$`)
	connFact  = regexp.MustCompile(`^(\S+) connection (\S+) requester=(\S+) accepter=(\S+) status=active view=(\S+) (.*)tags=(.*)$`)
)

// worldLines tells what is new in the world in the words of the plan that must have made it.
func worldLines(t *testing.T, made []string) []string {
	t.Helper()
	var out []string
	for _, l := range made {
		switch {
		case routeFact.MatchString(l):
			m := routeFact.FindStringSubmatch(l)
			out = append(out, fmt.Sprintf("%s + route %s -> pcx in %s", m[1], m[3], m[2]))
		case ruleFact.MatchString(l):
			m := ruleFact.FindStringSubmatch(l)
			description, _ := strconv.Unquote(m[8])
			k := netstate.RuleKey{Group: netstate.GroupID(m[2]), Dir: netstate.Direction(m[3]), Proto: netstate.Proto(m[4]), Ports: netstate.PortRange{From: atoi(m[5]), To: atoi(m[6])}}
			out = append(out, m[1]+" "+ruleLine(k, m[7], description))
		case connFact.MatchString(l):
			out = append(out, connLines(t, connFact.FindStringSubmatch(l))...)
		default:
			out = append(out, "unexpected "+l)
		}
	}
	return out
}

func connLines(t *testing.T, m []string) []string {
	t.Helper()
	scope, requester, accepter, view, dns := m[1], m[3], m[4], m[5], m[6]
	tags := netstate.Tags{}
	if err := json.Unmarshal([]byte(m[7]), &tags); err != nil {
		t.Fatal(err)
	}
	stated(tags)
	last := func(s string) string { return s[strings.LastIndex(s, "/")+1:] }
	opened := fmt.Sprintf("%s + connection %s -> %s {%s}", scope, last(requester), accepter, tags)
	accepted := fmt.Sprintf("%s + accept pcx from %s into %s", scope, requester, last(accepter))
	var out []string
	switch view {
	case "requester":
		out = []string{opened}
	case "accepter":
		out = []string{accepted, fmt.Sprintf("%s + tags of pcx as the accepter sees it {%s}", scope, tags)}
	case "shared":
		out = []string{opened, accepted}
	}
	own := map[string]string{"requester": last(requester), "accepter": last(accepter)}
	for side, vpc := range own {
		if strings.Contains(dns, side+"-dns=true") || view == side && strings.Contains(dns, "dns=true") {
			out = append(out, scope+" "+optionLine(true, netstate.VPCID(vpc)))
		}
	}
	return out
}
