package plan

import (
	"github.com/peerd/peerd/pkg/netstate"
)

// Step orders the actions of one link: whatever adds comes first and in this order, removals come last and in reverse.
type Step int

// The steps of a link.
const (
	StepOpen Step = iota
	StepAccept
	StepTag
	StepOptions
	StepRules
	StepRoutes
	StepTagLate // of a view that was not seen yet: nothing but removals waits for it
	StepLeave
	StepRemoveRoutes
	StepRemoveRules
	StepClose
)

// Removes reports whether the step takes something away; such steps wait until everything that adds has worked.
func (s Step) Removes() bool { return s >= StepLeave }

// Action is one effect on AWS. The set of actions is closed; what they do is spelled out by their fields, and Reason is for people only.
type Action interface {
	Link() netstate.Link
	Scope() netstate.Scope // where the call is made
	Step() Step
	Ready() bool    // whether what it needs was observed
	Reason() string // why, in the user's words
	String() string // one stable line, beginning with its sign: + ~ -
	line(conn string) string
	action()
}

// What every action carries.
type head struct {
	Of    netstate.Link
	At    netstate.Scope
	Waits bool // what it needs was not observed yet: it stands in the plan to be announced
	Why   string
}

// Link returns the peering that the action is for.
func (h head) Link() netstate.Link { return h.Of }

// Scope returns where the call is made.
func (h head) Scope() netstate.Scope { return h.At }

// Ready reports whether what the action needs was observed.
func (h head) Ready() bool { return !h.Waits }

// Reason returns why, in the user's words.
func (h head) Reason() string { return h.Why }

func (h head) action() {}

func (h *head) place(of netstate.Link, at netstate.Scope) { h.Of, h.At = of, at }

// Placed returns an action as one of a peering, in an account and region: what a plan does to those it holds. It is for tests of what applies
// actions, which must do so whether a plan would hold them or not.
func Placed[A Action, P interface {
	*A
	place(netstate.Link, netstate.Scope)
}](a A, of netstate.Link, at netstate.Scope) A {
	P(&a).place(of, at)
	return a
}

// OpenConnection requests a peering connection, in the requester's scope, with its tags in the same call.
type OpenConnection struct {
	head
	Requester, Accepter netstate.VPC
	Tags                netstate.Tags
}

// AcceptConnection accepts a request, in the accepter's scope.
type AcceptConnection struct {
	head
	Conn                netstate.ConnID // empty: not yet visible to the accepter
	Requester, Accepter netstate.VPC
}

// TagConnection puts tags on one view of a connection.
type TagConnection struct {
	head
	Conn    netstate.ConnID // empty: there is none yet
	Side    netstate.Side
	Tags    netstate.Tags
	New     bool // the view is not marked as ours yet: the tags add to a new connection rather than change one
	Takes   bool // the tags take over what was nobody's: only if it is still so when they are put on
	Leaving bool // the tags mark the beginning of its removal
}

// SetOptions sets AllowDnsResolutionFromRemoteVpc of one side, from the account and region that own it.
type SetOptions struct {
	head
	Conn netstate.ConnID // empty: not yet active
	Side netstate.Side   // of the live connection, which may be the other one than in the spec
	VPC  netstate.VPC
	DNS  bool
	New  bool // the connection is not active yet: the option adds to a new connection rather than changes one
}

// AllowRule adds a security-group rule, with its tags in the same call.
type AllowRule struct {
	head
	Key         netstate.RuleKey
	PeerAccount netstate.AccountID // whose group Key.Peer.Group is; empty for other peers
	Description string
	Tags        netstate.Tags
}

// ChangeRule turns a rule into another of the same group, direction and kind of peer, in place: it keeps its id and tags.
type ChangeRule struct {
	head
	ID          netstate.RuleID
	From, Key   netstate.RuleKey
	PeerAccount netstate.AccountID
	Description string
}

// DescribeRule changes a rule's description.
type DescribeRule struct {
	head
	ID          netstate.RuleID
	Key         netstate.RuleKey
	Description string
}

// TagRule puts tags on a rule that is ours.
type TagRule struct {
	head
	ID   netstate.RuleID
	Key  netstate.RuleKey
	Tags netstate.Tags
}

