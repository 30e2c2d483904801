package trace_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
	"github.com/peerd/peerd/pkg/trace"
)

// obj is a part of a world file.
type obj = map[string]any

// maker makes a random world: VPCs that are peered, mostly as they should be, with some things wrong.
type maker struct {
	*rand.Rand
	ids   int
	vpcs  []*made
	conns []obj
	spec  strings.Builder
}

type made struct {
	n               int
	account, region string
	id              string
	v6              bool
	tables, subnets []obj
	groups          []obj
	acls            []obj
}

func (m *maker) id(prefix string) string { m.ids++; return fmt.Sprintf("%s-%017x", prefix, m.ids) }

func (m *maker) chance(percent int) bool { return m.IntN(100) < percent }

func pick[T any](m *maker, all ...T) T { return all[m.IntN(len(all))] }

func (v *made) cidr() string { return fmt.Sprintf("10.%d.0.0/24", v.n) }
func (v *made) six() string  { return fmt.Sprintf("2001:db8:%d::/56", v.n) }

func (m *maker) vpc(n int) *made {
	v := &made{n: n, id: m.id("vpc"), account: pick(m, "111111111111", "222222222222"), region: "eu-west-1", v6: m.chance(40)}
	if m.chance(15) {
		v.region = "us-east-1"
	}
	v.tables = append(v.tables, obj{"id": m.id("rtb"), "main": true})
	for range m.IntN(3) {
		v.tables = append(v.tables, obj{"id": m.id("rtb")})
	}
	for i := range pick(m, 0, 1, 2, 3, 3, 4, 4) {
		s := obj{"id": m.id("subnet"), "cidr": fmt.Sprintf("10.%d.0.%d/28", n, i*32)}
		if v.v6 && m.chance(80) {
			s["ipv6"] = fmt.Sprintf("2001:db8:%d:%d::/64", n, i)
		}
		if t := pick(m, v.tables...); t["main"] == nil {
			s["table"] = t["id"]
		}
		v.subnets = append(v.subnets, s)
	}
	for range 1 + m.IntN(2) {
		v.groups = append(v.groups, obj{"id": m.id("sg")})
	}
	return v
}

// connect joins two VPCs, with routes on both sides.
func (m *maker) connect(a, b *made, status string) {
	id := m.id("pcx")
	end := func(v *made) obj { return obj{"account": v.account, "region": v.region, "vpc": v.id} }
	m.conns = append(m.conns, obj{"id": id, "requester": end(a), "accepter": end(b), "status": status})
	for _, side := range [][2]*made{{a, b}, {b, a}} {
		for _, t := range side[0].tables {
			if m.chance(98) {
				side[0].route(t, pick(m, side[1].cidr(), side[1].cidr(), fmt.Sprintf("10.%d.0.0/16", side[1].n)), id)
			}
			if side[1].v6 && m.chance(80) {
				side[0].route(t, side[1].six(), id)
			}
		}
	}
}

// route adds a route unless one of that destination is there.
func (v *made) route(t obj, to, via string) obj {
	all, _ := t["routes"].([]obj)
	if slices.ContainsFunc(all, func(r obj) bool { return r["to"] == to }) {
		return nil
	}
	r := obj{"to": to, "via": via}
	t["routes"] = append(all, r)
	return r
}

// inner is a random CIDR of a VPC.
func (m *maker) inner(v *made) string {
	if v.v6 && m.chance(20) {
		return fmt.Sprintf("2001:db8:%d:%d::/64", v.n, m.IntN(4))
	}
	bits := pick(m, 24, 25, 26, 27, 28, 29, 32)
	p, _ := netip.MustParseAddr(fmt.Sprintf("10.%d.0.%d", v.n, m.IntN(128))).Prefix(bits)
	return p.String()
}

