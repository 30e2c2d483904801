package trace

import (
	"net/netip"

	"github.com/peerd/peerd/pkg/netstate"
)

// Step is a kind of hop.
type Step string

// The steps of a walk, in their order.
const (
	StepFrom       Step = "from"
	StepTo         Step = "to"
	StepRoute      Step = "route"
	StepConnection Step = "connection"
	StepBack       Step = "route back"
	StepBackOver   Step = "connection back" // only where the way back is another connection
	StepGroupOut   Step = "group egress"
	StepGroupIn    Step = "group ingress"
	StepACLOut     Step = "acl egress"
	StepACLIn      Step = "acl ingress"
	StepReplyOut   Step = "acl reply egress"
	StepReplyIn    Step = "acl reply ingress"
)

// Why says what is the matter with a hop that does not say yes.
type Why string

// The reasons of a no, and that of an unknown.
const (
	NoVPC     Why = "no-vpc"     // the VPC that the spec means is not there
	NoSubnet  Why = "no-subnet"  // no subnet has the address
	NoFamily  Why = "no-family"  // the ends have no addresses of one family
	NoRoute   Why = "no-route"   // no route matches
	Blackhole Why = "blackhole"  // the route that matches drops everything
	Elsewhere Why = "elsewhere"  // the route that matches does not lead to the other VPC
	NotActive Why = "not-active" // the connection is not, or not yet
	NoRule    Why = "no-rule"    // no rule of the groups lets it through
	Denied    Why = "denied"     // an entry of the network ACL denies it
	Unread    Why = "unknown"    // it cannot be known
)

// Hop is one place on the way, and what it says.
type Hop struct {
	Step  Step
	Says  netstate.Tri
	Why   Why // empty where it says yes
	Scope netstate.Scope
	ID    string // the AWS object that says it; empty where there is none
	Text  string // what it does with the packet
	Cure  string // what would change it; empty where it says yes
}

// Path is the walk of one packet.
type Path struct {
	From, To netip.Addr
	Hops     []Hop
}

// Decisive returns the hop that decides: the first that says no, else the first unknown, else nil.
func (p Path) Decisive() *Hop {
	for _, want := range []netstate.Tri{netstate.No, netstate.Unknown} {
		for i := range p.Hops {
			if p.Hops[i].Says == want {
				return &p.Hops[i]
			}
		}
	}
	return nil
}

// Reaches says whether the packet arrives and its reply comes back.
func (p Path) Reaches() netstate.Tri {
	if h := p.Decisive(); h != nil {
		return h.Says
	}
	return netstate.Yes
}

// Result is the answer to a question.
type Result struct {
	Reaches  netstate.Tri
	From, To netstate.VPC // as far as they could be told
	Path     Path         // the first that decides; of a yes the first of all
	Yes      int          // how many parts of the ends reach each other
	No       int
	Unknown  int
	Unjudged []string // what was left out of the judgement, in words
}

// add counts a path and keeps it if it decides.
func (r *Result) add(p Path) {
	says := p.Reaches()
	switch says {
	case netstate.Yes:
		r.Yes++
	case netstate.No:
		r.No++
	default:
		r.Unknown++
	}
	first := r.Yes+r.No+r.Unknown == 1
	if first || says == netstate.No && r.Reaches != netstate.No || says == netstate.Unknown && r.Reaches == netstate.Yes {
		r.Reaches, r.Path = says, p
	}
}
