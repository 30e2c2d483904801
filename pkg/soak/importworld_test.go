package soak

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/simtest"
)

// writer writes a world in which much is just beside what a spec can say: tables that route nearly the same, destinations inside, beside and
// around the peer, selectors that nearly fit, names that are no names.
type writer struct {
	*rand.Rand
	vpcs  []*wvpc
	conns []wconn
	plain bool // every pair is peered, and routed in all tables, without more: meshes
}

type wvpc struct {
	account, region, id, name string
	cidrs                     []string
	ipv6                      string
	groups                    []string
}

// wconn joins two VPCs by index; owner is whose tag it carries.
type wconn struct {
	pair          pair
	name, status  string
	owner, marked string
}

func (w *writer) one(all ...string) string { return all[w.IntN(len(all))] }

// written makes a rig of a world that was written.
func written(t *testing.T, r *rand.Rand) *imported {
	w := &writer{Rand: r, plain: r.IntN(8) == 0}
	out := &imported{groups: map[string]string{}}
	for i := range 3 + r.IntN(4) {
		v := &wvpc{account: w.one(network, network, payments, payments, "999999999999"), region: w.one("eu-west-1", "eu-west-1", "us-east-1"), id: fmt.Sprintf("vpc-%017x", 0xa0+i),
			name: w.one("Prod", "prod", "hub", "data lake (old)", "ßøå", fmt.Sprintf("v%d", i), fmt.Sprintf("v%d", i)), cidrs: []string{fmt.Sprintf("10.%d.0.0/16", i)}}
		if r.IntN(3) == 0 {
			v.cidrs = append(v.cidrs, fmt.Sprintf("100.64.%d.0/24", i))
		}
		if r.IntN(8) == 0 {
			v.cidrs = append(v.cidrs, fmt.Sprintf("52.%d.0.0/16", i)) // public
		}
		if r.IntN(3) == 0 {
			v.ipv6 = fmt.Sprintf("2001:db8:%d::/56", i)
		}
		for g := range 1 + r.IntN(3) {
			v.groups = append(v.groups, fmt.Sprintf("sg-%015x%02x", 0xa0+i, g))
			out.groups[v.groups[g]] = v.id
		}
		w.vpcs = append(w.vpcs, v)
	}
	w.connect()
	text := w.text()
	sim, err := ec2sim.New(ec2sim.Config{World: []byte(text)})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	out.Rig = &simtest.Rig{T: t, Sim: sim}
	return out
}

// connect joins some pairs, most of them by active connections of nobody.
func (w *writer) connect() {
	for a := range w.vpcs {
		for b := range a {
			if w.plain {
				w.conns = append(w.conns, wconn{pair: pair{b, a}, name: fmt.Sprintf("c%d-%d", b, a), status: "active", owner: w.one("", "", "", "", "", "umbrella")})
				continue
			}
			if w.IntN(3) > 0 {
				continue
			}
			c := wconn{pair: pair{b, a}, name: fmt.Sprintf("c%d-%d", b, a), status: w.one("active", "active", "active", "active", "active", "pending-acceptance", "provisioning", "deleted", "rejected")}
			if w.IntN(2) == 0 {
				c.pair = pair{a, b}
			}
			c.owner = w.one("", "", "", owner, "umbrella", "none")
			c.marked = w.one("both", "requester", "accepter")
			w.conns = append(w.conns, c)
		}
	}
}

func (w *writer) text() string {
	var b strings.Builder
	b.WriteString("accounts:\n")
	for _, account := range []string{network, payments, "999999999999"} {
		fmt.Fprintf(&b, "  - id: %q\n    regions:\n", account)
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			fmt.Fprintf(&b, "      %s:\n        prefixLists: [{id: %s, name: near, max: 5, entries: [{cidr: 10.1.4.0/24}, {cidr: 10.1.5.0/24}]}, {id: %s, name: far, max: 5, entries: [{cidr: 192.168.0.0/16}]}, "+
				"{id: %s, name: public, max: 5, entries: [{cidr: 8.8.8.0/24}]}]\n        vpcs:\n", region, listID(account, region, 1), listID(account, region, 2), listID(account, region, 3))
			for i, v := range w.vpcs {
				if v.account == account && v.region == region {
					w.vpc(&b, i, v)
				}
			}
		}
	}
	b.WriteString("connections:\n")
	for i, c := range w.conns {
		w.conn(&b, i, c)
	}
	return b.String()
}

