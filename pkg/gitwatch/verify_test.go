package gitwatch_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
)

// unsigned is what a commit says before it is signed.
func unsigned(o *gittest.Origin, n int, when time.Time) string {
	return o.Payload(fmt.Sprintf("say %d", n), spec(n), when)
}

// at makes gpg believe that it is another day.
func at(day string) string { return "--faked-system-time=" + day + "T120000" }

// A case is a commit and what is said of it.
type signedCase struct {
	enter func(o *gittest.Origin) string
	said  []string
}

// refuseAll enters each commit after a good one. Each is refused, also by a process that has just started, and the next good one is not.
func refuseAll(t *testing.T, o *gittest.Origin, c gitwatch.Config, good func(int) string, cases map[string]signedCase) {
	t.Helper()
	c.AllowRewind, c.Path = true, "specs" // these commits have no parents
	w := watch(t, c)
	n := 0
	for name, bad := range cases {
		n++
		applied := good(n)
		mustFetch(t, w, "", applied)
		head := bad.enter(o)
		mustRefuse(t, w, applied, append(bad.said, "commit "+head)...)
		mustRefuse(t, watch(t, c), "", bad.said...)
		failures.Shown(t, 13, o.InBare("rev-parse", "main") == head && head != applied, "a commit whose signature does not count: "+name)
	}
	mustFetch(t, w, "", good(n+1))
}

