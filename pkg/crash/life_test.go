package crash

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/simtest"
)

// life is an undisturbed life of a scenario.
type life struct {
	scenario
	order uint64
	stops []stop
	known string   // the world before, with the ids that were there
	end   []string // the world in the end, as told
	keeps []string // facts from before that are there in the end
	exit  int
}

// stop is a world that a process leaves when it is stopped at some positions, between which nothing happened.
type stop struct {
	at    time.Time
	sim   *ec2sim.Sim
	where []position
}

// position is before or after a call to EC2, counted from the first of a scenario's passes on.
type position struct {
	pass, call int
	after      bool
}

// String says where that is.
func (p position) String() string {
	return fmt.Sprintf("%s call %d (pass %d)", map[bool]string{false: "before", true: "after"}[p.after], p.call, p.pass)
}

// live makes passes until one changes nothing, and notes the world before and after every call to EC2.
func live(t *testing.T, s scenario, order uint64) *life {
	t.Helper()
	l := &life{scenario: s, order: order}
	synctest.Test(t, func(t *testing.T) {
		r := s.begin(t)
		l.known = r.Sim.Dump()
		n := &notary{life: l, sim: r.Sim}
		r.Via = simtest.NewGate(t, n, order)
		memory, did := plan.Memory{}, map[string]bool{}
		for pass := 1; ; pass++ {
			n.pass = pass
			report, calls := r.Run(s.input(memory))
			memory = report.Memory
			for _, c := range calls {
				if c.Service == "ec2" {
					did[short.Replace(c.Action)] = true
				}
			}
			time.Sleep(interval)
			if len(calls) == 0 || pass > mostPasses {
				simtest.MustExit(t, fmt.Sprintf("undisturbed, pass %d", pass), report, s.exit)
				l.exit = report.Exit()
				break
			}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(did)), " "); got != s.does {
			t.Errorf("undisturbed, it called %q, want %q", got, s.does)
		}
		l.end = l.told(r.Sim.Dump())
		l.keeps = both(simtest.Lines(l.known), simtest.Lines(r.Sim.Dump()))
	})
	return l
}

// short are the names of actions without what they have in common.
var short = strings.NewReplacer("VpcPeeringConnection", "", "SecurityGroup", "")

// notary notes what a process leaves if it is stopped, before and after each call that goes through it, one at a time.
type notary struct {
	life *life
	sim  *ec2sim.Sim
	pass int
	n    int // calls to EC2
	seen int // of the log: what came before is noted
}

// RoundTrip answers a call.
func (n *notary) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Host, "ec2.") {
		return n.sim.RoundTrip(r)
	}
	n.n++
	n.note(false)
	resp, err := n.sim.RoundTrip(r)
	n.note(true)
	return resp, err
}

func (n *notary) note(after bool) {
	calls := n.sim.Calls()
	changed := false
	for _, c := range calls[n.seen:] {
		changed = changed || c.Mutating && c.Applied
	}
	n.seen = len(calls)
	l, now := n.life, time.Now()
	if last := len(l.stops) - 1; last < 0 || changed || !l.stops[last].at.Equal(now) {
		l.stops = append(l.stops, stop{at: now, sim: n.sim.Fork()})
	}
	last := &l.stops[len(l.stops)-1]
	last.where = append(last.where, position{n.pass, n.n, after})
}

// both are the lines of a that b has too.
func both(a, b []string) []string { return simtest.Without(a, simtest.Without(a, b)) }

var (
	madeID = regexp.MustCompile(`(pcx|sgr)-[0-9a-f]{17}`)
	ends   = regexp.MustCompile(` connection (\S+) requester=(\S+) accepter=(\S+) status=(\S+) `)
)

// told are the facts of a dumped world in words that two worlds share: what was made meanwhile is called by what it is, a connection by its
// ends and state, and a rule is without its id.
func (l *life) told(dump string) []string {
	called := map[string]string{}
	for _, m := range ends.FindAllStringSubmatch(dump, -1) {
		called[m[1]] = fmt.Sprintf("(%s > %s %s)", m[2], m[3], m[4])
	}
	text := madeID.ReplaceAllStringFunc(dump, func(id string) string {
		switch {
		case strings.Contains(l.known, id):
			return id
		case strings.HasPrefix(id, "sgr"):
			return "sgr"
		}
		return cmp.Or(called[id], "pcx")
	})
	return slices.Sorted(slices.Values(simtest.Lines(simtest.NoTime(text))))
}
