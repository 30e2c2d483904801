package main

import "time"

// limit is the least that a workload can cost: what EC2's actions take one call for; the longest chain of calls of which each needs the one
// before; and the time in which EC2's token buckets let through the writes of the busiest account, region and action.
type limit struct {
	Calls   int           `json:"calls"`
	Chain   int           `json:"chain"` // calls one after the other
	Buckets time.Duration `json:"buckets"`
	Wall    time.Duration `json:"wall"` // ns: the chain's, and no less than the buckets'
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
	return bound(w.lists(), 3, latency, 0)
}

// everything is the least cost of making it all: the writes, and besides those who each session is, a list in each scope to see the
// connections active, and a last look.
func (w workload) everything(latency time.Duration, share float64) limit {
	writes := 0
	var buckets time.Duration
	for at, n := range w.writes() {
		writes += n
		buckets = max(buckets, drain(at.action, n, share))
	}
	calls := w.lists() + w.accounts + writes + len(w.scopes()) + perScope*len(w.scopes())
	return bound(calls, 9, latency, buckets) // session, lists, rules, identity, request, acceptance, active, routes, last look
}

// place is where a bucket is: an account, a region and an action.
type place struct {
	scope  [2]string
	action string
}

// writes are those that must be made: for each peering a request, its acceptance, the tags of the accepter's view where the request's do not
// reach it, and a call for the rules of each of its two groups, since rules get the peering's label as a tag and a call has one set of tags; one
// for each route.
func (w workload) writes() map[place]int {
	out := map[place]int{}
	at := func(vpc int) [2]string { return [2]string{w.account(vpc), w.region(vpc)} }
	for _, p := range w.pairs {
		out[place{at(p[0]), "CreateVpcPeeringConnection"}]++
		out[place{at(p[1]), "AcceptVpcPeeringConnection"}]++
		if at(p[0]) != at(p[1]) {
			out[place{at(p[1]), "CreateTags"}]++
		}
		for _, end := range p {
			out[place{at(end), "AuthorizeSecurityGroupIngress"}]++
			out[place{at(end), "CreateRoute"}] += w.tables
		}
	}
	return out
}

// drain is how long so many calls take a full bucket of EC2's (EC2 Developer Guide, "Request throttling"), of which peerd may use a share.
func drain(action string, n int, share float64) time.Duration {
	burst, perSecond := 50.0, 5.0
	if action == "CreateTags" {
		burst, perSecond = 100, 10
	}
	return time.Duration(max(0, float64(n)-burst*share) / (perSecond * share) * float64(time.Second))
}

func bound(calls, chain int, latency, buckets time.Duration) limit {
	return limit{calls, chain, buckets, max(time.Duration(chain)*latency, buckets)}
}
