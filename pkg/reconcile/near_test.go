package reconcile

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// shown is AWS whose looks a test sets, and which keeps what it was asked.
type shown struct {
	next  *netstate.Observed
	asked []netstate.Look
	fails *netstate.Error // of every call
	while func()          // a look is made; nil: nothing
}

func (s *shown) Observe(_ context.Context, l netstate.Look) (*netstate.Observed, error) {
	s.asked = append(s.asked, l)
	if s.while != nil {
		s.while()
	}
	return s.next, nil
}

func (s *shown) Apply(_ context.Context, b plan.Batch, _ func() bool) (out []plan.Outcome) {
	for _, a := range b {
		out = append(out, plan.Outcome{Action: a, Err: s.fails})
	}
	return out
}

var (
	west  = netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	east  = netstate.Scope{Account: "222222222222", Region: "us-east-1"}
	whole = netstate.ScopeLook{VPCs: []netstate.VPCSelector{{ID: "vpc-1"}}, DNS: []netstate.VPCSelector{{ID: "vpc-1"}}, Tables: true, Subnets: true, ACLs: true,
		Groups: []netstate.GroupAsk{{Group: netstate.GroupSelector{ID: "sg-1"}}}, PrefixLists: []netstate.PrefixListID{"pl-1"}}
	everything = netstate.Look{Owner: "acme", Scopes: map[netstate.Scope]netstate.ScopeLook{west: whole, east: whole}}
)

// The first look reads everything; the next one connections, and what was changed.
func TestNearLooks(t *testing.T) {
	t.Parallel()
	tables := netstate.ScopeLook{VPCs: whole.VPCs, Tables: true}
	rules := netstate.ScopeLook{Groups: whole.Groups}
	ends := plan.CloseConnection{Requester: netstate.VPC{Scope: west, ID: "vpc-1"}, Accepter: netstate.VPC{Scope: east, ID: "vpc-2"}}
	for name, tc := range map[string]struct {
		did        plan.Action // nil: nothing
		fails      bool
		owner      netstate.OwnerID
		west, east netstate.ScopeLook
	}{
		"nothing":    {},
		"a request":  {did: plan.Placed(plan.OpenConnection{}, "a-b", west)},
		"tags":       {did: plan.Placed(plan.TagConnection{}, "a-b", west)},
		"options":    {did: plan.Placed(plan.SetOptions{}, "a-b", west)},
		"a route":    {did: plan.Placed(plan.AddRoute{}, "a-b", west), west: tables},
		"its target": {did: plan.Placed(plan.ReplaceRoute{}, "a-b", west), west: tables},
		"a rule":     {did: plan.Placed(plan.AllowRule{}, "a-b", west), owner: "acme", west: rules},
		"its words":  {did: plan.Placed(plan.DescribeRule{}, "a-b", west), owner: "acme", west: rules},
		"a removal":  {did: plan.Placed(ends, "a-b", east), west: tables, east: tables},
		"a failure":  {did: plan.Placed(plan.AddRoute{}, "a-b", west), fails: true, owner: "acme", west: whole, east: whole},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aws := &shown{next: netstate.NewObserved(time.Time{})}
			n := &near{Target: aws}
			observe(t, n, everything)
			if tc.did != nil {
				if tc.fails {
					aws.fails = &netstate.Error{Kind: netstate.Retry}
				}
				n.Apply(t.Context(), plan.Batch{tc.did}, nil)
			}
			observe(t, n, everything)
			observe(t, n, everything) // what was read needs no reading again
			want := []netstate.Look{everything, {Owner: tc.owner, Scopes: map[netstate.Scope]netstate.ScopeLook{west: tc.west, east: tc.east}},
				{Scopes: map[netstate.Scope]netstate.ScopeLook{west: {}, east: {}}}}
			if d := cmp.Diff(want, aws.asked); d != "" {
				t.Errorf("looks (-want +got):\n%s", d)
			}
		})
	}
}

