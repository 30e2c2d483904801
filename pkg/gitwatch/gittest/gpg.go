package gittest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/tooltest"
)

// GPG is GnuPG with keys of its own.
type GPG struct {
	Home string // GNUPGHOME

	t *testing.T
}

// NewGPG makes one without keys, for as long as the test runs.
func NewGPG(t *testing.T) *GPG {
	t.Helper()
	tooltest.Need(t, "gpg")
	home, err := os.MkdirTemp("", "gpg") // its agent's socket wants a short path
	if err != nil {
		t.Fatal(err)
	}
	g := &GPG{Home: home, t: t}
	t.Cleanup(func() {
		stop := exec.Command("gpgconf", "--kill", "all") //nolint:noctx // the test's context is over
		stop.Env = g.env()
		if out, err := stop.CombinedOutput(); err != nil {
			t.Errorf("gpgconf: %v\n%s", err, out)
		}
		os.RemoveAll(home)
	})
	return g
}

func (g *GPG) env() []string { return append(os.Environ(), "GNUPGHOME="+g.Home, "LC_ALL=C.UTF-8") }

// Run runs gpg, which asks nobody for a passphrase, and returns what it printed.
func (g *GPG) Run(stdin string, args ...string) string {
	g.t.Helper()
	cmd := exec.CommandContext(g.t.Context(), "gpg", append([]string{"--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
	cmd.Env, cmd.Stdin = g.env(), strings.NewReader(stdin)
	return output(g.t, cmd)
}

// Key makes a key that signs, of a kind and with an expiry as gpg --quick-gen-key has them, and returns its fingerprint.
func (g *GPG) Key(name, kind, expires string, flags ...string) string {
	g.t.Helper()
	g.Run("", append(flags, "--batch", "--quick-gen-key", name+" <"+name+"@example.com>", kind, "sign", expires)...)
	return g.fingerprints(name)[0]
}

// Subkey returns the fingerprint of a key's only subkey.
func (g *GPG) Subkey(key string) string {
	g.t.Helper()
	return g.fingerprints(key)[1]
}

func (g *GPG) fingerprints(name string) (out []string) {
	g.t.Helper()
	for _, l := range strings.Split(g.Run("", "--batch", "--with-colons", "--list-keys", name), "\n") {
		if f := strings.Split(l, ":"); f[0] == "fpr" {
			out = append(out, f[9])
		}
	}
	return out
}

// Revoke revokes a key with the certificate that gpg made with it.
func (g *GPG) Revoke(fingerprint string) {
	g.t.Helper()
	text := contents(g.t, filepath.Join(g.Home, "openpgp-revocs.d", fingerprint+".rev"))
	g.Run(text[strings.Index(text, ":-----BEGIN")+1:], "--batch", "--import")
}

// Export returns the public halves of keys, armored.
func (g *GPG) Export(keys ...string) string {
	g.t.Helper()
	return g.Run("", append([]string{"--batch", "--armor", "--export"}, keys...)...)
}

// By signs with a key.
func (g *GPG) By(key string, flags ...string) func(payload string) string {
	return func(payload string) string {
		g.t.Helper()
		return g.Run(payload, append(flags, "--batch", "--armor", "-u", key, "--detach-sign")...)
	}
}
