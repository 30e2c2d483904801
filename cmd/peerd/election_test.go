//go:build !nokube

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// oneLease is a lease without a network in between, for virtual time.
type oneLease struct {
	mu      sync.Mutex // guards what follows
	is      *resourcelock.LeaderElectionRecord
	version int
}

func (l *oneLease) holder() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.is == nil {
		return ""
	}
	return l.is.HolderIdentity
}

// lockOf is one process's way to a lease.
type lockOf struct {
	*oneLease
	name string
	seen int // the version that is written over

	mu     sync.Mutex                                     // guards what follows
	before func(*resourcelock.LeaderElectionRecord) error // called with what is to be written, nil for a read, before it is sent; may be nil
	after  func()                                         // called when it was written, before the answer is read; may be nil
}

var leaseKind = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

// send is what happens to a request on its way.
func (l *lockOf) send(ctx context.Context, r *resourcelock.LeaderElectionRecord) error {
	l.mu.Lock()
	before := l.before
	l.mu.Unlock()
	if before != nil {
		if err := before(r); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (l *lockOf) set(before func(*resourcelock.LeaderElectionRecord) error, after func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before, l.after = before, after
}

func (l *lockOf) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	if err := l.send(ctx, nil); err != nil {
		return nil, nil, err
	}
	l.oneLease.mu.Lock()
	defer l.oneLease.mu.Unlock()
	if l.is == nil {
		return nil, nil, apierrors.NewNotFound(leaseKind, "peerd")
	}
	l.seen = l.version
	is := *l.is
	raw, err := json.Marshal(is)
	return &is, raw, err
}

func (l *lockOf) write(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	if err := l.send(ctx, &r); err != nil {
		return err
	}
	if err := l.store(r); err != nil {
		return err
	}
	l.mu.Lock()
	after := l.after
	l.mu.Unlock()
	if after != nil {
		after()
	}
	return nil
}

func (l *lockOf) store(r resourcelock.LeaderElectionRecord) error {
	l.oneLease.mu.Lock()
	defer l.oneLease.mu.Unlock()
	if l.seen != l.version {
		return apierrors.NewConflict(leaseKind, "peerd", errors.New("it has changed"))
	}
	l.version++
	l.seen, l.is = l.version, &r
	return nil
}

func (l *lockOf) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, r)
}
func (l *lockOf) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, r)
}
func (l *lockOf) RecordEvent(string) {}
func (l *lockOf) Identity() string   { return l.name }
func (l *lockOf) Describe() string   { return "net/peerd" }

// stand lets a process of a name take part until the returned function is called.
func stand(t *testing.T, l *oneLease, name string) (e *election, way *lockOf, end func()) {
	t.Helper()
	way = &lockOf{oneLease: l, name: name}
	e = &election{log: slog.New(slog.DiscardHandler), lock: &timed{Interface: way}, onChange: func(bool) {}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.run(ctx) }()
	return e, way, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who was stopped while it renewed its lease, and wakes up when another has it, does not free that one's.
func TestLeaseOfTheSuccessorStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &oneLease{}
		first, way, endFirst := stand(t, l, "first")
		time.Sleep(time.Second)
		second, _, endSecond := stand(t, l, "second")
		if !first.leads() {
			t.Fatal("the first does not lead")
		}
		var once sync.Once
		way.set(func(r *resourcelock.LeaderElectionRecord) error {
			if r != nil {
				once.Do(func() { time.Sleep(30 * time.Second) }) // stopped; by then the request has failed
			}
			return nil
		}, nil)
		for range 60 {
			time.Sleep(time.Second)
			if first.leads() && second.leads() {
				t.Error("both lead")
			}
			if h := l.holder(); h == "" {
				t.Error("nobody has the lease")
			}
		}
		if !second.leads() {
			t.Errorf("the second lost the lease to %q", l.holder())
		}
		endFirst()
		if l.holder() != "second" {
			t.Errorf("when the first ended, the lease went to %q", l.holder())
		}
		endSecond()
		if l.holder() != "" {
			t.Errorf("the lease is still held by %q", l.holder())
		}
	})
}

// A renewal counts from when it was asked for: who was stopped before it read the answer does not believe in its lease when it wakes up.
func TestLeaseIsCountedFromTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &oneLease{}
		first, way, endFirst := stand(t, l, "first")
		time.Sleep(time.Second)
		second, _, endSecond := stand(t, l, "second")
		var once sync.Once
		way.set(nil, func() { once.Do(func() { time.Sleep(30 * time.Second) }) })
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			if first.leads() && second.leads() {
				t.Fatal("both lead")
			}
		}
		endFirst()
		endSecond()
	})
}

// While the lease cannot be renewed, it is held until it is over: a call of its holder may still be out when it gives up.
func TestLeaseIsNotGivenBackEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &oneLease{}
		first, way, end := stand(t, l, "first")
		time.Sleep(time.Second)
		var failed atomic.Int32
		way.set(func(r *resourcelock.LeaderElectionRecord) error {
			if r != nil && r.HolderIdentity != "" {
				failed.Add(1)
				return errors.New("not now")
			}
			return nil
		}, nil)
		time.Sleep(14 * time.Second)
		if failed.Load() == 0 || first.leads() {
			t.Errorf("%d renewals failed, and it leads: %t", failed.Load(), first.leads())
		}
		if l.holder() != "first" {
			t.Error("the lease is given back while a call may be out")
		}
		end()
	})
}

// Kubernetes does not answer when peerd ends: it ends all the same, well within the time that a signal allows.
func TestLeaseIsNotWaitedForAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		way := &deaf{lockOf: &lockOf{oneLease: &oneLease{}, name: "first"}, ctx: ctx}
		e := &election{log: slog.New(slog.DiscardHandler), lock: &timed{Interface: way}, onChange: func(bool) {}}
		done := make(chan error, 1)
		go func() { done <- e.run(ctx) }()
		time.Sleep(time.Second)
		if !e.leads() {
			t.Fatal("it does not lead")
		}
		began := time.Now()
		cancel()
		if err := <-done; err != nil || time.Since(began) > 4*time.Second {
			t.Errorf("it took %s: %v", time.Since(began), err)
		}
	})
}

// deaf does not answer any more once ctx is over.
type deaf struct {
	*lockOf
	ctx context.Context
}

func (d *deaf) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	if d.ctx.Err() != nil {
		<-ctx.Done()
	}
	return d.lockOf.Get(ctx)
}

// Two processes never have one name, though they are on one host, or in containers that each count processes for themselves: the lease of
// the one would be taken for the other's.
func TestLeaseNamesDiffer(t *testing.T) {
	t.Setenv("KUBECONFIG", kubeconfig(t, "http://127.0.0.1:1"))
	t.Setenv("POD_NAMESPACE", "net")
	names := map[string]bool{}
	for range 3 {
		e, err := newElection("peerd", slog.New(slog.DiscardHandler), func(bool) {})
		if err != nil {
			t.Fatal(err)
		}
		names[e.lock.Identity()] = true
	}
	if len(names) != 3 {
		t.Errorf("three processes are called %s", strings.Trim(fmt.Sprint(names), "map[]"))
	}
}