// AddRoute makes a route to the link's connection.
type AddRoute struct {
	head
	Key  netstate.RouteKey
	Conn netstate.ConnID // empty: not yet active
}

// ReplaceRoute points an existing route at the link's connection, in one call and without a gap.
type ReplaceRoute struct {
	head
	Key  netstate.RouteKey
	Was  netstate.Target
	Conn netstate.ConnID // empty: not yet active
}

// RemoveRoute deletes a route.
type RemoveRoute struct {
	head
	Key netstate.RouteKey
	Was netstate.Target
}

// RevokeRule removes a security-group rule by its id.
type RevokeRule struct {
	head
	ID  netstate.RuleID
	Key netstate.RuleKey
}

// CloseConnection deletes a peering connection.
type CloseConnection struct {
	head
	Conn                netstate.ConnID
	Requester, Accepter netstate.VPC
}

// Step returns the action's place within its link.
func (OpenConnection) Step() Step { return StepOpen }

// Step returns the action's place within its link.
func (AcceptConnection) Step() Step { return StepAccept }

// Step returns the action's place within its link: as early as the view can be tagged, so that it is known as ours; but a view that stays
// away holds up neither options nor rules nor routes, since the other view's tag says whose the connection is.
func (a TagConnection) Step() Step {
	switch {
	case a.Leaving:
		return StepLeave
	case a.Waits:
		return StepTagLate
	}
	return StepTag
}

// Step returns the action's place within its link.
func (SetOptions) Step() Step { return StepOptions }

// Step returns the action's place within its link.
func (AllowRule) Step() Step { return StepRules }

// Step returns the action's place within its link.
func (ChangeRule) Step() Step { return StepRules }

// Step returns the action's place within its link.
func (DescribeRule) Step() Step { return StepRules }

// Step returns the action's place within its link.
func (TagRule) Step() Step { return StepRules }

// Step returns the action's place within its link.
func (AddRoute) Step() Step { return StepRoutes }

// Step returns the action's place within its link.
func (ReplaceRoute) Step() Step { return StepRoutes }

// Step returns the action's place within its link.
func (RemoveRoute) Step() Step { return StepRemoveRoutes }

// Step returns the action's place within its link.
func (RevokeRule) Step() Step { return StepRemoveRules }

// Step returns the action's place within its link.
func (CloseConnection) Step() Step { return StepClose }

// Batch is what one call can carry: actions of one scope and step that differ only in what EC2 takes a list of.
type Batch []Action

// Scope returns the scope of the batch's call.
func (b Batch) Scope() netstate.Scope { return b[0].Scope() }

// batchKey is what must be equal for two actions to share a call; the zero key never shares.
type batchKey struct {
	kind  string
	at    netstate.Scope
	group netstate.GroupID
	dir   netstate.Direction
	tags  string
}

// keyOf says with which others an action can share a call (aws-sdk service models: Authorize, Revoke and
// UpdateSecurityGroupRuleDescriptions take many rules of one group and direction, Modify of one group; the tags of an Authorize call go on
// all its rules; CreateTags takes many resources).
func keyOf(a Action) batchKey {
	switch a := a.(type) {
	case AllowRule:
		return batchKey{"allow", a.At, a.Key.Group, a.Key.Dir, a.Tags.String()}
	case ChangeRule:
		return batchKey{"change", a.At, a.Key.Group, "", ""}
	case DescribeRule:
		return batchKey{"describe", a.At, a.Key.Group, a.Key.Dir, ""}
	case TagRule:
		return batchKey{"tag", a.At, "", "", a.Tags.String()}
	case RevokeRule:
		return batchKey{"revoke", a.At, a.Key.Group, a.Key.Dir, ""}
	}
	return batchKey{}
}

// Batches groups actions of one link into calls, keeping the order in which each call's first action stands.
func Batches(actions []Action) []Batch {
	var out []Batch
	at := map[batchKey]int{}
	for _, a := range actions {
		k := keyOf(a)
		if i, ok := at[k]; ok && k != (batchKey{}) {
			out[i] = append(out[i], a)
			continue
		}
		at[k] = len(out)
		out = append(out, Batch{a})
	}
	return out
}
