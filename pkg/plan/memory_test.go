package plan_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/plan/plantest"
)

var (
	routeA = netstate.RouteKey{Scope: vpcA.Scope, Table: "rtb-1", Dest: netstate.Dest{Prefix: netip.MustParsePrefix("10.2.0.0/16")}}
	ruleA  = netstate.RuleKey{Scope: vpcA.Scope, Group: "sg-1", Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: 22, To: 22},
		Peer: netstate.Peer{Prefix: netip.MustParsePrefix("10.2.0.0/16")}}
	otherA = netstate.RuleKey{Scope: vpcA.Scope, Group: "sg-1", Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: 23, To: 23},
		Peer: netstate.Peer{Prefix: netip.MustParsePrefix("10.2.0.0/16")}}
)

// lived is a look with a connection in a state, a route of it and a rule.
func lived(status netstate.Status) *netstate.Observed {
	o := pairWith(status, nil)
	o.Routes[routeA] = netstate.Route{Target: netstate.ToPeering("pcx-0"), Origin: netstate.OriginCreateRoute, State: "active"}
	o.Rules[ruleA] = netstate.Rule{ID: "sgr-1", Tags: netstate.Tags{netstate.TagOwner: "acme"}}
	return o
}

// What a call did and a look does not show yet is laid over it, for every kind of action: until a look shows it, or a minute is over, or
// somebody else changed what was there.
func TestEffectsSettle(t *testing.T) {
	t.Parallel()
	without := func(o *netstate.Observed) *netstate.Observed {
		clear(o.Connections)
		clear(o.Routes)
		clear(o.Rules)
		return o
	}
	red := netstate.Tags{"team": "red"}
	mine, nobodys := netstate.Tags{netstate.TagOwner: "acme", "team": "red"}, lived(netstate.Active)
	give(nobodys, "pcx-1", "")
	elsewhere := netstate.Target{Kind: netstate.TargetOther, ID: "tgw-1"}
	for name, c := range map[string]struct {
		before *netstate.Observed
		did    plan.Action
		got    string
		change func(o *netstate.Observed) // by somebody else, after it
	}{
		"request": {without(lived("")), plan.OpenConnection{Requester: vpcA, Accepter: vpcB, Tags: red}, "pcx-9", nil},
		"request, and released": {without(lived("")), plan.OpenConnection{Requester: vpcA, Accepter: vpcB, Tags: mine}, "pcx-9", func(o *netstate.Observed) {
			o.Connections["pcx-9"] = netstate.Connection{ID: "pcx-9", Requester: vpcA, Accepter: vpcB, Status: netstate.Pending}
			give(o, "pcx-9", netstate.Released)
		}},
		"take over": {nobodys, plan.TagConnection{Conn: "pcx-1", Tags: mine}, "", func(o *netstate.Observed) { give(o, "pcx-1", "umbrella") }},
		"accept":    {lived(netstate.Pending), plan.AcceptConnection{Conn: "pcx-1"}, "", func(o *netstate.Observed) { setStatus(o, netstate.Rejected) }},
		"tags":      {lived(netstate.Active), plan.TagConnection{Conn: "pcx-1", Tags: red}, "", func(o *netstate.Observed) { delete(o.Connections, "pcx-1") }},
		"options":   {lived(netstate.Active), plan.SetOptions{Conn: "pcx-1", DNS: true}, "", func(o *netstate.Observed) { delete(o.Connections, "pcx-1") }},
		"rule":      {without(lived(netstate.Active)), plan.AllowRule{Key: ruleA, Tags: red}, "sgr-9", func(o *netstate.Observed) { o.Rules[ruleA] = netstate.Rule{ID: "sgr-7"} }},
		"ports":     {lived(netstate.Active), plan.ChangeRule{ID: "sgr-1", From: ruleA, Key: otherA}, "", func(o *netstate.Observed) { o.Rules[ruleA] = netstate.Rule{ID: "sgr-7"} }},
		"describe":  {lived(netstate.Active), plan.DescribeRule{ID: "sgr-1", Key: ruleA, Description: "x"}, "", func(o *netstate.Observed) { delete(o.Rules, ruleA) }},
		"tag rule":  {lived(netstate.Active), plan.TagRule{ID: "sgr-1", Key: ruleA, Tags: red}, "", func(o *netstate.Observed) { delete(o.Rules, ruleA) }},
		"route":     {without(lived(netstate.Active)), plan.AddRoute{Key: routeA, Conn: "pcx-1"}, "", func(o *netstate.Observed) { o.Routes[routeA] = netstate.Route{Target: elsewhere} }},
		"replace":   {lived(netstate.Active), plan.ReplaceRoute{Key: routeA, Was: netstate.ToPeering("pcx-0"), Conn: "pcx-1"}, "", func(o *netstate.Observed) { o.Routes[routeA] = netstate.Route{Target: elsewhere} }},
		"remove":    {lived(netstate.Active), plan.RemoveRoute{Key: routeA, Was: netstate.ToPeering("pcx-0")}, "", func(o *netstate.Observed) { o.Routes[routeA] = netstate.Route{Target: elsewhere} }},
		"revoke":    {lived(netstate.Active), plan.RevokeRule{ID: "sgr-1", Key: ruleA}, "", func(o *netstate.Observed) { o.Rules[ruleA] = netstate.Rule{ID: "sgr-7"} }},
		"close":     {lived(netstate.Active), plan.CloseConnection{Conn: "pcx-1"}, "", func(o *netstate.Observed) { setStatus(o, netstate.Deleted) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := c.before.Clone()
			plan.Effect(after, c.did, c.got)
			same(t, "the effect itself", false, c.before, after)
			done := []plan.Outcome{{Action: c.did, Got: c.got}}
			m := plan.Memory{}.Next(c.before, done)
			same(t, "a stale look", true, after, m.Settle(c.before))
			same(t, "a look that shows it", true, after, m.Settle(after))
			same(t, "a stale look once it was shown", true, c.before, m.Next(after, nil).Settle(c.before))
			late := c.before.Clone()
			late.At = late.At.Add(time.Minute)
			same(t, "a stale look a minute later", true, late, m.Settle(late))
			failed := []plan.Outcome{{Action: c.did, Err: &netstate.Error{Kind: netstate.Ambiguous}}}
			same(t, "a call that failed", true, c.before, plan.Memory{}.Next(c.before, failed).Settle(c.before))
			if c.change != nil {
				changed := c.before.Clone()
				c.change(changed)
				same(t, "what somebody else did", true, changed, m.Settle(changed))
			}
		})
	}
}

