package preflight_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
)

// smallWorld is two accounts with a VPC each, and smallSpec a peering of them; the scenarios replace parts of both.
const smallWorld = `
accounts:
  - id: "111111111111"
    regions:
      eu-west-1:
        targets: [tgw-0000000000000000a]
        prefixLists: [{id: pl-0000000000000000a, name: offices, max: 3, entries: [{cidr: 10.1.5.0/24}]}]
        vpcs:
          - {id: vpc-0000000000000000a, name: hub, cidrs: [10.0.0.0/17], dns: {support: true, hostnames: true},
             tables: [{id: rtb-0000000000000000a, main: true, tags: {tier: private}, routes: []}],
             groups: [{id: sg-0000000000000000a, name: app, tags: {role: app}}, {id: sg-000000000000000aa, name: other, tags: {role: other}}]}
          - {id: vpc-0000000000000000c, name: tools, cidrs: [10.3.0.0/16], tables: [{id: rtb-0000000000000000c, main: true}]}
  - id: "222222222222"
    regions:
      eu-west-1:
        vpcs:
          - {id: vpc-0000000000000000b, name: pay, tags: {env: prod}, cidrs: [10.1.0.0/16], dns: {support: true, hostnames: true},
             tables: [{id: rtb-0000000000000000b, main: true}], groups: [{id: sg-0000000000000000b, name: web}]}
          - {id: vpc-000000000000000bb, name: pay2, tags: {env: test}, cidrs: [10.4.0.0/16], tables: [{id: rtb-000000000000000bb, main: true}]}
connections: []
`

const smallSpec = `
apiVersion: peerd/v1
owner: acme
accounts:
  a: {id: "111111111111", role: peerd}
  b: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: a, region: eu-west-1, id: vpc-0000000000000000a}
  pay: {account: b, region: eu-west-1, id: vpc-0000000000000000b}
  tools: {account: a, region: eu-west-1, id: vpc-0000000000000000c}
peerings:
  - name: hub-pay
    requester: {vpc: hub, routes: {tables: all}, rules: [{group: app, protocol: tcp, ports: 443}]}
    accepter: {vpc: pay, routes: {tables: none}}
`

// scenario is a world and a spec in which a finding is made before the first write, and their nearest neighbours in which it is not.
type scenario struct {
	code, name  string
	edits       []string // pairs of old and new text, in the world or the spec; of both worlds
	fires, near []string // likewise, of one world each
	prepare     func(r *simtest.Rig, near bool) reconcile.Input

	at       string                 // what stands at the place that the finding names
	says     []string               // parts of the finding: both figures, and the cure
	severity plan.Severity          //
	stops    func(ec2sim.Call) bool // calls that are not made, and are made in the nearest neighbour; nil: a warning stops nothing
	idle     bool                   // nor are they made in the nearest neighbour: there is nothing to do
	exit     int                    // 0: 4, and with the neighbour 0
	nearExit int
}

// edited replaces pairs of texts in a world and a spec; each must be in one of them. DIGEST in the world is that of the entry.
func edited(t *testing.T, pairs []string) (world, spec string) {
	t.Helper()
	world, spec = smallWorld, smallSpec
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(world+spec, pairs[i]) {
			t.Fatalf("neither the world nor the spec has %q", pairs[i])
		}
		world, spec = strings.ReplaceAll(world, pairs[i], pairs[i+1]), strings.ReplaceAll(spec, pairs[i], pairs[i+1])
	}
	if !strings.Contains(world, "DIGEST") {
		return world, spec
	}
	return strings.ReplaceAll(world, "DIGEST", simtest.LoadSpec(t, spec).Peerings[0].Digest()), spec
}

// Every code fires before any write of what it stops, and does not where one address, one unit or one tag is otherwise.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		for _, near := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, %s, near=%v", s.code, s.name, near), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { s.run(t, near) })
			})
		}
	}
}

func (s scenario) run(t *testing.T, near bool) {
	t.Helper()
	edits := slices.Concat(s.edits, s.fires)
	if near {
		edits = slices.Concat(s.edits, s.near)
	}
	world, text := edited(t, edits)
	r := simtest.New(t, ec2sim.Config{World: []byte(world), Delays: simtest.Lagging}, text)
	in := reconcile.Input{}
	if s.prepare != nil {
		in = s.prepare(r, near)
	}
	report, calls := r.Run(in)
	stopped := slices.DeleteFunc(slices.Clone(calls), func(c ec2sim.Call) bool { return s.stops == nil || !s.stops(c) })
	if near {
		s.silent(t, report, stopped)
		return
	}
	s.loud(t, text, report, stopped)
}

