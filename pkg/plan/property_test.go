package plan_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// FuzzPlan makes a small spec and a world of the bytes, and holds the laws of the core against it: an applied plan leaves nothing to do, the
// order of anything never matters, nothing of a stranger's and nothing that could not be read is in an action, and the guard takes out every
// removal or none.
func FuzzPlan(f *testing.F) {
	f.Add([]byte{})
	for seed := range uint64(120) {
		f.Add(bySeed(seed))
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		w := newSmall(t, bytes)
		for range w.IntN(3) { // what follows finds the world made in part
			w.apply(plan.Options{Prune: w.IntN(2) == 0})
		}
		w.anyOrder()
		w.withheld()
		w.nothingUnread()
		w.converges(plan.Options{Prune: w.IntN(2) == 0})
		w.commit()
		w.anyOrder()
		w.withheld()
		w.nothingUnread()
		w.converges(plan.Options{Prune: true})
	})
}

// converges applies plan after plan until there is nothing to do, and finds nothing waiting then.
func (w *small) converges(opt plan.Options) {
	w.t.Helper()
	for range 9 {
		if w.apply(opt) {
			continue
		}
		if p := plan.Make(w.set, w.o, opt); len(p.Actions) > 0 {
			w.t.Errorf("waits for ever:\n%s", dump(p))
		}
		return
	}
	w.t.Fatalf("does not converge:\n%s", dump(plan.Make(w.set, w.o, opt)))
}

// nothingForeign checks every id that an action would touch, and every route that one would take.
func (w *small) nothingForeign(before *netstate.Observed, actions []plan.Action) {
	w.t.Helper()
	for _, a := range actions {
		id := touched(a)
		if w.foreign[id] && w.mayAdopt(before.Connections[netstate.ConnID(id)]) {
			delete(w.foreign, id)
		}
		if w.foreign[id] {
			w.t.Errorf("%s touches what is not ours", a)
		}
		if r, is := a.(plan.ReplaceRoute); is && w.foreign[r.Was.ID] && !w.mayTake(before, r) {
			w.t.Errorf("%s takes what is not ours: %+v %+v", a, before.Routes[r.Key], before.Connections[netstate.ConnID(r.Was.ID)])
		}
	}
}

// mayAdopt reports whether a connection that nobody owns is one that an entry takes over.
func (w *small) mayAdopt(c netstate.Connection) bool {
	for _, p := range w.set.Peerings {
		ends := [2]netstate.VPC{{Scope: p.Sides[0].VPC.Scope(), ID: p.Sides[0].VPC.Select.ID}, {Scope: p.Sides[1].VPC.Scope(), ID: p.Sides[1].VPC.Select.ID}}
		if p.Adopt && p.Suspend == nil && c.Pair() == netstate.NewPair(ends[0], ends[1]) {
			return c.Views[0].Owner() == "" && c.Views[1].Owner() == ""
		}
	}
	return false
}

func touched(a plan.Action) string {
	switch a := a.(type) {
	case plan.AcceptConnection:
		return string(a.Conn)
	case plan.TagConnection:
		return string(a.Conn)
	case plan.SetOptions:
		return string(a.Conn)
	case plan.CloseConnection:
		return string(a.Conn)
	case plan.ChangeRule:
		return string(a.ID)
	case plan.DescribeRule:
		return string(a.ID)
	case plan.TagRule:
		return string(a.ID)
	case plan.RevokeRule:
		return string(a.ID)
	case plan.RemoveRoute:
		return a.Was.ID
	case plan.AddRoute:
		return string(a.Conn)
	}
	return ""
}

// mayTake reports whether a stranger's route may be replaced: it leads to a connection that is dead or gone, or the entry says that it takes
// what is in its way, and that is no connection, or an active one that is no owner's.
func (w *small) mayTake(before *netstate.Observed, r plan.ReplaceRoute) bool {
	c, listed := before.Connections[netstate.ConnID(r.Was.ID)]
	switch {
	case listed && c.Status.Dead():
		return true
	case r.Was.Kind == netstate.TargetPeering && !listed:
		return before.Routes[r.Key].State == netstate.Blackhole
	case !w.takes(r):
		return false
	}
	return !listed || c.Status == netstate.Active && (c.Views[0].Owner() == netstate.Released || c.Views[0].Owner() == "")
}

