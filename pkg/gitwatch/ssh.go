package gitwatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

// sshSession is one run of git-upload-pack at the other end of an ssh connection.
type sshSession struct {
	path   string
	client *ssh.Client
	run    *ssh.Session
	in     io.WriteCloser
	out    io.ReadCloser
	errs   *tail
	forget func() bool // of the context
}

// dialSSH connects with what the key and known hosts files hold now. Configurations and agents of ssh are not looked at.
func (w *Watcher) dialSSH(ctx context.Context, m *meter) (session, error) {
	config, err := w.sshConfig(m)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", w.at.host)
	if err != nil {
		return nil, err
	}
	s := &sshSession{path: w.at.path, errs: &tail{}, forget: context.AfterFunc(ctx, func() { conn.Close() })}
	c, channels, requests, err := ssh.NewClientConn(conn, w.at.host, config)
	if err != nil {
		s.forget()
		conn.Close() // that it did not come about is said
		return nil, err
	}
	s.client = ssh.NewClient(c, channels, requests)
	if err := s.start(m); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (w *Watcher) sshConfig(m *meter) (*ssh.ClientConfig, error) {
	pem, err := readSmall("--git-ssh-key-file", w.cfg.SSHKeyFile)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(pem)
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
		return nil, fmt.Errorf("--git-ssh-key-file %s is protected by a passphrase: nobody is there to type it", w.cfg.SSHKeyFile)
	} else if err != nil {
		return nil, fmt.Errorf("--git-ssh-key-file %s holds no private key of ssh", w.cfg.SSHKeyFile)
	}
	if _, err := readSmall("--git-known-hosts-file", w.cfg.KnownHostsFile); err != nil {
		return nil, err
	}
	known, err := knownhosts.NewDB(w.cfg.KnownHostsFile)
	if err != nil {
		return nil, fmt.Errorf("--git-known-hosts-file: %w", err)
	}
	check := func(host string, remote net.Addr, shown ssh.PublicKey) error {
		if err := known.HostKeyCallback()(host, remote, shown); err != nil {
			return m.stop(hostKeyError(err, host, shown, w.cfg.KnownHostsFile))
		}
		return nil
	}
	return &ssh.ClientConfig{
		User: w.at.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback: check, HostKeyAlgorithms: known.HostKeyAlgorithms(w.at.host),
	}, nil
}

func hostKeyError(err error, host string, shown ssh.PublicKey, file string) error {
	key := shown.Type() + " " + ssh.FingerprintSHA256(shown)
	switch {
	case knownhosts.IsHostUnknown(err):
		return fmt.Errorf("%s is not among the known hosts of %s; it shows the key %s", host, file, key)
	case knownhosts.IsHostKeyChanged(err):
		return fmt.Errorf("%s shows the key %s, which is not the one in %s: somebody may be in between", host, key, file)
	}
	return fmt.Errorf("%s shows the key %s: %w", host, key, err)
}

func (s *sshSession) start(m *meter) error {
	run, err := s.client.NewSession()
	if err != nil {
		return err
	}
	run.Stderr = s.errs
	in, inErr := run.StdinPipe()
	out, outErr := run.StdoutPipe()
	s.run, s.in, s.out = run, in, metered{m, io.NopCloser(out)}
	return errors.Join(inErr, outErr, run.Start(service+" "+quote(s.path)))
}

// quote makes one word of a path, as git does: for any shell, also one that has a history.
func quote(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

func (s *sshSession) refs(context.Context) (*packp.AdvRefs, error) {
	refs, err := decodeRefs(s.out)
	if err == nil {
		return refs, nil
	}
	_ = s.run.Wait() // until everything was said; that it failed is known
	if words := s.errs.String(); words != "" {
		return nil, fmt.Errorf("the server says %s", shown(words))
	}
	return nil, err
}

func (s *sshSession) pack(_ context.Context, request []byte) (io.ReadCloser, error) {
	if _, err := s.in.Write(request); err != nil {
		return nil, err
	}
	return s.out, s.in.Close()
}

// close ends the run and the connection; that the other end may have done so first is no error.
func (s *sshSession) close() {
	s.forget()
	_ = s.client.Close()
}

// tail keeps the start of what a server complains of.
type tail struct {
	mu    sync.Mutex
	words bytes.Buffer // guarded by mu
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.words.Write(b[:min(len(b), max(0, 500-t.words.Len()))])
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.words.String())
}
