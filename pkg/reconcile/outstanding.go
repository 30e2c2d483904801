package reconcile

import (
	"fmt"
	"maps"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// outstandingRequests is EC2's default limit of requests that wait for acceptance, per requester account and region (Amazon VPC quotas).
const outstandingRequests = 25

// outstanding counts the requests that wait for acceptance by requester scope, whoever made them, and those being made.
func (p *pass) outstanding() map[netstate.Scope]int {
	n := maps.Clone(p.opening)
	for _, c := range p.o.Connections {
		if c.Status == netstate.Initiating || c.Status == netstate.Pending {
			n[c.Requester.Scope]++
		}
	}
	return n
}

// hasRoom reports whether a link may start: its request must not exceed the outstanding ones that EC2 allows. Others of the pass are
// accepted meanwhile, and make room.
func (p *pass) hasRoom(outstanding map[netstate.Scope]int, actions []plan.Action) bool {
	open, ok := actions[0].(plan.OpenConnection)
	return !ok || outstanding[open.Scope()] < p.limit(open.Scope())
}

// limit is what the spec states for the account, else EC2's default.
func (p *pass) limit(s netstate.Scope) int {
	for _, a := range p.in.Spec.Accounts {
		if a.ID == s.Account && a.Quotas.OutstandingRequests > 0 {
			return a.Quotas.OutstandingRequests
		}
	}
	return outstandingRequests
}

// sayNoRoom reports the requests that were not made because those before them are still waiting for somebody.
func (p *pass) sayNoRoom() {
	outstanding := p.outstanding()
	for _, name := range p.order {
		if next := p.links[name].next(); len(next) > 0 && !p.hasRoom(outstanding, next) {
			s := next[0].Scope()
			p.results = append(p.results, Result{Action: next[0], Err: &netstate.Error{Op: "open a connection for " + string(name), Scope: s, Kind: netstate.Limit,
				Code: "OutstandingRequests", Message: fmt.Sprintf("%d requests wait for acceptance and %d are allowed: have them accepted, or raise the quota and accounts.*.quotas.outstandingRequests", outstanding[s], p.limit(s))}})
		}
	}
}
