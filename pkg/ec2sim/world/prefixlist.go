package world

import "net/netip"

// PrefixList is a managed prefix list.
type PrefixList struct {
	ID, Name, Owner, Family string // Family is IPv4 or IPv6; Owner is an account, or AWS
	Max, Version            int
	Entries                 []ListEntry
	Tags                    Tags
}

// ListEntry is one CIDR of a list.
type ListEntry struct {
	CIDR        netip.Prefix
	Description string
}

// AddPrefixList puts a list into the world.
func (w *World) AddPrefixList(at At, l PrefixList) {
	w.in(at.Scope).lists[l.ID] = l
}