// give puts an owner's tag on the requester's view, or takes all tags from it.
func give(o *netstate.Observed, id netstate.ConnID, to netstate.OwnerID) {
	c := o.Connections[id]
	c.Views[netstate.RequesterSide].Tags = netstate.Tags{}
	if to != "" {
		c.Views[netstate.RequesterSide].Tags[netstate.TagOwner] = string(to)
	}
	o.Connections[id] = c
}

func setStatus(o *netstate.Observed, s netstate.Status) {
	c := o.Connections["pcx-1"]
	c.Status = s
	o.Connections["pcx-1"] = c
}

func same(t *testing.T, what string, want bool, a, b *netstate.Observed) {
	t.Helper()
	d := cmp.Diff(a, b, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty())
	if (d == "") != want {
		t.Errorf("%s: equal %t, want %t\n%s", what, !want, want, d)
	}
}

// A connection that stays too long in a passing state is said to be stuck; the time starts anew with the state, and not with a look at
// others, in which it is not.
func TestStuckConnections(t *testing.T) {
	t.Parallel()
	s := twoVPCsSpec(t, "role: peerd")
	for _, status := range []netstate.Status{netstate.Initiating, netstate.Provisioning, netstate.Deleting} {
		o := pairWith(status, nil)
		m := plan.Memory{}.Next(o, nil)
		for _, c := range []struct {
			after time.Duration
			was   netstate.Status
			want  bool
		}{{10 * time.Minute, status, false}, {10*time.Minute + time.Second, status, true}, {time.Hour, netstate.Pending, false}} {
			now := pairWith(status, nil)
			now.At = o.At.Add(c.after)
			elsewhere := netstate.NewObserved(o.At.Add(time.Minute))
			remembered := m.Next(elsewhere, nil)
			if c.was != status {
				remembered = m.Next(pairWith(c.was, nil), nil)
			}
			p := plan.Make(s, now, plan.Options{Memory: remembered.Next(now, nil)})
			stuck := false
			for _, x := range p.Problems {
				stuck = stuck || x.Code == plan.CodeStuck && strings.Contains(x.Message, "pcx-1 has been "+string(status))
			}
			if stuck != c.want {
				t.Errorf("%s for %s: stuck %t, want %t (%v)", status, c.after, stuck, c.want, p.Problems)
			}
			for _, a := range p.Actions {
				if _, open := a.(plan.OpenConnection); open && a.Ready() {
					t.Errorf("%s: a second request: %s", status, a)
				}
			}
		}
	}
}