// takes reports whether the entry that an action is of takes what is in its way there.
func (w *small) takes(r plan.ReplaceRoute) bool {
	for _, p := range w.set.Peerings {
		for _, s := range p.Sides {
			in := w.o.Tables[netstate.TableKey{Scope: r.Key.Scope, ID: r.Key.Table}].VPC == s.VPC.Select.ID
			if p.Name == r.Link() && in && s.Routes.Replace {
				return true
			}
		}
	}
	return false
}

// anyOrder plans with the peerings in another order, and maps that are ranged over anew.
func (w *small) anyOrder() {
	w.t.Helper()
	opt := plan.Options{Prune: true}
	want := dump(plan.Make(w.set, w.o, opt))
	for i := len(w.set.Peerings) - 1; i > 0; i-- {
		j := w.IntN(i + 1)
		w.set.Peerings[i], w.set.Peerings[j] = w.set.Peerings[j], w.set.Peerings[i]
	}
	if d := cmp.Diff(want, dump(plan.Make(w.set, w.o.Clone(), opt))); d != "" {
		w.t.Errorf("-before +after shuffling:\n%s", d)
	}
}

// withheld plans with every removal forbidden: none is left, and everything else is.
func (w *small) withheld() {
	w.t.Helper()
	p := plan.Make(w.set, w.o, plan.Options{Prune: true})
	before := slices.Clone(p.Actions)
	p.Guard(plan.Limits{})
	if p.Withheld == nil { // nothing is lost that was not being lost already
		return
	}
	kept := slices.DeleteFunc(before, func(a plan.Action) bool { return a.Step().Removes() })
	if d := cmp.Diff(lines(kept), lines(p.Actions)); d != "" {
		w.t.Errorf("left by the guard (-want +got):\n%s", d)
	}
	for _, d := range p.Drift {
		if d.Kind == plan.DriftExtra && d.Left == "" {
			w.t.Errorf("withheld, and yet said to be removed: %s", d.What)
		}
	}
}

func lines(actions []plan.Action) (out []string) {
	for _, a := range actions {
		out = append(out, string(a.Link())+" "+a.Scope().String()+" "+a.String())
	}
	return out
}

// nothingUnread plans with a listing that could not be read: no action needs it, and it is complained of, once.
func (w *small) nothingUnread() {
	w.t.Helper()
	o := w.o
	defer func() { w.o = o }()
	w.o = o.Clone()
	dark, lost := w.unread()
	p := plan.Make(w.set, w.o, plan.Options{Prune: true})
	for _, a := range p.Actions {
		if a.Scope() == dark && slices.ContainsFunc(lost, func(l netstate.Listing) bool { return w.needs(a, l) }) {
			w.t.Errorf("%s is in %s, of which %v was not read", a, dark, lost)
		}
	}
	complained := slices.ContainsFunc(p.Problems, func(x plan.Problem) bool { return x.Code == plan.CodeUnread })
	if len(p.Unread) > 1 || !complained && len(p.Unread) == 0 {
		w.t.Errorf("%s %v is not complained of once: %v", dark, lost, p.Unread)
	}
}

// needs reports whether what an action does can only be decided with a listing. A rule of ours in a scope where no peering opens anything is
// one that nobody wants, whatever else is there.
func (w *small) needs(a plan.Action, l netstate.Listing) bool {
	switch l {
	case netstate.ListConnections, netstate.ListVPCs:
		_, rule := a.(plan.RevokeRule)
		return !rule || w.opens(a.Scope())
	case netstate.ListTables:
		switch a.(type) {
		case plan.AddRoute, plan.ReplaceRoute, plan.RemoveRoute, plan.CloseConnection:
			return true
		}
	case netstate.ListGroups, netstate.ListRules:
		switch a.(type) {
		case plan.AllowRule, plan.ChangeRule, plan.DescribeRule, plan.TagRule, plan.RevokeRule:
			return true
		}
	}
	return false
}
