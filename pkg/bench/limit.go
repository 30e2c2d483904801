package main

import "time"

// limit is the least that a workload can cost: what EC2's actions take one call for, and the longest chain of calls of which each needs the one before.
type limit struct {
	Calls int           `json:"calls"`
	Chain int           `json:"chain"` // calls one after the other
	Wall  time.Duration `json:"wall"`  // ns: of that chain
}

// perScope is how many lists a spec with rules of named groups takes in each account and region: connections, VPCs, route tables, groups, the
// rules of the groups, owned rules by their tag, and network ACLs. EC2 can filter rules neither by VPC nor by one of two conditions.
const perScope = 7

// lists are the calls that see all that the spec is about: for each account its session, and the lists in each of its
// regions. No workload has more of a kind in one scope than fits a page.
func (w workload) lists() int {
	return w.accounts + perScope*len(w.scopes())
}

// nothingToDo is the least cost of finding everything in sync: a session, the lists side by side, and the rules once their groups are known.
func (w workload) nothingToDo(latency time.Duration) limit {
	return bound(w.lists(), 3, latency)
}

// everything is the least cost of making it all: who each session is; for each peering a request, its acceptance, the tags of the accepter's
// view, and a call for the rules of each of its two groups, since rules get the peering's label as a tag and a call has one set of tags; one
// for each route; a list in each scope to see the connections active; and a last look.
func (w workload) everything(latency time.Duration) limit {
	routes := 2 * w.tables * len(w.pairs)
	tagged := 0 // views of their own, which the request's tags do not reach
	for _, p := range w.pairs {
		if w.account(p[0]) != w.account(p[1]) || w.region(p[0]) != w.region(p[1]) {
			tagged++
		}
	}
	look := perScope * len(w.scopes())
	calls := w.lists() + w.accounts + 2*len(w.pairs) + tagged + 2*len(w.pairs) + routes + len(w.scopes()) + look
	return bound(calls, 9, latency) // session, lists, rules, identity, request, acceptance, active, routes, last look
}

func bound(calls, chain int, latency time.Duration) limit {
	return limit{calls, chain, time.Duration(chain) * latency}
}
