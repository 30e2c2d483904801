package world

import "strings"

// NewConnection is what CreateVpcPeeringConnection is asked for.
type NewConnection struct {
	VPC, PeerVPC, PeerOwner, PeerRegion string
	Tags                                Tags
}

// CreateVpcPeeringConnection opens a request. What is wrong with the other side does not fail the call: the request itself
// turns failed (VPC Peering Guide, "VPC peering connection lifecycle"). Asking again in the same direction while the first is
// alive answers with the first; asking in the reverse direction opens another, which cannot be accepted.
func (w *World) CreateVpcPeeringConnection(at At, in NewConnection) (ConnectionView, *Error) {
	ends, err := w.ends(at, in)
	if err != nil {
		return ConnectionView{}, err
	}
	if err := w.CheckTags(at.Account, in.Tags); err != nil {
		return ConnectionView{}, err
	}
	for c := range w.touching(ends[Requester]) {
		if c.Ends == ends && c.Status(at.Now).Living() {
			return w.view(at, w.again(c, in.Tags)), nil
		}
	}
	if err := w.mayRequest(at, ends[Requester]); err != nil {
		return ConnectionView{}, err
	}
	c := w.request(at, ends)
	c.Tags[Requester] = in.Tags
	w.put(c.copy())
	if w.Switches.JumpToActive {
		return w.view(at, c), nil
	}
	c.Pinned = Initiating // the answer shows the first state, however short it is
	return w.view(at, c), nil
}

func (w *World) ends(at At, in NewConnection) ([2]End, *Error) {
	ends := [2]End{{at.Scope, in.VPC}, {Scope{or(in.PeerOwner, at.Account), or(in.PeerRegion, at.Region)}, in.PeerVPC}}
	if _, err := get(vpcKind, w.in(at.Scope).vpcs, in.VPC); err != nil {
		return ends, err
	}
	if in.PeerVPC == "" {
		return ends, missing("peerVpcId")
	}
	if err := vpcKind.check(in.PeerVPC); err != nil {
		return ends, err
	}
	if ends[0] == ends[1] && w.Switches.SameVPC != "failed" {
		return ends, invalid("The requester VPC and the accepter VPC are the same: %s", in.VPC)
	}
	return ends, nil
}

// again answers a repeated request with the living connection.
func (w *World) again(c *Connection, tags Tags) *Connection {
	if w.Switches.RepeatedCreateTags == "apply" && len(tags) > 0 {
		c = c.copy()
		c.Tags[Requester] = tags
		w.put(c)
	}
	return c
}

// mayRequest checks the two limits that a new request can meet.
func (w *World) mayRequest(at At, from End) *Error {
	waiting := 0
	for _, id := range w.connsIn[at.Scope] {
		c := w.conns[id]
		if s := c.Status(at.Now); c.Ends[Requester].Scope == at.Scope && (s == Pending || s == Initiating) {
			waiting++
		}
	}
	if full(waiting, w.Quota(at.Account).Outstanding) {
		return refuse(or(w.Switches.PendingLimitCode, "OutstandingVpcPeeringConnectionLimitExceeded"), "Vpc peering connection request limit exceeded.")
	}
	if w.Switches.ActiveLimitAt == "accept" {
		return nil
	}
	return w.mayActivate(at, from)
}

// mayActivate checks the number of active peerings of a VPC against its owner's limit.
func (w *World) mayActivate(at At, e End) *Error {
	active := 0
	for c := range w.touching(e) {
		if s := c.Status(at.Now); s == Active || s == Provisioning {
			active++
		}
	}
	if full(active, w.Quota(e.Account).Peerings) {
		return refuse(or(w.Switches.ActiveLimitCode, "VpcPeeringConnectionsPerVpcLimitExceeded"), "The maximum number of VPC peering connections for %s has been reached.", e.VPC)
	}
	return nil
}