func listID(account, region string, n int) string {
	return fmt.Sprintf("pl-%c%s%015d", account[0], map[string]string{"eu-west-1": "0", "us-east-1": "1"}[region], n)
}

func (w *writer) conn(b *strings.Builder, i int, c wconn) {
	tags := [2]string{"Name: by-hand", "team: net"}
	for side, view := range []string{"requester", "accepter"} {
		if c.owner != "" && (c.marked == "both" || c.marked == view) {
			tags[side] += fmt.Sprintf(`, "peerd:owner": %s, "peerd:peering": %s`, c.owner, w.one(c.name, c.name, "core/"+c.name, "Not A Label"))
		}
	}
	dns := ""
	if c.status == "active" && w.IntN(3) == 0 && !w.plain {
		dns = fmt.Sprintf(", dns: {requester: %t, accepter: %t}", w.IntN(2) == 0, w.IntN(2) == 0)
	}
	r, a := w.vpcs[c.pair[0]], w.vpcs[c.pair[1]]
	fmt.Fprintf(b, "  - {id: pcx-%017x, name: %s, status: %s, tags: {%s}, accepterTags: {%s}%s, requester: {account: %q, region: %s, vpc: %s}, accepter: {account: %q, region: %s, vpc: %s}}\n",
		0xe0+i, c.name, c.status, tags[0], tags[1], dns, r.account, r.region, r.id, a.account, a.region, a.id)
}

// vpc writes a VPC: some tables that its connections are routed through nearly alike, subnets, and groups.
func (w *writer) vpc(b *strings.Builder, i int, v *wvpc) {
	fmt.Fprintf(b, "          - id: %s\n            name: %q\n            cidrs: [%s]\n            dns: {support: true, hostnames: true}\n", v.id, v.name, strings.Join(v.cidrs, ", "))
	if v.ipv6 != "" {
		fmt.Fprintf(b, "            ipv6: %q\n", v.ipv6)
	}
	tables := 1 + w.IntN(4)
	b.WriteString("            subnets: [")
	for s := range w.IntN(5) {
		at := ""
		if t := w.IntN(tables + 1); t > 0 && t < tables {
			at = fmt.Sprintf(", table: t%d-%d", i, t)
		}
		fmt.Fprintf(b, "{name: s%d-%d, cidr: 10.%d.%d.0/24%s, tags: {tier: %s, zone: %s}}, ", i, s, i, s, at, w.one("app", "db"), w.one("a", "b"))
	}
	b.WriteString("]\n            tables:\n")
	usual := w.usual(i)
	for t := range tables {
		kind := ""
		switch {
		case t == 0:
			kind = "main: true, "
		case w.IntN(12) == 0:
			kind = "gateway: true, "
		}
		if w.IntN(3) > 0 {
			kind += fmt.Sprintf("tags: {tier: %s, managed: %s}, ", w.one("private", "private", "public"), w.one("yes", "no"))
		}
		fmt.Fprintf(b, "              - {id: rtb-%015x%02x, name: t%d-%d, %sroutes: [{to: 172.16.0.0/16, via: tgw-%017x}, ", 0xa0+i, t, i, t, kind, 0xa0)
		if !strings.Contains(kind, "gateway") && (w.plain || w.IntN(5) > 0) {
			b.WriteString(w.routes(usual))
		}
		b.WriteString("]}\n")
	}
	w.groupsText(b, i, v)
}

