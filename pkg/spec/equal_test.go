package spec

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestMeshesThatDiffer states two meshes of one pair that differ in one thing each: every thing counts.
func TestMeshesThatDiffer(t *testing.T) {
	t.Parallel()
	const same = `side: {dns: true, routes: {tables: main, exclude: [rtb-00000001], to: [{cidr: 10.0.0.0/8, wider: true}], onConflict: replace}, rules: [` +
		`{group: {tags: {a: b}}, account: net, direction: egress, protocol: tcp, ports: [1, 2], peer: {group: x}, description: d}, ` +
		`{group: g, protocol: all, peer: [{prefixList: pl-00000001}]}]}, tags: {c: d}, adopt: true, suspend: {reason: r, until: 2026-12-01T00:00:00Z}`
	rows := [][2]string{
		{"nothing", ""}, {"dns: true", "dns: false"}, {"tables: main", "tables: all"}, {"rtb-00000001", "rtb-00000002"}, {"10.0.0.0/8", "10.0.0.0/7"},
		{"onConflict: replace", "onConflict: report"}, {"{a: b}", "{a: c}"}, {"account: net", "account: pay"}, {"egress", "ingress"},
		{"protocol: tcp", "protocol: udp"}, {"[1, 2]", "[1, 3]"}, {"group: x", "group: y"}, {"description: d", "description: e"},
		{"pl-00000001", "pl-00000002"}, {"{c: d}", "{c: e}"}, {"adopt: true", "adopt: false"}, {"reason: r", "reason: s"},
		{"2026-12-01T00", "2026-12-01T01"}, {"2026-12-01T00:00:00Z", "2026-12-01T01:00:00+01:00"}, {", exclude: [rtb-00000001]", ""},
	}
	for _, r := range rows {
		other := strings.Replace(same, r[0], r[1], 1)
		doc := "apiVersion: peerd/v1\naccounts: {net: {id: \"111111111111\"}, pay: {id: \"222222222222\"}}\nvpcs:\n" +
			"  a: {account: net, region: eu-west-1, id: vpc-00000001}\n  b: {account: net, region: eu-west-1, id: vpc-00000002}\n" +
			"meshes:\n  - {name: m, vpcs: [a, b], " + same + "}\n  - {name: n, vpcs: [b, a], " + other + "}\n"
		_, err := Load(fstest.MapFS{"a.yaml": {Data: []byte(doc)}}, "")
		differ := err != nil && strings.Contains(err.Error(), "want different things")
		if want := r[0] != "nothing" && r[1] != "2026-12-01T01:00:00+01:00"; differ != want {
			t.Errorf("%s against %q: differ %t, want %t (%v)", r[0], r[1], differ, want, err)
		}
	}
}
