package iampolicy

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// nobody is the list of principals where none is known.
var nobody = regexp.MustCompile(`\[\s*"` + NoPrincipal + `"\s*\]`)

// text puts lines together; what it writes of policies is JSON, which both HCL and YAML take as an expression.
type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// comment writes notes as comments, one a line. They quote names and tags of the spec, which may hold no line's end.
func (t *text) comment(notes ...string) {
	for _, n := range notes {
		t.line("# %s", strings.Join(strings.Fields(n), " "))
	}
}

func (t *text) to(w io.Writer) error {
	_, err := io.WriteString(w, t.String())
	return err
}

// held is one policy under the name that it has in a role.
type held struct {
	name string
	Policy
}

// carries are the policies of a role, without empty ones, which IAM refuses.
func (a Account) carries(writes bool) []held {
	all := []held{{"peerd-read", a.Read}}
	if writes {
		all = append(all, held{"peerd-write", a.Write})
	}
	var out []held
	for _, h := range all {
		if len(h.Statement) > 0 {
			out = append(out, h)
		}
	}
	return out
}

// header says where the output comes from, and what is to be known of it.
func (t *text) header(s Set, how ...string) {
	with := ""
	if s.Prune {
		with = " --prune"
	}
	t.comment(fmt.Sprintf("Made by peerd iam-policy%s for owner %s.", with, s.Owner), Unverified)
	t.comment(how...)
}
