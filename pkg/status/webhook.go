package status

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounds of what strangers can make the webhook do.
const (
	maxPayload    = 64 << 10       // bytes; a larger one is refused
	minWakes      = time.Second    // between two fetches
	senders       = 256            // groups that senders are put into, each with a rate of its own
	perSender     = rate.Limit(10) // signed requests a second
	burstOfSender = 50             // signed requests at once
	secretsLimit  = 8 << 10        // bytes of the file of secrets
)

// WebhookConfig says who may ask for a fetch and what happens then.
type WebhookConfig struct {
	SecretFile string                        // a secret a line, two while one is being replaced; read again for every request
	Wake       chan<- struct{}               // of capacity one: gets a value when a fetch is due
	OnRequest  func(provider, result string) // told of every request, such as State.OnWebhook; may be nil
	Log        *slog.Logger                  // nil: no log
}

// The results of a webhook request.
const (
	WebhookAccepted     = "accepted"
	WebhookUnauthorized = "unauthorized" // unsigned, or not by one of our secrets
	WebhookTooLarge     = "too_large"
	WebhookLimited      = "limited"    // too many by one sender
	WebhookIncomplete   = "incomplete" // it ended, or its time was over, before it was whole
)

// Webhook takes the word of git servers that there is something to fetch: POST /webhook, signed. The payload is hashed as it comes in, and
// neither kept nor looked at: whoever replays a true request causes a fetch, and no more than one a second.
type Webhook struct {
	cfg     WebhookConfig
	mux     *http.ServeMux
	seed    maphash.Seed
	senders [senders]*rate.Limiter // by a hash of the address: bounded, whoever sends

	mu      sync.Mutex // guards what follows
	next    time.Time  // the earliest time of the next wake
	waiting bool       // a wake will be sent then
}

// NewWebhook returns the handler of the webhook's listener. It reads the secrets once, so that a missing file is found at the start.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.OnRequest == nil {
		cfg.OnRequest = func(string, string) {}
	}
	if _, err := readSecrets(cfg.SecretFile); err != nil {
		return nil, err
	}
	w := &Webhook{cfg: cfg, mux: http.NewServeMux(), seed: maphash.MakeSeed()}
	for i := range w.senders {
		w.senders[i] = rate.NewLimiter(perSender, burstOfSender)
	}
	w.mux.HandleFunc("POST /webhook", w.take)
	return w, nil
}

// ServeHTTP answers one request.
func (w *Webhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) { w.mux.ServeHTTP(rw, r) }

// take answers one POST: what costs nothing to refuse is refused first.
func (w *Webhook) take(rw http.ResponseWriter, r *http.Request) {
	p, signature := signedBy(r.Header)
	result, code := w.judge(rw, r, p, signature)
	w.cfg.OnRequest(p.name, result)
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	switch result {
	case WebhookAccepted:
		w.wake()
	case WebhookLimited:
		rw.Header().Set("Retry-After", "60")
	}
	rw.WriteHeader(code)
	fmt.Fprintln(rw, result)
}

func (w *Webhook) judge(rw http.ResponseWriter, r *http.Request, p provider, signature string) (result string, code int) {
	switch {
	case p.header == "":
		return WebhookUnauthorized, http.StatusUnauthorized
	case r.ContentLength > maxPayload:
		return WebhookTooLarge, http.StatusRequestEntityTooLarge
	case !w.sender(r.RemoteAddr).Allow():
		return WebhookLimited, http.StatusTooManyRequests
	}
	secrets, err := readSecrets(w.cfg.SecretFile)
	if err != nil {
		w.cfg.Log.Error("webhooks are refused", "err", err)
		secrets = nil // the payload is read all the same: an answer must not tell
	}
	proofs := make([]proof, len(secrets))
	sinks := make([]io.Writer, len(secrets))
	for i, s := range secrets {
		proofs[i] = p.proof(s)
		sinks[i] = proofs[i]
	}
	_, err = io.CopyBuffer(onlyWriter{io.MultiWriter(sinks...)}, http.MaxBytesReader(rw, r.Body, maxPayload), make([]byte, 4<<10))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return WebhookTooLarge, http.StatusRequestEntityTooLarge
	case err != nil:
		return WebhookIncomplete, http.StatusRequestTimeout
	case !proven(proofs, signature):
		return WebhookUnauthorized, http.StatusUnauthorized
	}
	return WebhookAccepted, http.StatusAccepted
}

// onlyWriter hides all other methods, so that the buffer that was made is the one that is used.
type onlyWriter struct{ io.Writer }

// sender is the rate of whoever is at an address; those of one IPv6 network count as one.
func (w *Webhook) sender(address string) *rate.Limiter {
	var key string
	if a, err := netip.ParseAddrPort(address); err == nil {
		ip := a.Addr().Unmap().WithZone("")
		bits := ip.BitLen()
		if ip.Is6() {
			bits = 64
		}
		key = netip.PrefixFrom(ip, bits).Masked().String()
	}
	return w.senders[maphash.String(w.seed, key)%senders]
}

// wake says that a fetch is due, now or as soon as one may be. It never waits: who fetches sees one value, however many were sent.
func (w *Webhook) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	switch {
	case w.waiting:
	case now.Before(w.next):
		w.waiting = true
		time.AfterFunc(w.next.Sub(now), w.wakeLate)
	default:
		w.send(now)
	}
}

func (w *Webhook) wakeLate() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = false
	w.send(time.Now())
}

func (w *Webhook) send(now time.Time) {
	w.next = now.Add(minWakes)
	select {
	case w.cfg.Wake <- struct{}{}:
	default: // one that nobody took yet says the same
	}
}
