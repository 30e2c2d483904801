package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/peerd/peerd/pkg/spec"
)

const (
	goodSpec = "testdata/validate/good.yaml"
	badSpec  = "testdata/validate/bad, 100%.yaml"
)

// TestValidateOutputs checks one good spec, a bad one and one that is not there, in every form.
func TestValidateOutputs(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"text":   nil,
		"person": {"--color", "always"},
		"json":   {"-o", "json"},
		"github": {"-o", "github"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := peerd(t, nil, append([]string{"validate", goodSpec, badSpec, "testdata/validate/none.yaml"}, args...)...)
			if code != 3 || stderr != "peerd: not valid: 6 problems\n" {
				t.Errorf("exit %d: %s", code, stderr)
			}
			sameAsGolden(t, filepath.Join("testdata/validate", name+".golden"), stdout)
		})
	}
}

func sameAsGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(strings.Split(readFile(t, file), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, d)
	}
}

func TestValidateExits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		env  map[string]string
		code int
		says string
	}{
		"good":                   {[]string{goodSpec}, nil, 0, "good.yaml: valid: 1 peering, 2 VPCs, 1 account\n"},
		"two good":               {[]string{goodSpec, example}, nil, 0, "peerings.example.yaml: valid: 3 peerings, 3 VPCs, 2 accounts\n"},
		"bad before good":        {[]string{badSpec, goodSpec}, nil, 3, "good.yaml: valid"},
		"good, as annotations":   {[]string{goodSpec, "-o", "github"}, nil, 0, "good.yaml: valid"},
		"good, as JSON":          {[]string{goodSpec, "-o", "json"}, nil, 0, `"valid": true`},
		"path in a flag":         {[]string{"--spec", goodSpec}, nil, 0, "valid"},
		"path in environment":    {nil, map[string]string{"PEERD_SPEC": goodSpec}, 0, "valid"},
		"arguments before flags": {[]string{goodSpec}, map[string]string{"PEERD_SPEC": badSpec}, 0, "valid"},
		"no path":                {nil, nil, 3, "say what to check: peerd validate PATH"},
		"missing path":           {[]string{"nothing/here"}, nil, 3, "nothing/here:1:1: cannot be read: no such file or directory\n"},
		"standard input":         {[]string{"-"}, nil, 3, "standard input is not read"},
		"nothing to check":       {[]string{"../../deploy/schema"}, nil, 3, "deploy/schema:1:1: no *.yaml or *.yml file is here"},
		"no such form":           {[]string{goodSpec, "-o", "markdown"}, nil, 3, "text, json or github"},
		"no such colour":         {[]string{goodSpec, "--color", "red"}, nil, 3, "auto, always or never"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := peerd(t, tc.env, append([]string{"validate"}, tc.args...)...)
			if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
				t.Errorf("exit %d, want %d and %q\nstdout:\n%s\nstderr:\n%s", code, tc.code, tc.says, stdout, stderr)
			}
		})
	}
}

// TestValidateJSONSchema holds outputs to the schema that is checked in, and sees that it is no empty promise.
func TestValidateJSONSchema(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile("../../deploy/schema/validate.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{goodSpec}, {badSpec}, {goodSpec, badSpec, "nothing"}} {
		_, stdout, _ := peerd(t, nil, append([]string{"validate", "-o", "json"}, args...)...)
		for word, breaks := range map[string]bool{"": false, "formatVersion": true, "valid": true, "problems": true, "summary": true, "invalid": true} {
			text := stdout
			if breaks {
				text = strings.Replace(stdout, `"`+word+`"`, `"other"`, 1)
			}
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); (err != nil) != breaks {
				t.Errorf("%v without %q: %v", args, word, err)
			}
		}
	}
}

