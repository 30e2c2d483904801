package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/plan/plantest"
	"github.com/peerd/peerd/pkg/spec"
)

func map1(name, content string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(content)}} }

// made is the plan of a scenario.
func made(t *testing.T, scenario string, opt plan.Options) *plan.Plan {
	t.Helper()
	return plan.Make(specOf(t, "testdata/"+scenario), plantest.Observed(t, "testdata/"+scenario+"/observed.txt"), opt)
}

// A call carries what EC2 takes a list of: rules of one group and direction, and for new ones one set of tags.
func TestBatches(t *testing.T) {
	t.Parallel()
	west := netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	key := func(group netstate.GroupID, dir netstate.Direction, port int32) netstate.RuleKey {
		return netstate.RuleKey{Scope: west, Group: group, Dir: dir, Proto: netstate.TCP, Ports: netstate.PortRange{From: port, To: port}}
	}
	red, blue := netstate.Tags{"team": "red"}, netstate.Tags{"team": "blue"}
	in, out := netstate.Ingress, netstate.Egress
	for name, c := range map[string]struct {
		actions []plan.Action
		want    []int // the size of each call
	}{
		"allow, one group":         {[]plan.Action{plan.AllowRule{Key: key("a", in, 1), Tags: red}, plan.AllowRule{Key: key("a", in, 2), Tags: red}}, []int{2}},
		"allow, two groups":        {[]plan.Action{plan.AllowRule{Key: key("a", in, 1)}, plan.AllowRule{Key: key("b", in, 2)}, plan.AllowRule{Key: key("a", in, 3)}}, []int{2, 1}},
		"allow, two directions":    {[]plan.Action{plan.AllowRule{Key: key("a", in, 1)}, plan.AllowRule{Key: key("a", out, 2)}}, []int{1, 1}},
		"allow, two sets of tags":  {[]plan.Action{plan.AllowRule{Key: key("a", in, 1), Tags: red}, plan.AllowRule{Key: key("a", in, 2), Tags: blue}}, []int{1, 1}},
		"change, two directions":   {[]plan.Action{plan.ChangeRule{Key: key("a", in, 1)}, plan.ChangeRule{Key: key("a", out, 2)}}, []int{2}},
		"change, two groups":       {[]plan.Action{plan.ChangeRule{Key: key("a", in, 1)}, plan.ChangeRule{Key: key("b", in, 2)}}, []int{1, 1}},
		"describe, two directions": {[]plan.Action{plan.DescribeRule{Key: key("a", in, 1)}, plan.DescribeRule{Key: key("a", out, 2)}}, []int{1, 1}},
		"tag, two groups":          {[]plan.Action{plan.TagRule{Key: key("a", in, 1), Tags: red}, plan.TagRule{Key: key("b", out, 2), Tags: red}}, []int{2}},
		"tag, two sets":            {[]plan.Action{plan.TagRule{Key: key("a", in, 1), Tags: red}, plan.TagRule{Key: key("a", in, 2), Tags: blue}}, []int{1, 1}},
		"revoke":                   {[]plan.Action{plan.RevokeRule{Key: key("a", in, 1)}, plan.RevokeRule{Key: key("a", in, 2)}, plan.RevokeRule{Key: key("a", out, 2)}}, []int{2, 1}},
		"of two kinds":             {[]plan.Action{plan.AllowRule{Key: key("a", in, 1)}, plan.RevokeRule{Key: key("a", in, 2)}}, []int{1, 1}},
		"routes, one call each":    {[]plan.Action{plan.AddRoute{}, plan.AddRoute{}, plan.ReplaceRoute{}}, []int{1, 1, 1}},
	} {
		var got []int
		for _, b := range plan.Batches(c.actions) {
			got = append(got, len(b))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"0": "{0 0 0}", "5": "{5 0 0}", "10%": "{0 10 0}", "100%": "{0 100 0}", "101%": "", "-1": "", "%": "", "": "", "5 %": "", "x": ""} {
		got, err := plan.ParseLimits(in)
		if text := fmt.Sprint(got); (err != nil) != (want == "") || err == nil && text != want {
			t.Errorf("%q: %s, %v, want %s", in, text, err, want)
		}
	}
}

func TestAllowedBy(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int{
		"":                                     0,
		"Peerd-Allow-Deletes: 3":               0, // a subject is no trailer
		"drop a\n\nPeerd-Allow-Deletes: 3":     3,
		"drop a\n\nPeerd-Allow-Deletes: 3\n\n": 3,
		"drop a\n\nPeerd-Allow-Deletes: 3\n\nbut not so":           0,
		"drop a\n\nSigned-off-by: b\nPeerd-Allow-Deletes:12\nX: y": 12,
		"drop a\n\npeerd-allow-deletes: 4":                         4,
		"drop a\n\nI wrote Peerd-Allow-Deletes: 3":                 0,
		"drop a\n\nPeerd-Allow-Deletes: -3":                        0,
		"drop a\n\nPeerd-Allow-Deletes: 99999999999999":            0,
	} {
		if got := plan.AllowedBy(in); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

// Of the two peerings one has left the spec, and would lose what it has.
func TestGuard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scenario string
		limits   plan.Limits
		withheld string // part of the reason; empty: nothing is
	}{
		"none allowed":           {"prune-leftover", plan.Limits{}, "1 of 2 peerings would lose something, at most 0 may"},
		"one allowed":            {"prune-leftover", plan.Limits{Number: 1}, ""},
		"a small part, one":      {"prune-leftover", plan.Limits{Percent: 10}, ""},
		"allowed by the commit":  {"prune-leftover", plan.Limits{Allowed: 1}, ""},
		"begun before":           {"prune-begun-before", plan.Limits{}, ""},
		"an empty spec":          {"prune-with-an-empty-spec", plan.Limits{Percent: 100}, "an empty spec removes nothing"},
		"a route and a rule":     {"prune-extra-route-and-rule", plan.Limits{}, "1 of 1 peerings would lose something"},
		"nothing to be removed":  {"contested-one-holds-it", plan.Limits{}, ""},
		"an empty world as well": {"nothing-there-yet", plan.Limits{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := made(t, c.scenario, plan.Options{Prune: true})
			before := len(p.Actions)
			p.Guard(c.limits)
			if c.withheld == "" {
				if p.Withheld != nil || len(p.Actions) != before {
					t.Fatalf("withheld: %+v", p.Withheld)
				}
				return
			}
			if p.Withheld == nil || !strings.Contains(p.Withheld.Reason, c.withheld) {
				t.Fatalf("withheld: %+v", p.Withheld)
			}
			for _, a := range p.Actions {
				if a.Step().Removes() {
					t.Errorf("still there: %s", a)
				}
			}
			for _, d := range p.Drift {
				if d.Kind == plan.DriftExtra && d.Left != "withheld" {
					t.Errorf("%s: left %q", d.What, d.Left)
				}
			}
		})
	}
}

// An emptied spec may not even say where to look: that nothing is seen to be removed does not make it a spec to be followed.
func TestGuardOfAnEmptySpecThatSeesNothing(t *testing.T) {
	t.Parallel()
	s := specOf(t, "testdata/prune-with-an-empty-spec")
	for prune, withheld := range map[bool]bool{true: true, false: false} {
		p := plan.Make(s, netstate.NewObserved(time.Now()), plan.Options{Prune: prune})
		p.Guard(plan.Limits{Percent: 100})
		if (p.Withheld != nil) != withheld {
			t.Errorf("prune %t: withheld: %+v", prune, p.Withheld)
		}
	}
}

// A look is widened for both VPCs of every leftover that is ours and alive, once, and for nothing else.
func TestMore(t *testing.T) {
	t.Parallel()
	for scenario, want := range map[string]string{
		"contested-one-holds-it":           "",
		"prune-leftover":                   "333333333333/eu-west-1 [vpc-0000000000000000c]",
		"prune-not-an-orphan":              "",
		"replace-not-from-other-owner":     "",
		"failed-long-ago-and-living-again": "",
		"prune-with-an-empty-spec":         "111111111111/eu-west-1 [vpc-0000000000000000a] 222222222222/eu-west-1 [vpc-0000000000000000b] 333333333333/eu-west-1 [vpc-0000000000000000c]",
	} {
		s, o := specOf(t, "testdata/"+scenario), plantest.Observed(t, "testdata/"+scenario+"/observed.txt")
		first := plan.Look(s, plan.Ask{})
		wide, more := plan.More(s, first, o)
		var got []string
		for _, at := range []netstate.Scope{{Account: "111111111111", Region: "eu-west-1"}, {Account: "222222222222", Region: "eu-west-1"}, {Account: "333333333333", Region: "eu-west-1"}} {
			if added := wide.Scopes[at].VPCs[len(first.Scopes[at].VPCs):]; len(added) > 0 {
				got = append(got, fmt.Sprintf("%s [%s]", at, added[0].ID))
			}
		}
		if text := strings.Join(got, " "); text != want || more != (want != "") {
			t.Errorf("%s: %v %q, want %q", scenario, more, text, want)
		}
		if _, again := plan.More(s, wide, o); again && len(o.Unread) == 0 {
			t.Errorf("%s: asks for more again", scenario)
		}
	}
}

// Neither a dead leftover nor a stranger's connection widens a look.
func TestNoMoreForTheDeadAndForStrangers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*netstate.Connection){
		"dead":    func(c *netstate.Connection) { c.Status = netstate.Deleted },
		"another": func(c *netstate.Connection) { c.Views[0].Tags = netstate.Tags{netstate.TagOwner: "other"} },
	} {
		s, o := specOf(t, "testdata/prune-leftover"), plantest.Observed(t, "testdata/prune-leftover/observed.txt")
		c := o.Connections["pcx-7"]
		change(&c)
		o.Connections["pcx-7"] = c
		if wide, more := plan.More(s, plan.Look(s, plan.Ask{}), o); more {
			t.Errorf("%s: asks for %v", name, wide.Scopes)
		}
	}
}

