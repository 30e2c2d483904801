package gitwatch_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
)

// noise does not compress.
func noise(bytes int) string {
	r := rand.New(rand.NewPCG(1, uint64(bytes)))
	out := make([]byte, bytes)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return string(out)
}

// Only what is new is sent: nothing for a commit that is known, little for a small change, and never the history or another branch.
func TestIncremental(t *testing.T) {
	t.Parallel()
	o := gittest.NewOrigin(t)
	s := gittest.Serve(t, o)
	for i := range 5 {
		o.Commit("history", map[string]string{"big": noise(100_000 + i)})
	}
	o.InBare("update-ref", "refs/heads/other", o.Git("rev-parse", "HEAD"))
	o.InBare("tag", "v1", "main")
	files := map[string]string{"kept": noise(50_000), "specs/core.yaml": "a: 1\n"}
	first := o.Commit("first", files)
	w := watch(t, s.Config())
	mustFetch(t, w, "", first)
	if n := s.Sent(); n < 50_000 || n > 60_000 {
		t.Errorf("the first fetch received %d bytes, want those of one commit", n)
	}
	s.Log()
	for range 3 {
		mustFetch(t, w, first, first)
	}
	if log := s.Log(); len(log) != 3 || posts(log) != 0 {
		t.Errorf("nothing was new, and there were requests %v", log)
	}
	s.Sent()
	applied := first
	for i := range 10 {
		files["specs/core.yaml"] = fmt.Sprintf("a: %d\n", i+2)
		next := o.Commit("next", files)
		mustFetch(t, w, applied, next)
		applied = next
	}
	if n := s.Sent(); n > 20_000 {
		t.Errorf("ten small changes made %d bytes", n)
	}
	files["specs/more.yaml"] = "b: 1\n" // an older tree's blobs are not there any more, and come back
	delete(files, "kept")
	gone := o.Commit("without", files)
	mustFetch(t, w, applied, gone)
	files["kept"] = noise(50_000)
	back := o.Commit("with it again", files)
	mustFetch(t, w, gone, back)
}

// The server is down, also at the very first start: there is no commit, and one again once the server is back.
func TestF10ServerDown(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request) bool
		said   string
	}{
		"connections are reset": {func(w http.ResponseWriter, _ *http.Request) bool { panic(http.ErrAbortHandler) }, "EOF"},
		"an error for everything": {func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, "<html>\x1b[31mdown</html>", http.StatusBadGateway)
			return true
		}, "the server answers 502 Bad Gateway"},
		"a page for everything": {func(w http.ResponseWriter, _ *http.Request) bool {
			fmt.Fprint(w, "<html>\x1b[31mbe back soon</html>")
			return true
		}, `the server answers with "text/html", not as a git server does`},
		"an empty answer": {func(w http.ResponseWriter, _ *http.Request) bool { return true }, `the server answers with "", not as a git server does`},
		"the right answer, without content": {func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", r.Header.Get("Accept"))
			return true
		}, "the server says nothing"},
		"an answer cut off": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
				fmt.Fprint(w, "0008NAK\n0010\x01PACK")
			}
			return r.Method == http.MethodPost
		}, "receive commit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := gittest.NewOrigin(t)
			s := gittest.Serve(t, o)
			first := o.Commit("first", spec(1))
			c := s.Config()
			w := watch(t, c)
			s.Set(func() { s.Instead = down.answer })
			mustRefuse(t, w, "", "fetch main of https://127.0.0.1:", down.said)
			mustRefuse(t, w, "0123456789012345678901234567890123456789", down.said) // with a state file
			failures.Shown(t, 10, len(s.Log()) >= 2, "a server that does not do its work")
			s.Set(func() { s.Instead = nil })
			mustFetch(t, w, "", first)
			second := o.Commit("second", spec(2))
			s.Set(func() { s.Instead = down.answer })
			mustRefuse(t, w, first, down.said)
			s.Set(func() { s.Instead = nil })
			mustFetch(t, w, first, second)
		})
	}
}

// There is no server at all, or no repository where it was.
func TestF10NoServer(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, o *gittest.Origin, c gitwatch.Config) {
		first := o.Commit("first", spec(1))
		w := watch(t, c)
		mustFetch(t, w, "", first)
		if err := os.Rename(o.Bare, o.Bare+".away"); err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, w, first)
		said := mustRefuse(t, watch(t, c), "")
		failures.Shown(t, 10, said != "", "a repository that is away")
		if err := os.Rename(o.Bare+".away", o.Bare); err != nil {
			t.Fatal(err)
		}
		mustFetch(t, w, first, first)
	})
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewServer(nil)
		s.Close()
		mustRefuse(t, watch(t, gitwatch.Config{Repo: s.URL + "/x"}), "", "connection refused")
		_, err := http.Get(s.URL) //nolint:noctx // nobody answers
		failures.Shown(t, 10, err != nil, "an address at which nobody listens")
	})
}