// loud checks that the finding was made, is complete, and stopped what it is to stop.
func (s scenario) loud(t *testing.T, text string, report *reconcile.Report, stopped []ec2sim.Call) {
	t.Helper()
	exit := s.exit
	if s.severity > plan.Warns {
		exit = reconcile.ExitAttention
	}
	simtest.MustExit(t, s.name, report, exit)
	found := slices.DeleteFunc(slices.Clone(report.First.Problems), func(p plan.Problem) bool { return p.Code != s.code })
	if len(found) == 0 {
		t.Fatalf("%s is not found:\n%s", s.code, simtest.Text(report))
	}
	p := found[0]
	if got := textAt(text, p.Pos.Line, p.Pos.Col); p.Pos.File != "spec.yaml" || !strings.HasPrefix(got, s.at) {
		t.Errorf("%s stands at %q, want %q", p, got, s.at)
	}
	if p.Severity != s.severity {
		t.Errorf("%s: severity %d, want %d", p, p.Severity, s.severity)
	}
	for _, words := range s.says {
		if !strings.Contains(p.Message, words) {
			t.Errorf("the finding does not say %q: %s", words, p.Message)
		}
	}
	for _, c := range stopped {
		t.Errorf("%s %v was called in spite of %s", c.Action, c.Params, p)
	}
}

func (s scenario) silent(t *testing.T, report *reconcile.Report, stopped []ec2sim.Call) {
	t.Helper()
	simtest.MustExit(t, "the neighbour of "+s.name, report, s.nearExit)
	for _, p := range report.First.Problems {
		if p.Code == s.code {
			t.Errorf("also found where it is not so: %s", p)
		}
	}
	if s.stops != nil && !s.idle && len(stopped) == 0 {
		t.Errorf("what the finding stops is not done without it:\n%s", simtest.Text(report))
	}
}

// textAt is the rest of a line, from a column that counts from 1.
func textAt(text string, line, col int) string {
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) || col < 1 || col > len(lines[line-1]) {
		return ""
	}
	return lines[line-1][col-1:]
}

// anything is every call that changes something in EC2.
func anything(c ec2sim.Call) bool { return c.Service == "ec2" && c.Mutating }

// calling is a call of an action with these parameters.
func calling(action string, params ...string) func(ec2sim.Call) bool {
	return func(c ec2sim.Call) bool {
		for i := 0; i < len(params); i += 2 {
			if c.Params.Get(params[i]) != params[i+1] {
				return false
			}
		}
		return c.Action == action
	}
}

// What the spec alone shows is refused when it is loaded, before AWS is asked anything: a partition border, and a group across regions.
func TestRefusedWhenLoaded(t *testing.T) {
	t.Parallel()
	load := func(edits ...string) error {
		_, text := edited(t, edits)
		_, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(text)}}, "")
		return err
	}
	const pay, peer, group = "pay: {account: b, region: eu-west-1", "ports: 443", "ports: 443, peer: {group: web}"
	for name, tc := range map[string]struct {
		fires, near []string
		says        string
	}{
		"a partition border": {[]string{pay, "pay: {account: b, region: cn-north-1"}, []string{pay, "pay: {account: b, region: us-east-1"},
			"spec.yaml:14:21: peerings[hub-pay].accepter.vpc: hub is in partition aws and pay in aws-cn: EC2 does not peer across partitions"},
		"a group across regions": {[]string{peer, group, pay, "pay: {account: b, region: us-east-1"}, []string{peer, group},
			"spec.yaml:13:112: peerings[hub-pay].requester.rules[0].peer.group: group web is one of pay in us-east-1, and hub is in eu-west-1"},
	} {
		if err := load(tc.fires...); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
		if err := load(tc.near...); err != nil {
			t.Errorf("the neighbour of %s: %v", name, err)
		}
	}
}

// A rule that refers to a group waits for the connection: over a request that only waits, EC2 knows no such group.
func TestGroupOverNoActivePeering(t *testing.T) {
	t.Parallel()
	for _, accepted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			world, text := edited(t, append([]string{"ports: 443", "ports: 443, peer: {group: sg-0000000000000000b}"}, withPartner...))
			r := simtest.New(t, ec2sim.Config{World: []byte(world), Delays: simtest.Lagging}, text)
			report, calls := r.Apply()
			simtest.MustExit(t, "while the partner has not accepted", report, reconcile.ExitChanges)
			if accepted {
				time.Sleep(time.Minute)
				r.Do("222222222222", "eu-west-1", "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", "PCX")
				time.Sleep(time.Minute)
				report, calls = r.Apply()
				simtest.MustExit(t, "once the partner has accepted", report, reconcile.ExitInSync)
			}
			agreed, refused := of(calls, calling("AuthorizeSecurityGroupIngress"))
			if (len(agreed) == 1) != accepted || len(refused) > 0 {
				t.Errorf("accepted=%v: agreed to %v, refused %v", accepted, agreed, refused)
			}
		})
	}
}

// Every code that the source knows has a scenario, and no scenario is of a code that it does not know.
func TestEveryCodeHasAScenario(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	for _, s := range scenarios {
		have[s.code] = true
	}
	for _, q := range quotas {
		have[q.code] = true
	}
	var got []string
	for c := range have {
		got = append(got, c)
	}
	slices.Sort(got)
	if d := cmp.Diff(codes(t, "../plan/*.go", "*.go"), got); d != "" {
		t.Errorf("codes (-in the source +with a scenario):\n%s", d)
	}
}

// codes are the values of the constants Code… of the source, sorted.
func codes(t *testing.T, patterns ...string) []string {
	t.Helper()
	var out, files []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(v.Names[0].Name, "Code") {
				return true
			}
			code, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, code)
			return true
		})
	}
	if len(out) < 20 {
		t.Fatalf("only %d codes were found", len(out))
	}
	slices.Sort(out)
	return out
}
