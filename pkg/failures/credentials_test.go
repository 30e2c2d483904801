package failures_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// expired counts the calls that were refused because their session was over.
func expired(calls []ec2sim.Call) (n int) {
	for _, c := range calls {
		if c.Code == "RequestExpired" || c.Code == "ExpiredToken" {
			n++
		}
	}
	return n
}

// Sessions that end in the middle of a pass, whatever it is doing, are renewed once and the pass goes on.
func TestF24SessionsEndInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"DescribeVpcPeeringConnections", "CreateVpcPeeringConnection", "AcceptVpcPeeringConnection", "CreateTags", "CreateRoute"} {
		inBubble(t, "after "+action, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, twoAccounts)
			var over atomic.Bool
			r.Sim.After(func(c ec2sim.Call) {
				if c.Action == action && over.CompareAndSwap(false, true) {
					r.Sim.Advance(16 * time.Minute)
				}
			})
			applied(t, r)
			for _, c := range simtest.Mutating(r.Sim.Calls()) {
				if c.Code != "" && c.Code != "RequestExpired" && c.Code != "ExpiredToken" {
					t.Errorf("%s: %s", c.Action, c.Code)
				}
			}
			roles := count(r.Sim.Calls(), "AssumeRole")
			if n := expired(r.Sim.Calls()); roles > 2+n || roles < 3 { // those in flight find it out for themselves
				t.Errorf("%d refusals, %d roles assumed", n, roles)
			}
			failures.Shown(t, 24, expired(r.Sim.Calls()) > 0, "sessions that end in the middle")
			r.Sim.After(nil)
			mustRest(t, r)
		})
	}
}

// Credentials that cannot be had again hold their account; the others go on. What was under way is finished once there are some.
func TestF24NoCredentialsAgain(t *testing.T) {
	t.Parallel()
	const spec = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111"}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}
peerings:
  - {name: hub-pay, requester: {vpc: hub}, accepter: {vpc: pay}}
  - {name: hub-tools, requester: {vpc: hub}, accepter: {vpc: tools}}
`
	for _, action := range []string{"DescribeVpcPeeringConnections", "AcceptVpcPeeringConnection", "CreateTags"} {
		inBubble(t, "after "+action, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, spec)
			r.Sim.After(func(c ec2sim.Call) {
				if c.Action == action && c.Account == payments && len(r.Sim.Faults()) == 0 {
					r.Sim.Inject(fault.Rule{Service: "sts", Operation: "AssumeRole", Kind: fault.Error, Code: "AccessDenied", Status: 403, Before: true})
					r.Sim.Advance(16 * time.Minute)
				}
			})
			held, _ := r.Apply()
			simtest.MustExit(t, "the pass without credentials", held, reconcile.ExitAttention)
			mustSay(t, held, "AccessDenied: AssumeRole")
			var since []ec2sim.Call
			for _, c := range r.Sim.Calls() {
				if since != nil || c.Code == "AccessDenied" {
					since = append(since, c)
				}
			}
			for _, c := range since {
				if c.Account == payments && c.Code == "" {
					t.Errorf("after the credentials were gone: %s", c.Action)
				}
			}
			if n := len(linesWith(r.Sim.Dump(), "-> "+connectionOf(r, "hub-tools"))); n != 3 {
				t.Errorf("%d routes of the other peering", n)
			}
			failures.Shown(t, 24, expired(r.Sim.Calls()) > 0 && failedWith(since, "AssumeRole", "AccessDenied"), "sessions that end and cannot be renewed")
			r.Sim.After(nil)
			r.Sim.ClearFaults()
			applied(t, r)
			if n := len(alive(r.Sim.Dump())); asks(r.Sim.Calls()) != 2 {
				t.Errorf("%d requests for two connections, %d lines", asks(r.Sim.Calls()), n)
			}
		})
	}
}

// connectionOf returns the id of the living connection of a peering.
func connectionOf(r *simtest.Rig, peering string) string {
	r.T.Helper()
	all := facts(r, " connection ", "status=active", `"peerd:peering":"`+peering+`"`)
	if len(all) == 0 {
		r.T.Fatalf("%s has no connection", peering)
	}
	return id(all[0], 2)
}

// source is the credentials of the environment, which may become somebody else's, or none, while a pass is under way.
type source struct {
	account atomic.Pointer[string]
	asked   atomic.Int64
}

func (s *source) Retrieve(context.Context) (aws.Credentials, error) {
	s.asked.Add(1)
	account := *s.account.Load()
	if account == "" {
		return aws.Credentials{}, errors.New("the web identity token has expired")
	}
	id, secret := ec2sim.AccessKey(account)
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, CanExpire: true, Expires: time.Now()}, nil // asked for with every call
}

func (s *source) become(account string) { s.account.Store(&account) }

func (s *source) of(c *awsnet.Config) {
	c.Source = func(context.Context, netstate.Access) (aws.Config, error) {
		return aws.Config{Region: west, Credentials: s}, nil
	}
}

const ambient = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111"}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
peerings:
  - {name: hub-tools, requester: {vpc: hub}, accepter: {vpc: tools}}
`

// Credentials that turn out to be another account's, after everything was read with the right ones, write nothing.
func TestF33AnotherAccountsCredentials(t *testing.T) {
	t.Parallel()
	inBubble(t, "switched between reading and writing", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{}, ambient)
		var s source
		s.become(network)
		cfg := reconcile.Config{Target: simtest.Target(r.Sim, s.of), OnPlan: func(*plan.Plan, *netstate.Observed) { s.become(payments) }}
		before := r.Sim.Dump()
		pass := reconcile.New(cfg).Cycle(t.Context(), reconcile.Input{Spec: r.Spec})
		if pass.Exit() == reconcile.ExitInSync {
			t.Errorf("in sync:\n%s", simtest.Text(pass))
		}
		if len(pass.Results) == 0 || pass.Results[0].Err == nil || pass.Results[0].Err.Code != awsnet.WrongAccount {
			t.Errorf("results: %v", pass.Results)
		}
		simtest.WantActions(t, nil, simtest.Mutating(r.Sim.Calls()))
		wantNone(t, "changed", append(gained(r, before), lost(r, before)...))
		asked := slices.ContainsFunc(r.Sim.Calls(), func(c ec2sim.Call) bool { return c.Action == "GetCallerIdentity" && c.Account == payments })
		failures.Shown(t, 33, asked, "credentials of another account")
	})
}