// The server sends to another host, as one does that was taken over: nothing is asked there, and the token is not sent there.
func TestF16Redirect(t *testing.T) {
	t.Parallel()
	o := gittest.NewOrigin(t)
	first := o.Commit("first", spec(1))
	real, other := gittest.Serve(t, o), gittest.Serve(t, o)
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request over plain http") }))
	t.Cleanup(plain.Close)
	c := real.Config()
	both := filepath.Join(t.TempDir(), "both.pem")
	write(t, both, contents(t, real.CAFile)+contents(t, other.CAFile))
	c.CAFile = both
	w := watch(t, c)
	mustFetch(t, w, "", first)
	second := o.Commit("second", spec(2))
	for name, to := range map[string]struct{ method, url, said string }{
		"another port":        {http.MethodGet, other.Root, `redirects to another host, "https://127.0.0.1:`},
		"another name":        {http.MethodGet, strings.Replace(other.Root, "127.0.0.1", "example.com", 1), `redirects to another host, "https://example.com:`},
		"a name inside":       {http.MethodGet, strings.Replace(real.Root, "127.0.0.1", "evil.127.0.0.1", 1), "redirects to another host"},
		"a password":          {http.MethodGet, strings.Replace(other.Root, "https://", "https://eve:"+url.PathEscape(gittest.Password)+"@", 1), "redirects to another host"},
		"plain http":          {http.MethodGet, plain.URL, "redirects to another host"},
		"itself, without TLS": {http.MethodGet, strings.Replace(real.Root, "https", "http", 1), "redirects to another host"},
		"another, later":      {http.MethodPost, other.Root, "redirects to another host"},
		"elsewhere, later":    {http.MethodPost, real.Root, "redirects to something else"},
	} {
		fired := false
		real.Set(func() {
			real.Instead = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == to.method {
					fired = true
					http.Redirect(w, r, to.url+r.URL.RequestURI(), http.StatusTemporaryRedirect)
				}
				return r.Method == to.method
			}
		})
		mustRefuse(t, w, first, to.said)
		mustRefuse(t, watch(t, c), "", to.said)
		failures.Shown(t, 16, fired, "a redirect to "+name)
		if log := other.Log(); len(log) > 0 {
			t.Errorf("%s was asked: %v", name, log)
		}
	}
	real.Set(func() {
		real.Instead = func(w http.ResponseWriter, r *http.Request) bool { // as servers add what is missing of the path
			moved := strings.Contains(r.URL.Path, "/old/")
			if moved {
				http.Redirect(w, r, strings.Replace(r.URL.RequestURI(), "/old/", "/", 1), http.StatusMovedPermanently)
			}
			return moved
		}
	})
	c.Repo = strings.Replace(c.Repo, "/origin.git", "/old/origin.git", 1)
	mustFetch(t, watch(t, c), "", second)
}

// A certificate that the CA file does not vouch for, or for another name: nothing is sent.
func TestF16TLS(t *testing.T) {
	t.Parallel()
	o := gittest.NewOrigin(t)
	first := o.Commit("first", spec(1))
	s, other := gittest.Serve(t, o), gittest.Serve(t, o)
	mustFetch(t, watch(t, s.Config()), "", first)
	s.Log()
	stranger := s.Config()
	stranger.CAFile = selfSigned(t)
	byName := s.Config()
	byName.Repo = strings.Replace(byName.Repo, "127.0.0.1", "localhost", 1)
	system := s.Config()
	system.CAFile = ""
	none := s.Config()
	none.CAFile = filepath.Join(t.TempDir(), "gone.pem")
	empty := s.Config()
	empty.CAFile = filepath.Join(t.TempDir(), "empty.pem")
	write(t, empty.CAFile, "no certificate\n")
	for said, c := range map[string]gitwatch.Config{
		"certificate signed by unknown authority": stranger,
		"not localhost": byName,
		"x509:":         system,
		"--git-ca-file: open " + none.CAFile + ": no such": none,
		"--git-ca-file " + empty.CAFile + " holds no cert": empty,
	} {
		mustRefuse(t, watch(t, c), "", said)
	}
	failures.Shown(t, 16, other.Root != s.Root, "certificates that are not to be trusted")
	if log := s.Log(); len(log) > 0 {
		t.Errorf("a server that is not trusted was asked: %v", log)
	}
}

