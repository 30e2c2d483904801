package reconcile

import (
	"cmp"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// Over returns the report of a pass over some peerings, with what an earlier one says of all others.
func (r *Report) Over(earlier *Report, only []netstate.Link) *Report {
	if r.Final == nil || earlier.Final == nil {
		return r
	}
	out := *r
	final := *r.Final
	others := func(l netstate.Link) bool { return !slices.Contains(only, l) }
	final.Links = merge(final.Links, earlier.Final.Links, func(s plan.LinkState) netstate.Link { return s.Name }, others)
	final.Drift = merge(final.Drift, earlier.Final.Drift, func(d plan.Drift) netstate.Link { return d.Link }, others)
	final.Problems = merge(final.Problems, earlier.Final.Problems, func(p plan.Problem) netstate.Link { return p.Link }, others)
	final.Actions = merge(final.Actions, earlier.Final.Actions, plan.Action.Link, others)
	final.Unread = earlier.Final.Unread
	r.elsewhere(earlier, &out, &final)
	out.Final = &final
	for _, x := range earlier.Results {
		if others(x.Action.Link()) && x.Err != nil {
			out.Results = append(out.Results, x)
		}
	}
	return &out
}

// elsewhere adds what an earlier report says of accounts and regions that this pass did not read. It keeps what only a pass over everything
// can tell: what is left alone, and which removals the guard withheld, for a pass over some peerings removes nothing.
func (r *Report) elsewhere(earlier, out *Report, final *plan.Plan) {
	final.Unmanaged = earlier.Final.Unmanaged
	final.Quotas = join(r.Final.Quotas, earlier.Final.Quotas, func(q plan.QuotaUse) string { return q.VPC }, cmp.Compare[string])
	out.Scopes = join(r.Scopes, earlier.Scopes, func(s ScopeRead) netstate.Scope { return s.Scope }, netstate.Scope.Compare)
	if r.First != nil && earlier.First != nil {
		first := *r.First
		first.Withheld = earlier.First.Withheld
		out.First = &first
	}
}

// join adds to a list what an earlier one has of other places, and keeps the whole sorted by place.
func join[T any, K comparable](now, earlier []T, at func(T) K, order func(a, b K) int) []T {
	read := map[K]bool{}
	for _, x := range now {
		read[at(x)] = true
	}
	out := slices.Clone(now)
	for _, x := range earlier {
		if !read[at(x)] {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b T) int { return order(at(a), at(b)) })
	return out
}

// merge adds the others' part of an earlier list, and keeps the whole sorted by peering; each peering's part keeps its order.
func merge[T any](now, earlier []T, of func(T) netstate.Link, others func(netstate.Link) bool) []T {
	out := slices.Clone(now)
	for _, x := range earlier {
		if others(of(x)) {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b T) int { return cmp.Compare(of(a), of(b)) })
	return out
}
