package main

import "github.com/spf13/cobra"

func (a *app) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [PATH]",
		Short: "Show what would be changed, and change nothing",
		Long:  "Show what would be changed, and change nothing: the same as --once --dry-run. Exit 0: nothing to change; 2: changes pending; 4: something stands in the way.",
		Example: `  peerd plan specs/                       as text
  peerd plan specs/ -o markdown           for a pull request
  peerd plan specs/ --target hub-payments one peering only`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := a.spec
			if len(args) == 1 {
				path = args[0]
			}
			if err := a.checkSource(cmd.Flags(), path); err != nil {
				return err
			}
			return a.pass(cmd.Context(), path, true)
		},
	}
	a.passFlags(cmd)
	return cmd
}
