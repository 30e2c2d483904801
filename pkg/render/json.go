package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
)

// FormatVersion is the version of the JSON shapes; within one major version fields are only added.
const FormatVersion = "1.0"

// Plan is a plan as JSON.
type Plan struct {
	FormatVersion string      `json:"formatVersion"`
	Peerings      []Peering   `json:"peerings"`
	Actions       []Action    `json:"actions"`
	Drift         []Drift     `json:"drift"`
	Problems      []Problem   `json:"problems"`
	Unread        []string    `json:"unread,omitempty"` // listings that failed and that no peering of the spec needs
	Withheld      *Withheld   `json:"withheld,omitempty"`
	Unmanaged     []Unmanaged `json:"unmanaged,omitempty"`
	Summary       Summary     `json:"summary"`
}

// Withheld are removals that the guard took out of the plan.
type Withheld struct {
	Removals int    `json:"removals"`
	Peerings int    `json:"peerings"`
	Limit    int    `json:"limit"`
	Reason   string `json:"reason"`
}

// Unmanaged counts what is not ours to manage and is left alone.
type Unmanaged struct {
	Account  string `json:"account"`
	Region   string `json:"region"`
	Resource string `json:"resource"` // connection, route or rule
	Count    int    `json:"count"`
}

// Peering is how one peering stands.
type Peering struct {
	Name       string `json:"name"`
	Requester  End    `json:"requester"`
	Accepter   End    `json:"accepter"`
	Connection string `json:"connection,omitempty"`
	Status     string `json:"status,omitempty"`
	Held       bool   `json:"held,omitempty"`
	Unknown    bool   `json:"unknown,omitempty"` // held, since what it needs could not be read or found
	Suspended  string `json:"suspended,omitempty"`
	Waiting    string `json:"waiting,omitempty"`
	Leftover   bool   `json:"leftover,omitempty"` // not in the spec
	Expires    string `json:"expires,omitempty"`  // of a request that waits, RFC 3339
	Adopts     bool   `json:"adopts,omitempty"`   // the connection is nobody's yet and is being taken over
	Ending     string `json:"ending,omitempty"`   // a connection that is being deleted; another is requested once it is gone
}

// End is one VPC of a peering.
type End struct {
	Name    string `json:"name"`
	Account string `json:"account"`
	Region  string `json:"region"`
	VPC     string `json:"vpc,omitempty"`
}

// Action is one effect on AWS; Line is what the text plan says, its sign first.
type Action struct {
	Peering string `json:"peering"`
	Account string `json:"account"`
	Region  string `json:"region"`
	Change  string `json:"change"` // add, change or delete
	Line    string `json:"line"`
	Reason  string `json:"reason"`
	Ready   bool   `json:"ready"` // false: waits for something that this plan makes
}

// Drift is one difference between the spec and AWS.
type Drift struct {
	Peering  string `json:"peering"`
	Resource string `json:"resource"`
	Kind     string `json:"kind"`
	What     string `json:"what"`
	Left     string `json:"left,omitempty"` // why no action of the plan mends it
}

// Problem is why something cannot be had.
type Problem struct {
	Peering  string `json:"peering"`
	Code     string `json:"code"`
	Severity string `json:"severity"` // warns, blocks-item, holds-side or holds-peering
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Message  string `json:"message"`
}

// Summary counts a plan's actions.
type Summary struct {
	Add    int `json:"add"`
	Change int `json:"change"`
	Delete int `json:"delete"`
}

// Report is a cycle as JSON.
type Report struct {
	FormatVersion string    `json:"formatVersion"`
	Started       time.Time `json:"started"`
	Finished      time.Time `json:"finished"`
	DryRun        bool      `json:"dryRun,omitempty"`
	Plan          *Plan     `json:"plan,omitempty"`
	Results       []Result  `json:"results"`
	Left          *Plan     `json:"left,omitempty"`
	Verdicts      []Verdict `json:"verdicts"`
	Scopes        []Scope   `json:"scopes,omitempty"`
	Quotas        []Quota   `json:"quotas,omitempty"`
	Error         string    `json:"error,omitempty"`
	Exit          int       `json:"exit"`
}

// Scope is an account and region that was looked at.
type Scope struct {
	Account string    `json:"account"`
	Name    string    `json:"name,omitempty"` // the spec's, of the account
	Region  string    `json:"region"`
	At      time.Time `json:"at"`
	Error   string    `json:"error,omitempty"` // why something that was asked for could not be read
}

// Quota is how much of a quota a VPC of the spec uses, in its fullest table or group where it is one of those.
type Quota struct {
	VPC    string `json:"vpc"`
	Quota  string `json:"quota"`
	Used   int    `json:"used"`
	Limit  int    `json:"limit"`
	Stated bool   `json:"stated,omitempty"` // by the spec; otherwise the limit is assumed
}

