package render

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

// ExplainText writes a plan as PlanText does, and below each line why it stands there.
func ExplainText(w io.Writer, p *plan.Plan, why func(plan.Action) plan.Explanation) error {
	return planText(w, p, &text{why: why})
}

// PlanText writes a plan for people: the actions grouped by peering and then by account and region, what drifts without an action, the
// problems, and the counts. It is the same text in a terminal, a log and a golden file.
func PlanText(w io.Writer, p *plan.Plan) error { return planText(w, p, &text{}) }

func planText(w io.Writer, p *plan.Plan, t *text) error {
	for _, l := range groups(p) {
		t.peering(l)
	}
	for _, problem := range p.Problems {
		sign := "!"
		if problem.Severity == plan.Warns {
			sign = "?"
		}
		t.line("%s %s: %s", sign, problem.Link, problem)
	}
	for _, err := range p.Unread {
		t.line("! could not read: %v", err)
	}
	if len(p.Problems)+len(p.Unread) > 0 {
		t.line("")
	}
	if p.Withheld != nil {
		t.line("! %s withheld: %s", removals(p.Withheld), p.Withheld.Reason)
		t.line("")
	}
	add, change, remove := p.Count()
	t.line("Plan: %d to add, %d to change, %d to delete", add, change, remove)
	_, err := io.WriteString(w, t.b.String())
	return err
}

// group is what a plan has for one peering.
type group struct {
	name    netstate.Link
	state   *plan.LinkState // nil for leftovers of peerings that the spec no longer has
	actions []plan.Action
	drift   []plan.Drift // that no action mends
}

// groups returns the peerings about which there is something to say, in the plan's order.
func groups(p *plan.Plan) []*group {
	at := map[netstate.Link]*group{}
	var out []*group
	get := func(n netstate.Link) *group {
		if at[n] == nil {
			at[n] = &group{name: n}
			out = append(out, at[n])
		}
		return at[n]
	}
	for i, s := range p.Links {
		get(s.Name).state = &p.Links[i]
	}
	for _, a := range p.Actions {
		g := get(a.Link())
		g.actions = append(g.actions, a)
	}
	for _, d := range p.Drift {
		g := get(d.Link)
		if d.Left != "" && d.Left != "waiting" {
			g.drift = append(g.drift, d)
		}
	}
	said := out[:0]
	for _, g := range out {
		s := g.state
		if len(g.actions)+len(g.drift) > 0 || s != nil && (s.Held || s.Suspended != "" || s.Waiting != "") {
			said = append(said, g)
		}
	}
	return said
}

type text struct {
	b   strings.Builder
	why func(plan.Action) plan.Explanation // nil: nothing is explained
}

func (t *text) line(format string, args ...any) {
	t.b.WriteString(Plain(fmt.Sprintf(format, args...)) + "\n")
}

func (t *text) peering(g *group) {
	t.line("%s", heading(g))
	t.actions(g, "    ")
	t.line("")
}

// actions writes what is to be done and what drifts without an action, the lines of each account and region indented below its name.
func (t *text) actions(g *group, indent string) {
	scope := netstate.Scope{}
	for _, a := range byScope(g.actions) {
		if a.Scope() != scope {
			scope = a.Scope()
			t.line("  %s", scope)
		}
		t.line("%s%s", indent, a)
		t.explain(a, indent+"    ")
	}
	for _, d := range g.drift {
		why := " (" + d.Left + ")"
		if d.Kind == plan.DriftConflict {
			why = "" // said whole among the problems
		}
		t.line("%s! %s %s: %s%s", indent[:len(indent)/2], d.Kind, d.Resource, strings.TrimPrefix(d.What, string(d.Resource)+" "), why)
	}
}

func (t *text) explain(a plan.Action, indent string) {
	if t.why == nil {
		return
	}
	x := t.why(a)
	where := "nothing asks for it"
	if x.Pos != (spec.Pos{}) {
		where = x.Pos.String()
	}
	t.line("%sspec: %s", indent, where)
	t.line("%sseen: %s", indent, x.Seen)
	t.line("%slaw:  %s", indent, x.Law)
}

