package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// byHandThenImport makes a peering, routes and rules with the AWS CLI, each a little otherwise than the other, and imports them with the
// command as users run it.
func byHandThenImport(t *testing.T, c *cli) {
	at := simProcess(t, filepath.Join("testdata", "awscli", "accounts.yaml"))
	net, pay := c.engineer(t, at, network), c.engineer(t, at, payments)

	hub := net.id("Vpc.VpcId", "ec2 create-vpc --cidr-block 10.0.0.0/16 --tag-specifications ResourceType=vpc,Tags=[{Key=Name,Value=Hub}]")
	client := net.id("GroupId", "ec2 create-security-group --group-name client --description clients --vpc-id "+hub)
	net.run("ec2 create-route-table --vpc-id " + hub) // without a route to the peering, and so not part of it
	main := net.id("RouteTables[0].RouteTableId", "ec2 describe-route-tables --filters Name=association.main,Values=true Name=vpc-id,Values="+hub)
	vpc := pay.id("Vpc.VpcId", "ec2 create-vpc --cidr-block 10.20.0.0/16")
	app := pay.id("GroupId", "ec2 create-security-group --group-name app --description apps --vpc-id "+vpc)
	theirs := pay.id("RouteTables[0].RouteTableId", "ec2 describe-route-tables --filters Name=association.main,Values=true Name=vpc-id,Values="+vpc)

	pcx := net.id("VpcPeeringConnection.VpcPeeringConnectionId",
		"ec2 create-vpc-peering-connection --vpc-id "+hub+" --peer-vpc-id "+vpc+" --peer-owner-id "+payments)
	pay.until(pcx, "pending-acceptance")
	pay.run("ec2 accept-vpc-peering-connection --vpc-peering-connection-id " + pcx)
	net.until(pcx, "active")
	net.run("ec2 create-route --destination-cidr-block 10.20.1.0/24 --route-table-id " + main + " --vpc-peering-connection-id " + pcx)
	pay.run("ec2 create-route --destination-cidr-block 10.0.0.0/8 --route-table-id " + theirs + " --vpc-peering-connection-id " + pcx)
	open := "ec2 authorize-security-group-ingress --group-id " + app
	pay.run(open + " --protocol icmp --port -1 --cidr 10.0.0.0/16")
	pay.run(open + " --protocol tcp --port 22 --cidr 10.0.0.0/16")
	pay.run(open + " --ip-permissions IpProtocol=tcp,FromPort=80,ToPort=80,IpRanges=[{CidrIp=10.0.0.0/16,Description=web}]")
	pay.run(open + " --protocol tcp --port 443 --cidr 10.0.0.0/16")
	pay.run(open + " --protocol tcp --port 8080 --source-group " + app)
	pay.run(open + " --protocol tcp --port 5432 --source-group " + client + " --group-owner " + network)

	cmd, _ := process(t.Context(), t, at, "import", "--account", "network="+network, "--account", "payments="+payments, "--region", "eu-west-1",
		"--role", "peerd", "--external-id", externalID, "--owner", "acme")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	got := strings.NewReplacer(hub, "$HUB", vpc, "$PAY").Replace(stdout.String())
	golden := filepath.Join("testdata", "awscli", "imported.yaml")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("the import of what the AWS CLI made (-want +got):\n%s", d)
	}

	path := filepath.Join(t.TempDir(), "imported.yaml")
	if err := os.WriteFile(path, stdout.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	wire := newTap(t, at)
	before := append(net.facts(network), pay.facts(payments)...)
	for _, a := range wire.peerd(t, reconcile.ExitChanges, "plan", path).Plan.Actions {
		if !strings.HasPrefix(a.Line, "~ tags of "+pcx) {
			t.Errorf("the plan has %s", a.Line)
		}
	}
	wire.peerd(t, reconcile.ExitInSync, "--once", "--spec", path)
	if calls := strings.Join(wire.writes(), " "); calls != "CreateTags CreateTags" {
		t.Errorf("taken over by %s", calls)
	}
	after := append(net.facts(network), pay.facts(payments)...)
	for _, l := range append(simtest.Without(before, after), simtest.Without(after, before)...) {
		if !strings.Contains(l, " tag "+pcx+" peerd:") {
			t.Errorf("came or went: %s", l)
		}
	}
}
