package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/tooltest"
)

// prometheus is a real one that scrapes one target every second.
type prometheus struct {
	t   *testing.T
	url string
}

func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	program := tooltest.Need(t, "prometheus")
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs: [{job_name: peerd, static_configs: [{targets: [%q]}]}]\n", strings.TrimPrefix(target, "http://"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log tooltest.Buffer
	cmd := exec.CommandContext(t.Context(), program, "--config.file", config, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", "127.0.0.1:0")
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	r := &running{t: t, cmd: cmd, log: &log}
	said := addressSaid(r, `msg="Listening on"[^\n]* address=(\S+)`)
	return &prometheus{t, "http://" + said}
}

// value is that of an instant query, and -1 where there is none.
func (p *prometheus) value(query string) float64 {
	p.t.Helper()
	code, body := get(p.t, p.url+"/api/v1/query?query="+url.QueryEscape(query))
	if code == http.StatusServiceUnavailable { // it is still starting
		return -1
	}
	var reply struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(body), &reply); err != nil {
		p.t.Fatalf("%s: %v\n%s", query, err, body)
	}
	if len(reply.Data.Result) == 0 {
		return -1
	}
	n, err := strconv.ParseFloat(reply.Data.Result[0].Value[1].(string), 64)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", query, err, body)
	}
	return n
}

// A real Prometheus scrapes the demo: what was made, broken and mended can be asked of it, and promtool finds nothing to object to.
func TestPrometheusScrapesTheDemo(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	log := &tooltest.Buffer{}
	cmd, _ := process(t.Context(), t, "http://127.0.0.1:1", "demo", "--for", "36s", "--listen", "127.0.0.1:0", "--log.level", "info")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, cmd: cmd, log: log}
	at := r.address("listen")
	p := startPrometheus(t, at)
	holds := func(query string, want float64) func() bool { return func() bool { return p.value(query) == want } }
	r.until("the target is up", 20*time.Second, holds("up", 1))
	r.until("both peerings are in sync", 30*time.Second, holds("sum(peerd_peering_in_sync)", 2))
	r.until("the routes that were missing are counted, the deleted one among them", 20*time.Second, holds(`sum(peerd_drift_detected_total{resource="route",kind="missing"})`, 5))
	r.until("the mistake is seen", 30*time.Second, holds("peerd_spec_last_load_successful", 0))
	_, text := get(t, at+"/metrics")
	file := filepath.Join(t.TempDir(), "metrics")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, file)
	r.until("it is mended", 20*time.Second, holds("peerd_spec_last_load_successful", 1))
	r.until("nothing is left", 20*time.Second, holds(`sum(peerd_drift_resources)`, 0))
	if n := p.value(`max_over_time(peerd_drift_resources{kind="conflict"}[1m]) > 0`); n != -1 {
		t.Errorf("conflicts: %v", n)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the demo ended with %v\n%s", err, log)
	}
	for _, said := range []string{"== 6/6 a commit mends it", "data.yaml:8:38: peerings[hub-data].accepter.rules[0].port: unknown field: did you mean ports?", "Plan: 1 to add", `peerd_peering_in_sync{peering="hub-data"} 1`} {
		if !strings.Contains(log.String(), said) {
			t.Errorf("it does not say %q:\n%s", said, log)
		}
	}
}
