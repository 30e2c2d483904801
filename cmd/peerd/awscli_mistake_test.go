package main

import (
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/simtest"
)

// mistakes are those of the procedure that need no procedure: the VPCs, tables and groups of the scenarios are there.
func mistakes(t *testing.T, c *cli) {
	net := c.engineer(t, simProcess(t, filepath.Join("..", "..", "pkg", "simtest", "world.yaml")), network)
	for _, of := range []struct {
		what string
		make func(terminal)
	}{{"requests", badRequests}, {"answers", badAnswers}, {"rules", badRules}, {"routes", badRoutes}} {
		t.Run(of.what, func(t *testing.T) { of.make(net.of(t)) })
	}
}

// badRequests: what is wrong with the other side makes the request fail, not the call; what is wrong with this side refuses the call.
func badRequests(net terminal) {
	ask := "ec2 create-vpc-peering-connection --vpc-id vpc-0000000000000a001 --peer-vpc-id "
	var asked, failed []string
	for _, peer := range []string{
		"vpc-0000000000000b002 --peer-owner-id 222222222222", // its CIDR overlaps
		"vpc-0000000000000b101 --peer-owner-id 222222222222", // it lies in another region
		"vpc-0000000000000b001",                              // it belongs to another account
	} {
		asked = append(asked, net.id("VpcPeeringConnection.VpcPeeringConnectionId", ask+peer))
	}
	net.read("ec2 describe-vpc-peering-connections --filters Name=status-code,Values=failed --query VpcPeeringConnections[].VpcPeeringConnectionId", &failed)
	simtest.WantSame(net.t, "asked for", asked, "failed", failed)
	net.refused("InvalidStateTransition", "from failed to deleting", "ec2 delete-vpc-peering-connection --vpc-peering-connection-id "+asked[0])
	net.refused("InvalidVpcID.NotFound", "'vpc-0000000000000ffff'", "ec2 create-vpc-peering-connection --vpc-id vpc-0000000000000ffff --peer-vpc-id vpc-0000000000000b001")
	net.refused("InvalidParameterValue", "not a valid CIDR block", "ec2 create-vpc --cidr-block 10.0.0.0/33")
}

// badAnswers: a request is accepted in the region of the accepter's VPC, also where both are of one account.
func badAnswers(net terminal) {
	pcx := net.id("VpcPeeringConnection.VpcPeeringConnectionId",
		"ec2 create-vpc-peering-connection --vpc-id vpc-0000000000000a001 --peer-vpc-id vpc-0000000000000a101 --peer-region us-east-1")
	accept := "ec2 accept-vpc-peering-connection --vpc-peering-connection-id "
	net.refused("OperationNotPermitted", "must be accepted in region us-east-1", accept+pcx)
	net.refused("InvalidVpcPeeringConnectionID.NotFound", "does not exist", accept+"pcx-0000000000000ffff")
}

// badRules are those that a group does not take.
func badRules(net terminal) {
	open := "ec2 authorize-security-group-ingress --group-id sg-0000000000000a001 "
	net.refused("InvalidPermission.Duplicate", `"peer: 192.0.2.0/24, TCP, from port: 22, to port: 22, ALLOW" already exists`,
		open+"--protocol tcp --port 22 --cidr 192.0.2.77/24") // the same CIDR to EC2
	net.refused("InvalidParameterValue", "CIDR block ::/0 is malformed", open+"--protocol tcp --port 22 --cidr ::/0") // aws/aws-cli#2428
	net.refused("InvalidParameterValue", "Invalid rule description.",
		open+"--ip-permissions IpProtocol=tcp,FromPort=80,ToPort=80,IpRanges=[{CidrIp=10.20.0.0/16,Description=100%}]")
	net.refused("InvalidGroup.NotFound", "'sg-0000000000000ffff' does not exist", open+"--protocol tcp --port 22 --source-group sg-0000000000000ffff")
}

// badRoutes are those that a table does not take.
func badRoutes(net terminal) {
	route := "ec2 create-route --route-table-id rtb-0000000000000a001 --destination-cidr-block "
	net.refused("RouteAlreadyExists", "10.99.0.0/16", route+"10.99.0.0/16 --nat-gateway-id nat-0000000000000a001")
	net.refused("InvalidParameterValue", "equal to or more specific than", route+"10.0.7.0/24 --vpc-peering-connection-id pcx-0000000000000dead")
	net.refused("InvalidVpcPeeringConnectionID.NotFound", "does not exist", route+"10.20.0.0/16 --vpc-peering-connection-id pcx-0000000000000ffff")
	net.refused("InvalidRouteTableID.NotFound", "does not exist",
		"ec2 create-route --route-table-id rtb-0000000000000ffff --destination-cidr-block 10.20.0.0/16 --vpc-peering-connection-id pcx-0000000000000dead")
}

// badCredentials: STS does not say whether the role or the external id was wrong, and each service has its own word for a bad key.
func badCredentials(t *testing.T, c *cli) {
	at := simProcess(t, filepath.Join("testdata", "awscli", "accounts.yaml"))
	user := c.user(t, at, payments)
	const assume, denied = "sts assume-role --role-session-name engineer --role-arn arn:aws:iam::111111111111:role/", "not authorized to perform: sts:AssumeRole"
	user.refused("AccessDenied", denied, assume+"peerd --external-id acme-7f4")
	user.refused("AccessDenied", denied, assume+"peerd")
	user.refused("AccessDenied", denied, assume+"admin --external-id "+externalID)
	user.with("AKIAIOSFODNN7EXAMPLE", "x", "").refused("InvalidClientTokenId", "invalid", "sts get-caller-identity")

	// The procedure gets a session of 900 seconds with an MFA code, and pastes it.
	session := user.take(user.run("sts get-session-token --duration-seconds 900 --serial-number arn:aws:iam::222222222222:mfa/engineer --token-code 123456"))
	session.run("ec2 describe-vpcs")
	withoutToken := user.with(strings.TrimPrefix(session.keys[0], "AWS_ACCESS_KEY_ID="), "x", "")
	withoutToken.refused("AuthFailure", "not able to validate", "ec2 describe-vpcs")
}

// expiredCredentials is the one story whose simulator runs in the test, because its clock must jump.
func expiredCredentials(t *testing.T, c *cli) {
	var ahead atomic.Int64
	sim, err := ec2sim.New(ec2sim.Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(sim)
	t.Cleanup(s.Close)
	net := c.engineer(t, s.URL, network)
	ahead.Store(int64(15 * time.Minute))
	net.refused("RequestExpired", "expired", "ec2 create-vpc --cidr-block 10.0.0.0/16")
	if slices.ContainsFunc(sim.Calls(), func(c ec2sim.Call) bool { return c.Applied && c.Action == "CreateVpc" }) {
		t.Error("and yet it was done")
	}
}
