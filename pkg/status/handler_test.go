package status_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/status"
)

// ask sends a request to a handler, with headers "Name: value".
func ask(h http.Handler, request string, headers ...string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, path, nil)
	for _, x := range headers {
		name, value, _ := strings.Cut(x, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Each listener has its own paths and none of another's.
func TestPaths(t *testing.T) {
	t.Parallel()
	s := told(t)
	s.OnWake()                                    // what it was told may be of another time
	for request, want := range map[string][2]int{ // main, probes
		"GET /": {200, 404}, "GET /metrics": {200, 404}, "GET /api/v1/status": {200, 404}, "GET /healthz": {404, 200}, "GET /readyz": {404, 200},
		"POST /webhook": {404, 404}, "GET /webhook": {404, 404}, "GET /debug/pprof/": {404, 404}, "GET /metrics/x": {404, 404}, "POST /metrics": {405, 404},
		"HEAD /metrics": {200, 404}, "HEAD /healthz": {404, 200}, "DELETE /api/v1/status": {405, 404},
	} {
		got := [2]int{ask(s.Handler(), request).Code, ask(s.Probes(), request).Code}
		if got != want {
			t.Errorf("%s: answered %v, want %v", request, got, want)
		}
	}
}

// A loop of which nothing is heard for long hangs, unless it said when it would go on; a call to AWS is a sign of life.
func TestAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newState()
		var got []int
		after := func(d time.Duration) {
			time.Sleep(d)
			got = append(got, ask(s.Probes(), "GET /healthz").Code)
		}
		after(10 * time.Minute)
		s.OnCall(status.Call{Operation: "DescribeVpcs"})
		after(10 * time.Minute)
		after(time.Second)
		s.OnTurn(reconcile.Turn{Next: time.Now().Add(time.Hour)})
		after(time.Hour)
		after(10 * time.Minute)
		after(time.Second)
		s.OnWake()
		after(0)
		if d := cmp.Diff([]int{200, 200, 503, 200, 200, 503, 200}, got); d != "" {
			t.Errorf("/healthz (-want +got):\n%s", d)
		}
	})
}

func TestReadyOnceThereIsAReport(t *testing.T) {
	t.Parallel()
	s := newState()
	s.OnTurn(reconcile.Turn{Fetched: true, FetchErr: errFetch})
	s.OnTurn(reconcile.Turn{Mode: reconcile.ModeFull, Report: &reconcile.Report{Err: errFetch}})
	before := ask(s.Probes(), "GET /readyz")
	if before.Code != 503 || ask(s.Probes(), "GET /healthz").Code != 200 || strings.Contains(before.Body.String(), "192.0.2.1") {
		t.Errorf("before: %d %s", before.Code, before.Body)
	}
	if api := ask(s.Handler(), "GET /api/v1/status"); api.Code != 503 || !json.Valid(api.Body.Bytes()) {
		t.Errorf("before: %d %s", api.Code, api.Body)
	}
	s.OnTurn(turn(rich()))
	if after := ask(s.Probes(), "GET /readyz"); after.Code != 200 {
		t.Errorf("after: %d %s", after.Code, after.Body)
	}
}

func TestMetricsInEveryFormat(t *testing.T) {
	t.Parallel()
	s := told(t)
	const line = `peerd_peering_in_sync{peering="hub-payments"} 1`
	for name, tc := range map[string]struct {
		headers []string
		kind    string
		zipped  bool
		end     string
	}{
		"a browser":           {nil, "text/plain; version=0.0.4", false, ""},
		"curl --compressed":   {[]string{"Accept: */*", "Accept-Encoding: deflate, gzip, br"}, "text/plain; version=0.0.4", true, ""},
		"OpenMetrics":         {[]string{"Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}, "application/openmetrics-text; version=1.0.0", false, "# EOF\n"},
		"OpenMetrics, zipped": {[]string{"Accept: application/openmetrics-text;version=1.0.0", "Accept-Encoding: gzip"}, "application/openmetrics-text; version=1.0.0", true, "# EOF\n"},
		"nonsense":            {[]string{"Accept: ;;;q=x, \x01", "Accept-Encoding: \x02"}, "text/plain; version=0.0.4", false, ""},
	} {
		w := ask(s.Handler(), "GET /metrics", tc.headers...)
		var body io.Reader = w.Body
		if tc.zipped {
			z, err := gzip.NewReader(body)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			body = z
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), line) || !strings.HasSuffix(string(text), tc.end) || !strings.HasPrefix(w.Header().Get("Content-Type"), tc.kind) {
			t.Errorf("%s: %s\n%.200s", name, w.Header().Get("Content-Type"), text)
		}
	}
}

// A new report is shown at once; counts are shown when they were made again.
func TestMetricsAreFresh(t *testing.T) {
	t.Parallel()
	s := newState()
	metrics := func() string { return ask(s.Handler(), "GET /metrics").Body.String() }
	if strings.Contains(metrics(), "peerd_peerings") {
		t.Error("peerings before a report")
	}
	s.OnTurn(turn(rich()))
	if !strings.Contains(metrics(), "peerd_peerings 9") {
		t.Error("the report is not shown")
	}
	s.OnWebhook("github", status.WebhookAccepted)
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(metrics(), `peerd_webhook_requests_total{provider="github",result="accepted"} 1`); {
		if time.Now().After(deadline) {
			t.Fatal("the count is not shown after 10 seconds")
		}
		time.Sleep(time.Millisecond)
	}
}

// A metric that cannot be made is an error, and not an empty page.
func TestMetricsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	s := status.New(status.Config{Registry: reg})
	reg.MustRegister(twice{})
	if w := ask(s.Handler(), "GET /metrics"); w.Code != 500 {
		t.Errorf("answered %d\n%s", w.Code, w.Body)
	}
}

