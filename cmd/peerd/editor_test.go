package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/tooltest"
)

// TestEditor opens specs in the YAML language server, as an editor does, with the schema that is checked in: a mistake is shown at its line, and
// a spec without one is left alone.
func TestEditor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "deploy/schema"), 0o755); err != nil { // the example names the schema from where it stands
		t.Fatal(err)
	}
	copyFile(t, "../../deploy/schema/peerings.schema.json", filepath.Join(dir, "deploy/schema/peerings.schema.json"))
	s := startEditor(t, languageServer(t))
	example := readFile(t, example)
	for _, file := range []string{example, modeline + readFile(t, "../../testdata/every-field.yaml")} {
		if got := s.diagnose(filepath.Join(dir, "spec.yaml"), file); len(got) != 0 {
			t.Errorf("a valid spec has\n%s", strings.Join(got, "\n"))
		}
	}
	for i, m := range []struct{ was, is, says string }{
		{"owner: acme-network", "ower: acme-network", "Property ower is not allowed."},
		{"tables: all ", "tables: al ", `Value is not accepted. Valid values: "all", "main", "none".`},
		{"to: [10.20.0.0/17]", "to: 10.20.0.0/17", `Incorrect type. Expected "array".`},
		{"region: ap-northeast-1", "region: ap-northeast-1a", "String does not match the pattern"},
		{"protocol: tcp, ports: [22, 443, 8000-8100]", "protocol: tcp", `Missing property "ports".`},
		{"group: db, protocol: tcp, ports: 5432, peer: {", "grup: db, protocol: tcp, ports: 5432, peer: {", `Missing property "group".`},
	} {
		if strings.Count(example, m.was) != 1 {
			t.Fatalf("the example does not hold %q once", m.was)
		}
		line := 1 + strings.Count(example[:strings.Index(example, m.was)], "\n")
		got := s.diagnose(filepath.Join(dir, fmt.Sprintf("mistake%d.yaml", i)), strings.Replace(example, m.was, m.is, 1))
		if want := fmt.Sprintf("%d: %s", line, m.says); len(got) == 0 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: got\n%s\nwant %s", m.is, strings.Join(got, "\n"), want)
		}
	}
}

const modeline = "# yaml-language-server: $schema=./deploy/schema/peerings.schema.json\n"

// languageServer returns the program, which npm installs; CI must have it.
func languageServer(t *testing.T) string {
	t.Helper()
	program := os.Getenv("PEERD_YAML_LANGUAGE_SERVER")
	if root, err := exec.CommandContext(t.Context(), "npm", "root", "-g").Output(); program == "" && err == nil {
		program = filepath.Join(strings.TrimSpace(string(root)), "yaml-language-server/bin/yaml-language-server")
	}
	if _, err := os.Stat(program); err == nil {
		return program
	}
	missing := "the YAML language server is not here: npm install -g yaml-language-server, or name its program in PEERD_YAML_LANGUAGE_SERVER"
	tooltest.Missing(t, missing)
	return ""
}

// editor is what a running language server (Language Server Protocol 3.17) serves, asking one thing at a time.
type editor struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func startEditor(t *testing.T, program string) *editor {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "node", program, "--stdio")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() }) // killed: its exit says nothing
	s := &editor{t, in, bufio.NewReader(out)}
	s.send(map[string]any{"id": 1, "method": "initialize", "params": map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{}}})
	for m := s.receive(); m.Method != "" || m.ID == nil; m = s.receive() {
	}
	s.notify("initialized", map[string]any{})
	off := map[string]any{"enable": false} // no catalogue of schemas: nothing is fetched
	s.notify("workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"yaml": map[string]any{"schemaStore": off, "kubernetesCRDStore": off}}})
	return s
}

// message is what either side sends, as much of it as is looked at.
type message struct {
	ID     *int   `json:"id"`
	Method string `json:"method"`
	Params struct {
		URI         string `json:"uri"`
		Diagnostics []struct {
			Range struct {
				Start struct{ Line, Character int } `json:"start"`
			} `json:"range"`
			Message string `json:"message"`
		} `json:"diagnostics"`
	} `json:"params"`
}

// diagnose writes and opens a file and returns what is shown in it, as "line: message".
func (s *editor) diagnose(path, text string) []string {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	uri := (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
	s.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "yaml", "version": 1, "text": text}})
	defer s.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": uri}})
	for {
		m := s.receive()
		if m.Method != "textDocument/publishDiagnostics" || m.Params.URI != uri {
			continue
		}
		var out []string
		for _, d := range m.Params.Diagnostics {
			out = append(out, fmt.Sprintf("%d: %s", d.Range.Start.Line+1, d.Message))
		}
		return out
	}
}

func (s *editor) notify(method string, params any) {
	s.t.Helper()
	s.send(map[string]any{"method": method, "params": params})
}

func (s *editor) send(m map[string]any) {
	s.t.Helper()
	m["jsonrpc"] = "2.0"
	body, err := json.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(s.in, "Content-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		s.t.Fatal(err)
	}
}

// receive returns the next message; what the server itself asks for it is refused.
func (s *editor) receive() message {
	s.t.Helper()
	head, err := textproto.NewReader(s.out).ReadMIMEHeader()
	if err != nil {
		s.t.Fatalf("the language server ends: %v", err)
	}
	size, err := strconv.Atoi(head.Get("Content-Length"))
	if err != nil {
		s.t.Fatal(err)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(s.out, body); err != nil {
		s.t.Fatal(err)
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		s.t.Fatalf("%v: %s", err, body)
	}
	if m.ID != nil && m.Method != "" {
		s.send(map[string]any{"id": *m.ID, "error": map[string]any{"code": -32601, "message": "not supported"}})
	}
	return m
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, []byte(readFile(t, from)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
