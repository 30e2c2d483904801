package plan

import (
	"cmp"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// claim finds the living connection of a link's pair, in either direction, and says whether it is ours. EC2 shows dead ones for hours or
// days beside a living one (VPC Peering Guide, lifecycle); they count as no connection.
func (b *builder) claim(s *state) {
	living := b.living(s.want.Pair())
	for _, c := range living {
		if !c.Status.Alive() {
			s.held = true
			b.problem(s, s.want.Pos, HoldsLink, CodeUnknownStatus, "%s is in state %q, which this peerd does not know: nothing is done about it", c.ID, c.Status)
			return
		}
	}
	if len(living) == 0 {
		b.askAgain(s)
		return
	}
	c := living[0]
	v, why := claimConnection(b.d.Owner, c, s.want.Adopt || s.asked(c))
	s.unshown = v != ours && s.unsaid(c)
	switch {
	case v == ours || v == takeable || s.unshown:
		s.conn, s.adopted = &c, v == takeable && !s.unshown
		b.checkPartner(s)
		b.checkStuck(s, c)
	default:
		s.held = true
		b.problem(s, s.want.Pos, HoldsLink, CodeForeignConn, "%s (%s) already joins %s and %s; %s", c.ID, c.Status, c.Requester, c.Accepter, why)
		b.conflict(s, ResourceConnection, string(c.ID))
	}
	for _, twin := range living[1:] {
		b.twin(s, c, twin)
	}
}

// unsaid reports whether nothing says yet whose a connection is: peerd puts its tags on the requester's view as it asks, and lists do not
// show that one yet.
func (s *state) unsaid(c netstate.Connection) bool {
	r := c.Views[netstate.RequesterSide]
	return !r.Seen && s.endOf(c.Requester).Managed && r.Owner() == "" && c.Views[netstate.AccepterSide].Owner() == ""
}

// twin deals with a second living connection of the pair, such as two requesters make at once. A request of ours that still waits carries
// nothing and goes, like all removals with --prune only; EC2 lets its requester delete it. Anything else is for people to sort out.
func (b *builder) twin(s *state, counts, twin netstate.Connection) {
	v, _ := claimConnection(b.d.Owner, twin, false)
	waits := twin.Status == netstate.Pending || twin.Status == netstate.Initiating
	if s.conn == nil || v != ours || !waits || !s.endOf(twin.Requester).Managed {
		b.problem(s, s.want.Pos, Warns, CodeTwin, "%s (%s) joins the same two VPCs as %s: delete it", twin.ID, twin.Status, counts.ID)
		return
	}
	b.remove(CloseConnection{s.head(twin.Requester.Scope, false, "a twin of "+string(counts.ID)), twin.ID, twin.Requester, twin.Accepter}, ResourceConnection, s.want.Suspended)
}

// living returns the pair's connections that are not dead, the one that counts first.
func (b *builder) living(p netstate.Pair) []netstate.Connection { return Living(b.at.pairs[p]) }

// Living returns those of a pair's connections that are not dead: the active one first, else the oldest request.
func Living(all []netstate.Connection) []netstate.Connection {
	var out []netstate.Connection
	for _, c := range all {
		if !c.Status.Dead() {
			out = append(out, c)
		}
	}
	rank := []netstate.Status{netstate.Active, netstate.Provisioning, netstate.Pending, netstate.Initiating}
	slices.SortFunc(out, func(x, y netstate.Connection) int {
		return cmp.Or(cmp.Compare(slices.Index(rank, x.Status), slices.Index(rank, y.Status)), x.Expires.Compare(y.Expires), cmp.Compare(x.ID, y.ID))
	})
	return out
}

// connectionActions brings the link's connection to life and its views' tags in order.
func (b *builder) connectionActions(s *state) {
	requester, accepter := &s.want.Ends[0], &s.want.Ends[1]
	if s.conn != nil {
		requester, accepter = s.endOf(s.conn.Requester), s.endOf(s.conn.Accepter)
	}
	switch {
	case s.conn == nil && requester.Managed:
		b.add(s, OpenConnection{s.head(requester.VPC.Scope, s.ending != "", "there is no connection of this pair"), requester.VPC, accepter.VPC,
			s.asks()}, ResourceConnection, DriftMissing)
	case s.conn == nil:
		b.drift(s.want.Name, ResourceConnection, DriftMissing, "a request from "+requester.VPC.String(), "waiting")
		s.waiting = "a request from " + requester.VPC.String()
	}
	switch {
	case s.conn == nil || s.conn.Status == netstate.Initiating || s.conn.Status == netstate.Pending:
		b.accept(s, requester, accepter)
	case s.conn.Status == netstate.Provisioning:
		b.drift(s.want.Name, ResourceConnection, DriftChanged, string(s.conn.ID)+" is provisioning", "waiting")
	}
	b.tagView(s, netstate.RequesterSide, requester)
	if requester.VPC.Scope != accepter.VPC.Scope {
		b.tagView(s, netstate.AccepterSide, accepter)
	}
}

func (b *builder) accept(s *state, requester, accepter *End) {
	if !accepter.Managed {
		s.waiting = "acceptance by " + accepter.VPC.String()
		if s.conn != nil {
			b.drift(s.want.Name, ResourceConnection, DriftChanged, string(s.conn.ID)+" is "+string(s.conn.Status), "waiting")
		}
		return
	}
	kind := DriftKind("") // of a connection that is not there yet, its absence is the drift
	if s.conn != nil {
		kind = DriftChanged
	}
	a := AcceptConnection{head: s.head(accepter.VPC.Scope, true, "the request is pending"), Requester: requester.VPC, Accepter: accepter.VPC}
	if s.conn != nil && s.conn.Status == netstate.Pending && s.conn.Views[netstate.AccepterSide].Seen {
		// What is taken over is marked before it is accepted: nothing else would show the next pass that peerd took it.
		a.Conn, a.Waits = s.conn.ID, s.unshown || s.adopted
	}
	b.add(s, a, ResourceConnection, kind)
}

// tagView tags what one view lacks. Name is given only where peerd first marks a view of its own making.
func (b *builder) tagView(s *state, side netstate.Side, e *End) {
	if !e.Managed {
		return
	}
	a := TagConnection{head: s.head(e.VPC.Scope, true, "tags are kept per account and region"), Side: side, Tags: s.marked(withName(s.want)), New: true}
	if s.conn != nil {
		a.Conn = s.conn.ID
	}
	switch {
	case (s.conn == nil || s.unshown) && side == netstate.RequesterSide:
		return // tagged in the creating call
	case s.conn != nil && s.conn.Views[side].Seen:
		view := s.conn.Views[side]
		asked := s.unshown || s.conn.Views[netstate.RequesterSide].Tags[netstate.TagTry] != "" // by a peerd, perhaps one that was stopped since
		if s.adopted || !asked || view.Owner() != "" || view.Tags[netstate.TagName] != "" || side == netstate.RequesterSide {
			a.Tags = s.marked(s.want.Tags)
		}
		if view.Tags[netstate.TagEntry] == netstate.Leaving { // wanted again before its removal was finished
			a.Tags = a.Tags.With(netstate.Tags{netstate.TagEntry: s.want.entry.Digest()})
		}
		a.Tags = view.Tags.Missing(a.Tags)
		a.Waits, a.New, a.Takes, a.Why = s.unshown, view.Owner() == "" && !s.adopted, s.adopted, "the view lacks them"
	}
	switch {
	case len(a.Tags) == 0:
	case a.Waits && !s.active(): // before, a view that is not there yet is no difference of its own
		b.add(s, a, ResourceTags, "")
	default:
		b.add(s, a, ResourceTags, DriftMissing)
	}
}

// withName adds the Name that a connection gets at its creation, unless the spec states one.
func withName(l *DesiredLink) netstate.Tags {
	return netstate.Tags{netstate.TagName: string(l.Name)}.With(l.Tags)
}

// marked adds the entry's digest where the other side is not ours: only there a connection may come to an end that is not ours to mend
// before the entry changes, so only there the tag is kept up to date.
func (s *state) marked(t netstate.Tags) netstate.Tags {
	if s.want.Ends[0].Managed && s.want.Ends[1].Managed {
		return t
	}
	return t.With(netstate.Tags{netstate.TagEntry: s.want.entry.Digest()})
}

func (s *state) endOf(v netstate.VPC) *End {
	if s.want.Ends[1].VPC == v {
		return &s.want.Ends[1]
	}
	return &s.want.Ends[0]
}

// optionActions compares the DNS option of one end. The option follows the VPC, whichever side it is of the live connection; on a new
// connection it is off (VPC Peering Guide, DNS resolution), so "off" asks for nothing before the connection is active. An active one that
// does not show the option is unknown, which is neither on nor off: it is set, which changes nothing if it was so, and an API that never
// shows options is never in sync.
func (b *builder) optionActions(s *state, e *End) {
	if !e.Managed || e.Held || e.DNS == netstate.Unknown {
		return
	}
	side, now := netstate.Side(slices.IndexFunc(s.want.Ends[:], func(x End) bool { return x.VPC == e.VPC })), netstate.Unknown
	if s.conn != nil {
		side = s.conn.SideOf(e.VPC)
		now = s.conn.Views[side].DNS
	}
	if now == e.DNS || now == netstate.Unknown && e.DNS == netstate.No && !s.active() {
		return
	}
	if off := b.dnsOff(s); e.DNS == netstate.Yes && off != "" {
		b.item(s, e.Pos, CodeDNSOff, "DNS resolution needs DNS support and hostnames on in both VPCs, and %s has them off: turn them on with ModifyVpcAttribute", off)
		b.conflict(s, ResourceOptions, "dns for "+string(e.VPC.ID))
		return
	}
	b.add(s, SetOptions{s.head(e.VPC.Scope, !s.active(), "dns is "+now.String()), s.activeID(), side, e.VPC, e.DNS == netstate.Yes, !s.active()}, ResourceOptions, DriftChanged)
}

// dnsOff names an end whose DNS attributes are known to be off.
func (b *builder) dnsOff(s *state) string {
	for _, e := range s.want.Ends {
		f := b.o.VPCs[e.VPC]
		if e.Managed && (f.DNSSupport == netstate.No || f.DNSHostnames == netstate.No) {
			return e.VPC.String()
		}
	}
	return ""
}
