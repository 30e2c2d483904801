package gitwatch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
)

// address is where a repository is.
type address struct {
	scheme string // https, http, ssh, or file
	user   string // who asks; empty when it is not said
	host   string // with its port, if it has one; empty for a file
	path   string
}

// String leaves the user out: in a URL, tokens stand there too.
func (a address) String() string {
	if a.scheme == "file" {
		return a.path
	}
	return a.url().String()
}

func (a address) url() *url.URL {
	return &url.URL{Scheme: a.scheme, Host: a.host, Path: "/" + strings.TrimPrefix(a.path, "/")}
}

// parseAddress reads a repository's URL, its short form user@host:path, or a path on this machine. Its errors never repeat what they are
// about: it may hold a password.
func parseAddress(repo string) (address, error) {
	switch {
	case repo == "":
		return address{}, errors.New("it is empty")
	case hasControl(repo):
		return address{}, errControl
	case strings.Contains(repo, "://"):
		return parseURL(repo)
	}
	if before, after, found := strings.Cut(repo, ":"); found && !strings.Contains(before, "/") {
		return parseShort(before, after)
	}
	return address{scheme: "file", path: repo}, nil
}

func parseURL(repo string) (address, error) {
	u, err := url.Parse(repo)
	if err != nil {
		return address{}, errors.New("it is not a URL")
	}
	a := address{scheme: u.Scheme, user: u.User.Username(), host: u.Host, path: u.Path}
	_, hasPassword := u.User.Password()
	switch {
	case hasPassword:
		return address{}, errors.New("a URL must not hold a password: put it into a file, and name that with --git-token-file")
	case hasControl(u.Path):
		return address{}, errControl
	case u.RawQuery != "" || u.Fragment != "":
		return address{}, errors.New("a URL must not have a query or a fragment")
	case u.Scheme == "file" && u.Host == "":
		return a, nil
	case u.Hostname() == "" || strings.HasPrefix(u.Host, "-"):
		return address{}, errors.New("the URL names no host")
	case strings.Trim(u.Path, "/") == "":
		return address{}, errors.New("the URL names no repository")
	case u.Scheme == "ssh":
		return a.overSSH(u.Port())
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return a, nil
	case u.Scheme == "http":
		return address{}, errors.New("http is neither encrypted nor authenticated, and allowed to this machine only: use https or ssh")
	}
	return address{}, fmt.Errorf("%q is no scheme of a repository: use https, ssh, or a path on this machine", u.Scheme)
}

// parseShort reads user@host:path. What could be a mistyped user:password@host is refused, since the password would be taken for a path.
func parseShort(before, path string) (address, error) {
	user, host, found := strings.Cut(before, "@")
	if !found {
		user, host = "", before
	}
	if host == "" || path == "" || strings.HasPrefix(host, "-") || strings.ContainsAny(path[:1], "-:") || strings.Contains(path, "@") {
		return address{}, errors.New("it is neither a URL nor user@host:path nor a path on this machine")
	}
	return address{scheme: "ssh", user: user, host: host, path: path}.overSSH("")
}

// overSSH completes an address for ssh: as git does, the user's directories begin with ~, not with /~.
func (a address) overSSH(port string) (address, error) {
	if a.user == "" {
		a.user = "git"
	}
	if port == "" {
		a.host = net.JoinHostPort(strings.Trim(a.host, "[]"), "22")
	}
	if strings.HasPrefix(a.path, "/~") {
		a.path = a.path[1:]
	}
	return a, nil
}

var errControl = errors.New("it holds control characters")

func hasControl(s string) bool {
	return strings.ContainsFunc(s, unicode.IsControl)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
