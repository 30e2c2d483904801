package gitwatch

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Config says what is watched and how it is reached. Its fields are flags, one each; files named here are read again at every fetch, so
// that what they hold can be changed while peerd runs.
type Config struct {
	Repo   string // --repo: https://…, ssh://…, user@host:path, or the path of a repository on this machine
	Branch string // --branch; empty: main
	Path   string // --path: the spec's directory in the repository; empty: its root

	TokenFile string // --git-token-file: for https; what it holds is sent as the password, with the URL's user if it names one
	CAFile    string // --git-ca-file: for https; the only authorities whose certificates count; empty: those of this machine

	SSHKeyFile     string // --git-ssh-key-file: for ssh; a private key without a passphrase
	KnownHostsFile string // --git-known-hosts-file: for ssh; the only hosts, with their keys, that are spoken to

	AllowRewind bool // --allow-rewind: also hand out what does not descend from what was applied last

	Verify         string // --verify: VerifyNone (also when empty), VerifyOpenPGP or VerifySSH
	VerifyKeysFile string // --verify-keys-file: armored public keys, or allowed signers as ssh-keygen has them

	Limits Limits
}

// Limits bound what one fetch may cost, whatever the server sends. What is zero has a default.
type Limits struct {
	Time        time.Duration // of a whole fetch; 1 minute
	Bytes       int64         // what the server sends; 64 MiB
	Objects     int           // what it sends, and what is looked at below the path; 200,000
	ObjectBytes int64         // one object, unpacked; 16 MiB
	Unpacked    int64         // all that arrived, unpacked; 256 MiB
	Files       int           // spec files of a commit; 10,000
	FileBytes   int64         // one spec file; 4 MiB
	AllBytes    int64         // all spec files of a commit; 32 MiB
}

func (l Limits) orDefaults() Limits {
	return Limits{
		Time:        cmp.Or(l.Time, time.Minute),
		Bytes:       cmp.Or(l.Bytes, 64<<20),
		Objects:     cmp.Or(l.Objects, 200_000),
		ObjectBytes: cmp.Or(l.ObjectBytes, 16<<20),
		Unpacked:    cmp.Or(l.Unpacked, 256<<20),
		Files:       cmp.Or(l.Files, 10_000),
		FileBytes:   cmp.Or(l.FileBytes, 4<<20),
		AllBytes:    cmp.Or(l.AllBytes, 32<<20),
	}
}

// New checks a configuration. It reads and asks nothing yet: what is wrong with files or the server is for Fetch to say.
func New(c Config) (*Watcher, error) {
	at, err := parseAddress(c.Repo)
	if err != nil {
		return nil, fmt.Errorf("--repo: %w", err)
	}
	branch := plumbing.NewBranchReferenceName(cmp.Or(c.Branch, "main"))
	if err := branch.Validate(); err != nil {
		return nil, fmt.Errorf("--branch %q is no name of a branch", c.Branch)
	}
	dir, err := parsePath(c.Path)
	if err != nil {
		return nil, fmt.Errorf("--path %q: %w", c.Path, err)
	}
	if err := c.checkCredentials(at); err != nil {
		return nil, err
	}
	if err := c.checkVerify(); err != nil {
		return nil, err
	}
	c.Limits = c.Limits.orDefaults()
	return &Watcher{cfg: c, at: at, branch: branch, dir: dir, copy: &copied{store: memory.NewStorage()}}, nil
}

// checkCredentials refuses files that would not be used, and a user without a password: it may be a token in the wrong place.
func (c Config) checkCredentials(at address) error {
	overHTTP := at.scheme == "http" || at.scheme == "https"
	switch {
	case c.TokenFile != "" && !overHTTP:
		return fmt.Errorf("--git-token-file is for https, and %s is not reached by it", at)
	case c.CAFile != "" && at.scheme != "https":
		return fmt.Errorf("--git-ca-file is for https, and %s is not reached by it", at)
	case (c.SSHKeyFile != "" || c.KnownHostsFile != "") && at.scheme != "ssh":
		return fmt.Errorf("--git-ssh-key-file and --git-known-hosts-file are for ssh, and %s is not reached by it", at)
	case at.scheme == "ssh" && (c.SSHKeyFile == "" || c.KnownHostsFile == ""):
		return fmt.Errorf("%s is reached by ssh, which needs --git-ssh-key-file and --git-known-hosts-file", at)
	case overHTTP && at.user != "" && c.TokenFile == "":
		return errors.New("--repo: the URL names a user, and --git-token-file no password; a token must not be in the URL")
	}
	return nil
}

func (c Config) checkVerify() error {
	switch c.Verify {
	case "", VerifyNone:
		if c.VerifyKeysFile != "" {
			return errors.New("--verify-keys-file without --verify: say openpgp or ssh, or nothing would be verified")
		}
		return nil
	case VerifyOpenPGP, VerifySSH:
		if c.VerifyKeysFile == "" {
			return fmt.Errorf("--verify %s needs --verify-keys-file", c.Verify)
		}
		return nil
	}
	return fmt.Errorf("--verify %q: say none, openpgp or ssh", c.Verify)
}

// parsePath returns a directory of a repository as fs.FS spells it.
func parsePath(p string) (string, error) {
	switch clean := path.Clean("./" + p); {
	case strings.HasPrefix(p, "/"):
		return "", errors.New("it begins at the root of the repository, without a /")
	case !fs.ValidPath(clean):
		return "", errors.New("it leads out of the repository")
	default:
		return clean, nil
	}
}
