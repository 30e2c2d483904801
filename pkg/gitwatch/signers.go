package gitwatch

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// gitNamespace is what git's signatures are made for; others, of files say, do not count for commits.
const gitNamespace = "git"

// signer is a line of a file of allowed signers, as ssh-keygen has it.
type signer struct {
	key           ssh.PublicKey
	namespaces    string // patterns; empty: any
	after, before time.Time
}

// verifySSH checks a commit's signature with the keys of a file of allowed signers. The key must be valid at the time that the commit says,
// and now: who has a key whose time is over could date back what he signs with it.
func verifySSH(file, name string, c commit, now time.Time) error {
	allowed, err := parseSigners(file)
	if err != nil {
		return fmt.Errorf("--verify-keys-file %s: %w", name, err)
	}
	if err := unwrapped(c.signature, sshsig.PEMType); err != nil {
		return err
	}
	signature, err := sshsig.Unarmor([]byte(c.signature))
	if err != nil {
		return fmt.Errorf("its signature is malformed: %w", err)
	}
	key := signature.PublicKey.Type() + " " + ssh.FingerprintSHA256(signature.PublicKey)
	if err := checkKey(signature.PublicKey); err != nil {
		return fmt.Errorf("it is signed with the key %s: %w", key, err)
	}
	if signature.Namespace != gitNamespace {
		return fmt.Errorf("its signature is for the namespace %s, not for %q", shown(signature.Namespace), gitNamespace)
	}
	err = sshsig.Verify(bytes.NewReader(c.payload), signature, signature.PublicKey, signature.HashAlgorithm, gitNamespace)
	if err != nil {
		return fmt.Errorf("its signature with the key %s does not count: %w", key, err)
	}
	why := fmt.Errorf("which is not in %s", name)
	for _, s := range allowed {
		if bytes.Equal(s.key.Marshal(), signature.PublicKey.Marshal()) {
			if why = s.allows(c.when, now); why == nil {
				return nil
			}
		}
	}
	return fmt.Errorf("it is signed with the key %s, %w", key, why)
}

// checkKey refuses kinds of keys that are not signed with as they should: DSA uses SHA-1, RSA may be short, and a certificate's authority
// is nobody's here.
func checkKey(key ssh.PublicKey) error {
	switch key.Type() {
	case ssh.KeyAlgoRSA:
		k, ok := key.(ssh.CryptoPublicKey).CryptoPublicKey().(*rsa.PublicKey)
		if !ok || k.N.BitLen() < 2048 {
			return errors.New("an RSA key needs 2048 bits")
		}
		return nil
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256:
		return nil
	}
	return errors.New("keys of this kind do not count")
}

// allows says why a key must not have signed a commit.
func (s signer) allows(when, now time.Time) error {
	if !matches(s.namespaces, gitNamespace) {
		return fmt.Errorf("which is allowed for the namespaces %s only", shown(s.namespaces))
	}
	for _, t := range []time.Time{now, when} {
		switch {
		case !s.after.IsZero() && t.Before(s.after):
			return fmt.Errorf("which is valid from %s on, and not at %s", s.after.UTC().Format(time.RFC3339), t.UTC().Format(time.RFC3339))
		case !s.before.IsZero() && t.After(s.before):
			return fmt.Errorf("which is valid until %s, and not at %s", s.before.UTC().Format(time.RFC3339), t.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// matches reads a list of patterns as ssh does: one must match, and none with an exclamation mark.
func matches(patterns, name string) bool {
	if patterns == "" {
		return true
	}
	found := false
	for _, p := range strings.Split(patterns, ",") {
		p, not := strings.CutPrefix(p, "!")
		p = strings.NewReplacer(`\`, `\\`, "[", `\[`).Replace(p) // which mean nothing to ssh
		if ok, err := path.Match(p, name); err != nil || ok {
			if not {
				return false
			}
			found = true
		}
	}
	return found
}

// parseSigners reads lines of principals, options, kind of key, key and a comment. The principals are not looked at: as for git, it is the
// key that counts.
func parseSigners(file string) ([]signer, error) {
	var out []signer
	for i, line := range strings.Split(file, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := parseSigner(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, errors.New("it names no allowed signer")
	}
	return out, nil
}

func parseSigner(line string) (signer, error) {
	rest := line[strings.IndexAny(line+" ", " \t"):]
	if strings.HasPrefix(line, `"`) {
		_, after, closed := strings.Cut(line[1:], `"`)
		if !closed {
			return signer{}, errors.New("the principals' quotation mark is not closed")
		}
		rest = after
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(rest)))
	if err != nil {
		return signer{}, errors.New("it is not principals, options and a public key")
	}
	s := signer{key: key}
	for _, o := range options {
		if err := s.option(o); err != nil {
			return signer{}, err
		}
	}
	return s, nil
}

// option reads one; those that are not known could forbid something.
func (s *signer) option(o string) error {
	name, value, _ := strings.Cut(o, "=")
	value = strings.Trim(value, `"`)
	var err error
	switch strings.ToLower(name) {
	case "namespaces":
		s.namespaces = value
	case "valid-after":
		s.after, err = parseValidity(value)
	case "valid-before":
		s.before, err = parseValidity(value)
	case "cert-authority":
		return errors.New("certificates are not supported: list the keys themselves")
	default:
		return fmt.Errorf("the option %s is not known", shown(name))
	}
	return err
}

// parseValidity reads a time as ssh-keygen does: YYYYMMDD[HHMM[SS]], of this machine's zone unless Z follows.
func parseValidity(s string) (time.Time, error) {
	digits, zulu := strings.CutSuffix(s, "Z")
	zone := time.Local
	if zulu {
		zone = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.ParseInLocation(layout, digits, zone); err == nil && len(layout) == len(digits) {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is no time: write YYYYMMDD or YYYYMMDDHHMMSS, with a Z for UTC", shown(s))
}
