package simtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
)

// Dying is the way to AWS of a process that is killed at one of its calls.
type Dying struct {
	Next   http.RoundTripper
	At     func(action string) bool // asked about each call until it says yes, by one goroutine at a time
	Sent   bool                     // the call takes effect, and only its answer is lost
	Cancel context.CancelFunc       // of the process's context

	mu   sync.Mutex // guards what follows, and At
	dead bool
}

var errDead = errors.New("the process is dead")

// RoundTrip lets calls through until the process dies.
func (d *Dying) RoundTrip(r *http.Request) (*http.Response, error) {
	action, err := actionOf(r)
	if err != nil {
		return nil, err
	}
	was, now := d.asks(action)
	switch {
	case was:
		return nil, errDead
	case !now:
		return d.Next.RoundTrip(r)
	}
	d.Cancel()
	if d.Sent {
		if resp, err := d.Next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context()))); err == nil {
			resp.Body.Close()
		}
	}
	return nil, errDead
}

// Dead reports whether the process has died.
func (d *Dying) Dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

func (d *Dying) asks(action string) (was, now bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	was = d.dead
	d.dead = was || d.At(action)
	return was, d.dead
}

// actionOf reads a call's action, and leaves its form to be read again.
func actionOf(r *http.Request) (string, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	return form.Get("Action"), err
}
