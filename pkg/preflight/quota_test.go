package preflight_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/preflight"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// quota is a thing that counts against a quota, in a world in which others use as much of it as is wanted.
type quota struct {
	code, name       string
	spec, world, ec2 string // the quota in the spec and in the world file, and EC2's code when it is passed
	of               string // the account that states it, a where it is empty
	assumed          int
	edits            []string
	fill             func(n int) []string   // edits by which others use n
	base, adds       int                    // used besides, and added by the plan
	last             int                    // of these, by what goes over; 0: all
	change           []string               // of the spec, after that pass
	stops, rest      func(ec2sim.Call) bool // what is refused, and what of the peering is done nevertheless
	fits             int                    // calls like those refused that fit
	severity         plan.Severity
	fine             int  // the exit code where all fits
	waits            bool // peerd makes no call beyond what it assumes
}

// position is where a case stands: how many units from the quota, and what the spec says of it.
type position struct {
	name   string
	delta  int
	stated int // what the spec says beyond the quota; -1: nothing, and the quota is the default
}

var positions = []position{
	{"stated, one below", -1, 0}, {"stated, at the quota", 0, 0}, {"stated, one above", 1, 0},
	{"assumed, one below", -1, -1}, {"assumed, at the quota", 0, -1}, {"assumed, one above", 1, -1},
	{"stated too high, one above", 1, 100},
}

// At each quota, one below it, one above it, and at the peak of a change: what the plan counts is what EC2 enforces.
func TestQuotas(t *testing.T) {
	t.Parallel()
	for _, q := range quotas {
		for _, p := range positions {
			t.Run(q.code+", "+q.name+", "+p.name, func(t *testing.T) {
				t.Parallel()
				if p.stated < 0 && testing.Short() {
					t.Skip("hundreds of routes")
				}
				synctest.Test(t, func(t *testing.T) { q.run(t, p) })
			})
		}
	}
}

const small = 9 // a quota that the spec states

func (q quota) run(t *testing.T, p position) {
	t.Helper()
	limit := small
	if p.stated < 0 {
		limit = q.assumed
	}
	edits := append(slices.Clone(q.edits), q.fill(limit-q.base-q.adds+p.delta)...)
	edits = append(edits, "connections: [", fmt.Sprintf("quotas: {%s: %d}\nconnections: [", q.world, limit))
	if p.stated >= 0 {
		edits = append(edits, stating(q, limit+p.stated)...)
	}
	world, text := edited(t, edits)
	delays := simtest.Lagging
	delays.References = 0 // their refusals are not what is counted here
	r := simtest.New(t, ec2sim.Config{World: []byte(world), Delays: delays}, text)
	in := reconcile.Input{}
	if q.change != nil {
		first, _ := r.Apply()
		simtest.MustExit(t, "the pass before the change", first, reconcile.ExitInSync)
		r.Spec = simtest.LoadSpec(t, text, q.change...)
		in = reconcile.Input{Prune: true, Limits: plan.Limits{Number: 5}}
	}
	report, calls := r.Run(in)
	found := slices.DeleteFunc(slices.Clone(report.First.Problems), func(x plan.Problem) bool { return x.Code != q.code })
	switch {
	case p.delta <= 0:
		q.allFits(t, report, calls, found)
	case p.stated == 0:
		q.refused(t, limit, report, calls, found)
	default:
		q.tried(t, limit, p, report, calls, found)
	}
}

// stating states the quota for the account.
func stating(q quota, n int) []string {
	line := map[string]string{"": `a: {id: "111111111111", role: peerd`, "b": `b: {id: "222222222222", role: peerd`}[q.of]
	return []string{line, fmt.Sprintf("%s, quotas: {%s: %d}", line, q.spec, n)}
}

