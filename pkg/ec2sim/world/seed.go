package world

import (
	"slices"
	"time"
)

// AddTable puts a route table into the world; a main one takes the place of the one its VPC was born with.
func (w *World) AddTable(at At, t Table) {
	r := w.in(at.Scope)
	t.Owner = at.Account
	if t.Main() {
		for id, old := range r.tables {
			if old.VPC == t.VPC && old.Main() {
				delete(r.tables, id)
			}
		}
	}
	for i, a := range t.Associations {
		if a.ID == "" {
			t.Associations[i].ID = DerivedID("rtbassoc", t.ID, a.Subnet, a.Gateway)
		}
	}
	r.tables[t.ID] = t
}

// AddRoute puts a route of any origin and to any target into a table, unchecked. A target of a kind that is not modelled
// exists from then on.
func (w *World) AddRoute(at At, table string, route Route) {
	r := w.in(at.Scope)
	t := r.tables[table]
	t.Routes = append(slices.Clip(t.Routes), route)
	r.tables[table] = t
	if route.Target.Kind != ToPeering && !WellFormed("igw", route.Target.ID) {
		r.others[route.Target.ID] = true
	}
}

// AddTarget makes a route target exist whose kind is not modelled, such as a NAT gateway or a transit gateway.
func (w *World) AddTarget(at At, id string) { w.in(at.Scope).others[id] = true }

// AddRule puts a rule into a group, unchecked.
func (w *World) AddRule(at At, rule Rule) {
	r := w.in(at.Scope)
	g := r.groups[rule.Group]
	if p := rule.Key.Peer; p.Group != "" {
		other := w.in(Scope{p.Owner, at.Region}).groups[p.Group]
		rule.RefVPC = other.VPC
		for c := range w.touching(g.home(at.Region)) {
			if rule.RefVPC != g.VPC && c.joins(other.home(at.Region)) {
				rule.RefConn = c.ID
			}
		}
	}
	g.Rules = append(slices.Clip(g.Rules), rule)
	w.storeGroup(r, g)
}

// AddConnection puts a connection into the world as if it had just reached a status. A status on the way to another
// (initiating-request, provisioning, deleting), or one that EC2 does not have, stays for good: such a connection is stuck.
func (w *World) AddConnection(now time.Time, c Connection, status Status) {
	c.Created, c.Pending, c.Expires = now, now, now.Add(waits)
	if c.DeletedBy == "" {
		c.DeletedBy = c.Ends[Requester].Account
	}
	switch status {
	case Pending:
	case Active:
		c.Accepted, c.Active = now, now
	case Deleted:
		c.Deleting, c.Deleted = now, now
	case Rejected:
		c.Rejected = now
	case Failed:
		c.Failed = now
	case Expired:
		c.Expires = now
	default:
		c.Pinned = status
	}
	w.put(&c)
}

// Connection finds a connection by id, whoever sees it.
func (w *World) Connection(id string) (Connection, bool) {
	c, ok := w.conns[id]
	if !ok {
		return Connection{}, false
	}
	return *c, true
}
