package reconcile_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
	"github.com/peerd/peerd/pkg/spec"
)

const slowAccount, healthyAccount = "222222222222", "222222222223"

// fleet is n peerings, each between two regions of one of the accounts, and a world with their VPCs.
func fleet(t testing.TB, n, accounts int) (*spec.Set, *netstate.Observed) {
	t.Helper()
	return estate(t, n, accounts, func(i int) [2]int { return [2]int{i * accounts / n, i * accounts / n} })
}

// estate is n peerings, each between two regions of the accounts that ends says, and a world with their VPCs.
func estate(t testing.TB, n, accounts int, ends func(i int) [2]int) (*spec.Set, *netstate.Observed) {
	t.Helper()
	o := netstate.NewObserved(time.Now())
	var y strings.Builder
	y.WriteString("apiVersion: peerd/v1\nowner: acme\naccounts:\n")
	for a := range accounts {
		fmt.Fprintf(&y, "  a%d: {id: \"%s\", role: peerd}\n", a, accountID(a))
	}
	files := fstest.MapFS{"accounts.yaml": {Data: []byte(y.String())}}
	for from := 0; from < n; from += 1000 { // one file may hold only so much
		var vpcs, peerings strings.Builder
		for i := from; i < min(n, from+1000); i++ {
			for side, region := range []netstate.Region{"eu-west-1", "us-east-1"} {
				a := ends(i)[side]
				v := vpcOf(i, side, accountID(a), region)
				o.VPCs[v] = netstate.Facts{CIDRs: []netip.Prefix{cidrOf(i, side)}}
				o.Tables[netstate.TableKey{Scope: v.Scope, ID: netstate.TableID("rtb-" + v.ID)}] = netstate.Table{VPC: v.ID, Main: true}
				fmt.Fprintf(&vpcs, "  v%d.%05d: {account: a%d, region: %s, id: %s}\n", side, i, a, region, v.ID)
			}
			fmt.Fprintf(&peerings, "  - {name: p%05d, requester: {vpc: v0.%05d}, accepter: {vpc: v1.%05d}}\n", i, i, i)
		}
		files[fmt.Sprintf("%05d.yaml", from)] = &fstest.MapFile{Data: []byte("apiVersion: peerd/v1\nvpcs:\n" + vpcs.String() + "peerings:\n" + peerings.String())}
	}
	s, err := spec.Load(files, "")
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func accountID(i int) netstate.AccountID {
	return netstate.AccountID(fmt.Sprintf("%012d", 222222222222+i))
}

func vpcOf(i, side int, a netstate.AccountID, r netstate.Region) netstate.VPC {
	return netstate.VPC{Scope: netstate.Scope{Account: a, Region: r}, ID: netstate.VPCID(fmt.Sprintf("vpc-%d%016x", side, i))}
}

func cidrOf(i, side int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(10 + i>>15), byte(i >> 7), byte(i<<1 | side), 0}), 24)
}

// live puts the connections and routes of an estate's peerings into its world, but for the route on the requester's side.
func live(s *spec.Set, o *netstate.Observed) {
	for i, p := range s.Peerings {
		id := netstate.ConnID(fmt.Sprintf("pcx-%017x", i))
		tags := netstate.Tags{netstate.TagOwner: string(s.Owner), netstate.TagLink: string(p.Name)}
		c := netstate.Connection{ID: id, Status: netstate.Active, Views: [2]netstate.View{{Seen: true, Tags: tags}, {Seen: true, Tags: tags}}}
		c.Requester = netstate.VPC{Scope: p.Sides[0].VPC.Scope(), ID: p.Sides[0].VPC.Select.ID}
		c.Accepter = netstate.VPC{Scope: p.Sides[1].VPC.Scope(), ID: p.Sides[1].VPC.Select.ID}
		o.Connections[id] = c
		key := netstate.RouteKey{Scope: c.Accepter.Scope, Table: netstate.TableID("rtb-" + c.Accepter.ID), Dest: netstate.Dest{Prefix: o.VPCs[c.Requester].CIDRs[0]}}
		o.Routes[key] = netstate.Route{Target: netstate.ToPeering(id), Origin: netstate.OriginCreateRoute, State: "active"}
	}
}

// slow delays the calls of a target.
type slow struct {
	*reconciletest.Target
	call func(netstate.AccountID) time.Duration
	look func(netstate.Look) time.Duration
}

func (s *slow) Apply(ctx context.Context, b plan.Batch, wanted func() bool) []plan.Outcome {
	time.Sleep(s.call(b.Scope().Account))
	return s.Target.Apply(ctx, b, wanted)
}

func (s *slow) Observe(ctx context.Context, l netstate.Look) (*netstate.Observed, error) {
	time.Sleep(s.look(l))
	return s.Target.Observe(ctx, l)
}

