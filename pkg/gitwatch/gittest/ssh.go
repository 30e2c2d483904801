package gittest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/tooltest"
)

// SSHKeys are keys of ssh-keygen in a directory, by name.
type SSHKeys struct {
	t   *testing.T
	dir string
}

// NewSSHKeys makes none yet.
func NewSSHKeys(t *testing.T) *SSHKeys {
	t.Helper()
	tooltest.Need(t, "ssh-keygen")
	return &SSHKeys{t, t.TempDir()}
}

// Key makes a key of a kind, as ssh-keygen -t has it, without a passphrase, and returns its public half as one line.
func (k *SSHKeys) Key(name, kind string, flags ...string) string {
	k.t.Helper()
	args := append([]string{"-q", "-t", kind, "-N", "", "-C", name, "-f", k.Path(name)}, flags...)
	output(k.t, exec.CommandContext(k.t.Context(), "ssh-keygen", args...))
	return strings.TrimSpace(contents(k.t, k.Path(name+".pub")))
}

// Path is the file of a key; with .pub after its name, that of its public half.
func (k *SSHKeys) Path(name string) string { return filepath.Join(k.dir, name) }

// KnownHosts is a file in which the server at an address, host:port, has a key.
func (k *SSHKeys) KnownHosts(address, key string) string {
	k.t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		k.t.Fatal(err)
	}
	path := k.Path("known_hosts-" + key)
	write(k.t, path, fmt.Sprintf("[%s]:%s %s", host, port, contents(k.t, k.Path(key+".pub"))))
	return path
}

// By signs with a key, for a namespace; git's is "git".
func (k *SSHKeys) By(name, namespace string) func(payload string) string {
	return func(payload string) string {
		k.t.Helper()
		cmd := exec.CommandContext(k.t.Context(), "ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", k.Path(name))
		cmd.Stdin = strings.NewReader(payload)
		return output(k.t, cmd)
	}
}

// SSHServer is OpenSSH's sshd, one process for each connection. What it logs is kept. Its keys are "host", which it shows, and "client",
// which is let in.
type SSHServer struct {
	*SSHKeys
	Address string // host:port

	program string
	serving sync.RWMutex // each connection holds it for reading
	logged  tooltest.Buffer
}

// ServeSSH starts a server that reaches every repository of this machine, for as long as the test runs.
func ServeSSH(t *testing.T) *SSHServer {
	t.Helper()
	s := &SSHServer{program: tooltest.Need(t, "sshd"), SSHKeys: NewSSHKeys(t)}
	if os.Getuid() == 0 { // as root it wants this directory, which only the service's start makes
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.Key("host", "ed25519")
	s.Key("client", "ed25519")
	s.Show("host")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Address = l.Addr().String()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			all.Go(func() { s.serve(c.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return s
}

// Show makes one of the keys the server's, for connections from now on.
func (s *SSHServer) Show(key string) {
	s.t.Helper()
	write(s.t, s.Path("config"), strings.Join([]string{
		"HostKey " + s.Path(key), "AuthorizedKeysFile " + s.Path("client.pub"), "AuthenticationMethods publickey", "StrictModes no", "UsePAM no",
		"PidFile none", "PrintMotd no", "LogLevel VERBOSE", "SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=" + os.DevNull,
	}, "\n")+"\n")
}

func (s *SSHServer) serve(c *net.TCPConn) {
	s.serving.RLock()
	defer s.serving.RUnlock()
	defer c.Close()
	f, err := c.File()
	if err != nil {
		s.t.Error(err)
		return
	}
	defer f.Close()
	cmd := exec.Command(s.program, "-i", "-e", "-f", s.Path("config")) //nolint:noctx // it ends with the connection
	cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, &s.logged
	_ = cmd.Run() // a client that went away is an error to it
}

// Log returns everything that sshd has logged. It waits for connections that are open: sshd writes about one when its client has left it.
func (s *SSHServer) Log() string {
	s.serving.Lock()
	defer s.serving.Unlock()
	return s.logged.String()
}

// Config reaches a repository with the key "client", and knows the server by the key "host".
func (s *SSHServer) Config(o *Origin) gitwatch.Config {
	s.t.Helper()
	me, err := user.Current()
	if err != nil {
		s.t.Fatal(err)
	}
	return gitwatch.Config{
		Repo: "ssh://" + me.Username + "@" + s.Address + o.Bare, SSHKeyFile: s.Path("client"), KnownHostsFile: s.KnownHosts(s.Address, "host"),
	}
}