// Whatever does not come with one signature of an allowed OpenPGP key, as it is now and was then, is not handed out.
func TestF13OpenPGP(t *testing.T) {
	t.Parallel()
	g, o := gittest.NewGPG(t), gittest.NewOrigin(t)
	ada := g.Key("ada", "ed25519", "never")
	eve := g.Key("eve", "ed25519", "never")
	brief := g.Key("brief", "ed25519", "20300101T000000")
	expired := g.Key("expired", "ed25519", "2d", at("20200101"))
	early := g.Key("early", "ed25519", "never", at("20200101"))
	future := g.Key("future", "ed25519", "never", at("20990101"))
	weak := g.Key("weak", "ed25519", "never", "--cert-digest-algo", "SHA1")
	revoked := g.Key("revoked", "ed25519", "never")
	short := g.Key("short", "rsa1024", "never")
	dsa := g.Key("dsa", "dsa2048", "never")
	now := time.Now()
	byRevoked := g.By(revoked)(unsigned(o, 0, now)) // before gpg knows
	g.Revoke(revoked)
	long := g.Key("long", "rsa3072", "never")
	c := gitwatch.Config{Repo: o.Bare, Verify: gitwatch.VerifyOpenPGP, VerifyKeysFile: filepath.Join(t.TempDir(), "keys.asc")}
	write(t, c.VerifyKeysFile, g.Export(ada, brief, expired)+"\nand these:\n"+g.Export(early, future, weak, revoked, short, dsa, long))
	signed := func(n int, sign func(string) string) string {
		words := unsigned(o, n, now)
		return o.Enter(words, sign(words))
	}
	good := func(n int) string { return signed(n, g.By([]string{ada, long, brief}[n%3])) }
	cases := map[string]signedCase{
		"not signed":        {func(o *gittest.Origin) string { return o.Enter(unsigned(o, 0, now)) }, []string{"it is not signed"}},
		"of a stranger":     {func(o *gittest.Origin) string { return signed(0, g.By(eve)) }, []string{"it is signed with the key " + eve[24:] + ", which is not in " + c.VerifyKeysFile}},
		"of an expired key": {func(o *gittest.Origin) string { return signed(0, g.By(expired, at("20200102"))) }, []string{expired[24:], "has expired or was revoked since"}},
		"made after its key expired": {func(o *gittest.Origin) string {
			return signed(0, func(p string) string {
				g.Run("", "--batch", "--quick-set-expire", expired, "0") // in gpg's own ring only, or it would not sign
				return g.By(expired)(p)
			})
		}, []string{expired[24:], "does not count"}},
		"of a key that is not valid yet": {func(o *gittest.Origin) string { return signed(0, g.By(future, "--ignore-time-conflict")) }, []string{future[24:], "does not count"}},
		"dated in the future":            {func(o *gittest.Origin) string { return signed(0, g.By(ada, at("20990102"))) }, []string{"its signature is dated 2099-01-02T12:00:0", "which is still to come"}},
		"that has expired": {func(o *gittest.Origin) string {
			return signed(0, g.By(early, "--default-sig-expire", "1d", at("20200201")))
		}, []string{early[24:], "signature expired"}},
		"dated before its key":     {func(o *gittest.Origin) string { return signed(0, g.By(ada, "--ignore-time-conflict", at("20200101"))) }, []string{ada[24:], "does not count"}},
		"with SHA-1":               {func(o *gittest.Origin) string { return signed(0, g.By(long, "--digest-algo", "SHA1")) }, []string{"insecure", "SHA-1"}},
		"with RIPEMD":              {func(o *gittest.Origin) string { return signed(0, g.By(long, "--digest-algo", "RIPEMD160")) }, []string{"of a kind that is not known"}},
		"of a short key":           {func(o *gittest.Origin) string { return signed(0, g.By(short)) }, []string{short[24:], "does not count"}},
		"of a key made with SHA-1": {func(o *gittest.Origin) string { return signed(0, g.By(weak)) }, []string{weak[24:], "does not count"}},
		"of a DSA key":             {func(o *gittest.Origin) string { return signed(0, g.By(dsa)) }, []string{dsa[24:], "does not count"}},
		"of text":                  {func(o *gittest.Origin) string { return signed(0, g.By(ada, "--textmode")) }, []string{"not one of binary data"}},
		"of another commit": {func(o *gittest.Origin) string {
			return o.Enter(unsigned(o, -1, now), g.By(ada)(unsigned(o, -2, now)))
		}, []string{"does not count"}},
		"of the same commit with another message": {func(o *gittest.Origin) string {
			words := unsigned(o, -1, now)
			return o.Enter(words+"\nPeerd-Allow-Deletes: 100\n", g.By(ada)(words))
		}, []string{"does not count"}},
		"two in one": {func(o *gittest.Origin) string { return signed(0, g.By(ada, "-u", eve)) }, []string{"its signature is more than one"}},
		"two blocks": {func(o *gittest.Origin) string {
			words := unsigned(o, 0, now)
			return o.Enter(words, g.By(eve)(words)+g.By(ada)(words))
		}, []string{"its signature is more than one block"}},
		"two headers": {func(o *gittest.Origin) string {
			words := unsigned(o, 0, now)
			return o.Enter(words, g.By(ada)(words), g.By(ada)(words))
		}, []string{"it has 2 signatures"}},
		"a second for another hash": {func(o *gittest.Origin) string {
			words := unsigned(o, 0, now)
			words = strings.Replace(words, "\n\n", "\ngpgsig-sha256 "+strings.ReplaceAll(strings.TrimSpace(g.By(ada)(words)), "\n", "\n ")+"\n\n", 1)
			return o.Enter(words, g.By(ada)(words))
		}, []string{"it has 2 signatures"}},
		"a key in its place": {func(o *gittest.Origin) string { return signed(0, func(string) string { return g.Export(ada) }) }, []string{"not of the kind"}},
		"a message in armor": {func(o *gittest.Origin) string {
			return signed(0, func(p string) string {
				return strings.ReplaceAll(g.Run(p, "--batch", "--armor", "-u", ada, "--sign"), "PGP MESSAGE", "PGP SIGNATURE")
			})
		}, []string{"its signature is"}},
		"nonsense":       {func(o *gittest.Origin) string { return signed(0, func(string) string { return "yes\n" }) }, []string{"not of the kind"}},
		"armored noise":  {func(o *gittest.Origin) string { return signed(0, func(string) string { return pgpArmor("bm9pc2UK") }) }, []string{"malformed"}},
		"an empty armor": {func(o *gittest.Origin) string { return signed(0, func(string) string { return pgpArmor("") }) }, []string{"malformed"}},
		"of a revoked key": {func(o *gittest.Origin) string {
			return o.Enter(unsigned(o, 0, now), byRevoked)
		}, []string{revoked[24:], "does not count"}},
	}
	refuseAll(t, o, c, good, cases)
}

func pgpArmor(base64 string) string {
	return "-----BEGIN PGP SIGNATURE-----\n\n" + base64 + "\n-----END PGP SIGNATURE-----\n"
}

