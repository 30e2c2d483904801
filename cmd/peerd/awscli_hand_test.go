package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/simtest"
)

// byHandThenPeerd is the manual procedure within a region (design, section 9) with the mistakes that belong to its steps, and then peerd.
func byHandThenPeerd(t *testing.T, c *cli) {
	at := simProcess(t, filepath.Join("testdata", "awscli", "accounts.yaml"))
	net, pay := c.engineer(t, at, network), c.engineer(t, at, payments)

	hub := net.id("Vpc.VpcId", "ec2 create-vpc --cidr-block 10.0.0.0/16")
	net.run("ec2 create-subnet --vpc-id " + hub + " --cidr-block 10.0.1.0/24")
	client := net.id("GroupId", "ec2 create-security-group --group-name client --description clients --vpc-id "+hub)
	spare := net.id("RouteTable.RouteTableId", "ec2 create-route-table --vpc-id "+hub)
	used := net.id("RouteTables[0].RouteTableId", "ec2 describe-route-tables --filters Name=association.main,Values=true Name=vpc-id,Values="+hub)

	vpc := pay.id("Vpc.VpcId", "ec2 create-vpc --cidr-block 10.20.0.0/16")
	pay.run("ec2 create-subnet --vpc-id " + vpc + " --cidr-block 10.20.1.0/24")
	app := pay.id("GroupId", "ec2 create-security-group --group-name app --description apps --vpc-id "+vpc)
	theirs := pay.id("RouteTables[0].RouteTableId", "ec2 describe-route-tables --filters Name=association.main,Values=true Name=vpc-id,Values="+vpc)
	open := "ec2 authorize-security-group-ingress --group-id " + app
	pay.run(open + " --protocol icmp --port -1 --cidr 10.0.0.0/16")
	pay.run(open + " --protocol tcp --port 22 --cidr 10.0.0.0/16")
	pay.run(open + " --ip-permissions IpProtocol=tcp,FromPort=80,ToPort=80,IpRanges=[{CidrIp=10.0.0.0/16,Description=web}]")
	pay.run(open + " --protocol tcp --port 8080 --source-group " + app)

	pcx := net.id("VpcPeeringConnection.VpcPeeringConnectionId",
		"ec2 create-vpc-peering-connection --vpc-id "+hub+" --peer-vpc-id "+vpc+" --peer-owner-id "+payments)
	accept := "ec2 accept-vpc-peering-connection --vpc-peering-connection-id " + pcx
	fromClients := open + " --protocol tcp --port 5432 --source-group " + client + " --group-owner " + network
	pay.until(pcx, "pending-acceptance")
	net.refused("OperationNotPermitted", "User 111111111111 cannot accept peering", accept)
	net.refused("OperationNotPermitted", "not active", "ec2 modify-vpc-peering-connection-options --requester-peering-connection-options "+
		"AllowDnsResolutionFromRemoteVpc=true --vpc-peering-connection-id "+pcx)
	pay.refused("InvalidGroup.NotFound", "different networks", fromClients)
	net.run("ec2 create-route --destination-cidr-block 10.20.0.0/16 --route-table-id " + used + " --vpc-peering-connection-id " + pcx) // a blackhole until then

	if got := pay.id("VpcPeeringConnection.Status.Code", accept); got != "provisioning" {
		t.Errorf("the answer to accept says %s", got)
	}
	net.until(pcx, "active")
	pay.refused("InvalidStateTransition", "", accept)
	pay.run("ec2 create-route --destination-cidr-block 10.0.0.0/16 --route-table-id " + theirs + " --vpc-peering-connection-id " + pcx)
	pay.run(fromClients)
	pay.refused("InvalidPermission.Duplicate", "already exists", fromClients)

	before := append(net.facts(network), pay.facts(payments)...)
	tags := `{peerd:owner="acme" peerd:peering="hub-pay" team="net"}`
	calls := takeOver(t, at, specOf(t, "same-region.yaml", map[string]string{"HUB": hub, "PAY": vpc}), []string{
		"111111111111/eu-west-1 + route 10.20.0.0/16 -> " + pcx + " in " + spare,
		"111111111111/eu-west-1 ~ tags of " + pcx + " as the requester sees it " + tags,
		"222222222222/eu-west-1 + rule ingress tcp 443 from 10.0.0.0/16 in " + app,
		"222222222222/eu-west-1 ~ tags of " + pcx + " as the accepter sees it " + tags,
	})
	simtest.WantSame(t, "expected", []string{"CreateTags", "CreateTags", "CreateRoute", "AuthorizeSecurityGroupIngress"}, "the calls", calls)
	after := append(net.facts(network), pay.facts(payments)...)
	if touched := simtest.Without(before, after); len(touched) > 0 {
		t.Errorf("made by hand, and touched by peerd:\n%s", strings.Join(touched, "\n"))
	}
	simtest.WantSame(t, "expected", []string{
		"111111111111 route " + spare + " 10.20.0.0/16 -> pcx CreateRoute active",
		"111111111111 tag pcx peerd:owner=acme", "111111111111 tag pcx peerd:peering=hub-pay", "111111111111 tag pcx team=net",
		"222222222222 rule sgr " + app + ` egress=false tcp 443-443 10.0.0.0/16 "" [peerd:owner=acme peerd:peering=hub-pay team=net]`,
		"222222222222 tag pcx peerd:owner=acme", "222222222222 tag pcx peerd:peering=hub-pay", "222222222222 tag pcx team=net",
	}, "new in AWS", simtest.Anonymous(simtest.Without(after, before)))
}

// betweenRegionsThenPeerd is the second go: the other VPC lies in another region of another account.
func betweenRegionsThenPeerd(t *testing.T, c *cli) {
	at := simProcess(t, filepath.Join("..", "..", "pkg", "simtest", "world.yaml"))
	net, pay := c.engineer(t, at, network), c.engineer(t, at, payments).in("us-east-1")
	pcx := net.id("VpcPeeringConnection.VpcPeeringConnectionId", "ec2 create-vpc-peering-connection --vpc-id vpc-0000000000000a001 "+
		"--peer-vpc-id vpc-0000000000000b101 --peer-owner-id "+payments+" --peer-region us-east-1")
	accept := "ec2 accept-vpc-peering-connection --vpc-peering-connection-id " + pcx
	pay.until(pcx, "pending-acceptance")
	pay.in("eu-west-1").refused("InvalidVpcPeeringConnectionID.NotFound", pcx, accept) // neither end lies there for this account
	pay.run(accept)
	pay.until(pcx, "active")
	pay.refused("InvalidGroup.NotFound", "different networks", "ec2 authorize-security-group-ingress --group-id sg-0000000000000b101 "+
		"--protocol tcp --port 22 --source-group sg-0000000000000a001 --group-owner "+network)
	net.run("ec2 create-route --route-table-id rtb-0000000000000a001 --destination-cidr-block 10.30.0.0/16 --vpc-peering-connection-id " + pcx)
	pay.run("ec2 create-route --route-table-id rtb-0000000000000b101 --destination-cidr-block 10.0.0.0/16 --vpc-peering-connection-id " + pcx)

	tags := `{peerd:owner="acme" peerd:peering="hub-data"}`
	calls := takeOver(t, at, specOf(t, "cross-region.yaml", nil), []string{
		"111111111111/eu-west-1 ~ tags of " + pcx + " as the requester sees it " + tags,
		"222222222222/us-east-1 ~ tags of " + pcx + " as the accepter sees it " + tags,
	})
	simtest.WantSame(t, "expected", []string{"CreateTags", "CreateTags"}, "the calls", calls)
}
