package reconciletest

import (
	"net/netip"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// The places and things of World.
var (
	west     = netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	bobWest  = netstate.Scope{Account: "222222222222", Region: "eu-west-1"}
	bobEast  = netstate.Scope{Account: "222222222222", Region: "us-east-1"}
	hub      = netstate.VPC{Scope: west, ID: "vpc-0000000000000a001"}
	spare    = netstate.VPC{Scope: west, ID: "vpc-0000000000000a002"} // beside the hub
	mute     = netstate.VPC{Scope: west, ID: "vpc-0000000000000a003"} // without DNS hostnames
	near     = netstate.VPC{Scope: bobWest, ID: "vpc-0000000000000b001"}
	inside   = netstate.VPC{Scope: bobWest, ID: "vpc-0000000000000b003"} // its CIDR lies inside the hub's
	far      = netstate.VPC{Scope: bobEast, ID: "vpc-0000000000000b002"}
	nowhere  = netstate.VPC{Scope: bobWest, ID: "vpc-0000000000000b00f"} // is not there
	mainRT   = netstate.TableID("rtb-0000000000000a001")
	privRT   = netstate.TableID("rtb-0000000000000a004")
	edgeRT   = netstate.TableID("rtb-0000000000000a005") // of the internet gateway
	spareRT  = netstate.TableID("rtb-0000000000000a002")
	nearRT   = netstate.TableID("rtb-0000000000000b001")
	farRT    = netstate.TableID("rtb-0000000000000b002")
	app, web = netstate.GroupID("sg-0000000000000a001"), netstate.GroupID("sg-0000000000000b001")
	db       = netstate.GroupID("sg-0000000000000a002") // in spare
	offices  = netstate.PrefixListID("pl-0000000000000a001")
	transit  = netstate.Target{Kind: netstate.TargetOther, ID: "tgw-0000000000000a001"}
)

const (
	us  = "acme"
	pcx = netstate.ConnID("pcx-0000000000000c001") // of World changed by joined
	no  = netstate.ConnID("pcx-0000000000000c00f") // is not there
)

var (
	ours     = netstate.Tags{netstate.TagOwner: us, netstate.TagLink: "hub-near"}
	theirs   = netstate.Tags{netstate.TagOwner: "other"}
	untagged = netstate.Tags{"Name": "by hand"}
)

// World is what a target under test starts with: VPCs in three scopes, with tables, routes, groups, rules and a prefix list, and no
// connection.
func World() *netstate.Observed {
	o := netstate.NewObserved(time.Now())
	for v, cidrs := range map[netstate.VPC][]string{
		hub: {"10.0.0.0/16", "100.64.0.0/20", "2001:db8:1::/56"}, spare: {"10.5.0.0/16"}, mute: {"10.6.0.0/16"}, near: {"10.1.0.0/16"},
		inside: {"10.0.128.0/17"}, far: {"10.2.0.0/16", "2001:db8:2::/56"},
	} {
		f := netstate.Facts{DNSSupport: netstate.Yes, DNSHostnames: netstate.TriOf(v != mute), Tags: netstate.Tags{"tier": "core"}}
		if v == spare {
			f.Tags = netstate.Tags{"tier": "edge"}
		}
		for _, c := range cidrs {
			f.CIDRs = append(f.CIDRs, netip.MustParsePrefix(c))
		}
		o.VPCs[v] = f
		main := netstate.TableKey{Scope: v.Scope, ID: netstate.TableID("rtb" + v.ID[len("vpc"):])}
		o.Tables[main] = netstate.Table{VPC: v.ID, Main: true}
	}
	o.Tables[netstate.TableKey{Scope: west, ID: privRT}] = netstate.Table{VPC: hub.ID, Tags: netstate.Tags{"tier": "private"}, Subnets: []netstate.SubnetID{"subnet-0000000000000a001"}}
	o.Tables[netstate.TableKey{Scope: west, ID: edgeRT}] = netstate.Table{VPC: hub.ID, Gateway: true}
	o.Subnets[netstate.SubnetKey{Scope: west, ID: "subnet-0000000000000a001"}] = netstate.Subnet{VPC: hub.ID, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, Tags: netstate.Tags{"tier": "private"}}
	o.Routes[to(mainRT, "172.16.0.0/12")] = netstate.Route{Target: transit, Origin: netstate.OriginCreateRoute, State: "active"}
	propagated := to(mainRT, "10.9.0.0/16")
	propagated.Propagated = true
	o.Routes[propagated] = netstate.Route{Target: netstate.Target{Kind: netstate.TargetOther, ID: "vgw-0000000000000a001"}, Origin: "EnableVgwRoutePropagation", State: "active"}
	o.PrefixLists[netstate.PrefixListKey{Scope: west, ID: offices}] = netstate.PrefixList{MaxEntries: 5, Entries: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24")}}
	for k, g := range map[netstate.GroupKey]netstate.Group{
		{Scope: west, ID: app}:    {VPC: hub.ID, Owner: west.Account, Name: "app", Tags: netstate.Tags{"tier": "app"}},
		{Scope: west, ID: db}:     {VPC: spare.ID, Owner: west.Account, Name: "db"},
		{Scope: bobWest, ID: web}: {VPC: near.ID, Owner: bobWest.Account, Name: "web"},
	} {
		o.Groups[k] = g
		o.Rules[netstate.RuleKey{Scope: k.Scope, Group: k.ID, Dir: netstate.Egress, Proto: netstate.ProtoAll, Ports: netstate.AllPorts, Peer: from("0.0.0.0/0")}] =
			netstate.Rule{ID: "sgr" + netstate.RuleID(k.ID[len("sg"):])}
	}
	o.Rules[tcp(22, from("192.0.2.0/24"))] = netstate.Rule{ID: office, Description: "offices"}
	return o
}

const office = netstate.RuleID("sgr-0000000000000a00f") // a rule of app

// Everything asks for all of a world.
func Everything(o *netstate.Observed) netstate.Look {
	l := netstate.Look{Owner: us, Access: map[netstate.AccountID]netstate.Access{}, Scopes: map[netstate.Scope]netstate.ScopeLook{}}
	for v := range o.VPCs {
		l.Access[v.Account] = netstate.Access{Account: v.Account, Role: "peerd"}
		w := l.Scopes[v.Scope]
		w.VPCs, w.DNS = append(w.VPCs, netstate.VPCSelector{ID: v.ID}), append(w.DNS, netstate.VPCSelector{ID: v.ID})
		w.Tables, w.Subnets = true, true
		l.Scopes[v.Scope] = w
	}
	for k, g := range o.Groups {
		w := l.Scopes[k.Scope]
		w.Groups = append(w.Groups, netstate.GroupAsk{VPC: netstate.VPCSelector{ID: g.VPC}, Group: netstate.GroupSelector{ID: k.ID}})
		l.Scopes[k.Scope] = w
	}
	for k := range o.PrefixLists {
		w := l.Scopes[k.Scope]
		w.PrefixLists = append(w.PrefixLists, k.ID)
		l.Scopes[k.Scope] = w
	}
	return l
}

// joined puts a connection into the world, with our tags in both views.
func joined(requester, accepter netstate.VPC, s netstate.Status) func(*netstate.Observed) {
	return joinedWith(requester, accepter, s, ours)
}

func joinedWith(requester, accepter netstate.VPC, s netstate.Status, tags netstate.Tags) func(*netstate.Observed) {
	return func(o *netstate.Observed) {
		o.Connections[pcx] = shown(o, netstate.Connection{ID: pcx, Requester: requester, Accepter: accepter, Status: s}, tags, tags)
	}
}

// shown is a connection as a look at both its sides shows it.
func shown(o *netstate.Observed, c netstate.Connection, requester, accepter netstate.Tags) netstate.Connection {
	c.Views = [2]netstate.View{{Seen: true, Tags: requester}, {Seen: true, Tags: accepter}}
	c.Shows, c.Expires = [2][]netip.Prefix{}, time.Time{}
	switch c.Status {
	case netstate.Initiating, netstate.Pending:
		c.Expires = time.Now().Add(waits)
		c.Shows[0] = o.VPCs[c.Requester].CIDRs[:1]
	case netstate.Provisioning, netstate.Active:
		c.Shows = [2][]netip.Prefix{o.VPCs[c.Requester].CIDRs, o.VPCs[c.Accepter].CIDRs}
	}
	if c.Status == netstate.Initiating && !c.SameScope() {
		c.Views[netstate.AccepterSide] = netstate.View{}
	}
	if c.Status == netstate.Active {
		c.Views[0].DNS, c.Views[1].DNS = netstate.No, netstate.No
	}
	return c
}

func to(t netstate.TableID, dest string) netstate.RouteKey {
	at := map[netstate.TableID]netstate.Scope{nearRT: bobWest, farRT: bobEast}[t]
	if at == (netstate.Scope{}) {
		at = west
	}
	k := netstate.RouteKey{Scope: at, Table: t}
	if p, err := netip.ParsePrefix(dest); err == nil {
		k.Dest.Prefix = p
	} else {
		k.Dest.List = netstate.PrefixListID(dest)
	}
	return k
}

func from(cidr string) netstate.Peer { return netstate.Peer{Prefix: netip.MustParsePrefix(cidr)} }

// tcp is an ingress rule of app.
func tcp(port int32, p netstate.Peer) netstate.RuleKey {
	return netstate.RuleKey{Scope: west, Group: app, Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: port, To: port}, Peer: p}
}

// The actions, each in the scope where a plan would have it.

func opening(requester, accepter netstate.VPC, tags netstate.Tags) plan.Action {
	return plan.Placed(plan.OpenConnection{Requester: requester, Accepter: accepter, Tags: tags}, "hub-near", requester.Scope)
}

func accepting(at netstate.Scope, id netstate.ConnID) plan.Action {
	return plan.Placed(plan.AcceptConnection{Conn: id}, "hub-near", at)
}

func tagging(at netstate.Scope, id netstate.ConnID, s netstate.Side, tags netstate.Tags) plan.Action {
	return plan.Placed(plan.TagConnection{Conn: id, Side: s, Tags: tags}, "hub-near", at)
}

func taking(at netstate.Scope, id netstate.ConnID, s netstate.Side, tags netstate.Tags) plan.Action {
	return plan.Placed(plan.TagConnection{Conn: id, Side: s, Tags: tags, Takes: true}, "hub-near", at)
}

func resolving(v netstate.VPC, id netstate.ConnID, s netstate.Side, on bool) plan.Action {
	return plan.Placed(plan.SetOptions{Conn: id, Side: s, VPC: v, DNS: on}, "hub-near", v.Scope)
}

func closing(at netstate.Scope, id netstate.ConnID) plan.Action {
	return plan.Placed(plan.CloseConnection{Conn: id}, "hub-near", at)
}

func adding(k netstate.RouteKey, id netstate.ConnID) plan.Action {
	return plan.Placed(plan.AddRoute{Key: k, Conn: id}, "hub-near", k.Scope)
}

func replacing(k netstate.RouteKey, was netstate.Target, id netstate.ConnID) plan.Action {
	return plan.Placed(plan.ReplaceRoute{Key: k, Was: was, Conn: id}, "hub-near", k.Scope)
}

func removing(k netstate.RouteKey, was netstate.Target) plan.Action {
	return plan.Placed(plan.RemoveRoute{Key: k, Was: was}, "hub-near", k.Scope)
}

func allowing(k netstate.RuleKey, description string) plan.Action {
	a := plan.AllowRule{Key: k, Description: description, Tags: ours}
	if k.Peer.Group == web {
		a.PeerAccount = bobWest.Account
	}
	return plan.Placed(a, "hub-near", k.Scope)
}

func changing(id netstate.RuleID, was, is netstate.RuleKey, description string) plan.Action {
	return plan.Placed(plan.ChangeRule{ID: id, From: was, Key: is, Description: description}, "hub-near", is.Scope)
}

func describing(id netstate.RuleID, k netstate.RuleKey, description string) plan.Action {
	return plan.Placed(plan.DescribeRule{ID: id, Key: k, Description: description}, "hub-near", k.Scope)
}

func taggingRule(id netstate.RuleID, k netstate.RuleKey, tags netstate.Tags) plan.Action {
	return plan.Placed(plan.TagRule{ID: id, Key: k, Tags: tags}, "hub-near", k.Scope)
}

func revoking(id netstate.RuleID, k netstate.RuleKey) plan.Action {
	return plan.Placed(plan.RevokeRule{ID: id, Key: k}, "hub-near", k.Scope)
}
