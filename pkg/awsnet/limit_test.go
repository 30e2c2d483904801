package awsnet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// A throttled scope slows down by itself; the others do not.
func TestF23Throttling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ec2sim.Config{})
		b.sim.Inject(fault.Rule{Service: "ec2", Account: string(bob), Kind: fault.Error, Code: "RequestLimitExceeded", Status: 503, Before: true})
		o := b.observe(t, lookAt(hub, near))
		diff(t, len(o.Unread[west]), 0)
		for _, l := range []netstate.Listing{netstate.ListConnections, netstate.ListVPCs, netstate.ListTables} {
			wantKind(t, o.Missing(bobWest, l), netstate.Throttled)
		}
		slow, _ := b.scoped(bobWest)
		fast, _ := b.scoped(west)
		_, slowed := slow.of("DescribeVpcs")
		_, other := fast.of("DescribeVpcs")
		if slowed.limiter.Limit() > 1 || other.limiter.Limit() != rate.Inf {
			t.Errorf("rates %v and %v", slowed.limiter.Limit(), other.limiter.Limit())
		}
		b.sim.ClearFaults()
		for range 10 {
			b.see(t, lookAt(near))
		}
		diff(t, slowed.limiter.Limit(), rate.Inf)
		failures.Shown(t, 23, b.sim.Fired()[fault.Error] > 0, "everything of one account is throttled")
	})
}

// A write that was refused for its rate did nothing, and is sent again, three times at most.
func TestThrottledWritesAreRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ec2sim.Config{})
		b.sim.Inject(fault.Rule{Operation: "CreateVpcPeeringConnection", Count: 2, Kind: fault.Error, Code: "RequestLimitExceeded", Status: 503, Before: true})
		b.must(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags})
		diff(t, b.count("CreateVpcPeeringConnection"), 3)
		b.sim.Inject(fault.Rule{Operation: "CreateVpcPeeringConnection", Kind: fault.Error, Code: "Throttling", Status: 400, Before: true})
		wantKind(t, b.apply(t, west, plan.OpenConnection{Requester: hub, Accepter: far, Tags: ourTags})[0].Err, netstate.Throttled)
		diff(t, b.count("CreateVpcPeeringConnection"), 6)
	})
}

// Our share of EC2's own buckets is kept to: nobody is ever throttled.
func TestShareOfTheBuckets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ec2sim.Config{Switches: world.Switches{Throttle: true}})
		id := b.peer(t, hub, near)
		start := time.Now()
		for range 200 {
			b.must(t, west, plan.TagConnection{Conn: id, Tags: ourTags})
		}
		if d := time.Since(start); d < 29*time.Second || d > 31*time.Second { // 50 at once, then 5 a second
			t.Errorf("it took %s", d)
		}
		for _, c := range b.sim.Calls() {
			if c.Code != "" {
				t.Fatalf("%s: %s", c.Action, c.Code)
			}
		}
	})
}

// Once writes are not wanted any more, those that wait for their turn are not sent; reads are.
func TestStoppedWhileWaitingForATurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		b := newBench(t, ec2sim.Config{})
		id := b.peer(t, hub, near)
		b.wanted = func() bool { return time.Since(start) < 10*time.Second }
		sent := b.count("CreateTags")
		for range 150 { // 50 at once, then 5 a second
			o := b.apply(t, west, plan.TagConnection{Conn: id, Tags: ourTags})[0]
			if o.Err == nil {
				sent++
			} else {
				wantKind(t, o.Err, netstate.Stopped)
			}
		}
		if n := b.count("CreateTags"); n != sent || n > 101 || b.wanted() {
			t.Errorf("%d calls, %d of them worked, in %s", n, sent, time.Since(start))
		}
		b.see(t, lookAt(hub))
	})
}

