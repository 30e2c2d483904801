package reconcile_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/preflight"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
	"github.com/peerd/peerd/pkg/spec"
)

// Other specs than twoPeerings, as changes of its text.
var (
	asItIs    = strings.NewReplacer()
	otherGone = strings.NewReplacer("  - {name: three-one, requester: {vpc: three}, accepter: {vpc: one}}\n", "")
	suspended = strings.NewReplacer("accepter: {vpc: one}}", "accepter: {vpc: one}, suspend: {reason: INC-42}}")
	partnered = strings.NewReplacer("vpcs:", "  p: {id: \"999999999999\", managed: false}\nvpcs:",
		"three: {account: b, region: us-east-1, id: vpc-0000000000000000c}", "three: {account: p, region: us-east-1, id: vpc-0000000000000000c, cidrs: [10.2.0.0/16]}",
		"requester: {vpc: three}, accepter: {vpc: one}", "requester: {vpc: one}, accepter: {vpc: three}")
)

// planned plans twoPeerings with a change of its text.
func planned(t *testing.T, change *strings.Replacer, o *netstate.Observed, prune bool) *plan.Plan {
	t.Helper()
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(change.Replace(twoPeerings))}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return plan.Make(s, o, plan.Options{Prune: prune})
}

// settled is the world in which everything of twoPeerings was made; its connections are called after their peerings.
func settled(t *testing.T, change *strings.Replacer) *netstate.Observed {
	t.Helper()
	o := world()
	for range 3 {
		for i, a := range planned(t, change, o, false).Actions {
			got := fmt.Sprint("sgr-", i)
			if a.Step() == plan.StepOpen {
				got = "pcx-" + string(a.Link())
			}
			if a.Ready() {
				plan.Effect(o, a, got)
			}
		}
		for id, c := range o.Connections {
			c.Status = netstate.Active
			c.Views[netstate.AccepterSide].Seen = c.Accepter.Account != "999999999999"
			o.Connections[id] = c
		}
	}
	return o
}

// noRoutes is the world without the routes to the third VPC.
func noRoutes(o *netstate.Observed) *netstate.Observed {
	out := o.Clone()
	maps.DeleteFunc(out.Routes, func(k netstate.RouteKey, _ netstate.Route) bool { return k.Dest.String() == "10.2.0.0/16" })
	return out
}

// changed is the world with the connection of the second peering changed.
func changed(o *netstate.Observed, change func(*netstate.Connection)) *netstate.Observed {
	out := o.Clone()
	c := out.Connections["pcx-three-one"]
	change(&c)
	out.Connections[c.ID] = c
	return out
}

// with is the plan with something changed that a plan cannot be made to have alone.
func with(p *plan.Plan, change func(*plan.Plan)) *plan.Plan {
	change(p)
	return p
}

// refused is the result of the plan's first action, which AWS refused.
func refused(p *plan.Plan) []reconcile.Result {
	return []reconcile.Result{{Action: p.Actions[0], Err: reconciletest.Fail(p.Actions[0], netstate.Denied, "UnauthorizedOperation")}}
}

// said are a peering's verdict and the reasons for it.
type said struct {
	Verdict reconcile.Verdict
	Reasons []string
}

func say(v reconcile.Verdict, reasons ...string) said { return said{v, reasons} }

// of are the reasons of one kind for each of several things.
func of(format string, things ...string) []string {
	var out []string
	for _, s := range things {
		out = append(out, fmt.Sprintf(format, s))
	}
	return out
}

// What is extra when the second peering is gone from the spec, and what is missing in noRoutes.
var (
	leftover = []string{"connection pcx-three-one 222222222222/us-east-1/vpc-0000000000000000c -> 111111111111/eu-west-1/vpc-0000000000000000a",
		"route 10.0.0.0/16 -> pcx-three-one in rtb-vpc-0000000000000000c", missing}
	missing = "route 10.2.0.0/16 -> pcx-three-one in rtb-vpc-0000000000000000a"
	denied  = "+ " + missing + " (111111111111/eu-west-1): UnauthorizedOperation: refused by the test"
)

// judged is a report, with what is to be made of it: the verdicts of peerings that are not in sync, or of which something is said.
type judged struct {
	report reconcile.Report
	exit   int
	want   map[netstate.Link]said
}

func one(v said) map[netstate.Link]said   { return map[netstate.Link]said{"one-two": v} }
func three(v said) map[netstate.Link]said { return map[netstate.Link]said{"three-one": v} }

