package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim/world"
)

const simulatorDoc = "../../docs/simulator.md"

// The console of docs/simulator.md, typed line by line against `peerd sim` as a process of its own: what the document shows is what comes
// out. With -update it is written anew.
func TestSimulatorDoc(t *testing.T) {
	if testing.Short() {
		t.Skip("the processes it starts are not what is tested with -short")
	}
	t.Parallel()
	text, err := os.ReadFile(simulatorDoc)
	if err != nil {
		t.Fatal(err)
	}
	c := &console{t: t}
	got := consoleBlock.ReplaceAllStringFunc(string(text), func(block string) string {
		var out strings.Builder
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				out.WriteString(line + c.run(strings.TrimSpace(command)))
			}
		}
		return "```console\n" + out.String() + "```\n"
	})
	if c.ran < 8 {
		t.Errorf("only %d commands were found in %s", c.ran, simulatorDoc)
	}
	if *update {
		if err := os.WriteFile(simulatorDoc, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(steady(string(text)), steady(got)); d != "" && !*update {
		t.Errorf("%s shows something else than what comes out (-shown +got):\n%s", simulatorDoc, d)
	}
}

var (
	consoleBlock = regexp.MustCompile("(?s)```console\n.*?```\n")
	moments      = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	numbers      = regexp.MustCompile(`"(seq|met)": \d+`)
)

// steady takes out what differs from run to run.
func steady(text string) string {
	return numbers.ReplaceAllString(moments.ReplaceAllString(text, "TIME"), `"$1": N`)
}

// console understands as much of a shell and of curl as the document needs.
type console struct {
	t        *testing.T
	endpoint string // of the simulator, once it runs
	env      []string
	ran      int
}

const shown = "http://127.0.0.1:4566"

var word = regexp.MustCompile(`'[^']*'|\S+`)

func (c *console) run(line string) string {
	c.t.Helper()
	c.ran++
	var words []string
	for _, w := range word.FindAllString(line, -1) {
		words = append(words, strings.Trim(w, "'"))
	}
	switch words[0] {
	case "export":
		for _, v := range words[1:] {
			c.env = append(c.env, strings.Replace(v, shown, c.endpoint, 1))
		}
		return ""
	case "curl":
		return c.curl(words[1:])
	}
	if words[1] == "sim" {
		c.endpoint = simProcess(c.t, fromRoot(words[5]))
		return strings.Replace("simulated AWS on "+c.endpoint+"\n", c.endpoint, shown, 1)
	}
	return c.peerd(words[1:])
}

// peerd runs it as a process; the document drops what it says on stderr.
func (c *console) peerd(words []string) string {
	c.t.Helper()
	words = words[:len(words)-1] // 2>/dev/null
	words[len(words)-1] = fromRoot(words[len(words)-1])
	cmd := exec.CommandContext(c.t.Context(), os.Args[0], words...)
	cmd.Env = append([]string{asPeerd + "=1", "HOME=" + c.t.TempDir(), "AWS_EC2_METADATA_DISABLED=true"}, c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("peerd %q: %v\n%s%s", words, err, &stdout, &stderr)
	}
	return stdout.String()
}

func fromRoot(path string) string { return filepath.Join("..", "..", path) }

func (c *console) curl(words []string) string {
	c.t.Helper()
	method, body, url := http.MethodGet, "", ""
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "-s":
		case "-d":
			i++
			method, body = http.MethodPost, words[i]
		default:
			url = strings.Replace(words[i], shown, c.endpoint, 1)
		}
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s %s: %d %v\n%s", method, url, resp.StatusCode, err, out)
	}
	return string(out)
}

// Every switch of the simulator is in the document with each of its choices, and the tests that the document names exist.
func TestSimulatorDocIsComplete(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(simulatorDoc)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	for variation := range world.Variations() {
		for _, part := range strings.Split(variation, "=") {
			if !strings.Contains(doc, "`"+part+"`") {
				t.Errorf("%s lacks `%s` of the switch %s", simulatorDoc, part, variation)
			}
		}
	}
	tests := testsIn(t, "../../pkg/ec2sim")
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(doc, -1)
	if len(named) < 60 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, m := range named {
		if !tests[m[1]] {
			t.Errorf("%s names %s, which does not exist", simulatorDoc, m[1])
		}
	}
}

// testsIn are the names of the tests of a package.
func testsIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", dir, err)
	}
	out := map[string]bool{}
	for _, f := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				out[fn.Name.Name] = true
			}
		}
	}
	return out
}
