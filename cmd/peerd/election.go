//go:build !nokube

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// The times of a lease, as Kubernetes' own controllers have them: who leads renews every two seconds, gives up when that has not worked for
// ten, and is followed by another when the lease was not renewed for fifteen.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
	leaseMargin   = 3 * time.Second // before the lease ends no new write is begun: one call must fit
	giveBackTime  = 3 * time.Second // for giving the lease back at the end: peerd ends then, whether it worked or not
)

// election is one peerd's part in electing who writes, on a Lease of Kubernetes.
type election struct {
	log      *slog.Logger
	lock     *timed
	onChange func(leads bool)

	mu      sync.Mutex // so that what is told last is true; guards led
	led     bool
	elector atomic.Pointer[leaderelection.LeaderElector] // of the current term; a lost one is not used again
}

// newElection reads where Kubernetes is: from KUBECONFIG, else from the pod that peerd runs in.
func newElection(lease string, log *slog.Logger, onChange func(bool)) (*election, error) {
	klog.SetSlogLogger(log) // client-go's own log
	cfg, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, fmt.Errorf("--leader-elect: find Kubernetes: %w", err)
	}
	cfg.ContentType = "application/json"
	cfg.Timeout = renewDeadline / 2
	client, err := coordination.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("--leader-elect: %w", err)
	}
	namespace, err := ownNamespace()
	if err != nil {
		return nil, err
	}
	name, err := os.Hostname() // of the pod, or of its node: several may have it
	if err != nil {
		return nil, fmt.Errorf("--leader-elect: %w", err)
	}
	lock := &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Name: lease, Namespace: namespace}, Client: client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: name + "-" + strings.ToLower(rand.Text()[:10])}}
	return &election{log: log, lock: &timed{Interface: lock}, onChange: onChange}, nil
}

// namespaceFile is where Kubernetes tells a pod its namespace.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

func ownNamespace() (string, error) {
	if n := os.Getenv("POD_NAMESPACE"); n != "" {
		return n, nil
	}
	b, err := os.ReadFile(namespaceFile)
	if err != nil {
		return "", fmt.Errorf("--leader-elect: which namespace this is: set POD_NAMESPACE, or run in a pod: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// run takes part until ctx ends, and gives the lease back then. Who loses its lease stands for it again, as a standby. It is not given back
// before it is over: a call may still be out.
func (e *election) run(ctx context.Context) error {
	defer e.giveBack()
	for ctx.Err() == nil {
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: e.lock, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
			Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { e.won() }, OnStoppedLeading: e.lost},
		})
		if err != nil {
			return fmt.Errorf("--leader-elect: %w", err)
		}
		e.mu.Lock()
		e.elector.Store(elector)
		e.mu.Unlock()
		elector.Run(ctx) // returns when the lease is lost, or ctx ends
	}
	return nil
}

// giveBack frees the lease if it is still ours, so that the next start need not wait until it is over. client-go's own way to do so
// (ReleaseOnCancel) takes it for ours if it was, and would free a successor's.
func (e *election) giveBack() {
	ctx, cancel := context.WithTimeout(context.Background(), giveBackTime)
	defer cancel()
	err := e.free(ctx)
	if apierrors.IsConflict(err) { // with the last renewal, whose answer was not waited for
		err = e.free(ctx)
	}
	if err != nil {
		e.log.Warn("the lease is not given back: whoever follows waits until it is over", "identity", e.lock.Identity(), "err", err)
	}
}

func (e *election) free(ctx context.Context) error {
	is, _, err := e.lock.Get(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case is.HolderIdentity != e.lock.Identity():
		return nil
	}
	now := metav1.Now()
	return e.lock.Update(ctx, resourcelock.LeaderElectionRecord{LeaseDurationSeconds: 1, AcquireTime: now, RenewTime: now, LeaderTransitions: is.LeaderTransitions})
}

// won may be told late, when all is lost again.
func (e *election) won() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if elector := e.elector.Load(); elector != nil && elector.IsLeader() {
		e.led = true
		e.log.Info("this process leads", "identity", e.lock.Identity())
		e.onChange(true)
	}
}

// lost is called at the end of every term that was stood for, won or not.
func (e *election) lost() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.elector.Store(nil)
	if e.led {
		e.led = false
		e.log.Info("this process leads no more", "identity", e.lock.Identity())
	}
	e.onChange(false)
}

// leads reports whether writes may be begun. A process that was stopped, and wakes up, finds by the clock that its lease is over, before
// it hears so from Kubernetes.
func (e *election) leads() bool {
	elector := e.elector.Load()
	return elector != nil && elector.IsLeader() && e.lock.age() < leaseDuration-leaseMargin
}

// timed is a lock that knows when the lease was last renewed: when that was asked for, not when the answer was read, as client-go has it.
// Others count from when Kubernetes was told, which was in between.
type timed struct {
	resourcelock.Interface
	renewed atomic.Pointer[time.Time]
}

// age is how long ago the lease was renewed.
func (l *timed) age() time.Duration {
	if at := l.renewed.Load(); at != nil {
		return time.Since(*at)
	}
	return leaseDuration // it never was
}

// Create makes the lease.
func (l *timed) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.noted(func() error { return l.Interface.Create(ctx, r) })
}

// Update renews the lease, or takes it over.
func (l *timed) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.noted(func() error { return l.Interface.Update(ctx, r) })
}

func (l *timed) noted(renew func() error) error {
	at := time.Now()
	if err := renew(); err != nil {
		return err
	}
	l.renewed.Store(&at)
	return nil
}