// A mesh asks for each thing once.
func TestLookAsksOnce(t *testing.T) {
	t.Parallel()
	s, err := newSet(`
vpcs:
  a: {account: n, region: eu-west-1, tags: {Name: a}}
  b: {account: n, region: eu-west-1, tags: {Name: b}}
  c: {account: n, region: eu-west-1, id: vpc-0000000000000000c}
meshes: [{name: m, vpcs: [a, b, c], side: {dns: true, routes: {to: [{prefixList: pl-00000000000000001}]}, rules: [{group: app, protocol: tcp, ports: [1]}, {group: app, protocol: udp, ports: [1], peer: {group: app}}]}}]
`)
	if err != nil {
		t.Fatal(err)
	}
	w := plan.Look(s, plan.Ask{}).Scopes[netstate.Scope{Account: "111111111111", Region: "eu-west-1"}]
	if len(w.VPCs) != 3 || len(w.DNS) != 3 || len(w.Groups) != 3 || len(w.PrefixLists) != 1 {
		t.Errorf("asks for %+v", w)
	}
}

func TestLookReadsWithTheReadRole(t *testing.T) {
	t.Parallel()
	s, err := newSet("vpcs: {a: {account: n, region: eu-west-1, id: vpc-0000000000000000a}}\n")
	if err != nil {
		t.Fatal(err)
	}
	for readOnly, want := range map[bool]string{false: "peerd", true: "peerd-read"} {
		if got := plan.Look(s, plan.Ask{ReadOnly: readOnly}).Access["111111111111"].Role; got != want {
			t.Errorf("read only %t: %s, want %s", readOnly, got, want)
		}
	}
}

