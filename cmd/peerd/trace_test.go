package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	reflected "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/simtest"
)

func TestTraceInTheSandbox(t *testing.T) {
	t.Parallel()
	both := []string{"--sandbox", "--spec", example}
	for name, tc := range map[string]struct {
		args []string
		code int
		says string // in stdout or stderr
	}{
		"reachable":           {[]string{"10.10.8.4", "10.30.0.4", "tcp/5432", "--to-group", "db"}, 0, "reachable"},
		"a subnet":            {[]string{"10.10.8.4", "subnet-0ac3bdf687dec1129"}, 0, "not judged: network ACLs and security groups"},
		"no rule":             {[]string{"10.10.0.4", "data", "tcp/5432", "--to-group", "db"}, 2, "group ingress: no ingress rule of sg-0e2a05805ead9afca lets tcp/5432 pass from 10.10.0.4"},
		"no route":            {[]string{"hub", "payments"}, 2, "peerings.example.yaml:29:14: what hub-payments routes to (10.20.0.0/17) does not have 10.20.128.4"},
		"no route back":       {[]string{"10.10.8.4", "10.20.1.9"}, 2, "peerings.example.yaml:32:15: the routes of payments"},
		"json":                {[]string{"hub", "payments", "-o", "json"}, 2, `"why": "no-route"`},
		"unknown VPC":         {[]string{"hubb", "payments"}, 3, "it has data, hub, payments"},
		"unknown group":       {[]string{"hub", "payments", "tcp/1", "--to-group", "nobody"}, 3, "no such security group"},
		"an instance":         {[]string{"i-0a1b2c3d", "payments"}, 3, "an instance that does not run has no address"},
		"outside":             {[]string{"hub", "192.0.2.1"}, 3, "lies in no VPC of the spec"},
		"elsewhere":           {[]string{"hub", "10.10.0.1@data"}, 3, "does not lie in data"},
		"host bits":           {[]string{"hub", "10.30.0.1/16"}, 3, "10.30.0.1/16"},
		"no port":             {[]string{"hub", "data", "tcp"}, 3, "tcp/443"},
		"port of a ping":      {[]string{"hub", "data", "icmp/8"}, 3, "only tcp and udp have ports"},
		"not a protocol":      {[]string{"hub", "data", "carrier-pigeon"}, 3, "the number of a protocol"},
		"one end":             {[]string{"hub"}, 3, "FROM TO"},
		"markdown":            {[]string{"hub", "data", "-o", "markdown"}, 3, "text or json"},
		"unknown flag":        {[]string{"hub", "data", "--prune"}, 3, "unknown flag"},
		"a share that is not": {[]string{"hub", "data", "--aws-share", "7"}, 3, "--aws-share"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := peerd(t, nil, append(append([]string{"trace"}, tc.args...), both...)...)
			if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
				t.Errorf("exit %d, want %d with %q\n%s%s", code, tc.code, tc.says, stdout, stderr)
			}
			if code == 3 && stdout != "" {
				t.Errorf("a question that means nothing is answered:\n%s", stdout)
			}
		})
	}
}

// The schema that is checked in is that of the shape, and outputs are held to it.
func TestTraceSchema(t *testing.T) {
	t.Parallel()
	const file = "../../deploy/schema/trace.schema.json"
	r := reflected.Reflector{DoNotReference: true, Anonymous: true}
	s := r.Reflect(Trace{})
	s.Version, s.ID = "http://json-schema.org/draft-07/schema#", "urn:peerd:schema:trace"
	want, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, append(want, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want)+"\n", string(got)); d != "" {
		t.Errorf("%s is out of date; go test ./cmd/peerd -run TraceSchema -update writes it (-want +got):\n%s", filepath.Base(file), d)
	}
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, out, _ := peerd(t, nil, "trace", "hub", "payments", "tcp/443", "--sandbox", "--spec", example, "-o", "json")
	for text, good := range map[string]bool{out: true, strings.Replace(out, `"answer"`, `"anser"`, 1): false} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); (err == nil) != good {
			t.Errorf("good is %t: %v\n%s", good, err, text)
		}
	}
}

