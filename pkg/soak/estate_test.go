package soak

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// estate is a random world of a few VPCs.
type estate struct {
	*rand.Rand
	vpcs []vpc
	acme []pair // pairs that a stranger has peered by hand
}

// vpc is one VPC with a main and perhaps a private table, and one security group.
type vpc struct {
	name, account, region, id string
	cidrs                     []string
	tables                    []string // ids; the first is main, the second has the tag tier=private
	group                     string
}

func (v vpc) scope() string { return v.account + "/" + v.region }

// String is the VPC as dumps name it.
func (v vpc) String() string { return v.scope() + "/" + v.id }

// pair is two VPCs by index, the smaller first.
type pair [2]int

func pairOf(a, b int) pair { return pair{min(a, b), max(a, b)} }

const (
	network  = "111111111111"
	payments = "222222222222"
	owner    = "acme"
	transit  = "tgw-000000000000000a0" // of somebody else
)

// newEstate makes three to five VPCs over two accounts and two regions. One pair may overlap, one may be peered by hand.
func newEstate(r *rand.Rand) *estate {
	e := &estate{Rand: r}
	for i := range 3 + r.IntN(3) {
		v := vpc{name: fmt.Sprintf("v%d", i), account: network, region: "eu-west-1", id: fmt.Sprintf("vpc-%017x", 0xa0+i),
			cidrs: []string{fmt.Sprintf("10.%d.0.0/16", i)}, tables: []string{fmt.Sprintf("rtb-%017x", 0xa0+i)}, group: fmt.Sprintf("sg-%017x", 0xa0+i)}
		if r.IntN(2) == 0 {
			v.account = payments
		}
		if r.IntN(3) == 0 {
			v.region = "us-east-1"
		}
		if r.IntN(3) == 0 {
			v.cidrs = append(v.cidrs, fmt.Sprintf("100.64.%d.0/24", i))
		}
		if r.IntN(2) == 0 {
			v.tables = append(v.tables, fmt.Sprintf("rtb-%017x", 0xb0+i))
		}
		if i > 0 && r.IntN(8) == 0 {
			v.cidrs = []string{fmt.Sprintf("10.%d.128.0/17", i-1)} // inside the one before: they cannot be peered
		}
		e.vpcs = append(e.vpcs, v)
	}
	if r.IntN(3) == 0 {
		p := e.anyPair()
		if !e.overlap(p) {
			e.acme = append(e.acme, p)
		}
	}
	return e
}

func (e *estate) anyPair() pair {
	a := e.IntN(len(e.vpcs))
	b := (a + 1 + e.IntN(len(e.vpcs)-1)) % len(e.vpcs)
	return pairOf(a, b)
}

// overlap reports whether EC2 refuses to peer two VPCs: the second's CIDR was laid inside the first's.
func (e *estate) overlap(p pair) bool {
	return strings.HasSuffix(e.vpcs[p[1]].cidrs[0], ".128.0/17") && p[1] == p[0]+1 && !strings.HasSuffix(e.vpcs[p[0]].cidrs[0], ".128.0/17")
}

// world is the estate as a world file, with gateways, rules and a peering of other people.
func (e *estate) world() string {
	var b strings.Builder
	b.WriteString("accounts:\n")
	for _, account := range []string{network, payments} {
		fmt.Fprintf(&b, "  - id: %q\n    regions:\n", account)
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			fmt.Fprintf(&b, "      %s:\n        vpcs:\n", region)
			for _, v := range e.vpcs {
				if v.account == account && v.region == region {
					e.vpcText(&b, v)
				}
			}
		}
	}
	for i, p := range e.acme {
		a, c := e.vpcs[p[0]], e.vpcs[p[1]]
		fmt.Fprintf(&b, "connections:\n  - {id: pcx-%017x, name: by-hand, status: active, tags: {Name: by-hand}, requester: {account: %q, region: %s, vpc: %s}, accepter: {account: %q, region: %s, vpc: %s}}\n",
			0xe0+i, a.account, a.region, a.id, c.account, c.region, c.id)
	}
	return b.String()
}

func (e *estate) vpcText(b *strings.Builder, v vpc) {
	fmt.Fprintf(b, "          - id: %s\n            name: %s\n            cidrs: [%s]\n            dns: {support: true, hostnames: true}\n            tables:\n",
		v.id, v.name, strings.Join(v.cidrs, ", "))
	for i, t := range v.tables {
		kind := "main: true"
		if i > 0 {
			kind = "tags: {tier: private}"
		}
		fmt.Fprintf(b, "              - {id: %s, name: %s-%d, %s, routes: [{to: 0.0.0.0/0, via: igw}, {to: 172.16.%d.0/24, via: tgw-%017x}]}\n", t, v.name, i, kind, i, 0xa0)
	}
	fmt.Fprintf(b, "            groups: [{id: %s, name: app, rules: [{direction: ingress, protocol: tcp, ports: \"22\", from: 192.0.2.0/24, description: the office}]}]\n", v.group)
}
