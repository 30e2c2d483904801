package ec2sim_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/ec2sim"
)

// The manual procedure, with the real SDK, over HTTP and in process: both ways must end in the same world.
func TestPeeringByHand(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(*fixture, string, string) *ec2.Client{
		"http":       (*fixture).overHTTP,
		"round trip": (*fixture).in,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			requester, accepter := client(f, alice, east), client(f, bob, west)
			c := must(requester.CreateVpcPeeringConnection(ctx(), &ec2.CreateVpcPeeringConnectionInput{
				VpcId: aws.String(hub), PeerVpcId: aws.String(far), PeerOwnerId: aws.String(bob), PeerRegion: aws.String(west),
				TagSpecifications: []types.TagSpecification{{
					ResourceType: types.ResourceTypeVpcPeeringConnection, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("hub-far")}},
				}},
			}))(t).VpcPeeringConnection
			equal(t, c.Status.Code, types.VpcPeeringConnectionStateReasonCodeInitiatingRequest)
			equal(t, *c.Status.Message, "Initiating Request to "+bob)
			id := c.VpcPeeringConnectionId
			a := must(accepter.AcceptVpcPeeringConnection(ctx(), &ec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: id}))(t)
			equal(t, a.VpcPeeringConnection.Status.Code, types.VpcPeeringConnectionStateReasonCodeProvisioning)
			must(requester.CreateRoute(ctx(), &ec2.CreateRouteInput{
				RouteTableId: aws.String(hubMain), DestinationCidrBlock: aws.String("10.2.0.0/16"), VpcPeeringConnectionId: id,
			}))(t)
			must(accepter.CreateTags(ctx(), &ec2.CreateTagsInput{
				Resources: []string{*id}, Tags: []types.Tag{{Key: aws.String("side"), Value: aws.String("accepter")}},
			}))(t)
			ends := " requester=" + alice + "/" + east + "/" + hub + " accepter=" + bob + "/" + west + "/" + far
			equal(t, f.facts(*id), []string{
				alice + "/" + east + " connection " + *id + ends + ` status=active view=requester dns=false tags={"Name":"hub-far"}`,
				alice + "/" + east + " route " + hubMain + " 10.2.0.0/16 -> " + *id + " origin=CreateRoute state=active",
				bob + "/" + west + " connection " + *id + ends + ` status=active view=accepter dns=false tags={"side":"accepter"}`,
			})
		})
	}
}

// The log is what other packages' tests judge by.
func TestCallsAreLogged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var hooked []string
	f.After(func(c ec2sim.Call) { hooked = append(hooked, c.Action+" sees "+f.Calls()[c.Seq-1].Action) })
	_, _ = f.in(alice, east).DescribeVpcs(ctx(), &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-00000000"}})
	_, _ = f.in(bob, west).DeleteRouteTable(ctx(), &ec2.DeleteRouteTableInput{RouteTableId: aws.String("rtb-00000000"), DryRun: aws.Bool(true)})
	f.After(nil)
	must(f.in(bob, west).CreateRouteTable(ctx(), &ec2.CreateRouteTableInput{VpcId: aws.String(far)}))(t)
	type row struct {
		Seq                              int
		Account, Region, Service, Action string
		Mutating, DryRun, Applied        bool
		Code                             string
		Status                           int
	}
	var got []row
	for _, c := range f.Calls() {
		got = append(got, row{c.Seq, c.Account, c.Region, c.Service, c.Action, c.Mutating, c.DryRun, c.Applied, c.Code, c.HTTPStatus})
	}
	equal(t, got, []row{
		{1, alice, east, "ec2", "DescribeVpcs", false, false, false, "InvalidVpcID.NotFound", 400},
		{2, bob, west, "ec2", "DeleteRouteTable", true, true, false, "DryRunOperation", 412},
		{3, bob, west, "ec2", "CreateRouteTable", true, false, true, "", 200},
	})
	equal(t, hooked, []string{"DescribeVpcs sees DescribeVpcs", "DeleteRouteTable sees DeleteRouteTable"})
	equal(t, f.Calls()[0].Params.Get("VpcId.1"), "vpc-00000000")
}

// Without a world file every account exists and is empty.
func TestEmptyWorld(t *testing.T) {
	t.Parallel()
	s, err := ec2sim.New(ec2sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := ec2.New(options(s, "333333333333", "ap-southeast-2"))
	equal(t, len(must(c.DescribeVpcs(ctx(), nil))(t).Vpcs), 0)
	v := must(c.CreateVpc(ctx(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.9/16")}))(t).Vpc
	equal(t, *v.CidrBlock, "10.0.0.0/16") // host bits are cleared
	tables := must(c.DescribeRouteTables(ctx(), nil))(t).RouteTables
	equal(t, len(tables), 1)
	equal(t, *tables[0].Associations[0].Main, true)
}

// A fork and what it came from both go on, several requests long, and neither sees what the other does.
func TestForksGoOnByThemselves(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	request := func(s *ec2sim.Sim, vpc string) { // of nobody: the request fails, and is shown all the same
		must(ec2.New(options(s, alice, east)).CreateVpcPeeringConnection(ctx(), &ec2.CreateVpcPeeringConnectionInput{
			VpcId: aws.String(hub), PeerVpcId: &vpc, PeerOwnerId: aws.String(bob), PeerRegion: aws.String(west),
		}))(t)
	}
	for range 3 {
		request(f.Sim, "vpc-00000076")
	}
	before := f.Dump()
	all := map[string]*ec2sim.Sim{"vpc-00000077": f.Sim, "vpc-00000078": f.Fork(), "vpc-00000079": f.Fork()}
	for n := range 3 {
		for vpc, s := range all {
			if n == 0 && s != f.Sim { // from here on, the same things have other ids here
				must(ec2.New(options(s, bob, west)).CreateRouteTable(ctx(), &ec2.CreateRouteTableInput{VpcId: aws.String(far)}))(t)
			}
			request(s, vpc)
		}
	}
	for vpc, s := range all {
		dump := s.Dump()
		equal(t, strings.Count(dump, " view=requester "), 6)
		equal(t, strings.Count(dump, "/"+vpc+" status=failed view=requester "), 3)
		for line := range strings.Lines(before) {
			equal(t, strings.Contains(dump, line), true)
		}
	}
}