const tracedSpec = `
apiVersion: peerd/v1
owner: acme
accounts:
  net: {id: "111111111111", role: peerd, readRole: peerd, externalId: acme-7f3}
  pay: {id: "222222222222", role: nobody-assumes-this, readRole: peerd}
  partner: {id: "999999999999", managed: false}
vpcs:
  hub: {account: net, region: eu-west-1, id: vpc-0000000000000a001}
  legacy: {account: net, region: eu-west-1, id: vpc-0000000000000a009}
  data: {account: pay, region: us-east-1, id: vpc-0000000000000b101}
  partner: {account: partner, region: eu-west-1, id: vpc-0000000000000c001, cidrs: [10.200.0.0/16]}
peerings:
  - {name: hub-legacy, adopt: true, requester: {vpc: hub}, accepter: {vpc: legacy}}
  - {name: hub-data, requester: {vpc: hub}, accepter: {vpc: data}}
  - {name: legacy-partner, requester: {vpc: legacy}, accepter: {vpc: partner}}
`

// withHosts is the lived-in world with an instance of two interfaces in the hub, whose primary one lets nothing out but ssh, and one in tools.
func withHosts(t *testing.T) []byte {
	t.Helper()
	world := string(simtest.World)
	for _, edit := range [][2]string{
		{"            groups:\n              - id: sg-0000000000000a001\n", `            interfaces:
              - {id: eni-0000000000000a002, subnet: hub-private, address: 10.0.1.11, groups: [app], instance: i-0000000000000a001, index: 1}
              - {id: eni-0000000000000a003, subnet: hub-private, address: 10.0.1.10, groups: [tight], instance: i-0000000000000a001}
            groups:
              - {id: sg-0000000000000a003, name: tight, rules: [{direction: egress, protocol: tcp, ports: "22", to: 10.0.0.0/8}]}
              - id: sg-0000000000000a001
`},
		{"groups: [{id: sg-0000000000000a002, name: web}]", `groups: [{id: sg-0000000000000a002, name: web}]
            subnets: [{name: tools, cidr: 10.1.1.0/24}]
            interfaces: [{id: eni-0000000000000a004, subnet: tools, address: 10.1.1.10, groups: [web], instance: i-0000000000000a002}]`},
	} {
		if !strings.Contains(world, edit[0]) {
			t.Fatalf("the world has no %q", edit[0])
		}
		world = strings.Replace(world, edit[0], edit[1], 1)
	}
	return []byte(world)
}

