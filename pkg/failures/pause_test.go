package failures_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// manyRoutes is withPeerings of a peering with so many routes on each side that they have to wait for their turn.
func manyRoutes() string {
	list := func(second int) string {
		var to []string
		for i := range 60 {
			to = append(to, fmt.Sprintf("10.%d.%d.0/24", second, i))
		}
		return strings.Join(to, ", ")
	}
	return withPeerings(fmt.Sprintf("  - name: hub-tools\n    requester: {vpc: hub, routes: {tables: main, to: [%s]}}\n"+
		"    accepter: {vpc: tools, routes: {to: [%s]}}\n", list(1), list(0)))
}

// A pause that appears in the middle of a pass: no write begins after it, not even one that waits for its turn; what is not done is drift.
func TestF62PauseInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		at    int         // the pause appears once so many writes took effect
		fault *fault.Rule // what else happens
		exit  int
	}{
		"before the pass":                  {0, nil, reconcile.ExitChanges},
		"after the request":                {1, nil, reconcile.ExitChanges},
		"after the acceptance":             {2, nil, reconcile.ExitChanges},
		"while routes wait for their turn": {70, nil, reconcile.ExitChanges},
		"while a call is in flight":        {30, &fault.Rule{Operation: "CreateRoute", Kind: fault.Late, Delay: 5 * time.Second, From: 20}, reconcile.ExitChanges},
		"while a throttled call is to repeat": { // that call failed
			30, &fault.Rule{Operation: "CreateRoute", Kind: fault.Error, Code: "RequestLimitExceeded", Before: true, From: 20}, reconcile.ExitAttention},
	} {
		inBubble(t, name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pause")
			r := simtest.New(t, ec2sim.Config{Delays: simtest.Lagging}, manyRoutes())
			r.Paused = func() bool { _, err := os.Stat(file); return err == nil }
			if tc.fault != nil {
				r.Sim.Inject(*tc.fault)
			}
			var since time.Time
			pause := func() {
				since = time.Now()
				if err := os.WriteFile(file, nil, 0o600); err != nil {
					t.Error(err)
				}
			}
			if tc.at == 0 {
				pause()
			}
			var n atomic.Int64
			r.Sim.After(func(c ec2sim.Call) {
				if c.Mutating && !r.Paused() && n.Add(1) == int64(tc.at) {
					pause()
				}
			})
			pass, calls := r.Apply()
			simtest.MustExit(t, "the pass that is paused", pass, tc.exit)
			mustSay(t, pass, "paused: nothing is changed")
			late := 0
			for _, c := range calls {
				if c.Time.After(since) {
					late++
				}
			}
			if late > 0 || len(calls) > tc.at+3 {
				t.Errorf("%d writes began after the pause, %d in all", late, len(calls))
			}
			if missing := len(pass.Final.Drift); missing < 120-len(calls) {
				t.Errorf("%d differences are said, want what is not done yet", missing)
			}
			failures.Shown(t, 62, !since.IsZero() && len(facts(r, " route ", "-> pcx-")) < 120, "the pause file appeared before everything was done")
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			r.Sim.ClearFaults()
			pass, _ = r.Apply()
			simtest.MustExit(t, "the pass after the pause", pass, reconcile.ExitInSync)
		})
	}
}
