package gitwatch_test

import (
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
)

// The server shows another key than the one that is known, or one where none is known: nothing is asked, not even who we are. A new known
// hosts file needs no restart.
func TestF16HostKey(t *testing.T) {
	t.Parallel()
	o := gittest.NewOrigin(t)
	first := o.Commit("first", spec(1))
	s := gittest.ServeSSH(t)
	c := s.Config(o)
	w := watch(t, c)
	mustFetch(t, w, "", first)

	s.Key("new", "ed25519")
	s.Key("kind", "ecdsa")
	for name, said := range map[string]string{
		"new":  "shows the key ssh-ed25519 SHA256:",
		"kind": "no common algorithm for host key", // only that of the known key is asked for
	} {
		s.Show(name)
		before := len(s.Log())
		said := mustRefuse(t, w, first, said)
		if name == "new" && !strings.Contains(said, "which is not the one in "+c.KnownHostsFile+": somebody may be in between") {
			t.Error(said)
		}
		failures.Shown(t, 16, len(s.Log()) > before, "a host key that has changed")
		if log := s.Log()[before:]; strings.Contains(log, "publickey") || strings.Contains(log, "Accepted") {
			t.Errorf("it was told who asks:\n%s", log)
		}
	}
	s.Show("new")
	write(t, c.KnownHostsFile, contents(t, s.KnownHosts(s.Address, "new")))
	mustFetch(t, w, first, first)

	write(t, c.KnownHostsFile, "@revoked "+contents(t, s.KnownHosts(s.Address, "new")))
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
	o := gittest.NewOrigin(t)
	first := o.Commit("first", spec(1))
	s := gittest.ServeSSH(t)
	c := s.Config(o)
	w := watch(t, c)
	mustFetch(t, w, "", first)
	old := contents(t, s.Path("client"))
	for _, name := range []string{"client", "client.pub"} {
		if err := os.Remove(s.Path(name)); err != nil {
			t.Fatal(err)
		}
	}
	s.Key("client", "rsa")
	renewed := contents(t, s.Path("client"))
	write(t, c.SSHKeyFile, old)
	mustRefuse(t, w, first, "unable to authenticate")
	failures.Shown(t, 16, strings.Contains(s.Log(), "Failed publickey"), "a key that is not let in")
	write(t, c.SSHKeyFile, renewed)
	mustFetch(t, w, first, first)

	s.Key("locked", "ed25519", "-N", "open sesame")
	for text, said := range map[string]string{
		contents(t, s.Path("locked")):     "is protected by a passphrase",
		contents(t, s.Path("client.pub")): "holds no private key of ssh",
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
	o := gittest.NewOrigin(t)
	o.Commit("first", spec(1))
	c := gittest.ServeSSH(t).Config(o)
	c.Repo += "/it's!gone"
	mustRefuse(t, watch(t, c), "", `the server says "fatal: '`+o.Bare+"/it's!gone' does not appear to be a git repository")
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
			k := gittest.NewSSHKeys(t)
			k.Key("any", "ed25519")
			cfg := gitwatch.Config{
				Repo: "ssh://ada@" + l.Addr().String() + "/x", SSHKeyFile: k.Path("any"), KnownHostsFile: k.KnownHosts(l.Addr().String(), "any"),
				Limits: gitwatch.Limits{Time: 300 * time.Millisecond},
			}
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
