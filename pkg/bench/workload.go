package main

import (
	"fmt"
	"slices"
	"strings"
)

// workload is an estate: VPCs spread over accounts and regions, and the pairs of them that are peered.
type workload struct {
	Name, What        string
	vpcs              int
	accounts, regions int
	tables            int // of each VPC, all of which route to every peer
	rules             int // of each side of each peering
	pairs             [][2]int
	shape             string // how the spec writes the pairs: peerings, hub or mesh
}

var workloads = []workload{
	{Name: "W1", What: "1 peering, 2 accounts", vpcs: 2, accounts: 2, regions: 1, tables: 2, rules: 2, pairs: ring(2, 1), shape: "peerings"},
	{Name: "W2", What: "hub of 20, 5 accounts", vpcs: 21, accounts: 5, regions: 1, tables: 2, rules: 2, pairs: star(21), shape: "hub"},
	{Name: "W3", What: "100 peerings of 40 VPCs, 10 accounts in 2 regions", vpcs: 40, accounts: 10, regions: 2, tables: 2, rules: 2, pairs: ring(40, 1, 2, 20), shape: "peerings"},
	{Name: "W4", What: "mesh of 50 VPCs, 10 accounts in 2 regions", vpcs: 50, accounts: 10, regions: 2, tables: 2, rules: 1, pairs: all(50), shape: "mesh"},
	{Name: "W5", What: "10,000 peerings of 1,000 VPCs, 500 accounts in 2 regions", vpcs: 1000, accounts: 500, regions: 2, tables: 1, rules: 1,
		pairs: ring(1000, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), shape: "peerings"},
	linear(20), linear(200), linear(2000),
}

// ring joins each of n VPCs with those so many places further on, each pair once.
func ring(n int, steps ...int) [][2]int {
	seen, out := map[[2]int]bool{}, [][2]int{}
	for i := range n {
		for _, s := range steps {
			p := [2]int{min(i, (i+s)%n), max(i, (i+s)%n)}
			if !seen[p] {
				seen[p] = true
				out = append(out, p)
			}
		}
	}
	return out
}

func star(n int) (out [][2]int) {
	for i := 1; i < n; i++ {
		out = append(out, [2]int{0, i})
	}
	return out
}

func all(n int) (out [][2]int) {
	for i := range n {
		for j := i + 1; j < n; j++ {
			out = append(out, [2]int{i, j})
		}
	}
	return out
}

// linear is one of a row of workloads with ten peerings for each VPC, in more and more accounts: what a pass over them costs should grow with
// their number and no faster.
func linear(vpcs int) workload {
	return workload{Name: fmt.Sprintf("L%d", 5*vpcs), What: fmt.Sprintf("%d peerings of %d VPCs, %d accounts in 2 regions", 5*vpcs, vpcs, vpcs/2), vpcs: vpcs,
		accounts: vpcs / 2, regions: 2, tables: 1, rules: 1, pairs: ring(vpcs, 1, 2, 3, 4, 5), shape: "peerings"}
}

var regionNames = []string{"eu-west-1", "us-east-1"}

// Where VPC i is, and what it has there.
func (w workload) account(i int) string { return fmt.Sprintf("%012d", 100000000001+i%w.accounts) }
func (w workload) region(i int) string  { return regionNames[i/w.accounts%w.regions] }
func vpcID(i int) string                { return fmt.Sprintf("vpc-%017x", i+1) }
func tableID(i, t int) string           { return fmt.Sprintf("rtb-%016x%x", i+1, t) }
func groupID(i int) string              { return fmt.Sprintf("sg-%017x", i+1) }
func cidr(i int) string                 { return fmt.Sprintf("10.%d.%d.0/20", i>>4, i&15<<4) }
func port(r int) int                    { return 8000 + r }

// scopes are the accounts and regions that have VPCs.
func (w workload) scopes() (out [][2]string) {
	for i := range w.vpcs {
		if s := [2]string{w.account(i), w.region(i)}; !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// side is what every side of a peering is.
func (w workload) side(rules int) string {
	var out []string
	for r := range rules {
		out = append(out, fmt.Sprintf("{group: app, protocol: tcp, ports: %d}", port(r)))
	}
	return "routes: {tables: all}, rules: [" + strings.Join(out, ", ") + "]"
}

// perFile is how many peerings a file of a spec gets; peerd bounds how many values one has.
const perFile = 2000

// spec is what peerd is given: files, by name.
func (w workload) spec() map[string]string {
	files := map[string]string{"estate.yaml": w.estate()}
	if w.shape != "peerings" {
		return files
	}
	for n := 0; n < len(w.pairs); n += perFile {
		var b strings.Builder
		b.WriteString("apiVersion: peerd/v1\npeerings:\n")
		for _, p := range w.pairs[n:min(n+perFile, len(w.pairs))] {
			fmt.Fprintf(&b, "  - {name: v%d-v%d, requester: {vpc: v%d}, accepter: {vpc: v%d}}\n", p[0], p[1], p[0], p[1])
		}
		files[fmt.Sprintf("peerings-%d.yaml", n/perFile)] = b.String()
	}
	return files
}

// estate is everything but peerings that are written out.
func (w workload) estate() string {
	var b strings.Builder
	b.WriteString("apiVersion: peerd/v1\nowner: bench\naccounts:\n")
	for a := range w.accounts {
		fmt.Fprintf(&b, "  a%d: {id: \"%s\", role: peerd, quotas: {outstandingRequests: 100000}}\n", a, w.account(a))
	}
	b.WriteString("vpcs:\n")
	for i := range w.vpcs {
		fmt.Fprintf(&b, "  v%d: {account: a%d, region: %s, id: %s}\n", i, i%w.accounts, w.region(i), vpcID(i))
	}
	side := w.side(w.rules)
	names := func(from, to int) string {
		var out []string
		for i := from; i < to; i++ {
			out = append(out, fmt.Sprintf("v%d", i))
		}
		return strings.Join(out, ", ")
	}
	switch w.shape {
	case "mesh":
		fmt.Fprintf(&b, "meshes: [{name: m, vpcs: [%s], side: {%s}}]\n", names(0, w.vpcs), side)
	case "hub":
		fmt.Fprintf(&b, "hubs: [{name: h, hub: v0, spokes: [%s], hubSide: {%s}, spokeSide: {%s}}]\n", names(1, w.vpcs), side, side)
	default:
		fmt.Fprintf(&b, "defaults: {side: {%s}}\n", side)
	}
	return b.String()
}

// world is what the simulator begins with: the VPCs, their tables and groups, and nothing between them.
func (w workload) world(throttle bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "switches: {throttle: %t}\nquotas: {outstanding: -1, peerings: 125}\naccounts:\n", throttle)
	for a := range w.accounts {
		fmt.Fprintf(&b, "  - id: \"%s\"\n    regions:\n", w.account(a))
		for r := range w.regions {
			fmt.Fprintf(&b, "      %s:\n        vpcs:\n", regionNames[r])
			for i := range w.vpcs {
				if i%w.accounts == a && i/w.accounts%w.regions == r {
					w.vpc(&b, i)
				}
			}
		}
	}
	return b.String()
}

func (w workload) vpc(b *strings.Builder, i int) {
	var tables []string
	for t := range w.tables {
		tables = append(tables, fmt.Sprintf("{id: %s, main: %t}", tableID(i, t), t == 0))
	}
	fmt.Fprintf(b, "          - {id: %s, cidrs: [%s], tables: [%s], groups: [{id: %s, name: app}]}\n", vpcID(i), cidr(i), strings.Join(tables, ", "), groupID(i))
}