// An action that failed rests longer each time, and what removes with it; one that worked, or failed in passing, does not.
func TestFailuresRest(t *testing.T) {
	t.Parallel()
	s := twoVPCsSpec(t, "role: peerd")
	o := pairWith(netstate.Active, nil)
	first := plan.Make(s, o, plan.Options{})
	var route plan.Action
	for _, a := range first.Actions {
		if _, ok := a.(plan.AddRoute); ok && a.Scope() == vpcA.Scope {
			route = a
		}
	}
	refused := []plan.Outcome{{Action: route, Err: &netstate.Error{Op: "create route", Kind: netstate.Limit, Code: "RouteLimitExceeded"}}}
	other := []plan.Outcome{{Action: route, Err: &netstate.Error{Kind: netstate.Throttled}}}
	worked := []plan.Outcome{{Action: route}}
	for name, c := range map[string]struct {
		history [][]plan.Outcome
		after   time.Duration
		rests   bool
	}{
		"once, less than a minute ago":     {[][]plan.Outcome{refused}, time.Minute - 1, true},
		"once, a minute ago":               {[][]plan.Outcome{refused}, time.Minute, false},
		"twice, less than two ago":         {[][]plan.Outcome{refused, refused}, 2*time.Minute - 1, true},
		"twice, two minutes ago":           {[][]plan.Outcome{refused, refused}, 2 * time.Minute, false},
		"throttled":                        {[][]plan.Outcome{other}, 0, false},
		"refused, and worked since":        {[][]plan.Outcome{refused, refused, worked}, 0, false},
		"refused, and not asked for since": {[][]plan.Outcome{refused, nil, nil}, 0, true},
	} {
		m := plan.Memory{}
		for _, done := range c.history {
			m = m.Next(o, done)
		}
		p := plan.Make(s, o, plan.Options{})
		p.Rest(m, o.At.Add(c.after))
		planned := false
		for _, a := range p.Actions {
			planned = planned || plan.Key(a) == plan.Key(route)
		}
		said := len(p.Problems) == 1 && p.Problems[0].Code == plan.CodeResting && strings.Contains(p.Problems[0].Message, "RouteLimitExceeded")
		if planned == c.rests || said != c.rests {
			t.Errorf("%s: planned %t, said %t, want it to rest: %t (%v)", name, planned, said, c.rests, p.Problems)
		}
	}
}

