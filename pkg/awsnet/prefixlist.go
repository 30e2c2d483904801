package awsnet

import (
	"context"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// listPrefixLists returns the prefix lists asked for that are there, with their entries.
func (r *reader) listPrefixLists(ctx context.Context) (map[netstate.PrefixListKey]netstate.PrefixList, *netstate.Error) {
	found, err := filtered(r.w.PrefixLists, func(f types.Filter) ([]types.ManagedPrefixList, *netstate.Error) {
		return r.describePrefixLists(ctx, f)
	}, "prefix-list-id")
	if err != nil {
		return nil, err
	}
	out := map[netstate.PrefixListKey]netstate.PrefixList{}
	for _, l := range found {
		id := netstate.PrefixListID(aws.ToString(l.PrefixListId))
		if !slices.Contains(r.w.PrefixLists, id) {
			continue
		}
		entries, err := r.prefixListEntries(ctx, id)
		if err != nil {
			return nil, err
		}
		out[netstate.PrefixListKey{Scope: r.scope, ID: id}] = netstate.PrefixList{MaxEntries: int(aws.ToInt32(l.MaxEntries)), Entries: entries}
	}
	return out, nil
}

func (c *client) describePrefixLists(ctx context.Context, f types.Filter) ([]types.ManagedPrefixList, *netstate.Error) {
	return list(ctx, c, "list prefix lists", pages[types.ManagedPrefixList]{
		id: func(l types.ManagedPrefixList) string { return aws.ToString(l.PrefixListId) },
		next: func(ctx context.Context, token *string) ([]types.ManagedPrefixList, *string, error) {
			in := &ec2.DescribeManagedPrefixListsInput{Filters: []types.Filter{f}, MaxResults: c.cfg.page(100), NextToken: token}
			out, err := c.read.DescribeManagedPrefixLists(ctx, in)
			if err != nil {
				return nil, nil, err
			}
			return out.PrefixLists, out.NextToken, nil
		},
	})
}

func (c *client) prefixListEntries(ctx context.Context, id netstate.PrefixListID) ([]netip.Prefix, *netstate.Error) {
	found, err := list(ctx, c, "list the entries of "+string(id), pages[types.PrefixListEntry]{
		id: func(e types.PrefixListEntry) string { return aws.ToString(e.Cidr) },
		next: func(ctx context.Context, token *string) ([]types.PrefixListEntry, *string, error) {
			in := &ec2.GetManagedPrefixListEntriesInput{PrefixListId: aws.String(string(id)), MaxResults: c.cfg.page(100), NextToken: token}
			out, err := c.read.GetManagedPrefixListEntries(ctx, in)
			if err != nil {
				return nil, nil, err
			}
			return out.Entries, out.NextToken, nil
		},
	})
	if err != nil {
		return nil, err
	}
	var all []netip.Prefix
	for _, e := range found {
		if p, err := netip.ParsePrefix(aws.ToString(e.Cidr)); err == nil {
			all = append(all, p)
		}
	}
	return netstate.SortPrefixes(all), nil
}