// of are the calls that a function picks, those that EC2 refused apart.
func of(calls []ec2sim.Call, picks func(ec2sim.Call) bool) (agreed, refused []ec2sim.Call) {
	for _, c := range calls {
		switch {
		case picks == nil || !picks(c):
		case c.Code == "":
			agreed = append(agreed, c)
		default:
			refused = append(refused, c)
		}
	}
	return agreed, refused
}

// allFits: nothing is found, and EC2 agrees to everything.
func (q quota) allFits(t *testing.T, report *reconcile.Report, calls []ec2sim.Call, found []plan.Problem) {
	t.Helper()
	simtest.MustExit(t, "a pass within the quota", report, q.fine)
	agreed, refused := of(calls, q.stops)
	if len(found) > 0 || len(agreed) == 0 || len(refused) > 0 {
		t.Errorf("found %v, %d calls agreed to, refused: %v", found, len(agreed), refused)
	}
	if removed, _ := of(calls, removes); q.change != nil && len(removed) == 0 && !q.inPlace() {
		t.Errorf("the old is still there: %v", actions(calls))
	}
}

// refused: the plan says so with both figures, and no call is made for what goes over; all else is done, but nothing removed.
func (q quota) refused(t *testing.T, limit int, report *reconcile.Report, calls []ec2sim.Call, found []plan.Problem) {
	t.Helper()
	simtest.MustExit(t, "a pass over a stated quota", report, reconcile.ExitAttention)
	q.mustSay(t, limit, found, q.severity)
	agreed, refused := of(calls, q.stops)
	if len(agreed) != q.fits || len(refused) > 0 {
		t.Errorf("calls for what is refused: %v %v", agreed, refused)
	}
	if ec2, _ := of(calls, anything); q.severity == plan.HoldsLink && len(ec2) > 0 {
		t.Errorf("calls of a peering that is refused: %v", actions(ec2))
	}
	q.othersDone(t, calls)
}

// tried: EC2 refuses what goes over with its own code, which is what the plan warned of if it had to assume the quota; all else is done, but
// nothing removed.
func (q quota) tried(t *testing.T, limit int, p position, report *reconcile.Report, calls []ec2sim.Call, found []plan.Problem) {
	t.Helper()
	simtest.MustExit(t, "a pass over EC2's quota", report, reconcile.ExitAttention)
	agreed, refused := of(calls, q.stops)
	if p.stated < 0 {
		q.mustSay(t, limit, found, plan.Warns)
	} else if len(found) > 0 {
		t.Errorf("found %v", found)
	}
	if q.waits && p.stated < 0 {
		if n := len(agreed) + len(refused); n > 0 {
			t.Errorf("%d calls beyond the assumed quota", n)
		}
		return
	}
	if len(agreed) != q.fits || len(refused) == 0 {
		t.Errorf("agreed to: %v, refused: %v", agreed, refused)
	}
	for _, c := range refused {
		if c.Code != q.ec2 {
			t.Errorf("%s was refused with %s, want %s", c.Action, c.Code, q.ec2)
		}
	}
	if text := simtest.Text(report); !strings.Contains(text, q.ec2) {
		t.Errorf("the report does not name %s:\n%s", q.ec2, text)
	}
	q.othersDone(t, calls)
}

// mustSay checks the one finding: its figures, its place and the cure.
func (q quota) mustSay(t *testing.T, limit int, found []plan.Problem, severity plan.Severity) {
	t.Helper()
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	last := q.last
	if last == 0 {
		last = q.adds
	}
	x := found[0]
	words := []string{fmt.Sprintf("has %d ", limit+1-last), fmt.Sprintf("may have %d", limit), "raise the quota"}
	if severity == plan.Warns {
		words = append(words, "assumed: state the account's quota under accounts.*.quotas")
	}
	for _, w := range words {
		if !strings.Contains(x.Message, w) {
			t.Errorf("the finding does not say %q: %s", w, x)
		}
	}
	if x.Severity != severity || x.Pos.File != "spec.yaml" || x.Pos.Line == 0 {
		t.Errorf("severity %d, want %d: %s", x.Severity, severity, x)
	}
}

