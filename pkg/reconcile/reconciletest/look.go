package reconciletest

import (
	"net/netip"
	"slices"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
)

// reader shows one scope of a look. Nothing is shown that was not asked for.
type reader struct {
	*Target
	o     *netstate.Observed
	look  netstate.Look
	scope netstate.Scope
	ask   netstate.ScopeLook
}

// read lays what one scope shows into a look.
func (t *Target) read(o *netstate.Observed, l netstate.Look, s netstate.Scope) {
	r := &reader{t, o, l, s, l.Scopes[s]}
	r.connections()
	if l.ConnectionsOnly {
		return
	}
	r.vpcs()
	r.dns()
	r.subnets()
	r.tables()
	r.acls()
	r.groups()
	r.rules()
	r.prefixLists()
}

// list returns the world that a listing is read from, or false when it cannot be read, which is noted.
func (r *reader) list(l netstate.Listing) (*world, bool) {
	w, err := r.open(l)
	if err != nil {
		return nil, r.unread(l, err)
	}
	return w, true
}

func (r *reader) open(l netstate.Listing) (*world, *netstate.Error) {
	if _, ok := r.look.Access[r.scope.Account]; !ok {
		return nil, &netstate.Error{Op: "open a session", Scope: r.scope, Kind: netstate.Denied, Message: "no access to this account is configured"}
	}
	if err := r.world.Missing(r.scope, l); err != nil {
		return nil, err
	}
	if r.Refuse != nil {
		if err := r.Refuse(r.scope, l); err != nil {
			return nil, err
		}
	}
	if r.Ago == nil {
		return r.world, nil
	}
	return r.asOf(r.Ago(r.scope, l)), nil
}

func (r *reader) unread(l netstate.Listing, err *netstate.Error) bool {
	r.o.Fail(r.scope, l, err)
	return false
}

// connections shows every connection that the scope sees: of each side that is its own the view, of the other the option if that is of the
// same account. Options are shown of active connections only.
func (r *reader) connections() {
	w, ok := r.list(netstate.ListConnections)
	if !ok {
		return
	}
	now := time.Now()
	for id, c := range w.Connections {
		shown, known := r.o.Connections[id]
		if !known || later(c.Status, shown.Status) {
			views := shown.Views
			shown = c
			shown.Views = views
			shown.Shows = [2][]netip.Prefix{w.brings(c, netstate.RequesterSide), w.brings(c, netstate.AccepterSide)}
			if c.Status != netstate.Initiating && c.Status != netstate.Pending {
				shown.Expires = time.Time{}
			}
		}
		if r.views(w, c, &shown, now) {
			r.o.Connections[id] = shown
		}
	}
}

// order is that of a connection's life: it never goes back, so of two scopes that show different states the later one is right.
var order = []netstate.Status{netstate.Initiating, netstate.Pending, netstate.Provisioning, netstate.Active, netstate.Deleting}

func later(a, b netstate.Status) bool { return rank(a) > rank(b) }

func rank(s netstate.Status) int {
	if i := slices.Index(order, s); i >= 0 {
		return i
	}
	return len(order)
}

// views lays the views that the scope sees of a connection over what is shown of it already, and reports whether there are any.
func (r *reader) views(w *world, c netstate.Connection, shown *netstate.Connection, now time.Time) (any bool) {
	for i, v := range c.Views {
		if c.VPC(netstate.Side(i)).Scope == r.scope && w.sees(c, netstate.Side(i), now) {
			any = true
			shown.Views[i].Seen, shown.Views[i].Tags = true, v.Tags
		}
	}
	for i, v := range c.Views {
		if any && c.Status == netstate.Active && c.VPC(netstate.Side(i)).Account == r.scope.Account {
			shown.Views[i].DNS = v.DNS
		}
	}
	return any
}