// TestGitHubEscapes has names that would end a command's property, or begin a command of their own.
func TestGitHubEscapes(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	bad := []spec.Problem{{Pos: spec.Pos{File: "a:b,c%\r\n.yaml", Line: 1, Col: 2}, Path: "x", Message: "100%, see: y\n::error::z"}}
	if err := verdictGitHub(&b, []verdict{{problems: bad}}); err != nil {
		t.Fatal(err)
	}
	want := "::error file=a%3Ab%2Cc%25%0D%0A.yaml,line=1,col=2,title=peerd::x: 100%25, see: y%0A::error::z\n"
	if got := b.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAround holds the caret below the right character.
func TestAround(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 100)
	for name, tc := range map[string]struct {
		line   string
		col    int
		text   string
		before int
	}{
		"plain":           {"dns: maybe", 6, "dns: maybe", 5},
		"first column":    {"dns", 1, "dns", 0},
		"past the end":    {"dns", 4, "dns", 3},
		"far past it":     {"dns", 9, "dns", 3},
		"empty":           {"", 1, "", 0},
		"tabs":            {"\ta:\tb", 5, "    a:    b", 10},
		"wide":            {"東京: x", 5, "東京: x", 6},
		"on a wide one":   {"東京: x", 2, "東京: x", 2},
		"combining":       {"cafe\u0301: x", 8, "cafe\u0301: x", 6},
		"control":         {"a\x1b[31mb", 7, `a\u001b[31mb`, 11},
		"right to left":   {"a\u202eb", 3, `a\u202eb`, 7},
		"long, its start": {long, 1, strings.Repeat("a", 68) + "…", 0},
		"long, its end":   {long, 101, "…" + strings.Repeat("a", 68), 69},
		"long, inside":    {long, 51, "…" + strings.Repeat("a", 68) + "…", 35},
		"long and wide":   {strings.Repeat("東", 99), 51, "…" + strings.Repeat("東", 34) + "…", 35},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if text, before := around(tc.line, tc.col); text != tc.text || before != tc.before {
				t.Errorf("got  %q, %d\nwant %q, %d", text, before, tc.text, tc.before)
			}
		})
	}
}

// TestExcerptsLeftOut shows the problem alone where there is no line to show: in a file that is gone, of an endless line, or past the end.
func TestExcerptsLeftOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	for name, tc := range map[string]struct {
		at    spec.Pos
		shown string
	}{
		"gone":               {spec.Pos{File: filepath.Join(dir, "gone"), Line: 1, Col: 1}, ""},
		"a directory":        {spec.Pos{File: dir, Line: 1, Col: 1}, ""},
		"past the end":       {spec.Pos{File: write("short", "a\n"), Line: 3, Col: 1}, ""},
		"endless":            {spec.Pos{File: write("endless", strings.Repeat("a", 1<<17)), Line: 1, Col: 1}, ""},
		"too large":          {spec.Pos{File: write("large", strings.Repeat("a\n", 4<<20)), Line: 1, Col: 1}, ""},
		"windows":            {spec.Pos{File: write("windows", "\ufeffa\r\nb\r\n"), Line: 2, Col: 1}, "  2 | b\n    | ^\n"},
		"breaks of YAML 1.1": {spec.Pos{File: write("breaks", "a\u2028b\u0085c\rd"), Line: 4, Col: 1}, "  4 | d\n    | ^\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			person{shows: true, files: map[string][]string{}}.excerpt(&b, tc.at)
			if b.String() != tc.shown {
				t.Errorf("got %q, want %q", b.String(), tc.shown)
			}
		})
	}
}

// TestValidateOutputIsWhole reads the JSON back: a name in a spec is data there, whatever it holds.
func TestValidateOutputIsWhole(t *testing.T) {
	t.Parallel()
	_, stdout, _ := peerd(t, nil, "validate", "-o", "json", badSpec)
	var v Validation
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || v.Valid || len(v.Problems) != v.Summary.Problems || v.Problems[0].File != badSpec {
		t.Errorf("%v: %+v", err, v)
	}
}
