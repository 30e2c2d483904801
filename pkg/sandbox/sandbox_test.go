package sandbox_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/sandbox"
	"github.com/peerd/peerd/pkg/spec"
)

// load reads a spec; one that states no owner gets one.
func load(t *testing.T, files fs.FS) *spec.Set {
	t.Helper()
	s, err := spec.Load(files, "")
	if err != nil {
		t.Fatal(err)
	}
	if s.Owner == "" {
		s.Owner = "acme"
	}
	return s
}

// text is a spec of accounts a and b and of what follows.
func text(t *testing.T, more string) *spec.Set {
	t.Helper()
	head := "apiVersion: peerd/v1\nowner: acme\naccounts: {a: {id: \"111111111111\", role: peerd}, b: {id: \"222222222222\", role: peerd}}\n"
	return load(t, fstest.MapFS{"spec.yaml": {Data: []byte(head + more)}})
}

func file(t *testing.T, path string) *spec.Set {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return load(t, fstest.MapFS{"spec.yaml": {Data: data}})
}

// target is AWS as peerd reaches it in a sandbox.
func target(t *testing.T, s *spec.Set) *awsnet.Target {
	t.Helper()
	box, err := sandbox.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return awsnet.New(awsnet.Config{Share: 1, HTTPClient: box.HTTPClient(), Source: box.Source})
}

// converge makes a pass in a sandbox, and another, which must find nothing to do. It returns the exit code and the codes of the problems.
func converge(t *testing.T, s *spec.Set) (int, []string) {
	t.Helper()
	at := target(t, s)
	first := reconcile.New(reconcile.Config{Target: at}).Cycle(t.Context(), reconcile.Input{Spec: s})
	again := reconcile.New(reconcile.Config{Target: at}).Cycle(t.Context(), reconcile.Input{Spec: s})
	if first.Err != nil || len(again.Results) > 0 || first.Exit() != again.Exit() {
		t.Errorf("first pass: %v, exit %d; second pass: exit %d, did %d things", first.Err, first.Exit(), again.Exit(), len(again.Results))
	}
	seen := map[string]bool{}
	var codes []string
	for _, p := range again.Final.Problems {
		if !seen[p.Code] {
			seen[p.Code] = true
			codes = append(codes, p.Code)
		}
	}
	return again.Exit(), codes
}

// observed is all that a look for the spec shows of its sandbox.
func observed(t *testing.T, s *spec.Set) *netstate.Observed {
	t.Helper()
	o, err := target(t, s).Observe(t.Context(), plan.Look(s, plan.Ask{}))
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Unread) > 0 {
		t.Fatalf("not read: %v", o.Unread)
	}
	return o
}

// notInSync are specs that do not end in sync in a sandbox, and why not.
var notInSync = map[string]struct {
	exit  int
	codes []string
}{
	// of an unmanaged partner, who accepts nothing
	"hub-with-two-sides.yaml":                  {reconcile.ExitChanges, nil},
	"mesh-with-exclude.yaml":                   {reconcile.ExitChanges, nil},
	"unmanaged-partner-takes-no-defaults.yaml": {reconcile.ExitChanges, nil},
	"ipv6.yaml":                            {reconcile.ExitAttention, []string{plan.CodeBeyondPinned}}, // b is pinned to IPv6, and no VPC is without IPv4
	"every-field.yaml":                     {reconcile.ExitChanges, nil},                               // suspended, and a partner
	"entry-beats-mesh-beats-defaults.yaml": {reconcile.ExitChanges, nil},                               // suspended
	"every-table-selector.yaml":            {reconcile.ExitAttention, []string{plan.CodeNoTables}},     // one table in two VPCs
}

// mesh is n VPCs of two accounts, each peered with each.
func mesh(n int) string {
	var b strings.Builder
	var members []string
	b.WriteString("vpcs:\n")
	for i := range n {
		members = append(members, fmt.Sprintf("v%02d", i))
		fmt.Fprintf(&b, "  v%02d: {account: %s, region: %s, id: vpc-%017x}\n", i, []string{"a", "b"}[i%2], []string{"eu-west-1", "us-east-1"}[i/2%2], i+1)
	}
	return b.String() + "meshes: [{name: m, vpcs: [" + strings.Join(members, ", ") + "]}]\n"
}

// A mesh of 60 has 1770 peerings: nothing stands in the way of any, and a smaller one shows that a pass makes them all.
func TestMeshes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := text(t, mesh(60))
		for _, a := range s.Accounts {
			a.Quotas.PeeringsPerVPC = 125 // EC2's default of 50 would be passed
		}
		r := reconcile.New(reconcile.Config{Target: target(t, s)}).Cycle(t.Context(), reconcile.Input{Spec: s, DryRun: true})
		add, _, _ := r.First.Count()
		if want := 1770 + 1770 + 2*1770; r.Exit() != reconcile.ExitChanges || len(r.First.Problems) > 0 || add < want {
			t.Errorf("exit %d, %d to add, want at least %d; problems %v", r.Exit(), add, want, r.First.Problems)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if exit, codes := converge(t, text(t, mesh(12))); exit != reconcile.ExitInSync || len(codes) > 0 {
			t.Errorf("exit %d, problems %v", exit, codes)
		}
	})
}

