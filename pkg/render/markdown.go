package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
)

// A pull-request comment of GitHub takes 65,536 characters. A plan and the report that follows it stand in one, together below 60,000 bytes.
const (
	planLimit   = 48_000
	reportLimit = 8_000
	lineLimit   = 1_500 // of one line in a list: no single message takes the room of the others
)

// PlanMarkdown writes a plan for a pull request: the counts, what stands in the way, and one section a peering, those that delete first.
// What does not fit is counted, never cut in the middle.
func PlanMarkdown(w io.Writer, p *plan.Plan) error {
	add, change, remove := p.Count()
	m := &markdown{}
	m.b.WriteString(fmt.Sprintf("### peerd plan: %d to add, %d to change, %d to delete\n\n", add, change, remove))
	if len(p.Problems) > 0 {
		m.problems(p.Problems)
	}
	if len(p.Unread) > 0 {
		m.unread(p.Unread)
	}
	if p.Withheld != nil {
		m.b.WriteString("**" + removals(p.Withheld) + " withheld**\n\n" + fenced("text", []string{Plain(p.Withheld.Reason)}) + "\n")
	}
	all := groups(p)
	slices.SortStableFunc(all, func(a, b *group) int { return deletions(b) - deletions(a) })
	for i, g := range all {
		if !m.fits(section(g)) {
			m.b.WriteString(fmt.Sprintf("\n%s more: run `peerd plan` to see all.\n", count(len(all)-i, "peering")))
			break
		}
	}
	if len(all) == 0 && len(p.Problems)+len(p.Unread) == 0 {
		m.b.WriteString("Nothing to change.\n")
	}
	_, err := io.WriteString(w, m.b.String())
	return err
}

// ReportMarkdown writes what is left at the end of a cycle below its plan: the sum, and the peerings that ReportText has a word about, the
// worst first, so that what does not fit matters least. That changes are pending is what the plan shows.
func ReportMarkdown(w io.Writer, r *reconcile.Report) error {
	said, sum := remarks(r)
	said = slices.DeleteFunc(said, func(s remark) bool { return s.verdict == reconcile.Changes && len(s.lines) == 1 })
	slices.SortStableFunc(said, func(a, b remark) int { return int(b.verdict - a.verdict) })
	lines := unreadLines(r)
	if r.Err != nil { // in it may be words of AWS
		sum, lines = "could not reconcile", append([]string{r.Err.Error()}, lines...)
	}
	lines = within(reportLimit/3, lines)
	for i, s := range said {
		next := append(slices.Clip(lines), within(reportLimit/3, s.lines)...)
		if size(next) > reportLimit {
			lines = append(lines, "… and "+count(len(said)-i, "peering")+" more")
			break
		}
		lines = next
	}
	text := "\n**" + sum + "**\n"
	if len(lines) > 0 {
		text += "\n" + fenced("text", lines)
	}
	_, err := io.WriteString(w, text)
	return err
}

func size(lines []string) int {
	n := 0
	for _, l := range lines {
		n += len(l) + 1
	}
	return n
}

type markdown struct{ b strings.Builder }

// room is kept for the line that counts what does not fit.
const room = 200

// fits writes the text if there is room for it.
func (m *markdown) fits(text string) bool {
	if m.b.Len()+len(text)+room > planLimit {
		return false
	}
	m.b.WriteString(text)
	return true
}

// problems writes what stands in the way, within half of the room.
func (m *markdown) problems(ps []plan.Problem) {
	lines := make([]string, len(ps))
	for i, x := range ps {
		lines[i] = fmt.Sprintf("%s: %s", x.Link, x)
	}
	m.b.WriteString("**" + count(len(ps), "problem") + "**\n\n" + fenced("text", within(planLimit/2, lines)) + "\n")
}

// unread writes what could not be read and belongs to no peering, within an eighth of the room.
func (m *markdown) unread(errs []*netstate.Error) {
	lines := make([]string, len(errs))
	for i, err := range errs {
		lines[i] = err.Error()
	}
	m.b.WriteString("**could not read**\n\n" + fenced("text", within(planLimit/8, lines)) + "\n")
}

// within returns the lines that fit, made harmless, and how many did not.
func within(limit int, lines []string) []string {
	var out []string
	size := 0
	for i, l := range lines {
		l = clipped(Plain(l))
		if size += len(l) + 1; size > limit {
			return append(out, fmt.Sprintf("… and %d more", len(lines)-i))
		}
		out = append(out, l)
	}
	return out
}

// clipped is a line without what is beyond the limit of one.
func clipped(l string) string {
	if len(l) <= lineLimit {
		return l
	}
	return strings.ToValidUTF8(l[:lineLimit], "") + "…"
}

func deletions(g *group) int {
	n := 0
	for _, a := range g.actions {
		if a.Step().Removes() {
			n++
		}
	}
	return n
}

// section is one peering, folded, its lines as a diff so that additions and deletions are coloured.
func section(g *group) string {
	t := &text{}
	t.actions(g, "")
	lines := strings.Split(strings.TrimSuffix(t.b.String(), "\n"), "\n")
	if len(g.actions)+len(g.drift) == 0 {
		lines = nil
	}
	title := fmt.Sprintf("%d to do", len(g.actions))
	if len(g.actions) == 0 {
		title = "nothing to do"
	}
	return fmt.Sprintf("<details><summary><code>%s</code>: %s</summary>\n\n%s\n</details>\n", escapeHTML(string(g.name)), title,
		fenced("diff", append([]string{"  " + Plain(heading(g))}, lines...)))
}

// fenced puts lines into a code block whose fence is longer than any run of backticks in them, so that nothing in them is markup.
func fenced(language string, lines []string) string {
	fence := "```"
	for _, l := range lines {
		for strings.Contains(l, fence) {
			fence += "`"
		}
	}
	return fence + language + "\n" + strings.Join(lines, "\n") + "\n" + fence + "\n"
}

func escapeHTML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(Plain(s))
}
