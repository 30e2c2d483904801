package failures_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// edited is simtest.World with pairs of old and new strings replaced in it; each must be there.
func edited(t *testing.T, replace ...string) []byte {
	t.Helper()
	text := string(simtest.World)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("the world has no %q to be replaced", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return []byte(text)
}

// hubClash is a peering of the hub with another VPC, which is called clash for its CIDR.
const (
	hubClash = "  - name: hub-clash\n    requester: {vpc: hub}\n    accepter: {vpc: clash}\n"
	clash    = "vpc-0000000000000b002"
	clashes  = "cidrs: [10.0.128.0/17]"
)

// withClash is withPeerings with the VPC clash.
func withClash(peerings ...string) string {
	return strings.Replace(withPeerings(peerings...), "peerings:", "  clash: {account: payments, region: eu-west-1, id: "+clash+"}\npeerings:", 1)
}

// CIDRs of the two sides overlap, of whichever family and whether they are the first or not. EC2 would answer the request with success and
// let it fail later; it is never made, and other peerings go on.
func TestF21Overlap(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ one, other, cidrs string }{
		"one inside the other":   {"10.0.0.0/16", "10.0.128.0/17", clashes},
		"equal":                  {"10.0.0.0/16", "10.0.0.0/16", "cidrs: [10.0.0.0/16]"},
		"a secondary CIDR":       {"10.0.0.0/16", "10.0.200.0/24", "cidrs: [10.97.0.0/16, 10.0.200.0/24]"},
		"a wider secondary CIDR": {"10.0.0.0/16", "10.0.0.0/16", "cidrs: [10.97.0.0/16, 10.98.0.0/16, 10.0.0.0/16]"},
		"IPv6 only":              {"2001:db8:a::/56", "2001:db8:a::/56", "cidrs: [10.97.0.0/16]\n            ipv6: 2001:db8:a::/56"},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{World: edited(t, clashes, tc.cidrs)}, withClash(hubClash, hubTools))
			failures.Shown(t, 21, holds(r.Sim.Dump(), " vpc "+hub, tc.one) && holds(r.Sim.Dump(), " vpc "+clash, tc.other), "the CIDRs of two VPCs overlap")
			planned, _ := r.Plan()
			mustSay(t, planned, "cidr-overlap: "+tc.one+" of hub overlaps "+tc.other+" of clash")
			report, calls := r.Apply()
			simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
			if answered(calls, "CreateVpcPeeringConnection", clash) || holds(r.Sim.Dump(), " connection ", clash) || !holds(r.Sim.Dump(), " connection ", tools, "status=active") {
				t.Errorf("connections:\n%s", strings.Join(linesWith(r.Sim.Dump(), " connection "), "\n"))
			}
			mustLeave(t, r, reconcile.ExitAttention, "cidr-overlap")
		})
	}
}

// A destination outside the peer is refused, and so is one in a range in which there is no peer: link-local, where the instance metadata
// answers, loopback and multicast: nothing of the peering is made, and other peerings go on.
func TestF21DestinationRefused(t *testing.T) {
	t.Parallel()
	const entries, list = "entries: [{cidr: 10.0.5.0/24}]", "{prefixList: pl-0000000000000b001}"
	for name, tc := range map[string]struct{ to, entry, family, says string }{
		"outside the peer":                {to: "10.88.0.0/16", says: "destination-outside: 10.88.0.0/16 is not inside the CIDRs of hub (10.0.0.0/16, 2001:db8:a::/56)"},
		"wider than the peer":             {to: "10.0.0.0/15", says: "destination-outside: 10.0.0.0/15 is not inside"},
		"of the other family":             {to: `"2001:db8:c::/56"`, says: "destination-outside: 2001:db8:c::/56 is not inside"},
		"public beside private":           {to: "{cidr: 172.0.0.0/8, wider: true}", says: "protected-range: 172.0.0.0/8 holds public addresses, 172.0.0.0/12 among them"},
		"public beside private in a list": {to: list, entry: "10.0.0.0/7", says: "protected-range: entry 10.0.0.0/7"},
		"metadata service in a list":      {to: list, entry: "169.254.169.254/32", says: "protected-range: entry 169.254.169.254/32"},
		"link-local in a list":            {to: list, entry: "169.254.8.0/24", says: "protected-range: entry 169.254.8.0/24"},
		"loopback in a list":              {to: list, entry: "127.0.0.0/16", says: "protected-range: entry 127.0.0.0/16"},
		"multicast in a list":             {to: list, entry: "224.0.1.0/24", says: "protected-range: entry 224.0.1.0/24"},
		"IPv6 metadata service in a list": {to: list, entry: "fd00:ec2::254/128", family: ", family: IPv6", says: "protected-range: entry fd00:ec2::254/128"},
		"IPv6 link-local in a list":       {to: list, entry: "fe80::/64", family: ", family: IPv6", says: "protected-range: entry fe80::/64"},
	} {
		inBubble(t, name, func(t *testing.T) {
			world := edited(t, entries, "entries: [{cidr: 10.0.5.0/24}"+map[bool]string{true: "", false: ", {cidr: \"" + tc.entry + "\"}"}[tc.entry == ""]+"]"+tc.family)
			if tc.family != "" {
				world = bytes.Replace(world, []byte("{cidr: 10.0.5.0/24}, "), nil, 1)
			}
			text := strings.Replace(withPeerings(hubPay, hubTools), "accepter: {vpc: pay}", "accepter: {vpc: pay, routes: {to: [10.0.7.0/24, "+tc.to+"]}}", 1)
			r := simtest.New(t, ec2sim.Config{World: world}, text)
			failures.Shown(t, 21, tc.entry == "" || holds(r.Sim.Dump(), " prefix-list pl-0000000000000b001", tc.entry), "a destination where the peer is not")
			planned, _ := r.Plan()
			mustSay(t, planned, tc.says)
			before := simtest.Lines(r.Sim.Dump())
			report, calls := r.Apply()
			simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
			for _, l := range simtest.Without(simtest.Lines(r.Sim.Dump()), before) {
				if strings.Contains(l, pay) || strings.Contains(l, strings.Trim(tc.to, `"`)) || strings.Contains(l, "hub-pay") {
					t.Errorf("made of the peering: %s", l)
				}
			}
			if answered(calls, "CreateVpcPeeringConnection", pay) || !holds(r.Sim.Dump(), " route "+hubMain+" 10.1.0.0/16 -> ", "state=active") {
				t.Errorf("connections:\n%s", strings.Join(linesWith(r.Sim.Dump(), " connection "), "\n"))
			}
			mustLeave(t, r, reconcile.ExitAttention, tc.says)
		})
	}
}