// healthyTime runs a cycle and returns when the last action of the healthy account was done.
func healthyTime(t *testing.T, s *spec.Set, target reconcile.Target) (last time.Duration) {
	t.Helper()
	start := time.Now()
	r := reconcile.New(reconcile.Config{Target: target, OnDone: func(r reconcile.Result) {
		if r.Action.Scope().Account == healthyAccount {
			last = time.Since(start)
		}
	}}).Cycle(t.Context(), reconcile.Input{Spec: s})
	mustExit(t, r, reconcile.ExitInSync)
	return last
}

// An account whose calls or lists take long delays the others by no more than a tenth.
func TestF09SlowAccountHoldsUpNobody(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ call, list time.Duration }{
		"calls of 25 s": {25 * time.Second, 10 * time.Millisecond},
		"lists of 45 s": {10 * time.Millisecond, 45 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, w := fleet(t, 40, 2)
				with := func(call, list time.Duration) *slow {
					return &slow{reconciletest.New(w), func(a netstate.AccountID) time.Duration {
						if a == slowAccount {
							return call
						}
						return 10 * time.Millisecond
					}, func(l netstate.Look) time.Duration {
						if _, in := l.Scopes[netstate.Scope{Account: slowAccount, Region: "eu-west-1"}]; in && l.ConnectionsOnly {
							return list
						}
						return 10 * time.Millisecond
					}}
				}
				alone := healthyTime(t, s, with(10*time.Millisecond, 10*time.Millisecond))
				begun := time.Now()
				beside := healthyTime(t, s, with(tc.call, tc.list))
				if beside > alone*11/10 {
					t.Errorf("the healthy account was done after %v beside a slow one, after %v beside a quick one", beside, alone)
				}
				failures.Shown(t, 9, time.Since(begun) > 2*alone, "an account that is slow")
			})
		})
	}
}

// Half of 10 000 peerings join a slow account with all the others, which have as many among themselves: those are done as soon as if it was
// quick, and what is under way at once does not grow with the estate.
func TestF09SlowHub(t *testing.T) {
	t.Parallel()
	const accounts = 40
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	s, w := estate(t, n, accounts, func(i int) [2]int { // the slow one's come first by name
		a := 1 + i%(accounts-1)
		if i < n/2 {
			return [2]int{0, a}
		}
		return [2]int{a, 1 + (a+i/accounts)%(accounts-1)}
	})
	live(s, w)
	synctest.Test(t, func(t *testing.T) {
		var most, slowCalls atomic.Int64
		// healthy is when the last peering was done that has no side in the slow account.
		healthy := func(call time.Duration) (last time.Duration) {
			target := &slow{reconciletest.New(w), func(a netstate.AccountID) time.Duration {
				most.Store(max(most.Load(), int64(runtime.NumGoroutine())))
				if a == slowAccount && call > time.Second {
					slowCalls.Add(1)
				}
				if a == slowAccount {
					return call
				}
				return 100 * time.Millisecond
			}, func(netstate.Look) time.Duration { return 0 }}
			start := time.Now()
			r := reconcile.New(reconcile.Config{Target: target, OnDone: func(r reconcile.Result) {
				if r.Action.Scope().Account != slowAccount {
					last = time.Since(start)
				}
			}}).Cycle(t.Context(), reconcile.Input{Spec: s})
			mustExit(t, r, reconcile.ExitInSync)
			if len(r.Results) != n {
				t.Errorf("%d actions", len(r.Results))
			}
			return last
		}
		quick := healthy(100 * time.Millisecond)
		if beside := healthy(25 * time.Second); beside > quick*11/10 {
			t.Errorf("the others were done after %v, and after %v beside a quick account", beside, quick)
		}
		if most.Load() > 1500 {
			t.Errorf("%d goroutines at once", most.Load())
		}
		t.Logf("the others were done after %v; at most %d goroutines", quick, most.Load())
		failures.Shown(t, 9, slowCalls.Load() == int64(n/2), "an account that is slow")
	})
}

// The cost of a pass grows with the estate, not with its square; the figure to watch is ns per peering.
func BenchmarkCycle(b *testing.B) {
	for _, n := range []int{100, 1000} {
		s, w := fleet(b, n, 10)
		b.Run(fmt.Sprintf("no change/%d", n), func(b *testing.B) {
			target := reconciletest.New(w)
			cfg := reconcile.Config{Target: target, Timeout: time.Minute}
			_ = reconcile.New(cfg).Cycle(b.Context(), reconcile.Input{Spec: s})
			b.ReportAllocs()
			for b.Loop() {
				if r := reconcile.New(cfg).Cycle(b.Context(), reconcile.Input{Spec: s}); r.Exit() != reconcile.ExitInSync {
					b.Fatal(r.Verdicts())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/peering")
		})
	}
}
