package adopt

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// Read looks at AWS, and again as long as a look shows of a VPC that was not looked at, and returns what there is to import. It fails where
// anything could not be read: a spec of what is known in part would leave out what is not, and who commits it would lose that.
func Read(in Input, observe func(netstate.Look) (*netstate.Observed, error)) (*netstate.Observed, error) {
	whole := func(l netstate.Look) (*netstate.Observed, error) {
		o, err := observe(l)
		if err != nil {
			return nil, err
		}
		return o, unread(o)
	}
	first := connections(in)
	o, err := whole(first)
	if err != nil {
		return nil, err
	}
	for ends := map[netstate.VPC]bool{}; peered(in, first, o, ends); {
		if o, err = whole(around(in, first, ends)); err != nil {
			return nil, err
		}
	}
	if l, used := lists(first, o); used {
		more, err := whole(l)
		if err != nil {
			return nil, err
		}
		o = o.Clone()
		maps.Copy(o.PrefixLists, more.PrefixLists)
	}
	return o, nil
}

// unread says what could not be read, each thing once.
func unread(o *netstate.Observed) error {
	said := map[string]bool{}
	for _, listings := range o.Unread {
		for _, err := range listings {
			said[err.Error()] = true
		}
	}
	if len(said) == 0 {
		return nil
	}
	return errors.New("nothing is imported, because not everything could be read:\n  " + strings.Join(slices.Sorted(maps.Keys(said)), "\n  "))
}

// connections is the look that shows which VPCs are peered: everything else follows from it.
func connections(in Input) netstate.Look {
	access := plan.Look(&spec.Set{Accounts: in.Accounts}, plan.Ask{ReadOnly: true}).Access
	l := netstate.Look{Access: access, Scopes: map[netstate.Scope]netstate.ScopeLook{}, ConnectionsOnly: true}
	for _, s := range in.Asked {
		l.Scopes[s] = netstate.ScopeLook{}
	}
	return l
}

// peered adds the VPCs that a look shows to be peered to those that are known, wherever they can be read, in regions too that were not asked
// for. It reports whether there are more now.
func peered(in Input, l netstate.Look, o *netstate.Observed, ends map[netstate.VPC]bool) bool {
	known := len(ends)
	for _, c := range o.Connections {
		for _, v := range []netstate.VPC{c.Requester, c.Accepter} {
			if _, reachable := l.Access[v.Account]; reachable && in.means(c) {
				ends[v] = true
			}
		}
	}
	return len(ends) > known
}

// means reports whether a connection is to be imported, if it can be: it has an end in a region that was asked for, or it is ours.
func (in Input) means(c netstate.Connection) bool {
	ours := in.Owner != "" && (c.Views[0].Owner() == in.Owner || c.Views[1].Owner() == in.Owner)
	return !c.Status.Dead() && (ours || slices.Contains(in.Asked, c.Requester.Scope) || slices.Contains(in.Asked, c.Accepter.Scope))
}

// around is the look at everything around peered VPCs: tables, subnets, and groups. Another account that was read may have groups in such a
// VPC, where it is shared.
func around(in Input, l netstate.Look, ends map[netstate.VPC]bool) netstate.Look {
	out := netstate.Look{Owner: in.Owner, Access: l.Access, Scopes: maps.Clone(l.Scopes)}
	vpcs := slices.SortedFunc(maps.Keys(ends), compareVPCs)
	for _, v := range vpcs {
		w := out.Scopes[v.Scope]
		w.Tables, w.Subnets = true, true
		w.VPCs = append(w.VPCs, netstate.VPCSelector{ID: v.ID})
		out.Scopes[v.Scope] = w
	}
	for s, w := range out.Scopes {
		for _, v := range vpcs {
			if v.Region == s.Region {
				w.Groups = append(w.Groups, netstate.GroupAsk{VPC: netstate.VPCSelector{ID: v.ID}, All: true})
			}
		}
		out.Scopes[s] = w
	}
	return out
}

// lists is the look at the entries of the prefix lists that rules use, and those that routes to connections do: whether a list may be stated
// depends on them. It returns false where there are none.
func lists(l netstate.Look, o *netstate.Observed) (netstate.Look, bool) {
	used := map[netstate.PrefixListKey]bool{}
	for k := range o.Rules {
		if k.Peer.List != "" {
			used[netstate.PrefixListKey{Scope: k.Scope, ID: k.Peer.List}] = true
		}
	}
	for k, r := range o.Routes {
		if k.Dest.List != "" && r.Target.Kind == netstate.TargetPeering {
			used[netstate.PrefixListKey{Scope: k.Scope, ID: k.Dest.List}] = true
		}
	}
	out := netstate.Look{Access: l.Access, Scopes: map[netstate.Scope]netstate.ScopeLook{}}
	for k := range used {
		w := out.Scopes[k.Scope]
		w.PrefixLists = append(w.PrefixLists, k.ID)
		slices.Sort(w.PrefixLists)
		out.Scopes[k.Scope] = w
	}
	return out, len(used) > 0
}