// request is a new connection with the times at which it will become pending, or failed, and be seen.
func (w *World) request(at At, ends [2]End) *Connection {
	initiating := w.Delays.Initiating
	if w.Switches.JumpToActive {
		initiating = 0
	}
	c := &Connection{ID: w.newID("pcx"), Ends: ends, Created: at.Now, Pending: at.Now.Add(initiating), Expires: at.Now.Add(waits)}
	c.Seen[Requester] = at.Now.Add(w.Delays.VisibleRequester)
	c.Seen[Accepter] = c.Pending.Add(w.Delays.Visible)
	if c.Same() {
		c.Seen[Accepter] = c.Seen[Requester]
	}
	if !w.connectable(ends) {
		c.Failed = c.Pending
	}
	return c
}

// connectable: the peer must exist, in the same partition, and no CIDR of either family may overlap, associated ones of all
// kinds included (VPC Peering Guide, "Unsupported VPC peering configurations").
func (w *World) connectable(ends [2]End) bool {
	theirs := w.prefixes(ends[Accepter])
	if w.Switches.EnforcedPeering == "failed" && w.encryption(ends[Requester]).enforced() != w.encryption(ends[Accepter]).enforced() {
		return false
	}
	return len(theirs) > 0 && Partition(ends[0].Region) == Partition(ends[1].Region) && !overlapping(w.prefixes(ends[Requester]), theirs)
}

func (w *World) encryption(e End) Encryption {
	if r := w.regions[e.Scope]; r != nil {
		return r.vpcs[e.VPC].Encryption
	}
	return Encryption{}
}

// Partition is the AWS partition a region belongs to.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// AcceptVpcPeeringConnection is for the accepter, in the accepter's region, while the request waits.
func (w *World) AcceptVpcPeeringConnection(at At, id string) (ConnectionView, *Error) {
	c, err := w.answerable(at, id, "accept")
	if err != nil {
		return ConnectionView{}, err
	}
	if s := c.Status(at.Now); s != Pending {
		return ConnectionView{}, badTransition(c, s, Provisioning)
	}
	if w.paired(at, c) {
		return ConnectionView{}, refuse("VpcPeeringConnectionAlreadyExists", "The vpc peering connection identified by %s already exists.", id)
	}
	if w.Switches.ActiveLimitAt != "create" {
		for _, e := range c.Ends {
			if err := w.mayActivate(at, e); err != nil {
				return ConnectionView{}, err
			}
		}
	}
	c.Accepted, c.Active = at.Now, at.Now.Add(w.Delays.Provisioning)
	if w.Switches.JumpToActive {
		c.Active = at.Now
	}
	w.put(c.copy())
	if !w.Switches.JumpToActive {
		c.Pinned = Provisioning // as the answer shows it, however short it is
	}
	return w.view(at, c), nil
}

// paired says whether another connection already joins the two VPCs.
func (w *World) paired(at At, c *Connection) bool {
	for o := range w.touching(c.Ends[Requester]) {
		if o.ID == c.ID || !o.joins(c.Ends[Accepter]) {
			continue
		}
		s := o.Status(at.Now)
		if s == Active || s == Provisioning || s.Living() && w.Switches.ReverseWhilePending == "refuse" {
			return true
		}
	}
	return false
}

// RejectVpcPeeringConnection is the accepter's no.
func (w *World) RejectVpcPeeringConnection(at At, id string) *Error {
	c, err := w.answerable(at, id, "reject")
	if err != nil {
		return err
	}
	if s := c.Status(at.Now); s != Pending {
		return badTransition(c, s, Rejected)
	}
	c.Rejected = at.Now
	w.put(c)
	return nil
}

// answerable finds a connection that the caller may accept or reject.
func (w *World) answerable(at At, id, verb string) (*Connection, *Error) {
	c, err := w.connection(at, id)
	if err != nil {
		return c, err
	}
	accepter := c.Ends[Accepter]
	switch {
	case accepter.Account != at.Account:
		return c, refuse("OperationNotPermitted", "User %s cannot %s peering %s", at.Account, verb, id)
	case accepter.Region != at.Region:
		must := "accepted"
		if verb == "reject" {
			must = "accepted or rejected"
		}
		return c, refuse("OperationNotPermitted", "Incorrect region (%s) specified for this request. VPC peering connection %s must be %s in region %s", at.Region, id, must, accepter.Region)
	}
	return c, nil
}

