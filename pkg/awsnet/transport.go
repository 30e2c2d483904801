package awsnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"

	"github.com/peerd/peerd/pkg/netstate"
)

// Call is one HTTP attempt of a call, for metrics and logs.
type Call struct {
	Operation string // the API's name: DescribeVpcs
	Scope     netstate.Scope
	Duration  time.Duration
	Status    int     // of HTTP; zero when there was no reply
	Code      string  // the error code, when AWS gave one
	Outcome   Outcome // for a metric's label
}

// Outcome says in one word what became of an attempt.
type Outcome string

// The outcomes of an attempt.
const (
	Success   Outcome = "success"
	Throttled Outcome = "throttled"
	Denied    Outcome = "denied"
	NotFound  Outcome = "not_found"
	Failed    Outcome = "error"
)

// fate follows one write: whether it is still to be sent, and whether a request is out of which nobody knows what it did.
type fate struct {
	wanted  func() bool // nil: it is
	unknown bool
}

type fateKey struct{}

// errStopped says that a write was not sent: while it waited for its turn, somebody stopped it.
var errStopped = errors.New("not sent: it was stopped while it waited for its turn")

// wire is the HTTP client of one account and region. It gives every attempt its deadline, reads the whole body within it and within
// the byte limit, and lets through as a success only what is a whole reply of the operation.
type wire struct {
	http  aws.HTTPClient
	scope netstate.Scope
	cfg   *Config
}

// Do makes one attempt.
func (w *wire) Do(req *http.Request) (*http.Response, error) {
	call := Call{Operation: awsmiddleware.GetOperationName(req.Context()), Scope: w.scope}
	f := fateOf(req.Context())
	if f.wanted != nil && !f.wanted() { // only now, since waiting for its turn and for new credentials takes time
		return nil, errStopped
	}
	f.unknown = true
	start := time.Now()
	resp, body, err := w.attempt(req)
	call.Duration = time.Since(start)
	if resp != nil {
		if resp.StatusCode >= 300 {
			body = unsaid(req.Header, body)
		}
		call.Status, call.Code = resp.StatusCode, refusal(resp, body)
		f.unknown = !refusedFirst(resp, call.Code)
		if err == nil && resp.StatusCode/100 == 2 {
			err = checkReply(call.Operation, body)
		}
	}
	call.Outcome = outcome(call, err)
	if w.cfg.OnCall != nil {
		w.cfg.OnCall(call)
	}
	if err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// attempt sends the request and reads the reply's body; the deadline covers both.
func (w *wire) attempt(req *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(req.Context(), w.cfg.CallTimeout)
	defer cancel()
	resp, err := w.http.Do(req.WithContext(ctx))
	if err != nil {
		return nil, nil, w.silence(req.Context(), ctx, err)
	}
	defer resp.Body.Close()
	body, err := readAll(resp, w.cfg.MaxBody)
	if err != nil {
		return resp, nil, w.silence(req.Context(), ctx, err)
	}
	return resp, body, nil
}

// silence says it in plain words when our own deadline ended the attempt.
func (w *wire) silence(parent, own context.Context, err error) error {
	if own.Err() != nil && parent.Err() == nil {
		return fmt.Errorf("no whole reply within %s: %w", w.cfg.CallTimeout, context.DeadlineExceeded)
	}
	return err
}

// readAll returns the body, or an error once it is longer than the limit.
func readAll(resp *http.Response, limit int64) ([]byte, error) {
	tooLong := &notReply{fmt.Sprintf("reply is longer than %d bytes", limit)}
	if resp.ContentLength > limit {
		return nil, tooLong
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read reply: %w", err)
	case int64(len(body)) > limit:
		return nil, tooLong
	}
	return body, nil
}

// unsaid takes out of a refusal what the request proved itself with: some proxies repeat it, and messages are printed.
func unsaid(sent http.Header, body []byte) []byte {
	for _, name := range []string{"X-Amz-Security-Token", "Authorization"} {
		if secret := sent.Get(name); secret != "" {
			body = bytes.ReplaceAll(body, []byte(secret), []byte("[secret]"))
		}
	}
	return body
}

// refusal returns the error code of a reply that is a refusal.
func refusal(resp *http.Response, body []byte) string {
	if resp.StatusCode < 300 {
		return ""
	}
	return replyCode(body)
}

// refusedFirst reports whether the service said no before it did anything. A refusal with a code below 500 is that, and a throttled
// call; a server's error is not, and neither is a page that some proxy sent in the service's place.
func refusedFirst(resp *http.Response, code string) bool {
	return code != "" && (throttled(code) || resp.StatusCode >= 400 && resp.StatusCode < 500)
}

func outcome(c Call, err error) Outcome {
	kind, known := errorKinds[c.Code]
	switch {
	case err == nil && c.Status/100 == 2:
		return Success
	case known && kind == netstate.Throttled:
		return Throttled
	case known && kind == netstate.Denied:
		return Denied
	case known && kind == netstate.Gone:
		return NotFound
	}
	return Failed
}

func fateOf(ctx context.Context) *fate {
	if f, ok := ctx.Value(fateKey{}).(*fate); ok && awsmiddleware.GetServiceID(ctx) == "EC2" {
		return f
	}
	return &fate{}
}

// isTimeout reports whether the error is a deadline's or the network's silence.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}
