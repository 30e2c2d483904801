package plan

import (
	"maps"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// Ask is what a look is wanted for.
type Ask struct {
	ReadOnly bool            // use the accounts' readRole where there is one
	Only     []netstate.Link // read only the accounts and regions of these peerings; empty: all
}

// Look returns what has to be read to plan a spec: the scopes of its VPCs, and of each scope only the listings that an entry needs.
func Look(s *spec.Set, ask Ask) netstate.Look {
	l := looker{netstate.Look{Owner: s.Owner, Access: map[netstate.AccountID]netstate.Access{}, Scopes: map[netstate.Scope]netstate.ScopeLook{}}, map[asked]bool{}}
	for _, a := range s.Accounts {
		if a.Managed {
			l.Access[a.ID] = access(a, ask)
		}
	}
	for _, scope := range places(s) {
		l.Scopes[scope] = netstate.ScopeLook{} // for leftovers: connections and owned rules alone
	}
	for _, p := range s.Peerings {
		for i := range p.Sides {
			l.side(&p.Sides[i], &p.Sides[1-i])
		}
	}
	if len(ask.Only) > 0 {
		near := scopesOf(s, ask.Only)
		maps.DeleteFunc(l.Scopes, func(at netstate.Scope, _ netstate.ScopeLook) bool { return !near[at] })
	}
	return l.Look
}

// scopesOf are the accounts and regions of some peerings: of their VPCs, and of the groups that their rules name.
func scopesOf(s *spec.Set, links []netstate.Link) map[netstate.Scope]bool {
	out := map[netstate.Scope]bool{}
	for _, name := range links {
		p := s.Peering(name)
		if p == nil {
			continue
		}
		for _, side := range p.Sides {
			out[side.VPC.Scope()] = true
			for _, r := range side.Rules {
				out[netstate.Scope{Account: r.Account.ID, Region: side.VPC.Region}] = true
			}
		}
	}
	return out
}

// looker puts a look together; a mesh asks for the same things many times.
type looker struct {
	netstate.Look
	asked map[asked]bool
}

// asked is one thing that is asked for in a scope, as a comparable value.
type asked struct {
	at   netstate.Scope
	what netstate.Listing
	vpc  *spec.VPC // one per name, however many peerings have it
	item string
}

// once reports whether a thing is asked for the first time.
func (l looker) once(a asked) bool {
	first := !l.asked[a]
	l.asked[a] = true
	return first
}

// places are the scopes in which something of ours may be: those of all VPCs of the spec, peered or not, and the regions that accounts state.
func places(s *spec.Set) []netstate.Scope {
	var out []netstate.Scope
	for _, v := range s.VPCs {
		if v.Account.Managed {
			out = append(out, v.Scope())
		}
	}
	for _, a := range s.Accounts {
		if !a.Managed {
			continue
		}
		for _, r := range a.Regions {
			out = append(out, netstate.Scope{Account: a.ID, Region: r})
		}
	}
	return out
}

// More returns a wider look when a look showed connections of ours that no entry wants: both their VPCs have to be read before anything is
// said about them. It returns false when nothing is missing.
func More(s *spec.Set, l netstate.Look, o *netstate.Observed) (netstate.Look, bool) {
	d, _ := Expand(s, o)
	wanted := map[netstate.Pair]bool{}
	for _, x := range d.Links {
		wanted[x.Pair()] = true
	}
	wide := netstate.Look{Owner: l.Owner, Access: l.Access, Scopes: maps.Clone(l.Scopes)}
	more := false
	for _, id := range slices.Sorted(maps.Keys(o.Connections)) {
		c := o.Connections[id]
		if v, _ := claimConnection(s.Owner, c, false); v != ours || !c.Status.Alive() || wanted[c.Pair()] {
			continue
		}
		for _, vpc := range []netstate.VPC{c.Requester, c.Accepter} {
			if d.Known[vpc.Account] && widen(wide, o, vpc) {
				more = true
			}
		}
	}
	return wide, more
}

// widen adds a VPC with its route tables to a look, and reports whether it was not in it.
func widen(l netstate.Look, o *netstate.Observed, v netstate.VPC) bool {
	w, known := l.Scopes[v.Scope]
	_, seen := o.VPCs[v]
	if known && seen && w.Tables {
		return false
	}
	if known && o.Missing(v.Scope, netstate.ListVPCs, netstate.ListTables) != nil {
		return false // it was asked for, and could not be read
	}
	n := len(w.VPCs)
	if !slices.ContainsFunc(w.VPCs, func(s netstate.VPCSelector) bool { return s.ID == v.ID }) {
		w.VPCs = append(slices.Clip(w.VPCs), netstate.VPCSelector{ID: v.ID})
	}
	changed := len(w.VPCs) > n || !w.Tables || !known
	w.Tables = true
	l.Scopes[v.Scope] = w
	return changed
}

func access(a *spec.Account, ask Ask) netstate.Access {
	role := a.Role
	if ask.ReadOnly && a.ReadRole != "" {
		role = a.ReadRole
	}
	return netstate.Access{Account: a.ID, Role: role, ExternalID: a.ExternalID, Profile: a.Profile, Session: a.SessionDuration, STSRegion: a.STSRegion}
}

func (l looker) side(side, peer *spec.Side) {
	if !side.VPC.Account.Managed {
		return
	}
	scope := side.VPC.Scope()
	w := l.Scopes[scope]
	if l.once(asked{scope, netstate.ListVPCs, side.VPC, ""}) {
		w.VPCs = append(w.VPCs, side.VPC.Select)
	}
	if (side.DNS == netstate.Yes || peer.DNS == netstate.Yes) && l.once(asked{scope, netstate.ListDNS, side.VPC, ""}) {
		w.DNS = append(w.DNS, side.VPC.Select) // both ends need their attributes on (VPC Peering Guide, DNS resolution)
	}
	w.ACLs = w.ACLs || len(side.Rules)+len(peer.Rules) > 0 // traffic of a rule crosses those of both sides
	for _, t := range []spec.Tables{side.Routes.Tables, side.Routes.Exclude} {
		w.Tables = w.Tables || t.Kind != spec.SelectNone
		w.Subnets = w.Subnets || t.Kind == spec.SelectSubnets
	}
	l.Scopes[scope] = w
	l.lists(scope, side.Routes.To)
	for _, r := range side.Rules {
		at := netstate.Scope{Account: r.Account.ID, Region: scope.Region}
		l.group(at, side.VPC, r.Group)
		l.lists(at, r.Peer.CIDRs)
		if r.Peer.Group != nil && peer.VPC.Account.Managed {
			l.group(peer.VPC.Scope(), peer.VPC, *r.Peer.Group)
		}
	}
}

func (l looker) group(at netstate.Scope, v *spec.VPC, g netstate.GroupSelector) {
	if !l.once(asked{at, netstate.ListGroups, v, string(g.ID) + " " + g.Name + " " + g.Tags.String()}) {
		return
	}
	w := l.Scopes[at]
	w.Groups = append(w.Groups, netstate.GroupAsk{VPC: v.Select, Group: g})
	l.Scopes[at] = w
}

func (l looker) lists(at netstate.Scope, to []spec.Dest) {
	for _, d := range to {
		if d.Dest.List != "" && l.once(asked{at, netstate.ListPrefixLists, nil, string(d.Dest.List)}) {
			w := l.Scopes[at]
			w.PrefixLists = append(w.PrefixLists, d.Dest.List)
			l.Scopes[at] = w
		}
	}
}
