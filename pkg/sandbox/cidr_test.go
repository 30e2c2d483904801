package sandbox

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/peerd/peerd/pkg/spec"
)

// estate is a spec of n VPCs of which only the ids are stated, and of others that take room.
func estate(t *testing.T, n int) *spec.Set {
	t.Helper()
	files := fstest.MapFS{"spec.yaml": {Data: []byte(`apiVersion: peerd/v1
owner: acme
accounts: {a: {id: "111111111111"}, b: {id: "222222222222"}}
vpcs:
  pinned: {account: b, region: eu-west-1, id: vpc-00000001, cidrs: [10.0.0.0/16, 10.1.128.0/17]}
  routed: {account: b, region: eu-west-1, id: vpc-00000002}
protected: [172.16.0.0/12, 192.168.7.0/28]
peerings:
  - name: p
    requester: {vpc: v00000, routes: {to: [10.2.0.0/24]}, rules: [{group: g, protocol: all, peer: [10.2.3.0/24, {cidr: 10.200.0.0/14, wider: true}]}]}
    accepter: {vpc: routed}
`)}}
	const perFile = 2_000 // a file may not have many values more
	for first := 0; first < n; first += perFile {
		text := "apiVersion: peerd/v1\nvpcs:\n"
		for i := first; i < min(first+perFile, n); i++ {
			text += fmt.Sprintf("  v%05d: {account: a, region: %s, id: vpc-%017x}\n", i, []string{"eu-west-1", "us-east-1"}[i%2], i+1)
		}
		files[fmt.Sprintf("vpcs-%05d.yaml", first)] = &fstest.MapFile{Data: []byte(text)}
	}
	s, err := spec.Load(files, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// However many VPCs there are, each gets CIDRs of the ranges that are nobody's on the internet, which nothing else has: the plan would
// hold a peering of any other.
func TestFreeCIDRs(t *testing.T) {
	t.Parallel()
	taken := []netip.Prefix{}
	for _, p := range []string{"10.0.0.0/16", "10.1.128.0/17", "10.2.0.0/24", "10.2.3.0/24", "10.200.0.0/14", "172.16.0.0/12", "192.168.7.0/28"} {
		taken = append(taken, netip.MustParsePrefix(p))
	}
	for n, bits := range map[int]int{1: 16, 256: 16, 400: 17, 1_281: 19, 4_000: 20, 10_000: 21} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w, err := worldOf(estate(t, n))
			if err != nil {
				t.Fatal(err)
			}
			var got []netip.Prefix
			for _, r := range w.Accounts[0].Regions {
				for _, v := range r.VPCs {
					got = append(got, v.CIDRs...)
				}
			}
			if len(got) != n {
				t.Fatalf("%d CIDRs for %d VPCs", len(got), n)
			}
			slices.SortFunc(got, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
			for i, c := range got {
				in := slices.ContainsFunc(private, func(p netip.Prefix) bool { return p.Contains(c.Addr()) })
				if !in || c.Bits() != bits || i > 0 && c.Overlaps(got[i-1]) || slices.ContainsFunc(taken, c.Overlaps) {
					t.Errorf("%s: want a free private /%d", c, bits)
				}
			}
		})
	}
}

// The simulator takes as many VPCs as a large company has.
func TestManyVPCs(t *testing.T) {
	t.Parallel()
	if _, err := New(estate(t, 5_000)); err != nil {
		t.Error(err)
	}
}

func TestOutermost(t *testing.T) {
	t.Parallel()
	var in []netip.Prefix
	for _, s := range strings.Fields("10.1.2.0/24 10.0.0.0/16 10.0.1.0/24 10.1.2.128/25 2001:db8::/64 10.0.0.0/16 2001:db8::/56 10.2.0.0/16") {
		in = append(in, netip.MustParsePrefix(s))
	}
	if got, want := fmt.Sprint(outermost(in)), "[10.0.0.0/16 10.1.2.0/24 10.2.0.0/16 2001:db8::/56]"; got != want {
		t.Errorf("outermost of %v: %s, want %s", in, got, want)
	}
}