// A later plan within a pass does only what the first announced; a shared rule may be another peering's by then.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	nothing, first := made(t, "in-sync", plan.Options{}), made(t, "shared-rule-missing", plan.Options{})
	later := made(t, "shared-rule-missing", plan.Options{Avoid: map[netstate.Link]bool{"hub-x": true}})
	if got := later.Announced(nothing); len(got) != 0 {
		t.Errorf("not announced: %v", got)
	}
	if got := later.Announced(first); len(got) != 1 || got[0].Link() != "hub-y" {
		t.Errorf("announced: %v", got)
	}
}

func newSet(rest string) (*spec.Set, error) {
	return spec.Load(map1("s.yaml", "apiVersion: peerd/v1\nowner: acme\naccounts: {n: {id: \"111111111111\", role: peerd, readRole: peerd-read}}\n"+rest), "")
}

// An account that cannot be reached fails every listing with one error, which is said once.
func TestUnreachableScopeIsSaidOnce(t *testing.T) {
	t.Parallel()
	o := plantest.Observed(t, "testdata/prune-leftover/observed.txt")
	far := netstate.Scope{Account: "333333333333", Region: "eu-west-1"}
	err := &netstate.Error{Op: "open a session", Scope: far, Kind: netstate.Denied}
	o.Fail(far, netstate.ListConnections, err)
	o.Fail(far, netstate.ListVPCs, err)
	if p := plan.Make(specOf(t, "testdata/prune-leftover"), o, plan.Options{}); len(p.Unread) != 1 || p.Unread[0] != err {
		t.Errorf("unread: %v", p.Unread)
	}
}
