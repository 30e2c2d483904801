package gitwatch_test

import (
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/gitwatch"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for repo, want := range map[string]string{
		"https://git.example.com/net/specs.git":                "main of https://git.example.com/net/specs.git",
		"https://ada@git.example.com:8443/net/specs":           "main of https://git.example.com:8443/net/specs",
		"http://127.0.0.1:3000/net/specs":                      "main of http://127.0.0.1:3000/net/specs",
		"http://[::1]:3000/net/specs":                          "main of http://[::1]:3000/net/specs",
		"http://localhost/net/specs":                           "main of http://localhost/net/specs",
		"ssh://git@git.example.com/net/specs.git":              "main of ssh://git.example.com:22/net/specs.git",
		"ssh://git.example.com:2222/~ada/specs":                "main of ssh://git.example.com:2222/~ada/specs",
		"ssh://git@[2001:db8::1]/net/specs":                    "main of ssh://[2001:db8::1]:22/net/specs",
		"git@git.example.com:net/specs.git":                    "main of ssh://git.example.com:22/net/specs.git",
		"git.example.com:net/specs.git":                        "main of ssh://git.example.com:22/net/specs.git",
		"/srv/git/specs.git":                                   "main of /srv/git/specs.git",
		"./specs.git":                                          "main of ./specs.git",
		"./odd:name.git":                                       "main of ./odd:name.git",
		"file:///srv/git/specs.git":                            "main of /srv/git/specs.git",
		"https://git.example.com/with%20space":                 "main of https://git.example.com/with%20space",
		"https://sometoken@git.example.com/net/specs/../x.git": "main of https://git.example.com/net/specs/../x.git",
	} {
		w, err := gitwatch.New(forAddress(repo))
		if err != nil {
			t.Errorf("%s: %v", repo, err)
		} else if w.String() != want {
			t.Errorf("%s: %q, want %q", repo, w, want)
		}
	}
}

// forAddress is a configuration for a repository, with what its scheme must have.
func forAddress(repo string) gitwatch.Config {
	c := gitwatch.Config{Repo: repo}
	if strings.HasPrefix(repo, "https:") {
		c.TokenFile = "token"
	}
	if strings.Contains(repo, "git.example.com:") && !strings.Contains(repo, "://") || strings.HasPrefix(repo, "ssh:") {
		c.SSHKeyFile, c.KnownHostsFile = "key", "known_hosts"
	}
	return c
}

func TestConfigsThatAreRefused(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, c := range map[string]struct {
		cfg  gitwatch.Config
		said string
	}{
		"no repository":          {gitwatch.Config{}, "--repo: it is empty"},
		"a password in it":       {gitwatch.Config{Repo: "https://ada:hunter2@git.example.com/x"}, "must not hold a password"},
		"a password, mistyped":   {gitwatch.Config{Repo: "https://ada:hunter2@git.example.com:port/x"}, "not a URL"},
		"a password, shortly":    {gitwatch.Config{Repo: "ada:hunter2@git.example.com:x"}, "neither a URL nor"},
		"a token in the query":   {gitwatch.Config{Repo: "https://git.example.com/x?private_token=hunter2"}, "query"},
		"a fragment":             {gitwatch.Config{Repo: "https://git.example.com/x#hunter2"}, "fragment"},
		"plain http":             {gitwatch.Config{Repo: "http://git.example.com/x"}, "http is neither encrypted nor authenticated"},
		"plain http, nearly":     {gitwatch.Config{Repo: "http://localhost.example.com/x"}, "http is neither encrypted nor authenticated"},
		"plain http, that looks": {gitwatch.Config{Repo: "http://127.0.0.1@git.example.com/x"}, "http is neither encrypted nor authenticated"},
		"the git protocol":       {gitwatch.Config{Repo: "git://git.example.com/x"}, `"git" is no scheme`},
		"a helper's protocol":    {gitwatch.Config{Repo: "ext::sh -c id"}, "neither a URL nor"},
		"no host":                {gitwatch.Config{Repo: "https:///x"}, "no host"},
		"an option for a host":   {gitwatch.Config{Repo: "ssh://-oProxyCommand=id/x"}, "no host"},
		"an option for a path":   {gitwatch.Config{Repo: "git@git.example.com:-x"}, "neither a URL nor"},
		"no path":                {gitwatch.Config{Repo: "https://git.example.com/"}, "no repository"},
		"a line break":           {gitwatch.Config{Repo: "https://git.example.com/x\nhunter2"}, "control characters"},
		"an escaped line break":  {gitwatch.Config{Repo: "https://git.example.com/x%0ahunter2"}, "control characters"},
		"a file elsewhere":       {gitwatch.Config{Repo: "file://git.example.com/x"}, `"file" is no scheme`},
		"a token for a user":     {gitwatch.Config{Repo: "https://hunter2@git.example.com/x"}, "the URL names a user, and --git-token-file no password"},
		"a token for a path":     {gitwatch.Config{Repo: "/x", TokenFile: "token"}, "--git-token-file is for https"},
		"authorities for ssh":    {gitwatch.Config{Repo: "git@git.example.com:x", CAFile: "ca"}, "--git-ca-file is for https"},
		"authorities for http":   {gitwatch.Config{Repo: "http://localhost/x", CAFile: "ca"}, "--git-ca-file is for https"},
		"a key for https":        {gitwatch.Config{Repo: "https://git.example.com/x", SSHKeyFile: "key"}, "are for ssh"},
		"known hosts for a path": {gitwatch.Config{Repo: "/x", KnownHostsFile: "known"}, "are for ssh"},
		"ssh without a key":      {gitwatch.Config{Repo: "git@git.example.com:x", KnownHostsFile: "known"}, "needs --git-ssh-key-file"},
		"ssh to anybody":         {gitwatch.Config{Repo: "ssh://git.example.com/x", SSHKeyFile: "key"}, "needs --git-ssh-key-file and --git-known-hosts-file"},
		"a way to verify":        {gitwatch.Config{Repo: "/x", Verify: "gpg", VerifyKeysFile: "keys"}, `--verify "gpg": say none, openpgp or ssh`},
		"verified by nothing":    {gitwatch.Config{Repo: "/x", Verify: "ssh"}, "--verify ssh needs --verify-keys-file"},
		"keys for nothing":       {gitwatch.Config{Repo: "/x", VerifyKeysFile: "keys"}, "--verify-keys-file without --verify"},
		"a bad branch":           {gitwatch.Config{Repo: "/x", Branch: "a..b"}, "--branch"},
		"a path upwards":         {gitwatch.Config{Repo: "/x", Path: "specs/../../etc"}, "leads out of the repository"},
		"a path from the root":   {gitwatch.Config{Repo: "/x", Path: "/specs"}, "without a /"},
	} {
		w, err := gitwatch.New(c.cfg)
		if err == nil {
			t.Errorf("%s: %s is watched", name, w)
		} else if !strings.Contains(err.Error(), c.said) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want it to say %q and nothing secret", name, err, c.said)
		}
	}
}
