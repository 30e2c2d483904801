package main

import "time"

// limit is the least that a workload can cost: what EC2's actions take one call for, and the longest chain of calls of which each needs the one before.
type limit struct {
	Calls int           `json:"calls"`
	Chain int           `json:"chain"` // calls one after the other
	Wall  time.Duration `json:"wall"`  // ns: the larger of the chain and of all calls, so many at once
}

// lists are the calls that see all that the spec is about: for each account its session, and for each of its regions connections, VPCs, route tables, groups, rules and network ACLs. No workload has more of a
// kind in one scope than fits a page.
func (w workload) lists() int {
	return w.accounts + 6*len(w.scopes())
}

// nothingToDo is the least cost of finding everything in sync: a session, and the lists side by side.
func (w workload) nothingToDo(latency time.Duration) limit {
	return bound(w.lists(), 2, latency)
}

// everything is the least cost of making it all: who each session is, a request, its acceptance and the tags of the accepter's view for each peering, a call for
// the rules of each group, one for each route, a list in each scope to see the connections active, and a last look.
func (w workload) everything(latency time.Duration) limit {
	routes := 2 * w.tables * len(w.pairs)
	groups := 0
	if w.rules > 0 {
		groups = w.vpcs
	}
	tagged := 0 // views of their own, which the request's tags do not reach
	for _, p := range w.pairs {
		if w.account(p[0]) != w.account(p[1]) || w.region(p[0]) != w.region(p[1]) {
			tagged++
		}
	}
	look := 6 * len(w.scopes())
	calls := w.lists() + w.accounts + 2*len(w.pairs) + tagged + groups + routes + len(w.scopes()) + look
	return bound(calls, 8, latency) // session, lists, identity, request, acceptance, active, routes, last look
}

func bound(calls, chain int, latency time.Duration) limit {
	return limit{calls, chain, max(time.Duration(chain)*latency, time.Duration(calls)*latency/inFlight)}
}
