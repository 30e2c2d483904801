package gitwatch

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Ways to verify a commit.
const (
	VerifyNone    = "none"
	VerifyOpenPGP = "openpgp"
	VerifySSH     = "ssh"
)

// verify refuses a commit that no allowed key has signed. The keys are read again each time, also for a commit that was believed before:
// a key that is taken out of the file counts no more from then on.
func (w *Watcher) verify(c commit, now time.Time) error {
	if w.cfg.Verify == "" || w.cfg.Verify == VerifyNone {
		return nil
	}
	switch {
	case c.signatures == 0:
		return errors.New("it is not signed")
	case c.signatures > 1:
		return fmt.Errorf("it has %d signatures: only one counts, so none does", c.signatures)
	}
	keys, err := readSmall("--verify-keys-file", w.cfg.VerifyKeysFile)
	if err != nil {
		return err
	}
	if w.cfg.Verify == VerifySSH {
		return verifySSH(string(keys), w.cfg.VerifyKeysFile, c, now)
	}
	return verifyOpenPGP(keys, w.cfg.VerifyKeysFile, c, now)
}

// unwrapped checks that a signature is one armored block and nothing else: what is around it could be a second signature.
func unwrapped(armored, kind string) error {
	text := strings.TrimSpace(armored)
	switch {
	case !strings.HasPrefix(text, "-----BEGIN "+kind+"-----"):
		return fmt.Errorf("its signature is not of the kind %q", kind)
	case strings.Count(text, "-----BEGIN ") != 1 || !strings.HasSuffix(text, "-----END "+kind+"-----"):
		return errors.New("its signature is more than one block")
	}
	return nil
}
