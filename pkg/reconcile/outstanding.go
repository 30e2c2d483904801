package reconcile

import (
	"cmp"
	"fmt"

	"github.com/peerd/peerd/pkg/netstate"
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

// hasRoom reports whether one more connection may be requested in a scope: the outstanding requests must not exceed those that EC2 allows.
// Others of the pass are accepted meanwhile, and make room.
func (p *pass) hasRoom(s netstate.Scope) bool { return p.pending[s] < p.limit(s) }

// limit is what the spec states for the account, else EC2's default.
func (p *pass) limit(s netstate.Scope) int {
	return cmp.Or(p.limits[s.Account], preflight.OutstandingRequests)
}

// codeNoRoom is of requests that were never sent: those before them still wait for acceptance.
const codeNoRoom = "OutstandingRequests"

// noRoom are the requests that were not made because those before them are still waiting for somebody. They did not fail, so that nothing
// counts against them: they are made as soon as there is room.
func (p *pass) noRoom() (out []Result) {
	for _, l := range p.order {
		next := l.next()
		if len(next) == 0 {
			continue
		}
		s := placeOf(l, next).opening
		if s == (netstate.Scope{}) || p.hasRoom(s) {
			continue
		}
		out = append(out, Result{Action: next[0].Action, Err: &netstate.Error{Op: "open a connection for " + string(l.state.Name), Scope: s,
			Kind: netstate.Limit, Code: codeNoRoom, Message: fmt.Sprintf("%d requests wait for acceptance and %d are allowed: "+
				"have them accepted, or raise the quota and accounts.*.quotas.outstandingRequests", p.pending[s], p.limit(s))}})
	}
	return out
}
