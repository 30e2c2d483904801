package netstate

import (
	"maps"
	"time"
)

// Observed is one look at the world. It is immutable once returned: change a Clone.
type Observed struct {
	At          time.Time // the only "now" that the pure core knows
	VPCs        map[VPC]Facts
	Subnets     map[SubnetKey]Subnet
	Tables      map[TableKey]Table
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
		At: at, VPCs: map[VPC]Facts{}, Subnets: map[SubnetKey]Subnet{}, Tables: map[TableKey]Table{}, Groups: map[GroupKey]Group{},
		PrefixLists: map[PrefixListKey]PrefixList{}, Connections: map[ConnID]Connection{}, Routes: map[RouteKey]Route{},
		Rules: map[RuleKey]Rule{}, Unread: map[Scope]map[Listing]*Error{},
	}
}

// Clone returns a copy whose maps can be changed without changing o. Values are shared: they are never changed in place.
func (o *Observed) Clone() *Observed {
	c := *o
	c.VPCs, c.Subnets, c.Tables = maps.Clone(o.VPCs), maps.Clone(o.Subnets), maps.Clone(o.Tables)
	c.Groups, c.PrefixLists = maps.Clone(o.Groups), maps.Clone(o.PrefixLists)
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
