package world

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Side is one of the two ends of a connection.
type Side int

// The two sides.
const (
	Requester Side = 0
	Accepter  Side = 1
)

// String is the side's name.
func (s Side) String() string { return [2]string{"requester", "accepter"}[s] }

// Connection is a VPC peering connection: what was asked and when what happened to it. Everything else follows.
type Connection struct {
	ID   string
	Ends [2]End
	Tags [2]Tags   // per account and region; where both ends share a scope, only the first counts
	DNS  [2]Option // AllowDnsResolutionFromRemoteVpc of each side
	Seen [2]time.Time

	Created, Pending, Expires          time.Time
	Accepted, Active, Rejected, Failed time.Time
	Deleting, Deleted                  time.Time
	DeletedBy                          string
	Pinned                             Status // a status that a world file fixed for good
	Message                            string // a status message that a world file fixed
}

// Option is a boolean that reads back a while after it was set.
type Option struct {
	Value, Before bool
	Since         time.Time
}

// At is the value as it reads now.
func (o Option) At(now time.Time) bool {
	if now.Before(o.Since) {
		return o.Before
	}
	return o.Value
}

// Same says whether both ends lie in one account and region, and so share one view.
func (c *Connection) Same() bool { return c.Ends[Requester].Scope == c.Ends[Accepter].Scope }

// Sides lists the sides that a scope holds.
func (c *Connection) Sides(s Scope) []Side {
	var out []Side
	for _, side := range []Side{Requester, Accepter} {
		if c.Ends[side].Scope == s {
			out = append(out, side)
		}
	}
	return out
}

func (c *Connection) joins(e End) bool { return c.Ends[Requester] == e || c.Ends[Accepter] == e }

func (c *Connection) other(e End) End {
	if c.Ends[Requester] == e {
		return c.Ends[Accepter]
	}
	return c.Ends[Requester]
}

// tagSide is where the tags of a side are kept.
func (w *World) tagSide(c *Connection, side Side) Side {
	if c.Same() || w.Switches.SharedTags {
		return Requester
	}
	return side
}

// visibleIn says whether a scope sees the connection.
func (c *Connection) visibleIn(at At) bool {
	return slices.ContainsFunc(c.Sides(at.Scope), func(s Side) bool { return c.VisibleTo(s, at.Now) })
}

// connection finds a connection that the caller's scope sees. It is a copy, to be changed and put back.
func (w *World) connection(at At, id string) (*Connection, *Error) {
	if err := connKind.check(id); err != nil {
		return nil, err
	}
	c, ok := w.conns[id]
	if !ok || !c.visibleIn(at) {
		return nil, w.connectionGone(id)
	}
	return c.copy(), nil
}

// copy is a connection to change: stored ones are shared with clones of the world and never edited.
func (c *Connection) copy() *Connection {
	next := *c
	return &next
}

// connectionGone is spelled …ID.NotFound by EC2, and …Id.NotFound by some emulators.
func (w *World) connectionGone(id string) *Error {
	err := connKind.gone(id)
	if w.Switches.NotFoundSpelling == "Id" {
		err.Code = strings.Replace(err.Code, "ID.", "Id.", 1)
	}
	return err
}

// put stores a connection and indexes a new one.
func (w *World) put(c *Connection) {
	if _, known := w.conns[c.ID]; !known {
		for _, side := range []Side{Requester, Accepter} {
			e := c.Ends[side]
			w.connsOf[e] = append(w.connsOf[e], c.ID)
			if side == Requester || !c.Same() {
				w.connsIn[e.Scope] = append(w.connsIn[e.Scope], c.ID)
				w.in(e.Scope)
			}
		}
	}
	w.conns[c.ID] = c
}

// touching lists the connections of a VPC, oldest first, to be read only.
func (w *World) touching(e End) iter.Seq[*Connection] {
	return func(yield func(*Connection) bool) {
		for _, id := range w.connsOf[e] {
			if !yield(w.conns[id]) {
				return
			}
		}
	}
}

// prefixes are all CIDRs of an end; none if there is no such VPC.
func (w *World) prefixes(e End) []netip.Prefix {
	if r := w.regions[e.Scope]; r != nil {
		return r.vpcs[e.VPC].all()
	}
	return nil
}

// connectionTags gives CreateTags the tags of the caller's own view.
func (w *World) connectionTags(at At, id string) (Tags, func(Tags), *Error) {
	c, err := w.connection(at, id)
	if err != nil {
		return nil, nil, err
	}
	side := w.tagSide(c, c.Sides(at.Scope)[0])
	return c.Tags[side], func(t Tags) {
		c := w.conns[id].copy()
		c.Tags[side] = t
		w.put(c)
	}, nil
}

// ConnectionView is a connection as one scope sees it at one instant.
type ConnectionView struct {
	ID      string
	Status  Status
	Message string
	Expires time.Time // zero once answered
	Tags    Tags
	Sides   [2]SideView
}

// SideView is what a view shows of one side.
type SideView struct {
	End
	CIDR        string // IPv4, the primary one
	CIDRs, IPv6 []string
	DNS         *bool // nil: not shown
}