// othersDone: what the peering wants besides is done, and nothing is removed to make room.
func (q quota) othersDone(t *testing.T, calls []ec2sim.Call) {
	t.Helper()
	if agreed, _ := of(calls, q.rest); q.rest != nil && len(agreed) == 0 {
		t.Errorf("nothing else of the peering was done: %v", actions(calls))
	}
	if removed, _ := of(calls, removes); len(removed) > 0 {
		t.Errorf("removed to make room: %v", actions(removed))
	}
}

func (q quota) inPlace() bool { return q.stops(ec2sim.Call{Action: "ModifySecurityGroupRules"}) }

func removes(c ec2sim.Call) bool {
	return strings.HasPrefix(c.Action, "Delete") || strings.HasPrefix(c.Action, "Revoke")
}

func actions(calls []ec2sim.Call) (out []string) {
	for _, c := range calls {
		out = append(out, c.Action+" "+c.Code)
	}
	return out
}

// naming is a call of which a parameter has this value.
func naming(value string) func(ec2sim.Call) bool {
	return func(c ec2sim.Call) bool {
		for _, v := range c.Params {
			if v[0] == value {
				return c.Mutating
			}
		}
		return false
	}
}

// listed writes n things.
func listed(n int, one func(i int) string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = one(i)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func fillRoutes(dest string) func(int) []string {
	return func(n int) []string {
		return []string{routable, "routes: " + listed(n, func(i int) string {
			return fmt.Sprintf("{to: '"+dest+"', via: tgw-0000000000000000a}", i/256, i%256)
		})}
	}
}

// fillRules gives hub's group n rules of a direction.
func fillRules(dir, cidr string) func(int) []string {
	return func(n int) []string {
		peer := map[string]string{"ingress": "from", "egress": "to"}[dir]
		return []string{"tags: {role: app}", "tags: {role: app}, rules: " + listed(n, func(i int) string {
			return fmt.Sprintf("{direction: %s, protocol: tcp, ports: '%d', %s: '%s'}", dir, i+1, peer, cidr)
		})}
	}
}

// fillList makes a prefix list of at most n entries, and uses it.
func fillList(use ...string) func(int) []string {
	return func(n int) []string {
		return append([]string{"prefixLists: [", fmt.Sprintf("prefixLists: [{id: pl-0000000000000000f, name: theirs, max: %d, entries: [{cidr: 192.0.2.0/24}]}, ", n)}, use...)
	}
}

// fillConnections gives a VPC of account 111111111111, or pay, n connections to a stranger's VPCs.
func fillConnections(vpc, status string) func(int) []string {
	return func(n int) []string {
		account := map[bool]string{false: "111111111111", true: "222222222222"}[vpc == "pay"]
		return []string{"connections: []", "connections: " + listed(n, func(i int) string {
			return fmt.Sprintf("{id: pcx-%017x, requester: {account: '%s', region: eu-west-1, vpc: %s}, accepter: {account: '333333333333', region: eu-west-1, vpc: vpc-%017x}, status: %s}",
				0xc0+i, account, vpc, 0xc0+i, status)
		})}
	}
}

const (
	manyV4 = "172.16.%d.%d/32"
	manyV6 = "2001:db8:f%x%02x::/48"
)

// v6 gives both VPCs an IPv6 CIDR.
var v6 = []string{"cidrs: [10.0.0.0/17]", "cidrs: [10.0.0.0/17], ipv6: '2001:db8:1::/56'", "cidrs: [10.1.0.0/16]", "cidrs: [10.1.0.0/16], ipv6: '2001:db8:1:100::/56'"}

// askedByPartner makes pay a partner's that has asked hub.
var askedByPartner = []string{managed, partner, paySpec, strings.TrimSuffix(paySpec, "}") + ", cidrs: [10.1.0.0/16]}",
	"    requester: {vpc: hub,", "    accepter: {vpc: hub,", "    accepter: {vpc: pay, routes: {tables: none}}", "    requester: {vpc: pay}"}

func (q quota) with(more quota) quota {
	more.code, more.spec, more.world, more.ec2, more.assumed, more.severity = q.code, q.spec, q.world, q.ec2, q.assumed, q.severity
	return more
}

var (
	peeringQuota = quota{code: preflight.CodePeerings, spec: "peeringsPerVpc", world: "peerings", ec2: "VpcPeeringConnectionsPerVpcLimitExceeded", assumed: 50, severity: plan.HoldsLink}
	requestQuota = quota{code: preflight.CodeRequests, spec: "outstandingRequests", world: "outstanding", ec2: "OutstandingVpcPeeringConnectionLimitExceeded", assumed: 25, severity: plan.HoldsLink}
	routeQuota   = quota{code: preflight.CodeRoutes, spec: "routesPerTable", world: "routes", ec2: "RouteLimitExceeded", assumed: 500, severity: plan.BlocksItem}
	ruleQuota    = quota{code: preflight.CodeRules, spec: "rulesPerGroup", world: "rules", ec2: "RulesPerSecurityGroupLimitExceeded", assumed: 60, severity: plan.BlocksItem}
)

var quotas = []quota{
	peeringQuota.with(quota{name: "of the requester", adds: 1, fill: fillConnections("hub", "active"), stops: calling("CreateVpcPeeringConnection")}),
	peeringQuota.with(quota{name: "of the accepter", of: "b", adds: 1, fill: fillConnections("pay", "active"), stops: calling("AcceptVpcPeeringConnection")}),
	peeringQuota.with(quota{name: "a partner's request", adds: 1, edits: askedByPartner, fill: func(n int) []string {
		return append(fillConnections("hub", "active")(n), "connections: [{", "connections: ["+fromPay+", id: pcx-0000000000000000a, status: pending-acceptance}, {")
	}, stops: calling("AcceptVpcPeeringConnection")}),
	peeringQuota.with(quota{name: "old and new of a replaced VPC", base: 1, adds: 1, fill: fillConnections("hub", "active"),
		change: []string{"accepter: {vpc: pay,", "accepter: {vpc: tools,"}, stops: calling("CreateVpcPeeringConnection")}),

	requestQuota.with(quota{name: "to a partner", adds: 1, edits: withPartner, fill: fillConnections("tools", "pending-acceptance"),
		stops: calling("CreateVpcPeeringConnection"), fine: reconcile.ExitChanges, waits: true}),
	requestQuota.with(quota{name: "accepted at once", adds: 1, fill: fillConnections("tools", "pending-acceptance"), stops: calling("CreateVpcPeeringConnection"), waits: true}),

	routeQuota.with(quota{name: "IPv4", base: 1, adds: 1, fill: fillRoutes(manyV4), stops: calling("CreateRoute"), rest: calling("AuthorizeSecurityGroupIngress")}),
	routeQuota.with(quota{name: "IPv6", base: 1, adds: 1, edits: v6, fill: fillRoutes(manyV6), stops: calling("CreateRoute", "DestinationIpv6CidrBlock", "2001:db8:1:100::/56"),
		rest: calling("CreateRoute", "DestinationCidrBlock", "10.1.0.0/16")}),
	routeQuota.with(quota{name: "a prefix list of three entries", base: 1, adds: 3, edits: []string{hubSide, to("{prefixList: pl-0000000000000000a}")},
		fill: fillRoutes(manyV4), stops: calling("CreateRoute"), rest: calling("AuthorizeSecurityGroupIngress")}),
	routeQuota.with(quota{name: "beside somebody's prefix list", base: 1, adds: 1, fill: fillList(routable, "routes: [{to: pl-0000000000000000f, via: tgw-0000000000000000a}]"),
		stops: calling("CreateRoute"), rest: calling("AuthorizeSecurityGroupIngress")}),
	routeQuota.with(quota{name: "two, of which one fits", base: 1, adds: 2, last: 1, fits: 1, edits: []string{hubSide, to("10.1.0.0/17, 10.1.128.0/17")},
		fill: fillRoutes(manyV4), stops: calling("CreateRoute"), rest: calling("CreateRoute")}),
	routeQuota.with(quota{name: "old and new", base: 2, adds: 1, edits: []string{hubSide, to("10.1.0.0/17")}, fill: fillRoutes(manyV4),
		change: []string{"to: [10.1.0.0/17]", "to: [10.1.128.0/17]"}, stops: calling("CreateRoute")}),

	ruleQuota.with(quota{name: "IPv4 ingress", adds: 1, fill: fillRules("ingress", "192.0.2.0/24"), stops: calling("AuthorizeSecurityGroupIngress"), rest: calling("CreateRoute")}),
	ruleQuota.with(quota{name: "IPv4 egress", adds: 1, edits: []string{"protocol: tcp, ports: 443", "protocol: tcp, direction: egress, ports: 443"},
		fill: fillRules("egress", "192.0.2.0/24"), stops: calling("AuthorizeSecurityGroupEgress"), rest: calling("CreateRoute")}),
	ruleQuota.with(quota{name: "IPv6 ingress", adds: 1, edits: v6, fill: fillRules("ingress", "2001:db8:f::/48"), stops: func(c ec2sim.Call) bool {
		return c.Action == "AuthorizeSecurityGroupIngress" && naming("2001:db8:1:100::/56")(c)
	}, rest: func(c ec2sim.Call) bool {
		return c.Action == "AuthorizeSecurityGroupIngress" && naming("10.1.0.0/16")(c)
	}}),
	ruleQuota.with(quota{name: "a group, IPv4", adds: 1, edits: []string{"ports: 443", "ports: 443, peer: {group: web}"}, fill: fillRules("ingress", "192.0.2.0/24"),
		stops: calling("AuthorizeSecurityGroupIngress"), rest: calling("CreateRoute")}),
	ruleQuota.with(quota{name: "a group, IPv6", adds: 1, edits: []string{"ports: 443", "ports: 443, peer: {group: web}"}, fill: fillRules("ingress", "2001:db8:f::/48"),
		stops: calling("AuthorizeSecurityGroupIngress"), rest: calling("CreateRoute")}),
	ruleQuota.with(quota{name: "a prefix list of three entries", adds: 3, edits: []string{"ports: 443", "ports: 443, peer: {prefixList: pl-0000000000000000a}"},
		fill: fillRules("ingress", "192.0.2.0/24"), stops: calling("AuthorizeSecurityGroupIngress"), rest: calling("CreateRoute")}),
	ruleQuota.with(quota{name: "beside somebody's prefix list", adds: 1, fill: fillList("tags: {role: app}", "tags: {role: app}, rules: [{direction: ingress, protocol: tcp, ports: '22', from: pl-0000000000000000f}]"),
		stops: calling("AuthorizeSecurityGroupIngress"), rest: calling("CreateRoute")}),
	ruleQuota.with(quota{name: "old and new", base: 1, adds: 3, fill: fillRules("ingress", "192.0.2.0/24"),
		change: []string{"ports: 443", "ports: 443, peer: {prefixList: pl-0000000000000000a}"}, stops: calling("AuthorizeSecurityGroupIngress")}),
	ruleQuota.with(quota{name: "a prefix list turned into a longer one", base: 3, adds: 2,
		edits: []string{"prefixLists: [", "prefixLists: [{id: pl-0000000000000000c, name: longer, max: 5, entries: [{cidr: 10.1.6.0/24}]}, ", "ports: 443", "ports: 443, peer: {prefixList: pl-0000000000000000a}"},
		fill:  fillRules("ingress", "192.0.2.0/24"), change: []string{"pl-0000000000000000a", "pl-0000000000000000c"}, stops: calling("ModifySecurityGroupRules")}),
}
