package awsnet

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

func TestMain(m *testing.M) {
	for _, v := range os.Environ() { // the tests choose settings and credentials themselves
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(m)
}

// The people and places of worldFile. The source credentials are ops'.
const (
	ops   = netstate.AccountID("999999999999")
	alice = netstate.AccountID("111111111111")
	bob   = netstate.AccountID("222222222222")
	owner = netstate.OwnerID("acme")
)

var (
	west     = netstate.Scope{Account: alice, Region: "eu-west-1"}
	bobWest  = netstate.Scope{Account: bob, Region: "eu-west-1"}
	bobEast  = netstate.Scope{Account: bob, Region: "us-east-1"}
	hub      = netstate.VPC{Scope: west, ID: "vpc-0000000000000a001"}
	spare    = netstate.VPC{Scope: west, ID: "vpc-0000000000000a002"}
	near     = netstate.VPC{Scope: bobWest, ID: "vpc-0000000000000b001"}
	far      = netstate.VPC{Scope: bobEast, ID: "vpc-0000000000000b002"}
	ourTags  = netstate.Tags{netstate.TagOwner: string(owner), netstate.TagLink: "hub-near"}
	mainRT   = netstate.TableID("rtb-0000000000000a001")
	edgeRT   = netstate.TableID("rtb-0000000000000a003")
	app, web = netstate.GroupID("sg-0000000000000a001"), netstate.GroupID("sg-0000000000000b001")
)

const worldFile = `
accounts:
  - id: "999999999999"
  - id: "111111111111"
    roles: [{name: peerd, externalId: acme-7f3}]
    regions:
      eu-west-1:
        targets: [nat-00000000000000001]
        prefixLists:
          - {id: pl-0000000000000a001, name: offices, max: 5, entries: [{cidr: 192.0.2.0/24}, {cidr: 198.51.100.0/24}]}
        vpcs:
          - id: vpc-0000000000000a001
            name: hub
            cidrs: [10.0.0.0/16, 100.64.0.0/20]
            ipv6: 2001:db8:1::/56
            dns: {hostnames: true}
            tags: {tier: core}
            subnets: [{id: subnet-0000000000000a001, cidr: 10.0.0.0/24, table: private}]
            tables:
              - {id: rtb-0000000000000a001, main: true, routes: [{to: 0.0.0.0/0, via: igw}, {to: 172.16.0.0/12, via: nat-00000000000000001}]}
              - {id: rtb-0000000000000a002, name: private, tags: {tier: private}}
              - {id: rtb-0000000000000a003, gateway: true}
            groups:
              - id: sg-0000000000000a001
                name: app
                tags: {tier: app}
                rules:
                  - {id: sgr-0000000000000a001, direction: ingress, protocol: tcp, ports: "22", from: 192.0.2.0/24, description: offices}
                  - {id: sgr-0000000000000a002, direction: ingress, protocol: icmp, from: 10.9.0.0/16}
          - {id: vpc-0000000000000a002, name: spare, cidrs: [10.5.0.0/16]}
  - id: "222222222222"
    regions:
      eu-west-1:
        vpcs:
          - id: vpc-0000000000000b001
            name: near
            cidrs: [10.1.0.0/16]
            dns: {hostnames: true}
            groups: [{id: sg-0000000000000b001, name: web}]
      us-east-1:
        vpcs:
          - {id: vpc-0000000000000b002, name: far, cidrs: [10.2.0.0/16], ipv6: 2001:db8:2::/56, dns: {hostnames: true}}
`

// bench is a target on a simulated AWS.
type bench struct {
	*Target
	sim    *ec2sim.Sim
	wanted func() bool // says whether writes are; nil: they are

	mu    sync.Mutex // guards calls
	calls []Call
}

// newBench makes a target whose calls the simulator answers in process.
func newBench(t testing.TB, sim ec2sim.Config, change ...func(*Config)) *bench {
	t.Helper()
	if sim.World == nil {
		sim.World = []byte(worldFile)
	}
	s, err := ec2sim.New(sim)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{sim: s}
	cfg := Config{HTTPClient: &http.Client{Transport: s}, Source: as(ops, "")}
	for _, f := range change {
		f(&cfg)
	}
	cfg.OnCall = func(c Call) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.calls = append(b.calls, c)
	}
	b.Target = New(cfg)
	return b
}