// rules are what the groups let pass: often all that is asked for, in different forms.
func (m *maker) rules(v *made, lists []string) {
	for _, g := range v.groups {
		var rules []obj
		add := func(dir string) {
			r := obj{"direction": dir, "protocol": pick(m, "-1", "tcp", "tcp", "udp", "icmp", "icmpv6", "50")}
			other := pick(m, m.vpcs...)
			peer := pick(m, "0.0.0.0/0", "10.0.0.0/8", other.cidr(), m.inner(other), "::/0", pick(m, lists...))
			if m.chance(15) {
				peer = pick(m, other.groups...)["id"].(string)
				if other.account != v.account {
					peer = other.account + "/" + peer
				}
			}
			r[map[string]string{"ingress": "from", "egress": "to"}[dir]] = peer
			switch r["protocol"] {
			case "tcp", "udp":
				r["ports"] = pick(m, "443", "22-443", "0-65535", "8000-8100")
			case "icmp":
				r["ports"] = pick(m, "-1", "8/-1", "8/0", "8/3", "3/-1")
			}
			if r["ports"] == "-1" {
				delete(r, "ports")
			}
			rules = append(rules, r)
		}
		for range m.IntN(3) {
			add("ingress")
		}
		if m.chance(75) {
			rules = append(rules, obj{"direction": "ingress", "from": pick(m, "10.0.0.0/8", "0.0.0.0/0")}, obj{"direction": "ingress", "from": "::/0"})
		}
		if m.chance(30) {
			add("egress")
			add("egress")
		}
		g["rules"] = dedup(rules)
	}
}

// dedup leaves out what is there already: a group has no rule twice.
func dedup(all []obj) []obj {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(r obj) bool {
		k := fmt.Sprint(r)
		twice := seen[k]
		seen[k] = true
		return twice
	})
}

// acl makes a network ACL of some subnets: one that lets everything pass but for what its first entries say.
func (m *maker) acl(v *made) {
	var subnets []string
	for _, s := range v.subnets {
		if m.chance(60) {
			subnets = append(subnets, s["id"].(string))
		}
	}
	a := obj{"id": m.id("acl"), "subnets": subnets, "default": m.chance(20)}
	var entries []obj
	for i := range 1 + m.IntN(5) {
		other := pick(m, m.vpcs...)
		e := obj{"number": 10 * (1 + i), "direction": pick(m, "ingress", "egress"), "action": pick(m, "deny", "allow", "deny"),
			"protocol": pick(m, "all", "all", "tcp", "tcp", "tcp", "tcp", "udp", "icmp", "icmpv6", "50"), "cidr": pick(m, "0.0.0.0/0", "10.0.0.0/8", other.cidr(), other.cidr(), m.inner(other), "::/0")}
		switch e["protocol"] {
		case "tcp", "udp":
			e["ports"] = pick(m, "443", "0-1023", "443-65535", "32768-65535", "2000-3000", "0-65535")
		case "icmp":
			e["ports"] = pick(m, "8/-1", "8/3", "0/0", "0/3", "0/-1", "-1")
		case "icmpv6":
			e["ports"] = pick(m, "128/-1", "129/0", "-1")
		}
		if e["ports"] == "-1" {
			delete(e, "ports")
		}
		entries = append(entries, e)
	}
	for _, dir := range []string{"ingress", "egress"} {
		entries = append(entries, obj{"number": 1000, "direction": dir, "action": "allow", "cidr": pick(m, "0.0.0.0/0", "10.0.0.0/8")})
		if m.chance(85) {
			entries = append(entries, obj{"number": 1001, "direction": dir, "action": "allow", "cidr": "::/0"})
		}
	}
	a["entries"] = entries
	v.acls = append(v.acls, a)
}

