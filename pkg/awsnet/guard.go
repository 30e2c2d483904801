package awsnet

import (
	"bytes"
	"fmt"
)

// notReply is what came instead of a reply; it is evidence of nothing.
type notReply struct{ why string }

func (e *notReply) Error() string { return e.why }

// RetryableError keeps the SDK from asking again at once: who answers with a login page does so all the time.
func (e *notReply) RetryableError() bool { return false }

// checkReply says why a body with a status of success is not a whole reply of the operation. The SDK's decoder takes an empty body, a
// proxy's HTML page or another action's XML for a reply without a single item, which would read as "nothing exists".
//
// Terminology: the root of a reply is <{Operation}Response …>. Premise: between the root's tags the SDK's decoder is strict, and it stops
// at the root's end. Rules: the first element is the root, which is not closed by its own start tag; its end tag ends the body, and stands there
// only; nothing is declared within it. So the cost is a search or two, not a second parse.
func checkReply(operation string, body []byte) error {
	rest := skipProlog(body)
	name := elementName(rest)
	root := operation + "Response"
	switch {
	case len(rest) == 0:
		return &notReply{fmt.Sprintf("not a reply of %s: empty body", operation)}
	case name == "":
		return &notReply{fmt.Sprintf("not a reply of %s: no XML", operation)}
	case name != root:
		return &notReply{fmt.Sprintf("not a reply of %s: root element %.40q", operation, name)}
	}
	end := []byte("</" + root + ">")
	body = bytes.TrimRight(rest, " \t\r\n")
	if i := bytes.Index(body, end); i != len(body)-len(end) || i < 0 || selfClosed(body) {
		return &notReply{fmt.Sprintf("not a whole reply of %s: it does not end with its root element", operation)}
	}
	if declares(body) {
		return &notReply{fmt.Sprintf("not a reply of %s: a markup declaration within it", operation)}
	}
	return nil
}

// selfClosed reports whether the start tag that b begins with is its end too. What stands in quotes is not looked at.
func selfClosed(b []byte) bool {
	var quote byte
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return b[i-1] == '/'
		}
	}
	return false
}

// declares reports whether there is a markup declaration, which XML has no place for within an element: the SDK's decoder passes over it, and
// over whatever it swallows.
func declares(b []byte) bool {
	for {
		_, after, found := bytes.Cut(b, []byte("<!"))
		if !found {
			return false
		}
		if !bytes.HasPrefix(after, []byte("--")) && !bytes.HasPrefix(after, []byte("[CDATA[")) {
			return true
		}
		b = after
	}
}

// skipProlog returns what follows a byte order mark, white space, an XML declaration and comments.
func skipProlog(b []byte) []byte {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	for {
		b = bytes.TrimLeft(b, " \t\r\n")
		end := ""
		switch {
		case bytes.HasPrefix(b, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(b, []byte("<!--")):
			end = "-->"
		default:
			return b
		}
		_, after, ok := bytes.Cut(b, []byte(end))
		if !ok {
			return nil
		}
		b = after
	}
}

// elementName returns the name of the start tag that b begins with, empty when it begins with none.
func elementName(b []byte) string {
	if len(b) == 0 || b[0] != '<' {
		return ""
	}
	b = b[1:]
	if i := bytes.IndexAny(b, " \t\r\n/>"); i > 0 {
		return string(b[:i])
	}
	return ""
}

// replyCode returns the error code in the body of a refusal, empty when there is none.
func replyCode(body []byte) string {
	_, after, ok := bytes.Cut(body, []byte("<Code>"))
	code, _, closed := bytes.Cut(after, []byte("</Code>"))
	if !ok || !closed || len(code) > 100 {
		return ""
	}
	return string(bytes.TrimSpace(code))
}
