package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

func (a *app) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate [PATH…]",
		Short: "Check spec files offline",
		Long: `Check spec files offline, each PATH as a spec of its own; without one, that of --spec. Every problem is printed as
file:line:col: path: message. Exit 0: all are valid; 3: not.`,
		Example: `  peerd validate specs/               what is wrong, with the lines on a terminal
  peerd validate specs/ -o github     as annotations of a pull request
  peerd validate a.yaml b.yaml        two specs`,
		RunE: func(_ *cobra.Command, paths []string) error {
			if len(paths) == 0 && a.spec != "" {
				paths = []string{a.spec}
			}
			return a.validate(paths)
		},
	}
	cmd.Flags().StringVar(&a.spec, "spec", "", "spec `PATH`, where none is given as an argument: a file, or a directory of *.yaml files")
	cmd.Flags().StringVarP(&a.output, "output", "o", "text", "text, json or github")
	return cmd
}

// validate checks every path before it says anything, so that the output is whole.
func (a *app) validate(paths []string) error {
	write, ok := map[string]func(*bytes.Buffer, []verdict) error{"text": a.verdictText, "json": verdictJSON, "github": verdictGitHub}[a.output]
	switch {
	case !ok:
		return usageError("-o %q: say text, json or github", a.output)
	case len(paths) == 0:
		return usageError("say what to check: peerd validate PATH…, each a file or a directory of *.yaml files")
	}
	verdicts := make([]verdict, len(paths))
	for i, path := range paths {
		verdicts[i] = check(path)
	}
	var b bytes.Buffer
	err := write(&b, verdicts)
	if err == nil {
		_, err = a.stdout.Write(b.Bytes())
	}
	if err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	if n := len(problemsOf(verdicts)); n > 0 {
		return exitError{reconcile.ExitSpec, fmt.Errorf("not valid: %s", countOf(n, "problem"))}
	}
	return nil
}

// verdict is what a path holds: a set, or problems.
type verdict struct {
	path     string
	set      *spec.Set
	problems []spec.Problem
}

func check(path string) verdict {
	if path == "-" {
		return refused(path, "standard input is not read: give a file, or a directory of *.yaml files")
	}
	set, err := loadSpec(path)
	var all *spec.Errors
	var cause *fs.PathError
	switch {
	case err == nil:
		return verdict{path: path, set: set}
	case errors.As(err, &all):
		return verdict{path: path, problems: all.Problems()}
	case errors.As(err, &cause):
		return refused(path, "cannot be read: "+cause.Err.Error())
	}
	return refused(path, err.Error())
}

// refused is the verdict on a path of which nothing can be read.
func refused(path, message string) verdict {
	return verdict{path: path, problems: []spec.Problem{{Pos: spec.Pos{File: path, Line: 1, Col: 1}, Message: message}}}
}

func problemsOf(verdicts []verdict) []spec.Problem {
	var out []spec.Problem
	for _, v := range verdicts {
		out = append(out, v.problems...)
	}
	return out
}
