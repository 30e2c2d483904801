package awsnet

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

func TestOpenAcceptTagSetClose(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	id := netstate.ConnID(b.must(t, west, plan.OpenConnection{Requester: hub, Accepter: far, Tags: ourTags}))
	b.dumped(t, string(id), "status=pending-acceptance", "view=requester", `"peerd:owner":"acme"`)
	b.must(t, bobEast, plan.AcceptConnection{Conn: id, Requester: hub, Accepter: far})
	b.dumped(t, string(id), "status=active", "view=accepter", "tags={}")
	b.must(t, bobEast, plan.TagConnection{Conn: id, Side: netstate.AccepterSide, Tags: ourTags})
	b.dumped(t, string(id), "view=accepter", `"peerd:peering":"hub-near"`)
	b.must(t, west, plan.SetOptions{Conn: id, Side: netstate.RequesterSide, VPC: hub, DNS: true})
	b.dumped(t, string(id), "view=requester", "dns=true")

	o := b.see(t, lookAt(hub, far))
	diff(t, o.Connections[id], netstate.Connection{
		ID: id, Requester: hub, Accepter: far, Status: netstate.Active, Message: "Active",
		Views: [2]netstate.View{{Seen: true, Tags: ourTags, DNS: netstate.Yes}, {Seen: true, Tags: ourTags, DNS: o.Connections[id].Views[1].DNS}},
		Shows: [2][]netip.Prefix{o.VPCs[hub].CIDRs, o.VPCs[far].CIDRs},
	})
	one := b.see(t, lookAt(hub))
	if v := one.Connections[id].Views[netstate.AccepterSide]; v.Seen || v.Tags != nil {
		t.Errorf("the accepter's view was not asked for, got %+v", v)
	}
	b.must(t, west, plan.CloseConnection{Conn: id, Requester: hub, Accepter: far})
	b.dumped(t, string(id), "status=deleted")
	out := b.apply(t, west, plan.CloseConnection{Conn: "pcx-0000000000000dead"})
	wantKind(t, out[0].Err, netstate.Gone)
}

func TestOneScopeShowsBothViews(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	id := b.peer(t, hub, spare)
	c := b.see(t, lookAt(hub)).Connections[id]
	for side, v := range c.Views {
		if !v.Seen || len(v.Tags.Missing(ourTags)) > 0 {
			t.Errorf("%s: %+v", netstate.Side(side), v)
		}
	}
	diff(t, c.SameScope(), true)
}

// Row 35: EC2 answers a second request for the same pair with the connection that is there, whosever it is.
func TestOpenAnswersWithAForeignConnection(t *testing.T) {
	t.Parallel()
	for says, theirs := range map[string]netstate.Tags{`belongs to "umbrella"`: {netstate.TagOwner: "umbrella"}, "does not carry our tags": nil} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, ec2sim.Config{})
			id := b.must(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags.With(theirs)})
			if theirs == nil {
				b = newBench(t, ec2sim.Config{World: []byte(worldFile + "connections:\n  - {id: " + id + ", requester: {account: '111111111111', region: eu-west-1, vpc: " + string(hub.ID) +
					"}, accepter: {account: '222222222222', region: eu-west-1, vpc: " + string(near.ID) + "}}\n")})
			}
			out := b.apply(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags})
			wantKind(t, out[0].Err, netstate.Exists)
			diff(t, out[0].Got, "")
			if !strings.Contains(out[0].Err.Message, id) || !strings.Contains(out[0].Err.Message, says) {
				t.Errorf("message %q", out[0].Err.Message)
			}
			if len(b.sim.Calls()) == 0 || b.count("CreateTags") > 0 {
				t.Errorf("calls %v", b.sent())
			}
		})
	}
}

func TestOpenAgainAnswersWithOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	open := plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags}
	diff(t, b.must(t, west, open), b.must(t, west, open))
}

// Row 36: an overlap that EC2 finds is no error of the call.
func TestOpenMayFailAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	b.must(t, west, plan.OpenConnection{Requester: hub, Accepter: netstate.VPC{Scope: bobEast, ID: "vpc-0000000000000dead"}, Tags: ourTags})
	b.dumped(t, "status=failed")
}

func TestConnectionKinds(t *testing.T) {
	t.Parallel()
	for _, spelling := range []string{"ID", "Id"} {
		t.Run(spelling, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, ec2sim.Config{Switches: world.Switches{NotFoundSpelling: spelling, JumpToActive: true}})
			id := b.peer(t, hub, near)
			for name, c := range map[string]struct {
				at   netstate.Scope
				a    plan.Action
				kind netstate.Kind
			}{
				"accept what is not visible": {bobWest, plan.AcceptConnection{Conn: "pcx-0000000000000dead"}, netstate.Stale},
				"accept twice":               {bobWest, plan.AcceptConnection{Conn: id}, netstate.Stale},
				"tag what is not visible":    {bobWest, plan.TagConnection{Conn: "pcx-0000000000000dead", Tags: ourTags}, netstate.Stale},
				"options without attributes": {bobEast, plan.SetOptions{Conn: b.peer(t, far, spare), Side: netstate.RequesterSide, DNS: true}, netstate.Invalid},
				"requester VPC not there":    {west, plan.OpenConnection{Requester: netstate.VPC{Scope: west, ID: "vpc-0000000000000dead"}, Accepter: near}, netstate.Stale},
			} {
				out := b.apply(t, c.at, c.a)
				if out[0].Err == nil || out[0].Err.Kind != c.kind {
					t.Errorf("%s: got %v, want kind %s", name, out[0].Err, c.kind)
				}
			}
		})
	}
}

