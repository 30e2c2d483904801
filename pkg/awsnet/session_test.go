package awsnet

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

func TestOneSessionPerAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	for range 2 {
		b.see(t, lookAt(hub, near, far))
	}
	diff(t, b.count("AssumeRole"), 2) // for two accounts, three scopes, two looks
	id := b.peer(t, hub, far)
	b.must(t, bobEast, plan.TagConnection{Conn: id, Tags: ourTags})
	diff(t, b.count("GetCallerIdentity"), 2)
	for _, c := range b.sim.Calls() {
		if c.Action == "AssumeRole" && c.Params.Get("RoleArn") == "arn:aws:iam::111111111111:role/peerd" {
			diff(t, c.Params.Get("ExternalId"), "acme-7f3")
			diff(t, c.Params.Get("RoleSessionName"), "peerd")
			diff(t, c.Params.Get("DurationSeconds"), "900")
		}
	}
}

func TestRoleARN(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		role string
		near netstate.Region
		want string
	}{
		{"peerd", "eu-west-1", "arn:aws:iam::111111111111:role/peerd"},
		{"net/peerd", "cn-north-1", "arn:aws-cn:iam::111111111111:role/net/peerd"},
		{"peerd", "us-gov-west-1", "arn:aws-us-gov:iam::111111111111:role/peerd"},
		{"arn:aws:iam::2:role/x", "cn-north-1", "arn:aws:iam::2:role/x"},
	} {
		diff(t, roleARN(netstate.Access{Account: alice, Role: c.role}, c.near), c.want)
	}
}

func TestSTSRegion(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	l := lookAt(hub)
	l.Access[alice] = netstate.Access{Account: alice, Role: "peerd", ExternalID: "acme-7f3", STSRegion: "eu-central-1", Session: time.Hour}
	b.see(t, l)
	diff(t, b.sent()["999999999999/eu-central-1 AssumeRole"], 1)
}

// Where nothing says which region's STS to ask, it is the account's first, not that of whichever scope came first.
func TestSTSRegionIsNoChance(t *testing.T) {
	t.Parallel()
	for range 20 {
		b := newBench(t, ec2sim.Config{}, func(c *Config) {
			c.Source = func(ctx context.Context, a netstate.Access) (aws.Config, error) {
				cfg, err := as(ops, "")(ctx, a)
				cfg.Region = ""
				return cfg, err
			}
		})
		b.see(t, lookAt(far, near))
		diff(t, b.sent()["999999999999/eu-west-1 AssumeRole"], 1)
	}
}

// Nothing is written with another account's credentials, or another partition's.
func TestF33WrongAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	b.access = map[netstate.AccountID]netstate.Access{alice: {Account: alice}} // the ambient credentials, which are ops'
	out := b.apply(t, west, plan.AcceptConnection{Conn: "pcx-1"})
	wantKind(t, out[0].Err, netstate.Denied)
	diff(t, out[0].Err.Code, WrongAccount)
	diff(t, out[0].Err.Message, "the credentials belong to account 999999999999, not to 111111111111")
	diff(t, b.sent(), map[string]int{"999999999999/us-east-1 GetCallerIdentity": 1})

	failures.Shown(t, 33, b.sim.Calls()[0].Account == string(ops), "credentials of another account")
}

func TestF33WrongPartition(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{}, func(c *Config) { c.Source = as(alice, "") })
	b.access = map[netstate.AccountID]netstate.Access{alice: {Account: alice, STSRegion: "eu-west-1"}}
	out := b.apply(t, netstate.Scope{Account: alice, Region: "cn-north-1"}, plan.AcceptConnection{Conn: "pcx-1"})
	wantKind(t, out[0].Err, netstate.Denied)
	diff(t, out[0].Err.Code, WrongAccount)
	diff(t, out[0].Err.Message, "the credentials belong to partition aws, but cn-north-1 is in aws-cn")
	want := map[string]int{"111111111111/eu-west-1 GetCallerIdentity": 1}
	diff(t, b.sent(), want)
	failures.Shown(t, 33, b.count("GetCallerIdentity") == 1, "credentials of another partition")
}

func TestAmbientCredentialsOfTheAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{}, func(c *Config) { c.Source = as(alice, "") })
	l := lookAt(hub)
	l.Access = map[netstate.AccountID]netstate.Access{alice: {Account: alice}}
	b.see(t, l)
	out := b.apply(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags})
	if out[0].Err != nil {
		t.Error(out[0].Err)
	}
	diff(t, b.count("AssumeRole"), 0)
}

func TestNoSourceCredentials(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{}, func(c *Config) {
		c.Source = func(_ context.Context, a netstate.Access) (aws.Config, error) {
			if a.Account == bob {
				return aws.Config{}, errors.New("profile not found")
			}
			return aws.Config{}, nil
		}
	})
	o := b.observe(t, lookAt(hub, near))
	for _, s := range []netstate.Scope{west, bobWest} {
		wantKind(t, o.Missing(s, netstate.ListConnections), netstate.Denied)
	}
	wantKind(t, b.apply(t, west, plan.AcceptConnection{})[0].Err, netstate.Denied)
}

// Expired credentials are renewed once, for reads and for writes, which EC2 refused before it acted.
func TestF24ExpiredCredentials(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"ExpiredToken", "RequestExpired"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, ec2sim.Config{})
			l := lookAt()
			l.Scopes[west] = netstate.ScopeLook{}
			l.Owner = ""
			b.sim.Inject(fault.Rule{Service: "ec2", Operation: "DescribeVpcPeeringConnections", Count: 1, Kind: fault.Error, Code: code, Status: 400, Before: true})
			b.see(t, l)
			diff(t, b.count("AssumeRole"), 2)
			b.sim.Inject(fault.Rule{Service: "ec2", Operation: "CreateVpcPeeringConnection", Count: 1, Kind: fault.Error, Code: code, Status: 400, Before: true})
			b.must(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags})
			diff(t, b.count("AssumeRole"), 3)
			b.sim.Inject(fault.Rule{Service: "ec2", Kind: fault.Error, Code: code, Status: 400, Before: true})
			wantKind(t, b.observe(t, l).Missing(west, netstate.ListConnections), netstate.Denied)
			diff(t, b.count("DescribeVpcPeeringConnections"), 4) // and no third time
			failures.Shown(t, 24, b.sim.Fired()[fault.Error] == 4, "credentials that expired")
		})
	}
}

func TestF24CredentialsAreRenewedBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ec2sim.Config{})
		b.see(t, lookAt(hub))
		time.Sleep(13 * time.Minute)
		b.see(t, lookAt(hub))
		diff(t, b.count("AssumeRole"), 1)
		time.Sleep(time.Minute)
		b.see(t, lookAt(hub))
		diff(t, b.count("AssumeRole"), 2)
		for _, c := range b.sim.Calls() {
			if c.Code != "" {
				t.Errorf("%s: %s", c.Action, c.Code)
			}
		}
		failures.Shown(t, 24, b.count("AssumeRole") == 2, "credentials that were about to end")
	})
}

// An STS that fails is no write that may have worked.
func TestSTSFailuresSendNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			rule fault.Rule
			kind netstate.Kind
		}{
			{fault.Rule{Service: "sts", Kind: fault.ServerError, Before: true}, netstate.Retry},
			{fault.Rule{Service: "sts", Kind: fault.Hang, Before: true}, netstate.Retry},
			{fault.Rule{Service: "sts", Kind: fault.Error, Code: "Throttling", Status: 400, Before: true}, netstate.Throttled},
			{fault.Rule{Service: "sts", Kind: fault.HTML, Before: true}, netstate.Void},
			{fault.Rule{Service: "sts", Operation: "GetCallerIdentity", Kind: fault.Empty, Before: true}, netstate.Void},
		} {
			b := newBench(t, ec2sim.Config{})
			b.sim.Inject(c.rule)
			wantKind(t, b.apply(t, west, plan.AcceptConnection{Conn: "pcx-1"})[0].Err, c.kind)
			diff(t, b.count("AcceptVpcPeeringConnection"), 0)
		}
	})
}