// vpcs shows the VPCs that are selected.
func (r *reader) vpcs() {
	if len(r.ask.VPCs) == 0 {
		return
	}
	w, ok := r.list(netstate.ListVPCs)
	if !ok {
		return
	}
	for v, f := range w.VPCs {
		if v.Scope == r.scope && means(r.ask.VPCs, v.ID, f.Tags) {
			f.DNSSupport, f.DNSHostnames = netstate.Unknown, netstate.Unknown
			r.o.VPCs[v] = f
		}
	}
}

func (r *reader) dns() {
	if len(r.ask.DNS) == 0 {
		return
	}
	if _, ok := r.selected(netstate.ListDNS, r.ask.DNS); !ok {
		return
	}
	w, ok := r.list(netstate.ListDNS)
	if !ok {
		return
	}
	for v, f := range r.o.VPCs {
		if v.Scope == r.scope && means(r.ask.DNS, v.ID, f.Tags) {
			f.DNSSupport, f.DNSHostnames = w.VPCs[v].DNSSupport, w.VPCs[v].DNSHostnames
			r.o.VPCs[v] = f
		}
	}
}

// selected returns the ids of the VPCs that selectors mean, and notes a listing as unread that needs those of the VPCs: where one is selected
// by tags.
func (r *reader) selected(l netstate.Listing, by []netstate.VPCSelector) (map[netstate.VPCID]bool, bool) {
	if err := r.o.Missing(r.scope, netstate.ListVPCs); err != nil && tagged(by) {
		return nil, r.unread(l, err)
	}
	out := map[netstate.VPCID]bool{}
	for _, s := range by {
		if s.ID != "" {
			out[s.ID] = true
		}
	}
	for v, f := range r.o.VPCs {
		if v.Scope == r.scope && means(by, v.ID, f.Tags) {
			out[v.ID] = true
		}
	}
	return out, true
}

func tagged(by []netstate.VPCSelector) bool {
	return slices.ContainsFunc(by, func(s netstate.VPCSelector) bool { return s.ID == "" })
}

func means(by []netstate.VPCSelector, id netstate.VPCID, tags netstate.Tags) bool {
	return slices.ContainsFunc(by, func(s netstate.VPCSelector) bool { return s.Match(id, tags) })
}

func (r *reader) subnets() {
	if !r.ask.Subnets || len(r.ask.VPCs) == 0 {
		return
	}
	in, ok := r.selected(netstate.ListSubnets, r.ask.VPCs)
	if !ok {
		return
	}
	if w, ok := r.list(netstate.ListSubnets); ok {
		for k, s := range w.Subnets {
			if k.Scope == r.scope && in[s.VPC] {
				r.o.Subnets[k] = s
			}
		}
	}
}

func (r *reader) acls() {
	if !r.ask.ACLs || len(r.ask.VPCs) == 0 {
		return
	}
	in, ok := r.selected(netstate.ListACLs, r.ask.VPCs)
	if !ok {
		return
	}
	if w, ok := r.list(netstate.ListACLs); ok {
		for k, a := range w.ACLs {
			if k.Scope == r.scope && in[a.VPC] {
				r.o.ACLs[k] = a
			}
		}
	}
}

func (r *reader) tables() {
	if !r.ask.Tables || len(r.ask.VPCs) == 0 {
		return
	}
	in, ok := r.selected(netstate.ListTables, r.ask.VPCs)
	if !ok {
		return
	}
	w, ok := r.list(netstate.ListTables)
	if !ok {
		return
	}
	for k, t := range w.Tables {
		if k.Scope != r.scope || !in[t.VPC] {
			continue
		}
		r.o.Tables[k] = t
		for d, route := range w.local(k.Scope, t) {
			r.o.Routes[netstate.RouteKey{Scope: k.Scope, Table: k.ID, Dest: d}] = route
		}
	}
	for k, route := range w.Routes {
		if _, shown := r.o.Tables[netstate.TableKey{Scope: k.Scope, ID: k.Table}]; shown && k.Scope == r.scope {
			route.State = w.stateOf(route)
			r.o.Routes[k] = route
		}
	}
}

