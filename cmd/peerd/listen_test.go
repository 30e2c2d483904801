package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
)

const webhookSecret = "It's a Secret to Everybody"

// push tells the webhook of a push, signed as GitHub does, and returns the status of the answer.
func (r *running) push(secret string) int {
	r.t.Helper()
	body := []byte(`{"ref":"refs/heads/main"}`)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.address("webhook-listen")+"/webhook", bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func fileOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A signed webhook makes a push live long before the next pass is due; a forged one does nothing. With basic auth on, metrics ask for the
// password, while probes and the webhook go on as before.
func TestWebhookAndBasicAuth(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("hunter2"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	o := gittest.NewOrigin(t)
	text := scenarioText(t, "same-account")
	o.Commit("first", inSpecs(withTicket(text, "NET-1")))
	s := gittest.Serve(t, o)
	r := startDaemon(t, append(reach(s.Config()), "--interval", "1h", "--aws-share", "1", "--webhook-listen", "127.0.0.1:0",
		"--webhook-secret-file", fileOf(t, webhookSecret+"\n"), "--web.config.file", fileOf(t, "basic_auth_users: {prometheus: "+string(hash)+"}\n"))...)
	signIn := func(req *http.Request) { req.SetBasicAuth("prometheus", "hunter2") }
	r.until("it is ready", 20*time.Second, func() bool { code, _ := get(t, r.address("probe-listen")+"/readyz"); return code == http.StatusOK })
	r.until("the first commit is in sync", 20*time.Second, func() bool {
		_, body := get(t, r.address("listen")+"/metrics", signIn)
		return strings.Contains(body, `peerd_peering_in_sync{peering="hub-tools"} 1`)
	})
	if code, _ := get(t, r.address("probe-listen")+"/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: %d", code)
	}
	for _, path := range []string{"/metrics", "/api/v1/status", "/"} {
		if code, body := get(t, r.address("listen")+path); code != http.StatusUnauthorized || strings.Contains(body, "hub-tools") {
			t.Errorf("%s without a password: %d\n%s", path, code, body)
		}
		if code, body := get(t, r.address("listen")+path, signIn); code != http.StatusOK {
			t.Errorf("%s with the password: %d\n%s", path, code, body)
		}
	}
	s.Log()
	pushed := time.Now()
	o.Commit("second", inSpecs(withTicket(text, "NET-2")))
	if code := r.push("another secret"); code != http.StatusUnauthorized || len(s.Log()) > 0 {
		t.Errorf("a forged webhook: %d, and the repository was asked", code)
	}
	if code := r.push(webhookSecret); code != http.StatusAccepted {
		t.Errorf("a signed webhook: %d", code)
	}
	r.until("the second commit", 20*time.Second, r.tagged("NET-2"))
	t.Logf("a push was live %s after it, by its webhook", time.Since(pushed).Round(time.Millisecond))
	r.stop()
}

// The daemon's addresses are those of the design, unless others are said; a webhook without a secret is not served.
func TestDefaultAddresses(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	_, help, _ := peerd(t, nil, "--help")
	for _, said := range []string{`--listen ADDR`, `(default ":9797")`, `(default ":9799")`, `(default ":9798")`} {
		if !strings.Contains(help, said) {
			t.Errorf("help does not say %q", said)
		}
	}
	o := gittest.NewOrigin(t)
	o.Commit("first", inSpecs(scenarioText(t, "same-account")))
	r := startDaemon(t, append(reach(gitwatch.Config{Repo: o.Bare}), "--interval", "1h", "--aws-share", "1")...)
	r.until("it is ready", 20*time.Second, func() bool { code, _ := get(t, r.address("probe-listen")+"/readyz"); return code == http.StatusOK })
	if strings.Contains(r.log.String(), "webhook-listen") {
		t.Errorf("a webhook without a secret is served:\n%s", r.log)
	}
	r.stop()
}