// What git signs with gpg, and git believes, is handed out, until its key is revoked in the file, or taken out of it.
func TestF13OpenPGPByGit(t *testing.T) {
	t.Parallel()
	g, o := gittest.NewGPG(t), gittest.NewOrigin(t)
	ada := g.Key("ada", "ed25519", "never")
	g.Run("", "--batch", "--quick-add-key", ada, "rsa2048", "sign", "1y") // which gpg signs with from then on
	bob := g.Key("bob", "rsa2048", "1y")
	o.Env = append(o.Env, "GNUPGHOME="+g.Home)
	c := gitwatch.Config{Repo: o.Bare, Verify: gitwatch.VerifyOpenPGP, VerifyKeysFile: filepath.Join(t.TempDir(), "keys.asc")}
	write(t, c.VerifyKeysFile, g.Export(ada, bob))
	w := watch(t, c)
	first := o.Commit("A subject with ünïcode\n\nand a body,\n \nwith blank lines\n", specs, "-S"+bob)
	mustFetch(t, w, "", first)
	second := o.Commit("second", spec(2), "-S"+ada)
	mustFetch(t, w, first, second)
	if !o.Ask("verify-commit", "main") {
		t.Error("git does not believe it")
	}
	unsigned := o.Signed("third", spec(3), nil)
	mustRefuse(t, w, second, "commit "+unsigned+": it is not signed")
	failures.Shown(t, 13, !o.Ask("verify-commit", "main"), "a commit that is not signed")
	o.Git("commit", "-q", "--amend", "-m", "third, signed", "-S"+ada)
	third := o.Push()
	mustFetch(t, w, second, third)

	subkey := g.Subkey(ada)
	g.Run("key 1\nrevkey\ny\n0\n\ny\nsave\n", "--command-fd", "0", "--edit-key", ada)
	write(t, c.VerifyKeysFile, g.Export(ada, bob))
	mustRefuse(t, w, third, "commit "+third, subkey[24:], "does not count")
	o.Git("commit", "-q", "--allow-empty", "-m", "with the key itself", "-S"+ada)
	third = o.Push()
	mustFetch(t, w, third, third)

	g.Revoke(ada)
	write(t, c.VerifyKeysFile, g.Export(ada, bob))
	mustRefuse(t, w, third, "commit "+third, "does not count")
	failures.Shown(t, 13, !o.Ask("verify-commit", "main"), "a commit whose key was revoked")
	write(t, c.VerifyKeysFile, g.Export(bob))
	mustRefuse(t, w, third, "which is not in "+c.VerifyKeysFile)
	for text, said := range map[string]string{
		"":               "it holds no armored public key",
		"ssh-ed25519 AA": "it holds no armored public key",
		g.Run("", "--batch", "--armor", "--export-secret-keys", bob): `it holds a block "PGP PRIVATE KEY BLOCK", where only public keys should be`,
	} {
		write(t, c.VerifyKeysFile, text)
		mustRefuse(t, w, third, "--verify-keys-file "+c.VerifyKeysFile, said)
	}
	c.VerifyKeysFile += ".gone"
	mustRefuse(t, watch(t, c), third, "--verify-keys-file: open "+c.VerifyKeysFile+": no such file")
}