// view shows a connection the way EC2 does: CIDRs fully only when active, options only when active and of sides the caller
// owns, the expiration only while the request waits (EC2 API reference, VpcPeeringConnection).
func (w *World) view(at At, c *Connection) ConnectionView {
	side := c.Sides(at.Scope)[0]
	v := ConnectionView{ID: c.ID, Status: c.Status(at.Now), Message: w.reason(at, c), Tags: c.Tags[w.tagSide(c, side)]}
	if v.Status == Pending || v.Status == Initiating {
		v.Expires = c.Expires
	}
	for _, s := range []Side{Requester, Accepter} {
		v.Sides[s] = w.sideView(at, c, s, v.Status)
	}
	return v
}

// reason leaves out the texts that nobody has written down, where a switch says so; the model does not require any.
func (w *World) reason(at At, c *Connection) string {
	switch c.Status(at.Now) {
	case Rejected, Expired, Deleting, Deleted:
		if w.Switches.StatusMessages == "omit" {
			return ""
		}
	}
	return c.Reason(at.Now)
}

func (w *World) sideView(at At, c *Connection, side Side, status Status) SideView {
	e := c.Ends[side]
	v := SideView{End: e}
	answered := status == Active || status == Provisioning
	if waiting := status == Pending || status == Initiating; answered || waiting && side == Requester {
		if v4 := (VPC{Blocks: w.blocks(e)}).Prefixes(false); len(v4) > 0 {
			v.CIDR = v4[0].String()
		}
	}
	if answered {
		vpc := VPC{Blocks: w.blocks(e)}
		v.CIDRs, v.IPv6 = texts(vpc.Prefixes(false)), texts(vpc.Prefixes(true))
	}
	shown := e.Account == at.Account || w.Switches.CrossAccountOptions == "show"
	if status == Active && shown || w.Switches.AlwaysOptions {
		on := c.DNS[side].At(at.Now)
		v.DNS = &on
	}
	return v
}

func (w *World) blocks(e End) []Block {
	if r := w.regions[e.Scope]; r != nil {
		return r.vpcs[e.VPC].Blocks
	}
	return nil
}

// connectionsIn lists what the caller's scope sees, by id.
func (w *World) connectionsIn(at At) []ConnectionView {
	var out []ConnectionView
	for _, id := range w.connsIn[at.Scope] {
		if c := w.conns[id]; c.visibleIn(at) {
			out = append(out, w.view(at, c))
		}
	}
	slices.SortFunc(out, func(a, b ConnectionView) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// ofShared shows a participant the connections of a shared VPC: as the owner sees them, without tags and options. One of which the
// participant owns the other end is shown as that, once it is.
func (w *World) ofShared(at At) func(At, VPC) []ConnectionView {
	return func(o At, shared VPC) []ConnectionView {
		var out []ConnectionView
		for c := range w.touching(End{o.Scope, shared.ID}) {
			if !c.visibleIn(o) || len(c.Sides(at.Scope)) > 0 {
				continue
			}
			v := w.view(o, c)
			v.Tags, v.Sides[Requester].DNS, v.Sides[Accepter].DNS = nil, nil, nil
			out = append(out, v)
		}
		return out
	}
}

// Connections answers DescribeVpcPeeringConnections.
func (w *World) Connections(at At, q Query) ([]ConnectionView, *Error) {
	id := func(v ConnectionView) string { return v.ID }
	all := slices.CompactFunc(described(w, at, w.connectionsIn(at), w.ofShared(at), id), func(a, b ConnectionView) bool { return a.ID == b.ID })
	for _, want := range q.IDs {
		if err := connKind.check(want); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(v ConnectionView) bool { return v.ID == want }) {
			return nil, w.connectionGone(want)
		}
	}
	return find(w, q, listing[ConnectionView]{
		kind: connKind, all: all, id: id, tags: func(v ConnectionView) Tags { return v.Tags },
		fields: connectionFields,
	})
}

var connectionFields = fields[ConnectionView]{
	"vpc-peering-connection-id":     func(v ConnectionView) []string { return one(v.ID) },
	"status-code":                   func(v ConnectionView) []string { return one(string(v.Status)) },
	"status-message":                func(v ConnectionView) []string { return one(v.Message) },
	"requester-vpc-info.vpc-id":     func(v ConnectionView) []string { return one(v.Sides[Requester].VPC) },
	"requester-vpc-info.owner-id":   func(v ConnectionView) []string { return one(v.Sides[Requester].Account) },
	"requester-vpc-info.cidr-block": func(v ConnectionView) []string { return one(v.Sides[Requester].CIDR) },
	"accepter-vpc-info.vpc-id":      func(v ConnectionView) []string { return one(v.Sides[Accepter].VPC) },
	"accepter-vpc-info.owner-id":    func(v ConnectionView) []string { return one(v.Sides[Accepter].Account) },
	"accepter-vpc-info.cidr-block":  func(v ConnectionView) []string { return one(v.Sides[Accepter].CIDR) },
	"expiration-time": func(v ConnectionView) []string {
		if v.Expires.IsZero() {
			return nil
		}
		return one(v.Expires.UTC().Format("2006-01-02T15:04:05.000Z"))
	},
}
