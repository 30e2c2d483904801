package failures_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/status"
)

// hostile is text for every kind of reader: a terminal, a log, a workflow of GitHub, Markdown, a browser. XML cannot carry an ESC, but the one
// character of C1 that means ESC [.
const hostile = "x\u009b31m\x7f\r\n::error file=x::INJECTED\n## INJECTED\n```\n</code><script>INJECTED</script>\n[INJECTED](http://evil.example)\u202e\U000e0041"

const fourPeerings = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}
  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}
  data: {account: payments, region: us-east-1, id: vpc-0000000000000b101}
peerings:
  - {name: hub-tools, requester: {vpc: hub}, accepter: {vpc: tools}}
  - {name: hub-pay, requester: {vpc: hub}, accepter: {vpc: pay}}
  - {name: east-data, requester: {vpc: east}, accepter: {vpc: data}}
  - {name: pay-data, requester: {vpc: pay}, accepter: {vpc: data}, suspend: {reason: INC-42}}
`

// What others wrote into tags, and AWS into its messages, is escaped wherever it is printed, and JSON holds it unchanged.
func TestF61HostileTagsAndMessages(t *testing.T) {
	t.Parallel()
	inBubble(t, "everywhere", func(t *testing.T) {
		r := simtest.New(t, ec2sim.Config{}, fourPeerings)
		r.Sim.Inject(fault.Rule{Operation: "CreateRoute", Kind: fault.Error, Code: "UnauthorizedOperation", Message: hostile, Before: true})
		ask(r, network, hub, network, tools, "peerd:owner", hostile)
		left := ask(r, network, tools, network, "vpc-0000000000000a009", "peerd:owner", "acme")
		r.Do(network, west, "CreateTags", "ResourceId.1", left, "Tag.1.Key", "peerd:peering", "Tag.1.Value", hostile)
		r.Do(network, "us-east-1", "CreateTags", "ResourceId.1", "vpc-0000000000000a101", "Tag.1.Key", "peerd:suspend", "Tag.1.Value", hostile)

		var log bytes.Buffer
		s := status.New(status.Config{})
		c := reconcile.New(reconcile.Config{Target: simtest.Target(r.Sim), Log: slog.New(slog.NewTextHandler(&log, nil)), OnDone: s.OnDone})
		report := c.Cycle(t.Context(), reconcile.Input{Spec: r.Spec})
		s.OnTurn(reconcile.Turn{Mode: reconcile.ModeFull, Report: report})
		met := slices.ContainsFunc(r.Sim.Calls(), func(c ec2sim.Call) bool { return c.Action == "CreateRoute" && c.Code == "UnauthorizedOperation" })
		failures.Shown(t, 61, met && strings.Count(r.Sim.Dump(), "INJECTED") >= 3, "tags and AWS's messages hold control characters, Markdown and workflow commands")

		printed := map[string]string{"log": log.String(), "metrics": get(s, "/metrics"), "landing page": get(s, "/")}
		for name, write := range map[string]func(io.Writer, *plan.Plan) error{"plan": render.PlanText, "plan as JSON": render.PlanJSON, "plan as Markdown": render.PlanMarkdown} {
			printed[name] = shown(t, func(w io.Writer) error { return write(w, report.First) })
			printed["what is left of the "+name] = shown(t, func(w io.Writer) error { return write(w, report.Final) })
		}
		printed["report"] = simtest.Text(report)
		printed["report as Markdown"] = shown(t, func(w io.Writer) error { return render.ReportMarkdown(w, report) })
		printed["report as JSON"] = get(s, "/api/v1/status")
		for name, text := range printed {
			mustBePlain(t, name, text)
			if strings.HasSuffix(name, "JSON") && !holdsHostile(t, text) {
				t.Errorf("%s does not hold the text as it was:\n%s", name, text)
			}
			if strings.HasSuffix(name, "Markdown") {
				mustStayInFences(t, name, text)
			}
		}
		for _, name := range []string{"log", "plan", "report", "plan as Markdown", "report as Markdown"} {
			if !strings.Contains(printed[name], "INJECTED") {
				t.Errorf("%s does not mention the text: it shows nothing\n%s", name, printed[name])
			}
		}
		if strings.Contains(printed["metrics"], "INJECTED") || !strings.Contains(printed["metrics"], `peerd_drift_resources{kind="extra",peering="",resource="connection"} 1`) {
			t.Errorf("metrics:\n%s", printed["metrics"])
		}
	})
}

func shown(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func get(s *status.State, path string) string {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Body.String()
}

// mustBePlain: no character that a terminal obeys, and no line that somebody else begins.
func mustBePlain(t *testing.T, name, text string) {
	t.Helper()
	for _, line := range strings.Split(text, "\n") {
		if i := strings.IndexFunc(line, func(r rune) bool { return r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }); i >= 0 {
			t.Errorf("%s: a control character in %q", name, line)
		}
		for _, begins := range []string{"::", "##", "INJECTED", "[INJ", "</"} {
			if l := strings.TrimSpace(line); strings.HasPrefix(l, begins) && strings.Contains(l, "INJECTED") {
				t.Errorf("%s: a line of somebody else's: %q", name, line)
			}
		}
	}
}

// mustStayInFences: outside of blocks of code there is nothing that others wrote, but within a block of HTML, which <details> begins, and where
// nothing but HTML has a meaning.
func mustStayInFences(t *testing.T, name, text string) {
	t.Helper()
	fence := ""
	for _, line := range strings.Split(text, "\n") {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence == "" && len(ticks) >= 3:
			fence = ticks
		case fence != "" && len(ticks) >= len(fence) && strings.Trim(line, "`") == "":
			fence = ""
		case strings.HasPrefix(line, "<details>") && !strings.Contains(line, "<script"):
		case fence == "" && (strings.Contains(line, "<script") || strings.Contains(line, "](") || strings.Contains(line, "```")):
			t.Errorf("%s: outside of a block of code: %q", name, line)
		}
	}
	if fence != "" {
		t.Errorf("%s: a block of code does not end", name)
	}
}

// holdsHostile reports whether some string of a JSON document holds the hostile text as it was.
func holdsHostile(t *testing.T, document string) bool {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(document), &v); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	var in func(any) bool
	in = func(v any) bool {
		switch v := v.(type) {
		case string:
			return strings.Contains(v, hostile)
		case []any:
			return slices.ContainsFunc(v, in)
		case map[string]any:
			for _, x := range v {
				if in(x) {
					return true
				}
			}
		}
		return false
	}
	return in(v)
}
