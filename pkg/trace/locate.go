package trace

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// isHost reports whether an end of a question is an instance or a network interface.
func isHost(text string) bool {
	return strings.HasPrefix(text, "i-") || strings.HasPrefix(text, "eni-")
}

// Hosts returns what has to be read before Locate can say where the instances and interfaces of a question are; of a question that
// names none, nothing. Nobody says in which account and region they are, so all are looked at that have a VPC of the spec.
func Hosts(s *spec.Set, q Question) map[netstate.Scope]netstate.ScopeLook {
	ids := slices.DeleteFunc([]string{q.From, q.To}, func(s string) bool { return !isHost(s) })
	out := map[netstate.Scope]netstate.ScopeLook{}
	for _, v := range s.VPCs {
		if v.Account.Managed && len(ids) > 0 {
			w := out[v.Scope()]
			w.VPCs, w.Interfaces = append(w.VPCs, v.Select), ids
			out[v.Scope()] = w
		}
	}
	return out
}

// Locate returns the question with the private addresses of instances and interfaces in the place of their ids, and with the security groups
// that they have, unless it says which to judge. An instance is its primary interface. A result is the answer already: they cannot be found.
func Locate(s *spec.Set, o *netstate.Observed, q Question) (Question, *Result, error) {
	r := newResolver(s, o)
	var lost [2]*lost
	for i, end := range []struct {
		text   *string
		groups *[]string
	}{{&q.From, &q.FromGroups}, {&q.To, &q.ToGroups}} {
		if !isHost(*end.text) {
			continue
		}
		k, n, l, err := r.host(*end.text)
		if err != nil {
			return q, nil, err
		}
		if lost[i] = l; l != nil {
			continue
		}
		if len(*end.groups) == 0 {
			for _, g := range n.Groups {
				*end.groups = append(*end.groups, string(g))
			}
		}
		if *end.text, err = r.address(k, n); err != nil {
			return q, nil, err
		}
	}
	if lost[0] == nil && lost[1] == nil {
		return q, nil, nil
	}
	out := &Result{Unjudged: unjudged(q)}
	out.add(Path{Hops: lostHops(lost[0], lost[1])})
	return q, out, nil
}

// host finds the interface that an id means.
func (r *resolver) host(id string) (netstate.InterfaceKey, netstate.Interface, *lost, error) {
	var best netstate.InterfaceKey
	for _, k := range slices.SortedFunc(maps.Keys(r.o.Interfaces), func(a, b netstate.InterfaceKey) int { return cmp.Compare(a.ID, b.ID) }) {
		n := r.o.Interfaces[k]
		if (string(k.ID) == id || string(n.Instance) == id) && (best.ID == "" || n.Index < r.o.Interfaces[best].Index) {
			best = k
		}
	}
	if best.ID != "" {
		return best, r.o.Interfaces[best], nil, nil
	}
	if l := r.unreadAnywhere(id, netstate.ListInterfaces); l != nil {
		return best, netstate.Interface{}, l, nil
	}
	return best, netstate.Interface{}, nil, wrong("%s: no account and region with a VPC of the spec has it; an instance that does not run has no address", id)
}

// address writes an interface as the address in its VPC, by the name that the spec has for that.
func (r *resolver) address(k netstate.InterfaceKey, n netstate.Interface) (string, error) {
	for _, f := range r.vpcs {
		if f.vpc == (netstate.VPC{Scope: k.Scope, ID: n.VPC}) {
			return fmt.Sprintf("%s@%s", n.Address, f.names[0].Name), nil
		}
	}
	return "", wrong("%s is in %s of %s, which is no VPC of the spec; it has %s", k.ID, n.VPC, k.Scope, r.names())
}
