package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// Whatever AWS does where its documents are silent: these scenarios, which between them make every kind of thing, end in the same world.
func TestScenariosUnderEverySwitch(t *testing.T) {
	t.Parallel()
	for choice, thrown := range world.Variations() {
		for _, name := range []string{"mesh", "group-reference", "every-rule-form", "cross-account-and-region"} {
			t.Run(choice+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					converge(t, newRig(t, ec2sim.Config{Switches: thrown, Delays: simtest.Lagging}, name), name, thrown.SharedTags)
				})
			})
		}
	}
}

const lifeSpec = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  pay: {account: payments, region: eu-west-1, tags: {Name: payments-prod}}
  data: {account: payments, region: us-east-1, id: vpc-0000000000000b101}
peerings:
  - name: hub-pay
    requester: {vpc: hub, routes: {tables: main, to: [10.20.0.0/16]}}
    accepter:
      vpc: pay
      routes: {tables: main, to: [10.0.0.0/16]}
      rules:
        - {group: client, protocol: tcp, ports: 5432, peer: {group: app}, description: from the apps}
        - {group: client, protocol: tcp, ports: 443, description: from the hub}
  - name: hub-data
    requester: {vpc: hub, dns: true, routes: {tables: main}}
    accepter: {vpc: data, dns: true, routes: {tables: main}}
`

// Whatever AWS does where its documents are silent, a life goes by in the same way: peerings are made, disturbed by hand, mended, changed
// and pruned, and three days later nothing is left to do. Each stage is the same world as with AWS's most likely behaviour.
func TestLifeUnderEverySwitch(t *testing.T) {
	t.Parallel()
	var want [][]string
	synctest.Test(t, func(t *testing.T) { want = life(t, world.Switches{}) })
	for choice, thrown := range world.Variations() {
		t.Run(choice, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for i, got := range life(t, thrown) {
					simtest.WantSame(t, "by default", slices.Clone(want[i]), "with "+choice, got)
				}
			})
		})
	}
}

// life tells the story and returns the world after each of its stages.
func life(t *testing.T, sw world.Switches) [][]string {
	t.Helper()
	r := simtest.New(t, ec2sim.Config{Switches: sw, Delays: simtest.Lagging}, lifeSpec)
	before := simtest.Lines(r.Sim.Dump())
	var stages [][]string
	stage := func(what string, report *reconcile.Report) {
		t.Helper()
		simtest.MustExit(t, what, report, reconcile.ExitInSync)
		if touched := simtest.Without(before, simtest.Lines(r.Sim.Dump())); len(touched) > 0 {
			t.Errorf("%s touched what was there before:\n%q", what, touched)
		}
		stages = append(stages, forgetful(simtest.Anonymous(alive(simtest.Without(simtest.Lines(r.Sim.Dump()), before)))))
	}
	made, _ := r.Apply()
	stage("made", made)

	disturb(r)
	mended, _ := r.Apply()
	stage("mended", mended)
	simtest.WantSame(t, "made", slices.Clone(stages[0]), "mended", slices.Clone(stages[1]))

	r.Spec = simtest.LoadSpec(t, lifeSpec, "ports: 443", "ports: 8443", "from the apps", "from every app", "dns: true, routes: {tables: main}}\n    accepter", "routes: {tables: main}}\n    accepter")
	changed, _ := r.Apply()
	stage("changed", changed)

	r.Spec = simtest.LoadSpec(t, lifeSpec[:len(lifeSpec)-len(hubData)])
	pruned, _ := r.Prune(1)
	stage("pruned", pruned)

	time.Sleep(3 * 24 * time.Hour)
	quiet, calls := r.Apply()
	stage("three days later", quiet)
	simtest.WantActions(t, nil, calls)
	return stages
}

var memory = regexp.MustCompile(`"peerd:(entry|try)":"[^"]*",?`)

// forgetful takes out what peerd remembers on the requester's view: where both sides share their tags, it is on the other one too.
func forgetful(dumped []string) []string {
	for i, l := range dumped {
		dumped[i] = strings.ReplaceAll(memory.ReplaceAllString(l, ""), ",}", "}")
	}
	return dumped
}

const hubData = `  - name: hub-data
    requester: {vpc: hub, dns: true, routes: {tables: main}}
    accepter: {vpc: data, dns: true, routes: {tables: main}}
`

// disturb does by hand what people do: a route, a rule, a tag and an option go, and at last a whole connection.
func disturb(r *simtest.Rig) {
	const hubAccount, payAccount, ireland, virginia = "111111111111", "222222222222", "eu-west-1", "us-east-1"
	accepted := map[string]string{} // ids by the region of the accepter
	for _, c := range r.Sim.Calls() {
		if c.Action == "AcceptVpcPeeringConnection" && c.Code == "" {
			accepted[c.Region] = c.Params.Get("VpcPeeringConnectionId")
		}
	}
	pay, data := accepted[ireland], accepted[virginia]
	r.Do(hubAccount, ireland, "DeleteRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.20.0.0/16")
	r.Do(payAccount, ireland, "RevokeSecurityGroupIngress", "GroupId", "sg-0000000000000b001", "IpPermissions.1.IpProtocol", "tcp",
		"IpPermissions.1.FromPort", "443", "IpPermissions.1.ToPort", "443", "IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/16")
	r.Do(payAccount, ireland, "DeleteTags", "ResourceId.1", pay, "Tag.1.Key", "peerd:peering")
	r.Do(hubAccount, ireland, "ModifyVpcPeeringConnectionOptions", "VpcPeeringConnectionId", data,
		"RequesterPeeringConnectionOptions.AllowDnsResolutionFromRemoteVpc", "false")
	r.Do(payAccount, virginia, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", data)
}
