package gitwatch

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"unicode"
)

// maxSmall bounds credentials and lists of keys.
const maxSmall = 1 << 20

// readSmall reads a file that a flag names.
func readSmall(flag, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	defer f.Close() // only read: nothing is lost by an error here
	data, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", flag, err)
	case len(data) > maxSmall:
		return nil, fmt.Errorf("%s %s is larger than %d MiB", flag, path, maxSmall>>20)
	}
	return data, nil
}

// secret reads a file that holds one word.
func (w *Watcher) secret(flag, path string) (string, error) {
	data, err := readSmall(flag, path)
	if err != nil {
		return "", err
	}
	word := strings.TrimSpace(string(data))
	switch {
	case word == "":
		return "", fmt.Errorf("%s %s is empty", flag, path)
	case strings.ContainsFunc(word, unicode.IsSpace) || hasControl(word):
		return "", fmt.Errorf("%s %s holds more than one word", flag, path)
	}
	return word, nil
}

// hide remembers a password in every form in which it is sent, so that none of them is ever said: a server could repeat them.
func (w *Watcher) hide(password, user string) {
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	w.secrets = []string{basic, password, url.QueryEscape(password), url.PathEscape(password)}
}

// maxSaid is how much of an error is said.
const maxSaid = 2000

// say makes words of a library or server fit to be printed: one line, no secret, nothing unseen, not endless.
func (w *Watcher) say(words string) string {
	for _, s := range w.secrets {
		words = strings.ReplaceAll(words, s, "***")
	}
	var b strings.Builder
	for _, r := range words {
		switch {
		case b.Len() > maxSaid:
			return b.String() + "…"
		case isUnseen(r) || r == unicode.ReplacementChar:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
