package plan

import (
	"cmp"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// index is a look sorted by what is asked of it, so that a plan costs what the estate has and not its square.
type index struct {
	vpcs    map[netstate.Scope][]netstate.VPC       // sorted by id
	tables  map[netstate.VPC][]netstate.TableKey    // sorted by id
	subnets map[netstate.VPC][]netstate.SubnetKey   // sorted by id
	groups  map[groupsOf][]netstate.GroupID         // sorted
	routes  map[routesTo][]netstate.RouteKey        // sorted
	pairs   map[netstate.Pair][]netstate.Connection // sorted by id
	labels  map[netstate.Link][]netstate.Connection // by labelOf, sorted by id
}

// groupsOf are the security groups of a VPC as one account sees them: in a shared VPC each participant has its own.
type groupsOf struct {
	at  netstate.Scope
	vpc netstate.VPCID
}

// routesTo are the routes of a table to one connection.
type routesTo struct {
	table netstate.TableKey
	conn  netstate.ConnID
}

func newIndex(o *netstate.Observed) *index {
	x := &index{map[netstate.Scope][]netstate.VPC{}, map[netstate.VPC][]netstate.TableKey{}, map[netstate.VPC][]netstate.SubnetKey{},
		map[groupsOf][]netstate.GroupID{}, map[routesTo][]netstate.RouteKey{}, map[netstate.Pair][]netstate.Connection{}, map[netstate.Link][]netstate.Connection{}}
	for v := range o.VPCs {
		x.vpcs[v.Scope] = append(x.vpcs[v.Scope], v)
	}
	for k, t := range o.Tables {
		v := netstate.VPC{Scope: k.Scope, ID: t.VPC}
		x.tables[v] = append(x.tables[v], k)
	}
	for k, s := range o.Subnets {
		v := netstate.VPC{Scope: k.Scope, ID: s.VPC}
		x.subnets[v] = append(x.subnets[v], k)
	}
	for k, g := range o.Groups {
		x.groups[groupsOf{k.Scope, g.VPC}] = append(x.groups[groupsOf{k.Scope, g.VPC}], k.ID)
	}
	for k, r := range o.Routes {
		if r.Target.Kind == netstate.TargetPeering {
			to := routesTo{netstate.TableKey{Scope: k.Scope, ID: k.Table}, netstate.ConnID(r.Target.ID)}
			x.routes[to] = append(x.routes[to], k)
		}
	}
	for _, c := range o.Connections {
		x.pairs[c.Pair()] = append(x.pairs[c.Pair()], c)
		x.labels[labelOf(c)] = append(x.labels[labelOf(c)], c)
	}
	x.sort()
	return x
}

func (x *index) sort() {
	sortAll(x.vpcs, func(a, b netstate.VPC) int { return cmp.Compare(a.ID, b.ID) })
	sortAll(x.tables, func(a, b netstate.TableKey) int { return cmp.Compare(a.ID, b.ID) })
	sortAll(x.subnets, func(a, b netstate.SubnetKey) int { return cmp.Compare(a.ID, b.ID) })
	sortAll(x.groups, func(a, b netstate.GroupID) int { return cmp.Compare(a, b) })
	sortAll(x.routes, netstate.RouteKey.Compare)
	sortAll(x.pairs, func(a, b netstate.Connection) int { return cmp.Compare(a.ID, b.ID) })
	sortAll(x.labels, func(a, b netstate.Connection) int { return cmp.Compare(a.ID, b.ID) })
}

func sortAll[K comparable, V any](m map[K][]V, order func(a, b V) int) {
	for _, vs := range m {
		slices.SortFunc(vs, order)
	}
}