// Every valid spec has a sandbox, in which a pass does all that there is to do.
func TestEveryValidSpecHasASandbox(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../spec/testdata/valid/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no specs: %v", err)
	}
	for _, path := range append(paths, "../../peerings.example.yaml", "../../testdata/every-field.yaml") {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				exit, codes := converge(t, file(t, path))
				if want := notInSync[name]; exit != want.exit || cmp.Diff(codes, want.codes) != "" {
					t.Errorf("exit %d, want %d; problems %v, want %v", exit, want.exit, codes, want.codes)
				}
			})
		})
	}
}

// A selector that asks for less than another finds what was made for the other: EC2 has to show one group, and one VPC, for each.
func TestSelectorsThatMeanTheSame(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{
		"groups": `vpcs:
  one: {account: a, region: eu-west-1, id: vpc-00000001}
  two: {account: a, region: eu-west-1, id: vpc-00000002}
peerings:
  - name: p
    requester: {vpc: one, rules: [{group: {tags: {r: a}}, protocol: tcp, ports: 1}, {group: {tags: {r: a, s: b}}, protocol: tcp, ports: 2}, {group: {tags: {s: b}}, protocol: tcp, ports: 3}]}
    accepter: {vpc: two, rules: [{group: app, protocol: tcp, ports: 1, peer: {group: {tags: {r: a, s: b, t: c}}}}]}
`,
		"groups of a participant": `vpcs:
  one: {account: a, region: eu-west-1, id: vpc-00000001}
  two: {account: a, region: eu-west-1, id: vpc-00000002}
peerings:
  - name: p
    requester: {vpc: one, rules: [{group: {tags: {r: a}}, protocol: tcp, ports: 1}, {group: {tags: {r: a}}, account: b, protocol: tcp, ports: 1}, {group: {tags: {r: a, s: b}}, account: b, protocol: tcp, ports: 2}]}
    accepter: {vpc: two}
`,
		"a group's made-up name": `vpcs:
  one: {account: a, region: eu-west-1, id: vpc-00000001}
  two: {account: a, region: eu-west-1, id: vpc-00000002}
peerings:
  - name: p
    requester: {vpc: one, rules: [{group: {tags: {r: a}}, protocol: tcp, ports: 1}, {group: sg-00000001, protocol: tcp, ports: 1}, {group: one-group-0, protocol: tcp, ports: 1}, {group: one-group-1, protocol: tcp, ports: 1}]}
    accepter: {vpc: two}
`,
		"tables and subnets": `vpcs:
  one: {account: a, region: eu-west-1, id: vpc-00000001}
  two: {account: a, region: eu-west-1, id: vpc-00000002}
  three: {account: b, region: eu-west-1, id: vpc-00000003}
peerings:
  - {name: p, requester: {vpc: one, routes: {tables: {tags: {r: a}}}}, accepter: {vpc: two, routes: {tables: {subnets: {tags: {r: a}}}}}}
  - {name: q, requester: {vpc: one, routes: {tables: {tags: {r: a, s: b}}}}, accepter: {vpc: three, routes: {tables: {tags: {Name: main}}}}}
  - {name: r, requester: {vpc: two, routes: {tables: {subnets: {tags: {r: a, s: b}}}}}, accepter: {vpc: three, routes: {tables: all, exclude: main}}}
`,
		"VPCs": `vpcs:
  one: {account: a, region: eu-west-1, tags: {r: a}}
  also-one: {account: a, region: eu-west-1, tags: {r: a, s: b}, cidrs: [10.7.0.0/16, 10.8.0.0/16]}
  two: {account: a, region: eu-west-1, id: vpc-00000002}
  three: {account: a, region: eu-west-1, tags: {Name: two}}
peerings:
  - {name: p, requester: {vpc: one}, accepter: {vpc: two, routes: {to: [10.8.1.0/24]}}}
  - {name: q, requester: {vpc: also-one}, accepter: {vpc: three}}
`,
		"several IPv6 destinations": `vpcs:
  one: {account: a, region: eu-west-1, id: vpc-00000001}
  two: {account: a, region: eu-west-1, id: vpc-00000002, cidrs: [10.1.0.0/16, "2001:db8:2::/56"]}
peerings:
  - name: p
    requester: {vpc: one, routes: {to: ["2001:db8:2::/64"]}}
    accepter: {vpc: two, routes: {to: ["2001:db8:1::/56", "2001:db8:1:100::/56", 10.9.0.0/20, 10.9.16.0/20]}}
`,
		"destinations beyond the peer": `vpcs:
  one: {account: a, region: eu-west-1, id: vpc-00000001}
  two: {account: a, region: eu-west-1, id: vpc-00000002}
peerings: [{name: p, requester: {vpc: one, routes: {to: [{cidr: 10.0.0.0/8, wider: true}, {cidr: 0.0.0.0/0, wider: true}, {cidr: 172.16.0.0/16, wider: true}]}}, accepter: {vpc: two}}]
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if exit, codes := converge(t, text(t, more)); exit != reconcile.ExitInSync || len(codes) > 0 {
					t.Errorf("exit %d, problems %v", exit, codes)
				}
			})
		})
	}
}

// What an exclusion is for is there too: a table that is selected and not excluded.
func TestExclusionLeavesATable(t *testing.T) {
	t.Parallel()
	for name, routes := range map[string]string{
		"fewer tags excluded":  "tables: {tags: {r: a}}, exclude: {tags: {r: a, s: b}}",
		"main excluded":        "tables: all, exclude: main",
		"by subnets":           "tables: {subnets: {tags: {r: a}}}, exclude: {subnets: {tags: {r: a, s: b}}}",
		"ids excluded":         "tables: all, exclude: [rtb-00000001]",
		"ids of all but main":  "tables: [rtb-00000001, rtb-00000002], exclude: [rtb-00000002]",
		"tags of other tables": "tables: {tags: {r: a}}, exclude: {tags: {s: b}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := text(t, "vpcs:\n  one: {account: a, region: eu-west-1, id: vpc-00000001}\n  two: {account: b, region: eu-west-1, id: vpc-00000002}\n"+
					"peerings: [{name: p, requester: {vpc: one, routes: {"+routes+"}}, accepter: {vpc: two, routes: {tables: none}}}]\n")
				o := observed(t, s)
				desired, problems := plan.Expand(s, o)
				if n := len(desired.Links[0].Ends[0].Routes); n == 0 || len(problems) > 0 {
					t.Errorf("%d routes wanted in the tables %v; problems %v", n, o.Tables, problems)
				}
			})
		})
	}
}

// What cannot be had in one world is said, and what to do.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ more, says string }{
		"CIDRs": {"vpcs: {one: {account: a, region: eu-west-1, id: vpc-00000001}}\nprotected: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10]\n",
			"no room for 1 VPCs"},
		"subnets": {"vpcs:\n  one: {account: a, region: eu-west-1, id: vpc-00000001, cidrs: [10.0.0.0/28]}\n  two: {account: a, region: eu-west-1, id: vpc-00000002}\n" +
			"peerings: [{name: p, requester: {vpc: one, routes: {tables: {subnets: {tags: {r: a}}}, exclude: {subnets: {tags: {r: b}}}}}, accepter: {vpc: two}}]\n",
			"no room for 2 subnets of /28 in one (10.0.0.0/28)"},
		"a subnet": {"vpcs:\n  one: {account: a, region: eu-west-1, id: vpc-00000001, cidrs: [10.0.0.0/30]}\n  two: {account: a, region: eu-west-1, id: vpc-00000002}\n" +
			"peerings: [{name: p, requester: {vpc: one, routes: {tables: {subnets: {tags: {r: a}}}}}, accepter: {vpc: two}}]\n",
			"vpcs.one.cidrs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := sandbox.New(text(t, tc.more)); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want one that says %q", err, tc.says)
			}
		})
	}
}

// A table or group is in one VPC only: the other VPC's entry is told so by the plan, as with the real AWS.
func TestOneTableInTwoVPCs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := text(t, "vpcs:\n  one: {account: a, region: eu-west-1, id: vpc-00000001}\n  two: {account: a, region: eu-west-1, id: vpc-00000002}\n"+
			"peerings: [{name: p, requester: {vpc: one, routes: {tables: [rtb-00000001]}}, accepter: {vpc: two, routes: {tables: [rtb-00000001]}}}]\n")
		if exit, codes := converge(t, s); exit != reconcile.ExitAttention || cmp.Diff([]string{plan.CodeNoTables}, codes) != "" {
			t.Errorf("exit %d, problems %v", exit, codes)
		}
	})
}

// Quotas that the spec states hold in the sandbox, so that a raised one can be tried.
func TestStatedQuotasHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ports []string
		for i := range 70 { // EC2's default is 60 rules
			ports = append(ports, fmt.Sprint(2*i+1))
		}
		s := text(t, "vpcs:\n  one: {account: a, region: eu-west-1, id: vpc-00000001}\n  two: {account: b, region: eu-west-1, id: vpc-00000002}\n"+
			"peerings: [{name: p, requester: {vpc: one, rules: [{group: app, protocol: tcp, ports: ["+strings.Join(ports, ", ")+"]}]}, accepter: {vpc: two}}]\n")
		s.Accounts[0].Quotas.RulesPerGroup = 100
		if exit, codes := converge(t, s); exit != reconcile.ExitInSync || len(codes) > 0 {
			t.Errorf("exit %d, problems %v", exit, codes)
		}
	})
}
