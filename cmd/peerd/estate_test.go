package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/simtest"
)

// estate keeps account of what is whose in a simulated world, from its dumps and the log of its calls alone: what was there at first and is
// not named by a spec's adopt, and what others made since, is foreign. It asks nothing of peerd's own idea of ownership.
type estate struct {
	*testing.T
	sim     *ec2sim.Sim
	known   string // the dump at the start
	foreign map[string]bool
}

// derived is what EC2 works out of a rule's reference at every read: it follows the connections, and nobody writes it.
var derived = regexp.MustCompile(` via=\S+ peering=\S+`)

// facts are the lines of the world, without what EC2 derives.
func (e *estate) facts() []string {
	return simtest.Lines(derived.ReplaceAllString(e.sim.Dump(), ""))
}

// naming are the facts that name one of some ids.
func (e *estate) naming(ids []string) []string {
	return slices.DeleteFunc(e.facts(), func(l string) bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(l, id) })
	})
}

func (e *estate) add(foreign []string) {
	for _, l := range foreign {
		e.foreign[l] = true
	}
}

// others is what other people do: what they make is foreign, and what they take away is nobody's any more.
func (e *estate) others(do func()) {
	was := e.facts()
	do()
	now := e.facts()
	e.add(simtest.Without(now, was))
	for _, l := range simtest.Without(was, now) {
		delete(e.foreign, l)
	}
}

// account holds a pass against the world before it. What is foreign stays, but for what the step takes; no call names it; and whatever else
// came, went or changed was the subject of a call.
func (e *estate) account(s step, was []string, calls []ec2sim.Call) {
	now := e.facts()
	t := touched(calls)
	for _, l := range simtest.Without(was, now) {
		taken := slices.ContainsFunc(s.takes, func(begin string) bool { return strings.HasPrefix(l, begin) })
		switch {
		case e.foreign[l] && !taken:
			e.Errorf("%s: foreign, and gone or changed: %s", s.dir, l)
		case taken != e.foreign[l]:
			e.Errorf("%s: to be taken, but not foreign: %s", s.dir, l)
		case !t.explains(l):
			e.Errorf("%s: gone without a call: %s", s.dir, l)
		}
		delete(e.foreign, l)
	}
	for _, begin := range s.takes {
		if !slices.ContainsFunc(simtest.Without(was, now), func(l string) bool { return strings.HasPrefix(l, begin) }) {
			e.Errorf("%s: not taken: %s", s.dir, begin)
		}
	}
	for _, l := range simtest.Without(now, was) {
		if !t.explains(l) {
			e.Errorf("%s: came without a call: %s", s.dir, l)
		}
	}
	for l := range e.foreign {
		if id := subject(l); t.subjects[id] && !strings.Contains(l, "origin=EnableVgwRoutePropagation") {
			e.Errorf("%s: a call names what is foreign: %s", s.dir, l)
		}
	}
}

// touches are what calls that worked were about.
type touches struct {
	subjects map[string]bool // routes, rules by id, and connections by id
	groups   map[string]bool // security groups that got rules
	pairs    map[string]bool // requested connections, as the dump tells their ends
	closed   map[string]bool // connections
}

func touched(calls []ec2sim.Call) touches {
	t := touches{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, c := range calls {
		if c.Applied {
			t.note(c)
		}
	}
	return t
}

func (t touches) note(c ec2sim.Call) {
	at, p := c.Account+"/"+c.Region, c.Params
	switch c.Action {
	case "CreateRoute", "ReplaceRoute", "DeleteRoute":
		t.subjects[at+" route "+p.Get("RouteTableId")+" "+p.Get("DestinationCidrBlock")+p.Get("DestinationIpv6CidrBlock")+p.Get("DestinationPrefixListId")] = true
	case "CreateVpcPeeringConnection":
		t.pairs["requester="+at+"/"+p.Get("VpcId")+" accepter="+p.Get("PeerOwnerId")+"/"+p.Get("PeerRegion")+"/"+p.Get("PeerVpcId")] = true
	case "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress":
		t.groups[at+" "+p.Get("GroupId")] = true
	case "DeleteVpcPeeringConnection":
		t.closed[p.Get("VpcPeeringConnectionId")] = true
		fallthrough
	default:
		for _, values := range p {
			for _, id := range values {
				t.subjects[id] = t.subjects[id] || strings.HasPrefix(id, "sgr-") || strings.HasPrefix(id, "pcx-")
			}
		}
	}
}

// explains reports whether a call was about a fact. A route to a connection that was closed turns into a blackhole by itself.
func (t touches) explains(fact string) bool {
	f := strings.Fields(fact)
	switch {
	case t.subjects[subject(fact)]:
		return true
	case f[1] == "route":
		return t.closed[f[5]]
	case f[1] == "rule":
		return t.groups[f[0]+" "+f[3]]
	case f[1] == "connection":
		return t.pairs[f[3]+" "+f[4]]
	}
	return false
}

// subject is what a call about a fact names; nothing for kinds of facts that peerd has no business with.
func subject(fact string) string {
	f := strings.Fields(fact)
	switch f[1] {
	case "route":
		return strings.Join(f[:4], " ")
	case "rule", "connection":
		return f[2]
	}
	return "nothing"
}

// census counts what an estate has, by what and which.
type census map[string]map[string]bool

func (c census) note(what, which string) {
	if c[what] == nil {
		c[what] = map[string]bool{}
	}
	c[what][which] = true
}

var tagsOf = regexp.MustCompile(`tags=(\{.*\})$`)

func (c census) count(fact string) {
	f := strings.Fields(fact)
	account, region, _ := strings.Cut(f[0], "/")
	tags := map[string]string{}
	if m := tagsOf.FindStringSubmatch(fact); m != nil {
		_ = json.Unmarshal([]byte(m[1]), &tags)
	}
	switch f[1] {
	case "vpc":
		c.note("vpcs", f[2])
		c.note("accounts", account)
		c.note("regions", region)
	case "connection":
		c.connection(f, tags["peerd:owner"]+tags["managed-by"])
	case "route":
		c.note("targets", f[5][:strings.IndexAny(f[5]+"-", "-:")])
		c.note("origins", strings.TrimPrefix(f[6], "origin="))
		c.note("route states", strings.TrimPrefix(f[7], "state="))
		c.note("destinations", addressKind(f[3]))
	case "rule":
		c.rule(fact, f, tags["peerd:owner"])
	}
}

// connection counts a view of a connection. One view with an owner is enough to make it the owner's.
func (c census) connection(f []string, owner string) {
	if owner != "" {
		c.note("owners", owner)
		c.note("owned", f[2])
		delete(c["by hand"], f[2])
		return
	}
	if !c["owned"][f[2]] {
		c.note("by hand", f[2])
		c.note("states by hand", strings.TrimPrefix(f[5], "status="))
	}
}

func (c census) rule(fact string, f []string, owner string) {
	kind := addressKind(f[7])
	switch {
	case strings.Contains(fact, " peering=active"):
		kind = "group over a peering"
	case strings.Contains(fact, " peering="):
		kind = "group of a dead peering"
	}
	c.note("peers of rules", kind)
	c.note("protocols", f[5])
	if owner != "" {
		c.note("rules with owner", owner)
	}
}

func addressKind(s string) string {
	switch {
	case strings.Contains(s, "sg-"):
		return "group"
	case strings.HasPrefix(s, "pl-"):
		return "list"
	case strings.Contains(s, ":"):
		return "IPv6"
	}
	return "IPv4"
}
