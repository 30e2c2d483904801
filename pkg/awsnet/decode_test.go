package awsnet

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// BenchmarkList signs a call, decodes its reply as the SDK does, and keeps what peerd wants of it: the three large listings of one account and
// region of a mesh of 50 VPCs. Three of them are there, with two route tables and a rule for each peer.
func BenchmarkList(b *testing.B) {
	const mine, all = 3, 50
	replies := &recorder{replies: map[string][]byte{}}
	bench := newBench(b, ec2sim.Config{World: meshWorld(mine, all)}, func(c *Config) {
		c.Share = 1e9 // what is measured is not the waiting for EC2's buckets
		replies.from, c.HTTPClient = c.HTTPClient, replies
	})
	l := netstate.Look{Owner: owner, Access: access()}
	w := netstate.ScopeLook{Tables: true}
	for i := range mine {
		w.VPCs = append(w.VPCs, netstate.VPCSelector{ID: meshVPC(i).ID})
		w.Groups = append(w.Groups, netstate.GroupAsk{VPC: w.VPCs[i], Group: netstate.GroupSelector{ID: meshGroup(i)}})
		for j := i + 1; j < all; j++ {
			bench.join(b, i, j, j < mine)
		}
	}
	l.Scopes = map[netstate.Scope]netstate.ScopeLook{west: w}
	c, err := bench.reach(b.Context(), l, west)
	if err != nil {
		b.Fatal(err)
	}
	replies.keep = true
	r := &reader{t: bench.Target, client: c, w: w, owner: owner}
	for _, listing := range []struct {
		name string
		want int
		list func() (int, *netstate.Error)
	}{
		{"connections", mine*(all-1) - mine, func() (int, *netstate.Error) { l, err := r.listConnections(b.Context()); return len(l), err }},
		{"route tables", mine * 2 * all, func() (int, *netstate.Error) { l, err := r.listTables(b.Context(), nil); return len(l.routes), err }},
		{"security-group rules", mine * (all - 1), func() (int, *netstate.Error) {
			l, err := r.listRules(b.Context(), nil)
			return len(l.rules) - mine, err
		}},
	} {
		b.Run(listing.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				var err *netstate.Error
				if n, err = listing.list(); err != nil || n != listing.want {
					b.Fatalf("%d items, want %d: %v", n, listing.want, err)
				}
			}
			b.ReportMetric(float64(n), "items")
		})
	}
}

// join makes a peering of a mesh, as far as the side i shows it: its routes and its rule, and those of j where both are shown.
func (b *bench) join(t testing.TB, i, j int, both bool) {
	t.Helper()
	id := b.peer(t, meshVPC(i), meshVPC(j))
	b.opens(t, i, j, id)
	if both {
		b.opens(t, j, i, id)
	}
}

func (b *bench) opens(t testing.TB, i, j int, id netstate.ConnID) {
	t.Helper()
	at, to := meshVPC(i).Scope, meshCIDR(j)
	for n := range 2 {
		b.must(t, at, plan.AddRoute{Key: netstate.RouteKey{Scope: at, Table: meshTable(i, n), Dest: netstate.Dest{Prefix: to}}, Conn: id})
	}
	k := netstate.RuleKey{Scope: at, Group: meshGroup(i), Dir: netstate.Ingress, Proto: netstate.TCP, Ports: netstate.PortRange{From: 443, To: 443}, Peer: netstate.Peer{Prefix: to}}
	b.must(t, at, plan.AllowRule{Key: k, Tags: ourTags})
}

// Where VPC i of the mesh is, and what it has there: the first three are alice's, the others bob's.
func meshVPC(i int) netstate.VPC {
	at := west
	if i >= 3 {
		at = bobWest
	}
	return netstate.VPC{Scope: at, ID: netstate.VPCID(fmt.Sprintf("vpc-%017x", i+1))}
}

func meshTable(i, n int) netstate.TableID {
	return netstate.TableID(fmt.Sprintf("rtb-%016x%x", i+1, n))
}
func meshGroup(i int) netstate.GroupID { return netstate.GroupID(fmt.Sprintf("sg-%017x", i+1)) }
func meshCIDR(i int) netip.Prefix      { return prefix(fmt.Sprintf("10.%d.0.0/16", i)) }

func meshWorld(mine, all int) []byte {
	var b strings.Builder
	b.WriteString("quotas: {outstanding: -1}\naccounts:\n  - id: \"999999999999\"\n")
	for i := range all {
		switch i {
		case 0:
			b.WriteString("  - id: \"111111111111\"\n    roles: [{name: peerd, externalId: acme-7f3}]\n    regions:\n      eu-west-1:\n        vpcs:\n")
		case mine:
			b.WriteString("  - id: \"222222222222\"\n    regions:\n      eu-west-1:\n        vpcs:\n")
		}
		fmt.Fprintf(&b, "          - {id: %s, cidrs: [%s], tables: [{id: %s, main: true}, {id: %s}], groups: [{id: %s, name: app}]}\n",
			meshVPC(i).ID, meshCIDR(i), meshTable(i, 0), meshTable(i, 1), meshGroup(i))
	}
	return []byte(b.String())
}

// recorder answers what was asked before as it was answered then, once it is told to keep the answers: a simulator's time is not peerd's.
type recorder struct {
	from    aws.HTTPClient
	keep    bool
	replies map[string][]byte
}

func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	if !r.keep {
		return r.from.Do(req)
	}
	asked, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if reply, known := r.replies[string(asked)]; known {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(reply)), ContentLength: int64(len(reply)), Request: req}, nil
	}
	req.Body = io.NopCloser(bytes.NewReader(asked))
	resp, err := r.from.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	r.replies[string(asked)] = reply
	resp.Body = io.NopCloser(bytes.NewReader(reply))
	return resp, err
}
