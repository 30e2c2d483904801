package reconcile_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

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
	var vpcs, peerings, y strings.Builder
	o := netstate.NewObserved(time.Now())
	for i := range n {
		account := netstate.AccountID(fmt.Sprintf("%012d", 222222222222+i*accounts/n))
		for side, region := range []netstate.Region{"eu-west-1", "us-east-1"} {
			v := netstate.VPC{Scope: netstate.Scope{Account: account, Region: region}, ID: netstate.VPCID(fmt.Sprintf("vpc-%d%016x", side, i))}
			cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 7), byte(i<<1 | side), 0}), 24)
			o.VPCs[v] = netstate.Facts{CIDRs: []netip.Prefix{cidr}}
			o.Tables[netstate.TableKey{Scope: v.Scope, ID: netstate.TableID("rtb-" + v.ID)}] = netstate.Table{VPC: v.ID, Main: true}
			fmt.Fprintf(&vpcs, "  v%d.%05d: {account: a%d, region: %s, id: %s}\n", side, i, i*accounts/n, region, v.ID)
		}
		fmt.Fprintf(&peerings, "  - {name: p%05d, requester: {vpc: v0.%05d}, accepter: {vpc: v1.%05d}}\n", i, i, i)
	}
	y.WriteString("apiVersion: peerd/v1\nowner: acme\naccounts:\n")
	for a := range accounts {
		fmt.Fprintf(&y, "  a%d: {id: \"%012d\", role: peerd}\n", a, 222222222222+a)
	}
	y.WriteString("vpcs:\n" + vpcs.String() + "peerings:\n" + peerings.String())
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(y.String())}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

// slow delays the calls of a target.
type slow struct {
	*reconciletest.Target
	call func(netstate.AccountID) time.Duration
	look func(netstate.Look) time.Duration
}

func (s *slow) Apply(ctx context.Context, b plan.Batch) []plan.Outcome {
	time.Sleep(s.call(b.Scope().Account))
	return s.Target.Apply(ctx, b)
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

// F09: an account whose calls or lists take long delays the others by no more than a tenth.
func TestSlowAccountHoldsUpNobody(t *testing.T) {
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
				beside := healthyTime(t, s, with(tc.call, tc.list))
				if beside > alone*11/10 {
					t.Errorf("the healthy account was done after %v beside a slow one, after %v beside a quick one", beside, alone)
				}
			})
		})
	}
}

// The cost of a pass grows with the estate, not with its square; the figure to watch is ns per peering.
func BenchmarkCycle(b *testing.B) {
	for _, n := range []int{100, 1000} {
		s, w := fleet(b, n, 10)
		b.Run(fmt.Sprintf("no change/%d", n), func(b *testing.B) {
			target := reconciletest.New(w)
			cfg := reconcile.Config{Target: target, Timeout: time.Minute}
			_ = reconcile.New(cfg).Cycle(b.Context(), reconcile.Input{Spec: s})
			for b.Loop() {
				if r := reconcile.New(cfg).Cycle(b.Context(), reconcile.Input{Spec: s}); r.Exit() != reconcile.ExitInSync {
					b.Fatal(r.Verdicts())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/peering")
		})
	}
}