func TestVerdictsOfDifferences(t *testing.T) {
	t.Parallel()
	good := settled(t, asItIs)
	bad := noRoutes(good)
	pending := changed(settled(t, partnered), func(c *netstate.Connection) { c.Status = netstate.Pending })
	judge(t, map[string]judged{
		"in sync":               {reconcile.Report{Final: planned(t, asItIs, good, false)}, 0, nil},
		"in sync in a dry run":  {reconcile.Report{DryRun: true, Final: planned(t, asItIs, good, false)}, 0, nil},
		"changes in a dry run":  {reconcile.Report{DryRun: true, Final: planned(t, asItIs, bad, false)}, 2, three(say(reconcile.Changes))},
		"left by a pass":        {reconcile.Report{Final: planned(t, asItIs, bad, false)}, 4, three(say(reconcile.Attention, "left: missing "+missing))},
		"paused":                {reconcile.Report{Paused: true, Final: planned(t, asItIs, bad, false)}, 2, three(say(reconcile.OnPurpose, "paused: nothing is changed"))},
		"suspended":             {reconcile.Report{Final: planned(t, suspended, bad, false)}, 2, three(say(reconcile.OnPurpose, "suspended: INC-42"))},
		"suspended and in sync": {reconcile.Report{Final: planned(t, suspended, good, false)}, 0, three(say(reconcile.InSync, "suspended: INC-42"))},
		"the partner's turn": {reconcile.Report{Final: planned(t, partnered, pending, false)}, 2,
			three(say(reconcile.OnPurpose, "waiting for acceptance by 999999999999/us-east-1/vpc-0000000000000000c"))},
		"the partner's turn, nothing else": {reconcile.Report{Final: with(planned(t, asItIs, good, false), func(p *plan.Plan) { p.Links[0].Waiting = "somebody" })}, 2,
			one(say(reconcile.OnPurpose, "waiting for somebody"))},
		"failed and still to be done": {reconcile.Report{Final: planned(t, asItIs, bad, false), Results: refused(planned(t, asItIs, bad, false))}, 4,
			three(say(reconcile.Attention, denied, "left: missing "+missing))},
		"failed twice": {reconcile.Report{Final: planned(t, asItIs, bad, false), Results: append(refused(planned(t, asItIs, bad, false)), refused(planned(t, asItIs, bad, false))...)}, 4,
			three(say(reconcile.Attention, denied, "left: missing "+missing))},
		"failed and done since":     {reconcile.Report{Final: planned(t, asItIs, good, false), Results: refused(planned(t, asItIs, bad, false))}, 0, nil},
		"failed and wanted by none": {reconcile.Report{Final: planned(t, otherGone, world(), false), Results: refused(planned(t, asItIs, bad, false)), DryRun: true}, 2, one(say(reconcile.Changes))},
		"a conflict":                {reconcile.Report{Final: with(planned(t, asItIs, good, false), conflict)}, 4, one(say(reconcile.Attention))},
		"a conflict in a dry run":   {reconcile.Report{DryRun: true, Final: with(planned(t, asItIs, good, false), conflict)}, 4, one(say(reconcile.Attention))},
	})
}

func conflict(p *plan.Plan) {
	p.Drift = []plan.Drift{{Link: "one-two", Resource: plan.ResourceRoute, Kind: plan.DriftConflict, What: "10.0.0.0/16", Left: "conflict"}}
}

