package main

import (
	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the spec",
		Long: `Print the JSON Schema (draft-07) of the spec, for editors. With the YAML language server, begin a spec file with
  # yaml-language-server: $schema=./peerings.schema.json`,
		Example: "  peerd schema > peerings.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := spec.Schema()
			if err == nil {
				_, err = a.stdout.Write(text)
			}
			if err != nil {
				return exitError{reconcile.ExitFailed, err}
			}
			return nil
		},
	}
}
