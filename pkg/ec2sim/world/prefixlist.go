package world

import (
	"net/netip"
	"slices"
	"strings"
)

// PrefixList is a managed prefix list.
type PrefixList struct {
	ID, Name, Owner, Family string // Family is IPv4 or IPv6; Owner is an account, or AWS
	Max, Version            int
	Entries                 []ListEntry
	Token                   string // the client token that made it
	Tags                    Tags
}

// ListEntry is one CIDR of a list.
type ListEntry struct {
	CIDR        netip.Prefix
	Description string
}

// NewPrefixList is what CreateManagedPrefixList is asked for.
type NewPrefixList struct {
	Name, Family, Token string
	Max                 int
	CIDRs, Descriptions []string // one description per CIDR
	Tags                Tags
}

// AddPrefixList puts a list into the world.
func (w *World) AddPrefixList(at At, l PrefixList) { w.in(at.Scope).lists[l.ID] = l }

// CreateManagedPrefixList makes a list of the caller's own (VPC User Guide, "Managed prefix lists").
func (w *World) CreateManagedPrefixList(at At, in NewPrefixList) (PrefixList, *Error) {
	r := w.in(at.Scope)
	for _, l := range r.lists {
		if in.Token != "" && l.Token == in.Token {
			return l, nil
		}
	}
	l := PrefixList{Name: in.Name, Owner: at.Account, Family: in.Family, Max: in.Max, Version: 1, Token: in.Token, Tags: in.Tags}
	switch {
	case in.Family != "IPv4" && in.Family != "IPv6":
		return l, invalid("Value (%s) for parameter addressFamily is invalid.", in.Family)
	case in.Max < 1 || len(in.CIDRs) > in.Max:
		return l, invalid("Value (%d) for parameter maxEntries is invalid.", in.Max)
	case strings.HasPrefix(in.Name, "com.amazonaws"):
		return l, invalid("Prefix list names cannot start with com.amazonaws")
	}
	for i, text := range in.CIDRs {
		p, err := parseCIDR(text, "cidr", in.Family == "IPv6")
		if err != nil {
			return l, err
		}
		l.Entries = append(l.Entries, ListEntry{p, in.Descriptions[i]})
	}
	if err := w.CheckTags(at.Account, in.Tags); err != nil {
		return l, err
	}
	if full(len(r.lists), w.Quota(at.Account).Lists) {
		return l, refuse("PrefixListLimitExceeded", "The maximum number of prefix lists has been reached.")
	}
	l.ID = w.newID("pl")
	r.lists[l.ID] = l
	return l, nil
}

// DeleteManagedPrefixList refuses a list that a route or a rule uses, and one of Amazon's.
func (w *World) DeleteManagedPrefixList(at At, id string) (PrefixList, *Error) {
	r := w.in(at.Scope)
	l, err := get(listKind, r.lists, id)
	if err != nil {
		return l, err
	}
	if l.Owner != at.Account {
		return l, refuse("OperationNotPermitted", "User %s cannot delete prefix list %s", at.Account, id)
	}
	used := false
	for _, t := range r.tables {
		used = used || slices.ContainsFunc(t.Routes, func(x Route) bool { return x.Dest.List == id })
	}
	for _, g := range r.groups {
		used = used || slices.ContainsFunc(g.Rules, func(x Rule) bool { return x.Key.Peer.List == id })
	}
	if used {
		return l, refuse("DependencyViolation", "The prefix list '%s' is in use and cannot be deleted.", id)
	}
	delete(r.lists, id)
	return l, nil
}

// PrefixList finds one list.
func (w *World) PrefixList(at At, id string) (PrefixList, *Error) {
	return get(listKind, w.in(at.Scope).lists, id)
}

// PrefixLists lists the prefix lists of the scope. It cannot be filtered by tags (EC2 API reference, DescribeManagedPrefixLists).
func (w *World) PrefixLists(at At, q Query) ([]PrefixList, *Error) {
	return find(w, q, listing[PrefixList]{
		kind: listKind, all: sorted(w.in(at.Scope).lists),
		id: func(l PrefixList) string { return l.ID },
		fields: fields[PrefixList]{
			"owner-id":         func(l PrefixList) []string { return one(l.Owner) },
			"prefix-list-id":   func(l PrefixList) []string { return one(l.ID) },
			"prefix-list-name": func(l PrefixList) []string { return one(l.Name) },
		},
	})
}
