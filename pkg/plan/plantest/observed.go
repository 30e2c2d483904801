// Package plantest has looks at AWS, for tests of what is planned and shown: read from text, or large. It must not decide anything.
package plantest

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
)

// Observed reads the text form of a look, one fact a line:
//
//	vpc ACCOUNT/REGION/ID CIDR[,CIDR] [dns=on|off] [KEY=VALUE…]
//	table ACCOUNT/REGION ID VPC [main] [gateway] [subnet=ID…] [KEY=VALUE…]
//	subnet ACCOUNT/REGION ID VPC [KEY=VALUE…]
//	route ACCOUNT/REGION TABLE DEST TARGET [ORIGIN] [STATE]
//	group ACCOUNT/REGION ID VPC NAME [KEY=VALUE…]
//	rule ACCOUNT/REGION ID GROUP DIRECTION PROTO FROM..TO PEER [description=WORDS_JOINED] [KEY=VALUE…]
//	connection ID REQUESTER ACCEPTER STATUS requester[:on|off]{KEY=VALUE,…} accepter[:on|off]{…} [requester-shows=CIDR,…]
//	prefixlist ACCOUNT/REGION ID CIDR[,CIDR]
//	unread ACCOUNT/REGION LISTING KIND CODE
//
// A view that is left out was not seen. Lines that begin with # are comments.
func Observed(t *testing.T, path string) *netstate.Observed {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o := netstate.NewObserved(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	for i, line := range strings.Split(string(data), "\n") {
		if f := strings.Fields(line); len(f) > 0 && f[0] != "#" {
			if err := readFact(o, f[0], f[1:]); err != nil {
				t.Fatalf("%s:%d: %v", path, i+1, err)
			}
		}
	}
	return o
}

// readFact is one piece: a switch with a case for each kind of fact.
func readFact(o *netstate.Observed, kind string, f []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %v", kind, r)
		}
	}()
	if kind == "connection" {
		readConnection(o, f)
		return nil
	}
	at := scope(f[0])
	switch kind {
	case "vpc":
		v := vpc(f[0])
		o.VPCs[v] = netstate.Facts{CIDRs: prefixes(f[1]), Tags: tags(f[2:]), DNSSupport: netstate.Yes, DNSHostnames: tri(f, "dns=off", netstate.Yes)}
	case "table":
		o.Tables[netstate.TableKey{Scope: at, ID: netstate.TableID(f[1])}] = netstate.Table{VPC: netstate.VPCID(f[2]),
			Main: has(f, "main"), Gateway: has(f, "gateway"), Subnets: subnets(f[3:]), Tags: tags(f[3:])}
	case "subnet":
		o.Subnets[netstate.SubnetKey{Scope: at, ID: netstate.SubnetID(f[1])}] = netstate.Subnet{VPC: netstate.VPCID(f[2]), Tags: tags(f[3:])}
	case "route":
		readRoute(o, at, append(f[1:], "CreateRoute", "active")[:5], len(f))
	case "group":
		o.Groups[netstate.GroupKey{Scope: at, ID: netstate.GroupID(f[1])}] = netstate.Group{VPC: netstate.VPCID(f[2]), Owner: at.Account, Name: f[3], Tags: tags(f[4:])}
	case "rule":
		readRule(o, at, f)
	case "prefixlist":
		o.PrefixLists[netstate.PrefixListKey{Scope: at, ID: netstate.PrefixListID(f[1])}] = netstate.PrefixList{MaxEntries: 10, Entries: prefixes(f[2])}
	case "unread":
		l := netstate.Listing(f[1])
		o.Fail(at, l, &netstate.Error{Op: "list " + f[1], Scope: at, Kind: netstate.Kind(f[2]), Code: f[3], Message: "refused"})
	default:
		return fmt.Errorf("unknown fact %q", kind)
	}
	return nil
}

