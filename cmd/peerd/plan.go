package main

import "github.com/spf13/cobra"

func (a *app) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [PATH]",
		Short: "Show what would be changed, and change nothing",
		Long:  "Show what would be changed, and change nothing: the same as --once --dry-run. Exit 0: nothing to change; 2: changes pending; 4: something stands in the way.",
		Example: `  peerd plan specs/                       as text
  peerd plan specs/ -o markdown           for a pull request
  peerd plan specs/ --target hub-payments one peering only
  peerd plan specs/ --explain hub-payments why, line by line`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := a.spec
			if len(args) == 1 {
				path = args[0]
			}
			if a.explain != "" {
				if a.output != "text" || len(a.targets) > 0 {
					return usageError("--explain prints text about one peering: without -o and --target")
				}
				a.targets = []string{a.explain}
			}
			if err := a.checkSource(cmd.Flags(), path); err != nil {
				return err
			}
			a.dryRun = true
			return a.pass(cmd.Context(), path)
		},
	}
	a.passFlags(cmd)
	cmd.Flags().StringVar(&a.explain, "explain", "", "plan only the peering with this `LABEL`, and say of each line which words of the spec ask for it, what was seen, and what decided")
	_ = cmd.RegisterFlagCompletionFunc("explain", a.completeLabels) // fails only for a flag that does not exist
	return cmd
}
