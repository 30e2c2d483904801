package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate PATH…",
		Short: "Check spec files offline",
		Long:  "Check spec files offline, each PATH as a spec of its own. Every problem is printed as file:line:col: path: message. Exit 0: valid; 3: not.",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			bad := false
			for _, path := range args {
				set, err := loadSpec(path)
				if err != nil {
					bad = true
					fmt.Fprintln(a.stdout, err)
					continue
				}
				fmt.Fprintf(a.stdout, "%s: valid: %d peerings, %d VPCs, %d accounts\n", path, len(set.Peerings), len(set.VPCs), len(set.Accounts))
			}
			if bad {
				return exitError{reconcile.ExitSpec, errors.New("not valid")}
			}
			return nil
		},
	}
}

func loadSpec(path string) (*spec.Set, error) {
	files, dir, err := specFiles(path)
	if err != nil {
		return nil, err
	}
	return spec.Load(files, dir)
}