// Whatever does not come with one signature of an allowed key of ssh, for git, and valid then and now, is not handed out.
func TestF13SSH(t *testing.T) {
	t.Parallel()
	k, o := gittest.NewSSHKeys(t), gittest.NewOrigin(t)
	ada, bob := k.Key("ada", "ed25519"), k.Key("bob", "rsa", "-b", "3072")
	k.Key("eve", "ed25519")
	cho, old, next := k.Key("cho", "ecdsa"), k.Key("old", "ed25519"), k.Key("next", "ed25519")
	files, since, short := k.Key("files", "ed25519"), k.Key("since", "ed25519"), k.Key("short", "rsa", "-b", "1024")
	dsa := k.Key("dsa", "dsa")
	rsaSigner := newRSA(t)
	c := gitwatch.Config{Repo: o.Bare, Verify: gitwatch.VerifySSH, VerifyKeysFile: filepath.Join(t.TempDir(), "allowed_signers")}
	now := time.Now()
	lines := []string{
		"# who may change the network", "",
		"ada@example.com " + ada, // with a comment
		`"bob b@example.com,*@example.org" namespaces="file,git",valid-before="20991231" ` + bob,
		"\tcho@example.com  valid-after=\"20200101Z\",valid-before=\"20990101120000Z\"\t" + cho,
		`old@example.com valid-before="20240101" ` + old,
		`next@example.com valid-after="20990101" ` + next,
		`files@example.com namespaces="file,!git,g*" ` + files,
		fmt.Sprintf(`since@example.com valid-after="%s" %s`, now.Add(-time.Hour).UTC().Format("20060102150405Z"), since),
		"short@example.com " + short, "dsa@example.com " + dsa,
		"rsa@example.com " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(rsaSigner.PublicKey()))),
	}
	write(t, c.VerifyKeysFile, strings.Join(lines, "\n"))
	signed := func(n int, sign func(string) string) string {
		words := unsigned(o, n, now)
		return o.Enter(words, sign(words))
	}
	good := func(n int) string { return signed(n, k.By([]string{"ada", "bob", "cho", "since"}[n%4], "git")) }
	refuseAll(t, o, c, good, map[string]signedCase{
		"not signed":                         {func(o *gittest.Origin) string { return o.Enter(unsigned(o, 0, now)) }, []string{"it is not signed"}},
		"of a stranger":                      {func(o *gittest.Origin) string { return signed(0, k.By("eve", "git")) }, []string{"with the key ssh-ed25519 SHA256:", "which is not in " + c.VerifyKeysFile}},
		"for files":                          {func(o *gittest.Origin) string { return signed(0, k.By("ada", "file")) }, []string{`for the namespace "file", not for "git"`}},
		"of a key whose time is over":        {func(o *gittest.Origin) string { return signed(0, k.By("old", "git")) }, []string{"which is valid until 2024-01-01T"}},
		"of a key whose time is to come":     {func(o *gittest.Origin) string { return signed(0, k.By("next", "git")) }, []string{"which is valid from 2099-01-01T"}},
		"of a key that is allowed for files": {func(o *gittest.Origin) string { return signed(0, k.By("files", "git")) }, []string{`which is allowed for the namespaces "file,!git,g*" only`}},
		"of a short key":                     {func(o *gittest.Origin) string { return signed(0, k.By("short", "git")) }, []string{"an RSA key needs 2048 bits"}},
		"of a DSA key":                       {func(o *gittest.Origin) string { return signed(0, k.By("dsa", "git")) }, []string{"keys of this kind do not count"}},
		"with SHA-1":                         {func(o *gittest.Origin) string { return signed(0, rsaSigner.sign(t, ssh.KeyAlgoRSA)) }, []string{`invalid signature format "ssh-rsa"`}},
		"dated back to when its key was good": {func(o *gittest.Origin) string {
			words := unsigned(o, 0, time.Date(2023, 6, 1, 0, 0, 0, 0, time.UTC))
			return o.Enter(words, k.By("old", "git")(words))
		}, []string{"which is valid until 2024-01-01T"}},
		"dated before its key was good": {func(o *gittest.Origin) string {
			words := unsigned(o, 0, now.Add(-24*time.Hour))
			return o.Enter(words, k.By("since", "git")(words))
		}, []string{"which is valid from "}},
		"of another commit": {func(o *gittest.Origin) string {
			return o.Enter(unsigned(o, -1, now), k.By("ada", "git")(unsigned(o, -2, now)))
		}, []string{"does not count"}},
		"of the same commit with another message": {func(o *gittest.Origin) string {
			words := unsigned(o, -1, now)
			return o.Enter(words+"\nPeerd-Allow-Deletes: 100\n", k.By("ada", "git")(words))
		}, []string{"does not count"}},
		"two headers": {func(o *gittest.Origin) string {
			words := unsigned(o, 0, now)
			return o.Enter(words, k.By("ada", "git")(words), k.By("bob", "git")(words))
		}, []string{"it has 2 signatures"}},
		"two blocks": {func(o *gittest.Origin) string {
			words := unsigned(o, 0, now)
			return o.Enter(words, k.By("ada", "git")(words)+k.By("eve", "git")(words))
		}, []string{"more than one block"}},
		"nonsense": {func(o *gittest.Origin) string { return signed(0, func(string) string { return "yes\n" }) }, []string{"not of the kind"}},
		"armored noise": {func(o *gittest.Origin) string {
			return signed(0, func(string) string { return "-----BEGIN SSH SIGNATURE-----\nbm9pc2UK\n-----END SSH SIGNATURE-----\n" })
		}, []string{"malformed"}},
	})
}

// rsaKey signs as ssh-keygen does not any more.
type rsaKey struct{ ssh.AlgorithmSigner }

func newRSA(t *testing.T) rsaKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return rsaKey{s.(ssh.AlgorithmSigner)}
}

func (k rsaKey) sign(t *testing.T, algorithm string) func(string) string {
	return func(payload string) string {
		t.Helper()
		sum := sha512.Sum512([]byte(payload))
		words := ssh.Marshal(struct{ Namespace, Reserved, Hash, Sum string }{"git", "", "sha512", string(sum[:])})
		signature, err := k.SignWithAlgorithm(rand.Reader, append([]byte("SSHSIG"), words...), algorithm)
		if err != nil {
			t.Fatal(err)
		}
		return string(sshsig.Armor(&sshsig.Signature{
			Version: 1, PublicKey: k.PublicKey(), Namespace: "git", HashAlgorithm: sshsig.HashSHA512, Signature: signature,
		}))
	}
}