// overHTTP lets the calls go over TCP.
func overHTTP(t *testing.T, s http.Handler) func(*Config) {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return func(c *Config) {
		c.HTTPClient, c.Source = server.Client(), as(ops, server.URL)
	}
}

// as is a source of an account's static credentials.
func as(account netstate.AccountID, endpoint string) func(context.Context, netstate.Access) (aws.Config, error) {
	return func(context.Context, netstate.Access) (aws.Config, error) {
		id, secret := ec2sim.AccessKey(string(account))
		cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")}
		if endpoint != "" {
			cfg.BaseEndpoint = &endpoint
		}
		return cfg, nil
	}
}

// access is how the accounts of worldFile are reached.
func access() map[netstate.AccountID]netstate.Access {
	return map[netstate.AccountID]netstate.Access{
		alice: {Account: alice, Role: "peerd", ExternalID: "acme-7f3"},
		bob:   {Account: bob, Role: "arn:aws:iam::222222222222:role/net/peerd"},
	}
}

// lookAt asks for everything of the given VPCs.
func lookAt(vpcs ...netstate.VPC) netstate.Look {
	l := netstate.Look{Owner: owner, Access: access(), Scopes: map[netstate.Scope]netstate.ScopeLook{}}
	for _, v := range vpcs {
		w := l.Scopes[v.Scope]
		w.VPCs = append(w.VPCs, netstate.VPCSelector{ID: v.ID})
		w.Tables, w.Subnets = true, true
		l.Scopes[v.Scope] = w
	}
	return l
}

func (b *bench) observe(t *testing.T, l netstate.Look) *netstate.Observed {
	t.Helper()
	o, err := b.Observe(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// see observes, and fails the test if anything could not be read.
func (b *bench) see(t *testing.T, l netstate.Look) *netstate.Observed {
	t.Helper()
	o := b.observe(t, l)
	for _, m := range o.Unread {
		for _, err := range m {
			t.Errorf("unread: %v", err)
		}
	}
	return o
}

// apply applies actions in a scope, which package plan alone can write into an action.
func (b *bench) apply(t testing.TB, s netstate.Scope, actions ...plan.Action) []plan.Outcome {
	t.Helper()
	b.know()
	out := make([]plan.Outcome, len(actions))
	for i, a := range actions {
		out[i].Action = a
	}
	w, err := b.writer(t.Context(), s, b.wanted)
	if err != nil {
		failAll(out, err)
		return out
	}
	w.batch(t.Context(), out)
	return out
}

// know gives the target the rights that a look would give it.
func (b *bench) know() {
	b.Target.mu.Lock()
	defer b.Target.mu.Unlock()
	if len(b.access) == 0 {
		b.access = access()
	}
}

// must applies one action and returns what AWS answered with.
func (b *bench) must(t testing.TB, s netstate.Scope, a plan.Action) string {
	t.Helper()
	out := b.apply(t, s, a)
	if out[0].Err != nil {
		t.Fatalf("%T: %v", a, out[0].Err)
	}
	return out[0].Got
}

// peer opens and accepts a connection between two VPCs.
func (b *bench) peer(t testing.TB, from, to netstate.VPC) netstate.ConnID {
	t.Helper()
	id := netstate.ConnID(b.must(t, from.Scope, plan.OpenConnection{Requester: from, Accepter: to, Tags: ourTags}))
	b.must(t, to.Scope, plan.AcceptConnection{Conn: id, Requester: from, Accepter: to})
	return id
}

// dumped checks that the world holds a line with all the words.
func (b *bench) dumped(t *testing.T, words ...string) {
	t.Helper()
	for line := range strings.Lines(b.sim.Dump()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return
		}
	}
	t.Errorf("no line with %q in\n%s", words, b.sim.Dump())
}

// sent counts the calls that the simulator got, as "account/region Action".
func (b *bench) sent() map[string]int {
	n := map[string]int{}
	for _, c := range b.sim.Calls() {
		n[c.Account+"/"+c.Region+" "+c.Action]++
	}
	return n
}

// count is how often one action was called.
func (b *bench) count(action string) (n int) {
	for _, c := range b.sim.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}

func wantKind(t *testing.T, err *netstate.Error, kind netstate.Kind) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want kind %s", kind)
	}
	if err.Kind != kind {
		t.Errorf("kind %s, want %s, of: %v", err.Kind, kind, err)
	}
}

func diff(t *testing.T, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// clock is time that moves only when told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}
