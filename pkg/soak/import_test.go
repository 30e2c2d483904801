package soak

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/adopt"
	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
)

// TestImport imports random worlds: those of the other tests, as peerd and strangers left them, and worlds that were written to be hard to
// say. The plan of each import has nothing but tags, and what belongs to a peering is in its entry or in a comment. As many as
// PEERD_IMPORT_SEEDS says.
func TestImport(t *testing.T) {
	t.Parallel()
	first, n := uint64(1), uint64(200)
	if testing.Short() {
		n = 40
	}
	if asked := number(t, "PEERD_IMPORT_SEEDS"); asked > 0 {
		n = asked
	}
	if one := number(t, "PEERD_SEED"); one > 0 {
		first, n = one, 1
	}
	sum := &importTally{}
	next := boxed(t, first, n)
	t.Run("seeds", func(t *testing.T) {
		var workers sync.WaitGroup
		for range 2 {
			workers.Go(func() {
				for seed := range next {
					t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { importOne(t, seed, sum) }) })
				}
			})
		}
		workers.Wait()
	})
	t.Logf("%+v", sum.counts)
	for what, share := range map[string]float64{"connections": 0.3, "routes": 0.7, "rules": 0.6, "meshes": 0.01} {
		if in, out := sum.counts[what+" in"], sum.counts[what+" out"]; n >= 40 && float64(in) < share*float64(in+out) {
			t.Errorf("%d of %d %s are in the entries: too few to say anything", in, in+out, what)
		}
	}
}

// importTally counts what the entries had and what stood in comments.
type importTally struct {
	mu     sync.Mutex // guards counts
	counts map[string]int
}

func (s *importTally) add(what string, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[what+map[bool]string{true: " in", false: " out"}[in]]++
}

// imported is one world that is to be imported.
type imported struct {
	*simtest.Rig
	groups map[string]string // id → VPC
}

func importOne(t *testing.T, seed uint64, sum *importTally) {
	r := rand.New(rand.NewPCG(seed, 1))
	var w *imported
	if seed%3 == 0 {
		w = livedIn(t, r)
	} else {
		w = written(t, r)
	}
	owners := []netstate.OwnerID{owner, "umbrella", "newcomer"}
	in := adopt.Input{Owner: owners[r.IntN(3)]}
	for i, id := range []netstate.AccountID{network, payments} {
		in.Accounts = append(in.Accounts, &spec.Account{Name: []string{"network", "payments"}[i], ID: id, Managed: true, Role: "peerd"})
		in.Asked = append(in.Asked, netstate.Scope{Account: id, Region: "eu-west-1"}, netstate.Scope{Account: id, Region: "us-east-1"})
	}
	switch r.IntN(4) {
	case 0: // one account alone: the other's sides are theirs to do
		in.Accounts, in.Asked = in.Accounts[:1], in.Asked[:2]
	case 1: // one region: the other is read where a peering leads to it
		in.Asked = []netstate.Scope{in.Asked[0], in.Asked[2]}
	}
	w.check(in, sum)
	if t.Failed() {
		t.Logf("PEERD_SEED=%d is this one\n%s", seed, w.Sim.Dump())
	}
}

// check imports a world and holds plan and entries against it.
func (w *imported) check(in adopt.Input, sum *importTally) {
	before := w.Sim.Dump()
	target := simtest.Target(w.Sim)
	observe := func(l netstate.Look) (*netstate.Observed, error) { return target.Observe(w.T.Context(), l) }
	o, err := adopt.Read(in, observe)
	if err != nil {
		w.T.Fatal(err)
	}
	made, err := adopt.Spec(o, in)
	if err != nil {
		w.T.Fatal(err)
	}
	text := string(made)
	w.Spec = simtest.LoadSpec(w.T, text)
	sum.add("meshes", strings.Contains(text, "\nmeshes:\n"))
	report, calls := w.Plan()
	if len(calls) > 0 || w.Sim.Dump() != before {
		w.T.Errorf("the import or its plan changed something: %v", calls)
	}
	for _, l := range beyondTags(report.First, w.Spec) {
		if !ourExtra(l, text) {
			w.T.Errorf("the plan has more than tags: %s", l)
		}
	}
	w.complete(text, in, sum)
	if w.T.Failed() {
		w.T.Log(text)
	}
}

var groupOwner = regexp.MustCompile(`[0-9]{12}/sg-`)

// ourExtra reports whether a comment says that a thing which a plan calls extra is ours, and has no entry.
func ourExtra(drift, text string) bool {
	for line := range strings.Lines(text) {
		id := oneID.FindString(drift)
		if id != "" && strings.Contains(drift, ": extra ") && strings.Contains(line, id) && strings.Contains(line, "a plan") && strings.Contains(line, "calls it extra") {
			return true
		}
	}
	return false
}

var oneID = regexp.MustCompile(`(sgr|pcx)-[0-9a-f]{17}`)

