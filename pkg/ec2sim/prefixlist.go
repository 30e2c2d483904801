package ec2sim

import (
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// describeManagedPrefixLists has pages of a hundred at most (EC2 API reference, DescribeManagedPrefixLists).
func describeManagedPrefixLists(f wire.Form) effect {
	in := query(f, "PrefixListId")
	p := pages(f, "prefixListSet", 100, in.IDs)
	p.least = 1
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.PrefixLists(q.at, in)
		if err != nil {
			return nil, err
		}
		return page(q, p, found, func(l world.PrefixList) string { return l.ID }, func(l world.PrefixList) []wire.Node {
			return q.listNodes(l, "create-complete")
		})
	}
}

func (q *request) listNodes(l world.PrefixList, state string) []wire.Node {
	return []wire.Node{
		wire.Text("prefixListId", l.ID), wire.Text("prefixListArn", q.arn("prefix-list", l.ID)), wire.Text("prefixListName", l.Name),
		wire.Text("addressFamily", l.Family), wire.Text("state", state), wire.Int("maxEntries", l.Max), wire.Int("version", l.Version),
		wire.Text("ownerId", l.Owner), tagSet(l.Tags),
	}
}

func getManagedPrefixListEntries(f wire.Form) effect {
	id := f.Required("PrefixListId")
	p := pages(f, "entrySet", 100, nil)
	p.least = 1
	return func(q *request) ([]wire.Node, *world.Error) {
		l, err := q.world.PrefixList(q.at, id)
		if err != nil {
			return nil, err
		}
		entries := slices.SortedFunc(slices.Values(l.Entries), func(a, b world.ListEntry) int {
			return strings.Compare(a.CIDR.String(), b.CIDR.String())
		})
		return page(q, p, entries, func(e world.ListEntry) string { return e.CIDR.String() }, func(e world.ListEntry) []wire.Node {
			return []wire.Node{wire.Text("cidr", e.CIDR.String()), wire.Opt("description", e.Description)}
		})
	}
}

func createManagedPrefixList(f wire.Form) effect {
	in := world.NewPrefixList{Name: f.Required("PrefixListName"), Family: f.Required("AddressFamily"), Token: f.Str("ClientToken")}
	if most := f.Int("MaxEntries"); most != nil {
		in.Max = *most
	}
	for _, e := range f.Subs("Entry") {
		in.CIDRs = append(in.CIDRs, e.Required("Cidr"))
		in.Descriptions = append(in.Descriptions, e.Str("Description"))
	}
	tags, bad := tagSpecifications(f, "prefix-list")
	in.Tags = tags
	return func(q *request) ([]wire.Node, *world.Error) {
		if bad != nil {
			return nil, bad
		}
		l, err := q.world.CreateManagedPrefixList(q.at, in)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Group("prefixList", q.listNodes(l, "create-in-progress")...)}, nil
	}
}

func deleteManagedPrefixList(f wire.Form) effect {
	id := f.Required("PrefixListId")
	return func(q *request) ([]wire.Node, *world.Error) {
		l, err := q.world.DeleteManagedPrefixList(q.at, id)
		if err != nil {
			return nil, err
		}
		return []wire.Node{wire.Group("prefixList", q.listNodes(l, "delete-in-progress")...)}, nil
	}
}