// spoil puts something into a table that takes traffic elsewhere, nowhere, or to the right place in another way.
func (m *maker) spoil(v *made, lists []string) {
	t, other := pick(m, v.tables...), pick(m, m.vpcs...)
	if other == v { // EC2 refuses routes within the VPC itself, but one can be propagated
		t["routes"] = append(routesOf(t), obj{"to": m.inner(v), "via": "vgw-0000000000000f001", "origin": "EnableVgwRoutePropagation"})
		return
	}
	to := pick(m, m.inner(other), m.inner(other), "10.0.0.0/8", "0.0.0.0/0", pick(m, lists...))
	switch m.IntN(12) {
	case 0:
		t["routes"] = slices.DeleteFunc(routesOf(t), func(obj) bool { return m.chance(30) })
	case 1, 2, 9, 10, 11:
		v.route(t, to, "igw")
	case 3:
		v.route(t, to, pick(m, "tgw-0000000000000f001", "nat-0000000000000f001"))
	case 4:
		if r := v.route(t, to, pick(m, "igw", "nat-0000000000000f001")); r != nil {
			r["state"] = "blackhole"
		}
	case 5:
		r := obj{"to": other.cidr(), "via": "vgw-0000000000000f001", "origin": "EnableVgwRoutePropagation"}
		t["routes"] = append(routesOf(t), r)
	case 6, 7:
		if c := pick(m, m.conns...); c["requester"].(obj)["vpc"] == v.id || c["accepter"].(obj)["vpc"] == v.id {
			v.route(t, to, c["id"].(string))
		}
	case 8:
		if r := v.route(t, m.inner(other), "igw"); r != nil {
			r["state"] = "filtered"
		}
	}
}

func routesOf(t obj) []obj { r, _ := t["routes"].([]obj); return r }

// troubles say of which kind the most of what is wrong with a world is, and how often.
var troubles = slices.Concat([]string{"none", "status"}, slices.Repeat([]string{"twin", "acls"}, 10), slices.Repeat([]string{"routes"}, 6))

// world makes the file and the spec.
func (m *maker) world() (file []byte, text string) {
	for n := range 3 + m.IntN(2) {
		m.vpcs = append(m.vpcs, m.vpc(n+1))
	}
	trouble := troubles[m.IntN(len(troubles))]
	statuses := []string{"active"}
	if trouble == "status" {
		statuses = []string{"active", "pending-acceptance", "provisioning", "deleted", "expired"}
	}
	for i := range m.vpcs {
		if i > 0 {
			m.connect(m.vpcs[i-1], m.vpcs[i], pick(m, statuses...))
		}
	}
	if m.chance(50) {
		m.connect(m.vpcs[0], m.vpcs[2], pick(m, statuses...))
	}
	for trouble == "twin" && m.chance(70) { // whose routes only some tables have
		m.twin()
	}
	lists := []string{}
	var listFiles []obj
	for range 2 {
		id, v := m.id("pl"), pick(m, m.vpcs...)
		lists = append(lists, id)
		listFiles = append(listFiles, obj{"id": id, "max": 5, "entries": []obj{{"cidr": v.cidr()}, {"cidr": m.v4(v)}}})
	}
	for _, v := range m.vpcs {
		m.rules(v, lists)
		for range m.IntN(pick(m, 0, map[string]int{"routes": 16}[trouble]) + 4) { // often one side only: the way there is good and the way back is not
			m.spoil(v, lists)
		}
		if m.chance(map[string]int{"acls": 70}[trouble] + 30) {
			m.acl(v)
		}
	}
	return m.file(listFiles), m.specText()
}

func (m *maker) v4(v *made) string {
	for {
		if c := m.inner(v); strings.HasPrefix(c, "10.") && c != v.cidr() {
			return c
		}
	}
}

// twin makes another connection of a pair, one that waits or is over, and points some routes
// of one side at it.
func (m *maker) twin() {
	c := pick(m, m.conns...)
	id := m.id("pcx")
	m.conns = append(m.conns, obj{"id": id, "requester": c["accepter"], "accepter": c["requester"], "status": pick(m, "pending-acceptance", "pending-acceptance", "provisioning", "deleted", "deleted")})
	side := c[pick(m, "requester", "accepter")].(obj)["vpc"]
	for _, v := range m.vpcs {
		for _, t := range v.tables {
			for _, r := range routesOf(t) {
				if v.id == side && r["via"] == c["id"] && m.chance(75) {
					r["via"] = id
				}
			}
		}
	}
}

