package ec2sim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// clock is time that moves only when told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// The two accounts and the ids of worldFile.
const (
	alice = "111111111111"
	bob   = "222222222222"
	east  = "us-east-1"
	west  = "eu-west-1"

	hub   = "vpc-0000000000000a001" // alice, east
	spoke = "vpc-0000000000000b001" // bob, east
	far   = "vpc-0000000000000b002" // bob, west
	clash = "vpc-0000000000000b003" // bob, east; overlaps the hub's second CIDR
	near  = "vpc-0000000000000a002" // alice, east; default VPC

	hubMain  = "rtb-0000000000000a001"
	hubOther = "rtb-0000000000000a002"
	farMain  = "rtb-0000000000000b002"
	hubApp   = "sg-0000000000000a001"
	spokeApp = "sg-0000000000000b001"
	farApp   = "sg-0000000000000b002"
	nearApp  = "sg-0000000000000a002"
)

const worldFile = `
accounts:
  - id: "111111111111"
    roles: [{name: peerd, externalId: acme-7f3}]
    regions:
      us-east-1:
        targets: [nat-00000000000000001]
        prefixLists:
          - {id: pl-0000000000000a001, name: offices, max: 3, entries: [{cidr: 192.0.2.0/24, description: here}]}
        vpcs:
          - id: vpc-0000000000000a001
            name: hub
            cidrs: [10.0.0.0/16, 100.64.0.0/20]
            ipv6: 2001:db8:1::/56
            dns: {support: true, hostnames: true}
            subnets:
              - {id: subnet-0000000000000a001, name: a, cidr: 10.0.0.0/24, az: us-east-1a, table: private}
            tables:
              - {id: rtb-0000000000000a001, name: main, main: true, routes: [{to: 0.0.0.0/0, via: igw}]}
              - {id: rtb-0000000000000a002, name: private, tags: {tier: private}}
            groups:
              - id: sg-0000000000000a001
                name: app
                rules: [{direction: ingress, protocol: tcp, ports: 22, from: 192.0.2.0/24, description: office}]
          - id: vpc-0000000000000a002
            name: near
            default: true
            cidrs: [10.9.0.0/16]
            groups: [{id: sg-0000000000000a002, name: app}]
            subnets: [{id: subnet-0000000000000a009, name: hosts, cidr: 10.9.200.0/24, az: us-east-1b}]
            interfaces:
              - {id: eni-0000000000000a001, subnet: hosts, address: 10.9.200.10, ipv6: "2001:db8:1::10", groups: [app], instance: i-0000000000000a001}
              - {id: eni-0000000000000a002, subnet: hosts, address: 10.9.200.11, groups: [app]}
  - id: "222222222222"
    regions:
      us-east-1:
        vpcs:
          - {id: vpc-0000000000000b001, name: spoke, cidrs: [10.1.0.0/16], dns: {hostnames: true}, groups: [{id: sg-0000000000000b001, name: app}]}
          - {id: vpc-0000000000000b003, name: clash, cidrs: [172.16.0.0/16, 100.64.8.0/24]}
      eu-west-1:
        vpcs:
          - id: vpc-0000000000000b002
            name: far
            cidrs: [10.2.0.0/16]
            ipv6: [2001:db8:2::/56]
            dns: {hostnames: true}
            tables: [{id: rtb-0000000000000b002, name: main, main: true}]
            groups: [{id: sg-0000000000000b002, name: app}]
`

// fixture is a Sim with the world of worldFile and a clock in hand.
type fixture struct {
	*ec2sim.Sim
	*clock
	t      *testing.T
	record func(recorded) // sees every call of raw and its reply, if set
}

func newFixture(t *testing.T, change ...func(*ec2sim.Config)) *fixture {
	t.Helper()
	c := newClock()
	cfg := ec2sim.Config{World: []byte(worldFile), Now: c.Now}
	for _, f := range change {
		f(&cfg)
	}
	s, err := ec2sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{Sim: s, clock: c, t: t}
}

func with(sw world.Switches) func(*ec2sim.Config) {
	return func(c *ec2sim.Config) { c.Switches = sw }
}

func delayed(d world.Delays) func(*ec2sim.Config) {
	return func(c *ec2sim.Config) { c.Delays = d }
}

// in is a client of an account's own user in a region, in process and without retries.
func (f *fixture) in(account, region string) *ec2.Client {
	return ec2.New(options(f.Sim, account, region))
}

func options(s *ec2sim.Sim, account, region string) ec2.Options {
	id, secret := ec2sim.AccessKey(account)
	return ec2.Options{
		Region: region, HTTPClient: &http.Client{Transport: s}, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	}
}

func (f *fixture) sts(account, region string) *sts.Client {
	id, secret := ec2sim.AccessKey(account)
	return sts.New(sts.Options{
		Region: region, HTTPClient: &http.Client{Transport: f.Sim}, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	})
}

// overHTTP is the same client through a real server.
func (f *fixture) overHTTP(account, region string) *ec2.Client {
	srv := httptest.NewServer(f.Sim)
	f.t.Cleanup(srv.Close)
	o := options(f.Sim, account, region)
	o.HTTPClient, o.BaseEndpoint = srv.Client(), aws.String(srv.URL)
	return ec2.New(o)
}

// code is the error code of a refused call; empty is success.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func wantCode(t *testing.T, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Fatalf("error code: got %q (%v), want %q", got, err, want)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}

func ctx() context.Context { return context.Background() }

// request opens a peering from the hub.
func (f *fixture) request(peer, owner, region string) string {
	f.t.Helper()
	out, err := f.in(alice, east).CreateVpcPeeringConnection(ctx(), &ec2.CreateVpcPeeringConnectionInput{
		VpcId: aws.String(hub), PeerVpcId: aws.String(peer), PeerOwnerId: aws.String(owner), PeerRegion: aws.String(region),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return *out.VpcPeeringConnection.VpcPeeringConnectionId
}

func (f *fixture) accept(account, region, id string) error {
	_, err := f.in(account, region).AcceptVpcPeeringConnection(ctx(), &ec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: &id})
	return err
}

// peered opens and accepts.
func (f *fixture) peered(peer, owner, region string) string {
	f.t.Helper()
	id := f.request(peer, owner, region)
	if err := f.accept(owner, region, id); err != nil {
		f.t.Fatal(err)
	}
	return id
}

// see shows a connection as one scope sees it; nil is not at all.
func (f *fixture) see(account, region, id string) *types.VpcPeeringConnection {
	f.t.Helper()
	out, err := f.in(account, region).DescribeVpcPeeringConnections(ctx(), &ec2.DescribeVpcPeeringConnectionsInput{
		Filters: []types.Filter{{Name: aws.String("vpc-peering-connection-id"), Values: []string{id}}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	if len(out.VpcPeeringConnections) == 0 {
		return nil
	}
	return &out.VpcPeeringConnections[0]
}

// status is the code that one scope sees; empty if it sees none.
func (f *fixture) status(account, region, id string) string {
	f.t.Helper()
	if c := f.see(account, region, id); c != nil {
		return string(c.Status.Code)
	}
	return ""
}

// facts are the lines of the dump that contain a text.
func (f *fixture) facts(part string) []string {
	var out []string
	for line := range strings.Lines(f.Dump()) {
		if strings.Contains(line, part) {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	return out
}
