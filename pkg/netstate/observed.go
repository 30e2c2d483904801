package netstate

import (
	"maps"
	"slices"
	"time"
)

// Observed is one look at the world. It is immutable once returned: change a Clone.
type Observed struct {
	At          time.Time // the only "now" that the pure core knows
	VPCs        map[VPC]Facts
	Subnets     map[SubnetKey]Subnet
	Tables      map[TableKey]Table
	ACLs        map[ACLKey]ACL
	Interfaces  map[InterfaceKey]Interface
	Groups      map[GroupKey]Group
	PrefixLists map[PrefixListKey]PrefixList
	Connections map[ConnID]Connection
	Routes      map[RouteKey]Route
	Rules       map[RuleKey]Rule
	Unread      map[Scope]map[Listing]*Error // what could not be read: unknown, which is not empty
}

// NewObserved returns a look that saw nothing, with every map made.
func NewObserved(at time.Time) *Observed {
	return &Observed{
		At: at, VPCs: map[VPC]Facts{}, Subnets: map[SubnetKey]Subnet{}, Tables: map[TableKey]Table{},
		ACLs: map[ACLKey]ACL{}, Interfaces: map[InterfaceKey]Interface{}, Groups: map[GroupKey]Group{},
		PrefixLists: map[PrefixListKey]PrefixList{}, Connections: map[ConnID]Connection{}, Routes: map[RouteKey]Route{},
		Rules: map[RuleKey]Rule{}, Unread: map[Scope]map[Listing]*Error{},
	}
}

// Clone returns a copy whose maps can be changed without changing o. Values are shared: they are never changed in place.
func (o *Observed) Clone() *Observed {
	c := *o
	c.VPCs, c.Subnets, c.Tables = maps.Clone(o.VPCs), maps.Clone(o.Subnets), maps.Clone(o.Tables)
	c.ACLs, c.Interfaces, c.Groups, c.PrefixLists = maps.Clone(o.ACLs), maps.Clone(o.Interfaces), maps.Clone(o.Groups), maps.Clone(o.PrefixLists)
	c.Connections, c.Routes, c.Rules = maps.Clone(o.Connections), maps.Clone(o.Routes), maps.Clone(o.Rules)
	c.Unread = make(map[Scope]map[Listing]*Error, len(o.Unread))
	for s, m := range o.Unread {
		c.Unread[s] = maps.Clone(m)
	}
	return &c
}

// Fail records that a listing of a scope could not be read.
func (o *Observed) Fail(s Scope, l Listing, err *Error) {
	if o.Unread[s] == nil {
		o.Unread[s] = map[Listing]*Error{}
	}
	o.Unread[s][l] = err
}

// Missing returns why one of the listings could not be read in the scope, in the order asked, or nil when all could.
func (o *Observed) Missing(s Scope, listings ...Listing) *Error {
	for _, l := range listings {
		if err := o.Unread[s][l]; err != nil {
			return err
		}
	}
	return nil
}

// Refresh returns o with the connections as later looks show them, each of the scope that it stands at, in the latest state that one of them
// shows. Views of scopes that were not read stay as they were. A connection that no look of its scopes lists is dropped, unless keep says that
// it was just made: a list may lag behind the call that made it. All but the connections is shared with o.
func (o *Observed) Refresh(later map[Scope]*Observed, keep map[ConnID]bool) *Observed {
	out := *o
	out.Connections = maps.Clone(o.Connections)
	read := func(s Scope) bool { return later[s] != nil && later[s].Missing(s, ListConnections) == nil }
	listed, laid := map[ConnID]bool{}, map[*Observed]bool{}
	for _, at := range slices.SortedFunc(maps.Keys(later), Scope.Compare) {
		if laid[later[at]] {
			continue // one look at several scopes
		}
		laid[later[at]] = true
		if later[at].At.After(out.At) {
			out.At = later[at].At
		}
		for id, c := range later[at].Connections {
			for _, s := range []Side{RequesterSide, AccepterSide} {
				have := out.Connections[id].Views[s]
				if !c.Views[s].Seen && have.Seen && (listed[id] || keep[id] || !read(c.VPC(s).Scope)) {
					c.Views[s] = have
				}
			}
			if other := out.Connections[id]; listed[id] && other.Status.After(c.Status) {
				c.Status, c.Message = other.Status, other.Message
			}
			out.Connections[id], listed[id] = c, true
		}
	}
	maps.DeleteFunc(out.Connections, func(id ConnID, c Connection) bool {
		return !listed[id] && !keep[id] && (read(c.Requester.Scope) || read(c.Accepter.Scope))
	})
	return &out
}