func (m *maker) file(lists []obj) []byte {
	regions := map[string]map[string]obj{}
	for _, account := range []string{"111111111111", "222222222222"} {
		regions[account] = map[string]obj{}
		for _, r := range []string{"eu-west-1", "us-east-1"} {
			regions[account][r] = obj{"prefixLists": lists, "targets": []string{"tgw-0000000000000f001", "nat-0000000000000f001", "vgw-0000000000000f001"}, "vpcs": []obj{}}
		}
	}
	for _, v := range m.vpcs {
		f := obj{"id": v.id, "cidrs": []string{v.cidr()}, "subnets": v.subnets, "tables": v.tables, "groups": v.groups, "acls": v.acls}
		if v.v6 {
			f["ipv6"] = v.six()
		}
		r := regions[v.account][v.region]
		r["vpcs"] = append(r["vpcs"].([]obj), f)
	}
	var accounts []obj
	for _, a := range slices.Sorted(maps.Keys(regions)) {
		accounts = append(accounts, obj{"id": a, "regions": regions[a]})
	}
	out, err := json.Marshal(obj{"accounts": accounts, "connections": m.conns})
	if err != nil {
		panic(err)
	}
	return out
}

func (m *maker) specText() string {
	fmt.Fprintf(&m.spec, "apiVersion: peerd/v1\nowner: acme\naccounts:\n  one: {id: \"111111111111\"}\n  two: {id: \"222222222222\", role: peerd}\nvpcs:\n")
	for _, v := range m.vpcs {
		fmt.Fprintf(&m.spec, "  v%d: {account: %s, region: %s, id: %s}\n", v.n, map[string]string{"111111111111": "one", "222222222222": "two"}[v.account], v.region, v.id)
	}
	m.spec.WriteString("peerings:\n  - {name: first, requester: {vpc: v1}, accepter: {vpc: v2}}\n")
	return m.spec.String()
}

// flow is a question, and what the oracle needs to answer it.
type flow struct {
	trace.Question
	from, to *made
}

func (m *maker) flow() flow {
	i := m.IntN(len(m.vpcs))
	j := max(0, i-1)
	switch {
	case i == 0:
		j = 1
	case m.chance(12):
		j = m.IntN(len(m.vpcs))
	}
	if m.chance(50) {
		i, j = j, i
	}
	f := flow{from: m.vpcs[i], to: m.vpcs[j]}
	six := f.from.v6 && f.to.v6 && m.chance(25) || m.chance(4)
	f.From, f.To = m.place(f.from, six), m.place(f.to, six)
	text := pick(m, "", "tcp/443", "tcp/443", "tcp/443", "tcp/443", "tcp/22", "udp/53", "udp/443", "icmp", "50", "tcp/8080")
	if text == "icmp" && six {
		text = "icmpv6"
	}
	f.Traffic, _ = trace.ParseTraffic(text)
	f.FromGroups, f.ToGroups = m.some(f.from), m.some(f.to)
	return f
}

func (m *maker) some(v *made) []string {
	var out []string
	if m.chance(35) {
		for _, g := range v.groups {
			if len(out) == 0 || m.chance(20) {
				out = append(out, g["id"].(string))
			}
		}
	}
	return out
}

// place names an end: mostly one address, else a CIDR, a subnet, or the whole VPC.
func (m *maker) place(v *made, six bool) string {
	if len(v.subnets) == 0 {
		return pick(m, fmt.Sprintf("v%d", v.n), fmt.Sprintf("10.%d.0.%d", v.n, m.IntN(256)))
	}
	s := pick(m, v.subnets...)
	switch n := m.IntN(100); {
	case n < 5:
		return fmt.Sprintf("v%d", v.n)
	case n < 12:
		return s["id"].(string)
	case n < 20:
		p, _ := netip.MustParsePrefix(s["cidr"].(string)).Addr().Prefix(pick(m, 25, 27, 28))
		return fmt.Sprintf("%s@v%d", p, v.n)
	case n < 25:
		return fmt.Sprintf("10.%d.0.%d", v.n, m.IntN(256))
	case six && s["ipv6"] != nil:
		return fmt.Sprintf("%s%x", strings.TrimSuffix(s["ipv6"].(string), "/64"), m.IntN(1<<16))
	}
	a := netip.MustParsePrefix(s["cidr"].(string)).Addr().As4()
	a[3] += byte(m.IntN(16))
	return netip.AddrFrom4(a).String()
}

