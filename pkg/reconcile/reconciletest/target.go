// Package reconciletest is an in-memory AWS for tests of the cycle: quick, without the SDK, and with faults by action. It must stay as
// strict as it can without repeating the simulator: it refuses what plan.Effect alone would let pass.
package reconciletest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// Target holds a world and applies actions to it.
type Target struct {
	Fault  func(a plan.Action) *netstate.Error   // asked before an action takes effect; nil: none
	After  func(a plan.Action) *netstate.Error   // asked after it took effect: the answer is lost
	Unread func(o *netstate.Observed, full bool) // may mark listings of a look as unread, or make it stale; nil: none
	States int                                   // looks that a connection spends in each passing state

	mu      sync.Mutex // guards what follows
	world   *netstate.Observed
	applied []string
	looks   int
	polls   int
	age     map[netstate.ConnID]int // looks since the connection's state changed
	made    int
}

// New returns a target whose world is o.
func New(o *netstate.Observed) *Target {
	return &Target{world: o.Clone(), age: map[netstate.ConnID]int{}, States: 1}
}

// Observe shows the world. Passing states move on with every look.
func (t *Target) Observe(ctx context.Context, l netstate.Look) (*netstate.Observed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.ConnectionsOnly {
		t.polls++
	} else {
		t.looks++
	}
	for id, c := range t.world.Connections {
		t.world.Connections[id] = t.moveOn(c)
	}
	o := t.world.Clone()
	o.At = time.Now()
	if t.Unread != nil {
		t.Unread(o, !l.ConnectionsOnly)
	}
	return o, nil
}

// moveOn takes a connection through its passing states (VPC Peering Guide, lifecycle).
func (t *Target) moveOn(c netstate.Connection) netstate.Connection {
	next := map[netstate.Status]netstate.Status{netstate.Initiating: netstate.Pending, netstate.Provisioning: netstate.Active}[c.Status]
	if next == "" {
		return c
	}
	if t.age[c.ID]++; t.age[c.ID] >= t.States {
		c.Status, t.age[c.ID] = next, 0
		c.Views[netstate.AccepterSide].Seen = true
	}
	return c
}

// Apply applies a batch, one outcome for each action.
func (t *Target) Apply(_ context.Context, b plan.Batch) []plan.Outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]plan.Outcome, len(b))
	for i, a := range b {
		out[i] = t.one(a)
	}
	return out
}

func (t *Target) one(a plan.Action) plan.Outcome {
	if t.Fault != nil {
		if err := t.Fault(a); err != nil {
			return plan.Outcome{Action: a, Err: err}
		}
	}
	if err := t.refuse(a); err != nil {
		return plan.Outcome{Action: a, Err: err}
	}
	got := t.id(a)
	plan.Effect(t.world, a, got)
	t.applied = append(t.applied, a.String())
	if t.After != nil {
		if err := t.After(a); err != nil {
			return plan.Outcome{Action: a, Err: err}
		}
	}
	return plan.Outcome{Action: a, Got: got}
}

// refuse says no where EC2 does: to what exists already, and to what needs an active connection.
func (t *Target) refuse(a plan.Action) *netstate.Error {
	switch a := a.(type) {
	case plan.AddRoute:
		if _, there := t.world.Routes[a.Key]; there {
			return Fail(a, netstate.Exists, "RouteAlreadyExists")
		}
		return t.needs(a, a.Conn, netstate.Active)
	case plan.ReplaceRoute:
		return t.needs(a, a.Conn, netstate.Active)
	case plan.AllowRule:
		if _, there := t.world.Rules[a.Key]; there {
			return Fail(a, netstate.Exists, "InvalidPermission.Duplicate")
		}
	case plan.AcceptConnection:
		return t.needs(a, a.Conn, netstate.Pending)
	case plan.SetOptions:
		return t.needs(a, a.Conn, netstate.Active)
	}
	return nil
}

func (t *Target) needs(a plan.Action, id netstate.ConnID, s netstate.Status) *netstate.Error {
	if t.world.Connections[id].Status != s {
		return Fail(a, netstate.Stale, "InvalidStateTransition")
	}
	return nil
}

// id makes the id that EC2 would answer with; a repeated request of a living pair answers with the living one (as EC2 does).
func (t *Target) id(a plan.Action) string {
	switch a := a.(type) {
	case plan.OpenConnection:
		for id, c := range t.world.Connections {
			if c.Requester == a.Requester && c.Accepter == a.Accepter && c.Status.Alive() {
				return string(id)
			}
		}
		t.made++
		return fmt.Sprintf("pcx-%d", t.made)
	case plan.AllowRule:
		t.made++
		return fmt.Sprintf("sgr-%d", t.made)
	}
	return ""
}

// Fail makes an error of an action.
func Fail(a plan.Action, k netstate.Kind, code string) *netstate.Error {
	return &netstate.Error{Op: a.String(), Scope: a.Scope(), Kind: k, Code: code, Message: "refused by the test"}
}

// World returns a copy of the world as it is.
func (t *Target) World() *netstate.Observed {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.world.Clone()
}

// Applied returns the lines of all actions that took effect, in order.
func (t *Target) Applied() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.applied...)
}

// Looks returns how many full looks and how many looks at connections alone there were.
func (t *Target) Looks() (full, connections int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.looks, t.polls
}
