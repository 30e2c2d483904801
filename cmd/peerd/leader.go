package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"
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
)

// leaderOptions are how it is settled who writes.
type leaderOptions struct {
	elect bool
	lease string
}

func (o *leaderOptions) flags(f *pflag.FlagSet) {
	f.BoolVar(&o.elect, "leader-elect", false, "of several peerd, let one write: elect it on a Lease of Kubernetes; the others measure drift with the accounts' readRole")
	f.StringVar(&o.lease, "leader-elect-resource-name", "peerd", "`NAME` of the Lease, in the pod's namespace (POD_NAMESPACE)")
}

// election is one peerd's part in electing who writes, on a Lease of Kubernetes.
type election struct {
	log      *slog.Logger
	lock     resourcelock.Interface
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
	name, err := os.Hostname() // of the pod
	if err != nil {
		return nil, fmt.Errorf("--leader-elect: %w", err)
	}
	lock := &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Name: lease, Namespace: namespace}, Client: client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: fmt.Sprintf("%s-%d", name, os.Getpid())}}
	return &election{log: log, lock: lock, onChange: onChange}, nil
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

// run takes part until ctx ends. Who loses its lease stands for it again, as a standby.
func (e *election) run(ctx context.Context) error {
	for ctx.Err() == nil {
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: e.lock, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod, ReleaseOnCancel: true,
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
	return elector != nil && elector.IsLeader() && elector.Check(-leaseMargin) == nil
}
