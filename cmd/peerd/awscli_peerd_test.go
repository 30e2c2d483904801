package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/simtest"
)

// specOf is a spec of testdata with the ids that AWS gave.
func specOf(t *testing.T, name string, ids map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "awscli", name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(os.Expand(string(text), func(k string) string { return ids[k] })), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// takeOver lets peerd plan, which changes nothing, then make the pass, which says that all is in sync, and then another, which changes
// nothing. It returns the calls of the pass that changed something.
func takeOver(t *testing.T, endpoint, spec string, want []string) []string {
	t.Helper()
	wire := newTap(t, endpoint)
	planned := wire.peerd(t, reconcile.ExitChanges, "plan", spec)
	var got []string
	for _, a := range planned.Plan.Actions {
		got = append(got, a.Account+"/"+a.Region+" "+a.Line)
	}
	simtest.WantSame(t, "expected", want, "the plan", got)
	if calls := wire.writes(); len(calls) > 0 {
		t.Errorf("the plan made the calls %q", calls)
	}
	wire.peerd(t, reconcile.ExitInSync, "--once", "--spec", spec)
	calls := wire.writes()
	again := wire.peerd(t, reconcile.ExitInSync, "--once", "--spec", spec)
	if more := wire.writes(); len(more) > 0 || len(again.Plan.Actions) > 0 {
		t.Errorf("the second pass planned %v and made the calls %q", again.Plan.Actions, more)
	}
	return calls
}

// tap stands between peerd and the simulator and notes the calls that may change something.
type tap struct {
	url string

	mu    sync.Mutex // guards noted
	noted []string
}

func newTap(t *testing.T, endpoint string) *tap {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	w := &tap{}
	pass := httputil.NewSingleHostReverseProxy(to)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		form, ferr := url.ParseQuery(string(body))
		if err := errors.Join(err, ferr); err != nil {
			http.Error(rw, err.Error(), http.StatusBadGateway)
			return
		}
		w.note(form.Get("Action"))
		r.Body = io.NopCloser(bytes.NewReader(body))
		pass.ServeHTTP(rw, r)
	}))
	t.Cleanup(s.Close)
	w.url = s.URL
	return w
}

func (w *tap) note(action string) {
	for _, reads := range []string{"Describe", "Get", "AssumeRole"} {
		if strings.HasPrefix(action, reads) {
			return
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noted = append(w.noted, action)
}

// writes returns what was noted since it was last asked.
func (w *tap) writes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.noted
	w.noted = nil
	return out
}

// peerd runs peerd as a process and returns its report.
func (w *tap) peerd(t *testing.T, exit int, args ...string) *render.Report {
	t.Helper()
	cmd, _ := process(t.Context(), t, w.url, append(args, "-o", "json")...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var report render.Report
	if exited := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exited) {
		t.Fatal(err)
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil || cmd.ProcessState.ExitCode() != exit {
		t.Fatalf("peerd %s: exit %d, want %d: %v\n%s%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), exit, err, &stdout, &stderr)
	}
	return &report
}