// Two peerings want one destination in one table: neither gets it, in whatever order they are named, and what else they want is done.
func TestF21Contested(t *testing.T) {
	t.Parallel()
	wide := func(peering string) string {
		return strings.Replace(peering, "requester: {vpc: hub}", "requester: {vpc: hub, routes: {tables: main, to: [{cidr: 10.64.0.0/10, wider: true}]}}", 1)
	}
	for name, tc := range map[string]struct{ peerings, destination string }{
		"peers with one CIDR":           {hubClash + hubTools, "10.1.0.0/16"},
		"peers with one CIDR, reversed": {strings.ReplaceAll(hubTools, "name: hub-tools", "name: a") + hubClash, "10.1.0.0/16"},
		"one wide destination":          {wide(hubPay) + wide(hubTools), "10.64.0.0/10"},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{World: edited(t, clashes, "cidrs: [10.1.0.0/16]")}, withClash(tc.peerings))
			report, calls := r.Apply()
			simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
			both := linesWith(r.Sim.Dump(), network+"/"+west+" connection ", "requester="+network+"/"+west+"/"+hub, "status=active", `"peerd:owner":"acme"`)
			failures.Shown(t, 21, len(both) == 2, "two peerings want one destination in one table")
			for _, l := range both {
				if !holds(r.Sim.Dump(), " route ", " 10.0.0.0/16 -> "+strings.Fields(l)[2], "state=active") {
					t.Errorf("no route back to the hub through %s", l)
				}
			}
			if got := linesWith(r.Sim.Dump(), " route "+hubMain+" "+tc.destination); len(got) > 0 || answered(calls, "CreateRoute", tc.destination) {
				t.Errorf("routed: %s", got)
			}
			mustLeave(t, r, reconcile.ExitAttention, "route-contested: "+tc.destination+" in "+hubMain, "none holds it")
		})
	}
}

// A destination within the VPC whose route it is to be: EC2 would refuse it in every pass, table by table. It is never asked for, said once with its
// place, and all else of the peering is made.
func TestF21DestinationInTheVPCItself(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"10.20.0.0/16", "10.20.7.0/24"} {
		inBubble(t, to, func(t *testing.T) {
			text := strings.Replace(withPeerings(hubPay), "accepter: {vpc: pay}", "accepter: {vpc: pay, routes: {to: [10.0.7.0/24, {cidr: "+to+", wider: true}]}}", 1)
			r := simtest.New(t, ec2sim.Config{}, text)
			failures.Shown(t, 21, holds(r.Sim.Dump(), " vpc "+pay, "10.20.0.0/16"), "a destination where the VPC itself is")
			says := "destination-local: " + to + " lies in 10.20.0.0/16 of pay itself"
			planned, _ := r.Plan()
			mustSay(t, planned, says)
			report, calls := r.Apply()
			simtest.MustExit(t, "pass", report, reconcile.ExitAttention)
			asked := slices.ContainsFunc(calls, func(c ec2sim.Call) bool {
				return c.Action == "CreateRoute" && strings.HasPrefix(c.Params.Get("RouteTableId"), "rtb-0000000000000b0") && c.Params.Get("DestinationCidrBlock") == to
			})
			if asked || !holds(r.Sim.Dump(), " route ", "10.0.7.0/24 -> ") || !holds(r.Sim.Dump(), " route "+hubMain+" 10.20.0.0/16 -> ") {
				t.Errorf("routes:\n%s", strings.Join(linesWith(r.Sim.Dump(), " route "), "\n"))
			}
			mustLeave(t, r, reconcile.ExitAttention, says)
		})
	}
}
