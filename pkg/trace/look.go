package trace

import (
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// Scopes returns what has to be read to answer a question: of the two VPCs, where the question names them, else of all that the spec has,
// since only then it is known where an address or a subnet is.
func Scopes(s *spec.Set, q Question) map[netstate.Scope]netstate.ScopeLook {
	from, to := nameIn(s, q.From), nameIn(s, q.To)
	out := map[netstate.Scope]netstate.ScopeLook{}
	for _, v := range s.VPCs {
		if v.Account.Managed && (from == nil || to == nil || v == from || v == to) {
			w := out[v.Scope()]
			w.VPCs = append(w.VPCs, v.Select)
			w.Subnets, w.Tables, w.ACLs = true, true, q.Traffic.Said()
			w.Groups = append(w.Groups, asks(v, from, q.FromGroups, q.Traffic)...)
			w.Groups = append(w.Groups, asks(v, to, q.ToGroups, q.Traffic)...)
			w.RuleLists = len(w.Groups) > 0
			out[v.Scope()] = w
		}
	}
	return out
}

// nameIn returns the VPC that a question names, nil where it names a subnet or addresses alone.
func nameIn(s *spec.Set, text string) *spec.VPC {
	_, name, at := strings.Cut(text, "@")
	if !at {
		name = text
	}
	for _, v := range s.VPCs {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// asks are the groups of an end, in whichever VPC it may be.
func asks(v, named *spec.VPC, groups []string, t Traffic) []netstate.GroupAsk {
	if !t.Said() || named != nil && named != v {
		return nil
	}
	var out []netstate.GroupAsk
	for _, g := range groups {
		out = append(out, netstate.GroupAsk{VPC: v.Select, Group: groupSelector(g)})
	}
	return out
}

func groupSelector(text string) netstate.GroupSelector {
	if strings.HasPrefix(text, "sg-") {
		return netstate.GroupSelector{ID: netstate.GroupID(text)}
	}
	return netstate.GroupSelector{Name: text}
}
