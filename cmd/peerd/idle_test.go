package main

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
	"github.com/peerd/peerd/pkg/tooltest"
)

// idlePasses is how many passes without change are made: PEERD_IDLE_PASSES, or fewer.
func idlePasses(t *testing.T) float64 {
	t.Helper()
	text := os.Getenv("PEERD_IDLE_PASSES")
	if text == "" {
		return 60
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 20 {
		t.Fatalf("PEERD_IDLE_PASSES=%s: say a number from 20", text)
	}
	return float64(n)
}

// holds is what a process holds between two passes.
type holds struct{ goroutines, files, heap int }

// held looks many times while passes are made, and takes the least: what a call in flight holds is given back.
func held(t *testing.T) holds {
	t.Helper()
	least := holds{math.MaxInt, math.MaxInt, math.MaxInt}
	for range 100 {
		time.Sleep(2 * time.Millisecond)
		runtime.GC()
		runtime.GC() // what finalizers let go of
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skipf("open files cannot be counted here: %v", err)
		}
		least = holds{min(least.goroutines, runtime.NumGoroutine()), min(least.files, len(files)), min(least.heap, int(m.HeapAlloc))}
	}
	return least
}

// The daemon makes pass after pass while nothing changes: it changes nothing, and holds no more at the end than after a tenth as many. It
// runs in this process, so that it can be looked into; the simulator is another.
func TestIdle(t *testing.T) { // not in parallel: it counts
	skipProcesses(t)
	passes := idlePasses(t)
	world := filepath.Join("..", "..", "pkg", "simtest", "world.yaml")
	endpoint := simProcess(t, world)
	id, secret := ec2sim.AccessKey("111111111111")
	for k, v := range map[string]string{"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(k, v)
	}
	o := gittest.NewOrigin(t)
	o.Commit("first", inSpecs(scenarioText(t, "cross-account-and-region")))
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, log: &tooltest.Buffer{}}
	done := make(chan int, 1)
	go func() {
		// seldom enough that calls do not wait for tokens: EC2 gives 20 of an action a second
		args := append(reach(gitwatch.Config{Repo: o.Bare}), "--interval", "60ms", "--aws-share", "1", "--listen", "127.0.0.1:0", "--probe-listen", "127.0.0.1:0")
		done <- run(ctx, args, func(string) (string, bool) { return "", false }, r.log, r.log)
	}()
	defer func() {
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("the daemon ended with %d\n%s", code, r.log)
		}
	}()
	made := func() float64 { return r.metric(`peerd_reconcile_runs_total{mode="full",result="success"}`) }
	until := func(n float64) {
		t.Helper()
		r.until("pass "+strconv.Itoa(int(n)), time.Hour, func() bool { time.Sleep(50 * time.Millisecond); return made() >= n })
	}
	r.until("it is in sync", 30*time.Second, func() bool {
		_, body := get(t, r.address("listen")+"/metrics")
		_, series, found := strings.Cut(body, "\npeerd_peering_in_sync{")
		return found && strings.HasSuffix(strings.SplitN(series, "\n", 2)[0], " 1") // there is one peering
	})
	until(made() + passes/10)
	first, calls, start := held(t), lastCall(t, endpoint), made()
	until(start + passes)
	last, mutating, all := held(t), mutatingSince(t, endpoint, calls), lastCall(t, endpoint)-calls
	t.Logf("%v passes without change: %d calls, %d of them mutating; goroutines %d then %d, open files %d then %d, heap %d kB then %d kB",
		made()-start, all, mutating, first.goroutines, last.goroutines, first.files, last.files, first.heap>>10, last.heap>>10)
	if mutating > 0 {
		t.Errorf("%d mutating calls", mutating)
	}
	const some = 8 // connections that happen to be open, with the goroutines that serve them
	if last.goroutines > first.goroutines+2*some || last.files > first.files+some || last.heap > first.heap+first.heap/4+1<<20 {
		t.Errorf("it holds more: %+v, then %+v", first, last)
	}
}

type logged struct {
	Calls []struct {
		Seq      int  `json:"seq"`
		Mutating bool `json:"mutating"`
	} `json:"calls"`
}

func callsSince(t *testing.T, endpoint string, since int) logged {
	t.Helper()
	_, body := get(t, endpoint+"/_sim/calls?since="+strconv.Itoa(since))
	var l logged
	if err := json.Unmarshal([]byte(body), &l); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return l
}

func lastCall(t *testing.T, endpoint string) int {
	t.Helper()
	all := callsSince(t, endpoint, 0).Calls
	return all[len(all)-1].Seq
}

func mutatingSince(t *testing.T, endpoint string, since int) (n int) {
	t.Helper()
	for _, c := range callsSince(t, endpoint, since).Calls {
		if c.Mutating {
			n++
		}
	}
	return n
}
