package spec

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// referenceMark is where the tables of docs/spec.md begin; what stands before it is written by hand.
const referenceMark = "<!-- What follows is made from the shapes in pkg/spec by make golden. -->\n"

// docs/spec.md lists every field that Load knows, with its words.
func TestReference(t *testing.T) {
	t.Parallel()
	const page = "../../docs/spec.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	prose, tables, found := strings.Cut(string(text), referenceMark)
	if !found {
		t.Fatalf("%s has no line %q", page, referenceMark)
	}
	var r reference
	r.object("document", documentShape)
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(page, []byte(prose+referenceMark+r.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(r.String(), tables); d != "" {
		t.Errorf("%s (+) is not what the shapes say (-); run make golden:\n%s", page, d)
	}
}

// reference writes a table for each object, those of its fields behind it.
type reference struct {
	strings.Builder
	done map[*shape]bool
}

func (r *reference) object(title string, s *shape) {
	if r.done == nil {
		r.done = map[*shape]bool{}
	}
	if r.done[s] {
		return
	}
	r.done[s] = true
	fmt.Fprintf(r, "\n## %s\n\n%s\n\n| field | is | |\n| --- | --- | --- |\n", title, sentence(s.what))
	for _, f := range s.fields {
		name := "`" + f.name + "`"
		if f.required {
			name += " *"
		}
		fmt.Fprintf(r, "| %s | %s | %s |\n", name, cell(f.shape.what), cell(f.doc))
	}
	for _, f := range s.fields {
		for _, o := range objectsIn(f.shape) {
			r.object(titleOf(f.name, o), o)
		}
	}
}

// titleOf is an object's name in the schema, else that of the field that has it.
func titleOf(field string, s *shape) string {
	for _, d := range definitions {
		if d.shape == s {
			return d.name
		}
	}
	return field
}

// objectsIn are the objects that a shape is, holds, or may be.
func objectsIn(s *shape) []*shape {
	switch s.form {
	case isObject:
		return []*shape{s}
	case isList, isMap:
		return objectsIn(s.elem)
	case isUnion:
		var out []*shape
		for _, k := range []kind{scalar, list, mapping} {
			if f := s.union[k]; f != nil {
				out = append(out, objectsIn(f)...)
			}
		}
		return out
	}
	return nil
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
