package status

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strings"
)

// provider is how one kind of git server proves that a request is its own.
type provider struct {
	name   string // for the metric's label
	header string // of the proof; empty: there is none
	proof  func(secret []byte) proof
}

// proof is fed with the payload, and then compared with what the request shows. It takes as long for a wrong one as for a right one.
type proof interface {
	io.Writer
	is(shown string) bool
}

// providers in the order in which they are looked for: Gitea and Forgejo send GitHub's headers too, GitHub sends X-Hub-Signature beside its
// better one. Only the first that is there counts, so that a strong proof cannot be left out for a weak one (GitHub Docs, "Validating
// webhook deliveries"; Gitea and Forgejo, "Webhooks"; GitLab Docs, "Webhooks"; Bitbucket, "Manage webhooks").
var providers = []provider{
	{"forgejo", "X-Forgejo-Signature", signature("")},
	{"gitea", "X-Gitea-Signature", signature("")},
	{"github", "X-Hub-Signature-256", signature("sha256=")},
	{"gitlab", "X-Gitlab-Token", token},
	{"bitbucket", "X-Hub-Signature", signature("sha256=")},
}

// signedBy returns whose proof a request carries, and the proof.
func signedBy(h http.Header) (provider, string) {
	for _, p := range providers {
		if v := h.Get(p.header); v != "" {
			return p, v
		}
	}
	return provider{name: "unknown"}, ""
}

func proven(proofs []proof, shown string) bool {
	ok := false
	for _, p := range proofs {
		ok = p.is(shown) || ok // all of them: how long it takes must not tell which
	}
	return ok
}

// signature is the payload's HMAC-SHA256 in hex, after a prefix.
func signature(prefix string) func([]byte) proof {
	return func(secret []byte) proof { return signed{hmac.New(sha256.New, secret), prefix} }
}

type signed struct {
	hash.Hash
	prefix string
}

func (s signed) is(shown string) bool {
	digits, right := strings.CutPrefix(shown, s.prefix)
	mac, err := hex.DecodeString(digits)
	return err == nil && right && hmac.Equal(mac, s.Sum(nil))
}

// token is the secret itself.
func token(secret []byte) proof { return plainToken(sha256.Sum256(secret)) }

type plainToken [sha256.Size]byte

func (plainToken) Write(p []byte) (int, error) { return len(p), nil }

// is compares hashes, which are of one length whatever was sent.
func (t plainToken) is(shown string) bool {
	h := sha256.Sum256([]byte(shown))
	return subtle.ConstantTimeCompare(t[:], h[:]) == 1
}

// readSecrets reads one or two secrets, a line each. It is read for every request, so that a replaced one counts at once.
func readSecrets(path string) ([][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("webhook secrets: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, secretsLimit+1))
	if err != nil {
		return nil, fmt.Errorf("webhook secrets: %w", err)
	}
	if len(text) > secretsLimit {
		return nil, fmt.Errorf("webhook secrets: %s is longer than %d bytes", path, secretsLimit)
	}
	var out [][]byte
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			out = append(out, line)
		}
	}
	switch {
	case len(out) == 0:
		return nil, errors.New("webhook secrets: " + path + " has none")
	case len(out) > 2:
		return nil, fmt.Errorf("webhook secrets: %s has %d lines: one secret, or two while one is being replaced", path, len(out))
	}
	return out, nil
}
