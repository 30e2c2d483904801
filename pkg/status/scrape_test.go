package status_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/status"
)

// estate is a collector of as many series as a large estate has. It counts how often it is asked, and can be made to hang.
type estate struct {
	desc *prometheus.Desc
	made atomic.Int64
	hang atomic.Pointer[chan struct{}]
}

func newEstate() *estate {
	return &estate{desc: prometheus.NewDesc("estate", "Series of a large estate.", []string{"peering", "kind"}, nil)}
}

func (e *estate) Describe(to chan<- *prometheus.Desc) { to <- e.desc }

func (e *estate) Collect(to chan<- prometheus.Metric) {
	e.made.Add(1)
	if wait := e.hang.Load(); wait != nil {
		<-*wait
	}
	for i := range 3000 {
		to <- prometheus.MustNewConstMetric(e.desc, prometheus.GaugeValue, 1, strings.Repeat("x", i/20), string(rune('a'+i%20)))
	}
}

// A thousand scrapes a second are answered from the latest report: AWS is not asked once more for them, passes go on as before, and nobody
// who has something to tell waits for somebody who looks.
func TestF59Scrapes(t *testing.T) {
	whileScraped(t)
	if !t.Failed() { // what hangs would hang here too
		scrapedOften(t)
	}
}

func whileScraped(t *testing.T) {
	reg, e := prometheus.NewRegistry(), newEstate()
	s := status.New(status.Config{Registry: reg})
	reg.MustRegister(e)
	release := make(chan struct{})
	e.hang.Store(&release)
	scraped := make(chan struct{})
	go func() { defer close(scraped); ask(s.Handler(), "GET /metrics") }()
	for e.made.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	failures.Shown(t, 59, true, "a scrape takes for ever")
	told := make(chan struct{})
	go func() {
		defer close(told)
		s.OnTurn(turn(rich()))
		s.OnCall(status.Call{Operation: "DescribeVpcs", Outcome: "success"})
		s.OnDone(reconcile.Result{Action: route("10.20.0.0/16")})
		s.OnWebhook("github", status.WebhookAccepted)
		s.OnLead(true)
		ask(s.Probes(), "GET /readyz")
	}()
	select {
	case <-told:
	case <-time.After(10 * time.Second):
		t.Error("the loop waits for the scrape")
	}
	close(release)
	if !t.Failed() {
		<-scraped
	}
}

func scrapedOften(t *testing.T) {
	reg, e := prometheus.NewRegistry(), newEstate()
	s := status.New(status.Config{Registry: reg})
	reg.MustRegister(e)
	d := startDaemon(t, s)
	address, _ := serve(t, s.Handler(), status.ServeConfig{})
	time.Sleep(6 * beat)
	quiet, quietCalls := d.passes()

	const scrapes, second = 3000, 1000
	before, begin := e.made.Load(), time.Now()
	answers := scrape(t, "http://"+address+"/metrics", scrapes, second, func() {
		s.OnLead(true)
		if now := fetched(t, http.DefaultClient, "http://"+address+"/metrics", ""); !strings.Contains(now, "\npeerd_leader 1\n") {
			t.Error("an old report is served")
		}
	})
	all, calls := d.passes()
	busy, busyCalls := all[len(quiet):], calls-quietCalls
	made := e.made.Load() - before
	t.Logf("%d scrapes in %v, of %d makings; a pass took %v before and %v meanwhile", answers, time.Since(begin), made, median(quiet), median(busy))
	failures.Shown(t, 59, answers == scrapes, "3,000 scrapes, a thousand a second")
	if made > scrapes/10 {
		t.Errorf("the metrics were made %d times for %d scrapes", made, scrapes)
	}
	if len(busy) == 0 || busyCalls/len(busy) != quietCalls/len(quiet) {
		t.Errorf("%d calls to AWS in %d passes, before %d in %d", busyCalls, len(busy), quietCalls, len(quiet))
	}
	if median(busy) > 5*median(quiet)+200*time.Millisecond {
		t.Errorf("a pass took %v, before %v", median(busy), median(quiet))
	}
}

// passes are how long each pass took after the first, and how many calls the simulator has seen since that.
func (d *daemon) passes() (took []time.Duration, calls int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.turns[1:] {
		took = append(took, x.Report.Finished.Sub(x.Report.Started))
	}
	return took, d.turns[len(d.turns)-1].calls - d.turns[0].calls
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	if len(d) == 0 {
		return 0
	}
	return d[len(d)/2]
}

// scrape asks so many times, so many a second, and does something in between. It returns how many answers were right.
func scrape(t *testing.T, url string, n, second int, halfway func()) int64 {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50, MaxConnsPerHost: 50}, Timeout: 2 * time.Minute}
	defer client.CloseIdleConnections()
	var right atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for i := range n {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(second))))
		if i == n/2 {
			halfway()
		}
		all.Go(func() {
			if i%100 > 0 { // what the others get is as large, and takes this program longer to unpack than to make
				right.Add(min(1, int64(len(fetched(t, client, url, "gzip")))))
			} else if strings.Contains(fetched(t, client, url, ""), `peerd_peering_in_sync{peering="hub-tools"} 1`) {
				right.Add(1)
			}
		})
	}
	all.Wait()
	return right.Load()
}

// fetched is the body of an answer; packed as it came if an encoding is asked for.
func fetched(t *testing.T, client *http.Client, url, encoding string) string {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		panic(err) // the address is the test's own
	}
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != encoding {
		t.Errorf("%d %s %v", resp.StatusCode, resp.Header.Get("Content-Encoding"), err)
	}
	return string(text)
}
