package spec

import (
	"strings"
	"testing"
	"testing/fstest"
)

const digested = `apiVersion: peerd/v1
owner: acme
accounts: {net: {id: "111111111111"}, pay: {id: "222222222222"}}
vpcs:
  a: {account: net, region: eu-west-1, id: vpc-00000001}
  b: {account: net, region: eu-west-1, tags: {t: b}, cidrs: [10.1.0.0/16]}
peerings:
  - name: a-b
    requester: {vpc: a, dns: true, routes: {tables: main, exclude: [rtb-00000001], to: [{cidr: 10.0.0.0/8, wider: true}], onConflict: replace}}
    accepter: {vpc: b, rules: [{group: g, account: net, protocol: tcp, ports: [1, 2], peer: {group: x}, description: d}, {group: g, protocol: all, peer: [10.1.9.0/24]}]}
    tags: {c: d}
    suspend: {reason: r}
`

func digestOf(t *testing.T, text string) string {
	t.Helper()
	s, err := Load(fstest.MapFS{"a.yaml": {Data: []byte(text)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return s.Peerings[0].Digest()
}

// The digest changes with what the entry asks for, and with nothing else.
func TestDigest(t *testing.T) {
	t.Parallel()
	was := digestOf(t, digested)
	for _, r := range []struct {
		old, new string
		same     bool
	}{
		{"name: a-b", "name: renamed", true}, {"owner: acme\n", "owner: acme\n# a comment\n", true}, {"reason: r", "reason: s", true},
		{"    suspend: {reason: r}\n", "", true},
		{"dns: true", "dns: false", false}, {"tables: main", "tables: all", false}, {"rtb-00000001", "rtb-00000002", false},
		{"cidr: 10.0.0.0/8", "cidr: 10.0.0.0/7", false}, {"onConflict: replace", "onConflict: report", false}, {"t: b", "t: c", false},
		{"id: vpc-00000001", "id: vpc-00000002", false}, {"cidrs: [10.1.0.0/16]", "cidrs: [10.1.0.0/16, 10.2.0.0/16]", false}, {"[{group: g", "[{group: h", false},
		{"account: net, protocol", "account: pay, protocol", false}, {"protocol: tcp", "protocol: udp", false}, {"ports: [1, 2]", "ports: [1, 3]", false},
		{"group: x", "group: y", false}, {"description: d", "description: e", false}, {"10.1.9.0/24", "10.1.8.0/24", false}, {"{c: d}", "{c: e}", false},
		{"tags: {c: d}", "tags: {c: d}\n    adopt: true", false}, {"requester: {vpc: a", "requester: {vpc: b", false},
	} {
		text := strings.Replace(digested, r.old, r.new, 1)
		if r.new == "requester: {vpc: b" {
			text = strings.Replace(text, "accepter: {vpc: b", "accepter: {vpc: a", 1)
		}
		if got := digestOf(t, text); (got == was) != r.same {
			t.Errorf("%s -> %s: digest %s, was %s, the same: want %t", r.old, r.new, got, was, r.same)
		}
	}
	if len(was) != 12 {
		t.Errorf("digest %q: want 12 digits", was)
	}
}
