package ec2sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// reply is what goes back to the client, and how badly.
type reply struct {
	status int
	header http.Header
	body   []byte

	wait time.Duration // before anything is sent
	hang bool          // nothing is sent after waiting
	cut  bool          // the connection is cut
	pace time.Duration // between two bytes
	huge int64         // bytes of padding that follow the body
}

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// maxRequest is far above any real form and far below what would hurt.
const maxRequest = 4 << 20

// exchange takes a request through the Sim, up to the moment the reply would be written.
func (s *Sim) exchange(ctx context.Context, r *http.Request) (reply, error) {
	values, err := readForm(r)
	if err != nil {
		return reply{status: http.StatusBadRequest, header: http.Header{}, body: []byte(err.Error())}, nil
	}
	if err := pause(ctx, s.latency); err != nil {
		return reply{}, err
	}
	out, call, after := s.answer(r.Header, values)
	if after != nil {
		after(call)
	}
	if err := pause(ctx, out.wait); err != nil {
		return reply{}, err
	}
	if out.cut || out.hang {
		return reply{}, errReset
	}
	return out, ctx.Err()
}

func readForm(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost || r.Body == nil {
		return nil, fmt.Errorf("only POST with a form is understood, not %s", r.Method)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	return url.ParseQuery(string(b))
}

// RoundTrip answers a request in process; it honours the request's context while it waits.
func (s *Sim) RoundTrip(r *http.Request) (*http.Response, error) {
	out, err := s.exchange(r.Context(), r)
	if err != nil {
		return nil, err
	}
	resp := &http.Response{
		StatusCode: out.status, Status: fmt.Sprintf("%d %s", out.status, http.StatusText(out.status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: out.header, Request: r,
		ContentLength: -1, Body: io.NopCloser(out.reader(r.Context())),
	}
	if out.pace == 0 && out.huge == 0 {
		resp.ContentLength = int64(len(out.body))
	}
	return resp, nil
}

// ServeHTTP answers a request over HTTP. A cut is made on the TCP connection itself.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := s.exchange(r.Context(), r)
	if err != nil {
		cut(w)
		return
	}
	for k, v := range out.header {
		w.Header()[k] = v
	}
	w.WriteHeader(out.status)
	body := out.reader(r.Context())
	if out.pace == 0 {
		_, _ = io.Copy(w, body) // a client that has gone is its own business
		return
	}
	for b := make([]byte, 1); ; {
		n, err := body.Read(b)
		if _, werr := w.Write(b[:n]); err != nil || werr != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
}

func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 cannot be hijacked; this resets the stream
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset, not a polite end
	}
	_ = conn.Close()
}

// reader is the body as it leaves: at once, byte by byte, or without end.
func (r reply) reader(ctx context.Context) io.Reader {
	var body io.Reader = bytes.NewReader(r.body)
	if r.huge > 0 {
		body = io.MultiReader(body, io.LimitReader(padding{}, r.huge))
	}
	if r.pace > 0 {
		body = &slowly{ctx, body, r.pace}
	}
	return body
}

// padding is white space without end.
type padding struct{}

var blank = bytes.Repeat([]byte(" "), 32<<10)

func (padding) Read(p []byte) (int, error) { return copy(p, blank), nil }

type slowly struct {
	ctx  context.Context
	from io.Reader
	pace time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	if err := pause(s.ctx, s.pace); err != nil {
		return 0, err
	}
	return s.from.Read(p[:min(len(p), 1)])
}

// pause waits, or ends with the context's error.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
