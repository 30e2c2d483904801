package gitwatch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// httpSession speaks git's protocol over http or https, to one host only.
type httpSession struct {
	client      *http.Client
	connections *http.Transport
	meter       *meter
	base        *url.URL // the repository; where it was found, once it was
	user, token string
}

// dialHTTP makes a client with what the token and CA files hold now. It connects when it is used.
func (w *Watcher) dialHTTP(_ context.Context, m *meter) (session, error) {
	s := &httpSession{meter: m, base: w.at.url(), user: cmp.Or(w.at.user, "x-access-token")}
	if w.cfg.TokenFile != "" {
		var err error
		if s.token, err = w.secret("--git-token-file", w.cfg.TokenFile); err != nil {
			return nil, err
		}
		w.hide(s.token, s.user)
	}
	roots, err := w.roots()
	if err != nil {
		return nil, err
	}
	s.connections = &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
	s.client = &http.Client{Transport: s.connections, CheckRedirect: s.checkRedirect}
	return s, nil
}

// roots returns the authorities of the CA file, which alone are trusted then, or those of this machine.
func (w *Watcher) roots() (*x509.CertPool, error) {
	if w.cfg.CAFile == "" {
		return nil, nil
	}
	pem, err := readSmall("--git-ca-file", w.cfg.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--git-ca-file %s holds no certificate", w.cfg.CAFile)
	}
	return pool, nil
}

const (
	service    = "git-upload-pack"
	refsSuffix = "/info/refs"
)

func (s *httpSession) refs(ctx context.Context) (*packp.AdvRefs, error) {
	u := *s.base
	u.Path, u.RawQuery = strings.TrimRight(u.Path, "/")+refsSuffix, "service="+service
	res, err := s.do(ctx, http.MethodGet, &u, nil, "application/x-"+service+"-advertisement")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() // only read: nothing is lost by an error here
	found := *res.Request.URL
	found.Path, found.RawQuery = strings.TrimSuffix(found.Path, refsSuffix), ""
	s.base = &found
	return decodeRefs(res.Body)
}

func (s *httpSession) pack(ctx context.Context, request []byte) (io.ReadCloser, error) {
	u := *s.base
	u.Path = strings.TrimRight(u.Path, "/") + "/" + service
	res, err := s.do(ctx, http.MethodPost, &u, request, "application/x-"+service+"-result")
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

func (s *httpSession) close() { s.connections.CloseIdleConnections() }

// do asks, and takes no other answer than one of git's protocol. No words of the server get into errors but its status and content type.
func (s *httpSession) do(ctx context.Context, method string, u *url.URL, body []byte, wants string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "git/peerd") // some servers answer git only
	req.Header.Set("Accept", wants)
	if body != nil {
		req.Header.Set("Content-Type", "application/x-"+service+"-request")
	}
	if s.token != "" {
		req.SetBasicAuth(s.user, s.token)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	res.Body = metered{s.meter, res.Body}
	switch got, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); {
	case res.StatusCode != http.StatusOK:
		err = statusError(res.StatusCode, s.token != "")
	case got != wants:
		err = fmt.Errorf("the server answers with %s, not as a git server does", shown(got))
	default:
		return res, nil
	}
	res.Body.Close() // what it says is not of interest
	return nil, err
}

// checkRedirect follows a repository that has moved at its host, when it is first asked for: never to another host, port or scheme, which
// would get the credentials.
func (s *httpSession) checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case !sameOrigin(req.URL, s.base):
		return s.meter.stop(fmt.Errorf("the server redirects to another host, %s: that is not followed", shown(req.URL.Scheme+"://"+req.URL.Host)))
	case via[0].Method != http.MethodGet || !strings.HasSuffix(req.URL.Path, refsSuffix):
		return s.meter.stop(errors.New("the server redirects to something else than the repository"))
	case len(via) > 5:
		return s.meter.stop(errors.New("the server redirects again and again"))
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
}

func statusError(status int, hasToken bool) error {
	says := fmt.Sprintf("%d %s", status, http.StatusText(status))
	switch {
	case status == http.StatusUnauthorized && hasToken:
		return fmt.Errorf("the server does not accept the token (%s)", says)
	case status == http.StatusUnauthorized:
		return fmt.Errorf("the server asks for credentials (%s): name a file that holds a token with --git-token-file", says)
	case status == http.StatusNotFound:
		return fmt.Errorf("there is no such repository, or it is not for these credentials (%s)", says)
	}
	return errors.New("the server answers " + says)
}
