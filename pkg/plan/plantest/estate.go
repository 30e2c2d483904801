package plantest

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

// Side is what each side of the estates' peerings is: routes in all tables, and one rule.
const Side = "{rules: [{group: app, protocol: tcp, ports: 443}]}"

// Mesh is the estate that things are measured with: 50 VPCs, 1,225 peerings.
func Mesh(t testing.TB) (*spec.Set, *netstate.Observed) {
	t.Helper()
	return Estate(t, 50, "meshes: [{name: m, vpcs: ["+Members(0, 50)+"], side: "+Side+"}]\n")
}

// Members are the names of VPCs of an estate, as a list of the spec.
func Members(from, to int) string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("v%03d", i))
	}
	return strings.Join(out, ", ")
}

// Estate is a spec over n VPCs in twenty accounts and regions, and a look that shows those VPCs and nothing between them. Each has two route
// tables, a group and the network ACL that EC2 gives it.
func Estate(t testing.TB, n int, peerings string) (*spec.Set, *netstate.Observed) {
	t.Helper()
	var y strings.Builder
	o := netstate.NewObserved(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	y.WriteString("apiVersion: peerd/v1\nowner: acme\naccounts:\n")
	for a := range 10 {
		fmt.Fprintf(&y, "  a%d: {id: \"%s\", role: peerd}\n", a, accountOf(a))
	}
	y.WriteString("vpcs:\n")
	for i := range n {
		v := netstate.VPC{Scope: netstate.Scope{Account: accountOf(i), Region: []netstate.Region{"eu-west-1", "us-east-1"}[i/10%2]}, ID: netstate.VPCID(fmt.Sprintf("vpc-%017x", i+1))}
		fmt.Fprintf(&y, "  v%03d: {account: a%d, region: %s, id: %s}\n", i, i%10, v.Region, v.ID)
		furnish(o, v, i)
	}
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(y.String() + peerings)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func accountOf(i int) netstate.AccountID {
	return netstate.AccountID(fmt.Sprintf("%012d", 111111111111+i%10))
}

// furnish puts the VPC of a number into a look.
func furnish(o *netstate.Observed, v netstate.VPC, i int) {
	cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16)
	o.VPCs[v] = netstate.Facts{CIDRs: []netip.Prefix{cidr}}
	for t := range 2 {
		id := netstate.TableID(fmt.Sprintf("rtb-%016x%d", i+1, t))
		o.Tables[netstate.TableKey{Scope: v.Scope, ID: id}] = netstate.Table{VPC: v.ID, Main: t == 0}
		o.Routes[netstate.RouteKey{Scope: v.Scope, Table: id, Dest: netstate.Dest{Prefix: cidr}}] = netstate.Route{Target: netstate.Target{Kind: netstate.TargetLocal, ID: "local"}, Origin: "CreateRouteTable", State: "active"}
	}
	o.Groups[netstate.GroupKey{Scope: v.Scope, ID: netstate.GroupID(fmt.Sprintf("sg-%017x", i+1))}] = netstate.Group{VPC: v.ID, Owner: v.Account, Name: "app"}
	acl := netstate.ACL{VPC: v.ID, Default: true}
	for _, dir := range []netstate.Direction{netstate.Ingress, netstate.Egress} {
		everything := netstate.ACLEntry{Number: 100, Dir: dir, Allow: true, Proto: netstate.ProtoAll, Ports: netstate.AllPorts, CIDR: netip.MustParsePrefix("0.0.0.0/0")}
		closing := everything
		closing.Number, closing.Allow = 32767, false
		acl.Entries = append(acl.Entries, everything, closing)
	}
	o.ACLs[netstate.ACLKey{Scope: v.Scope, ID: netstate.ACLID(fmt.Sprintf("acl-%017x", i+1))}] = acl
}

// Converged is the look after all that is planned for a spec was done, as far as the plan knows.
func Converged(s *spec.Set, o *netstate.Observed) *netstate.Observed {
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
