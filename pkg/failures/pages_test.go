package failures_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// manyPages is a mesh of seven VPCs, read five items a page: 21 connections are five pages.
func manyPages(t *testing.T) *simtest.Rig {
	t.Helper()
	world := "accounts:\n  - id: '111111111111'\n    regions:\n      eu-west-1:\n        vpcs:\n"
	text := "apiVersion: peerd/v1\nowner: acme\naccounts:\n  network: {id: '111111111111', role: peerd}\nvpcs:\n"
	var members []string
	for i := range 7 {
		world += fmt.Sprintf("          - {id: vpc-%017x, cidrs: [10.%d.0.0/16], tags: {mesh: 'yes'}, groups: [{name: app, tags: {tier: app}}]}\n", i+1, i)
		text += fmt.Sprintf("  v%d: {account: network, region: eu-west-1, id: vpc-%017x}\n", i, i+1)
		members = append(members, fmt.Sprintf("v%d", i))
	}
	text += "meshes:\n  - {name: core, vpcs: [" + strings.Join(members, ", ") + "], side: {rules: [{group: {tags: {tier: app}}, protocol: tcp, ports: 443}]}}\n"
	r := simtest.New(t, ec2sim.Config{World: []byte(world)}, text)
	r.AWS = append(r.AWS, func(c *awsnet.Config) { c.PageSize = 5 })
	applied(t, r)
	return r
}

// paged are the listings of manyPages with their numbers of pages.
var paged = map[string]int{
	"DescribeVpcPeeringConnections": 5, "DescribeVpcs": 2, "DescribeRouteTables": 2, "DescribeSecurityGroups": 2, "DescribeSecurityGroupRules": 9,
}

// A listing is whole or void: what was on the pages before an error is evidence of nothing.
func TestF27ErrorBetweenPages(t *testing.T) {
	t.Parallel()
	for action, pages := range paged {
		inBubble(t, action, func(t *testing.T) {
			r := manyPages(t)
			for name, f := range map[string]fault.Rule{
				"is refused":            {Kind: fault.Error, Code: "UnauthorizedOperation", Before: true},
				"fails again and again": {Kind: fault.ServerError, Before: true},
				"is cut off":            {Kind: fault.Truncated},
				"has an invalid token":  {Kind: fault.Error, Code: "InvalidNextToken", Before: true},
			} {
				for page := 2; page <= min(pages, 5); page += 3 {
					f.Operation, f.From = action, page
					r.Sim.Inject(f)
					mustBeVoid(t, r, fmt.Sprintf("page %d %s", page, name))
				}
			}
			r.Sim.Inject(fault.Rule{Operation: action, Kind: fault.RepeatToken})
			mustBeVoid(t, r, "a page names itself as the next")
		})
	}
}

// mustBeVoid makes a pass with --prune that must change nothing, and say that something could not be read.
func mustBeVoid(t *testing.T, r *simtest.Rig, name string) {
	t.Helper()
	before, calls := r.Sim.Dump(), len(r.Sim.Calls())
	pass, changed := r.Prune(100)
	if pass.Exit() != reconcile.ExitAttention && pass.Exit() != reconcile.ExitFailed || len(changed) > 0 || r.Sim.Dump() != before {
		t.Errorf("%s: exit %d, %d calls that change something\n%s", name, pass.Exit(), len(changed), simtest.Text(pass))
	}
	hit := func(c ec2sim.Call) bool { return c.Fault != "" && c.Params.Get("NextToken") != "" }
	failures.Shown(t, 27, slices.ContainsFunc(r.Sim.Calls()[calls:], hit), name)
	r.Sim.ClearFaults()
}

// An item that is on no page, since the listing changed between two of them, is not made twice, and nothing is removed for want of it.
func TestF27ItemMissingBetweenPages(t *testing.T) {
	t.Parallel()
	for action, pages := range paged {
		inBubble(t, action, func(t *testing.T) {
			r := manyPages(t)
			before := r.Sim.Dump()
			for page := 1; page < pages; page++ {
				r.Sim.Inject(fault.Rule{Operation: action, From: page, Count: 1, Kind: fault.DropItem})
				pass, changed := r.Prune(100)
				if r.Sim.Dump() != before {
					t.Errorf("the last item of page %d is missing: exit %d, gained\n%s\nlost\n%s\nby %v\n%s", page, pass.Exit(),
						strings.Join(gained(r, before), "\n"), strings.Join(lost(r, before), "\n"), changed, simtest.Text(pass))
				}
				r.Sim.ClearFaults()
			}
			mustRest(t, r)
			failures.Shown(t, 27, r.Sim.Fired()[fault.DropItem] == pages-1, "an item that is on no page")
		})
	}
}
