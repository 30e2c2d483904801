package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/trace"
)

// Trace is the answer of peerd trace as JSON; see deploy/schema/trace.schema.json.
type Trace struct {
	FormatVersion string      `json:"formatVersion"`
	Question      TraceAsked  `json:"question"`
	Answer        string      `json:"answer"` // reachable, unreachable or unknown
	Decides       *TraceHop   `json:"decides,omitempty"`
	Path          TracePath   `json:"path"`
	Parts         TraceCounts `json:"parts"`
	Unjudged      []string    `json:"unjudged"`
}

// TraceAsked is the question.
type TraceAsked struct {
	From       string   `json:"from"`
	To         string   `json:"to"`
	Traffic    string   `json:"traffic,omitempty"`
	FromGroups []string `json:"fromGroups,omitempty"`
	ToGroups   []string `json:"toGroups,omitempty"`
}

// TracePath is the walk that decides.
type TracePath struct {
	From string     `json:"from,omitempty"`
	To   string     `json:"to,omitempty"`
	Hops []TraceHop `json:"hops"`
}

// TraceHop is one hop; says is yes, no or unknown.
type TraceHop struct {
	Step    string `json:"step"`
	Says    string `json:"says"`
	Why     string `json:"why,omitempty"`
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	ID      string `json:"id,omitempty"`
	Text    string `json:"text"`
	Cure    string `json:"cure,omitempty"`
}

// TraceCounts says how many parts of the two ends reach each other: one, where both are single addresses.
type TraceCounts struct {
	Reachable   int `json:"reachable"`
	Unreachable int `json:"unreachable"`
	Unknown     int `json:"unknown"`
}

var answers = map[netstate.Tri]struct {
	word string
	code int
}{netstate.Yes: {"reachable", exitReachable}, netstate.No: {"unreachable", exitUnreachable}, netstate.Unknown: {"unknown", exitNotKnowable}}

// answer prints a result and turns it into the exit code.
func (a *app) answer(q trace.Question, r *trace.Result) error {
	var b bytes.Buffer
	if a.output == "json" {
		if err := traceJSON(&b, q, r); err != nil {
			return exitError{reconcile.ExitFailed, err}
		}
	} else {
		traceText(&b, q, r)
	}
	if _, err := a.stdout.Write(b.Bytes()); err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	if code := answers[r.Reaches].code; code != exitReachable {
		return exitError{code: code}
	}
	return nil
}

func traceJSON(b *bytes.Buffer, q trace.Question, r *trace.Result) error {
	out := Trace{
		FormatVersion: render.FormatVersion, Answer: answers[r.Reaches].word, Unjudged: append([]string{}, r.Unjudged...),
		Question: TraceAsked{q.From, q.To, q.Traffic.String(), q.FromGroups, q.ToGroups},
		Parts:    TraceCounts{r.Yes, r.No, r.Unknown}, Path: TracePath{Hops: []TraceHop{}},
	}
	if r.Path.From.IsValid() {
		out.Path.From, out.Path.To = r.Path.From.String(), r.Path.To.String()
	}
	for _, h := range r.Path.Hops {
		out.Path.Hops = append(out.Path.Hops, traceHop(h))
	}
	if h := r.Path.Decisive(); h != nil {
		hop := traceHop(*h)
		out.Decides = &hop
	}
	text, err := json.MarshalIndent(out, "", "  ")
	b.Write(append(text, '\n'))
	return err
}

func traceHop(h trace.Hop) TraceHop {
	return TraceHop{string(h.Step), h.Says.String(), string(h.Why), string(h.Scope.Account), string(h.Scope.Region), h.ID, h.Text, h.Cure}
}

// traceText prints the hops of the walk that decides, and what would change the one that does.
func traceText(b *bytes.Buffer, q trace.Question, r *trace.Result) {
	line := func(format string, args ...any) {
		fmt.Fprintln(b, strings.TrimRight(render.Plain(fmt.Sprintf(format, args...)), " "))
	}
	if r.Path.From.IsValid() {
		line("%s -> %s %s", r.Path.From, r.Path.To, q.Traffic)
	}
	for _, h := range r.Path.Hops {
		line("  %-7s  %-17s  %s", h.Says, h.Step, h.Text)
	}
	fmt.Fprintln(b)
	for _, u := range r.Unjudged {
		line("not judged: %s", u)
	}
	line("%s -> %s: %s%s", q.From, q.To, answers[r.Reaches].word, partsOf(r))
	if h := r.Path.Decisive(); h != nil {
		line("  %s: %s", h.Step, h.Text)
		line("  in %s%s", h.Scope, idOf(*h))
		line("  to change it: %s", h.Cure)
	}
}

func idOf(h trace.Hop) string {
	if h.ID == "" {
		return ""
	}
	return ": " + h.ID
}

// partsOf says how much of two ends that are more than single addresses reach each other.
func partsOf(r *trace.Result) string {
	n := r.Yes + r.No + r.Unknown
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d parts that are treated alike reach each other)", r.Yes, n)
}
