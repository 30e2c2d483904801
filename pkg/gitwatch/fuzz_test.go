package gitwatch

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// FuzzBytes reads what a stranger may send, as everything that it could be: nothing panics, and nothing is made of it that was not there.
func FuzzBytes(f *testing.F) {
	const hash = "0123456789012345678901234567890123456789"
	commit := "tree " + hash + "\nparent " + hash + "\nauthor A <a@b> 1767225600 +0100\ncommitter A <a@b> 1767225600 +0100\n"
	for _, seed := range []string{
		commit + "\nsubject\n\nbody\n", commit + "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\nx y\n\ns\n",
		commit + "mergetag object\n gpgsig x\ngpgsig-sha256 y\n z\n", commit[:80], "100644 a.yaml\x00" + hash[:20] + "40000 d\x00" + hash[:20],
		"ada " + `namespaces="git",valid-after="20200101Z" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINNwMHM8lLcve+HMdKmjaanRnkdOE0Sm3ZUxkjv5LTgg x`,
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := parseCommit(raw); err == nil {
			if n := len(c.payload) + len(c.signature); n > len(raw) || c.signatures == 0 && !bytes.Equal(c.payload, raw) {
				t.Errorf("%q is about %q", raw, c.payload)
			}
			now := time.Unix(1767225600, 0)
			if verifyOpenPGP(raw, "x", c, now) == nil || verifySSH(string(raw), "x", c, now) == nil {
				t.Errorf("%q signs itself", raw)
			}
		}
		entries, err := parseTree(raw)
		for _, e := range entries {
			if err == nil && e.objection() == "" && strings.ContainsAny(e.name, "/\n\x00") {
				t.Errorf("%q is a name", e.name)
			}
		}
		_, _ = parseSigners(string(raw))
		_, _ = readKeyring(raw)
		_, _, _ = onlySignature(string(raw))
		_, _ = parseAddress(string(raw))
	})
}
