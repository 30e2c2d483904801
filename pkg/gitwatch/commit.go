package gitwatch

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// commit is what one says.
type commit struct {
	hash    plumbing.Hash
	tree    plumbing.Hash
	parents []plumbing.Hash
	when    time.Time // when it was committed
	message string

	payload    []byte // what a signature is about: all its bytes but those of the signature
	signature  string // armored
	signatures int    // how many there are, of any kind
}

// parseCommit reads a commit's bytes, and refuses what git would not write: two readers of one commit must not see two things.
func parseCommit(raw []byte) (commit, error) {
	if bytes.IndexByte(raw, 0) >= 0 {
		return commit{}, errors.New("it holds a NUL byte")
	}
	header, message, _ := strings.Cut(string(raw), "\n\n")
	c := commit{message: strings.ToValidUTF8(message, "\uFFFD")}
	lines := strings.Split(header, "\n")
	lines, err := c.takeHashes(lines)
	if err != nil {
		return commit{}, err
	}
	if len(lines) < 2 || !strings.HasPrefix(lines[0], "author ") || !strings.HasPrefix(lines[1], "committer ") {
		return commit{}, errors.New("its header is malformed: author and committer must follow tree and parents")
	}
	if c.when, err = parseWhen(lines[1]); err != nil {
		return commit{}, err
	}
	for _, l := range lines[2:] {
		switch key, _, _ := strings.Cut(l, " "); key {
		case "tree", "parent", "author", "committer":
			return commit{}, fmt.Errorf("its header is malformed: a second %s", key)
		}
	}
	c.takeSignature(raw)
	return c, nil
}

// takeSignature separates a commit's signature from what it is about: the bytes as they are, not as they would be written anew.
func (c *commit) takeSignature(raw []byte) {
	header, rest := raw, []byte(nil)
	if end := bytes.Index(raw, []byte("\n\n")); end >= 0 {
		header, rest = raw[:end+1], raw[end+1:]
	}
	inside := false
	for line := range bytes.Lines(header) {
		switch key, value, _ := bytes.Cut(line, []byte(" ")); {
		case len(key) == 0 && inside: // it goes on
			c.signature += string(value)
		case string(key) == "gpgsig":
			inside = true
			c.signatures++
			c.signature += string(value)
		default:
			if inside = false; bytes.HasPrefix(key, []byte("gpgsig")) { // for another kind of hash
				c.signatures++
			}
			c.payload = append(c.payload, line...)
		}
	}
	c.payload = append(c.payload, rest...)
}

// takeHashes reads the tree and the parents, and returns the lines after them.
func (c *commit) takeHashes(lines []string) ([]string, error) {
	for i, l := range lines {
		key, value, _ := strings.Cut(l, " ")
		if key != "tree" && key != "parent" {
			return lines[i:], nil
		}
		if (key == "tree") != (i == 0) || !plumbing.IsHash(value) {
			return nil, errors.New("its header is malformed: it must begin with a tree and its parents")
		}
		if key == "tree" {
			c.tree = plumbing.NewHash(value)
		} else {
			c.parents = append(c.parents, plumbing.NewHash(value))
		}
	}
	return nil, nil
}

// parseWhen reads the time of "committer Name <address> 1767225600 +0100".
func parseWhen(line string) (time.Time, error) {
	f := strings.Fields(line[strings.LastIndexByte(line, '>')+1:])
	if len(f) != 2 {
		return time.Time{}, errors.New("its header is malformed: the committer line has no time")
	}
	seconds, err := strconv.ParseInt(f[0], 10, 64)
	zone, zoneErr := time.Parse("-0700", f[1])
	if err != nil || zoneErr != nil || seconds < 0 {
		return time.Time{}, errors.New("its header is malformed: the committer line has no time")
	}
	return time.Unix(seconds, 0).In(zone.Location()), nil
}
