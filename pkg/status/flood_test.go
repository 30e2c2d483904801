package status_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
	"github.com/peerd/peerd/pkg/status"
)

// daemon is a loop on the simulator, in real time, since sockets have no other.
type daemon struct {
	wake chan struct{}
	stop func()

	mu    sync.Mutex // guards turns
	turns []turned
}

type turned struct {
	reconcile.Turn
	at    time.Time
	calls int // that the simulator had seen by then
}

const beat = 500 * time.Millisecond // between full passes

func startDaemon(t *testing.T, s *status.State) *daemon {
	t.Helper()
	r := simtest.New(t, ec2sim.Config{}, onePeering)
	d := &daemon{wake: make(chan struct{}, 1)}
	commit := reconcile.Commit{Hash: "8f14e45", Files: fstest.MapFS{"spec.yaml": {Data: []byte(onePeering)}}}
	loop := reconcile.NewLoop(reconcile.LoopConfig{Target: simtest.Target(r.Sim), Source: fixed(commit), Interval: beat, Fetch: d.wake, OnDone: s.OnDone,
		Load: func(c reconcile.Commit) (*spec.Set, error) { return spec.Load(c.Files, "") },
		OnTurn: func(turn reconcile.Turn) {
			s.OnTurn(turn)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.turns = append(d.turns, turned{turn, time.Now(), len(r.Sim.Calls())})
		}})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	d.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(d.stop)
	return d
}

type fixed reconcile.Commit

func (f fixed) Fetch(context.Context, string) (reconcile.Commit, error) {
	return reconcile.Commit(f), nil
}

// check says what the loop did: no pass failed, none was left out, and webhooks caused no more fetches than one an interval.
func (d *daemon) check(t *testing.T, took time.Duration) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var last time.Time
	full, fetches := 0, 0
	for _, x := range d.turns {
		if x.Mode == "" {
			fetches++
			continue
		}
		full++
		if x.Report.Exit() != reconcile.ExitInSync {
			t.Errorf("a pass ended with %d\n%s", x.Report.Exit(), simtest.Text(x.Report))
		}
		if gap := x.at.Sub(last); full > 1 && gap > 20*beat {
			t.Errorf("no pass for %v", gap)
		}
		last = x.at
	}
	if most := int(took/time.Second) + 2; fetches == 0 || fetches > most {
		t.Errorf("webhooks caused %d fetches in %v, want some and %d at most", fetches, took, most)
	}
	t.Logf("%d passes and %d fetches more in %v", full, fetches, took)
}

// weight is what the program holds in memory: objects, and the stacks of goroutines.
func weight() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() + s[1].Value.Uint64())
}

// heaviest follows the weight until stop, and returns by how much it grew at most.
func heaviest() (stop func() int64) {
	runtime.GC()
	begin := weight()
	most, end, done := begin, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-tick.C:
				most = max(most, weight())
			case <-end:
				tick.Stop()
				return
			}
		}
	}()
	return func() int64 {
		close(end)
		<-done
		return most - begin
	}
}

// stranger is a kind of request, and the answer that it gets when it is not one of too many.
type stranger struct {
	name   string
	header string
	body   func() io.Reader
	length int64 // stated; 0: that of the body, -1: none
	code   int
}

var strangers = []stranger{
	{name: "forged", header: "X-Hub-Signature-256: sha256=" + mac("guess", hello), body: saying(hello), code: 401},
	{name: "unsigned", body: saying(hello), code: 401},
	{name: "oversized", header: "X-Gitlab-Token: " + secret, body: func() io.Reader { return endless{} }, length: 1 << 30, code: 413},
	{name: "endless", header: "X-Gitlab-Token: " + secret, body: func() io.Reader { return endless{} }, length: -1, code: 413},
	{name: "malformed", header: "X-Hub-Signature-256: sha256=zz\"{", body: saying("{{{"), code: 401},
	{name: "signed with nothing", header: "X-Gitea-Signature: " + mac("", hello), body: saying(hello), code: 401},
	{name: "replayed", header: "X-Gitea-Signature: " + mac(secret, hello), body: saying(hello), code: 202},
	{name: "a guessed token", header: "X-Gitlab-Token: guess", body: saying(hello), code: 401},
}

func saying(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }

// send makes a request, and returns the answer's code; 0: the connection broke, which may come before the answer to a body that is too large.
func (x stranger) send(ctx context.Context, client *http.Client, url string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, x.body())
	if err != nil {
		panic(err) // the address is the test's own
	}
	if x.length != 0 {
		r.ContentLength = x.length
	}
	if name, value, ok := strings.Cut(x.header, ": "); ok {
		r.Header.Set(name, value)
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// from is a client at one of the addresses of this machine.
func from(t *testing.T, address string) *http.Client {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	tr := &http.Transport{DialContext: d.DialContext, MaxConnsPerHost: 32, MaxIdleConnsPerHost: 32}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: time.Minute}
}

