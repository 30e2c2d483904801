package crash

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
)

// scenario is a situation, and what peerd is to make of it.
type scenario struct {
	name   string
	was    string               // the commit before, applied first; empty: none
	others func(r *simtest.Rig) // what people do then; nil: nothing
	spec   string               // the commit: peerings alone, or a whole spec
	prune  int                  // the most peerings that may lose something; 0: pruning is off
	exit   int                  // in the end
	does   string               // the actions that change something, as undisturbed passes call them
}

// head is what all specs of peerings alone begin with.
const head = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
  partner: {id: "999999999999", managed: false}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  legacy: {account: network, region: eu-west-1, id: vpc-0000000000000a009}
  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}
  pay: {account: payments, region: eu-west-1, tags: {Name: payments-prod}}
  data: {account: payments, region: us-east-1, id: vpc-0000000000000b101}
  them: {account: partner, region: eu-west-1, id: vpc-0000000000000c001, cidrs: [10.200.0.0/16]}
`

// set loads a spec, with the head if it has none.
func (s scenario) set(t *testing.T, text string) *spec.Set {
	t.Helper()
	if !strings.HasPrefix(strings.TrimSpace(text), "apiVersion") {
		text = head + text
	}
	return simtest.LoadSpec(t, text)
}

// begin makes the situation.
func (s scenario) begin(t *testing.T) *simtest.Rig {
	t.Helper()
	sim, err := ec2sim.New(ec2sim.Config{World: []byte(strings.Replace(string(simtest.World), beforeTools, hubAgain+beforeTools, 1)), Delays: delays})
	if err != nil {
		t.Fatal(err)
	}
	r := &simtest.Rig{T: t, Sim: sim}
	if s.was != "" {
		r.Spec = s.set(t, s.was)
		if report, calls := r.Apply(); len(calls) == 0 {
			t.Fatalf("the commit before made nothing:\n%s", simtest.Text(report))
		}
		time.Sleep(time.Second) // until everybody sees it
	}
	if s.others != nil {
		s.others(r)
	}
	r.Spec = s.set(t, s.spec)
	return r
}

const beforeTools = "          - id: vpc-0000000000000a002\n"

// hubAgain is a VPC that can take the place of the hub.
const hubAgain = `          - id: vpc-0000000000000a00a
            name: hub-again
            cidrs: [10.0.0.0/16]
            dns: {support: true, hostnames: true}
            tables: [{id: rtb-0000000000000a00a, name: hub-again-main, main: true}]
            groups: [{id: sg-0000000000000a00a, name: app}]
`

// scenarios are all there are.
func scenarios(t *testing.T) []scenario {
	t.Helper()
	return slices.Concat(created(t), adopted(), changed(), mended(), removed(), replaced(), withPartner(), askedAgain(), leftAlone())
}

// peering is an entry of a spec: its name, its two sides, and what else it says.
func peering(name, requester, accepter string, more ...string) string {
	more = append([]string{"name: " + name, "requester: {vpc: " + requester + "}", "accepter: {vpc: " + accepter + "}"}, more...)
	return "  - {" + strings.Join(more, ", ") + "}\n"
}

// commit is a spec of some peerings.
func commit(peerings ...string) string { return "peerings:\n" + strings.Join(peerings, "") }

var (
	hubPay   = peering("hub-pay", "hub", "pay")
	hubTools = peering("hub-tools", "hub", "tools")
	hubData  = peering("hub-data", "hub, dns: true, routes: {tables: main}", "data, dns: true")
)

// What simtest.World has, as calls name it.
const (
	network   = "111111111111"
	payments  = "222222222222"
	partner   = "999999999999"
	west      = "eu-west-1"
	easternUS = "us-east-1"
	hub       = "vpc-0000000000000a001"
	tools     = "vpc-0000000000000a002"
	legacy    = "vpc-0000000000000a009"
	pay       = "vpc-0000000000000b001"
	them      = "vpc-0000000000000c001"
	hubMain   = "rtb-0000000000000a001"
	hubApp    = "sg-0000000000000a001"
)

// request asks for a connection by hand, in the west, and returns its id once it is pending and seen by both.
func request(r *simtest.Rig, account, from, toAccount, to string) string {
	id := r.Do(account, west, "CreateVpcPeeringConnection", "VpcId", from, "PeerVpcId", to, "PeerOwnerId", toAccount)
	time.Sleep(time.Second)
	return id
}

// accept accepts a connection by hand, and waits until it is active.
func accept(r *simtest.Rig, account, id string) {
	r.Do(account, west, "AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id)
	time.Sleep(time.Second)
}

// created are the scenarios of package cmd/peerd, each made out of nothing.
func created(t *testing.T) []scenario {
	t.Helper()
	var out []scenario
	for name, does := range map[string]string{
		"cross-account":            "Accept Create CreateRoute CreateTags",
		"cross-account-and-region": "Accept Create CreateRoute CreateTags ModifyOptions",
		"cross-region":             "Accept Create CreateRoute CreateTags",
		"destinations":             "Accept AuthorizeIngress Create CreateRoute CreateTags",
		"dns-both-sides":           "Accept Create CreateTags ModifyOptions",
		"dns-one-side":             "Accept Create CreateTags ModifyOptions",
		"every-rule-form":          "Accept AuthorizeEgress AuthorizeIngress Create CreateRoute CreateTags",
		"group-reference":          "Accept AuthorizeEgress AuthorizeIngress Create CreateRoute CreateTags",
		"ipv6":                     "Accept AuthorizeIngress Create CreateRoute CreateTags",
		"mesh":                     "Accept Create CreateRoute CreateTags ModifyOptions",
		"one-of-three-broken":      "Accept Create CreateRoute CreateTags",
		"same-account":             "Accept Create CreateRoute",
		"secondary-cidrs":          "Accept Create CreateRoute CreateTags",
		"shared-vpc":               "Accept AuthorizeIngress Create CreateRoute CreateTags",
	} {
		text, err := os.ReadFile(filepath.Join("../../cmd/peerd/testdata/scenarios", name, "spec.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		exit := reconcile.ExitInSync
		if name == "one-of-three-broken" {
			exit = reconcile.ExitAttention
		}
		out = append(out, scenario{name: "create " + name, spec: string(text), exit: exit, does: does})
	}
	return out
}
