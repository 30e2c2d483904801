package reconciletest

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
)

// Subject is a target under test.
type Subject struct {
	reconcile.Target
	Deny func(netstate.Scope, netstate.Listing) // from now on that listing is refused there: the caller has no right to it
}

// Conform tests that a target does to a world what EC2 does, whatever it is made of: each kind of action with its effect, its repetition and
// what refuses it, and what looks show then. Passing states must last for three looks in a row, and be over after ten that are a second apart.
// World is what make is given, with changes; every test runs in a bubble of its own, where time is not real.
func Conform(t *testing.T, make func(*testing.T, *netstate.Observed) Subject) {
	for _, all := range []map[string]func(*check){connectionTests, endTests, routeTests, ruleTests, lookTests} {
		for name, test := range all {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { test(&check{t: t, make: make}) })
			})
		}
	}
}

// check is one test of a target.
type check struct {
	Subject
	t    *testing.T
	make func(*testing.T, *netstate.Observed) Subject
	want *netstate.Observed // what a look at everything has to show
}

// start makes the target, with World changed.
func (c *check) start(change ...func(*netstate.Observed)) {
	c.t.Helper()
	w := World()
	for _, f := range change {
		f(w)
	}
	c.Subject = c.make(c.t, w)
	c.want = c.look(Everything(w))
}

// look looks, and fails the test if something could not be read.
func (c *check) look(l netstate.Look) *netstate.Observed {
	c.t.Helper()
	o := c.see(l)
	for _, s := range slices.SortedFunc(maps.Keys(o.Unread), netstate.Scope.Compare) {
		c.t.Errorf("%s: unread: %v", s, o.Unread[s])
	}
	return o
}

func (c *check) see(l netstate.Look) *netstate.Observed {
	c.t.Helper()
	o, err := c.Observe(context.Background(), l)
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// works applies an action that EC2 agrees to, and returns the id that was answered with.
func (c *check) works(a plan.Action) string {
	c.t.Helper()
	return c.apply([]netstate.Kind{""}, a)[0].Got
}

// refused applies an action that is refused, and checks that nothing changed.
func (c *check) refused(k netstate.Kind, a plan.Action) {
	c.t.Helper()
	c.apply([]netstate.Kind{k}, a)
	c.shows(nil)
}

// apply applies a batch that is answered with these kinds; the empty one: it worked.
func (c *check) apply(want []netstate.Kind, b ...plan.Action) []plan.Outcome {
	c.t.Helper()
	out := c.Apply(context.Background(), b, nil)
	var got []netstate.Kind
	for _, o := range out {
		if o.Err == nil {
			got = append(got, "")
			continue
		}
		got = append(got, o.Err.Kind)
	}
	if d := cmp.Diff(want, got); d != "" {
		c.t.Errorf("%s %v: kinds of failure (-want +got):\n%s%+v", b[0].Scope(), b, d, out)
	}
	return out
}

// shows checks what a look at everything shows, after a change of what it showed before.
func (c *check) shows(change func(*netstate.Observed)) {
	c.t.Helper()
	if change != nil {
		change(c.want)
	}
	c.compare(c.want, c.look(Everything(c.want)))
}

func (c *check) compare(want, got *netstate.Observed) {
	c.t.Helper()
	if d := Differ(want, got); d != "" {
		c.t.Errorf("the look (-want +got):\n%s", d)
	}
}

// Differ compares two looks in everything that decides; EC2's own words, and when exactly a request expires, do not.
func Differ(want, got *netstate.Observed) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(netstate.Observed{}, "At"), cmpopts.IgnoreFields(netstate.Connection{}, "Message"),
		cmpopts.IgnoreFields(netstate.Error{}, "Op", "Code", "Message"), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b time.Time) bool { return a.IsZero() == b.IsZero() }))
}

// becomes looks until a connection is as it has to be, and expects it so from now on; whatever else has changed meanwhile is a failure.
func (c *check) becomes(want netstate.Connection) {
	c.t.Helper()
	for range 10 {
		if Differ(with(c.want, want), c.look(Everything(c.want))) == "" {
			break
		}
		time.Sleep(time.Second)
	}
	c.want = with(c.want, want)
	c.shows(nil)
}

func with(o *netstate.Observed, c netstate.Connection) *netstate.Observed {
	o = o.Clone()
	o.Connections[c.ID] = c
	return o
}
