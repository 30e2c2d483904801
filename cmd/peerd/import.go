package main

import (
	"cmp"
	"context"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/adopt"
	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
)

// importOptions are the flags of import alone.
type importOptions struct {
	accounts, regions         []string
	role, externalID, profile string
}

func (a *app) importCommand() *cobra.Command {
	o := importOptions{}
	cmd := &cobra.Command{
		Use:   "import --account ID --region R …",
		Short: "Print what exists in AWS as a spec that a plan answers with nothing but tags",
		Long: `Print what exists in AWS as a spec that a plan answers with nothing but tags: every active peering of the accounts and regions, with the
routes and security-group rules that belong to it. What a spec cannot say stands in comments, with the reason. Nothing is changed.

Without --role an account is read with the ambient credentials, which must belong to it. With --spec the accounts, regions, owner and names are
those of that spec. A peering with an account that is not read gets a side that is not managed.`,
		Example: `  peerd import --account network=111111111111 --account 222222222222 --region eu-west-1 --role peerd-read --owner acme > peerings.yaml
  peerd import --spec specs/   what the accounts of a spec have, with the roles that it states`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.importAll(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.accounts, "account", nil, "`[NAME=]ID` of an account to read; may be repeated")
	f.StringArrayVar(&o.regions, "region", nil, "`REGION` in which its peerings are looked for; may be repeated, and holds for every account")
	f.StringVar(&o.role, "role", "", "`NAME` or ARN of the role to assume in each --account; absent: the ambient credentials")
	f.StringVar(&o.externalID, "external-id", "", "sent when that role is assumed")
	f.StringVar(&o.profile, "profile", "", "the profile whose credentials are used")
	f.StringVar(&a.spec, "spec", "", "spec `PATH`: read every account of it, in the regions of its VPCs and of its accounts")
	f.StringVar(&a.owner, "owner", "", "the owner tag's value: what carries it is taken for what it says, and the spec states it")
	a.awsFlags(f)
	return cmd
}

// importAll reads AWS and prints the spec. Nothing is ever written to it.
func (a *app) importAll(ctx context.Context, opt importOptions) error {
	in, err := a.importInput(opt)
	if err != nil {
		return err
	}
	target := awsnet.New(awsnet.Config{Share: a.awsShare, Verify: true})
	text, err := imported(ctx, target, in)
	if err == nil {
		_, err = a.stdout.Write(text)
	}
	if err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	return nil
}

func imported(ctx context.Context, t reconcile.Target, in adopt.Input) ([]byte, error) {
	o, err := adopt.Read(in, func(l netstate.Look) (*netstate.Observed, error) { return t.Observe(ctx, l) })
	if err != nil {
		return nil, err
	}
	return adopt.Spec(o, in)
}

// importInput is what is to be read: the accounts and regions of a spec, and those of the flags.
func (a *app) importInput(opt importOptions) (adopt.Input, error) {
	in := adopt.Input{Owner: netstate.OwnerID(a.owner)}
	if err := a.checkBounds(); err != nil {
		return in, err
	}
	if a.spec != "" {
		set, err := loadSpec(a.spec)
		if err != nil {
			return in, exitError{reconcile.ExitSpec, err}
		}
		if a.owner == "" || set.Owner != "" {
			if set, err = set.WithOwner(in.Owner); err != nil {
				return in, exitError{reconcile.ExitSpec, err}
			}
			in.Owner = set.Owner
		}
		in.Accounts, in.VPCs = set.Accounts, set.VPCs
		for at := range plan.Look(set, plan.Ask{}).Scopes {
			in.Asked = append(in.Asked, at)
		}
	}
	if err := opt.add(&in); err != nil {
		return in, err
	}
	for _, account := range in.Accounts {
		account.STSRegion = cmp.Or(account.STSRegion, netstate.Region(a.stsRegion))
	}
	if len(in.Asked) == 0 {
		return in, usageError("say what to read: --account ID --region REGION, each as often as needed, or --spec PATH")
	}
	return in, nil
}

var (
	accountRegexp = regexp.MustCompile(`^(?:([a-z0-9](?:[a-z0-9._]|-[a-z0-9._])*-?)=)?([0-9]{12})$`)
	regionRegexp  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+){1,3}-[0-9]{1,2}$`)
)

// add adds the accounts and regions of the flags.
func (opt importOptions) add(in *adopt.Input) error {
	for _, r := range opt.regions {
		if !regionRegexp.MatchString(r) {
			return usageError("--region %q is not a region such as eu-west-1", r)
		}
	}
	if len(opt.accounts) > 0 && len(opt.regions) == 0 {
		return usageError("--account without --region: say where its peerings are looked for")
	}
	for _, text := range opt.accounts {
		m := accountRegexp.FindStringSubmatch(text)
		if m == nil {
			return usageError("--account %q is not an account's 12 digits, or NAME=ID", text)
		}
		id := netstate.AccountID(m[2])
		known := slices.IndexFunc(in.Accounts, func(x *spec.Account) bool { return x.ID == id })
		switch name := cmp.Or(m[1], adopt.AccountName(id)); {
		case known >= 0 && !in.Accounts[known].Managed:
			return usageError("--account %s: the spec says that it is not managed", text)
		case known < 0 && slices.ContainsFunc(in.Accounts, func(x *spec.Account) bool { return x.Name == name }):
			return usageError("--account %s: another account has that name", text)
		case known < 0:
			in.Accounts = append(in.Accounts, &spec.Account{Name: name, ID: id, Managed: true, Role: opt.role, ExternalID: opt.externalID, Profile: opt.profile})
		}
		for _, r := range opt.regions {
			if at := (netstate.Scope{Account: id, Region: netstate.Region(r)}); !slices.Contains(in.Asked, at) {
				in.Asked = append(in.Asked, at)
			}
		}
	}
	return nil
}
