package gittest

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/peerd/peerd/pkg/gitwatch"
)

// The credentials of the HTTPS servers. The password has characters that look different in a URL and in a header.
const (
	User     = "ada"
	Password = "p4ss/w+rd=0123456789abcdef"
)

// Server is git's own http-backend behind TLS and basic auth. It remembers who asked for what.
type Server struct {
	Root      string // its URL, without a path
	URL       string // the repository's, with the user
	CAFile    string // its certificate
	TokenFile string // the password

	Backend http.Handler // what answers those who are let in

	// These may be changed, within Set while somebody asks.
	Instead  func(w http.ResponseWriter, r *http.Request) bool // answers, if it returns true; nil: nothing does
	Password string                                            // what lets in; Password at first

	mu    sync.Mutex
	asked []Asked
	sent  int // bytes of answers
}

// Asked is one request.
type Asked struct {
	Method, Path, User, Password string
}

// Serve starts a server for a repository, for as long as the test runs.
func Serve(t *testing.T, o *Origin) *Server {
	t.Helper()
	s := &Server{Password: Password}
	s.Backend = &cgi.Handler{
		Path:   filepath.Join(o.InBare("--exec-path"), "git-http-backend"),
		Stderr: io.Discard,
		Env:    append([]string{"GIT_PROJECT_ROOT=" + filepath.Dir(o.Bare), "GIT_HTTP_EXPORT_ALL=1"}, o.Env...),
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if w := (counting{w, s}); s.admit(w, r) {
			s.Backend.ServeHTTP(w, r)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	s.Root = server.URL
	s.URL = strings.Replace(s.Root, "https://", "https://"+User+"@", 1) + "/" + filepath.Base(o.Bare)
	dir := t.TempDir()
	s.CAFile, s.TokenFile = filepath.Join(dir, "ca.pem"), filepath.Join(dir, "token")
	write(t, s.CAFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	write(t, s.TokenFile, Password+"\n")
	return s
}

func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	u, p, _ := r.BasicAuth()
	s.mu.Lock()
	s.asked = append(s.asked, Asked{r.Method, r.URL.Path, u, p})
	instead, want := s.Instead, s.Password
	s.mu.Unlock()
	if instead != nil && instead(w, r) {
		return false
	}
	if u != User || p != want {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "who is "+u+" with "+p+"? "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		return false
	}
	return true
}

// Set changes what the server does from now on.
func (s *Server) Set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Log returns what was asked for since the last time.
func (s *Server) Log() []Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.asked
	s.asked = nil
	return out
}

// Sent returns how many bytes were sent since the last time.
func (s *Server) Sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.sent
	s.sent = 0
	return out
}

// Config reaches the repository with the right token.
func (s *Server) Config() gitwatch.Config {
	return gitwatch.Config{Repo: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile}
}

// counting counts what a server sends.
type counting struct {
	http.ResponseWriter
	s *Server
}

func (c counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c counting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.s.Set(func() { c.s.sent += n })
	return n, err
}