func TestVerdictsOfWhatIsExtra(t *testing.T) {
	t.Parallel()
	good := settled(t, asItIs)
	guarded := with(planned(t, otherGone, good, true), func(p *plan.Plan) { p.Guard(plan.Limits{}) })
	tagged := changed(good, func(c *netstate.Connection) {
		c.Views[netstate.RequesterSide].Tags = c.Views[netstate.RequesterSide].Tags.With(netstate.Tags{netstate.TagSuspend: "INC-43"})
	})
	extra := func(left string) func(p *plan.Plan) {
		return func(p *plan.Plan) {
			p.Drift = []plan.Drift{{Link: "three-one", Resource: plan.ResourceRoute, Kind: plan.DriftExtra, What: "route", Left: left}}
		}
	}
	judge(t, map[string]judged{
		"pruning is off":           {reconcile.Report{Final: planned(t, otherGone, good, false)}, 2, three(say(reconcile.OnPurpose, of("extra: %s: pruning is off", leftover...)...))},
		"pruning is off, dry run":  {reconcile.Report{DryRun: true, Final: planned(t, otherGone, good, false)}, 2, three(say(reconcile.OnPurpose, of("extra: %s: pruning is off", leftover...)...))},
		"to be removed":            {reconcile.Report{DryRun: true, Prune: true, Final: planned(t, otherGone, good, true)}, 2, three(say(reconcile.Changes))},
		"not removed":              {reconcile.Report{Prune: true, Final: planned(t, otherGone, good, true)}, 4, three(say(reconcile.Attention, of("left: extra %s", leftover...)...))},
		"paused":                   {reconcile.Report{Prune: true, Paused: true, Final: planned(t, otherGone, good, true)}, 2, three(say(reconcile.OnPurpose, "paused: nothing is changed"))},
		"not known enough":         {reconcile.Report{Prune: true, Final: with(planned(t, asItIs, good, true), extra("a held peering may want it"))}, 4, three(say(reconcile.Attention, "extra: route: a held peering may want it"))},
		"suspended in the spec":    {reconcile.Report{Prune: true, Final: with(planned(t, suspended, good, true), extra("suspended"))}, 2, three(say(reconcile.OnPurpose, "suspended: INC-42", "extra: route: suspended"))},
		"suspended by a tag":       {reconcile.Report{Prune: true, Final: planned(t, otherGone, tagged, true)}, 2, three(say(reconcile.OnPurpose, append([]string{"suspended: INC-43 (tag peerd:suspend on pcx-three-one)"}, of("extra: %s: suspended", leftover...)...)...))},
		"withheld in a dry run":    {reconcile.Report{DryRun: true, Prune: true, First: guarded, Final: guarded}, 4, three(say(reconcile.Attention, of("extra: %s: withheld", leftover...)...))},
		"withheld, the rest done":  {reconcile.Report{Prune: true, First: guarded, Final: planned(t, otherGone, good, true)}, 4, three(say(reconcile.Attention, of("extra: %s: withheld", leftover...)...))},
		"withheld, and gone since": {reconcile.Report{Prune: true, First: guarded, Final: planned(t, asItIs, good, true)}, 4, nil},
	})
}

func TestVerdictsOfProblems(t *testing.T) {
	t.Parallel()
	good := settled(t, asItIs)
	problem := func(l netstate.Link, s plan.Severity) reconcile.Report {
		return reconcile.Report{Final: with(planned(t, asItIs, good, false), func(p *plan.Plan) {
			p.Problems = []plan.Problem{{Link: l, Code: plan.CodeTwin, Pos: spec.Pos{File: "a.yaml", Line: 3, Col: 5}, Severity: s, Message: "a message"}}
		})}
	}
	const words = "a.yaml:3:5: connection-twin: a message"
	held := func(p *plan.Plan) { p.Links[0].Held = true }
	judge(t, map[string]judged{
		"a warning":                       {problem("one-two", plan.Warns), 0, nil},
		"an item blocked":                 {problem("one-two", plan.BlocksItem), 4, one(say(reconcile.Attention, words))},
		"a side held":                     {problem("one-two", plan.HoldsSide), 4, one(say(reconcile.Attention, words))},
		"a peering held":                  {problem("one-two", plan.HoldsLink), 4, one(say(reconcile.Attention, words))},
		"of no known peering":             {problem("gone", plan.BlocksItem), 4, map[netstate.Link]said{"gone": say(reconcile.Attention, words)}},
		"held and nothing said":           {reconcile.Report{Final: with(planned(t, asItIs, good, false), held)}, 4, one(say(reconcile.Attention))},
		"a listing that no peering needs": {reconcile.Report{Final: with(planned(t, asItIs, good, false), func(p *plan.Plan) { p.Unread = []*netstate.Error{{Op: "list"}} })}, 4, nil},
	})
}