// On an AWS that is lived in: only reads, with the role for them, of the two VPCs' scopes alone where the question names VPCs; what cannot
// be read is unknown. A plan of this spec, which has no rules, asks for no network ACLs.
func TestTraceOnAWS(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spec.yaml")
	must(t, os.WriteFile(path, []byte(tracedSpec), 0o600))
	count := func(calls []ec2sim.Call, action string) (n int) {
		for _, c := range calls {
			if c.Action == action {
				n++
			}
		}
		return n
	}
	for name, tc := range map[string]struct {
		args  []string
		code  int
		says  string
		fault fault.Rule
		acls  int // calls that list network ACLs
	}{
		"no such subnet":     {args: []string{"trace", "legacy", "10.0.200.1@hub"}, code: 2, says: "no subnet of hub has 10.0.200.1"},
		"the subnet's table": {args: []string{"trace", "legacy", "hub", "tcp/443"}, code: 4, says: "route back: 0.0.0.0/0 -> nat-0000000000000a001 in rtb-0000000000000a002 (of subnet-", acls: 1},
		"not there yet":      {args: []string{"trace", "hub", "data"}, code: 2, says: "rtb-0000000000000b101 (main) has no route for 10.0.1.4"},
		"to a partner":       {args: []string{"trace", "legacy", "partner"}, code: 2, says: "rtb-0000000000000a009 (main) has no route for 10.200.0.4"},
		"from a partner":     {args: []string{"trace", "partner", "legacy"}, code: 2, says: "route back: rtb-0000000000000a009"},
		"within a VPC":       {args: []string{"trace", "10.99.0.1", "10.99.200.1", "tcp/443"}, code: 0, says: "reachable", acls: 2},
		"ACLs unread": {args: []string{"trace", "legacy", "hub", "tcp/443"}, code: 4, says: "the network ACLs of legacy cannot be read", acls: 1,
			fault: fault.Rule{Operation: "DescribeNetworkAcls", Kind: fault.Error, Code: "UnauthorizedOperation", Status: 403, Before: true}},
		"VPCs unread": {args: []string{"trace", "10.99.0.1", "10.0.1.1", "tcp/443"}, code: 4, says: "say ADDRESS@NAME", acls: 2,
			fault: fault.Rule{Operation: "DescribeVpcs", Account: "222222222222", Kind: fault.Error, Code: "UnauthorizedOperation", Status: 403, Before: true}},
		"tables unread": {args: []string{"trace", "10.99.0.1", "10.99.200.1"}, code: 4, says: "the route tables of legacy cannot be read",
			fault: fault.Rule{Operation: "DescribeRouteTables", Account: "111111111111", Kind: fault.Error, Code: "UnauthorizedOperation", Status: 403, Before: true}},
		"an instance, with its groups":  {args: []string{"trace", "i-0000000000000a001", "10.99.0.1@legacy", "tcp/443"}, code: 2, says: "no egress rule of sg-0000000000000a003", acls: 1},
		"its second interface":          {args: []string{"trace", "eni-0000000000000a002", "10.99.0.1@legacy", "tcp/443"}, code: 4, says: "10.0.1.11 in subnet-", acls: 1},
		"to an interface, other groups": {args: []string{"trace", "10.99.0.1", "i-0000000000000a001", "tcp/443", "--to-group", "app"}, code: 4, says: "group ingress      ingress tcp 443 from 10.99.0.0/16 in sg-0000000000000a001", acls: 2},
		"no such interface":             {args: []string{"trace", "eni-0000000000000a009", "hub"}, code: 3, says: "no account and region with a VPC of the spec has it"},
		"interfaces unread": {args: []string{"trace", "eni-0000000000000a009", "hub"}, code: 4, says: "where eni-0000000000000a009 is cannot be known",
			fault: fault.Rule{Operation: "DescribeNetworkInterfaces", Account: "222222222222", Kind: fault.Error, Code: "UnauthorizedOperation", Status: 403, Before: true}},
		"of a VPC that the spec lacks": {args: []string{"trace", "i-0000000000000a002", "hub"}, code: 3, says: "is no VPC of the spec"},
		"a plan":                       {args: []string{"plan"}, code: 2, says: "Plan: "},
	} {
		t.Run(name, func(t *testing.T) {
			sim, err := ec2sim.New(ec2sim.Config{World: withHosts(t)})
			if err != nil {
				t.Fatal(err)
			}
			serve(t, sim)
			if tc.fault.Operation != "" {
				sim.Inject(tc.fault)
			}
			code, stdout, stderr := peerd(t, nil, append(tc.args, "--spec", path, "--aws-share", "1")...)
			if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
				t.Errorf("exit %d, want %d with %q\n%s%s", code, tc.code, tc.says, stdout, stderr)
			}
			if calls := sim.Calls(); count(calls, "DescribeNetworkAcls") != tc.acls || len(simtest.Mutating(calls)) > 0 {
				t.Errorf("%d lists of network ACLs, want %d; %d calls that change something", count(calls, "DescribeNetworkAcls"), tc.acls, len(simtest.Mutating(calls)))
			}
		})
	}
}
