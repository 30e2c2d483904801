package netstate_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/peerd/peerd/pkg/netstate"
)

// A flow cut into parts says of every packet of it what walking the entries for that packet says.
func TestJudgeAgreesWithPackets(t *testing.T) {
	t.Parallel()
	allowed, denied := 0, 0
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		acl := netstate.ACL{Entries: randomEntries(r)}
		f := netstate.Flow{Dir: netstate.Ingress, With: prefixes[r.IntN(len(prefixes))], Proto: netstate.TCP, Ports: randomPorts(r)}
		parts := acl.Judge(f)
		for range 20 {
			addr, port := randomAddr(r, f.With), f.Ports.From+r.Int32N(f.Ports.To-f.Ports.From+1)
			want := walk(acl, addr, port)
			if got := judged(t, parts, addr, port); got != want {
				t.Fatalf("seed %d: %v port %d of %v: allowed %v, want %v by\n%v", seed, addr, port, f, got, want, acl.Entries)
			}
			if want {
				allowed++
			} else {
				denied++
			}
		}
	}
	if min(allowed, denied) < 5000 {
		t.Errorf("%d packets allowed and %d denied: one of the two is hardly tried", allowed, denied)
	}
}

var prefixes = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("10.0.128.0/17"), netip.MustParsePrefix("10.0.1.0/24"), netip.MustParsePrefix("10.0.1.77/32"),
	netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("10.1.0.0/16"),
}

func randomPorts(r *rand.Rand) netstate.PortRange {
	from := r.Int32N(12)
	return netstate.PortRange{From: from, To: from + r.Int32N(12)}
}

func randomEntries(r *rand.Rand) []netstate.ACLEntry {
	var out []netstate.ACLEntry
	for n := range int32(1 + r.IntN(6)) {
		e := netstate.ACLEntry{Number: n + 1, Dir: netstate.Ingress, Allow: r.IntN(2) == 0, CIDR: prefixes[r.IntN(len(prefixes))]}
		e.Proto = []netstate.Proto{netstate.TCP, netstate.TCP, netstate.TCP, netstate.UDP, netstate.ProtoAll}[r.IntN(5)]
		e.Ports = netstate.NewPorts(e.Proto, randomPorts(r))
		if r.IntN(8) == 0 {
			e.Dir = netstate.Egress
		}
		out = append(out, e)
	}
	return out
}

// randomAddr is an address of a prefix, more often than not one near the others' bounds.
func randomAddr(r *rand.Rand, p netip.Prefix) netip.Addr {
	for range 50 {
		q := prefixes[r.IntN(len(prefixes))].Addr().As4()
		q[3] += byte(r.IntN(3))
		if a := netip.AddrFrom4(q); p.Contains(a) {
			return a
		}
	}
	return p.Addr()
}

// walk is the packet's own way through the entries.
func walk(a netstate.ACL, addr netip.Addr, port int32) bool {
	for _, e := range a.Entries {
		tcp := e.Proto == netstate.ProtoAll || e.Proto == netstate.TCP && e.Ports.From <= port && port <= e.Ports.To
		if e.Dir == netstate.Ingress && tcp && e.CIDR.Contains(addr) {
			return e.Allow
		}
	}
	return false
}

// judged finds the part of a packet: exactly one must have it.
func judged(t *testing.T, parts []netstate.FlowPart, addr netip.Addr, port int32) bool {
	t.Helper()
	var of []netstate.FlowPart
	for _, p := range parts {
		if p.With.Contains(addr) && p.Ports.From <= port && port <= p.Ports.To {
			of = append(of, p)
		}
	}
	if len(of) != 1 {
		t.Fatalf("%d parts have %v port %d: %v", len(of), addr, port, parts)
	}
	return of[0].Allowed()
}

// What ports cannot say as a range is a part of its own, and the rest is judged too.
func TestJudgeBesideRanges(t *testing.T) {
	t.Parallel()
	any4 := netip.MustParsePrefix("0.0.0.0/0")
	entry := func(allow bool, p netstate.Proto, r netstate.PortRange) netstate.ACLEntry {
		return netstate.ACLEntry{Number: 1, Dir: netstate.Ingress, Allow: allow, Proto: p, Ports: r, CIDR: any4}
	}
	echo, echoAny, all := netstate.PortRange{From: 8}, netstate.PortRange{From: 8, To: -1}, netstate.AllPorts
	for _, c := range []struct {
		entry netstate.ACLEntry
		proto netstate.Proto
		ports netstate.PortRange
		want  string
	}{
		{entry(true, netstate.TCP, netstate.PortRange{From: 443, To: 443}), netstate.ProtoAll, all, "[true false]"},
		{entry(true, netstate.ICMP, echo), netstate.ICMP, all, "[true false]"},
		{entry(true, netstate.ICMP, echo), netstate.ICMP, echoAny, "[true false]"},
		{entry(true, netstate.ICMP, echoAny), netstate.ICMP, echo, "[true]"},
		{entry(true, netstate.ICMP, all), netstate.ICMP, echo, "[true]"},
		{entry(true, netstate.ICMP, netstate.PortRange{From: 0, To: -1}), netstate.ICMP, echo, "[false]"},
		{entry(true, netstate.TCP, netstate.PortRange{From: 0, To: 65535}), netstate.TCP, all, "[true]"},
		{entry(true, netstate.UDP, all), netstate.TCP, all, "[false]"},
		{entry(true, "50", all), "50", all, "[true]"},
	} {
		var got []bool
		for _, p := range (netstate.ACL{Entries: []netstate.ACLEntry{c.entry}}).Judge(netstate.Flow{Dir: netstate.Ingress, With: any4, Proto: c.proto, Ports: c.ports}) {
			got = append(got, p.Allowed())
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s, of %s %v: %v, want %s", c.entry, c.proto, c.ports, got, c.want)
		}
	}
}

func TestReply(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		proto netstate.Proto
		ports netstate.PortRange
		want  string
	}{
		{netstate.TCP, netstate.PortRange{From: 443, To: 443}, "egress {1024 65535}"},
		{netstate.ICMP, netstate.PortRange{From: 8, To: -1}, "egress {0 0}"},
		{netstate.ICMPv6, netstate.PortRange{From: 128}, "egress {129 0}"},
		{netstate.ICMP, netstate.PortRange{From: 3, To: 4}, "none"}, // "fragmentation needed" is not answered
		{netstate.ICMP, netstate.AllPorts, "egress {-1 -1}"},
		{"50", netstate.AllPorts, "egress {-1 -1}"},
	} {
		got := "none"
		if f, ok := netstate.Reply(netstate.Flow{Dir: netstate.Ingress, Proto: c.proto, Ports: c.ports}); ok {
			got = fmt.Sprint(f.Dir, " ", f.Ports)
		}
		if got != c.want {
			t.Errorf("%s %v is answered by %s, want %s", c.proto, c.ports, got, c.want)
		}
	}
}
