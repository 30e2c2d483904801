package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/gitwatch/gittest"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/status"
)

// manager is systemd's end of the notify protocol.
type manager struct {
	path string

	mu   sync.Mutex // guards said
	said []string
}

// newManager listens on a real socket, as systemd does.
func newManager(t *testing.T) *manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // t.TempDir may be longer than a socket's name
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{path: filepath.Join(dir, "socket")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); _ = os.RemoveAll(dir) })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return // closed
			}
			m.hear(string(b[:n]))
		}
	}()
	return m
}

func (m *manager) hear(state string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said = append(m.said, state)
}

func (m *manager) heard() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.said)
}

func (m *manager) count(state string) (n int) {
	for _, s := range m.heard() {
		if s == state {
			n++
		}
	}
	return n
}

// systemd is told that peerd serves before there is a spec at all, what its passes find, twice in each WatchdogSec that it is alive, and,
// last of all, that it stops.
func TestSystemdIsTold(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	m := newManager(t)
	o := gittest.NewOrigin(t)
	s := gittest.Serve(t, o) // of a branch that has no commit yet
	sim, endpoint := server(t)
	r := prepareDaemonAt(t, sim, endpoint, append(reach(s.Config()), "--interval", "1s", "--aws-share", "1")...)
	r.cmd.Env = append(r.cmd.Env, "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=200000")
	r.start()
	says := func(want string) func() bool {
		return func() bool {
			return slices.ContainsFunc(m.heard(), func(s string) bool { return regexp.MustCompile(want).MatchString(s) })
		}
	}
	r.until("it is ready", 20*time.Second, says(`^READY=1$`))
	r.until("it says that there is no spec", 20*time.Second, says(`^STATUS=no spec yet; the spec cannot be fetched$`))
	if code, _ := get(t, r.address("probe-listen")+"/readyz"); code != 503 {
		t.Errorf("/readyz without a spec: %d", code)
	}
	text := scenarioText(t, "same-account")
	o.Commit("first", inSpecs(text))
	r.until("it says how things stand", 20*time.Second, says(`^STATUS=in sync at \d\d:\d\d:\d\d UTC, commit [0-9a-f]{12}$`))
	o.Commit("second", inSpecs(strings.Replace(text, "peerings:", "peerngs:", 1)))
	r.until("it says what it refuses", 20*time.Second, says(`^STATUS=in sync at .*; the newest commit does not load$`))
	fed := m.count("WATCHDOG=1")
	time.Sleep(time.Second)
	if n := m.count("WATCHDOG=1") - fed; n < 5 || n > 11 {
		t.Errorf("in a second the watchdog of 200 ms was fed %d times, want about 10", n)
	}
	r.stop()
	r.until("it says that it stops", 5*time.Second, says(`^STOPPING=1$`))
	said := m.heard()
	if said[0] != "READY=1" && !strings.HasPrefix(said[0], "STATUS=") || m.count("READY=1") != 1 || m.count("STOPPING=1") != 1 {
		t.Errorf("not told in order:\n%s", strings.Join(said, "\n"))
	}
}

// hanging is a source that heeds nothing until it is released.
type hanging struct{ release chan struct{} }

func (h hanging) Fetch(context.Context, string) (reconcile.Commit, error) {
	<-h.release
	return reconcile.Commit{}, errors.New("nothing there")
}

// A loop that hangs is fed no more, and fed again once it goes on; one that waits for its interval is alive however long that is.
func TestWatchdogOfALoopThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		state, source, m := status.New(status.Config{}), hanging{make(chan struct{})}, &manager{}
		loop := reconcile.NewLoop(reconcile.LoopConfig{Source: source, Interval: 10 * time.Hour, OnWake: state.OnWake, OnTurn: state.OnTurn})
		s := &systemd{log: slog.New(slog.DiscardHandler), tell: m.hear}
		ctx, cancel := context.WithCancel(t.Context())
		var parts sync.WaitGroup
		parts.Go(func() { _ = loop.Run(ctx) })
		parts.Go(func() { s.watch(ctx, time.Minute, state.Alive) })
		fed := func(within time.Duration) int {
			before := m.count("WATCHDOG=1")
			time.Sleep(within)
			return m.count("WATCHDOG=1") - before
		}
		time.Sleep(30 * time.Second) // between two ticks
		got := []int{fed(10 * time.Minute), fed(time.Hour)}
		close(source.release)
		got = append(got, fed(9*time.Hour))
		if d := cmp.Diff([]int{10, 0, 9 * 60}, got); d != "" {
			t.Errorf("fed while it may yet be at work, while it hangs, while it waits (-want +got):\n%s", d)
		}
		cancel()
		parts.Wait()
	})
}