// An account rests once all writes of two peerings or more failed there twice; but for one that has not failed itself, and when that works,
// for nothing at all.
func TestAccountsRest(t *testing.T) {
	t.Parallel()
	s, o := plantest.Estate(t, 30, `peerings:
  - {name: a, requester: {vpc: v000}, accepter: {vpc: v001}}
  - {name: b, requester: {vpc: v000}, accepter: {vpc: v002}}
  - {name: c, requester: {vpc: v000}, accepter: {vpc: v003}}
  - {name: d, requester: {vpc: v000}, accepter: {vpc: v004}}
  - {name: e, requester: {vpc: v005}, accepter: {vpc: v006}}
`)
	all := plan.Make(s, o, plan.Options{})
	opens := map[netstate.Link]plan.Action{}
	for _, a := range all.Actions {
		if _, ok := a.(plan.OpenConnection); ok {
			opens[a.Link()] = a
		}
	}
	pass := func(kind netstate.Kind, failed string, worked ...netstate.Link) (out []plan.Outcome) {
		for _, l := range strings.Fields(failed) {
			out = append(out, plan.Outcome{Action: opens[netstate.Link(l)], Err: &netstate.Error{Kind: kind, Code: "Refused"}})
		}
		for _, l := range worked {
			out = append(out, plan.Outcome{Action: opens[l]})
		}
		return out
	}
	denied := func(failed string, worked ...netstate.Link) []plan.Outcome {
		return pass(netstate.Denied, failed, worked...)
	}
	for name, c := range map[string]struct {
		history [][]plan.Outcome
		after   time.Duration
		want    string // what is opened
	}{
		"one fails, again and again":          {[][]plan.Outcome{denied("a"), denied("a"), denied("a"), denied("a")}, 0, "b c d e"},
		"two fail, once":                      {[][]plan.Outcome{denied("a b")}, 0, "c d e"},
		"two fail, twice":                     {[][]plan.Outcome{denied("a b"), denied("a b")}, 0, "c e"},
		"two fail, twice, and a third works":  {[][]plan.Outcome{denied("a b"), denied("a b", "d")}, 0, "c d e"},
		"the probe fails too":                 {[][]plan.Outcome{denied("a b"), denied("a b"), denied("c")}, 0, "d e"},
		"all that was probed fails":           {[][]plan.Outcome{denied("a b"), denied("a b"), denied("c"), denied("d")}, 0, "e"},
		"the probe works":                     {[][]plan.Outcome{denied("a b"), denied("a b"), denied("", "c")}, 0, "c d e"},
		"its time has come":                   {[][]plan.Outcome{denied("a b"), denied("a b")}, 2 * time.Minute, "a b c d e"},
		"a probe does not put it off":         {[][]plan.Outcome{denied("a b"), denied("a b"), denied("c")}, 2 * time.Minute, "a b c d e"},
		"two fail for reasons of their own":   {[][]plan.Outcome{pass(netstate.Limit, "a b"), pass(netstate.Limit, "a b")}, 0, "c d e"},
		"two are throttled, and may go first": {[][]plan.Outcome{pass(netstate.Throttled, "a b"), pass(netstate.Throttled, "a b")}, 0, "a e"},
	} {
		m := plan.Memory{}
		for _, done := range c.history {
			m = m.Next(o, done)
		}
		p := plan.Make(s, o, plan.Options{})
		p.Rest(m, o.At.Add(c.after))
		var got []string
		for _, a := range p.Actions {
			if _, ok := a.(plan.OpenConnection); ok {
				got = append(got, string(a.Link()))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: opened are %v, want %s", name, got, c.want)
		}
	}
}

// A tag of ours that somebody took away within the minute is not laid over the look again: the others of its call are shown.
func TestTagTakenAwayIsNotLag(t *testing.T) {
	t.Parallel()
	both := netstate.Tags{netstate.TagOwner: "acme", netstate.TagName: "a-b"}
	o := pairWith(netstate.Pending, nil)
	before := o.Clone()
	clear(before.Connections)
	m := plan.Memory{}.Next(before, []plan.Outcome{{Action: plan.OpenConnection{Requester: vpcA, Accepter: vpcB, Tags: both}, Got: "pcx-1"}})
	for name, tags := range map[string]netstate.Tags{"none yet": {}, "taken away": {netstate.TagName: "a-b"}} {
		now := o.Clone()
		c := now.Connections["pcx-1"]
		c.Views[netstate.RequesterSide].Tags = tags
		now.Connections["pcx-1"] = c
		got := m.Settle(now).Connections["pcx-1"].Views[netstate.RequesterSide].Owner()
		if want := map[string]netstate.OwnerID{"none yet": "acme", "taken away": ""}[name]; got != want {
			t.Errorf("%s: owner %q, want %q", name, got, want)
		}
	}
}
