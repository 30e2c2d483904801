package awsnet

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// listPrefixLists returns the prefix lists asked for that are there, with their entries.
func (r *reader) listPrefixLists(ctx context.Context) (prefixLists, *netstate.Error) {
	return r.prefixLists(ctx, r.w.PrefixLists, func(types.ManagedPrefixList) bool { return true })
}

// listsInUse returns the prefix lists that routes and rules use and nobody asked for: they count against quotas with their maximum of
// entries, and the entries of those that routes use may be longer than a route of ours; those of lists that rules use are read if asked
// for. AWS's own lists are of public addresses.
func (r *reader) listsInUse(ctx context.Context, t *result[tables], g *result[rules]) (prefixLists, *netstate.Error) {
	inTables, used := map[netstate.PrefixListID]bool{}, map[netstate.PrefixListID]bool{}
	if t, err := t.wait(); err == nil {
		for k := range t.routes {
			inTables[k.Dest.List], used[k.Dest.List] = true, true
		}
	}
	if g, err := g.wait(); err == nil {
		for k := range g.rules {
			used[k.Peer.List] = true
		}
	}
	delete(used, "")
	for _, asked := range r.w.PrefixLists {
		delete(used, asked)
	}
	return r.prefixLists(ctx, slices.Sorted(maps.Keys(used)), func(l types.ManagedPrefixList) bool {
		return (r.w.RuleLists || inTables[netstate.PrefixListID(aws.ToString(l.PrefixListId))]) && aws.ToString(l.OwnerId) != "AWS"
	})
}

type prefixLists map[netstate.PrefixListKey]netstate.PrefixList

func (r *reader) prefixLists(ctx context.Context, ids []netstate.PrefixListID, open func(types.ManagedPrefixList) bool) (prefixLists, *netstate.Error) {
	found, err := filtered(ids, func(f types.Filter) ([]types.ManagedPrefixList, *netstate.Error) {
		return r.describePrefixLists(ctx, f)
	}, "prefix-list-id")
	if err != nil {
		return nil, err
	}
	out := prefixLists{}
	for _, l := range found {
		id := netstate.PrefixListID(aws.ToString(l.PrefixListId))
		if !slices.Contains(ids, id) {
			continue
		}
		p := netstate.PrefixList{MaxEntries: int(aws.ToInt32(l.MaxEntries)), V6: aws.ToString(l.AddressFamily) == "IPv6"}
		if open(l) {
			if p.Entries, err = r.prefixListEntries(ctx, id); err != nil {
				return nil, err
			}
		}
		out[netstate.PrefixListKey{Scope: r.scope, ID: id}] = p
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