// The token has expired, is missing or is not one; it is read again at every fetch, so that a new one needs no restart. The server repeats
// what it was told, as some do; that is never said.
func TestF16Token(t *testing.T) {
	t.Parallel()
	o := gittest.NewOrigin(t)
	first := o.Commit("first", spec(1))
	s := gittest.Serve(t, o)
	c := s.Config()
	w := watch(t, c)
	mustFetch(t, w, "", first)
	if log := s.Log(); slices.ContainsFunc(log, func(a gittest.Asked) bool { return a.User != gittest.User || a.Password != gittest.Password }) {
		t.Errorf("asked with other credentials: %v", log)
	}
	s.Set(func() { s.Password = "another" })
	mustRefuse(t, w, first, "the server does not accept the token (401 Unauthorized)")
	failures.Shown(t, 16, len(s.Log()) == 1, "a token that is not accepted")
	for text, said := range map[string]string{"": "is empty", " \n": "is empty", "two words": "more than one word", "a\x00b": "more than one word"} {
		write(t, c.TokenFile, text)
		mustRefuse(t, w, first, "--git-token-file "+c.TokenFile, said)
	}
	if err := os.Remove(c.TokenFile); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, w, first, "--git-token-file: open "+c.TokenFile+": no such file")
	write(t, c.TokenFile, strings.Repeat("x", 2<<20))
	mustRefuse(t, w, first, "is larger than 1 MiB")
	if log := s.Log(); len(log) > 0 {
		t.Errorf("asked without a token: %v", log)
	}
	write(t, c.TokenFile, "another")
	mustFetch(t, w, first, first)
	nobody := c
	nobody.TokenFile, nobody.Repo = "", strings.Replace(c.Repo, gittest.User+"@", "", 1)
	mustRefuse(t, watch(t, nobody), "", "asks for credentials (401 Unauthorized)", "--git-token-file")
}

// A server repeats the secret in the places whose words are said: in an error packet and on the sideband.
func TestF60SecretsRepeated(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(secret string) string{
		"in an error packet": func(secret string) string { return packet("ERR no access for " + secret) },
		"on the sideband":    func(secret string) string { return packet("NAK\n") + packet("\x03no pack for "+secret) },
		"instead of refs":    func(secret string) string { return packet("what " + secret) },
		"in what is no pack": func(secret string) string { return secret },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := gittest.NewOrigin(t)
			o.Commit("first", spec(1))
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				s := gittest.Serve(t, o)
				var told string
				s.Instead = func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method == method {
						_, p, _ := r.BasicAuth()
						told = answer(p + " " + r.Header.Get("Authorization"))
						w.Header().Set("Content-Type", r.Header.Get("Accept"))
						fmt.Fprint(w, told)
					}
					return r.Method == method
				}
				mustRefuse(t, watch(t, s.Config()), "")
				failures.Shown(t, 60, strings.Contains(told, gittest.Password), "a server that repeats the token")
			}
		})
	}
}

// posts counts the packs that were asked for.
func posts(log []gittest.Asked) int {
	return len(slices.DeleteFunc(log, func(a gittest.Asked) bool { return a.Method != http.MethodPost }))
}

// packet is a line as git's protocol has it.
func packet(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

// Hundreds of fetches, good and bad, leave no goroutine and no open file behind.
func TestNothingIsLeft(t *testing.T) { // not in parallel: it counts
	o := gittest.NewOrigin(t)
	first := o.Commit("first", spec(1))
	s := gittest.Serve(t, o)
	c := s.Config()
	bad := c
	bad.Branch = "gone"
	good, wrong := watch(t, c), watch(t, bad)
	files, routines := 0, 0
	for i := range 100 {
		mustFetch(t, good, first, first)
		mustRefuse(t, wrong, first, "no branch")
		if i == 20 {
			files, routines = openFiles(t), runtime.NumGoroutine()
		}
	}
	if n := openFiles(t); n > files+5 {
		t.Errorf("%d open files, and %d earlier", n, files)
	}
	if n := runtime.NumGoroutine(); n > routines+5 {
		t.Errorf("%d goroutines, and %d earlier", n, routines)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	return len(all)
}

// A server that can do little: no shortened history, no thin packs. It sends everything, and what it sent is kept.
func TestServerThatCanDoLittle(t *testing.T) {
	t.Parallel()
	o := gittest.NewOrigin(t)
	s := gittest.Serve(t, o)
	s.Instead = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			return false
		}
		s.Backend.ServeHTTP(forgetful{w}, r)
		return true
	}
	files := map[string]string{"kept": noise(50_000), "specs/core.yaml": "a: 1\n"}
	o.Commit("history", map[string]string{"old": noise(50_001)})
	first := o.Commit("first", files)
	w := watch(t, s.Config())
	mustFetch(t, w, "", first)
	if n := s.Sent(); n < 100_000 {
		t.Errorf("the first fetch received %d bytes: this server can do more than it should", n)
	}
	files["specs/core.yaml"] = "a: 2\n"
	o.Commit("second", files)
	files["specs/core.yaml"] = "a: 3\n"
	third := o.Commit("third", files)
	got := mustFetch(t, w, first, third)
	if n := s.Sent(); n > 10_000 {
		t.Errorf("the second fetch received %d bytes", n)
	}
	if text := read(t, got.Files, "specs/core.yaml"); text != "a: 3\n" {
		t.Errorf("got %q", text)
	}
	o.Git("checkout", "-q", "--orphan", "other")
	mustRefuse(t, w, third, o.Commit("other", files), "does not descend from "+third)
}

// forgetful does not say what a server can do; the lengths of its lines stay what they were.
type forgetful struct{ http.ResponseWriter }

func (f forgetful) Write(b []byte) (int, error) {
	return f.ResponseWriter.Write([]byte(strings.NewReplacer(" shallow", " nothing", " thin-pack", " fat-packs").Replace(string(b))))
}