// Of two accounts without a role one is not that of the credentials: that is said, not that its VPC is missing, which would be made again.
func TestF33NoRole(t *testing.T) {
	t.Parallel()
	inBubble(t, "two accounts without one", func(t *testing.T) {
		text := strings.Replace(ambient, "vpcs:\n", "  payments: {id: \"222222222222\"}\nvpcs:\n  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}\n", 1) +
			"  - {name: hub-pay, requester: {vpc: hub}, accepter: {vpc: pay}}\n"
		r := simtest.New(t, ec2sim.Config{}, text)
		var s source
		s.become(network)
		pass := reconcile.New(reconcile.Config{Target: simtest.Target(r.Sim, s.of)}).Cycle(t.Context(), reconcile.Input{Spec: r.Spec})
		simtest.MustExit(t, "the pass", pass, reconcile.ExitAttention)
		said := simtest.Text(pass)
		if !strings.Contains(said, "WrongAccount: the credentials belong to account 111111111111, not to 222222222222") || strings.Contains(said, "vpc-missing") {
			t.Errorf("said:\n%s", said)
		}
		for _, v := range pass.Verdicts() {
			if (v.Verdict == reconcile.InSync) != (v.Link == "hub-tools") {
				t.Errorf("%s: verdict %d %v", v.Link, v.Verdict, v.Reasons)
			}
		}
		failures.Shown(t, 33, len(simtest.Mutating(r.Sim.Calls())) > 0, "the other account was written to")
	})
}

// Nothing is even read with credentials of another partition; other partitions go on.
func TestF33AnotherPartition(t *testing.T) {
	t.Parallel()
	const world = `
accounts:
  - id: "111111111111"
    regions:
      cn-north-1:
        vpcs:
          - {id: vpc-0000000000000a001, cidrs: [10.0.0.0/16]}
          - {id: vpc-0000000000000a002, cidrs: [10.1.0.0/16]}
`
	inBubble(t, "cn-north-1", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{World: []byte(world)}, strings.ReplaceAll(ambient, "eu-west-1", "cn-north-1"))
		pass, calls := r.Apply()
		simtest.MustExit(t, "the pass", pass, reconcile.ExitFailed)
		mustSay(t, pass, "the credentials belong to partition aws, but cn-north-1 is in aws-cn")
		simtest.WantActions(t, nil, calls)
		failures.Shown(t, 33, count(r.Sim.Calls(), "GetCallerIdentity") > 0, "credentials of another partition")
	})
}