// Result is what became of one action.
type Result struct {
	Action Action `json:"action"`
	Code   string `json:"code,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Verdict is how one peering stands at the end.
type Verdict struct {
	Peering string   `json:"peering"`
	Verdict string   `json:"verdict"`
	Ready   bool     `json:"ready"` // it carries traffic as declared
	Reasons []string `json:"reasons,omitempty"`
}

// PlanJSON writes a plan as JSON.
func PlanJSON(w io.Writer, p *plan.Plan) error { return encode(w, planOf(p)) }

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// ReportJSON writes a whole cycle as JSON.
func ReportJSON(w io.Writer, r *reconcile.Report) error {
	out := Report{FormatVersion: FormatVersion, Started: r.Started, Finished: r.Finished, DryRun: r.DryRun, Plan: planOf(r.First),
		Results: []Result{}, Left: planOf(r.Final), Verdicts: []Verdict{}, Exit: r.Exit()}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	for _, res := range r.Results {
		j := Result{Action: actionOf(res.Action)}
		if res.Err != nil {
			j.Code, j.Kind, j.Error = res.Err.Code, string(res.Err.Kind), res.Err.Error()
		}
		out.Results = append(out.Results, j)
	}
	for _, v := range r.Verdicts() {
		out.Verdicts = append(out.Verdicts, Verdict{string(v.Link), verdictText(v.Verdict), v.Ready, v.Reasons})
	}
	for _, s := range r.Scopes {
		j := Scope{Account: string(s.Scope.Account), Name: r.Accounts[s.Scope.Account], Region: string(s.Scope.Region), At: s.At}
		if s.Err != nil {
			j.Error = s.Err.Error()
		}
		out.Scopes = append(out.Scopes, j)
	}
	if r.Final != nil {
		for _, q := range r.Final.Quotas {
			out.Quotas = append(out.Quotas, Quota(q))
		}
	}
	return encode(w, out)
}

// encode writes indented JSON that is safe to print too: what encoding/json leaves of control and direction-changing characters, those above
// ASCII, can only stand within strings, where their escapes mean the same.
func encode(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, plainJSON(b.String()))
	return err
}

func plainJSON(s string) string {
	hidden := func(r rune) bool { return r >= 0x7f && unprintable(r) }
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if !hidden(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

func planOf(p *plan.Plan) *Plan {
	if p == nil {
		return nil
	}
	out := &Plan{FormatVersion: FormatVersion, Peerings: []Peering{}, Actions: []Action{}, Drift: []Drift{}, Problems: []Problem{}}
	out.Summary.Add, out.Summary.Change, out.Summary.Delete = p.Count()
	if w := p.Withheld; w != nil {
		out.Withheld = &Withheld{len(w.Actions), w.Links, w.Limit, w.Reason}
	}
	for _, s := range p.Links {
		out.Peerings = append(out.Peerings, Peering{string(s.Name), endOf(s.Ends[0]), endOf(s.Ends[1]), string(s.Conn), string(s.Status), s.Held, s.Unknown, s.Suspended, s.Waiting, s.Leftover,
			timeText(s.Expires), s.Adopts, string(s.Ending)})
	}
	for _, a := range p.Actions {
		out.Actions = append(out.Actions, actionOf(a))
	}
	for _, d := range p.Drift {
		out.Drift = append(out.Drift, Drift{string(d.Link), string(d.Resource), string(d.Kind), d.What, d.Left})
	}
	for _, x := range p.Problems {
		out.Problems = append(out.Problems, Problem{string(x.Link), x.Code, severityText(x.Severity), x.Pos.File, x.Pos.Line, x.Pos.Col, x.Message})
	}
	for _, err := range p.Unread {
		out.Unread = append(out.Unread, err.Error())
	}
	for _, u := range p.Unmanaged {
		out.Unmanaged = append(out.Unmanaged, Unmanaged{string(u.Scope.Account), string(u.Scope.Region), string(u.Resource), u.Count})
	}
	return out
}

func endOf(e plan.LinkEnd) End {
	return End{e.Name, string(e.VPC.Account), string(e.VPC.Region), string(e.VPC.ID)}
}

func actionOf(a plan.Action) Action {
	line := a.String()
	change := map[byte]string{'+': "add", '~': "change", '-': "delete"}[line[0]]
	return Action{string(a.Link()), string(a.Scope().Account), string(a.Scope().Region), change, line, a.Reason(), a.Ready()}
}

func severityText(s plan.Severity) string {
	return [...]string{"warns", "blocks-item", "holds-side", "holds-peering"}[s]
}
