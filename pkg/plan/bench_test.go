package plan_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// estate is a spec over n VPCs in twenty accounts and regions, and a world that has those VPCs, with two route tables each.
func estate(b *testing.B, n int, shape string) (*spec.Set, *netstate.Observed) {
	b.Helper()
	var y strings.Builder
	o := netstate.NewObserved(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	y.WriteString("apiVersion: peerd/v1\nowner: acme\naccounts:\n")
	for a := range 10 {
		fmt.Fprintf(&y, "  a%d: {id: \"%012d\", role: peerd}\n", a, 111111111111+a)
	}
	y.WriteString("vpcs:\n")
	for i := range n {
		v := netstate.VPC{Scope: netstate.Scope{Account: netstate.AccountID(fmt.Sprintf("%012d", 111111111111+i%10)), Region: []netstate.Region{"eu-west-1", "us-east-1"}[i/10%2]}, ID: netstate.VPCID(fmt.Sprintf("vpc-%017x", i+1))}
		fmt.Fprintf(&y, "  v%03d: {account: a%d, region: %s, id: %s}\n", i, i%10, v.Region, v.ID)
		o.VPCs[v] = netstate.Facts{CIDRs: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16)}}
		for t := range 2 {
			o.Tables[netstate.TableKey{Scope: v.Scope, ID: netstate.TableID(fmt.Sprintf("rtb-%016x%d", i+1, t))}] = netstate.Table{VPC: v.ID, Main: t == 0}
		}
	}
	y.WriteString(shape)
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(y.String())}}, "")
	if err != nil {
		b.Fatal(err)
	}
	return s, o
}

func members(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("v%03d", i))
	}
	return strings.Join(out, ", ")
}

func shapes() map[string]struct {
	vpcs  int
	shape string
} {
	return map[string]struct {
		vpcs  int
		shape string
	}{
		"mesh of 50":             {50, "meshes: [{name: m, vpcs: [" + members(50) + "]}]\n"},
		"hub of 120":             {121, "hubs: [{name: h, hub: v120, spokes: [" + members(120) + "]}]\n"},
		"two overlapping meshes": {50, "meshes: [{name: m, vpcs: [" + members(40) + "]}, {name: n, vpcs: [" + strings.Join(strings.Split(members(50), ", ")[20:], ", ") + "]}]\n"},
	}
}

// converged is the world after the plan was applied, as far as the plan knows.
func converged(s *spec.Set, o *netstate.Observed) *netstate.Observed {
	out := o.Clone()
	for range 3 {
		for i, a := range plan.Make(s, out, plan.Options{}).Actions {
			if a.Ready() {
				plan.Effect(out, a, fmt.Sprintf("pcx-%017x", i+1))
			}
		}
		for id, c := range out.Connections {
			c.Status, c.Views[1].Seen = netstate.Active, true
			out.Connections[id] = c
		}
	}
	return out
}

func BenchmarkExpand(b *testing.B) {
	for name, sh := range shapes() {
		b.Run(name, func(b *testing.B) {
			s, o := estate(b, sh.vpcs, sh.shape)
			for b.Loop() {
				plan.Expand(s, o)
			}
			b.ReportMetric(float64(len(s.Peerings)), "peerings")
		})
	}
}

func BenchmarkMake(b *testing.B) {
	for name, sh := range shapes() {
		s, o := estate(b, sh.vpcs, sh.shape)
		for state, o := range map[string]*netstate.Observed{"from nothing": o, "no change": converged(s, o)} {
			b.Run(name+"/"+state, func(b *testing.B) {
				n := 0
				for b.Loop() {
					n = len(plan.Make(s, o, plan.Options{}).Actions)
				}
				b.ReportMetric(float64(n), "actions")
			})
		}
	}
}