// Replace returns o with everything of some scopes, but the connections, as later looks show it: one of each scope, at nothing else where there
// are several. It costs the same for many scopes as for one.
func (o *Observed) Replace(later map[Scope]*Observed) *Observed {
	all := NewObserved(time.Time{})
	for _, l := range later {
		if l.At.After(all.At) {
			all.At = l.At
		}
		maps.Copy(all.VPCs, l.VPCs)
		maps.Copy(all.Subnets, l.Subnets)
		maps.Copy(all.Tables, l.Tables)
		maps.Copy(all.ACLs, l.ACLs)
		maps.Copy(all.Interfaces, l.Interfaces)
		maps.Copy(all.Groups, l.Groups)
		maps.Copy(all.PrefixLists, l.PrefixLists)
		maps.Copy(all.Routes, l.Routes)
		maps.Copy(all.Rules, l.Rules)
		maps.Copy(all.Unread, l.Unread)
	}
	read := func(s Scope) bool { return later[s] != nil }
	out := o.Clone()
	out.At = all.At
	replace(out.VPCs, all.VPCs, func(k VPC) bool { return read(k.Scope) })
	replace(out.Subnets, all.Subnets, func(k SubnetKey) bool { return read(k.Scope) })
	replace(out.Tables, all.Tables, func(k TableKey) bool { return read(k.Scope) })
	replace(out.ACLs, all.ACLs, func(k ACLKey) bool { return read(k.Scope) })
	replace(out.Interfaces, all.Interfaces, func(k InterfaceKey) bool { return read(k.Scope) })
	replace(out.Groups, all.Groups, func(k GroupKey) bool { return read(k.Scope) })
	replace(out.PrefixLists, all.PrefixLists, func(k PrefixListKey) bool { return read(k.Scope) })
	replace(out.Routes, all.Routes, func(k RouteKey) bool { return read(k.Scope) })
	replace(out.Rules, all.Rules, func(k RuleKey) bool { return read(k.Scope) })
	replace(out.Unread, all.Unread, read)
	return out
}

// ReplaceListed returns o with what some listings of some scopes show in a later look; of connections, only whether they could be read. It costs
// the same for many scopes as for one.
func (o *Observed) ReplaceListed(later *Observed, listed map[Scope][]Listing) *Observed {
	out := o.Clone()
	out.At = later.At
	tables, rules := map[Scope]bool{}, map[Scope]bool{}
	for s, listings := range listed {
		for _, l := range listings {
			delete(out.Unread[s], l)
			if err := later.Missing(s, l); err != nil {
				out.Fail(s, l, err)
			}
			tables[s] = tables[s] || l == ListTables
			rules[s] = rules[s] || l == ListGroups || l == ListRules // each shows groups
		}
	}
	replace(out.Tables, later.Tables, func(k TableKey) bool { return tables[k.Scope] })
	replace(out.Routes, later.Routes, func(k RouteKey) bool { return tables[k.Scope] })
	replace(out.Groups, later.Groups, func(k GroupKey) bool { return rules[k.Scope] })
	replace(out.Rules, later.Rules, func(k RuleKey) bool { return rules[k.Scope] })
	maps.Copy(out.PrefixLists, later.PrefixLists)
	return out
}

func replace[K comparable, V any](have, later map[K]V, in func(K) bool) {
	maps.DeleteFunc(have, func(k K, _ V) bool { return in(k) })
	for k, v := range later {
		if in(k) {
			have[k] = v
		}
	}
}
