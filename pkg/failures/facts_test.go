package failures_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// The accounts of simtest.World, and the region in which most of it is.
const (
	network  = "111111111111"
	payments = "222222222222"
	partner  = "999999999999"
	west     = "eu-west-1"
	hub      = "vpc-0000000000000a001"
	tools    = "vpc-0000000000000a002"
	pay      = "vpc-0000000000000b001"
)

// twoAccounts is a spec of one peering between two accounts of simtest.World.
const twoAccounts = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}
peerings:
  - name: hub-pay
    requester: {vpc: hub}
    accepter: {vpc: pay}
`

// inBubble runs a row's case under virtual time.
func inBubble(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, f)
	})
}

// holds reports whether one line of a dumped world has all the parts.
func holds(dump string, parts ...string) bool { return len(linesWith(dump, parts...)) > 0 }

// linesWith are the lines of a dumped world that have all the parts.
func linesWith(dump string, parts ...string) []string {
	return slices.DeleteFunc(simtest.Lines(dump), func(l string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(l, p) })
	})
}

// mustSay fails the test unless the report has the words.
func mustSay(t *testing.T, r *reconcile.Report, words ...string) {
	t.Helper()
	text := simtest.Text(r)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("the report does not say %q:\n%s", w, text)
		}
	}
}

// mustKeep fails the test when a line of the world before is not in the one after.
func mustKeep(t *testing.T, what string, before, after []string) {
	t.Helper()
	if lost := simtest.Without(before, after); len(lost) > 0 {
		t.Errorf("%s: not as it was:\n%s", what, strings.Join(lost, "\n"))
	}
}

// applied makes the pass that brings the rig's peerings into being, and returns the world that it made.
func applied(t *testing.T, r *simtest.Rig) string {
	t.Helper()
	first, _ := r.Apply()
	simtest.MustExit(t, "first pass", first, reconcile.ExitInSync)
	return r.Sim.Dump()
}

// mustRest makes one more pass, with pruning, which must find everything in sync and change nothing.
func mustRest(t *testing.T, r *simtest.Rig) {
	t.Helper()
	again, calls := r.Prune(100)
	simtest.MustExit(t, "the pass after it", again, reconcile.ExitInSync)
	simtest.WantActions(t, nil, calls)
}

// mustLeave makes a pass without and one with pruning, of which neither may change anything: they exit with the code and say the words.
func mustLeave(t *testing.T, r *simtest.Rig, exit int, words ...string) {
	t.Helper()
	before := r.Sim.Dump()
	for what, pass := range map[string]func() (*reconcile.Report, []ec2sim.Call){
		"pass": r.Apply, "pass with --prune": func() (*reconcile.Report, []ec2sim.Call) { return r.Prune(100) },
	} {
		report, calls := pass()
		simtest.MustExit(t, what, report, exit)
		simtest.WantActions(t, nil, calls)
		mustSay(t, report, words...)
	}
	if d := simtest.Without(simtest.Lines(r.Sim.Dump()), simtest.Lines(before)); len(d) > 0 {
		t.Errorf("changed:\n%s", strings.Join(d, "\n"))
	}
}

// during calls f once, when the named action has taken effect and before its reply is written.
func during(r *simtest.Rig, action string, f func(url.Values)) {
	var done atomic.Bool
	r.Sim.After(func(c ec2sim.Call) {
		if c.Action == action && c.Code == "" && done.CompareAndSwap(false, true) {
			f(c.Params)
		}
	})
}

// answered reports whether a call of that action with the text among its parameters was answered with success.
func answered(calls []ec2sim.Call, action, text string) bool {
	return slices.ContainsFunc(calls, func(c ec2sim.Call) bool {
		return c.Action == action && c.Code == "" && strings.Contains(c.Params.Encode(), url.QueryEscape(text))
	})
}

// ours is the id of the one living connection that carries the owner tag of the specs here.
func ours(t *testing.T, dump string) string {
	t.Helper()
	ids := map[string]bool{}
	for _, l := range linesWith(dump, " connection ", "status=active", `"peerd:owner":"acme"`) {
		ids[strings.Fields(l)[2]] = true
	}
	if len(ids) != 1 {
		t.Fatalf("%d connections are ours:\n%s", len(ids), strings.Join(linesWith(dump, " connection "), "\n"))
	}
	return slices.Collect(maps.Keys(ids))[0]
}