// usual are the routes that most tables of a VPC have to its connections.
func (w *writer) usual(i int) [][2]string {
	var out [][2]string
	seen := map[string]bool{}
	for _, c := range w.conns {
		for side := range c.pair {
			if c.pair[side] != i {
				continue
			}
			here, peer := w.vpcs[i], w.vpcs[c.pair[1-side]]
			to := append([]string{}, peer.cidrs...)
			if peer.ipv6 != "" && here.ipv6 != "" {
				to = append(to, peer.ipv6)
			}
			deviation := w.IntN(8)
			if w.plain {
				deviation = 7
			}
			switch deviation {
			case 0:
				to = to[:1]
			case 1:
				to = append(to, fmt.Sprintf("10.%d.9.0/24", c.pair[1-side]))
			case 2:
				to = []string{w.one("10.0.0.0/8", "192.168.0.0/16", "0.0.0.0/0")}
			case 3:
				to = append(to, w.one("8.8.8.0/24", listID(here.account, here.region, 1+w.IntN(3))))
			case 4:
				to = nil
			}
			for _, d := range to {
				if !seen[d] { // a table has one route to a destination
					seen[d] = true
					out = append(out, [2]string{d, c.name})
				}
			}
		}
	}
	return out
}

// routes are the usual ones, in every fourth table without one of them.
func (w *writer) routes(usual [][2]string) string {
	var b strings.Builder
	left := -1
	if w.IntN(4) == 0 && len(usual) > 0 && !w.plain {
		left = w.IntN(len(usual))
	}
	for n, r := range usual {
		if n != left {
			fmt.Fprintf(&b, "{to: %q, via: %s}, ", r[0], r[1])
		}
	}
	return b.String()
}

func (w *writer) groupsText(b *strings.Builder, i int, v *wvpc) {
	names := []string{"app", "true", "a: b, {c} #d"}
	b.WriteString("            groups:\n")
	for n, g := range v.groups {
		fmt.Fprintf(b, "              - {id: %s, name: %q, rules: [", g, names[n])
		seen := map[string]bool{}
		for range w.IntN(8) {
			if w.plain {
				break
			}
			if r := w.rule(i, v); r != "" && !seen[strings.SplitN(r, ", description", 2)[0]] {
				seen[strings.SplitN(r, ", description", 2)[0]] = true
				b.WriteString(r + ", ")
			}
		}
		b.WriteString("]}\n")
	}
}

// rule is one of a group: to some VPC's addresses or group, to parts of them, or to much more.
func (w *writer) rule(i int, v *wvpc) string {
	peer := w.vpcs[w.IntN(len(w.vpcs))]
	to := peer.cidrs[w.IntN(len(peer.cidrs))]
	switch w.IntN(9) {
	case 0:
		to = strings.Replace(peer.cidrs[0], ".0.0/16", ".7.0/24", 1)
	case 1:
		to = w.one("0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/24", "8.8.8.0/24")
	case 2:
		to = listID(v.account, v.region, 1+w.IntN(3))
	case 3:
		if peer.ipv6 != "" {
			to = peer.ipv6
		}
	case 4:
		if !w.active(i, peer) || peer.region != v.region || peer.account == "999999999999" {
			return ""
		}
		to = peer.account + "/" + peer.groups[w.IntN(len(peer.groups))]
	}
	direction := w.one("ingress", "ingress", "egress")
	toward := map[string]string{"ingress": "from", "egress": "to"}[direction]
	traffic := w.one("protocol: tcp, ports: \"443\"", "protocol: tcp, ports: \"22\"", "protocol: tcp, ports: 8000-8100", "protocol: udp, ports: \"53\"", "protocol: icmp, ports: 8/-1", "protocol: icmp", "protocol: \"-1\"", "protocol: \"50\"")
	if strings.Contains(to, "::") {
		traffic = strings.Replace(traffic, "icmp", "icmpv6", 1)
	}
	return fmt.Sprintf("{direction: %s, %s, %s: %q, description: %q%s}", direction, traffic, toward, to, w.one("", "by hand", "yes: no #1"),
		w.one("", "", "", `, tags: {"peerd:owner": umbrella}`))
}

func (w *writer) active(i int, peer *wvpc) bool {
	for _, c := range w.conns {
		if c.status == "active" && (w.vpcs[c.pair[0]] == peer && c.pair[1] == i || w.vpcs[c.pair[1]] == peer && c.pair[0] == i) {
			return true
		}
	}
	return false
}
