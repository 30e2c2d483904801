package main

import (
	"bytes"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/iampolicy"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

func (a *app) iamPolicyCommand() *cobra.Command {
	var principals []string
	var format string // not a.output, whose default is another
	cmd := &cobra.Command{
		Use:   "iam-policy [ACCOUNT]",
		Short: "Print the least IAM permissions that a spec needs",
		Long: `Print the least IAM permissions that a spec needs, for one of its accounts by name, or for all: a policy that reads, one that
writes, and the trust policy of the roles that carry them. AWS is not asked. With --prune they allow removals too.`,
		Example: `  peerd iam-policy --spec specs/ -o terraform > peerd.tf
  peerd iam-policy --spec specs/ -o cloudformation --principal arn:aws:iam::111111111111:role/ci > peerd.yaml
  peerd iam-policy network --spec specs/ --prune | jq .accounts[0].policies.write`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.iamPolicy(args, principals, format) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return a.completeAccounts(len(args) == 0, prefix), cobra.ShellCompDirectiveNoFileComp
		},
	}
	f := cmd.Flags()
	a.specFlags(f)
	f.BoolVar(&a.prune, "prune", false, "allow what peerd does with --prune: remove what is ours and no longer in the spec")
	f.StringArrayVar(&principals, "principal", nil, "`ARN` of who may assume the roles, an IAM role or user, or an account's number; may be repeated; left out it is to be filled in")
	f.StringVarP(&format, "output", "o", "json", "json, terraform or cloudformation")
	return cmd
}

var policyFormats = map[string]func(io.Writer, iampolicy.Set) error{
	"json": iampolicy.JSON, "terraform": iampolicy.Terraform, "cloudformation": iampolicy.CloudFormation,
}

// principalForm is what a trust policy takes as an AWS principal (IAM User Guide, "AWS JSON policy elements: Principal").
var principalForm = regexp.MustCompile(`^(\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role)/[\w+=,.@/-]+))$`)

func (a *app) iamPolicy(args, principals []string, format string) error {
	write, ok := policyFormats[format]
	switch {
	case !ok:
		return usageError("-o %q: say json, terraform or cloudformation", format)
	case a.spec == "":
		return usageError("say which spec: --spec PATH")
	}
	for _, p := range principals {
		if !principalForm.MatchString(p) {
			return usageError("--principal %q: give the ARN of an IAM role or user, or an account's 12 digits", p)
		}
	}
	set, err := loadSpec(a.spec)
	if err == nil {
		set, err = set.WithOwner(netstate.OwnerID(a.owner))
	}
	if err != nil {
		return exitError{reconcile.ExitSpec, err}
	}
	policies := iampolicy.For(set, iampolicy.Options{Prune: a.prune, Principals: principals})
	if len(args) == 1 {
		if policies, ok = policies.Only(args[0]); !ok {
			return noAccount(set, args[0])
		}
	}
	var b bytes.Buffer
	if err = write(&b, policies); err == nil {
		_, err = a.stdout.Write(b.Bytes())
	}
	if err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	return nil
}

func noAccount(set *spec.Set, name string) error {
	var have []string
	for _, a := range set.Accounts {
		switch {
		case a.Managed:
			have = append(have, a.Name)
		case a.Name == name:
			return usageError("account %s is not managed: peerd never signs in there, and needs no permission", name)
		}
	}
	return usageError("the spec has no account %s; it has %s", name, strings.Join(have, ", "))
}

// completeAccounts offers the managed accounts of the spec that the command line names so far.
func (a *app) completeAccounts(wanted bool, prefix string) []string {
	set, err := loadSpec(a.spec)
	if err != nil || !wanted {
		return nil
	}
	var out []string
	for _, account := range set.Accounts {
		if account.Managed && strings.HasPrefix(account.Name, prefix) {
			out = append(out, account.Name)
		}
	}
	return out
}