// What git signs with ssh-keygen, and git believes, is handed out, until its key is taken out of the file.
func TestF13SSHByGit(t *testing.T) {
	t.Parallel()
	k, o := gittest.NewSSHKeys(t), gittest.NewOrigin(t)
	ada, eve := k.Key("ada", "ed25519"), k.Key("eve", "ed25519")
	c := gitwatch.Config{Repo: o.Bare, Verify: gitwatch.VerifySSH, VerifyKeysFile: filepath.Join(t.TempDir(), "allowed_signers")}
	write(t, c.VerifyKeysFile, "ada@example.com "+ada+"\n")
	asGit := func() bool {
		return o.Ask("-c", "gpg.ssh.allowedSignersFile="+c.VerifyKeysFile, "verify-commit", "main")
	}
	o.Git("config", "gpg.format", "ssh")
	w := watch(t, c)
	first := o.Commit("A subject with ünïcode\n\nand a body,\n \nwith blank lines\n", specs, "-S"+k.Path("ada"))
	mustFetch(t, w, "", first)
	if !asGit() {
		t.Error("git does not believe it")
	}
	o.Git("checkout", "-q", "--detach")
	o.Git("commit", "-q", "--allow-empty", "-m", "aside")
	o.Git("checkout", "-q", "main")
	o.Git("merge", "-q", "--no-ff", "-m", "merge", "-S"+k.Path("ada"), "HEAD@{1}")
	merged := o.Push()
	mustFetch(t, w, first, merged)
	next := o.Signed("next", spec(1), k.By("ada", "git"))
	if got := mustFetch(t, w, merged, next); read(t, got.Files, "specs/core.yaml") != "a: 1\n" || got.Subject != "next" || !asGit() {
		t.Errorf("got %+v, or git does not believe it", got)
	}
	wrong := o.Commit("wrong", spec(2), "-S"+k.Path("eve"))
	mustRefuse(t, w, next, "commit "+wrong, "which is not in "+c.VerifyKeysFile)
	failures.Shown(t, 13, !asGit(), "a commit of a key that is not allowed")
	write(t, c.VerifyKeysFile, "eve@example.com "+eve+"\n")
	mustFetch(t, w, next, wrong)
	if !asGit() {
		t.Error("git does not believe it")
	}
	for text, said := range map[string]string{
		"":                                "it names no allowed signer",
		"# nobody\n":                      "it names no allowed signer",
		"ada@example.com\n":               "line 1: it is not principals, options and a public key",
		"\n\n" + ada + "\n":               "line 3: it is not principals, options and a public key",
		`"ada ` + ada:                     "line 1: the principals' quotation mark is not closed",
		"* cert-authority " + ada:         "line 1: certificates are not supported",
		"* no-touch-required " + ada:      `line 1: the option "no-touch-required" is not known`,
		`* valid-after="tomorrow" ` + ada: `line 1: "tomorrow" is no time`,
	} {
		write(t, c.VerifyKeysFile, text)
		mustRefuse(t, w, merged, "--verify-keys-file "+c.VerifyKeysFile+": "+said)
	}
}

// A signature of the other kind does not count.
func TestF13TheOtherKind(t *testing.T) {
	t.Parallel()
	g, k, o := gittest.NewGPG(t), gittest.NewSSHKeys(t), gittest.NewOrigin(t)
	ada, bob := g.Key("ada", "ed25519", "never"), k.Key("bob", "ed25519")
	dir := t.TempDir()
	pgp := gitwatch.Config{Repo: o.Bare, Verify: gitwatch.VerifyOpenPGP, VerifyKeysFile: filepath.Join(dir, "keys.asc")}
	byKey := gitwatch.Config{Repo: o.Bare, Verify: gitwatch.VerifySSH, VerifyKeysFile: filepath.Join(dir, "allowed_signers")}
	write(t, pgp.VerifyKeysFile, g.Export(ada))
	write(t, byKey.VerifyKeysFile, "bob "+bob)
	words := unsigned(o, 1, time.Now()) + "\r\n\tas it is \n\n\n"
	byAda := o.Enter(words, g.By(ada)(words))
	failures.Shown(t, 13, strings.Contains(o.InBare("cat-file", "commit", byAda), "PGP SIGNATURE"), "a signature of the other kind")
	mustFetch(t, watch(t, pgp), "", byAda)
	mustRefuse(t, watch(t, byKey), "", `not of the kind "SSH SIGNATURE"`)
	byBob := o.Enter(words, k.By("bob", "git")(words))
	mustFetch(t, watch(t, byKey), "", byBob)
	mustRefuse(t, watch(t, pgp), "", `not of the kind "PGP SIGNATURE"`)
}
