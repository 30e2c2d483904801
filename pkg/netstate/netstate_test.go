package netstate_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
)

// A selector without tags selects nothing: it was forgotten.
func TestTagsMatch(t *testing.T) {
	t.Parallel()
	have := netstate.Tags{"a": "1", "b": "2"}
	for _, c := range []struct {
		want netstate.Tags
		ok   bool
	}{{nil, false}, {netstate.Tags{}, false}, {netstate.Tags{"a": "1"}, true}, {netstate.Tags{"a": "1", "b": "2"}, true}, {netstate.Tags{"a": "2"}, false}, {netstate.Tags{"c": ""}, false}} {
		if got := have.Match(c.want); got != c.ok {
			t.Errorf("%v: %v", c.want, got)
		}
	}
}

func TestInside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		inner, outer string
		want         bool
	}{
		{"10.1.0.0/16", "10.0.0.0/8", true}, {"10.0.0.0/8", "10.0.0.0/8", true}, {"10.0.0.0/8", "10.0.0.0/16", false}, {"11.0.0.0/16", "10.0.0.0/8", false},
		{"2001:db8::/56", "2001:db8::/32", true}, {"2001:db8::/56", "0.0.0.0/0", false}, {"10.0.0.0/8", "::/0", false},
	} {
		if got := netstate.Inside(netip.MustParsePrefix(c.inner), netip.MustParsePrefix(c.outer)); got != c.want {
			t.Errorf("%s in %s: %v", c.inner, c.outer, got)
		}
	}
}

// Protocols and ports are spelled as EC2 keeps them, so that the same fact is one key.
func TestSpellingOfTraffic(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]netstate.Proto{"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1", "-1": "-1", "TCP": "tcp", "50": "50"} {
		if got := netstate.NewProto(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	for _, c := range []struct {
		p        netstate.Proto
		in, want netstate.PortRange
	}{
		{"tcp", netstate.PortRange{From: 1, To: 2}, netstate.PortRange{From: 1, To: 2}}, {"udp", netstate.PortRange{}, netstate.PortRange{}},
		{"icmp", netstate.PortRange{From: 8, To: -1}, netstate.PortRange{From: 8, To: -1}}, {"icmpv6", netstate.PortRange{From: -1, To: 3}, netstate.AllPorts},
		{"50", netstate.PortRange{From: 1, To: 2}, netstate.AllPorts}, {"-1", netstate.PortRange{}, netstate.AllPorts},
	} {
		if got := netstate.NewPorts(c.p, c.in); got != c.want {
			t.Errorf("%s %v: %v, want %v", c.p, c.in, got, c.want)
		}
	}
}

// Of two looks at the sides of a connection, the one that shows it further on is the newer, whichever side it is of.
func TestRefreshTakesTheLaterState(t *testing.T) {
	t.Parallel()
	a, b := netstate.Scope{Account: "111111111111", Region: "eu-west-1"}, netstate.Scope{Account: "222222222222", Region: "eu-west-1"}
	look := func(s netstate.Status) *netstate.Observed {
		o := netstate.NewObserved(time.Time{})
		o.Connections["pcx-1"] = netstate.Connection{ID: "pcx-1", Requester: netstate.VPC{Scope: a}, Accepter: netstate.VPC{Scope: b}, Status: s}
		return o
	}
	for _, tc := range []struct{ a, b, want netstate.Status }{
		{netstate.Active, netstate.Pending, netstate.Active},
		{netstate.Pending, netstate.Active, netstate.Active},
		{netstate.Deleted, netstate.Active, netstate.Deleted},
		{netstate.Active, "quarantined", "quarantined"},
		{"quarantined", netstate.Active, "quarantined"},
	} {
		o := look(netstate.Pending).Refresh(map[netstate.Scope]*netstate.Observed{a: look(tc.a), b: look(tc.b)}, nil)
		if got := o.Connections["pcx-1"].Status; got != tc.want {
			t.Errorf("%s and %s: %s, want %s", tc.a, tc.b, got, tc.want)
		}
	}
	alone := look(netstate.Active).Refresh(map[netstate.Scope]*netstate.Observed{a: look(netstate.Pending)}, nil)
	if got := alone.Connections["pcx-1"].Status; got != netstate.Pending {
		t.Errorf("a later look alone: %s", got)
	}
}
