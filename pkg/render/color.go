package render

import "strings"

// The colours of a terminal (ECMA-48).
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// Color paints the lines of a rendered text by their signs, for a terminal. It changes no character of the text itself.
func Color(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		body, end := strings.CutSuffix(l, "\n")
		if c := colorOf(body); c != "" {
			body = c + body + plain
		}
		if end {
			body += "\n"
		}
		lines[i] = body
	}
	return strings.Join(lines, "")
}

func colorOf(line string) string {
	trimmed := strings.TrimLeft(line, " ")
	switch {
	case strings.HasPrefix(trimmed, "+ "):
		return green
	case strings.HasPrefix(trimmed, "- "), strings.HasPrefix(trimmed, "! "):
		return red
	case strings.HasPrefix(trimmed, "~ "), strings.HasPrefix(trimmed, "? "):
		return yellow
	case strings.HasPrefix(line, "Plan: "), strings.HasPrefix(line, "in sync"), strings.HasPrefix(line, "not in sync"):
		return bold
	}
	return ""
}