// So is one that is stopped after its turn came: signing it may take new credentials, and so its time.
func TestStoppedWhileCredentialsAreFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Bool
		b := newBench(t, ec2sim.Config{})
		b.wanted = func() bool { return !stopped.Load() }
		tag := plan.TagConnection{Conn: b.peer(t, hub, near), Tags: ourTags}
		if o := b.apply(t, west, tag)[0]; o.Err != nil {
			t.Fatal(o.Err)
		}
		sent := b.count("CreateTags")
		time.Sleep(time.Hour) // the session is over
		b.sim.After(func(c ec2sim.Call) {
			if c.Action == "AssumeRole" {
				stopped.Store(true)
			}
		})
		wantKind(t, b.apply(t, west, tag)[0].Err, netstate.Stopped)
		if n := b.count("CreateTags"); n != sent || !stopped.Load() {
			t.Errorf("%d calls were sent", n-sent)
		}
	})
}

func TestNoTokenBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ec2sim.Config{})
		b.see(t, lookAt(hub))
		l, _ := b.scoped(west)
		bucket, _ := l.of("DescribeVpcs")
		bucket.SetLimit(0.001)
		bucket.AllowN(time.Now(), int(bucket.Tokens()))
		o := b.observe(t, lookAt(hub))
		wantKind(t, o.Missing(west, netstate.ListVPCs), netstate.Throttled)
	})
}

func TestBrakeHalvesAndRecovers(t *testing.T) {
	t.Parallel()
	l := newLimits(0.5)
	_, b := l.of("CreateRoute")
	for _, want := range []float64{1.25, 0.625, 0.3125, 0.15625, 0.15625} {
		l.settle("CreateRoute", true)
		diff(t, float64(b.limiter.Limit()), want)
	}
	if b.limiter.Tokens() >= 1 {
		t.Errorf("%v tokens left", b.limiter.Tokens())
	}
	for range 18 {
		l.settle("DeleteRoute", false) // alike
	}
	diff(t, float64(b.limiter.Limit()) < 2.5, true)
	l.settle("DeleteRoute", false)
	diff(t, b.limiter.Limit(), rate.Inf)
}

// Calls that wait for the brake go on as fast as it lets them by then, not as fast as it did when they began to wait: else a second of
// throttling keeps a hundred calls, and the pass that waits for them, for ten minutes.
func TestBrakeLetsGoOfThoseThatWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(0.5)
		for range 4 {
			l.settle("CreateRoute", true)
		}
		start := time.Now()
		var wg sync.WaitGroup
		sent := make([]int, 1000) // in each second
		var mu sync.Mutex
		for range 100 {
			wg.Go(func() {
				if err := l.wait(t.Context(), "CreateRoute"); err != nil {
					t.Error(err)
				}
				mu.Lock()
				sent[int(time.Since(start).Seconds())]++
				mu.Unlock()
				l.settle("CreateRoute", false)
			})
		}
		wg.Wait()
		if d := time.Since(start); d < 20*time.Second || d > 2*time.Minute { // the rate comes back within half a minute
			t.Errorf("100 calls took %s", d)
		}
		if most := slices.Max(sent); most > 4 { // 2.5 a second, and no burst of what flowed into the buckets meanwhile
			t.Errorf("%d calls in a second", most)
		}
	})
}

// The reads in flight are bounded, per scope and region.
func TestSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := []slots{newSlots(1), newSlots(2)}
		release, err := enter(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := enter(ctx, all); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		diff(t, len(all[1]), 1) // nothing was kept
		release()
		diff(t, len(all[0])+len(all[1]), 0)
	})
}

// A slow account does not hold up the others.
func TestF09ASlowAccountHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ec2sim.Config{Latency: 100 * time.Millisecond})
		start := time.Now()
		b.see(t, lookAt(hub))
		alone := time.Since(start)
		b.sim.Inject(fault.Rule{Service: "ec2", Account: string(bob), Kind: fault.Late, Delay: 10 * time.Second})
		done := make(chan time.Duration)
		go func() {
			start := time.Now()
			_, err := b.Observe(t.Context(), lookAt(near, far))
			if err != nil {
				t.Error(err)
			}
			done <- time.Since(start)
		}()
		start = time.Now()
		b.see(t, lookAt(hub))
		if together := time.Since(start); together > alone*11/10 {
			t.Errorf("%s alone, %s beside a slow account", alone, together)
		}
		if d := <-done; d < 10*time.Second {
			t.Errorf("the slow account took %s", d)
		}
		failures.Shown(t, 9, b.sim.Fired()[fault.Late] > 0, "one account is slow")
	})
}