func readRoute(o *netstate.Observed, at netstate.Scope, f []string, given int) {
	origin, state := "CreateRoute", "active"
	if given > 4 {
		origin = f[3]
	}
	if given > 5 {
		state = f[4]
	}
	kind := netstate.TargetOther
	switch {
	case f[2] == "local":
		kind, origin = netstate.TargetLocal, "CreateRouteTable"
	case strings.HasPrefix(f[2], "pcx-"):
		kind = netstate.TargetPeering
	}
	k := netstate.RouteKey{Scope: at, Table: netstate.TableID(f[0]), Dest: dest(f[1]),
		Propagated: origin == "EnableVgwRoutePropagation"}
	o.Routes[k] = netstate.Route{Target: netstate.Target{Kind: kind, ID: f[2]}, Origin: origin, State: netstate.RouteState(state)}
}

func dest(s string) netstate.Dest {
	if strings.HasPrefix(s, "pl-") {
		return netstate.Dest{List: netstate.PrefixListID(s)}
	}
	return netstate.Dest{Prefix: netip.MustParsePrefix(s)}
}

func readRule(o *netstate.Observed, at netstate.Scope, f []string) {
	from, to, _ := strings.Cut(f[5], "..")
	k := netstate.RuleKey{Scope: at, Group: netstate.GroupID(f[2]), Dir: netstate.Direction(f[3]), Proto: netstate.NewProto(f[4])}
	k.Ports = netstate.NewPorts(k.Proto, netstate.PortRange{From: number(from), To: number(to)})
	if strings.HasPrefix(f[6], "sg-") {
		k.Peer.Group = netstate.GroupID(f[6])
	} else {
		k.Peer.Prefix = netip.MustParsePrefix(f[6])
	}
	tags := tags(f[7:])
	description := strings.ReplaceAll(tags["description"], "_", " ")
	delete(tags, "description")
	o.Rules[k] = netstate.Rule{ID: netstate.RuleID(f[1]), Description: description, Tags: tags}
}

func readConnection(o *netstate.Observed, f []string) {
	c := netstate.Connection{ID: netstate.ConnID(f[0]), Requester: vpc(f[1]), Accepter: vpc(f[2]), Status: netstate.Status(f[3]), Message: "a message of EC2"}
	for _, v := range f[4:] {
		if shows, ok := strings.CutPrefix(v, "requester-shows="); ok {
			c.Shows[netstate.RequesterSide] = prefixes(shows)
			continue
		}
		head, rest, _ := strings.Cut(strings.TrimSuffix(v, "}"), "{")
		name, dns, _ := strings.Cut(head, ":")
		side := netstate.RequesterSide
		if name == "accepter" {
			side = netstate.AccepterSide
		}
		c.Views[side] = netstate.View{Seen: true, Tags: tags(strings.Split(rest, ",")), DNS: map[string]netstate.Tri{"on": netstate.Yes, "off": netstate.No}[dns]}
	}
	o.Connections[c.ID] = c
}

func scope(s string) netstate.Scope {
	f := strings.Split(s, "/")
	return netstate.Scope{Account: netstate.AccountID(f[0]), Region: netstate.Region(f[1])}
}

func vpc(s string) netstate.VPC {
	return netstate.VPC{Scope: scope(s), ID: netstate.VPCID(strings.Split(s, "/")[2])}
}

func prefixes(s string) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range strings.Split(s, ",") {
		out = append(out, netip.MustParsePrefix(p))
	}
	return netstate.SortPrefixes(out)
}

func tags(f []string) netstate.Tags {
	out := netstate.Tags{}
	for _, s := range f {
		if k, v, ok := strings.Cut(s, "="); ok && k != "subnet" && k != "dns" {
			out[k] = v
		}
	}
	return out
}

func subnets(f []string) []netstate.SubnetID {
	var out []netstate.SubnetID
	for _, s := range f {
		if id, ok := strings.CutPrefix(s, "subnet="); ok {
			out = append(out, netstate.SubnetID(id))
		}
	}
	return out
}

func has(f []string, word string) bool {
	for _, s := range f {
		if s == word {
			return true
		}
	}
	return false
}

func tri(f []string, off string, otherwise netstate.Tri) netstate.Tri {
	if has(f, off) {
		return netstate.No
	}
	return otherwise
}

func number(s string) int32 {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return int32(n)
}