func TestReverseTwinCannotBeAccepted(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	b.peer(t, hub, near)
	twin := netstate.ConnID(b.must(t, bobWest, plan.OpenConnection{Requester: near, Accepter: hub, Tags: ourTags}))
	out := b.apply(t, west, plan.AcceptConnection{Conn: twin})
	wantKind(t, out[0].Err, netstate.Exists)
	diff(t, out[0].Err.Code, "VpcPeeringConnectionAlreadyExists")
}

// Row 34: what a lost reply did is not known, and it is not asked for again.
func TestLostRepliesAreAmbiguous(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.Reset, fault.ServerError, fault.HTML, fault.Empty, fault.OtherAction, fault.Truncated} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, ec2sim.Config{})
			b.sim.Inject(fault.Rule{Operation: "CreateVpcPeeringConnection", Kind: kind})
			out := b.apply(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags})
			wantKind(t, out[0].Err, netstate.Ambiguous)
			diff(t, b.count("CreateVpcPeeringConnection"), 1)
			b.dumped(t, "connection", "pending-acceptance")
		})
	}
}

func TestMergeConnectionsOverScopes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	info := func(v netstate.VPC, dns *bool) *types.VpcPeeringConnectionVpcInfo {
		i := &types.VpcPeeringConnectionVpcInfo{OwnerId: text(v.Account), Region: text(v.Region), VpcId: text(v.ID)}
		if dns != nil {
			i.PeeringOptions = &types.VpcPeeringConnectionOptionsDescription{AllowDnsResolutionFromRemoteVpc: dns}
		}
		return i
	}
	shown := func(status string, tag string, requester, accepter *bool) types.VpcPeeringConnection {
		return types.VpcPeeringConnection{
			VpcPeeringConnectionId: aws.String("pcx-1"), RequesterVpcInfo: info(hub, requester), AccepterVpcInfo: info(far, accepter),
			Status: &types.VpcPeeringConnectionStateReason{Code: types.VpcPeeringConnectionStateReasonCode(status), Message: aws.String(status)},
			Tags:   []types.Tag{{Key: aws.String("seen-by"), Value: aws.String(tag)}}, ExpirationTime: &at,
		}
	}
	yes, no := aws.Bool(true), aws.Bool(false)
	for name, c := range map[string]struct {
		requester, accepter types.VpcPeeringConnection
		status              netstate.Status
		dns                 [2]netstate.Tri
	}{
		"own view beats the other's":          {shown("active", "r", yes, yes), shown("active", "a", no, no), netstate.Active, [2]netstate.Tri{netstate.Yes, netstate.No}},
		"the other's where the own is silent": {shown("active", "r", nil, yes), shown("active", "a", no, nil), netstate.Active, [2]netstate.Tri{netstate.No, netstate.Yes}},
		"absent is unknown":                   {shown("pending-acceptance", "r", nil, nil), shown("pending-acceptance", "a", nil, nil), netstate.Pending, [2]netstate.Tri{}},
		"the later state is the newer":        {shown("active", "r", nil, nil), shown("provisioning", "a", nil, nil), netstate.Active, [2]netstate.Tri{}},
		"an unknown state is kept":            {shown("active", "r", nil, nil), shown("hibernating", "a", nil, nil), "hibernating", [2]netstate.Tri{}},
	} {
		for _, order := range []string{"requester first", "accepter first"} {
			o := netstate.NewObserved(at)
			if order == "requester first" {
				mergeConnections(o, west, []types.VpcPeeringConnection{c.requester})
			}
			mergeConnections(o, bobEast, []types.VpcPeeringConnection{c.accepter})
			if order == "accepter first" {
				mergeConnections(o, west, []types.VpcPeeringConnection{c.requester})
			}
			t.Run(name+", "+order, func(t *testing.T) {
				diff(t, o.Connections["pcx-1"], netstate.Connection{
					ID: "pcx-1", Requester: hub, Accepter: far, Status: c.status, Message: string(c.status), Expires: at,
					Views: [2]netstate.View{{Seen: true, Tags: netstate.Tags{"seen-by": "r"}, DNS: c.dns[0]}, {Seen: true, Tags: netstate.Tags{"seen-by": "a"}, DNS: c.dns[1]}},
				})
			})
		}
	}
	o := netstate.NewObserved(at)
	mergeConnections(o, bobWest, []types.VpcPeeringConnection{shown("active", "x", nil, nil), {}})
	diff(t, len(o.Connections), 0) // of neither side
}
