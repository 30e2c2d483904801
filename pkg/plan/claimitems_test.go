package plan_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, s := range texts {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// target is what an observed route points at: how its row is headed, and the world in which it is so.
type target struct {
	name  string
	to    netstate.Target
	world func(o *netstate.Observed)
	more  string // peerings of the spec beside p
}

// The destinations of the route: p wants the first, and nobody the second.
var (
	wantedDest   = netip.MustParsePrefix("10.2.0.0/16")
	unwantedDest = netip.MustParsePrefix("192.168.77.0/24")
)

// targets are everything that a route can point at, as far as the claims tell it apart.
func targets() []target {
	pcx := netstate.ToPeering
	all := []target{
		{name: "the peering's own connection", to: pcx("pcx-1")},
		{name: "a connection that is not listed", to: pcx("pcx-99")},
		{name: "local", to: netstate.Target{Kind: netstate.TargetLocal, ID: "local"}},
		{name: "a transit gateway", to: netstate.Target{Kind: netstate.TargetOther, ID: "tgw-1"}},
		{name: "a target of an unknown kind", to: netstate.Target{Kind: netstate.TargetOther}},
	}
	for _, of := range owners[:4] {
		for _, s := range statuses {
			all = append(all, target{name: fmt.Sprintf("a connection: %s, %s", of, shortStatus(s)), to: pcx("pcx-2"), world: func(o *netstate.Observed) {
				o.Connections["pcx-2"] = joining("pcx-2", hub, far, s, [2]string{of, of})
			}})
		}
	}
	return append(all, targetsOfPeerings()...)
}

// targetsOfPeerings are connections that another peering of the spec has, which does not want this destination.
func targetsOfPeerings() []target {
	const q = "  - {name: q%s, requester: {vpc: hub, routes: {tables: %s}}, accepter: {vpc: tools, routes: {tables: %s}}}\n"
	conn := func(views [2]string, change func(o *netstate.Observed)) func(o *netstate.Observed) {
		return func(o *netstate.Observed) {
			c := joining("pcx-2", hub, tools, netstate.Active, views)
			for i := range c.Views {
				c.Views[i].Tags[netstate.TagLink] = "q"
			}
			o.Connections["pcx-2"] = c
			change(o)
		}
	}
	nothing := func(*netstate.Observed) {}
	ours := [2]string{"ours", "ours"}
	return []target{
		{"ours, of another peering", netstate.ToPeering("pcx-2"), conn(ours, nothing), fmt.Sprintf(q, "", "none", "none")},
		{"ours, of another peering that is held", netstate.ToPeering("pcx-2"), conn(ours, func(o *netstate.Observed) { delete(o.VPCs, tools) }), fmt.Sprintf(q, "", "none", "none")},
		{"ours, of another peering that is held at this VPC", netstate.ToPeering("pcx-2"), conn(ours, nothing), fmt.Sprintf(q, "", "{tags: {no: such}}", "none")},
		{"ours, of another peering that is held at its other VPC", netstate.ToPeering("pcx-2"), conn(ours, nothing), fmt.Sprintf(q, "", "none", "{tags: {no: such}}")},
		{"ours, of another peering that is suspended", netstate.ToPeering("pcx-2"), conn(ours, nothing), fmt.Sprintf(q, ", suspend: {reason: test}", "none", "none")},
		{"ours, a leftover suspended by a tag", netstate.ToPeering("pcx-2"), func(o *netstate.Observed) {
			c := joining("pcx-2", hub, far, netstate.Active, ours)
			c.Views[1].Tags[netstate.TagSuspend] = "test"
			o.Connections["pcx-2"] = c
		}, ""},
	}
}

// routes: one route in a table that p selects, with every target, state and origin.
func (c *claims) routes() {
	c.table(routeLegend)
	t := c.table("Route made by CreateRoute", "points at", "state",
		"wanted, report", "wanted, replace", "not wanted, report", "not wanted, replace")
	for _, x := range targets() {
		for _, state := range []netstate.RouteState{"active", "blackhole"} {
			t.row([]string{x.name, string(state)}, c.routeCells(x, netstate.Route{Target: x.to, Origin: netstate.OriginCreateRoute, State: state})...)
		}
	}
	t = c.table("Route of another origin: the verdicts with all the targets and states above, counted", "origin",
		"wanted, report", "wanted, replace", "not wanted, report", "not wanted, replace")
	for _, origin := range []string{"CreateRouteTable", "EnableVgwRoutePropagation", "Advertisement", "an unknown one"} {
		counts := [4]map[string]int{{}, {}, {}, {}}
		for _, x := range targets() {
			for _, state := range []netstate.RouteState{"active", "blackhole"} {
				for i, got := range c.routeCells(x, netstate.Route{Target: x.to, Origin: origin, State: state}) {
					counts[i][got.verdict]++
				}
			}
		}
		var cells []cell
		for _, n := range counts {
			cells = append(cells, cell{verdict: counted(n)})
		}
		t.row([]string{origin}, cells...)
	}
}

const routeLegend = `ROUTES in a selected table, wanted or not, with onConflict: report and replace

  ours     it stays, or is removed where it is not wanted
  take     it is replaced in place
  beside   ours is added: a propagated route hinders none
  foreign  it is left alone, and a conflict where it is wanted
  leaves   it is removed before its own connection, which no entry wants`

func counted(n map[string]int) string {
	var out []string
	for _, verdict := range slices.Sorted(maps.Keys(n)) {
		out = append(out, fmt.Sprintf("%s ×%d", verdict, n[verdict]))
	}
	return strings.Join(out, ", ")
}

// routeCells are the verdicts on one route: wanted or not, and with both values of onConflict.
func (c *claims) routeCells(x target, r netstate.Route) (out []cell) {
	for _, dest := range []netip.Prefix{wantedDest, unwantedDest} {
		for _, conflict := range []string{"report", "replace"} {
			s := c.spec(false, "  - {name: p, requester: {vpc: hub, routes: {onConflict: "+conflict+"}}, accepter: {vpc: pay, routes: {tables: none}}}\n"+x.more)
			out = append(out, c.route(s, x, dest, r))
		}
	}
	return out
}

func (c *claims) route(s *spec.Set, x target, dest netip.Prefix, r netstate.Route) cell {
	o := c.world()
	o.Connections["pcx-1"] = joining("pcx-1", hub, pay, netstate.Active, [2]string{"ours", "ours"})
	if x.world != nil {
		x.world(o)
	}
	k := netstate.RouteKey{Scope: here, Table: tableOf(hub), Dest: netstate.Dest{Prefix: dest},
		Propagated: r.Origin == "EnableVgwRoutePropagation" || r.Origin == "Advertisement"}
	o.Routes[k] = r
	c.nothingIsRemovedWithoutPrune(s, o)
	return routeVerdict(c.plan(s, o, true), k, dest == wantedDest)
}

// routeVerdict says what the plan makes of the only route to a destination.
func routeVerdict(p *plan.Plan, k netstate.RouteKey, wanted bool) cell {
	for _, a := range p.Actions {
		switch a := a.(type) {
		case plan.ReplaceRoute:
			if a.Key == k {
				return cell{verdict: "take"}
			}
		case plan.AddRoute:
			if a.Key.Dest == k.Dest {
				return cell{verdict: "beside"}
			}
		case plan.RemoveRoute:
			if a.Key == k && a.Of == "p" && a.Was == netstate.ToPeering("pcx-1") {
				return cell{verdict: "ours"}
			}
			if a.Key == k {
				return cell{verdict: "leaves"}
			}
		}
	}
	for _, x := range p.Problems {
		if x.Code == plan.CodeRouteConflict && x.Link == "p" {
			_, why, _ := strings.Cut(x.Message, "): ")
			return cell{"foreign", why}
		}
	}
	if wanted {
		return cell{verdict: "ours"}
	}
	return cell{verdict: "foreign"}
}

// rules: one rule of a group, with every owner tag.
func (c *claims) rules() {
	c.table(ruleLegend)
	t := c.table("Rule of a group that an entry names", "owner tag", "wanted, as described", "wanted, described otherwise", "not wanted")
	for _, of := range owners[:4] {
		var cells []cell
		for _, k := range []struct{ port, description string }{{"443", "as wanted"}, {"443", "otherwise"}, {"443, direction: egress", "as wanted"}} {
			s := c.spec(false, "  - {name: p, requester: {vpc: hub, routes: {tables: none}, rules: [{group: sg-0000000000000000a, protocol: tcp, ports: "+k.port+
				", description: as wanted}]}, accepter: {vpc: pay, routes: {tables: none}}}\n")
			cells = append(cells, c.rule(s, of, k.description))
		}
		t.row([]string{of}, cells...)
	}
}

const ruleLegend = `SECURITY-GROUP RULES, with --prune

  ours       it stays, and its description and tags are mended
  satisfies  it meets the entry and stays as it is
  foreign    it is left alone
  revoked    it is ours and extra`

func (c *claims) rule(s *spec.Set, of, description string) cell {
	o := c.world()
	o.Connections["pcx-1"] = joining("pcx-1", hub, pay, netstate.Active, [2]string{"ours", "ours"})
	o.Groups[netstate.GroupKey{Scope: here, ID: "sg-0000000000000000a"}] = netstate.Group{VPC: hub.ID, Owner: here.Account, Name: "app"}
	k := netstate.RuleKey{Scope: here, Group: "sg-0000000000000000a", Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: 443, To: 443}, Peer: netstate.Peer{Prefix: wantedDest}}
	tags := view(of).Tags
	if of == "ours" {
		tags[netstate.TagLink] = "left" // of a peering that is gone
	}
	o.Rules[k] = netstate.Rule{ID: "sgr-1", Description: description, Tags: tags}
	c.nothingIsRemovedWithoutPrune(s, o)
	return ruleVerdict(c.plan(s, o, true), k)
}

// ruleVerdict says what the plan makes of the only rule of the group.
func ruleVerdict(p *plan.Plan, k netstate.RuleKey) cell {
	wanted, verdict := true, "satisfies"
	var mends []string
	for _, a := range p.Actions {
		switch a := a.(type) {
		case plan.AllowRule:
			wanted = a.Key == k // the other one is missing
		case plan.RevokeRule:
			return cell{verdict: "revoked"}
		case plan.TagRule:
			verdict, mends = "ours", append(mends, "tags")
		case plan.DescribeRule:
			verdict, mends = "ours", append(mends, "description")
		}
	}
	if !wanted {
		return cell{verdict: "foreign"}
	}
	return cell{verdict: strings.TrimSuffix(verdict+": "+strings.Join(mends, ", "), ": ")}
}
