package trace_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The oracle is a second walk, written from EC2's documents over the simulator's dump of its world. It shares nothing with the package
// that it judges: where both are wrong alike, they were misled by the documents and not by each other.

type estate struct {
	vpcs   map[string]*theVPC // account/region/id
	lists  map[string][]netip.Prefix
	conns  map[string]theConnection
	groups map[string][]theRule
}

type theVPC struct {
	key, region string
	cidrs       []netip.Prefix
	subnets     map[string][]netip.Prefix
	mainTable   string
	tableOf     map[string]string // subnet → table
	routes      map[string][]theRoute
	defaultACL  string
	aclOf       map[string]string
	acls        map[string][]theEntry
	groupIDs    []string
}

type theRoute struct{ dest, target, origin, state string }

type theConnection struct{ a, b, status string }

type theRule struct {
	egress   bool
	proto    string
	from, to int
	peer     string
}

type theEntry struct {
	number             int
	egress, allow      bool
	proto              string
	cidr               netip.Prefix
	from, to, typ, cod int
}

func splitList(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(x string) bool { return x == "" })
}

func nets(s string) []netip.Prefix {
	var out []netip.Prefix
	for _, x := range splitList(s) {
		out = append(out, netip.MustParsePrefix(x))
	}
	return out
}

// estateOf reads a dump.
func estateOf(dump string) *estate {
	e := &estate{map[string]*theVPC{}, map[string][]netip.Prefix{}, map[string]theConnection{}, map[string][]theRule{}}
	tableIn, aclIn := map[string]*theVPC{}, map[string]*theVPC{}
	vpc := func(scope, id string) *theVPC {
		k := scope + "/" + id
		if e.vpcs[k] == nil {
			e.vpcs[k] = &theVPC{key: k, region: strings.Split(scope, "/")[1], subnets: map[string][]netip.Prefix{}, tableOf: map[string]string{},
				routes: map[string][]theRoute{}, aclOf: map[string]string{}, acls: map[string][]theEntry{}}
		}
		return e.vpcs[k]
	}
	lines := strings.Split(strings.TrimSpace(dump), "\n")
	each := func(kind string, f func(scope string, w []string, field map[string]string)) {
		for _, l := range lines {
			w := strings.Fields(l)
			if w[1] != kind {
				continue
			}
			field := map[string]string{}
			for _, x := range w {
				if k, v, ok := strings.Cut(x, "="); ok {
					field[k] = v
				}
			}
			f(w[0], w, field)
		}
	}
	each("vpc", func(s string, w []string, f map[string]string) {
		vpc(s, w[2]).cidrs = append(nets(f["cidrs"]), nets(f["ipv6"])...)
	})
	each("subnet", func(s string, w []string, f map[string]string) {
		vpc(s, w[3]).subnets[w[2]] = append(nets(f["cidr"]), nets(f["ipv6"])...)
	})
	each("table", func(s string, w []string, f map[string]string) {
		v := vpc(s, w[3])
		tableIn[w[2]] = v
		if f["main"] == "true" {
			v.mainTable = w[2]
		}
		for _, x := range splitList(f["associations"]) {
			v.tableOf[x] = w[2]
		}
	})
	each("route", func(_ string, w []string, f map[string]string) {
		v := tableIn[w[2]]
		v.routes[w[2]] = append(v.routes[w[2]], theRoute{w[3], w[5], f["origin"], f["state"]})
	})
	each("prefix-list", func(_ string, w []string, f map[string]string) { e.lists[w[2]] = nets(f["entries"]) })
	each("connection", func(_ string, w []string, f map[string]string) {
		e.conns[w[2]] = theConnection{f["requester"], f["accepter"], f["status"]}
	})
	each("group", func(s string, w []string, _ map[string]string) {
		v := vpc(s, w[3])
		v.groupIDs = append(v.groupIDs, w[2])
	})
	each("rule", func(_ string, w []string, _ map[string]string) {
		r := theRule{egress: w[4] == "egress", proto: w[5], peer: w[7]}
		i := strings.Index(w[6][1:], "-") + 1 // "-1--1"
		r.from, _ = strconv.Atoi(w[6][:i])
		r.to, _ = strconv.Atoi(w[6][i+1:])
		e.groups[w[3]] = append(e.groups[w[3]], r)
	})
	each("acl", func(s string, w []string, f map[string]string) {
		v := vpc(s, w[3])
		aclIn[w[2]] = v
		if f["default"] == "true" {
			v.defaultACL = w[2]
		}
		for _, x := range splitList(f["subnets"]) {
			v.aclOf[x] = w[2]
		}
	})
	each("acl-entry", func(_ string, w []string, f map[string]string) {
		n, _ := strconv.Atoi(w[4])
		x := theEntry{number: n, egress: w[3] == "egress", allow: w[9] == "allow", proto: w[5], cidr: netip.MustParsePrefix(w[6])}
		fmt.Sscanf(f["ports"], "%d-%d", &x.from, &x.to)
		fmt.Sscanf(f["icmp"], "%d/%d", &x.typ, &x.cod)
		v := aclIn[w[2]]
		v.acls[w[2]] = append(v.acls[w[2]], x)
	})
	for _, v := range e.vpcs {
		for _, entries := range v.acls {
			slices.SortFunc(entries, func(a, b theEntry) int { return a.number - b.number })
		}
		slices.Sort(v.groupIDs)
	}
	return e
}

