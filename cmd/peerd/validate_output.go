package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/spec"
)

// valid is the line about a spec without problems.
func (v verdict) valid() string {
	return render.Plain(fmt.Sprintf("%s: valid: %s, %s, %s", v.path,
		countOf(len(v.set.Peerings), "peering"), countOf(len(v.set.VPCs), "VPC"), countOf(len(v.set.Accounts), "account")))
}

func countOf(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Validation is the outcome of peerd validate as JSON; see deploy/schema/validate.schema.json.
type Validation struct {
	FormatVersion string            `json:"formatVersion"`
	Valid         bool              `json:"valid"`
	Problems      []Complaint       `json:"problems"`
	Summary       ValidationSummary `json:"summary"`
}

// Complaint is one problem and where it is; lines and columns count from 1.
type Complaint struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

// ValidationSummary counts what was checked; accounts, VPCs and peerings are those of the valid specs.
type ValidationSummary struct {
	Specs    int `json:"specs"`
	Invalid  int `json:"invalid"`
	Problems int `json:"problems"`
	Accounts int `json:"accounts"`
	VPCs     int `json:"vpcs"`
	Peerings int `json:"peerings"`
}

func verdictJSON(b *bytes.Buffer, verdicts []verdict) error {
	out := Validation{FormatVersion: render.FormatVersion, Problems: []Complaint{}, Summary: ValidationSummary{Specs: len(verdicts)}}
	for _, p := range problemsOf(verdicts) {
		out.Problems = append(out.Problems, Complaint{p.Pos.File, p.Pos.Line, p.Pos.Col, p.Path, p.Message})
	}
	out.Valid, out.Summary.Problems = len(out.Problems) == 0, len(out.Problems)
	for _, v := range verdicts {
		if v.set == nil {
			out.Summary.Invalid++
			continue
		}
		out.Summary.Accounts += len(v.set.Accounts)
		out.Summary.VPCs += len(v.set.VPCs)
		out.Summary.Peerings += len(v.set.Peerings)
	}
	e := json.NewEncoder(b)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// verdictGitHub writes problems as annotations of the files in a pull request (GitHub documentation, "Workflow commands for GitHub Actions").
func verdictGitHub(b *bytes.Buffer, verdicts []verdict) error {
	for _, v := range verdicts {
		for _, p := range v.problems {
			message := p.Message
			if p.Path != "" {
				message = p.Path + ": " + message
			}
			fmt.Fprintf(b, "::error file=%s,line=%d,col=%d,title=peerd::%s\n", inProperty.Replace(p.Pos.File), p.Pos.Line, p.Pos.Col, inData.Replace(message))
		}
		if v.set != nil {
			fmt.Fprintln(b, v.valid())
		}
	}
	return nil
}

// What workflow commands give a meaning to is escaped, or a name in a spec could write commands of its own.
var (
	inData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	inProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// verdictText writes a line for each problem. For a person it also shows the line in the file, with a caret below the place.
func (a *app) verdictText(b *bytes.Buffer, verdicts []verdict) error {
	p := person{shows: a.color == "always" || onTerminal(a.stdout), paints: a.painted(a.stdout), files: map[string][]string{}}
	for _, v := range verdicts {
		for _, problem := range v.problems {
			p.write(b, problem)
		}
		if v.set != nil {
			fmt.Fprintln(b, v.valid())
		}
	}
	return nil
}

func (p person) write(b *bytes.Buffer, problem spec.Problem) {
	place := render.Plain(problem.Pos.String())
	rest := strings.TrimPrefix(render.Plain(problem.String()), place)
	fmt.Fprintf(b, "%s%s\n", p.paint(bold, place), rest)
	if p.shows {
		p.excerpt(b, problem.Pos)
	}
}
