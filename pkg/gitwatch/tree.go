package gitwatch

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// entry is one line of a tree.
type entry struct {
	mode uint64
	name string
	hash plumbing.Hash
}

// Kinds of entries, in the bits of their mode that say so.
const (
	modeKind      = 0o170000
	modeDirectory = 0o040000
	modeRegular   = 0o100000
	modeLink      = 0o120000
	modeSubmodule = 0o160000
)

// parseTree reads a tree's bytes: mode, name, NUL and twenty bytes of hash, again and again.
func parseTree(raw []byte) ([]entry, error) {
	var out []entry
	for len(raw) > 0 {
		head, rest, found := bytes.Cut(raw, []byte{0})
		mode, name, spaced := strings.Cut(string(head), " ")
		bits, err := strconv.ParseUint(mode, 8, 32)
		if !found || !spaced || err != nil || len(rest) < len(plumbing.ZeroHash) {
			return nil, errors.New("it is malformed")
		}
		e := entry{mode: bits, name: name}
		raw = rest[copy(e.hash[:], rest):]
		out = append(out, e)
	}
	return out, nil
}

// Longest names that are taken: no file system here has longer ones.
const (
	maxName = 255
	maxPath = 1024
)

// objection says what is wrong with an entry, or nothing. Only a name that is safe to print, and means the same to every reader, and a
// directory or a file of its own get through.
func (e entry) objection() string {
	switch kind := e.mode & modeKind; {
	case len(e.name) > maxName:
		return fmt.Sprintf("has a name longer than %d bytes", maxName)
	case e.name == "" || e.name == "." || e.name == ".." || strings.ContainsAny(e.name, `/\`):
		return "has a name that is a path"
	case isDotGit(e.name):
		return "has a name that git keeps for itself"
	case !utf8.ValidString(e.name) || strings.ContainsFunc(e.name, isUnseen):
		return "has a name with control, formatting or invalid characters"
	case kind == modeLink:
		return "is a symbolic link"
	case kind == modeSubmodule:
		return "is a submodule"
	case kind != modeDirectory && kind != modeRegular:
		return fmt.Sprintf("is neither a file nor a directory (mode %o)", e.mode)
	}
	return ""
}

// isDotGit recognises .git and what some file systems take for it.
func isDotGit(name string) bool {
	n := strings.ToLower(strings.TrimRight(name, ". "))
	n, _, _ = strings.Cut(n, ":") // an alternate stream
	return n == ".git" || n == "git~1"
}

// isUnseen recognises what does not show, or changes how what is beside it shows: control and formatting characters (the right-to-left
// override among them) and separators of lines.
func isUnseen(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)
}

// shown is a name as errors print it: quoted, in ASCII only, and not endless.
func shown(name string) string {
	if len(name) > 100 {
		return strconv.QuoteToASCII(name[:100]) + fmt.Sprintf("… (%d bytes)", len(name))
	}
	return strconv.QuoteToASCII(name)
}
