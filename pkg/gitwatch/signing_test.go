package gitwatch_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gpg is GnuPG with keys of its own.
type gpg struct {
	t    *testing.T
	home string
}

func newGPG(t *testing.T) *gpg {
	t.Helper()
	need(t, "gpg")
	home, err := os.MkdirTemp("", "gpg") // its agent's socket wants a short path
	if err != nil {
		t.Fatal(err)
	}
	g := &gpg{t: t, home: home}
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

func (g *gpg) env() []string { return append(os.Environ(), "GNUPGHOME="+g.home, "LC_ALL=C.UTF-8") }

func (g *gpg) run(stdin string, args ...string) string {
	g.t.Helper()
	cmd := exec.CommandContext(g.t.Context(), "gpg", append([]string{"--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
	cmd.Env, cmd.Stdin = g.env(), strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		g.t.Fatalf("gpg %s: %v\n%s", strings.Join(args, " "), err, stderr(err))
	}
	return string(out)
}

// at makes gpg believe that it is another day.
func at(day string) string { return "--faked-system-time=" + day + "T120000" }

// key makes a key that signs, and returns its fingerprint.
func (g *gpg) key(name, kind, expires string, flags ...string) string {
	g.t.Helper()
	g.run("", append(flags, "--batch", "--quick-gen-key", name+" <"+name+"@example.com>", kind, "sign", expires)...)
	return g.fingerprints(name)[0]
}

// subkey returns the fingerprint of a key's only subkey.
func (g *gpg) subkey(key string) string {
	g.t.Helper()
	return g.fingerprints(key)[1]
}

func (g *gpg) fingerprints(name string) (out []string) {
	g.t.Helper()
	for _, l := range strings.Split(g.run("", "--batch", "--with-colons", "--list-keys", name), "\n") {
		if f := strings.Split(l, ":"); f[0] == "fpr" {
			out = append(out, f[9])
		}
	}
	return out
}

// revoke uses the certificate that gpg made with the key.
func (g *gpg) revoke(fingerprint string) {
	g.t.Helper()
	text := contents(g.t, filepath.Join(g.home, "openpgp-revocs.d", fingerprint+".rev"))
	g.run(text[strings.Index(text, ":-----BEGIN")+1:], "--batch", "--import")
}

func (g *gpg) export(keys ...string) string {
	g.t.Helper()
	return g.run("", append([]string{"--batch", "--armor", "--export"}, keys...)...)
}

// by signs with a key.
func (g *gpg) by(key string, flags ...string) func(string) string {
	return func(payload string) string {
		g.t.Helper()
		return g.run(payload, append(flags, "--batch", "--armor", "-u", key, "--detach-sign")...)
	}
}

// sshKeys are keys of ssh-keygen in a directory.
type sshKeys struct {
	t   *testing.T
	dir string
}

func newSSHKeys(t *testing.T) *sshKeys {
	t.Helper()
	need(t, "ssh-keygen")
	return &sshKeys{t, t.TempDir()}
}

// key makes a key and returns its public half.
func (k *sshKeys) key(name, kind string, flags ...string) string {
	k.t.Helper()
	(&sshd{t: k.t, dir: k.dir}).keygen(name, kind, flags...)
	return strings.TrimSpace(contents(k.t, filepath.Join(k.dir, name+".pub")))
}

// by signs with a key, for a namespace.
func (k *sshKeys) by(name, namespace string) func(string) string {
	return func(payload string) string {
		k.t.Helper()
		cmd := exec.CommandContext(k.t.Context(), "ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", filepath.Join(k.dir, name))
		cmd.Stdin = bytes.NewReader([]byte(payload))
		out, err := cmd.Output()
		if err != nil {
			k.t.Fatalf("ssh-keygen: %v\n%s", err, stderr(err))
		}
		return string(out)
	}
}

// unsigned is what a commit says before it is signed.
func (o *origin) unsigned(n int, when time.Time) string {
	o.t.Helper()
	specs := o.put("tree", line("100644", "core.yaml", o.put("blob", fmt.Sprintf("a: %d\n", n))))
	who := fmt.Sprintf("Ada <ada@example.com> %d +0100", when.Unix())
	return fmt.Sprintf("tree %s\nauthor %s\ncommitter %s\n\nsay %d\n", o.put("tree", line("40000", "specs", specs)), who, who, n)
}

// enter makes a commit of its words and signatures the head of main.
func (o *origin) enter(words string, signatures ...string) string {
	o.t.Helper()
	header, message, _ := strings.Cut(words, "\n\n")
	for _, s := range signatures {
		header += "\ngpgsig " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n ")
	}
	hash := o.put("commit", header+"\n\n"+message)
	o.in(o.bare, nil, "update-ref", "refs/heads/main", hash)
	return hash
}