// flows is how many are walked: PEERD_TRACE_FLOWS=10000 for a thorough run.
func flows(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("PEERD_TRACE_FLOWS"))
	if err != nil {
		return 1000
	}
	t.Logf("%d flows", n)
	return n
}

// kinds are all the ways in which the answer can be no on a network that can be read.
var kinds = []string{"from/no-subnet", "to/no-subnet", "to/no-family", "route/no-route", "route/blackhole", "route/elsewhere", "connection/not-active",
	"route back/no-route", "route back/blackhole", "route back/elsewhere", "connection back/not-active", "group egress/no-rule", "group ingress/no-rule",
	"acl egress/denied", "acl ingress/denied", "acl reply egress/denied", "acl reply ingress/denied"}

// The oracle's walk over the simulator's own state says what a trace says of what it read through the real SDK; and with listings unread the
// answer is the same or unknown, never another.
func TestTraceAgreesWithAnIndependentWalk(t *testing.T) {
	t.Parallel()
	total, perWorld := flows(t), 10
	count := map[string]int{}
	for seed := range uint64((total + perWorld - 1) / perWorld) {
		m := &maker{Rand: rand.New(rand.NewPCG(seed, 7))}
		file, text := m.world()
		sim, err := ec2sim.New(ec2sim.Config{World: file})
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, file)
		}
		set, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(text)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		e, whole := estateOf(sim.Dump()), look(t, sim, set, m.everything())
		for n := range perWorld {
			f := m.flow()
			o := whole
			if n == 0 {
				o = look(t, sim, set, f.Question) // what one question reads is enough for it
			}
			name := fmt.Sprintf("seed %d flow %d: %+v", seed, n, f.Question)
			count[agree(t, name, e, set, o, f)]++
			m.blind(t, name, set, o, f)
		}
	}
	judgeCounts(t, total, count)
}

func judgeCounts(t *testing.T, total int, count map[string]int) {
	t.Helper()
	for _, k := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%6d %s", count[k], k)
	}
	if count["yes"]*100 < total*30 {
		t.Errorf("only %d of %d are reachable", count["yes"], total)
	}
	share := 150 // one in so many; more of them in a thorough run, whose count varies less
	if total >= 10000 {
		share = 50
	}
	for _, k := range kinds {
		if count[k]*share < total {
			t.Errorf("only %d of %d are no for %s", count[k], total, k)
		}
	}
}

// everything asks for all groups, and for addresses that may be anywhere.
func (m *maker) everything() trace.Question {
	q := trace.Question{From: "10.1.0.0", To: "10.2.0.0", Traffic: trace.Traffic{Proto: netstate.TCP, Port: 443}}
	for _, v := range m.vpcs {
		for _, g := range v.groups {
			q.FromGroups = append(q.FromGroups, g["id"].(string))
		}
	}
	return q
}

func look(t *testing.T, sim *ec2sim.Sim, set *spec.Set, q trace.Question) *netstate.Observed {
	t.Helper()
	l := netstate.Look{Access: map[netstate.AccountID]netstate.Access{}, Scopes: trace.Scopes(set, q)}
	for _, a := range set.Accounts {
		l.Access[a.ID] = netstate.Access{Account: a.ID, Role: a.Role}
	}
	o, err := simtest.Target(sim).Observe(t.Context(), l)
	if err != nil || len(o.Unread) > 0 {
		t.Fatalf("%v %v", err, o.Unread)
	}
	return o
}

// agree holds the answer to a question against the oracle's, and returns the kind of answer.
func agree(t *testing.T, name string, e *estate, set *spec.Set, o *netstate.Observed, f flow) string {
	t.Helper()
	got, err := trace.Ask(set, o, f.Question)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	want, pairs := e.all(f)
	if said := says(got.Reaches); said != want {
		t.Fatalf("%s: trace says %s and the oracle %s\n%s", name, said, want, text(got))
	}
	if pairs == 0 {
		if kindOf(got) != "to/no-family" {
			t.Fatalf("%s: %s", name, text(got))
		}
		return "to/no-family"
	}
	// The packet that the trace shows is one of which the oracle says the same, for the same reason.
	p := e.packet(f)
	p.from, p.to = got.Path.From, got.Path.To
	if v, k := e.judge(p); v != want || v == no && k != kindOf(got) {
		t.Fatalf("%s: trace says %s for %s, and the oracle %s for %s\n%s", name, want, kindOf(got), v, k, text(got))
	}
	if want == no {
		return kindOf(got)
	}
	return want
}

