package spec_test

import (
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/spec"
)

// threeVPCs is a spec without peerings, to which a row's mistake is added.
const threeVPCs = `apiVersion: peerd/v1
owner: acme
accounts: {net: {id: "111111111111"}, pay: {id: "222222222222"}}
vpcs:
  hub: {account: net, region: eu-west-1, id: vpc-00000001, cidrs: [10.1.0.0/16]}
  app: {account: pay, region: eu-west-1, id: vpc-00000002, cidrs: [10.2.0.0/16, 10.7.0.0/16]}
  far: {account: pay, region: us-east-1, id: vpc-00000003, cidrs: [10.3.0.0/16]}
`

// refused loads files of which a mistake makes no spec: the complaint stands at its place. Without the mistake they load, so it is what
// they are refused for.
func refused(t *testing.T, row int, files map[string]string, mistake, instead, place, says string) {
	t.Helper()
	text := ""
	right := map[string]string{}
	for name, f := range files {
		text += f
		right[name] = strings.Replace(f, mistake, instead, 1)
	}
	failures.Shown(t, row, strings.Contains(text, mistake), "the spec has "+mistake)
	if _, err := spec.Load(tree(right), ""); err != nil {
		t.Errorf("refused without the mistake too: %v", err)
	}
	set, err := spec.Load(tree(files), "")
	if err == nil || set != nil || !strings.HasPrefix(err.Error(), place+": ") || !strings.Contains(err.Error(), says) {
		t.Errorf("got:\n%v\nwant %s: …%s…", err, place, says)
	}
}

// Duplicate names, one VPC pair under two names, A→B and B→A, a VPC peered with itself: refused when the spec is loaded.
func TestF19Twice(t *testing.T) {
	t.Parallel()
	const one = "peerings:\n  - {name: a, requester: {vpc: hub}, accepter: {vpc: app}}\n"
	const core = "meshes:\n  - {name: core, vpcs: [hub, app, far]}\n"
	for name, tc := range map[string]struct {
		more             string // in a second file
		mistake, instead string
		place, says      string
		first            string
	}{
		"name of an account": {first: one, more: "accounts: {net: {id: \"333333333333\"}}\n", mistake: "{net: {id: \"3", instead: "{other: {id: \"3", place: "b.yaml:2:12", says: `the name "net" is taken, at a.yaml:3`},
		"name of a VPC":      {first: one, more: "vpcs: {hub: {account: net, region: eu-west-1, id: vpc-00000009}}\n", mistake: "{hub: {", instead: "{other: {", place: "b.yaml:2:8", says: `the name "hub" is taken, at a.yaml:5`},
		"name of a peering":  {first: one, more: "peerings:\n  - {name: a, requester: {vpc: hub}, accepter: {vpc: far}}\n", mistake: "name: a, requester: {vpc: hub}, accepter: {vpc: far", instead: "name: b, requester: {vpc: hub}, accepter: {vpc: far", place: "b.yaml:3:12", says: `the name "a" is taken, at a.yaml:9`},
		"name of a mesh":     {first: core, more: "meshes:\n  - {name: core, vpcs: [hub, far]}\n", mistake: "core, vpcs: [hub, far]", instead: "heart, vpcs: [hub, far]", place: "b.yaml:3:12", says: `the name "core" is taken, at a.yaml:9`},
		"label that a mesh makes": {first: core, more: "hubs:\n  - {name: edge, hub: far, spokes: [app]}\npeerings:\n  - {name: core/app--hub, requester: {vpc: far}, accepter: {vpc: hub}}\n",
			mistake: "core/app--hub", instead: "core/x--hub", place: "a.yaml:9:12", says: `the name "core/app--hub" is taken, at b.yaml:5`},
		"one VPC under two names":     {first: one, more: "vpcs: {second: {account: net, region: eu-west-1, id: vpc-00000001}}\n", mistake: "id: vpc-00000001}}", instead: "id: vpc-00000009}}", place: "b.yaml:2:16", says: "is the same VPC as hub, at a.yaml:5"},
		"one VPC by the same tags":    {first: "  x: {account: net, region: eu-west-1, tags: {a: b, c: d}}\n" + one, more: "vpcs: {second: {account: net, region: eu-west-1, tags: {c: d, a: b}}}\n", mistake: "{c: d, a: b}", instead: "{c: d, a: c}", place: "b.yaml:2:16", says: "is the same VPC as x, at a.yaml:8"},
		"one pair under two names":    {first: one, more: "peerings:\n  - {name: b, requester: {vpc: hub}, accepter: {vpc: app}}\n", mistake: "b, requester: {vpc: hub}, accepter: {vpc: app}", instead: "b, requester: {vpc: hub}, accepter: {vpc: far}", place: "b.yaml:3:5", says: "peers hub with app, as a does, at a.yaml:9"},
		"one pair in both directions": {first: one, more: "peerings:\n  - {name: b, requester: {vpc: app}, accepter: {vpc: hub}}\n", mistake: "b, requester: {vpc: app}, accepter: {vpc: hub}", instead: "b, requester: {vpc: app}, accepter: {vpc: far}", place: "b.yaml:3:5", says: "peers app with hub, as a does, at a.yaml:9"},
		"a VPC with itself":           {first: one, more: "peerings:\n  - {name: b, requester: {vpc: far}, accepter: {vpc: far}}\n", mistake: "requester: {vpc: far}", instead: "requester: {vpc: hub}", place: "b.yaml:3:54", says: "far is peered with itself"},
		"a hub with itself":           {first: one, more: "hubs:\n  - {name: edge, hub: far, spokes: [far]}\n", mistake: "spokes: [far]", instead: "spokes: [app]", place: "b.yaml:3:37", says: "far is the hub itself"},
		"two meshes that disagree":    {first: core, more: "meshes:\n  - {name: z, vpcs: [hub, app], side: {dns: true}}\n", mistake: "dns: true", instead: "dns: unmanaged", place: "b.yaml:3:22", says: "mesh core and mesh z both peer app with hub"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"a.yaml": threeVPCs + tc.first, "b.yaml": "apiVersion: peerd/v1\n" + tc.more}
			refused(t, 19, files, tc.mistake, tc.instead, tc.place, tc.says)
		})
	}
}