type twice struct{}

func (twice) Describe(chan<- *prometheus.Desc) {}
func (twice) Collect(to chan<- prometheus.Metric) {
	for range 2 {
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc("x", "x", nil, nil), prometheus.GaugeValue, 1)
	}
}

func TestAPIFollowsItsSchema(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile("../../deploy/schema/report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	w := ask(told(t).Handler(), "GET /api/v1/status")
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Error(err)
	}
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("answered %d %s", w.Code, w.Header().Get("Content-Type"))
	}
	if verdicts := v.(map[string]any)["verdicts"].([]any); len(verdicts) != 12 {
		t.Errorf("%d verdicts", len(verdicts))
	}
}

func TestLandingPage(t *testing.T) {
	t.Parallel()
	s := newState(func(c *status.Config) { c.Build.Version = "v1 <script>alert(1)</script>\x1b[31m" })
	page := ask(s.Handler(), "GET /").Body.String()
	for _, has := range []string{`href="/metrics"`, `href="/api/v1/status"`, "v1 &lt;script&gt;"} {
		if !strings.Contains(page, has) {
			t.Errorf("no %s", has)
		}
	}
	for _, not := range []string{"<script>", "debug/pprof", "\x1b"} {
		if strings.Contains(page, not) {
			t.Errorf("%q in\n%s", not, page)
		}
	}
}

// The file is replaced whole: who reads it meanwhile sees the old metrics or the new ones, and no other file is left behind.
func TestTextfile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "peerd.prom")
	write(t, path, "old\n")
	old, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	s := told(t)
	if err := s.WriteTextfile(path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s.text(t), string(got)); d != "" {
		t.Errorf("(-exposition +file):\n%s", d)
	}
	if was, _ := io.ReadAll(old); string(was) != "old\n" {
		t.Errorf("written in place: %.50q", was)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("files: %v", files)
	}
	if err := s.WriteTextfile(filepath.Join(dir, "missing", "peerd.prom")); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("no directory: %v", err)
	}
}

// A large estate's metrics are made a few times, however often they are asked for.
func TestScrapesShareTheWork(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	s := status.New(status.Config{Registry: reg})
	slow := &slowly{}
	reg.MustRegister(slow)
	h := s.Handler()
	begin := time.Now()
	var all sync.WaitGroup
	for range 500 {
		all.Go(func() { ask(h, "GET /metrics") })
		time.Sleep(time.Millisecond)
	}
	all.Wait()
	if most := 2 + int64(time.Since(begin)/(20*pace)); slow.made.Load() > most {
		t.Errorf("made %d times in %v, want %d at most", slow.made.Load(), time.Since(begin), most)
	}
	s.OnLead(true)
	before := slow.made.Load()
	if ask(h, "GET /metrics"); slow.made.Load() != before+1 {
		t.Error("not made again for what is new")
	}
}

const pace = 20 * time.Millisecond

// slowly is a collector that takes its time.
type slowly struct{ made atomic.Int64 }

func (*slowly) Describe(chan<- *prometheus.Desc) {}
func (s *slowly) Collect(chan<- prometheus.Metric) {
	s.made.Add(1)
	time.Sleep(pace)
}
