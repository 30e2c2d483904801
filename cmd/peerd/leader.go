package main

import "github.com/spf13/pflag"

// leaderOptions are how it is settled who writes.
type leaderOptions struct {
	elect bool
	lease string
}

func (o *leaderOptions) flags(f *pflag.FlagSet) {
	f.BoolVar(&o.elect, "leader-elect", false, "of several peerd, let one write: elect it on a Lease of Kubernetes; the others measure drift with the accounts' readRole")
	f.StringVar(&o.lease, "leader-elect-resource-name", "peerd", "`NAME` of the Lease, in the pod's namespace (POD_NAMESPACE)")
}

func (o *leaderOptions) check(f *pflag.FlagSet) error {
	if !o.elect && f.Changed("leader-elect-resource-name") {
		return usageError("--leader-elect-resource-name without --leader-elect: every peerd would write")
	}
	return nil
}