func says(s netstate.Tri) string { return s.String() }

func kindOf(r *trace.Result) string {
	if h := r.Path.Decisive(); h != nil {
		return string(h.Step) + "/" + string(h.Why)
	}
	return ""
}

func text(r *trace.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v -> %v (%d yes, %d no, %d unknown)\n", r.Path.From, r.Path.To, r.Yes, r.No, r.Unknown)
	for _, h := range r.Path.Hops {
		fmt.Fprintf(&b, "  %-8s %-18s %-24s %s [%s]\n", h.Says, h.Step, h.ID, h.Text, h.Cure)
	}
	return b.String()
}

func (e *estate) packet(f flow) packet {
	key := func(v *made) string { return v.account + "/" + v.region + "/" + v.id }
	p := packet{fromVPC: e.vpcs[key(f.from)], toVPC: e.vpcs[key(f.to)], proto: string(f.Traffic.Proto), port: int(f.Traffic.Port)}
	p.fromGroups, p.toGroups = f.FromGroups, f.ToGroups
	return p
}

// all judges every packet of a flow that could make a difference: of small sets every address, of others those at every border of a prefix.
func (e *estate) all(f flow) (verdict string, pairs int) {
	p := e.packet(f)
	verdict = yes
	from, to := e.addresses(f.From, p.fromVPC), e.addresses(f.To, p.toVPC)
	for _, a := range from {
		for _, b := range to {
			if a.Is4() != b.Is4() || p.proto == "icmp" && a.Is6() || p.proto == "icmpv6" && a.Is4() {
				continue
			}
			pairs++
			p.from, p.to = a, b
			v, _ := e.judge(p)
			if v == no || v == dunno && verdict == yes {
				verdict = v
			}
		}
	}
	if pairs == 0 {
		verdict = no
	}
	return verdict, pairs
}

// addresses are those that an end means: of what is more than one address those in subnets, if there are any.
func (e *estate) addresses(text string, v *theVPC) []netip.Addr {
	text, _, _ = strings.Cut(text, "@")
	if a, err := netip.ParseAddr(text); err == nil {
		return []netip.Addr{a}
	}
	sets := v.cidrs
	if p, err := netip.ParsePrefix(text); err == nil {
		sets = []netip.Prefix{p}
	} else if s, ok := v.subnets[text]; ok {
		sets = s
	}
	in := func(a netip.Addr) bool { return contains(sets, a) }
	used := func(a netip.Addr) bool {
		for _, s := range v.subnets {
			if contains(s, a) {
				return true
			}
		}
		return false
	}
	var out, all []netip.Addr
	for _, a := range e.borders(sets) {
		if in(a) {
			all = append(all, a)
			if used(a) {
				out = append(out, a)
			}
		}
	}
	// Sets none of whose addresses are used mean what they say.
	for _, s := range sets {
		if !slices.ContainsFunc(out, s.Contains) {
			out = append(out, s.Addr())
			if len(v.subnets) == 0 {
				out = append(out, slices.DeleteFunc(slices.Clone(all), func(a netip.Addr) bool { return !s.Contains(a) })...)
			}
		}
	}
	return out
}

func contains(sets []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(sets, func(p netip.Prefix) bool { return p.Contains(a) })
}