func heading(g *group) string {
	s := g.state
	if s == nil || s.Leftover && s.Conn == "" {
		return fmt.Sprintf("%s: not in the spec", g.name)
	}
	h := fmt.Sprintf("%s: %s <-> %s", s.Name, endText(s.Ends[0]), endText(s.Ends[1]))
	if s.Conn != "" {
		h += fmt.Sprintf(" (%s %s)", s.Conn, s.Status)
	}
	switch {
	case s.Adopts && !s.Held && s.Suspended == "":
		h += " TAKEN OVER: nobody's tag is on it yet"
	case s.Leftover:
		h += " NOT IN THE SPEC"
	case s.Held:
		h += " HELD: nothing is changed"
	case s.Suspended != "":
		h += " SUSPENDED: " + s.Suspended
	case s.Waiting != "":
		h += " WAITING for " + s.Waiting
	case s.Ending != "":
		h += " WAITING for the end of " + string(s.Ending)
	}
	return h
}

// endText is an end with its name, which a VPC that the spec does not have lacks.
func endText(e plan.LinkEnd) string {
	return strings.TrimPrefix(e.Name+" "+e.VPC.String(), " ")
}

// byScope groups actions by account and region in the order in which each first appears; within one they keep the order of their steps.
func byScope(actions []plan.Action) []plan.Action {
	var scopes []netstate.Scope
	of := map[netstate.Scope][]plan.Action{}
	for _, a := range actions {
		if of[a.Scope()] == nil {
			scopes = append(scopes, a.Scope())
		}
		of[a.Scope()] = append(of[a.Scope()], a)
	}
	out := make([]plan.Action, 0, len(actions))
	for _, s := range scopes {
		out = append(out, of[s]...)
	}
	return out
}

// ReportText writes what is left at the end of a cycle: one line per peering that is not in sync, or in sync and yet not
// ready, with its reasons, then the sum.
func ReportText(w io.Writer, r *reconcile.Report) error {
	t := &text{}
	said, sum := remarks(r)
	for _, s := range said {
		for _, l := range s.lines {
			t.line("%s", l)
		}
	}
	for _, l := range unreadLines(r) {
		t.line("%s", l)
	}
	if r.Err != nil {
		sum = fmt.Sprintf("could not reconcile: %v", r.Err)
	}
	t.line("%s", sum)
	_, err := io.WriteString(w, t.b.String())
	return err
}

// remark is what is said at the end about one peering.
type remark struct {
	verdict reconcile.Verdict
	lines   []string
}

// remarks returns what is to be said about the peerings, in the order of the verdicts, and the sum of all of them.
func remarks(r *reconcile.Report) ([]remark, string) {
	var said []remark
	sync := 0
	verdicts := r.Verdicts()
	for _, v := range verdicts {
		verdict := verdictText(v.Verdict)
		if v.Verdict == reconcile.InSync {
			sync++
			if v.Ready {
				continue
			}
			verdict += ", not ready"
		}
		lines := []string{fmt.Sprintf("%s: %s", v.Link, verdict)}
		for _, reason := range v.Reasons {
			lines = append(lines, "  "+reason)
		}
		said = append(said, remark{v.Verdict, lines})
	}
	switch {
	case sync == len(verdicts) && r.First != nil && r.First.Withheld != nil:
		return said, "not in sync: removals are withheld"
	case sync == len(verdicts):
		return said, "in sync: " + count(sync, "peering")
	}
	return said, fmt.Sprintf("not in sync: %d of %s", len(verdicts)-sync, count(len(verdicts), "peering"))
}

// unreadLines say what the last look could not read.
func unreadLines(r *reconcile.Report) []string {
	if r.Final == nil {
		return nil
	}
	var lines []string
	for _, err := range r.Final.Unread {
		lines = append(lines, fmt.Sprintf("could not read: %v", err))
	}
	return lines
}

func verdictText(v reconcile.Verdict) string {
	return [...]string{"in sync", "left on purpose", "changes pending", "needs attention"}[v]
}

// removals counts those that are withheld. There may be none to be seen: an emptied spec does not say where to look.
func removals(w *plan.Withheld) string {
	if len(w.Actions) == 0 {
		return "all removals"
	}
	return count(len(w.Actions), "removal")
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Plain makes text from anywhere safe to print on a terminal or into a log: control and direction-changing characters are escaped.
func Plain(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
}