// In one look, too, a slow account holds up nobody, though its name comes first: the others are read in the time they take without it, and
// the whole look takes as long as its slowest scope.
func TestF09ASlowAccountIsReadBesideTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ec2sim.Config{Latency: 100 * time.Millisecond})
		b.see(t, lookAt(hub, near, far)) // opens the sessions
		// look returns when the last of bob's lists was asked for, and when all had been read.
		look := func(vpcs ...netstate.VPC) (bobs, all time.Duration) {
			start := time.Now()
			b.see(t, lookAt(vpcs...))
			for _, c := range b.sim.Calls() {
				if c.Account == string(bob) {
					bobs = max(bobs, c.Time.Sub(start))
				}
			}
			return bobs, time.Since(start)
		}
		alone, _ := look(near, far)
		b.sim.Inject(fault.Rule{Service: "ec2", Account: string(alice), Kind: fault.Late, Delay: 10 * time.Second})
		_, slow := look(hub)
		beside, all := look(hub, near, far)
		if beside > alone*11/10 {
			t.Errorf("bob's lists are asked for within %s alone, within %s beside a slow account", alone, beside)
		}
		diff(t, all, slow)
		failures.Shown(t, 9, alone > 0 && slow > 10*time.Second && b.sim.Fired()[fault.Late] > 0, "one account is slow")
	})
}

// A region that does not answer takes up none of the places of the others, however many accounts have a side there.
func TestF26AHungRegionHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for _, accounts := range []int{1, 10, 100} {
		t.Run(fmt.Sprint(accounts, " accounts"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, world := spread(accounts)
				b := newBench(t, ec2sim.Config{World: world, Latency: 100 * time.Millisecond})
				b.sim.Inject(fault.Rule{Service: "ec2", Region: "us-east-1", Kind: fault.Hang, Before: true})
				o := b.observe(t, l)
				for scope := range l.Scopes {
					if hung := scope.Region == "us-east-1"; hung != (len(o.Unread[scope]) > 0) {
						t.Errorf("%s: unread %v", scope, o.Unread[scope])
					}
				}
				failures.Shown(t, 26, b.sim.Fired()[fault.Hang] > 0, "a region that does not answer")
			})
		})
	}
}

// spread is so many accounts with a VPC in each of two regions, all of which is to be read.
func spread(accounts int) (netstate.Look, []byte) {
	l := netstate.Look{Owner: owner, Access: map[netstate.AccountID]netstate.Access{}, Scopes: map[netstate.Scope]netstate.ScopeLook{}}
	world := []byte("accounts:\n  - id: \"999999999999\"\n")
	for i := range accounts {
		a := netstate.AccountID(fmt.Sprintf("1%011d", i))
		l.Access[a] = netstate.Access{Account: a, Role: "peerd"}
		world = fmt.Appendf(world, "  - id: %q\n    regions:\n", a)
		for j, r := range []netstate.Region{"eu-west-1", "us-east-1"} {
			vpc := netstate.VPCID(fmt.Sprintf("vpc-%d%016x", j, i))
			world = fmt.Appendf(world, "      %s:\n        vpcs: [{id: %s, cidrs: [10.0.0.0/16]}]\n", r, vpc)
			l.Scopes[netstate.Scope{Account: a, Region: r}] = netstate.ScopeLook{
				VPCs: []netstate.VPCSelector{{ID: vpc}}, DNS: []netstate.VPCSelector{{ID: vpc}}, Tables: true, Subnets: true, ACLs: true,
			}
		}
	}
	return l, world
}