// borders are the first address of every prefix that the estate knows and the first after it, and all of small sets.
func (e *estate) borders(sets []netip.Prefix) []netip.Addr {
	seen := map[netip.Addr]bool{}
	add := func(p netip.Prefix) {
		seen[p.Addr()] = true
		b := p.Addr().AsSlice()
		for i := len(b)*8 - 1; i >= p.Bits(); i-- {
			b[i/8] |= 1 << (7 - i%8)
		}
		if end, _ := netip.AddrFromSlice(b); end.Next().IsValid() {
			seen[end.Next()] = true
		}
	}
	for _, s := range sets {
		add(s)
		for a := s.Addr(); s.Addr().Is4() && s.Bits() >= 28 && s.Contains(a); a = a.Next() {
			seen[a] = true
		}
	}
	for _, v := range e.vpcs {
		for _, s := range v.subnets {
			for _, p := range s {
				add(p)
			}
		}
		for _, routes := range v.routes {
			for _, r := range routes {
				if p, err := netip.ParsePrefix(r.dest); err == nil {
					add(p)
				}
			}
		}
		for _, entries := range v.acls {
			for _, x := range entries {
				add(x.cidr)
			}
		}
	}
	for _, l := range e.lists {
		for _, p := range l {
			add(p)
		}
	}
	for _, rules := range e.groups {
		for _, r := range rules {
			if p, err := netip.ParsePrefix(r.peer); err == nil {
				add(p)
			}
		}
	}
	return slices.SortedFunc(maps.Keys(seen), netip.Addr.Compare)
}

// blind takes listings away: then the answer is what it was, or unknown, or that the question cannot be understood.
func (m *maker) blind(t *testing.T, name string, set *spec.Set, o *netstate.Observed, f flow) {
	t.Helper()
	want, err := trace.Ask(set, o, f.Question)
	if err != nil {
		t.Fatal(err)
	}
	half, taken := without(o, m)
	got, err := trace.Ask(set, half, f.Question)
	if err != nil {
		t.Fatalf("%s: without %v: %v", name, taken, err)
	}
	if got.Reaches != want.Reaches && got.Reaches != netstate.Unknown {
		t.Fatalf("%s: without %v the answer changes from\n%sto\n%s", name, taken, text(want), text(got))
	}
}

// without is a look with one or two listings of random scopes unread.
func without(o *netstate.Observed, m *maker) (*netstate.Observed, []string) {
	half := o.Clone()
	var taken []string
	for range 1 + m.IntN(2) {
		v := pick(m, m.vpcs...)
		s := netstate.Scope{Account: netstate.AccountID(v.account), Region: netstate.Region(v.region)}
		l := pick(m, netstate.ListVPCs, netstate.ListSubnets, netstate.ListTables, netstate.ListACLs, netstate.ListGroups, netstate.ListRules, netstate.ListConnections, netstate.ListPrefixLists)
		taken = append(taken, fmt.Sprint(s, " ", l))
		if l != netstate.ListPrefixLists { // those in use are merely absent
			half.Fail(s, l, &netstate.Error{Op: "list", Scope: s, Kind: netstate.Denied, Code: "UnauthorizedOperation"})
		}
		switch l {
		case netstate.ListVPCs:
			maps.DeleteFunc(half.VPCs, func(k netstate.VPC, _ netstate.Facts) bool { return k.Scope == s })
		case netstate.ListSubnets:
			maps.DeleteFunc(half.Subnets, func(k netstate.SubnetKey, _ netstate.Subnet) bool { return k.Scope == s })
		case netstate.ListTables:
			maps.DeleteFunc(half.Tables, func(k netstate.TableKey, _ netstate.Table) bool { return k.Scope == s })
			maps.DeleteFunc(half.Routes, func(k netstate.RouteKey, _ netstate.Route) bool { return k.Scope == s })
		case netstate.ListACLs:
			maps.DeleteFunc(half.ACLs, func(k netstate.ACLKey, _ netstate.ACL) bool { return k.Scope == s })
		case netstate.ListGroups:
			maps.DeleteFunc(half.Groups, func(k netstate.GroupKey, _ netstate.Group) bool { return k.Scope == s })
		case netstate.ListRules:
			maps.DeleteFunc(half.Rules, func(k netstate.RuleKey, _ netstate.Rule) bool { return k.Scope == s })
		case netstate.ListConnections:
			maps.DeleteFunc(half.Connections, func(_ netstate.ConnID, c netstate.Connection) bool {
				return c.Requester.Scope == s && c.Accepter.Scope == s
			})
		case netstate.ListPrefixLists:
			maps.DeleteFunc(half.PrefixLists, func(k netstate.PrefixListKey, _ netstate.PrefixList) bool { return k.Scope == s })
		}
	}
	return half, taken
}