// A peering is ready when it carries traffic as declared, whatever else is to be said of it.
func TestReady(t *testing.T) {
	t.Parallel()
	good := settled(t, asItIs)
	problem := func(code string, s plan.Severity) func(*plan.Plan) {
		return func(p *plan.Plan) { p.Problems = []plan.Problem{{Link: "three-one", Code: code, Severity: s}} }
	}
	drift := func(r plan.Resource, k plan.DriftKind) func(*plan.Plan) {
		return func(p *plan.Plan) { p.Drift = []plan.Drift{{Link: "three-one", Resource: r, Kind: k}} }
	}
	for name, tc := range map[string]struct {
		change func(*plan.Plan)
		ready  bool
	}{
		"nothing to be said":       {func(*plan.Plan) {}, true},
		"suspended":                {func(p *plan.Plan) { p.Links[1].Suspended = "INC-42" }, true},
		"something extra":          {drift(plan.ResourceRoute, plan.DriftExtra), true},
		"a tag missing":            {drift(plan.ResourceTags, plan.DriftMissing), true},
		"another warning":          {problem(preflight.CodeTakes, plan.Warns), true},
		"a route shadowed":         {problem(preflight.CodeShadowed, plan.Warns), false},
		"a rule's traffic stopped": {problem(preflight.CodeACL, plan.Warns), false},
		"ACLs not read":            {problem(preflight.CodeUnreadACLs, plan.Warns), true},
		"an item blocked":          {problem(plan.CodeOutside, plan.BlocksItem), false},
		"a route missing":          {drift(plan.ResourceRoute, plan.DriftMissing), false},
		"a route that conflicts":   {drift(plan.ResourceRoute, plan.DriftConflict), false},
		"a rule changed":           {drift(plan.ResourceRule, plan.DriftChanged), false},
		"options off":              {drift(plan.ResourceOptions, plan.DriftChanged), false},
		"not active":               {func(p *plan.Plan) { p.Links[1].Status = netstate.Provisioning }, false},
		"held":                     {func(p *plan.Plan) { p.Links[1].Held = true }, false},
		"a leftover":               {func(p *plan.Plan) { p.Links[1].Leftover = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := reconcile.Report{Final: with(planned(t, asItIs, good, false), tc.change)}
			for _, v := range r.Verdicts() {
				if want := tc.ready || v.Link == "one-two"; v.Ready != want {
					t.Errorf("%s: ready is %v, want %v", v.Link, v.Ready, want)
				}
			}
		})
	}
}

// The worst of several decides the exit code, in the order 1, 4, 2, 0.
func TestExitOfSeveral(t *testing.T) {
	t.Parallel()
	good := settled(t, asItIs)
	bad := noRoutes(good)
	held := func(p *plan.Plan) { p.Links[0].Held = true }
	worse := good.Clone()
	clear(worse.Routes)
	onPurpose := say(reconcile.OnPurpose, "suspended: INC-42")
	judge(t, map[string]judged{
		"no look at all":               {reconcile.Report{Err: errors.New("no credentials")}, 1, nil},
		"an error and all in sync":     {reconcile.Report{Err: errors.New("the end"), Final: planned(t, asItIs, good, false)}, 1, nil},
		"an error before attention":    {reconcile.Report{Err: errors.New("the end"), Final: planned(t, asItIs, bad, false)}, 1, three(say(reconcile.Attention, "left: missing "+missing))},
		"attention before on purpose":  {reconcile.Report{Final: with(planned(t, suspended, bad, false), held)}, 4, map[netstate.Link]said{"one-two": say(reconcile.Attention), "three-one": onPurpose}},
		"attention and changes in one": {reconcile.Report{DryRun: true, Final: with(planned(t, asItIs, bad, false), func(p *plan.Plan) { p.Links[1].Held = true })}, 4, three(say(reconcile.Attention))},
		"attention before changes":     {reconcile.Report{DryRun: true, Final: with(planned(t, asItIs, bad, false), held)}, 4, map[netstate.Link]said{"one-two": say(reconcile.Attention), "three-one": say(reconcile.Changes)}},
		"changes and on purpose":       {reconcile.Report{DryRun: true, Final: planned(t, suspended, worse, false)}, 2, map[netstate.Link]said{"one-two": say(reconcile.Changes), "three-one": onPurpose}},
	})
}

func judge(t *testing.T, reports map[string]judged) {
	t.Helper()
	for name, tc := range reports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.report.Exit(); got != tc.exit {
				t.Errorf("exit %d, want %d", got, tc.exit)
			}
			var got map[netstate.Link]said
			for _, v := range tc.report.Verdicts() {
				if v.Verdict == reconcile.InSync && v.Reasons == nil {
					continue
				}
				if got == nil {
					got = map[netstate.Link]said{}
				}
				got[v.Link] = said{v.Verdict, v.Reasons}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("verdicts (-want +got):\n%s", d)
			}
		})
	}
}
