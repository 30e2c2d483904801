package awsnet

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		operation, code string
		want            netstate.Kind
	}{
		{"AcceptVpcPeeringConnection", "InvalidVpcPeeringConnectionID.NotFound", netstate.Stale},
		{"CreateRoute", "InvalidVpcPeeringConnectionId.NotFound", netstate.Stale},
		{"DeleteVpcPeeringConnection", "InvalidVpcPeeringConnectionID.NotFound", netstate.Gone},
		{"DeleteRoute", "InvalidRoute.NotFound", netstate.Gone},
		{"DeleteRoute", "InvalidRouteTableID.NotFound", netstate.Gone},
		{"ReplaceRoute", "InvalidParameterValue", netstate.Invalid},
		{"RevokeSecurityGroupIngress", "InvalidSecurityGroupRuleId.NotFound", netstate.Gone},
		{"RevokeSecurityGroupEgress", "InvalidGroup.NotFound", netstate.Gone},
		{"AuthorizeSecurityGroupIngress", "InvalidGroup.NotFound", netstate.Stale},
		{"ModifySecurityGroupRules", "InvalidSecurityGroupRuleId.NotFound", netstate.Stale},
		{"CreateTags", "InvalidID", netstate.Stale},
		{"AcceptVpcPeeringConnection", "InvalidStateTransition", netstate.Stale},
		{"AcceptVpcPeeringConnection", "OperationNotPermitted", netstate.Denied},
		{"ModifyVpcPeeringConnectionOptions", "OperationNotPermitted", netstate.Stale},
		{"CreateVpcPeeringConnection", "OutstandingVpcPeeringConnectionLimitExceeded", netstate.Limit},
		{"CreateRoute", "RouteAlreadyExists", netstate.Exists},
		{"CreateTags", "ConcurrentTagAccess", netstate.Retry},
		{"AssumeRole", "AccessDenied", netstate.Denied},
		{"DescribeVpcs", "RequestLimitExceeded", netstate.Throttled},
		{"DescribeVpcs", "SomethingNew", netstate.Invalid},
		{"DescribeVpcs", "", netstate.Invalid},
	} {
		if got := kindOf(c.operation, c.code); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.operation, c.code, got, c.want)
		}
	}
}

func TestMessagesAreAWSsOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	err := b.apply(t, west, plan.AcceptConnection{Conn: "pcx-0000000000000dead"})[0].Err
	diff(t, err.Error(), "accept pcx-0000000000000dead (111111111111/eu-west-1): InvalidVpcPeeringConnectionID.NotFound: "+
		"The vpcPeeringConnection ID 'pcx-0000000000000dead' does not exist")
	b.sim.Inject(fault.Rule{Service: "ec2", Kind: fault.Reset, Before: true})
	err = b.apply(t, west, plan.AcceptConnection{Conn: "pcx-1"})[0].Err
	if ok, _ := regexp.MatchString(`(?i)operation error|https response|RequestID`, err.Message); ok {
		t.Errorf("the SDK shows through: %s", err.Message)
	}
	diff(t, message(&smithy.OperationError{OperationName: "X", Err: fmt.Errorf("plain")}), "plain")
}

// Row 08: a clock that is an hour off is found out by the SDK, which signs with the service's time from then on.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, off := range map[string]time.Duration{"slow": time.Hour, "fast": -time.Hour} {
			b := newBench(t, ec2sim.Config{Switches: world.Switches{CheckClock: true}, Now: func() time.Time { return time.Now().Add(off) }})
			o := b.see(t, lookAt(hub))
			if len(o.VPCs) != 1 {
				t.Errorf("%s: saw %v", name, o.VPCs)
			}
		}
	})
}

// EC2 may also call it AuthFailure; what it refused so did nothing, so a write is sent again too.
func TestClockSkewOfAWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ec2sim.Config{Now: func() time.Time { return time.Now().Add(time.Hour) }})
		b.sim.Inject(fault.Rule{Operation: "CreateVpcPeeringConnection", Count: 1, Kind: fault.Error, Code: "AuthFailure", Status: 401, Before: true})
		b.must(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags})
		diff(t, b.count("CreateVpcPeeringConnection"), 2)
	})
}

func TestCancelledBeforeAndAfterSending(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	b.see(t, lookAt(hub))
	w, err := b.writer(t.Context(), west, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantKind(t, w.tag(ctx, ourTags, "pcx-1"), netstate.Retry) // nothing was sent
	ctx, cancel = context.WithCancel(t.Context())
	b.sim.After(func(ec2sim.Call) { cancel() })
	wantKind(t, w.tag(ctx, ourTags, "vpc-0000000000000a001"), netstate.Ambiguous)
	b.dumped(t, "vpc-0000000000000a001", `"peerd:owner":"acme"`)
}

func TestCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	id := b.peer(t, hub, near)
	b.apply(t, west, plan.TagConnection{Conn: "pcx-0000000000000dead", Tags: ourTags})
	b.sim.Inject(fault.Rule{Operation: "DescribeVpcs", Count: 1, Kind: fault.Error, Code: "UnauthorizedOperation", Status: 403, Before: true})
	b.sim.Inject(fault.Rule{Operation: "DescribeSubnets", Count: 1, Kind: fault.HTML})
	b.observe(t, lookAt(hub))
	got := map[string]Outcome{}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		got[c.Scope.String()+" "+c.Operation+" "+c.Code] = c.Outcome
	}
	for call, want := range map[string]Outcome{
		"111111111111/us-east-1 AssumeRole ":                                       Success,
		"111111111111/eu-west-1 CreateVpcPeeringConnection ":                       Success,
		"222222222222/eu-west-1 AcceptVpcPeeringConnection ":                       Success,
		"111111111111/eu-west-1 DescribeVpcs UnauthorizedOperation":                Denied,
		"111111111111/eu-west-1 DescribeSubnets ":                                  Failed,
		"111111111111/eu-west-1 CreateTags InvalidVpcPeeringConnectionID.NotFound": NotFound,
	} {
		if got[call] != want {
			t.Errorf("%s: %q, want %q in %v", call, got[call], want, got)
		}
	}
	_ = id
}

func TestFailureOfNothing(t *testing.T) {
	t.Parallel()
	c := &client{scope: west}
	if c.failure("x", nil, true) != nil {
		t.Error("no error is no failure")
	}
	diff(t, c.failure("x", errors.New("odd"), false).Kind, netstate.Invalid)
}
