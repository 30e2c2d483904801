package gitwatch_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/peerd/peerd/pkg/gitwatch"
)

// The credentials of the servers here. The password has characters that look different in a URL and in a header.
const (
	user     = "ada"
	password = "p4ss/w+rd=0123456789abcdef"
)

// server is git's own http-backend behind TLS and basic auth. It remembers who asked for what.
type server struct {
	*httptest.Server
	origin  *origin
	caFile  string
	backend http.Handler

	mu       sync.Mutex
	requests []asked
	sent     int                                               // bytes of answers
	instead  func(w http.ResponseWriter, r *http.Request) bool // answers, if it returns true
	password string
}

// asked is one request.
type asked struct {
	method, path, user, password string
}

// serve starts a server for a repository. The one that is returned may be changed with set.
func serve(t *testing.T, o *origin) *server {
	t.Helper()
	s := &server{origin: o, password: password}
	s.backend = &cgi.Handler{
		Path:   filepath.Join(o.in(o.bare, nil, "--exec-path"), "git-http-backend"),
		Stderr: io.Discard,
		Env:    append([]string{"GIT_PROJECT_ROOT=" + filepath.Dir(o.bare), "GIT_HTTP_EXPORT_ALL=1"}, o.env...),
	}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if w := (counting{w, s}); s.admit(w, r) {
			s.backend.ServeHTTP(w, r)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	s.caFile = filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	write(t, s.caFile, string(certificate))
	return s
}

func (s *server) admit(w http.ResponseWriter, r *http.Request) bool {
	u, p, _ := r.BasicAuth()
	s.mu.Lock()
	s.requests = append(s.requests, asked{r.Method, r.URL.Path, u, p})
	instead, want := s.instead, s.password
	s.mu.Unlock()
	if instead != nil && instead(w, r) {
		return false
	}
	if u != user || p != want {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "who is "+u+" with "+p+"? "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		return false
	}
	return true
}

// set changes what the server does from now on.
func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// log returns what was asked for since the last time.
func (s *server) log() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

// received returns how many bytes were sent since the last time.
func (s *server) received() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.sent
	s.sent = 0
	return out
}

// counting counts what a server sends.
type counting struct {
	http.ResponseWriter
	s *server
}

func (c counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c counting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.s.set(func() { c.s.sent += n })
	return n, err
}

// url is the repository's.
func (s *server) url() string {
	return strings.Replace(s.URL, "https://", "https://"+user+"@", 1) + "/" + filepath.Base(s.origin.bare)
}

// config reaches the repository with the right token.
func (s *server) config(t *testing.T) gitwatch.Config {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	write(t, token, password+"\n")
	return gitwatch.Config{Repo: s.url(), TokenFile: token, CAFile: s.caFile}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// posts counts the packs that were asked for.
func posts(log []asked) int {
	return len(slices.DeleteFunc(log, func(a asked) bool { return a.method != http.MethodPost }))
}