// packet is one flow between two addresses.
type packet struct {
	from, to             netip.Addr
	fromVPC, toVPC       *theVPC
	fromGroups, toGroups []string // nil: not said
	proto                string   // tcp, udp, icmp, icmpv6, a number; empty: not said
	port                 int
}

const yes, no, dunno = "yes", "no", "unknown"

// judge answers "yes", "no STEP/WHY" with the first no, or "unknown".
func (e *estate) judge(p packet) (verdict, kind string) {
	verdict = yes
	say := func(v, k string) {
		if v == no && verdict != no || v == dunno && verdict == yes {
			verdict, kind = v, k
		}
	}
	sub := func(v *theVPC, a netip.Addr) (string, bool) {
		for id, cs := range v.subnets {
			for _, c := range cs {
				if c.Contains(a) {
					return id, true
				}
			}
		}
		return "", len(v.subnets) == 0
	}
	s, okS := sub(p.fromVPC, p.from)
	d, okD := sub(p.toVPC, p.to)
	if !okS {
		say(no, "from/no-subnet")
	}
	if !okD {
		say(no, "to/no-subnet")
	}
	out := ""
	if okS {
		var v, k string
		v, k, out = e.forward(p.fromVPC, s, p.to, p.toVPC)
		if v != yes {
			say(v, map[bool]string{true: "connection/", false: "route/"}[k == "not-active"]+k)
		}
	}
	if okD {
		v, k, over := e.forward(p.toVPC, d, p.from, p.fromVPC)
		switch {
		case v == yes:
		case k == "not-active" && over != out:
			say(v, "connection back/not-active")
		case k != "not-active":
			say(v, "route back/"+k)
		}
	}
	if p.proto == "" {
		return verdict, kind
	}
	if p.fromGroups != nil {
		say(e.grouped(p, true), "group egress/no-rule")
	}
	if p.toGroups != nil {
		say(e.grouped(p, false), "group ingress/no-rule")
	}
	if okS && okD && (p.fromVPC != p.toVPC || s != d) {
		for _, x := range []struct {
			v      *theVPC
			subnet string
			egress bool
			far    netip.Addr
			reply  bool
			kind   string
		}{
			{p.fromVPC, s, true, p.to, false, "acl egress"}, {p.toVPC, d, false, p.from, false, "acl ingress"},
			{p.toVPC, d, true, p.from, true, "acl reply egress"}, {p.fromVPC, s, false, p.to, true, "acl reply ingress"},
		} {
			acl, ok := x.v.aclOf[x.subnet]
			if !ok {
				acl = x.v.defaultACL
			}
			if !passes(x.v.acls[acl], x.egress, x.far, p, x.reply) {
				say(no, x.kind+"/denied")
			}
		}
	}
	return verdict, kind
}

