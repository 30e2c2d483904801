package preflight

import (
	"fmt"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// The codes of findings; stable, for people to search and for tools to match.
const (
	CodePeerings = "quota-peerings-per-vpc"     // active peerings of one VPC
	CodeRequests = "quota-outstanding-requests" // requests of one account and region that wait for acceptance
	CodeRoutes   = "quota-routes-per-table"     // by address family
	CodeRules    = "quota-rules-per-group"      // by direction and address family
	CodeShadowed = "route-shadowed"             // a longer prefix takes traffic from a wanted route
	CodeTakes    = "route-takes-traffic"        // a new route takes traffic from a wider one
	CodeACL      = "acl-stops-rule"             // network ACLs let nothing of a declared rule's traffic pass

	CodeUnreadACLs = "acl-unread" // network ACLs could not be listed
)

// Check returns what the plan would run into, and how much of each quota is used. A stated quota that would be passed refuses what is new,
// in the order of names; an assumed one warns.
func Check(s *spec.Set, want *plan.Desired, o *netstate.Observed, p *plan.Plan) ([]plan.Refusal, []plan.QuotaUse) {
	c := &checker{want: want, o: o, plan: p, vpcs: vpcsOf(want, o), accounts: map[netstate.AccountID]*spec.Account{}, links: map[netstate.Link]*spec.Peering{},
		joins: map[netstate.Link]bool{}, joining: map[netstate.ConnID]bool{}, conns: map[netstate.Link]netstate.ConnID{}}
	for _, a := range s.Accounts {
		c.accounts[a.ID] = a
	}
	for _, x := range s.Peerings {
		c.links[x.Name] = x
	}
	for _, x := range p.Links {
		c.conns[x.Name] = x.Conn
	}
	c.findJoining()
	c.peerings()
	c.requests()
	c.routes()
	c.rules()
	c.traffic()
	c.acls()
	return c.found, c.sortedUses()
}

type checker struct {
	want     *plan.Desired
	o        *netstate.Observed
	plan     *plan.Plan
	accounts map[netstate.AccountID]*spec.Account
	links    map[netstate.Link]*spec.Peering
	joins    map[netstate.Link]bool            // peerings whose request the plan accepts
	joining  map[netstate.ConnID]bool          // their requests, where there are any yet
	conns    map[netstate.Link]netstate.ConnID // living ones of ours
	adding   map[netstate.Link][]plan.Action   // what the plan adds, once it was asked for
	vpcs     map[string]netstate.VPC           // of the spec, by name, as far as they were seen
	found    []plan.Refusal
	uses     []plan.QuotaUse
}

func (c *checker) warn(l netstate.Link, code, format string, args ...any) {
	c.warnAt(l, c.pos(l), code, format, args...)
}

func (c *checker) warnAt(l netstate.Link, pos spec.Pos, code, format string, args ...any) {
	c.found = append(c.found, plan.Refusal{Problem: plan.Problem{Link: l, Code: code, Pos: pos, Severity: plan.Warns, Message: fmt.Sprintf(format, args...)}})
}

func (c *checker) pos(l netstate.Link) spec.Pos {
	if p := c.links[l]; p != nil {
		return p.Pos
	}
	return spec.Pos{}
}
