package failures_test

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// readable is a spec for which every kind of listing is read in payments' eu-west-1: hub-pay needs all of them, pay-data those of
// connections, VPCs and tables, and hub-tools nothing of that account.
const readable = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}
  data: {account: payments, region: us-east-1, id: vpc-0000000000000b101}
peerings:
  - name: hub-pay
    requester: {vpc: hub, dns: true, rules: [{group: app, protocol: tcp, ports: 8443}]}
    accepter:
      vpc: pay
      dns: true
      routes: {tables: {subnets: {tags: {tier: app}}}, to: [{prefixList: pl-0000000000000b001}]}
      rules: [{group: database, protocol: tcp, ports: 5432}]
  - name: hub-tools
    requester: {vpc: hub, routes: {tables: main}}
    accepter: {vpc: tools}
  - name: pay-data
    requester: {vpc: pay, routes: {tables: [rtb-0000000000000b002]}}
    accepter: {vpc: data}
`

// gonePeering is what the spec does not have any more.
const gonePeering = "  - {name: tools-data, requester: {vpc: tools}, accepter: {vpc: data}}\n"

// drifted is an estate in sync, in which then somebody deletes a route of each peering, and the spec loses a peering: there is
// something to repair everywhere, and something to remove between the accounts.
func drifted(t *testing.T) *simtest.Rig {
	t.Helper()
	r := ready(t, readable+gonePeering)
	applied(t, r)
	for _, route := range deletedByHand {
		r.Do(route.account, route.region, "DeleteRoute", "RouteTableId", route.table, "DestinationCidrBlock", route.to)
	}
	r.Spec = simtest.LoadSpec(t, readable)
	return r
}

// ready is a rig with what readable selects.
func ready(t *testing.T, text string) *simtest.Rig {
	t.Helper()
	r := simtest.New(t, ec2sim.Config{}, text)
	r.Do(payments, west, "CreateSubnet", "VpcId", pay, "CidrBlock", "10.20.1.0/24", "TagSpecification.1.ResourceType", "subnet",
		"TagSpecification.1.Tag.1.Key", "tier", "TagSpecification.1.Tag.1.Value", "app")
	return r
}

// deletedByHand is a route of each peering on each of its sides.
var deletedByHand = []struct{ peering, account, region, table, to string }{
	{"hub-pay", network, west, "rtb-0000000000000a001", "10.20.0.0/16"},
	{"hub-tools", network, west, "rtb-0000000000000a001", "10.1.0.0/16"},
	{"pay-data", payments, west, "rtb-0000000000000b002", "10.30.0.0/16"},
	{"pay-data", payments, "us-east-1", "rtb-0000000000000b101", "10.20.0.0/16"},
}

// repaired are the peerings whose routes are all back.
func repaired(r *simtest.Rig) []string {
	missing := map[string]bool{}
	for _, route := range deletedByHand {
		missing[route.peering] = missing[route.peering] || !holds(r.Sim.Dump(), "route "+route.table+" "+route.to+" -> pcx-")
	}
	var out []string
	for _, name := range []string{"hub-pay", "hub-tools", "pay-data"} {
		if !missing[name] {
			out = append(out, name)
		}
	}
	return out
}

// mustHoldAllBut makes a pass with --prune in which only some peerings may be repaired; it must change nothing else, exit with 4 and say
// the words. Without the fault the next pass must repair and remove everything.
func mustHoldAllBut(t *testing.T, r *simtest.Rig, others []string, fired func([]ec2sim.Call) bool, heal func(), words ...string) (shown bool) {
	t.Helper()
	before, calls := r.Sim.Dump(), len(r.Sim.Calls())
	held, changed := r.Prune(100)
	shown = fired(r.Sim.Calls()[calls:])
	simtest.MustExit(t, "the pass that cannot read", held, reconcile.ExitAttention)
	mustSay(t, held, words...)
	if got := repaired(r); !slices.Equal(got, others) {
		t.Errorf("repaired: %v, want %v", got, others)
	}
	wantNone(t, "lost", lost(r, before))
	for _, l := range gained(r, before) {
		if !strings.Contains(l, " route ") {
			t.Errorf("gained: %s", l)
		}
	}
	for _, c := range changed {
		if c.Action != "CreateRoute" {
			t.Errorf("called %s %v", c.Action, c.Params)
		}
	}
	heal()
	whole, _ := r.Prune(100)
	simtest.MustExit(t, "the pass that can read again", whole, reconcile.ExitInSync)
	if got := repaired(r); len(got) != 3 || holds(r.Sim.Dump(), "status=active", "tools-data") {
		t.Errorf("once everything can be read: repaired %v, want all three and no connection of tools-data:\n%s", got, r.Sim.Dump())
	}
	return shown
}

// wasHit reports whether a fault met a call of that action.
func wasHit(action string) func([]ec2sim.Call) bool {
	return func(calls []ec2sim.Call) bool {
		return slices.ContainsFunc(calls, func(c ec2sim.Call) bool { return c.Action == action && c.Fault != "" })
	}
}

// listings are the calls that read, with the peerings that go on without payments' answer in eu-west-1.
var listings = map[string][]string{
	"DescribeVpcPeeringConnections": {"hub-tools"},
	"DescribeVpcs":                  {"hub-tools"},
	"DescribeVpcAttribute":          {"hub-tools", "pay-data"},
	"DescribeSubnets":               {"hub-tools", "pay-data"},
	"DescribeRouteTables":           {"hub-tools"},
	"DescribeSecurityGroups":        {"hub-tools", "pay-data"},
	"DescribeSecurityGroupRules":    {"hub-tools", "pay-data"},
	"DescribeManagedPrefixLists":    {"hub-tools", "pay-data"},
	"GetManagedPrefixListEntries":   {"hub-tools", "pay-data"},
}

// A reply with status 200 that is not the reply: whoever takes it for one reads that nothing exists, and makes or removes things.
func TestF28ReplyThatIsNone(t *testing.T) {
	t.Parallel()
	says := map[fault.Kind]string{fault.HTML: `root element "!DOCTYPE"`, fault.Empty: "empty body",
		fault.OtherAction: `root element "DescribeKeyPairsResponse"`, fault.Truncated: "it does not end with its root element"}
	for action, others := range listings {
		for kind, words := range says {
			inBubble(t, action+" "+string(kind), func(t *testing.T) {
				r := drifted(t)
				r.Sim.Inject(fault.Rule{Operation: action, Account: payments, Region: west, Kind: kind})
				failures.Shown(t, 28, mustHoldAllBut(t, r, others, wasHit(action), r.Sim.ClearFaults, "reply of "+action, words), "a reply that is none")
			})
		}
	}
}

// A listing that payments may not make holds the peerings that need it, and no other.
func TestF25ListingRefused(t *testing.T) {
	t.Parallel()
	for action, others := range listings {
		inBubble(t, action, func(t *testing.T) {
			r := drifted(t)
			r.Sim.Inject(fault.Rule{Operation: action, Account: payments, Region: west, Before: true, Kind: fault.Error, Code: "UnauthorizedOperation",
				Message: "You are not authorized to perform this operation."})
			failures.Shown(t, 25, mustHoldAllBut(t, r, others, wasHit(action), r.Sim.ClearFaults, "UnauthorizedOperation: You are not authorized"), "a listing is refused")
		})
	}
}

// A role that cannot be assumed holds the peerings that have a side in its account, and no other.
func TestF25RoleRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec   []string
		others []string
		words  string
	}{
		"the role is gone":         {[]string{`"222222222222", role: peerd`, `"222222222222", role: pered`}, []string{"hub-tools"}, "222222222222:role/pered"},
		"the external id is wrong": {[]string{"externalId: acme-7f3", "externalId: acme-7f4"}, []string{"pay-data"}, "111111111111:role/peerd"},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := drifted(t)
			r.Spec = simtest.LoadSpec(t, readable, c.spec...)
			denied := func(calls []ec2sim.Call) bool { return failedWith(calls, "AssumeRole", "AccessDenied") }
			heal := func() { r.Spec = simtest.LoadSpec(t, readable) }
			failures.Shown(t, 25, mustHoldAllBut(t, r, c.others, denied, heal, "AccessDenied: AssumeRole", c.words), "a role that cannot be assumed")
		})
	}
}

// failedWith reports whether a call of that action was answered with an error code.
func failedWith(calls []ec2sim.Call, action, code string) bool {
	return slices.ContainsFunc(calls, func(c ec2sim.Call) bool { return c.Action == action && c.Code == code })
}

// One action that payments may not do keeps from being what needs that very action, and nothing else.
func TestF25ActionRefused(t *testing.T) {
	t.Parallel()
	undisturbed := func(t *testing.T) []string {
		r := ready(t, readable)
		before := r.Sim.Dump()
		applied(t, r)
		return simtest.Anonymous(gained(r, before))
	}
	for action, missing := range map[string]func(fact string) bool{
		"AcceptVpcPeeringConnection":        func(l string) bool { return !strings.Contains(l, "hub-tools") },
		"CreateTags":                        func(l string) bool { return strings.Contains(l, "view=accepter") },
		"ModifyVpcPeeringConnectionOptions": func(l string) bool { return strings.Contains(l, "view=accepter") },
		"AuthorizeSecurityGroupIngress":     func(l string) bool { return strings.Contains(l, "222222222222/eu-west-1 rule ") },
		"CreateRoute":                       func(l string) bool { return strings.HasPrefix(l, "222222222222/") && strings.Contains(l, " route ") },
	} {
		inBubble(t, action, func(t *testing.T) {
			want := undisturbed(t)
			r := ready(t, readable)
			before := r.Sim.Dump()
			r.Sim.Inject(fault.Rule{Operation: action, Account: payments, Before: true, Kind: fault.Error, Code: "UnauthorizedOperation"})
			refused, _ := r.Apply()
			simtest.MustExit(t, "the pass in which it is refused", refused, reconcile.ExitAttention)
			mustSay(t, refused, "UnauthorizedOperation")
			lacking := simtest.Without(want, simtest.Anonymous(gained(r, before)))
			if len(lacking) == 0 {
				t.Error("nothing is lacking")
			}
			wantNone(t, "lacking, although it needs no "+action, slices.DeleteFunc(lacking, missing))
			failures.Shown(t, 25, failedWith(r.Sim.Calls(), action, "UnauthorizedOperation"), "one action is refused")
			r.Sim.ClearFaults()
			applied(t, r)
			simtest.WantSame(t, "undisturbed", want, "once it is allowed", simtest.Anonymous(gained(r, before)))
		})
	}
}

// An account or region that does not answer is unknown, which is not absent: every peering with a side there is held, whatever may be removed.
func TestF26NoAnswer(t *testing.T) {
	t.Parallel()
	closed := []string{"hub-tools"}
	disabled := []string{"hub-pay", "hub-tools"}
	for name, c := range map[string]struct {
		rule   fault.Rule
		others []string
		words  string
	}{
		"account closed":                   {fault.Rule{Account: payments, Kind: fault.Error, Code: "AuthFailure", Before: true}, closed, "AuthFailure"},
		"account blocked":                  {fault.Rule{Account: payments, Kind: fault.Error, Code: "Blocked", Status: 403, Before: true}, closed, "Blocked"},
		"account answers nothing":          {fault.Rule{Account: payments, Kind: fault.Hang, Before: true}, closed, "the time for reading this account and region is over"},
		"region disabled":                  {fault.Rule{Account: payments, Region: "us-east-1", Kind: fault.Error, Code: "OptInRequired", Before: true}, disabled, "OptInRequired"},
		"region resets every connection":   {fault.Rule{Account: payments, Region: "us-east-1", Kind: fault.Reset, Before: true}, disabled, "connection reset"},
		"region answers with a proxy's no": {fault.Rule{Account: payments, Region: "us-east-1", Kind: fault.HTML, Before: true}, disabled, "reply of"},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := drifted(t)
			c.rule.Service = "ec2"
			r.Sim.Inject(c.rule)
			hit := wasHit("DescribeVpcPeeringConnections")
			failures.Shown(t, 26, mustHoldAllBut(t, r, c.others, hit, r.Sim.ClearFaults, c.words), "an account or region that does not answer")
		})
	}
}

// A peering of which one side does not answer is not begun: whatever it is that cannot be read, nobody knows yet what would be asked there.
func TestF26NothingIsBegun(t *testing.T) {
	t.Parallel()
	for side, spec := range map[string]string{
		"accepter":  withPeerings(hubPay, hubTools),
		"requester": withPeerings("  - {name: hub-pay, requester: {vpc: pay}, accepter: {vpc: hub}}\n", hubTools),
	} {
		for _, action := range []string{"", "DescribeVpcPeeringConnections", "DescribeVpcs", "DescribeRouteTables"} {
			inBubble(t, side+" "+action, func(t *testing.T) {
				r := simtest.New(t, ec2sim.Config{}, spec)
				r.Sim.Inject(fault.Rule{Service: "ec2", Operation: action, Account: payments, Kind: fault.Hang, Before: true})
				pass, _ := r.Apply()
				simtest.MustExit(t, "the pass that cannot read", pass, reconcile.ExitAttention)
				if n := asks(r.Sim.Calls()); n != 1 {
					t.Errorf("%d requests, want that of hub-tools", n)
				}
				wantNone(t, "made", facts(r, "hub-pay"))
				failures.Shown(t, 26, r.Sim.Fired()[fault.Hang] > 0, "an account, or a listing of it, that does not answer")
				r.Sim.ClearFaults()
				applied(t, r)
			})
		}
	}
}

// The names and addresses of an endpoint may be out of reach before there is any HTTP.
func TestF26EndpointUnreachable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		words string
	}{
		"no such host":       {&net.DNSError{Err: "no such host", Name: "ec2.us-east-1.amazonaws.com", IsNotFound: true}, "no such host"},
		"connection refused": {&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, "connection refused"},
		"no route":           {&net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}, "no route to host"},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := drifted(t)
			cut := &cutOff{RoundTripper: r.Sim, host: "ec2.us-east-1.amazonaws.com", err: c.err}
			r.Via = cut
			fired := func([]ec2sim.Call) bool { return cut.tried.Load() > 0 }
			failures.Shown(t, 26, mustHoldAllBut(t, r, []string{"hub-pay", "hub-tools"}, fired, func() { r.Via = nil }, c.words), "an endpoint that cannot be reached")
		})
	}
}

// cutOff is a network from which one host cannot be reached.
type cutOff struct {
	http.RoundTripper
	host  string
	err   error
	tried atomic.Int64
}

func (c *cutOff) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == c.host {
		c.tried.Add(1)
		return nil, c.err
	}
	return c.RoundTripper.RoundTrip(r)
}

// What is left over of a peering stays as long as anything of one of its ends is unknown, be it in an account where nothing else is wanted.
func TestF26LeftoverOfWhatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	const rest = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd, regions: [us-east-1]}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
`
	const data = "  data: {account: payments, region: us-east-1, id: vpc-0000000000000b101}\n"
	const peering = "peerings:\n  - {name: hub-tools, requester: {vpc: hub}, accepter: {vpc: tools}}\n"
	const leftover = "  - {name: tools-data, requester: {vpc: tools}, accepter: {vpc: data, rules: [{group: db, protocol: tcp, ports: 5432}]}}\n"
	for _, action := range []string{"DescribeVpcPeeringConnections", "DescribeVpcs", "DescribeRouteTables", "DescribeSecurityGroupRules"} {
		inBubble(t, action, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, rest+data+peering+leftover)
			applied(t, r)
			r.Spec = simtest.LoadSpec(t, rest+peering)
			r.Sim.Inject(fault.Rule{Operation: action, Account: payments, Kind: fault.Error, Code: "AuthFailure", Before: true})
			before := r.Sim.Dump()
			pass, calls := r.Prune(100)
			simtest.MustExit(t, "the pass that cannot read", pass, reconcile.ExitAttention)
			wantNone(t, "changed", append(gained(r, before), lost(r, before)...))
			simtest.WantActions(t, nil, calls)
			failures.Shown(t, 26, wasHit(action)(r.Sim.Calls()), "an account that does not answer")
			r.Sim.ClearFaults()
			whole, _ := r.Prune(100)
			simtest.MustExit(t, "the pass that can read again", whole, reconcile.ExitInSync)
			if left := facts(r, "tools-data"); len(holding(left, "status=active")) > 0 || len(holding(left, " rule ")) > 0 {
				t.Errorf("left:\n%s", strings.Join(left, "\n"))
			}
		})
	}
}
