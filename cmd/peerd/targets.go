package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// links turns --target labels into links, each of which the spec must have.
func (a *app) links(set *spec.Set) ([]netstate.Link, error) {
	var out []netstate.Link
	for _, label := range a.targets {
		if set.Peering(netstate.Link(label)) == nil {
			return nil, usageError("--target %s: the spec has no peering of this name; it has %s", label, someLabels(set))
		}
		out = append(out, netstate.Link(label))
	}
	return out, nil
}

// someLabels names the spec's peerings, the first few if there are many.
func someLabels(set *spec.Set) string {
	const most = 10
	var names []string
	for i, p := range set.Peerings {
		if i == most {
			return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), len(set.Peerings)-most)
		}
		names = append(names, string(p.Name))
	}
	return strings.Join(names, ", ")
}

// completeLabels offers the labels of the spec that the command line names so far.
func (a *app) completeLabels(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	path := a.spec
	if len(args) > 0 {
		path = args[0]
	}
	set, err := loadSpec(path)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, p := range set.Peerings {
		if strings.HasPrefix(string(p.Name), prefix) {
			out = append(out, string(p.Name))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