func observe(t *testing.T, n *near, l netstate.Look) *netstate.Observed {
	t.Helper()
	o, err := n.Observe(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// A look at a part, for a scope in which something failed or while a state is waited for, is no look at everything.
func TestNearLooksAtParts(t *testing.T) {
	t.Parallel()
	aws := &shown{next: netstate.NewObserved(time.Time{})}
	n := &near{Target: aws}
	part := netstate.Look{Owner: "acme", Scopes: map[netstate.Scope]netstate.ScopeLook{west: whole}}
	states := netstate.Look{Scopes: everything.Scopes, ConnectionsOnly: true}
	looks := []netstate.Look{everything, part, states}
	for _, l := range looks {
		observe(t, n, l)
	}
	n.Apply(t.Context(), plan.Batch{plan.Placed(plan.AddRoute{}, "a-b", west)}, nil)
	observe(t, n, part)
	observe(t, n, everything)
	last := netstate.Look{Scopes: map[netstate.Scope]netstate.ScopeLook{west: {VPCs: whole.VPCs, Tables: true}, east: {}}}
	if d := cmp.Diff(append(looks, part, last), aws.asked); d != "" {
		t.Errorf("looks (-want +got):\n%s", d)
	}
}

// A call that fails during a look is not seen by it: the next one reads everything.
func TestNearFailsDuringALook(t *testing.T) {
	t.Parallel()
	aws := &shown{next: netstate.NewObserved(time.Time{}), fails: &netstate.Error{Kind: netstate.Retry}}
	n := &near{Target: aws}
	aws.while = func() { n.Apply(t.Context(), plan.Batch{plan.Placed(plan.SetOptions{}, "a-b", west)}, nil) }
	observe(t, n, everything)
	aws.while = nil
	observe(t, n, everything)
	if d := cmp.Diff([]netstate.Look{everything, everything}, aws.asked); d != "" {
		t.Errorf("looks (-want +got):\n%s", d)
	}
}

// What is read again is as the later look shows it, also where that is unread; all else as it was. After a listing that could not be read
// everything is read.
func TestNearKeepsWhatIsNotReadAgain(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	route := func(s netstate.Scope, cidr string) netstate.RouteKey {
		return netstate.RouteKey{Scope: s, Table: "rtb-1", Dest: netstate.Dest{Prefix: netip.MustParsePrefix(cidr)}}
	}
	first, later := netstate.NewObserved(at), netstate.NewObserved(at.Add(time.Second))
	first.VPCs[netstate.VPC{Scope: west, ID: "vpc-1"}] = netstate.Facts{DNSSupport: netstate.Yes}
	later.VPCs[netstate.VPC{Scope: west, ID: "vpc-1"}] = netstate.Facts{}
	first.Rules[netstate.RuleKey{Scope: west, Group: "sg-1"}] = netstate.Rule{ID: "sgr-1"}
	first.Routes[route(west, "10.1.0.0/16")], first.Routes[route(east, "10.2.0.0/16")] = netstate.Route{}, netstate.Route{}
	later.Routes[route(west, "10.3.0.0/16")] = netstate.Route{}
	first.Connections["pcx-1"] = netstate.Connection{ID: "pcx-1", Requester: netstate.VPC{Scope: west}, Accepter: netstate.VPC{Scope: east}}
	later.Connections["pcx-2"] = netstate.Connection{ID: "pcx-2", Requester: netstate.VPC{Scope: west}, Accepter: netstate.VPC{Scope: east}}
	want := first.Clone()
	want.At, want.Connections = later.At, later.Connections
	want.Routes = map[netstate.RouteKey]netstate.Route{route(west, "10.3.0.0/16"): {}, route(east, "10.2.0.0/16"): {}}

	aws := &shown{next: first}
	n := &near{Target: aws}
	observe(t, n, everything)
	change := func() { n.Apply(t.Context(), plan.Batch{plan.Placed(plan.AddRoute{}, "a-b", west)}, nil) }
	change()
	aws.next = later
	if d := cmp.Diff(want, observe(t, n, everything), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("after a route (-want +got):\n%s", d)
	}
	change()
	aws.next = netstate.NewObserved(at.Add(2 * time.Second))
	aws.next.Fail(west, netstate.ListTables, &netstate.Error{Kind: netstate.Denied})
	got := observe(t, n, everything)
	if _, kept := got.Routes[route(west, "10.3.0.0/16")]; kept || got.Missing(west, netstate.ListTables) == nil {
		t.Errorf("tables that could not be read: routes %v, unread %v", got.Routes, got.Unread)
	}
	change()
	observe(t, n, everything)
	if d := cmp.Diff(everything, aws.asked[len(aws.asked)-1]); d != "" {
		t.Errorf("after an unread listing (-want +got):\n%s", d)
	}
}

// A second look costs what the estate has, however many accounts and regions it is spread over.
func TestNearCostsTheSameForManyScopes(t *testing.T) {
	allocs := func(scopes int) float64 {
		o, l := spread(scopes)
		n := &near{Target: &shown{next: o}}
		observe(t, n, l)
		return testing.AllocsPerRun(1, func() { observe(t, n, l) })
	}
	if few, many := allocs(4), allocs(200); many > 3*few {
		t.Errorf("%v allocations for 4 scopes, %v for 200", few, many)
	}
}

// spread is a look at 2,000 VPCs in a number of accounts, and what it asked for.
func spread(scopes int) (*netstate.Observed, netstate.Look) {
	o, l := netstate.NewObserved(time.Time{}), netstate.Look{Scopes: map[netstate.Scope]netstate.ScopeLook{}}
	for i := range 2000 {
		v := netstate.VPC{Scope: netstate.Scope{Account: netstate.AccountID(fmt.Sprintf("%012d", i%scopes)), Region: "eu-west-1"}, ID: netstate.VPCID(fmt.Sprintf("vpc-%d", i))}
		l.Scopes[v.Scope] = whole
		o.VPCs[v] = netstate.Facts{}
		id := netstate.ConnID(fmt.Sprintf("pcx-%d", i))
		o.Connections[id] = netstate.Connection{ID: id, Requester: v, Accepter: v}
		o.Routes[netstate.RouteKey{Scope: v.Scope, Table: netstate.TableID(fmt.Sprintf("rtb-%d", i))}] = netstate.Route{}
	}
	return o, l
}