// beyondTags is all of a plan that is neither a tag nor a mere warning. A peering of ours may be on its way: the plan goes on with it.
func beyondTags(p *plan.Plan, s *spec.Set) []string {
	var out []string
	onItsWay := map[netstate.Link]bool{}
	for _, d := range p.Drift {
		if d.Resource == plan.ResourceConnection && d.Kind == plan.DriftChanged && !s.Peering(d.Link).Adopt {
			onItsWay[d.Link] = true
		}
	}
	for _, a := range p.Actions {
		switch a.(type) {
		case plan.TagConnection, plan.TagRule:
		default:
			if !onItsWay[a.Link()] {
				out = append(out, string(a.Link())+": "+a.String())
			}
		}
	}
	for _, d := range p.Drift {
		if d.Resource != plan.ResourceTags && !onItsWay[d.Link] {
			out = append(out, fmt.Sprintf("%s: %s %s %s", d.Link, d.Kind, d.Resource, d.What))
		}
	}
	for _, x := range p.Problems {
		if x.Severity != plan.Warns {
			out = append(out, x.String())
		}
	}
	return out
}

// complete looks in the world for what belongs to a peering: all of it must be wanted by an entry, or be named in a comment.
func (w *imported) complete(text string, in adopt.Input, sum *importTally) {
	o, err := simtest.Target(w.Sim).Observe(w.T.Context(), plan.Look(w.Spec, plan.Ask{}))
	if err != nil {
		w.T.Fatal(err)
	}
	d, _ := plan.Expand(w.Spec, o)
	ends, routes, rules := map[string]*plan.End{}, map[string]bool{}, map[string]bool{} // ends by connection and VPC
	s := parse(w.Sim.Dump())
	for _, l := range d.Links {
		for _, c := range s.conns {
			if c.alive() && c.joins([2]string{l.Ends[0].VPC.String(), l.Ends[1].VPC.String()}) && c.status == "active" {
				for i := range l.Ends {
					ends[c.id+" "+l.Ends[i].VPC.String()] = &l.Ends[i]
				}
			}
		}
		for _, e := range l.Ends {
			for k := range e.Routes {
				routes[fmt.Sprintf("%s %s %s", k.Scope, k.Table, k.Dest)] = true
			}
		}
	}
	for k := range d.Rules {
		rules[fmt.Sprintf("%s %s %s %s %s %s", k.Scope, k.Group, k.Dir, string(k.Proto), portsText(k), k.Peer)] = true
	}
	said := func(what string, is bool, id, all string) {
		sum.add(what, is)
		if !is && !strings.Contains(text, id) {
			w.T.Errorf("neither in an entry nor in a comment: %s %s", what, all)
		}
	}
	for _, c := range s.conns {
		if asked(in, c.requester) || asked(in, c.accepter) {
			if c.alive() {
				said("connections", ends[c.id+" "+c.requester] != nil, c.id, c.id)
			}
		}
	}
	for k, to := range s.routes {
		for id, e := range ends {
			if strings.HasPrefix(id, to+" ") && e.Managed && strings.HasPrefix(k, e.VPC.Scope.String()+" ") {
				said("routes", routes[k], strings.Fields(k)[1], k+" -> "+to)
			}
		}
	}
	for k, x := range s.rules {
		f := strings.Fields(k)
		for id, e := range ends {
			if w.groups[f[1]] != string(e.VPC.ID) || !e.Managed {
				continue
			}
			for other, p := range ends {
				if other != id && strings.HasPrefix(other, strings.Fields(id)[0]+" ") && w.opens(f[5], p) {
					said("rules", rules[groupOwner.ReplaceAllString(k, "sg-")], x.id, k)
				}
			}
		}
	}
}

func portsText(k netstate.RuleKey) string { return fmt.Sprintf("%d-%d", k.Ports.From, k.Ports.To) }

func asked(in adopt.Input, vpc string) bool {
	return slices.ContainsFunc(in.Asked, func(s netstate.Scope) bool { return strings.HasPrefix(vpc, s.String()+"/") })
}

// opens reports whether the other end of a rule is the peer's: addresses of its own, or one of its groups.
func (w *imported) opens(peer string, p *plan.End) bool {
	if at := strings.LastIndex(peer, "sg-"); at >= 0 {
		return w.groups[peer[at:]] == string(p.VPC.ID) && p.Managed
	}
	c, err := netip.ParsePrefix(peer)
	return err == nil && slices.ContainsFunc(p.CIDRs, func(x netip.Prefix) bool { return x.Overlaps(c) && x.Bits() <= c.Bits() })
}

// livedIn is a world of the other tests: peerd applied a spec, strangers meddled, and some of it lost its tags.
func livedIn(t *testing.T, r *rand.Rand) *imported {
	e := newEstate(r)
	in := intent{estate: e}
	for range 1 + e.IntN(4) {
		in.add()
	}
	sim, err := ec2sim.New(ec2sim.Config{World: []byte(e.world())})
	if err != nil {
		t.Fatal(err)
	}
	w := &imported{&simtest.Rig{T: t, Sim: sim, Spec: simtest.LoadSpec(t, in.spec())}, map[string]string{}}
	for _, v := range e.vpcs {
		w.groups[v.group] = v.id
	}
	w.Run(reconcile.Input{})
	for range e.IntN(6) {
		meddle(w, e, parse(sim.Dump()))
	}
	s := parse(sim.Dump())
	for _, c := range s.conns {
		if c.alive() && c.ours() && e.IntN(3) == 0 {
			untag(w, c.accepter, c.id)
			untag(w, c.requester, c.id)
		}
	}
	return w
}
