package ec2sim_test

import (
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
)

// An ingress and an egress rule that are alike otherwise are two rules, each with an id of its own.
func TestWorldFileRulesOfBothDirections(t *testing.T) {
	t.Parallel()
	s, err := ec2sim.New(ec2sim.Config{World: []byte(`
accounts:
  - id: "111111111111"
    regions:
      us-east-1:
        vpcs:
          - {name: a, cidrs: [10.0.0.0/16], groups: [{name: g, rules: [{direction: ingress, from: 0.0.0.0/0}, {direction: egress, to: 0.0.0.0/0}]}]}
`)})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for l := range strings.SplitSeq(s.Dump(), "\n") {
		if w := strings.Fields(l); len(w) > 2 && w[1] == "rule" {
			ids[w[2]] = true
		}
	}
	if len(ids) != 4 { // two of them of the group that every VPC is born with
		t.Errorf("got %d ids in\n%s", len(ids), s.Dump())
	}
}

// A misspelt world is another world: everything unknown is refused, with its place.
func TestWorldFileRefused(t *testing.T) {
	t.Parallel()
	account := func(rest string) string {
		return "accounts:\n  - id: \"111111111111\"\n    regions:\n      us-east-1:\n" + rest
	}
	for name, c := range map[string]struct{ file, want string }{
		"unknown key":        {"acounts: []\n", "line 1: field acounts not found"},
		"unknown deep key":   {account("        vpcs: [{name: a, cidrs: [10.0.0.0/16], cidr: x}]\n"), "line 5: field cidr not found"},
		"unknown switch":     {"switches: {identicalCreateRoute: maybe}\n", `switch identicalCreateRoute: "maybe"`},
		"not yaml":           {"a: [\n", "line 1"},
		"alias":              {"accounts: &a []\n", "line 1: anchors and aliases"},
		"merge":              {"? [x]\n: 1\n<<: {b: 1}\n", "line 1: a key must be a plain word"},
		"two documents":      {"accounts: []\n---\naccounts: []\n", "only one document"},
		"account id":         {"accounts: [{id: \"1\"}]\n", "not twelve digits"},
		"account twice":      {"accounts: [{id: \"111111111111\"}, {id: \"111111111111\"}]\n", "comes twice"},
		"region":             {"accounts: [{id: \"111111111111\", regions: {moon: {}}}]\n", "not the name of a region"},
		"vpc id":             {account("        vpcs: [{id: vpc-1, cidrs: [10.0.0.0/16]}]\n"), "not an id"},
		"vpc twice":          {account("        vpcs: [{id: vpc-00000000, cidrs: [10.0.0.0/16]}, {id: vpc-00000000, cidrs: [10.0.0.0/16]}]\n"), "comes twice"},
		"no name":            {account("        vpcs: [{cidrs: [10.0.0.0/16]}]\n"), "needs an id or a name"},
		"no cidr":            {account("        vpcs: [{name: a}]\n"), "has no CIDR"},
		"host bits":          {account("        vpcs: [{name: a, cidrs: [10.0.0.1/16]}]\n"), "host bits"},
		"bad cidr":           {account("        vpcs: [{name: a, cidrs: [x]}]\n"), "is not a CIDR"},
		"unknown table":      {account("        vpcs: [{name: a, cidrs: [10.0.0.0/16], subnets: [{name: s, cidr: 10.0.0.0/24, table: t}]}]\n"), `no rtb named "t"`},
		"unknown connection": {account("        vpcs: [{name: a, cidrs: [10.0.0.0/16], tables: [{name: t, routes: [{to: 10.1.0.0/16, via: c}]}]}]\n"), `no pcx named "c"`},
		"rule direction":     {account("        vpcs: [{name: a, cidrs: [10.0.0.0/16], groups: [{name: g, rules: [{direction: in, from: 10.0.0.0/8}]}]}]\n"), "ingress or egress"},
		"rule group":         {account("        vpcs: [{name: a, cidrs: [10.0.0.0/16], groups: [{name: g, rules: [{direction: ingress, from: h}]}]}]\n"), `no group named "h"`},
		"connection end":     {account("        connections: [{name: c, requester: {vpc: a}, accepter: {vpc: b}}]\n"), `no vpc named "a"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ec2sim.New(ec2sim.Config{World: []byte(c.file)})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want something with %q", err, c.want)
			}
		})
	}
}

// Everything a world file can say, read back as facts. Ids made from names are the same in every run.
func TestWorldFile(t *testing.T) {
	t.Parallel()
	const text = `
delays: {initiating: 2s}
accounts:
  - id: "111111111111"
    quotas: {peerings: 1}
    regions:
      us-east-1:
        targets: [tgw-00000000000000001]
        prefixLists: [{id: pl-00000001, name: s3, owner: AWS, entries: [{cidr: 192.0.2.0/24}]}]
        vpcs:
          - name: a
            cidrs: [10.0.0.0/16]
            ipv6: 2001:db8::/56
            dns: {support: false}
            tags: {env: prod}
            subnets: [{id: subnet-00000001, name: s, cidr: 10.0.1.0/24, ipv6: "2001:db8::/64", az: us-east-1c, table: t}]
            tables:
              - {id: rtb-00000001, name: m, main: true, routes: [{to: 0.0.0.0/0, via: igw}, {to: pl-00000001, via: ab}]}
              - id: rtb-00000002
                name: t
                routes:
                  - {to: 10.1.0.0/16, via: ab}
                  - {to: 10.2.0.0/16, via: tgw-00000000000000001, origin: EnableVgwRoutePropagation}
                  - {to: 10.3.0.0/16, via: nat-00000000000000001, state: blackhole}
                  - {to: 10.4.0.0/16, via: "arn:aws:networkmanager::111111111111:core-network/c"}
              - {id: rtb-00000003, name: e, gateway: true}
            groups:
              - id: sg-00000001
                name: g
                description: about g
                rules:
                  - {id: sgr-00000001, direction: ingress, protocol: icmp, ports: 8/0, from: 222222222222/h, tags: {k: v}}
                  - {id: sgr-00000002, direction: egress, protocol: udp, ports: 1-2, to: pl-00000001}
                  - {id: sgr-00000003, direction: ingress, from: g}
                  - {id: sgr-00000004, direction: ingress, protocol: tcp, from: "2001:db8:9::/48"}
            acls: [{id: acl-00000001, name: n, subnets: [s], entries: [{number: 7, direction: ingress, protocol: tcp, action: deny, cidr: 10.1.0.0/16, ports: 22}]}]
  - id: "222222222222"
    regions:
      us-east-1:
        vpcs: [{id: vpc-00000002, name: b, cidrs: [10.1.0.0/16], groups: [{id: sg-00000002, name: h}]}]
connections:
  - {id: pcx-00000001, name: ab, requester: {account: "111111111111", region: us-east-1, vpc: a}, accepter: {account: "222222222222", region: us-east-1, vpc: b},
     tags: {x: "1"}, accepterTags: {y: "2"}, dns: {accepter: true}}
  - {id: pcx-00000002, requester: {account: "222222222222", region: us-east-1, vpc: b}, accepter: {account: "111111111111", region: us-east-1, vpc: vpc-99999999}, status: frozen, message: so}
`
	build := func() string {
		s, err := ec2sim.New(ec2sim.Config{World: []byte(text), Now: newClock().Now})
		if err != nil {
			t.Fatal(err)
		}
		return s.Dump()
	}
	got := build()
	equal(t, build(), got)
	for _, want := range []string{
		`us-east-1 vpc vpc-0`,
		` cidrs=10.0.0.0/16 ipv6=2001:db8::/56 default=false dns-support=false dns-hostnames=false usage-metrics=false tags={"Name":"a","env":"prod"}`,
		`subnet subnet-00000001 vpc-0`, ` cidr=10.0.1.0/24 ipv6=2001:db8::/64 az=us-east-1c tags={"Name":"s"}`,
		` main=true associations= tags={"Name":"m"}`, ` main=false associations=subnet-00000001 tags={"Name":"t"}`,
		`table rtb-00000003 `, ` main=false associations=igw-0`,
		`route rtb-00000001 0.0.0.0/0 -> igw-0`, `route rtb-00000001 pl-00000001 -> pcx-00000001 origin=CreateRoute state=active`,
		`route rtb-00000002 10.1.0.0/16 -> pcx-00000001 origin=CreateRoute state=active`,
		`route rtb-00000002 10.2.0.0/16 -> tgw-00000000000000001 origin=EnableVgwRoutePropagation state=active`,
		`route rtb-00000002 10.3.0.0/16 -> nat-00000000000000001 origin=CreateRoute state=blackhole`,
		`route rtb-00000002 10.4.0.0/16 -> arn:aws:networkmanager::111111111111:core-network/c origin=CreateRoute state=active`,
		`rule sgr-00000001 sg-00000001 ingress icmp 8-0 222222222222/sg-00000002 via=pcx-00000001 peering=active description="" tags={"k":"v"}`,
		`rule sgr-00000002 sg-00000001 egress udp 1-2 pl-00000001 description="" tags={}`,
		`rule sgr-00000003 sg-00000001 ingress -1 -1--1 111111111111/sg-00000001 description="" tags={}`,
		`rule sgr-00000004 sg-00000001 ingress tcp 0-65535 2001:db8:9::/48 description="" tags={}`,
		`default=false subnets=subnet-00000001 tags={"Name":"n"}`,
		`acl-entry acl-00000001 ingress 7 6 10.1.0.0/16 ports=22-22 icmp=0/0 deny`,
		`prefix-list pl-00000001 name="s3" family=IPv4 max=1 owner=AWS entries=192.0.2.0/24 tags={}`,
		` status=active view=requester dns=false tags={"x":"1"}`, ` status=active view=accepter dns=true tags={"y":"2"}`,
		`connection pcx-00000002 requester=222222222222/us-east-1/vpc-00000002 accepter=111111111111/us-east-1/vpc-99999999 status=frozen view=accepter`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the dump lacks %q", want)
		}
	}
	if strings.Contains(got, "sg-00000001 egress -1") {
		t.Error("a group with an egress rule of its own still lets everything out")
	}
	if t.Failed() {
		t.Log(got)
	}
}

// The example of the design, word for word.
func TestWorldFileExample(t *testing.T) {
	t.Parallel()
	const example = `
switches: {identicalCreateRoute: succeed}
accounts:
  - id: "111111111111"
    roles: [{name: peerd, externalId: acme-7f3}]   # absent: any role
    regions:
      us-east-1:
        vpcs:
          - id: vpc-0a1b2c3d4e5f60001       # ids may be given or are made from the name
            name: hub
            cidrs: [10.0.0.0/16, 100.64.0.0/20]
            ipv6: 2001:db8:1::/56
            dns: {support: true, hostnames: true}
            subnets: [{name: a, cidr: 10.0.0.0/24, az: us-east-1a, table: private, tags: {}}]
            tables: [{name: main, main: true, routes: [{to: 0.0.0.0/0, via: igw}]}, {name: private, tags: {tier: private}}]
            groups: [{name: app, rules: [{direction: ingress, protocol: tcp, ports: 22, from: 192.0.2.0/24}]}]
            acls: []
        connections: []                     # hand-made ones, in any state
`
	s, err := ec2sim.New(ec2sim.Config{World: []byte(example), Now: newClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	const want = "111111111111/us-east-1 vpc vpc-0a1b2c3d4e5f60001 cidrs=10.0.0.0/16,100.64.0.0/20 ipv6=2001:db8:1::/56 " +
		`default=false dns-support=true dns-hostnames=true usage-metrics=false tags={"Name":"hub"}`
	if got := s.Dump(); !strings.Contains(got, want+"\n") {
		t.Errorf("the dump lacks %q:\n%s", want, got)
	}
}
