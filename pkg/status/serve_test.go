package status_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/peerd/peerd/pkg/status"
)

// serve serves a handler on a listener of its own until the test ends, or stop is called; stop returns Serve's error.
func serve(t *testing.T, h http.Handler, cfg status.ServeConfig) (address string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- status.Serve(ctx, l, h, cfg) }()
	stop = func() error {
		cancel()
		err := <-done
		done <- err
		return err
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), stop
}

// say answers everything with a text.
func say(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

// Serving ends with the context: requests in flight are answered, and nothing is left behind.
func TestServeEndsInOrder(t *testing.T) {
	before := goleak.IgnoreCurrent()
	begun, goOn := make(chan struct{}), make(chan struct{})
	address, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-goOn
		_, _ = io.WriteString(w, "whole")
	}), status.ServeConfig{})
	answer := make(chan string, 1)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		r, err := client.Get("http://" + address)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		answer <- string(b)
	}()
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	time.AfterFunc(100*time.Millisecond, func() { close(goOn) })
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := <-answer; got != "whole" {
		t.Errorf("the request in flight got %q", got)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the listener is still open")
	}
	goleak.VerifyNone(t, before)
}

func TestServeSaysWhyItCannot(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := status.Serve(t.Context(), l, say("x"), status.ServeConfig{}); err == nil || errors.Is(err, http.ErrServerClosed) {
		t.Errorf("got %v", err)
	}
	if err := status.CheckWebConfig("/nonexistent"); err == nil {
		t.Error("no file, and no error")
	}
}

// TLS and basic auth are those of Prometheus' exporters, from the same file.
func TestServeWithTLSAndBasicAuth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate(t, dir)
	file := filepath.Join(dir, "web.yml")
	write(t, file, "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\nbasic_auth_users: {prometheus: "+hashed(t, "hunter2")+"}\n")
	if err := status.CheckWebConfig(file); err != nil {
		t.Fatal(err)
	}
	address, _ := serve(t, say("metrics"), status.ServeConfig{WebConfig: file})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	for password, want := range map[string]int{"": 401, "hunter3": 401, "hunter2": 200} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			r.SetBasicAuth("prometheus", password)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("password %q: answered %d, want %d", password, resp.StatusCode, want)
		}
	}
	plain, err := http.Get("http://" + address)
	if err == nil {
		defer plain.Body.Close()
		if plain.StatusCode == http.StatusOK {
			t.Error("answered without TLS")
		}
	}
}

// A connection that sends nothing, and one that does not finish its request, are closed.
func TestServeClosesSlowConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for real deadlines")
	}
	t.Parallel()
	address, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }), status.ServeConfig{})
	for name, tc := range map[string]struct {
		sends string
		most  time.Duration
	}{
		"nothing":      {"", 7 * time.Second},
		"half a head":  {"POST /webhook HTTP/1.1\r\nHost: x\r\nX-A: ", 7 * time.Second},
		"half a body":  {"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", 13 * time.Second},
		"half a chunk": {"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf", 13 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begin := time.Now()
			if _, err := io.WriteString(c, tc.sends); err != nil {
				t.Fatal(err)
			}
			_ = c.SetReadDeadline(begin.Add(tc.most))
			if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("still open after %v", time.Since(begin))
			}
		})
	}
}

func TestServeRefusesALongHead(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, say("x"), status.ServeConfig{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Hub-Signature-256", strings.Repeat("a", 64<<10))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("answered %d", resp.StatusCode)
	}
}
