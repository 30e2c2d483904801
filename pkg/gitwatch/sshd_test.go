package gitwatch_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
)

// sshd is OpenSSH's server, one process for each connection. What it logs is kept.
type sshd struct {
	t        *testing.T
	program  string
	dir      string
	listener net.Listener

	mu     sync.Mutex
	logged bytes.Buffer
}

func (s *sshd) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logged.Write(b)
}

func (s *sshd) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logged.String()
}

// serveSSH starts a server with a key of its own that lets one key in.
func serveSSH(t *testing.T) *sshd {
	t.Helper()
	s := &sshd{t: t, program: need(t, "sshd"), dir: t.TempDir()}
	if os.Getuid() == 0 { // as root it wants this directory, which only the service's start makes
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.keygen("host", "ed25519")
	s.keygen("client", "ed25519")
	s.config("host")
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return // closed
			}
			all.Go(func() { s.serve(c.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() { s.listener.Close(); all.Wait() })
	return s
}

// config makes one of the keys the server's.
func (s *sshd) config(hostKey string) {
	s.t.Helper()
	write(s.t, s.path("config"), strings.Join([]string{
		"HostKey " + s.path(hostKey), "AuthorizedKeysFile " + s.path("client.pub"), "AuthenticationMethods publickey", "StrictModes no", "UsePAM no",
		"PidFile none", "PrintMotd no", "LogLevel VERBOSE", "SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=" + os.DevNull,
	}, "\n")+"\n")
}

func (s *sshd) serve(c *net.TCPConn) {
	defer c.Close()
	f, err := c.File()
	if err != nil {
		s.t.Error(err)
		return
	}
	defer f.Close()
	cmd := exec.Command(s.program, "-i", "-e", "-f", s.path("config")) //nolint:noctx // it ends with the connection
	cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, s
	_ = cmd.Run() // a client that went away is an error to it
}

func (s *sshd) path(name string) string { return filepath.Join(s.dir, name) }

func (s *sshd) keygen(name, kind string, flags ...string) {
	s.t.Helper()
	args := append([]string{"-q", "-t", kind, "-N", "", "-C", name, "-f", s.path(name)}, flags...)
	if out, err := exec.CommandContext(s.t.Context(), need(s.t, "ssh-keygen"), args...).CombinedOutput(); err != nil {
		s.t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
}

// knownHosts is a file in which the server has the key of a name.
func (s *sshd) knownHosts(key string) string {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.listener.Addr().String())
	path := s.path("known_hosts-" + key)
	write(s.t, path, fmt.Sprintf("[%s]:%s %s", host, port, contents(s.t, s.path(key+".pub"))))
	return path
}

// reach is a configuration that reaches a repository.
func (s *sshd) reach(o *origin) gitwatch.Config {
	s.t.Helper()
	me, err := osuser.Current()
	if err != nil {
		s.t.Fatal(err)
	}
	return gitwatch.Config{
		Repo: "ssh://" + me.Username + "@" + s.listener.Addr().String() + o.bare, SSHKeyFile: s.path("client"), KnownHostsFile: s.knownHosts("host"),
	}
}

// The server shows another key than the one that is known, or one where none is known: nothing is asked, not even who we are. A new known
// hosts file needs no restart.
func TestF16HostKey(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	first := o.commit("first", spec(1))
	s := serveSSH(t)
	c := s.reach(o)
	w := watch(t, c)
	mustFetch(t, w, "", first)

	s.keygen("new", "ed25519")
	s.keygen("kind", "ecdsa")
	for name, said := range map[string]string{
		"new":  "shows the key ssh-ed25519 SHA256:",
		"kind": "no common algorithm for host key", // only that of the known key is asked for
	} {
		s.config(name)
		before := len(s.log())
		said := mustRefuse(t, w, first, said)
		if name == "new" && !strings.Contains(said, "which is not the one in "+c.KnownHostsFile+": somebody may be in between") {
			t.Error(said)
		}
		failures.Shown(t, 16, len(s.log()) > before, "a host key that has changed")
		if log := s.log()[before:]; strings.Contains(log, "publickey") || strings.Contains(log, "Accepted") {
			t.Errorf("it was told who asks:\n%s", log)
		}
	}
	s.config("new")
	write(t, c.KnownHostsFile, contents(t, s.knownHosts("new")))
	mustFetch(t, w, first, first)

	write(t, c.KnownHostsFile, "@revoked "+contents(t, s.knownHosts("new")))
	mustRefuse(t, w, first, "shows the key ssh-ed25519 SHA256:", "revoked")
	write(t, c.KnownHostsFile, "")
	mustRefuse(t, w, first, "is not among the known hosts of "+c.KnownHostsFile+"; it shows the key ssh-ed25519 SHA256:")
	write(t, c.KnownHostsFile, "what is this\n")
	mustRefuse(t, w, first, "--git-known-hosts-file")
	if err := os.Remove(c.KnownHostsFile); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, w, first, "--git-known-hosts-file: open "+c.KnownHostsFile+": no such file")
}

// The key is not let in any more, or is none; it is read again at every fetch.
func TestF16SSHKey(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	first := o.commit("first", spec(1))
	s := serveSSH(t)
	c := s.reach(o)
	w := watch(t, c)
	mustFetch(t, w, "", first)
	old := contents(t, s.path("client"))
	for _, name := range []string{"client", "client.pub"} {
		if err := os.Remove(s.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	s.keygen("client", "rsa")
	renewed := contents(t, s.path("client"))
	write(t, c.SSHKeyFile, old)
	mustRefuse(t, w, first, "unable to authenticate")
	failures.Shown(t, 16, strings.Contains(s.log(), "Failed publickey"), "a key that is not let in")
	write(t, c.SSHKeyFile, renewed)
	mustFetch(t, w, first, first)

	s.keygen("locked", "ed25519", "-N", "open sesame")
	for text, said := range map[string]string{
		contents(t, s.path("locked")):     "is protected by a passphrase",
		contents(t, s.path("client.pub")): "holds no private key of ssh",
		"":                                "holds no private key of ssh",
	} {
		write(t, c.SSHKeyFile, text)
		if said := mustRefuse(t, w, first, "--git-ssh-key-file "+c.SSHKeyFile, said); strings.Contains(said, "AAAA") {
			t.Errorf("the key is said: %s", said)
		}
	}
}

// What git says at the other end is passed on, escaped.
func TestSSHWords(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.commit("first", spec(1))
	c := serveSSH(t).reach(o)
	c.Repo += "/it's!gone"
	mustRefuse(t, watch(t, c), "", `the server says "fatal: '`+o.bare+"/it's!gone' does not appear to be a git repository")
}

// A server that says nothing, at once or after a while, is left when the time is over.
func TestF14SilentSSH(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ greeting, said string }{
		"from the start":          {"", "it took longer than 300ms"},
		"after its name":          {"SSH-2.0-quiet\r\n", "it took longer than 300ms"},
		"endless before its name": {"hello\r\n", "overflow reading version string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			all.Go(func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
					t.Error(err)
				}
				for ok := true; ok; _, err = conn.Write([]byte(c.greeting)) {
					ok = strings.HasPrefix(name, "endless") && err == nil
				}
				heard, _ := io.Copy(io.Discard, conn) // until it is left
				failures.Shown(t, 14, heard > 0, "a client to whom nothing is said")
			})
			s := &sshd{t: t, dir: t.TempDir(), listener: l}
			s.keygen("host", "ed25519")
			cfg := s.reach(&origin{bare: "/x"})
			cfg.SSHKeyFile, cfg.Limits = s.path("host"), gitwatch.Limits{Time: 300 * time.Millisecond}
			begun := time.Now()
			mustRefuse(t, watch(t, cfg), "", c.said)
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("it took %s", took)
			}
			l.Close()
			all.Wait()
		})
	}
}
