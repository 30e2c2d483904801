package spec

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// survey counts a file's values, never too few, and says where and why it is not worth parsing: bytes that YAML does not allow, whose
// place yaml.v3 does not tell, or more values than any spec has.
func survey(file string, data []byte) (pos Pos, values int, why string) {
	pos = Pos{file, 1, 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			return pos, values, "not UTF-8: save the file in that encoding"
		case !allowed(r):
			return pos, values, fmt.Sprintf("the control character %U is not allowed: remove it", r)
		case strings.ContainsRune(",:[{\n", r):
			values++
		}
		if values > maxValues {
			return pos, values, fmt.Sprintf("more than %d values in one file: split it, or use meshes and hubs", maxValues)
		}
		pos.Col++
		if r == '\n' {
			pos.Line, pos.Col = pos.Line+1, 1
		}
		data = data[size:]
	}
	return pos, values, ""
}

// allowed reports whether YAML allows the character (YAML 1.2, "c-printable").
func allowed(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r == 0x85 ||
		r >= 0x20 && r < 0x7f || r >= 0xa0 && r != 0xfeff && r != 0xfffe && r != 0xffff
}

// bisectBelow is the size of file up to which a syntax error is looked for byte by byte.
const bisectBelow = 32 << 10

// syntaxError says where a file stops being YAML, and what to do. The line in yaml.v3's message is that of the surrounding map or list, often
// one off, and there is no column; so the shortest beginning of the file that fails with the same words is looked for: it
// ends where the mistake is, or where the bracket or quote that is never closed begins.
func syntaxError(file string, data []byte, err error) (Pos, string) {
	want := complaintOf(err)
	end := len(data)
	if len(data) <= bisectBelow {
		end = sort.Search(len(data), func(n int) bool { return complaintOf(firstError(data[:n])) == want })
	} else if line := lineOf(err); line > 0 {
		return Pos{file, line, 1}, want + advice(want)
	}
	before := data[:min(end, len(data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	col := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	if bytes.HasSuffix(before, []byte("\t")) {
		return Pos{file, line, max(1, col)}, "a tab stands where only spaces can: indent with spaces"
	}
	return Pos{file, line, max(1, col)}, want + advice(want)
}

// complaintOf returns the parser's words without its name and line.
func complaintOf(err error) string {
	if err == nil {
		return ""
	}
	s := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(s, "line "); ok {
		if _, words, ok := strings.Cut(rest, ": "); ok {
			return words
		}
	}
	return s
}

// lineOf returns the line in the parser's message, 0 when there is none.
func lineOf(err error) int {
	var line int
	if _, scanErr := fmt.Sscanf(err.Error(), "yaml: line %d:", &line); scanErr != nil {
		return 0
	}
	return line
}

// advice is what to do about the mistakes that people make.
func advice(words string) string {
	for _, a := range [...][2]string{
		{"mapping values are not allowed", ": a second \": \" in the line, or wrong indentation; quote text that holds \": \""},
		{"did not find expected key", ": the indentation does not fit the lines above"},
		{"cannot start any token", ": quote text that begins with this character"},
		{"could not find expected ':'", ": a line of a map is \"key: value\""},
		{"unexpected end of stream", ": the quote that begins here is not closed"},
		{"',' or ']'", ": close the list that is open here, or separate its items"},
		{"',' or '}'", ": close the map that is open here, or separate its fields"},
		{"unknown anchor", ": aliases are refused anyway; write the value out"},
	} {
		if strings.Contains(words, a[0]) {
			return a[1]
		}
	}
	return ""
}