// forward follows the route table of a subnet towards an address of another VPC (or of the same).
func (e *estate) forward(v *theVPC, subnet string, to netip.Addr, dst *theVPC) (verdict, kind, over string) {
	table, ok := v.tableOf[subnet]
	if !ok {
		table = v.mainTable
	}
	bestScore, tie := -1, false
	var best theRoute
	own := slices.ContainsFunc(v.cidrs, func(c netip.Prefix) bool { return c.Contains(to) })
	for _, r := range v.routes[table] {
		if r.state == "filtered" || own && r.origin == "EnableVgwRoutePropagation" {
			continue
		}
		prefixes, class := []netip.Prefix(nil), 0 // class: static CIDRs 2, lists 1, propagated 0
		switch list, isList := e.lists[r.dest]; {
		case isList:
			prefixes, class = list, 1
		case r.origin == "EnableVgwRoutePropagation":
			prefixes = nets(r.dest)
		default:
			prefixes, class = nets(r.dest), 2
		}
		for _, p := range prefixes {
			score := p.Bits()*3 + class
			switch {
			case !p.Contains(to):
			case score > bestScore:
				bestScore, best, tie = score, r, false
			case score == bestScore && r.target != best.target:
				tie = true
			}
		}
	}
	conn, isConn := e.conns[best.target]
	joins := isConn && (conn.a == v.key && conn.b == dst.key || conn.b == v.key && conn.a == dst.key)
	dead := slices.Contains([]string{"failed", "expired", "rejected", "deleting", "deleted"}, conn.status)
	switch {
	case bestScore < 0:
		return no, "no-route", ""
	case tie:
		return dunno, "", ""
	case best.target == "local" && v == dst:
		return yes, "", ""
	case v == dst:
		return dunno, "", ""
	case joins && conn.status == "active" && best.state == "active":
		return yes, "", best.target
	case joins && conn.status != "active" && !dead:
		return no, "not-active", best.target
	case best.state == "blackhole" || dead:
		return no, "blackhole", ""
	case isConn, best.target == "local", strings.HasPrefix(best.target, "igw-"), strings.HasPrefix(best.target, "eigw-"):
		return no, "elsewhere", ""
	}
	return dunno, "", ""
}

// grouped says whether the groups of one end let the first packet pass; the reply follows it.
func (e *estate) grouped(p packet, egress bool) string {
	mine, theirs, far, here, there := p.fromGroups, p.toGroups, p.to, p.fromVPC, p.toVPC
	if !egress {
		mine, theirs, far, here, there = p.toGroups, p.fromGroups, p.from, p.toVPC, p.fromVPC
	}
	verdict := no
	for _, g := range mine {
		for _, r := range e.groups[g] {
			if r.egress != egress || !r.fits(p) {
				continue
			}
			_, ref, isRef := strings.Cut(r.peer, "/sg-")
			list, isList := e.lists[r.peer]
			switch {
			case isRef && here.region != there.region:
			case isRef && theirs == nil:
				if verdict == no {
					verdict = dunno
				}
			case isRef:
				if slices.Contains(theirs, "sg-"+ref) {
					return yes
				}
			case isList:
				if slices.ContainsFunc(list, func(x netip.Prefix) bool { return x.Contains(far) }) {
					return yes
				}
			case netip.MustParsePrefix(r.peer).Contains(far):
				return yes
			}
		}
	}
	return verdict
}

func (r theRule) fits(p packet) bool {
	switch {
	case r.proto == "-1":
		return true
	case r.proto != p.proto:
		return false
	case p.proto == "tcp" || p.proto == "udp":
		return r.from <= p.port && p.port <= r.to
	case p.proto == "icmp":
		return r.from == -1 || r.from == 8 && r.to <= 0
	case p.proto == "icmpv6":
		return r.from == -1 || r.from == 128 && r.to <= 0
	}
	return true
}

// passes tries every port at which the verdict of an ACL could change.
func passes(entries []theEntry, egress bool, far netip.Addr, p packet, reply bool) bool {
	number := map[string]string{"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}[p.proto]
	if number == "" {
		number = p.proto
	}
	ports := []int{p.port}
	if reply && (p.proto == "tcp" || p.proto == "udp") {
		ports = []int{1024, 65535}
		for _, e := range entries {
			ports = append(ports, e.from-1, e.from, e.to, e.to+1)
		}
	}
	echo := map[string][2]int{"icmp": {8, 0}, "icmpv6": {128, 129}}[p.proto]
	typ := echo[0]
	if reply {
		typ = echo[1]
	}
	for _, port := range ports {
		if len(ports) > 1 && (port < 1024 || port > 65535) {
			continue
		}
		allowed := false
		for _, e := range entries {
			if e.egress != egress || !e.cidr.Contains(far) || e.proto != "-1" && e.proto != number {
				continue
			}
			if (e.proto == "6" || e.proto == "17") && (port < e.from || port > e.to) {
				continue
			}
			if (e.proto == "1" || e.proto == "58") && e.typ != -1 && (e.typ != typ || e.cod > 0) {
				continue
			}
			allowed = e.allow
			break
		}
		if !allowed {
			return false
		}
	}
	return true
}