// Overlapping CIDRs, destinations outside the peer, and those where no peer can be: refused when the spec is loaded, where it shows them.
func TestF21Refused(t *testing.T) {
	t.Parallel()
	side := func(requester string) string {
		return "peerings:\n  - name: a\n    requester: {vpc: hub, " + requester + "}\n    accepter: {vpc: app}\n"
	}
	for name, tc := range map[string]struct{ more, mistake, instead, place, says string }{
		"overlap of first CIDRs":    {"  x: {account: pay, region: eu-west-1, id: vpc-00000009, cidrs: [10.1.128.0/17]}\npeerings:\n  - {name: a, requester: {vpc: hub}, accepter: {vpc: x}}\n", "10.1.128.0/17", "10.4.128.0/17", "a.yaml:10:54", "10.1.0.0/16 of hub overlaps 10.1.128.0/17 of x"},
		"overlap of other CIDRs":    {"  x: {account: pay, region: eu-west-1, id: vpc-00000009, cidrs: [10.4.0.0/16, 10.7.9.0/24]}\npeerings:\n  - {name: a, requester: {vpc: x}, accepter: {vpc: app}}\n", "10.7.9.0/24", "10.9.9.0/24", "a.yaml:10:52", "10.7.9.0/24 of x overlaps 10.7.0.0/16 of app"},
		"overlap in a mesh":         {"  x: {account: pay, region: eu-west-1, id: vpc-00000009, cidrs: [10.3.0.0/16]}\nmeshes:\n  - {name: core, vpcs: [hub, far, x]}\n", "cidrs: [10.3.0.0/16]}\nmeshes", "cidrs: [10.4.0.0/16]}\nmeshes", "a.yaml:10:35", "10.3.0.0/16 of far overlaps 10.3.0.0/16 of x"},
		"destination outside":       {side("routes: {to: [10.9.0.0/16]}"), "10.9.0.0/16", "10.7.0.0/16", "a.yaml:10:41", "10.9.0.0/16 is outside app"},
		"destination wider":         {side("routes: {to: [10.6.0.0/15]}"), "10.6.0.0/15", "10.7.0.0/16", "a.yaml:10:41", "10.6.0.0/15 is outside app"},
		"peer of a rule outside":    {side("rules: [{group: g, protocol: all, peer: [10.9.0.0/16]}]"), "10.9.0.0/16", "10.7.0.0/16", "a.yaml:10:68", "10.9.0.0/16 is outside app"},
		"metadata service":          {side("routes: {to: [{cidr: 169.254.169.254/32, wider: true}]}"), "169.254.169.254/32", "10.9.0.0/32", "a.yaml:10:41", "reserved by EC2"},
		"IPv6 metadata service":     {side("routes: {to: [{cidr: \"fd00:ec2::254/128\", wider: true}]}"), "fd00:ec2::254/128", "2001:db8::/56", "a.yaml:10:41", "reserved by EC2"},
		"link-local":                {side("routes: {to: [{cidr: 169.254.8.0/24, wider: true}]}"), "169.254.8.0/24", "10.9.0.0/24", "a.yaml:10:41", "link-local"},
		"IPv6 link-local":           {side("routes: {to: [{cidr: \"fe80::/64\", wider: true}]}"), "fe80::/64", "2001:db8::/56", "a.yaml:10:41", "link-local"},
		"metadata service in rules": {side("rules: [{group: g, protocol: all, peer: [{cidr: 169.254.169.254/32, wider: true}]}]"), "169.254.169.254/32", "10.9.0.0/32", "a.yaml:10:68", "reserved by EC2"},
		"link-local CIDR of a VPC":  {"  x: {account: pay, region: eu-west-1, id: vpc-00000009, cidrs: [169.254.8.0/24]}\n", "169.254.8.0/24", "10.4.0.0/24", "a.yaml:8:66", "link-local"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, 21, map[string]string{"a.yaml": threeVPCs + tc.more}, tc.mistake, tc.instead, tc.place, tc.says)
		})
	}
}
