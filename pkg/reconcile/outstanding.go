package reconcile

import (
	"fmt"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/preflight"
)

// countPending counts the requests that wait for acceptance by requester scope, whoever made them, and those being made.
func (p *pass) countPending() {
	clear(p.pending)
	for _, c := range p.o.Connections {
		if c.Status == netstate.Initiating || c.Status == netstate.Pending {
			p.pending[c.Requester.Scope]++
		}
	}
	for _, l := range p.order {
		if l.opening != (netstate.Scope{}) {
			p.pending[l.opening]++
		}
	}
}

// hasRoom reports whether a link may start: its request must not exceed the outstanding ones that EC2 allows. Others of the pass are
// accepted meanwhile, and make room.
func (p *pass) hasRoom(actions []item) bool {
	open, ok := actions[0].Action.(plan.OpenConnection)
	return !ok || p.pending[open.Scope()] < p.limit(open.Scope())
}

// anyRoom reports whether a link in line may start.
func (p *pass) anyRoom() bool {
	for _, l := range p.queue {
		if next := l.next(); len(next) > 0 && p.hasRoom(next) {
			return true
		}
	}
	return false
}

// limit is what the spec states for the account, else EC2's default.
func (p *pass) limit(s netstate.Scope) int {
	for _, a := range p.in.Spec.Accounts {
		if a.ID == s.Account && a.Quotas.OutstandingRequests > 0 {
			return a.Quotas.OutstandingRequests
		}
	}
	return preflight.OutstandingRequests
}

// sayNoRoom reports the requests that were not made because those before them are still waiting for somebody.
func (p *pass) sayNoRoom() {
	for _, l := range p.order {
		next := l.next()
		if len(next) == 0 || p.hasRoom(next) {
			continue
		}
		s := next[0].Scope()
		p.results = append(p.results, Result{Action: next[0].Action, Err: &netstate.Error{Op: "open a connection for " + string(l.state.Name), Scope: s,
			Kind: netstate.Limit, Code: "OutstandingRequests", Message: fmt.Sprintf("%d requests wait for acceptance and %d are allowed: "+
				"have them accepted, or raise the quota and accounts.*.quotas.outstandingRequests", p.pending[s], p.limit(s))}})
	}
}