// groups shows the groups that are asked for. One whose VPC is selected by tags and not found may be in another account's: then in whichever.
func (r *reader) groups() {
	if len(r.ask.Groups) == 0 {
		return
	}
	if err := r.o.Missing(r.scope, netstate.ListVPCs); err != nil && slices.ContainsFunc(r.ask.Groups, func(a netstate.GroupAsk) bool { return a.VPC.ID == "" }) {
		r.unread(netstate.ListGroups, err)
		return
	}
	w, ok := r.list(netstate.ListGroups)
	if !ok {
		return
	}
	for k, g := range w.Groups {
		if k.Scope == r.scope && slices.ContainsFunc(r.ask.Groups, func(a netstate.GroupAsk) bool { return r.asked(a, k.ID, g) }) {
			r.o.Groups[k] = g
		}
	}
}

func (r *reader) asked(a netstate.GroupAsk, id netstate.GroupID, g netstate.Group) bool {
	if a.All {
		return a.VPC.ID == g.VPC
	}
	if !a.Group.Match(id, g) {
		return false
	}
	in, _ := r.selected(netstate.ListGroups, []netstate.VPCSelector{a.VPC})
	return len(in) == 0 || in[g.VPC]
}

// rules shows those of the groups asked for, and those that carry the owner's tag wherever they are. A group that is asked for by its id is
// known by its rules, even where the listing of groups does not show it.
func (r *reader) rules() {
	if len(r.ask.Groups) == 0 && r.look.Owner == "" {
		return
	}
	if err := r.o.Missing(r.scope, netstate.ListGroups); err != nil {
		r.unread(netstate.ListRules, err)
		return
	}
	w, ok := r.list(netstate.ListRules)
	if !ok {
		return
	}
	for k, rule := range w.Rules {
		if k.Scope != r.scope {
			continue
		}
		at := netstate.GroupKey{Scope: k.Scope, ID: k.Group}
		_, wanted := r.o.Groups[at]
		if !wanted && slices.ContainsFunc(r.ask.Groups, func(a netstate.GroupAsk) bool { return a.Group.ID == k.Group }) {
			wanted = true
			r.o.Groups[at] = netstate.Group{Owner: w.Groups[at].Owner}
		}
		if wanted || r.look.Owner != "" && rule.Owner() == r.look.Owner {
			r.o.Rules[k] = rule
		}
	}
}

// prefixLists shows those asked for, and those that routes and rules use: of these the entries only where a route uses them, and none where
// they cannot be read, which is no failure.
func (r *reader) prefixLists() {
	used := r.listsInUse()
	if len(used)+len(r.ask.PrefixLists) == 0 {
		return
	}
	w, err := r.open(netstate.ListPrefixLists)
	if err != nil {
		if len(r.ask.PrefixLists) > 0 {
			r.unread(netstate.ListPrefixLists, err)
		}
		return
	}
	for _, id := range r.ask.PrefixLists {
		used[id] = true
	}
	for id, open := range used {
		k := netstate.PrefixListKey{Scope: r.scope, ID: id}
		if p, there := w.PrefixLists[k]; there {
			if !open {
				p.Entries = nil
			}
			r.o.PrefixLists[k] = p
		}
	}
}

// listsInUse are those that what is shown names, and whether with their entries.
func (r *reader) listsInUse() map[netstate.PrefixListID]bool {
	out := map[netstate.PrefixListID]bool{}
	for k := range r.o.Rules {
		if k.Scope == r.scope && k.Peer.List != "" {
			out[k.Peer.List] = false
		}
	}
	for k := range r.o.Routes {
		if k.Scope == r.scope && k.Dest.List != "" {
			out[k.Dest.List] = true
		}
	}
	return out
}
