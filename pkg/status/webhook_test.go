package status_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/status"
)

const secret, older = "It's a Secret to Everybody", "the one before"

// The example of GitHub Docs, "Validating webhook deliveries": nothing of ours made this signature.
const (
	hello       = "Hello, World!"
	helloSigned = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
)

// hook is a webhook with a file of secrets and a log of what it was told of.
type hook struct {
	*status.Webhook
	file string
	wake chan struct{}
	seen []string
	log  bytes.Buffer
}

func newHook(t *testing.T, secrets ...string) *hook {
	t.Helper()
	h := &hook{file: filepath.Join(t.TempDir(), "secret"), wake: make(chan struct{}, 1)}
	h.keep(t, secrets...)
	var err error
	h.Webhook, err = status.NewWebhook(status.WebhookConfig{SecretFile: h.file, Wake: h.wake, Log: slog.New(slog.NewTextHandler(&h.log, nil)),
		OnRequest: func(provider, result string) { h.seen = append(h.seen, provider+" "+result) }})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hook) keep(t *testing.T, secrets ...string) {
	t.Helper()
	if err := os.WriteFile(h.file, []byte(strings.Join(secrets, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// post sends a payload with headers, each "Name: value", from an address.
func (h *hook) post(from string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/webhook", body)
	r.RemoteAddr = from
	for _, x := range headers {
		name, value, _ := strings.Cut(x, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func mac(secret, payload string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(payload))
	return hex.EncodeToString(m.Sum(nil))
}

// woken reports whether a fetch was asked for, and takes the value.
func (h *hook) woken() bool {
	select {
	case <-h.wake:
		return true
	default:
		return false
	}
}

func TestWebhookTakesWhatIsSigned(t *testing.T) {
	t.Parallel()
	const unsigned, no, yes = "unknown unauthorized", " unauthorized", " accepted"
	for name, tc := range map[string]struct {
		headers []string
		want    string
	}{
		"GitHub's own example":                 {[]string{"X-Hub-Signature-256: sha256=" + helloSigned}, "github" + yes},
		"GitHub with the old secret":           {[]string{"X-Hub-Signature-256: sha256=" + mac(older, hello)}, "github" + yes},
		"GitHub with a stranger's secret":      {[]string{"X-Hub-Signature-256: sha256=" + mac("guess", hello)}, "github" + no},
		"GitHub with no secret":                {[]string{"X-Hub-Signature-256: sha256=" + mac("", hello)}, "github" + no},
		"GitHub of another payload":            {[]string{"X-Hub-Signature-256: sha256=" + mac(secret, hello+"!")}, "github" + no},
		"GitHub without the algorithm":         {[]string{"X-Hub-Signature-256: " + helloSigned}, "github" + no},
		"GitHub with SHA-1 only":               {[]string{"X-Hub-Signature: sha1=" + helloSigned[:40]}, "bitbucket" + no},
		"GitHub, half a signature":             {[]string{"X-Hub-Signature-256: sha256=" + helloSigned[:32]}, "github" + no},
		"GitHub, no hex":                       {[]string{"X-Hub-Signature-256: sha256=" + strings.Repeat("zz", 32)}, "github" + no},
		"Gitea":                                {[]string{"X-Gitea-Signature: " + helloSigned}, "gitea" + yes},
		"Gitea, which sends GitHub's too":      {[]string{"X-Gitea-Signature: " + helloSigned, "X-Hub-Signature-256: sha256=" + helloSigned}, "gitea" + yes},
		"Gitea forged beside a true one":       {[]string{"X-Gitea-Signature: " + mac("guess", hello), "X-Hub-Signature-256: sha256=" + helloSigned}, "gitea" + no},
		"Gitea with an algorithm":              {[]string{"X-Gitea-Signature: sha256=" + helloSigned}, "gitea" + no},
		"Forgejo":                              {[]string{"X-Forgejo-Signature: " + helloSigned, "X-Gitea-Signature: " + helloSigned}, "forgejo" + yes},
		"Forgejo forged":                       {[]string{"X-Forgejo-Signature: " + mac("guess", hello)}, "forgejo" + no},
		"GitLab":                               {[]string{"X-Gitlab-Token: " + secret}, "gitlab" + yes},
		"GitLab with the old secret":           {[]string{"X-Gitlab-Token: " + older}, "gitlab" + yes},
		"GitLab with the beginning of it":      {[]string{"X-Gitlab-Token: " + secret[:10]}, "gitlab" + no},
		"GitLab with more than it":             {[]string{"X-Gitlab-Token: " + secret + "y"}, "gitlab" + no},
		"GitLab with both":                     {[]string{"X-Gitlab-Token: " + secret + " " + older}, "gitlab" + no},
		"Bitbucket":                            {[]string{"X-Hub-Signature: sha256=" + helloSigned}, "bitbucket" + yes},
		"Bitbucket forged":                     {[]string{"X-Hub-Signature: sha256=" + mac("guess", hello)}, "bitbucket" + no},
		"unsigned":                             {nil, unsigned},
		"an empty signature":                   {[]string{"X-Hub-Signature-256: "}, unsigned},
		"the secret where nobody looks":        {[]string{"Authorization: Bearer " + secret}, unsigned},
		"a signature of somebody's own header": {[]string{"X-Gogs-Signature: " + helloSigned}, unsigned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHook(t, secret, older)
			w := h.post("192.0.2.1:7", strings.NewReader(hello), tc.headers...)
			if d := cmp.Diff([]string{tc.want}, h.seen); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			accepted := strings.HasSuffix(tc.want, yes)
			want := map[bool]int{true: http.StatusAccepted, false: http.StatusUnauthorized}[accepted]
			if w.Code != want || h.woken() != accepted {
				t.Errorf("answered %d, want %d", w.Code, want)
			}
			if strings.Contains(w.Body.String()+h.log.String(), secret) {
				t.Error("the secret is shown")
			}
		})
	}
}

// A signed payload may say what it likes: it is not looked at.
func TestWebhookNeverTrustsThePayload(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{"", "{", `{"ref":"refs/heads/evil","repository":{"clone_url":"https://evil.example/x.git"}}`, "\x00\xff", strings.Repeat("[", 64<<10)} {
		h := newHook(t, secret)
		if w := h.post("192.0.2.1:7", strings.NewReader(payload), "X-Gitea-Signature: "+mac(secret, payload)); w.Code != http.StatusAccepted || !h.woken() {
			t.Errorf("%.20q: answered %d", payload, w.Code)
		}
	}
}

func TestWebhookRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 64<<10+1)
	for name, body := range map[string]io.Reader{
		"of a stated length":   strings.NewReader(large),
		"of an unstated one":   struct{ io.Reader }{strings.NewReader(large)},
		"of an endless sender": struct{ io.Reader }{endless{}},
	} {
		h := newHook(t, secret)
		w := h.post("192.0.2.1:7", body, "X-Hub-Signature-256: sha256="+mac(secret, large))
		if w.Code != http.StatusRequestEntityTooLarge || h.woken() {
			t.Errorf("%s: answered %d", name, w.Code)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A request that breaks off is none, whatever its header says.
func TestWebhookRefusesWhatBreaksOff(t *testing.T) {
	t.Parallel()
	h := newHook(t, secret)
	half := io.MultiReader(strings.NewReader("Hello"), broken{})
	if w := h.post("192.0.2.1:7", half, "X-Gitlab-Token: "+secret); w.Code != http.StatusRequestTimeout || h.woken() {
		t.Errorf("answered %d", w.Code)
	}
	if d := cmp.Diff([]string{"gitlab incomplete"}, h.seen); d != "" {
		t.Error(d)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestWebhookIsOnePathAndOneMethod(t *testing.T) {
	t.Parallel()
	h := newHook(t, secret)
	for request, want := range map[string]int{"GET /webhook": 405, "PUT /webhook": 405, "POST /": 404, "POST /webhook/x": 404, "GET /metrics": 404} {
		method, path, _ := strings.Cut(request, " ")
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("X-Gitlab-Token", secret)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: answered %d, want %d", request, w.Code, want)
		}
	}
	if len(h.seen) > 0 || h.woken() {
		t.Errorf("taken for webhooks: %v", h.seen)
	}
}

// While a secret is being replaced both count; once the file has the new one only, the old one is a stranger's. A file that is gone or
// broken lets nobody in.
func TestWebhookReadsSecretsAgain(t *testing.T) {
	t.Parallel()
	h := newHook(t, older)
	send := func(secret string) int {
		return h.post("192.0.2.1:7", strings.NewReader(hello), "X-Gitlab-Token: "+secret).Code
	}
	for i, step := range []struct {
		file     []string
		old, new int
	}{
		{[]string{older}, 202, 401},
		{[]string{secret, older, ""}, 202, 202},
		{[]string{secret + "\r"}, 401, 202},
		{[]string{"", " "}, 401, 401},
		{[]string{"a", "b", secret}, 401, 401},
		{[]string{strings.Repeat("x", 8<<10), secret}, 401, 401},
		{[]string{secret}, 401, 202},
	} {
		h.keep(t, step.file...)
		if before, now := send(older), send(secret); before != step.old || now != step.new {
			t.Errorf("step %d: the old one got %d, want %d; the new one %d, want %d", i, before, step.old, now, step.new)
		}
	}
	if err := os.Remove(h.file); err != nil {
		t.Fatal(err)
	}
	if got := send(secret); got != http.StatusUnauthorized || !strings.Contains(h.log.String(), "webhooks are refused") {
		t.Errorf("answered %d without a file; log:\n%s", got, h.log.String())
	}
}

func TestWebhookWithoutSecretsDoesNotStart(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{"empty": {""}, "blank": {" ", "\t"}, "three": {"a", "b", "c"}} {
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte(strings.Join(secrets, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := status.NewWebhook(status.WebhookConfig{SecretFile: file}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := status.NewWebhook(status.WebhookConfig{SecretFile: "/nonexistent"}); err == nil {
		t.Error("no file, and no error")
	}
}

// However often a true request is replayed, fetches keep their distance, and after the last request there is one more.
func TestF58ReplayedRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHook(t, secret)
		begin := time.Now()
		var wakes []time.Duration
		ctx := t.Context()
		go func() {
			for {
				select {
				case <-h.wake:
					wakes = append(wakes, time.Since(begin))
				case <-ctx.Done():
					return
				}
			}
		}()
		for i := range 28 { // within 2.7 seconds
			if w := h.post(fmt.Sprintf("192.0.2.%d:7", i), strings.NewReader(hello), "X-Gitlab-Token: "+secret); w.Code != http.StatusAccepted {
				t.Errorf("request %d: answered %d", i, w.Code)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		h.post("192.0.2.1:7", strings.NewReader(hello), "X-Gitlab-Token: "+secret)
		synctest.Wait()
		failures.Shown(t, 58, len(h.seen) == 29, "a signed request is sent 29 times")
		want := []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second, time.Hour + 2800*time.Millisecond}
		if d := cmp.Diff(want, wakes); d != "" {
			t.Errorf("fetches (-want +got):\n%s", d)
		}
	})
}

// Nobody takes the value, and no request waits for that.
func TestWebhookNeverWaitsForTheFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHook(t, secret)
		for range 10 {
			if w := h.post("192.0.2.1:7", strings.NewReader(hello), "X-Gitlab-Token: "+secret); w.Code != http.StatusAccepted {
				t.Errorf("answered %d", w.Code)
			}
			time.Sleep(10 * time.Second)
		}
		if !h.woken() || h.woken() {
			t.Error("want one value in the channel")
		}
	})
}

// One sender's flood is refused before it is read, and leaves others their turn; it may send again later.
func TestWebhookLimitsEachSender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHook(t, secret)
		codes := func(from string) map[int]int {
			out := map[int]int{}
			for i := range 100 {
				out[h.post(fmt.Sprintf(from, i), strings.NewReader(hello), "X-Gitlab-Token: guess").Code]++
			}
			return out
		}
		want := map[int]int{401: 50, 429: 50}
		if d := cmp.Diff(want, codes("192.0.2.1:%d")); d != "" {
			t.Errorf("one address (-want +got):\n%s", d)
		}
		got := codes("[2001:db8::1:%[1]d]:%[1]d") // a network of IPv6 is one sender
		for n := 1; n < 4 && got[429] == 100; n++ {
			got = codes(fmt.Sprintf("[2001:db8:0:%d::1:%%[1]d]:%%[1]d", n)) // the other happened to share the first address's limit
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("one network (-want +got):\n%s", d)
		}
		limited := h.post("192.0.2.1:7", strings.NewReader(hello), "X-Gitlab-Token: "+secret)
		if limited.Code != 429 || limited.Header().Get("Retry-After") == "" || h.woken() {
			t.Errorf("the flood's sender: answered %d", limited.Code)
		}
		others := 0
		for i := range 200 {
			if h.post(fmt.Sprintf("198.51.100.%d:7", i), strings.NewReader(hello), "X-Gitlab-Token: "+secret).Code == http.StatusAccepted {
				others++
			}
		}
		if others < 190 || !h.woken() {
			t.Errorf("%d of 200 others were heard", others)
		}
		time.Sleep(time.Minute)
		if w := h.post("192.0.2.1:7", strings.NewReader(hello), "X-Gitlab-Token: "+secret); w.Code != http.StatusAccepted {
			t.Errorf("a minute later: answered %d", w.Code)
		}
	})
}
