package trace

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
)

// Question is what is asked, as a person writes it.
type Question struct {
	From, To             string   // the name of a VPC of the spec, a subnet's id, an address or a CIDR; the latter two also as ADDRESS@NAME; and what Locate takes
	FromGroups, ToGroups []string // the security groups that the ends have, by id or name; empty: not known, and not judged
	Traffic              Traffic
}

// Traffic is what is sent: a protocol with its port, or ping. The zero value is not said.
type Traffic struct {
	Proto netstate.Proto
	Port  int32 // of tcp and udp
}

// ParseTraffic reads tcp/443, udp/53, icmp, icmpv6 or the number of another protocol; nothing is nothing.
func ParseTraffic(s string) (Traffic, error) {
	name, port, given := strings.Cut(s, "/")
	t := Traffic{Proto: netstate.NewProto(name)}
	switch {
	case s == "":
		return Traffic{}, nil
	case t.Proto == netstate.TCP || t.Proto == netstate.UDP:
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return t, fmt.Errorf("%q: say a port from 1 to 65535, such as %s/443", s, t.Proto)
		}
		t.Port = int32(n)
		return t, nil
	case given:
		return t, fmt.Errorf("%q: only tcp and udp have ports", s)
	case t.Proto == netstate.ICMP || t.Proto == netstate.ICMPv6:
		return t, nil
	}
	if n, err := strconv.ParseUint(name, 10, 8); err != nil || strconv.FormatUint(n, 10) != name {
		return t, fmt.Errorf("%q: say tcp/PORT, udp/PORT, icmp, icmpv6 or the number of a protocol", s)
	}
	return t, nil
}

// String returns the traffic as it is asked for.
func (t Traffic) String() string {
	if t.Proto == netstate.TCP || t.Proto == netstate.UDP {
		return fmt.Sprintf("%s/%d", t.Proto, t.Port)
	}
	return string(t.Proto)
}

// Said reports whether the question names traffic.
func (t Traffic) Said() bool { return t.Proto != "" }

// request is the port that the traffic goes to, or ICMP's type and code: an echo request.
func (t Traffic) request() netstate.PortRange {
	switch t.Proto {
	case netstate.TCP, netstate.UDP:
		return netstate.PortRange{From: t.Port, To: t.Port}
	case netstate.ICMP:
		return netstate.PortRange{From: 8, To: 0}
	case netstate.ICMPv6:
		return netstate.PortRange{From: 128, To: 0}
	}
	return netstate.AllPorts
}

// reply is what the answer goes to.
func (t Traffic) reply() netstate.PortRange {
	f, _ := netstate.Reply(netstate.Flow{Proto: t.Proto, Ports: t.request()}) // all that can be asked about is answered
	return f.Ports
}

// ArgumentError says why a question means nothing.
type ArgumentError struct{ Text string }

// Error returns the text.
func (e *ArgumentError) Error() string { return e.Text }

func wrong(format string, args ...any) error { return &ArgumentError{fmt.Sprintf(format, args...)} }
