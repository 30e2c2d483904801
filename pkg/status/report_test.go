package status_test

import (
	"errors"
	"net/netip"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
)

var (
	noon    = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	west    = netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	east    = netstate.Scope{Account: "222222222222", Region: "us-east-1"}
	theirs  = netstate.Scope{Account: "999999999999", Region: "us-east-1"}
	unnamed = netstate.Scope{Account: "333333333333", Region: "eu-west-1"} // of a leftover's other side
)

func link(name netstate.Link, change func(*plan.LinkState)) plan.LinkState {
	s := plan.LinkState{Name: name, Conn: netstate.ConnID("pcx-" + name), Status: netstate.Active, Ends: [2]plan.LinkEnd{
		{Name: "hub", VPC: netstate.VPC{Scope: west, ID: "vpc-0000000000000000a"}}, {Name: "payments", VPC: netstate.VPC{Scope: east, ID: "vpc-0000000000000000b"}}}}
	if change != nil {
		change(&s)
	}
	return s
}

func drift(l netstate.Link, r plan.Resource, k plan.DriftKind, what string) plan.Drift {
	return plan.Drift{Link: l, Resource: r, Kind: k, What: what}
}

func holds(l netstate.Link, s plan.Severity, code string) plan.Problem {
	return plan.Problem{Link: l, Code: code, Severity: s, Message: "no route table of vpc-0000000000000000a matches 10.20.0.0/16"}
}

// rich is a report in which everything is said that a report can say.
func rich() *reconcile.Report {
	final := &plan.Plan{
		Links: []plan.LinkState{
			link("broken", func(s *plan.LinkState) { s.Held, s.Unknown, s.Conn, s.Status = true, true, "", "" }),
			link("foreign", func(s *plan.LinkState) { s.Held, s.Conn, s.Status = true, "", "" }),
			link("frozen", func(s *plan.LinkState) { s.Suspended = "INC-42 <script>" }),
			link("half", nil),
			link("hub-data", nil),
			link("hub-payments", nil),
			link("old", func(s *plan.LinkState) { s.Leftover = true }),
			link("partner", func(s *plan.LinkState) {
				s.Status, s.Waiting, s.Expires = netstate.Pending, "acceptance by 999999999999", noon.Add(7*24*time.Hour)
				s.Ends[1].VPC = netstate.VPC{Scope: theirs, ID: "vpc-0000000000000000c"}
			}),
			link("pcx-0123456789abcdef0", func(s *plan.LinkState) { s.Leftover = true }),
			link("rejected", func(s *plan.LinkState) { s.Conn, s.Status = "", "" }),
			link("shadowed", nil),
			link("Said by \"somebody\"\n# HELP x", func(s *plan.LinkState) { s.Leftover = true }),
		},
		Drift: []plan.Drift{
			drift("foreign", plan.ResourceConnection, plan.DriftConflict, "pcx-9"),
			drift("frozen", plan.ResourceRoute, plan.DriftExtra, "route 10.9.0.0/16"),
			drift("half", plan.ResourceRule, plan.DriftMissing, "rule tcp 443"),
			drift("hub-data", plan.ResourceRoute, plan.DriftMissing, "route 10.1.0.0/16"),
			drift("hub-data", plan.ResourceRoute, plan.DriftMissing, "route 10.2.0.0/16"),
			drift("hub-data", plan.ResourceRule, plan.DriftChanged, "rule sgr-1"),
			drift("old", plan.ResourceConnection, plan.DriftExtra, "connection pcx-old"),
			drift("partner", plan.ResourceConnection, plan.DriftChanged, "pcx-partner is pending-acceptance"),
			drift("pcx-0123456789abcdef0", plan.ResourceConnection, plan.DriftExtra, "connection pcx-0123456789abcdef0"),
			drift("rejected", plan.ResourceConnection, plan.DriftMissing, "connection"),
			drift("Said by \"somebody\"\n# HELP x", plan.ResourceRule, plan.DriftExtra, "rule sgr-2"),
		},
		Problems: []plan.Problem{
			holds("broken", plan.HoldsLink, plan.CodeUnread), holds("foreign", plan.HoldsLink, plan.CodeForeignConn), holds("half", plan.HoldsSide, plan.CodeNoTables),
			holds("rejected", plan.HoldsLink, plan.CodeRejected), holds("shadowed", plan.Warns, "route-shadowed"),
		},
		Unmanaged: []plan.Unmanaged{{Scope: west, Resource: plan.ResourceConnection, Count: 2}, {Scope: west, Resource: plan.ResourceRule, Count: 41}, {Scope: east, Resource: plan.ResourceRoute, Count: 9}, {Scope: unnamed, Resource: plan.ResourceRoute, Count: 1}},
		Quotas:    []plan.QuotaUse{{VPC: "hub", Quota: "peerings_per_vpc", Used: 7, Limit: 125, Stated: true}, {VPC: "hub", Quota: "routes_per_table", Used: 31, Limit: 500}},
	}
	first := *final
	first.Drift = append([]plan.Drift{drift("hub-payments", plan.ResourceRoute, plan.DriftMissing, "route 10.20.0.0/16")}, final.Drift...)
	first.Actions = []plan.Action{route("10.20.0.0/16"), plan.ReplaceRoute{Key: route("10.1.0.0/16").Key}, plan.CloseConnection{Conn: "pcx-old"}}
	first.Withheld = &plan.Withheld{Reason: "3 of 9 peerings would lose something"}
	return &reconcile.Report{
		Started: noon, Finished: noon.Add(9 * time.Second), First: &first, Final: final, Paused: true,
		Took: reconcile.Phases{Read: 2 * time.Second, Diff: 20 * time.Millisecond, Apply: 7 * time.Second},
		Scopes: []reconcile.ScopeRead{{Scope: west, At: noon}, {Scope: east, At: noon, Err: &netstate.Error{Op: "list", Scope: east, Kind: netstate.Denied, Code: "UnauthorizedOperation", Message: "no"}},
			{Scope: unnamed, At: noon}},
		Accounts: map[netstate.AccountID]string{west.Account: "network", east.Account: "payments", theirs.Account: "partner"},
	}
}

func route(to string) plan.AddRoute {
	return plan.AddRoute{Key: netstate.RouteKey{Scope: west, Table: "rtb-1", Dest: netstate.Dest{Prefix: netip.MustParsePrefix(to)}}}
}

// turn is a full pass with that report, after a fetch that worked.
func turn(r *reconcile.Report) reconcile.Turn {
	return reconcile.Turn{Fetched: true, Took: 300 * time.Millisecond, Mode: reconcile.ModeFull, Report: r,
		Commit: reconcile.Commit{Hash: "8f14e45fceea167a5a36dedd4bea2543a1b2c3d4", Time: noon.Add(-time.Hour)}}
}

var errFetch = errors.New("connection refused by 192.0.2.1")
