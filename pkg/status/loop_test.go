package status_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
	"github.com/peerd/peerd/pkg/status"
)

const onePeering = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
peerings:
  - name: hub-tools
    requester: {vpc: hub}
    accepter: {vpc: tools}
`

// text is a source of one text.
type text string

func (s text) Fetch(context.Context, string) (reconcile.Commit, error) {
	return reconcile.Commit{Hash: "8f14e45", Time: time.Now(), Files: fstest.MapFS{"spec.yaml": {Data: []byte(s)}}}, nil
}

// The daemon's loop on the simulator: what is made, what somebody breaks by hand, and its repair can be read from the metrics, and agree with
// the simulator's world.
func TestMetricsOfALoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, onePeering)
		s := newState()
		target := simtest.Target(r.Sim, func(c *awsnet.Config) {
			c.OnCall = func(c awsnet.Call) {
				s.OnCall(status.Call{Operation: c.Operation, Outcome: string(c.Outcome), Duration: c.Duration})
			}
		})
		loop := reconcile.NewLoop(reconcile.LoopConfig{Target: target, Source: text(onePeering), OnTurn: s.OnTurn, OnDone: s.OnDone,
			Load: func(c reconcile.Commit) (*spec.Set, error) { return spec.Load(c.Files, "") }})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- loop.Run(ctx) }()
		defer func() { cancel(); <-done }()
		settle := func() { time.Sleep(150 * time.Second); synctest.Wait() }

		settle()
		ours := func() (n int) {
			for _, l := range simtest.Lines(r.Sim.Dump()) {
				if strings.Contains(l, " route ") && strings.Contains(l, " -> pcx-") && strings.Contains(l, "state=active") {
					n++
				}
			}
			return n
		}
		made := ours()
		s.want(t, "peering_known peering_in_sync peering_ready peering_status peering_drift_since_timestamp_seconds",
			`peering_in_sync{peering="hub-tools"} 1`, `peering_known{peering="hub-tools"} 1`, `peering_ready{peering="hub-tools"} 1`, `peering_status{peering="hub-tools",status="active"} 1`)
		found := nonZero(s.series(t, "drift_detected_total"))
		missing := slices.IndexFunc(found, func(l string) bool { return strings.Contains(l, `kind="missing",resource="route"`) })
		if missing < 0 {
			t.Fatalf("no missing route was found:\n%s", strings.Join(found, "\n"))
		}
		if got := nonZero(s.series(t, "drift_resources")); len(got) > 0 {
			t.Errorf("drift that is left:\n%s", strings.Join(got, "\n"))
		}

		lost := firstRoute(t, r)
		r.Do("111111111111", "eu-west-1", "DeleteRoute", "RouteTableId", lost[0], "DestinationCidrBlock", lost[1])
		if ours() != made-1 {
			t.Fatalf("%d routes of ours, want one less than %d", ours(), made)
		}
		before := found[missing]
		settle()
		if ours() != made {
			t.Errorf("%d routes of ours, want %d", ours(), made)
		}
		after := nonZero(s.series(t, "drift_detected_total"))
		if d := cmp.Diff([]string{more(t, before)}, simtest.Without(after, found)); d != "" {
			t.Errorf("what was found since (-want +got):\n%s", d)
		}
		calls := map[string]bool{}
		for _, c := range r.Sim.Calls() {
			calls[c.Action] = true
		}
		for _, l := range nonZero(s.series(t, "aws_requests_total")) {
			name := strings.Split(l, `"`)[1]
			if !calls[name] {
				t.Errorf("the simulator saw no %s", name)
			}
			delete(calls, name)
		}
		delete(calls, "DeleteRoute") // by hand
		if len(calls) > 0 {
			t.Errorf("calls that were not counted: %v", calls)
		}
	})
}

// nonZero are the series that are not 0.
func nonZero(series []string) []string {
	return slices.DeleteFunc(series, func(l string) bool { return strings.HasSuffix(l, " 0") })
}

// more is a series with its value one more.
func more(t *testing.T, line string) string {
	t.Helper()
	at := strings.LastIndex(line, " ") + 1
	if len(line[at:]) != 1 || line[at] == '9' {
		t.Fatalf("not a digit that can grow: %s", line)
	}
	return line[:at] + string(line[at]+1)
}

// firstRoute is table and destination of a route of ours.
func firstRoute(t *testing.T, r *simtest.Rig) []string {
	t.Helper()
	for _, l := range simtest.Lines(r.Sim.Dump()) {
		if _, rest, ok := strings.Cut(l, " route "); ok && strings.Contains(rest, " -> pcx-") && strings.Contains(l, "state=active") {
			return strings.Fields(rest)[:2]
		}
	}
	t.Fatal("there is no route of ours")
	return nil
}
