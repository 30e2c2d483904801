package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
)

// toGitHub writes the plan, and what is left of it, to the step summary and its counts to the step outputs, where peerd runs in a GitHub Actions job
// (GitHub documentation, "Workflow commands for GitHub Actions").
func (a *app) toGitHub(r *reconcile.Report) error {
	if in, _ := a.env("GITHUB_ACTIONS"); in != "true" {
		return nil
	}
	var summary bytes.Buffer
	if err := errors.Join(render.PlanMarkdown(&summary, r.First), render.ReportMarkdown(&summary, r)); err != nil {
		return err
	}
	add, change, remove := r.First.Count()
	outputs := fmt.Sprintf("add=%d\nchange=%d\ndelete=%d\nproblems=%d\n", add, change, remove, len(r.First.Problems))
	if err := a.appendTo("GITHUB_STEP_SUMMARY", summary.Bytes()); err != nil {
		return err
	}
	return a.appendTo("GITHUB_OUTPUT", []byte(outputs))
}

// appendTo adds to the file that a variable names; without the variable there is nowhere to write.
func (a *app) appendTo(variable string, data []byte) error {
	path, ok := a.env(variable)
	if !ok || path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	if _, err := f.Write(data); err != nil {
		_ = f.Close() // the first failure is the one to tell
		return fmt.Errorf("%s: %w", variable, err)
	}
	return f.Close()
}
