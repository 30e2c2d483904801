package spec_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// world states one account and n VPCs that do not overlap, named v000 and on.
func world(n int) string {
	var b strings.Builder
	b.WriteString("apiVersion: peerd/v1\nowner: acme\naccounts: {net: {id: \"111111111111\", role: peerd}}\nvpcs:\n")
	for i := range n {
		fmt.Fprintf(&b, "  v%03d: {account: net, region: eu-west-1, id: vpc-%08x, cidrs: [10.%d.%d.0/24]}\n", i, i, i/256, i%256)
	}
	return b.String()
}

// names returns "v000, v001, …" from first to last.
func names(first, last int) string {
	var out []string
	for i := first; i <= last; i++ {
		out = append(out, fmt.Sprintf("v%03d", i))
	}
	return strings.Join(out, ", ")
}

func TestMeshOf50(t *testing.T) {
	t.Parallel()
	set := load(t, map[string]string{"mesh.yaml": world(50) + "meshes: [{name: core, vpcs: [" + names(0, 49) + "], side: {dns: true}}]\n"})
	if len(set.Peerings) != 1225 {
		t.Fatalf("%d peerings, want 1225", len(set.Peerings))
	}
	pairs := map[string]bool{}
	for _, p := range set.Peerings {
		a, b := p.Sides[0].VPC.Name, p.Sides[1].VPC.Name
		if a >= b {
			t.Errorf("%s: %s requests of %s: the first in sort order requests", p.Name, a, b)
		}
		if want := netstate.Link("core/" + a + "--" + b); p.Name != want || p.From != "mesh core" {
			t.Errorf("label %q from %q, want %q", p.Name, p.From, want)
		}
		pairs[a+b] = true
	}
	if len(pairs) != 1225 {
		t.Errorf("%d distinct pairs", len(pairs))
	}
}

func TestHubOf120(t *testing.T) {
	t.Parallel()
	set := load(t, map[string]string{"hub.yaml": world(121) + "hubs: [{name: edge, hub: v120, spokes: [" + names(0, 119) + "]}]\n"})
	if len(set.Peerings) != 120 {
		t.Fatalf("%d peerings, want 120", len(set.Peerings))
	}
	for _, p := range set.Peerings {
		if p.Sides[0].VPC.Name != "v120" || p.Name != netstate.Link("edge/"+p.Sides[1].VPC.Name) {
			t.Errorf("%s: %s requests", p.Name, p.Sides[0].VPC.Name)
		}
	}
}

func TestLabelsStayWhenAMemberIsAdded(t *testing.T) {
	t.Parallel()
	small := load(t, map[string]string{"a.yaml": world(9) + "meshes: [{name: core, vpcs: [" + names(1, 7) + "]}]\n"})
	large := load(t, map[string]string{"a.yaml": world(9) + "meshes: [{name: core, vpcs: [v008, " + names(0, 7) + "]}]\n"})
	for _, p := range small.Peerings {
		q := large.Peering(p.Name)
		if q == nil || q.Sides[0].VPC.Name != p.Sides[0].VPC.Name || q.Sides[1].VPC.Name != p.Sides[1].VPC.Name {
			t.Errorf("%s is not what it was once members were added", p.Name)
		}
	}
}

func TestOverlappingMeshesWithEqualSides(t *testing.T) {
	t.Parallel()
	set := load(t, map[string]string{
		"a.yaml": world(30) + "meshes:\n  - {name: west, vpcs: [" + names(0, 19) + "], side: {dns: true}}\n",
		"b.yaml": "apiVersion: peerd/v1\nmeshes:\n  - {name: east, vpcs: [" + names(10, 29) + "], side: {dns: true, routes: {tables: all}}}\n",
	})
	if want := 190 + 190 - 45; len(set.Peerings) != want {
		t.Errorf("%d peerings, want %d", len(set.Peerings), want)
	}
	if set.Peering("east/v010--v011") == nil || set.Peering("west/v010--v011") != nil {
		t.Error("a pair of both meshes has the label of the first by name")
	}
}

func TestTooManyPairs(t *testing.T) {
	t.Parallel()
	_, err := spec.Load(tree(map[string]string{"a.yaml": world(400) + "meshes: [{name: core, vpcs: [" + names(0, 399) + "]}]\n"}), "")
	if err == nil || !strings.Contains(err.Error(), "more than 50000 peerings") {
		t.Errorf("got %v", err)
	}
}

// TestFileOrder puts one spec into files in every order, and swaps their names: the set is the same but for positions.
func TestFileOrder(t *testing.T) {
	t.Parallel()
	head := "apiVersion: peerd/v1\n"
	parts := []string{
		world(12),
		head + "meshes: [{name: zoo, vpcs: [v001, v002, v003]}, {name: alpha, vpcs: [v003, v002, v005], side: {dns: unmanaged}}]\n",
		head + "hubs: [{name: beta, hub: v003, spokes: [v002, v006, v007]}]\nprotected: [198.18.0.0/15, 192.0.2.0/24]\n",
		head + "peerings: [{name: own, requester: {vpc: v007}, accepter: {vpc: v003, dns: true}}]\ndefaults: {tags: {a: b}}\n",
		head + "defaults: {side: {routes: {tables: main}}}\n---\n" + head + "peerings: [{name: extra, requester: {vpc: v009}, accepter: {vpc: v010}}]\n",
	}
	want := ""
	permute(parts, func(order []string) {
		files := map[string]string{}
		for i, text := range order {
			files[fmt.Sprintf("%d/part.yaml", i)] = text
		}
		got := describe(load(t, files))
		if want == "" {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the order of files matters (-first +this):\n%s", diff)
		}
	})
}

func permute(items []string, visit func([]string)) {
	if len(items) < 2 {
		visit(items)
		return
	}
	for i := range items {
		rest := slices.Delete(slices.Clone(items), i, i+1)
		permute(rest, func(tail []string) { visit(append([]string{items[i]}, tail...)) })
	}
}

// BenchmarkLoad has the estates that must load in 100 ms.
func BenchmarkLoad(b *testing.B) {
	const side = "{dns: true, rules: [{group: app, protocol: tcp, ports: [22, 443]}]}"
	for name, text := range map[string]string{
		"mesh of 50":             world(50) + "meshes: [{name: core, vpcs: [" + names(0, 49) + "], side: " + side + "}]\n",
		"hub of 120":             world(121) + "hubs: [{name: edge, hub: v120, spokes: [" + names(0, 119) + "], hubSide: " + side + ", spokeSide: " + side + "}]\n",
		"two overlapping meshes": world(75) + "meshes: [{name: a, vpcs: [" + names(0, 49) + "], side: " + side + "}, {name: b, vpcs: [" + names(25, 74) + "], side: " + side + "}]\n",
	} {
		b.Run(name, func(b *testing.B) {
			fsys := tree(map[string]string{"spec.yaml": text})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := spec.Load(fsys, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoad1000Peerings(b *testing.B) {
	var text strings.Builder
	text.WriteString(world(1001) + "peerings:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  - name: p%d\n    requester: {vpc: v000, dns: true, routes: {tables: {tags: {tier: private}}}}\n    accepter:\n      vpc: v%03d\n      rules:\n        - {group: app, protocol: tcp, ports: [22, 443]}\n", i, i+1)
	}
	fsys := tree(map[string]string{"peerings.yaml": text.String()})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := spec.Load(fsys, ""); err != nil {
			b.Fatal(err)
		}
	}
}