// DeleteVpcPeeringConnection is for either owner of an active connection, and for the requester of a waiting one. Routes and
// rules that use the connection stay behind.
func (w *World) DeleteVpcPeeringConnection(at At, id string) *Error {
	c, err := w.connection(at, id)
	if err != nil {
		return err
	}
	switch s := c.Status(at.Now); {
	case s == Pending && c.Ends[Requester].Account != at.Account:
		return refuse(or(w.Switches.AccepterDeletesPending, "OperationNotPermitted"), "User %s cannot delete peering %s while it is pending acceptance", at.Account, id)
	case s != Active && s != Pending:
		return badTransition(c, s, Deleting)
	}
	w.remove(at, c)
	return nil
}

// remove ends a connection. Only between regions is deleting a state of its own (VPC Peering Guide).
func (w *World) remove(at At, c *Connection) {
	c = c.copy()
	c.DeletedBy, c.Deleting, c.Deleted = at.Account, at.Now, at.Now
	if c.Ends[Requester].Region != c.Ends[Accepter].Region {
		c.Deleted = at.Now.Add(w.Delays.Deleting)
	}
	w.put(c)
}

// awaited says whether another account's request waits for this VPC's owner.
func (w *World) awaited(at At, vpc string) bool {
	e := End{at.Scope, vpc}
	for c := range w.touching(e) {
		if c.Status(at.Now) == Pending && c.Ends[Accepter] == e && c.Ends[Requester].Account != at.Account {
			return true
		}
	}
	return false
}

// closeConnections deletes what a deleted VPC leaves behind.
func (w *World) closeConnections(at At, vpc string) {
	for c := range w.touching(End{at.Scope, vpc}) {
		if c.Status(at.Now).Living() {
			w.remove(at, c)
		}
	}
}

func badTransition(c *Connection, from, to Status) *Error {
	return refuse("InvalidStateTransition", "Invalid state transition for %s, attempted to transition from %s to %s", c.ID, from, to)
}

// SetOptions is ModifyVpcPeeringConnectionOptions: each side by its own account and, between regions, from its own region;
// only on an active connection, and only if both VPCs resolve DNS (VPC Peering Guide, "Enable DNS resolution").
func (w *World) SetOptions(at At, id string, dns [2]*bool) *Error {
	c, err := w.connection(at, id)
	if err != nil {
		return err
	}
	if dns == [2]*bool{} {
		return missing("accepterPeeringConnectionOptions or requesterPeeringConnectionOptions")
	}
	if c.Status(at.Now) != Active {
		return refuse("OperationNotPermitted", "Peering %s is not active. Peering options can be added only to active peerings.", id)
	}
	for side, on := range dns {
		if on == nil {
			continue
		}
		if c.Ends[side].Scope != at.Scope {
			return refuse("OperationNotPermitted", "User %s does not have permission to modify the %s side peering options", at.Account, Side(side))
		}
		if *on && !w.resolving(c) {
			return refuse("InvalidVpcPeeringConnectionState.DnsHostnamesDisabled", "To enable DNS resolution over %s, DNS hostnames and DNS support must be enabled for both VPCs.", id)
		}
	}
	for side, on := range dns {
		if on != nil {
			c.DNS[side] = Option{Value: *on, Before: c.DNS[side].At(at.Now), Since: at.Now.Add(w.Delays.Options)}
		}
	}
	w.put(c)
	return nil
}

func (w *World) resolving(c *Connection) bool {
	for _, e := range c.Ends {
		r := w.regions[e.Scope]
		if r == nil || !r.vpcs[e.VPC].DNSSupport || !r.vpcs[e.VPC].DNSHostnames {
			return false
		}
	}
	return true
}