// slowOnes open connections that send half of something, and then nothing for ever. They return how many of them the server closed in time.
func slowOnes(t *testing.T, address string, n int) (closed func() int) {
	t.Helper()
	halves := []string{"POST /webhook HTTP/1.1\r\nHost: x\r\nX-A: ", "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Gitlab-Token: " + secret + "\r\nContent-Length: 100\r\n\r\n{"}
	var conns []net.Conn
	for i := range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, halves[i%2]); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	latest := time.Now().Add(40 * time.Second) // 10 for the server, the rest for a machine that is busy
	return func() (n int) {
		for _, c := range conns {
			_ = c.SetReadDeadline(latest)
			if _, err := io.Copy(io.Discard, c); !errors.Is(err, os.ErrDeadlineExceeded) {
				n++
			}
			c.Close()
		}
		return n
	}
}

// 10,000 requests, forged, unsigned, malformed, replayed, oversized, endless, and two hundred that never end, while passes go on: each is
// refused, a true one is heard, memory stays flat, no pass fails and none is left out.
func TestF58WebhookFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for real deadlines")
	}
	s := status.New(status.Config{Webhook: true})
	d := startDaemon(t, s)
	file := t.TempDir() + "/secret"
	write(t, file, secret)
	hook, err := status.NewWebhook(status.WebhookConfig{SecretFile: file, Wake: d.wake, OnRequest: s.OnWebhook})
	if err != nil {
		t.Fatal(err)
	}
	address, _ := serve(t, hook, status.ServeConfig{})
	url, ctx, begin := "http://"+address+"/webhook", t.Context(), time.Now()

	calm := from(t, "127.0.0.9")
	for _, x := range strangers {
		if got := x.send(ctx, calm, url); got != x.code {
			t.Errorf("%s: answered %d, want %d", x.name, got, x.code)
		}
	}

	if t.Failed() {
		return // a flood of what is not refused takes for ever
	}
	replay := from(t, "127.0.0.8")
	for range 40 { // one after the other, as fast as they are answered
		if got := strangers[6].send(ctx, replay, url); got != 202 {
			t.Errorf("replayed: answered %d", got)
		}
	}

	const slow, requests = 200, 10_000
	grown := heaviest()
	closed := slowOnes(t, address, slow)
	client := from(t, "127.0.0.1")
	var got [600]atomic.Int64 // by code
	var next atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := next.Add(1); i <= requests; i = next.Add(1) {
				got[strangers[i%int64(len(strangers))].send(ctx, client, url)].Add(1)
			}
		})
	}
	all.Go(func() { // meanwhile, from elsewhere
		heard := 0
		for i := range 8 {
			if (strangers[6]).send(ctx, from(t, fmt.Sprintf("127.0.1.%d", i)), url) == 202 {
				heard++
			}
		}
		if heard < 6 { // one may share its rate with the flood
			t.Errorf("%d of 8 true requests were heard", heard)
		}
	})
	all.Wait()
	flood := time.Since(begin)
	ended := closed()
	growth := grown()
	took := time.Since(begin)
	d.stop()
	d.check(t, took)

	codes := map[int]int64{}
	for code := range got {
		if n := got[code].Load(); n > 0 {
			codes[code] = n
		}
	}
	t.Logf("%v in %v; memory grew by %d kB", codes, flood, growth>>10)
	failures.Shown(t, 58, codes[401] > 1000 && codes[413] > 1000 && next.Load() >= requests, "10,000 webhook requests that are forged, oversized, replayed or slow")
	for code := range codes {
		switch code {
		case 0, 401, 413, 429, 202:
		default:
			t.Errorf("%d requests were answered %d", codes[code], code)
		}
	}
	if most := 50 + 10*int64(flood/time.Second) + 10; codes[202] > most {
		t.Errorf("%d replayed requests of one sender were accepted, want %d at most", codes[202], most)
	}
	if ended != slow {
		t.Errorf("%d of %d slow connections were closed", ended, slow)
	}
	if growth > 32<<20 {
		t.Errorf("memory grew by %d MB", growth>>20)
	}
}

// However many connections strangers open, so many are served at a time; the others wait in the kernel, and cost nothing.
func TestF58ManyConnections(t *testing.T) {
	file := t.TempDir() + "/secret"
	write(t, file, secret)
	hook, err := status.NewWebhook(status.WebhookConfig{SecretFile: file, Wake: make(chan struct{}, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var open, most atomic.Int64
	address, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for n := open.Add(1); ; {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		defer open.Add(-1)
		_, _ = io.Copy(io.Discard, r.Body) // as the webhook does when the sender's rate allows it
		hook.ServeHTTP(w, r)
	}), status.ServeConfig{})
	const connections, bound = 600, 256
	for range connections {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Gitlab-Token: "+secret+"\r\nContent-Length: 100\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(8 * time.Second); most.Load() < bound && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond)
	failures.Shown(t, 58, most.Load() >= bound, "600 connections send a request that they never finish")
	if most.Load() > bound {
		t.Errorf("%d requests were served at the same time, want %d at most", most.Load(), bound)
	}
}
