// Package simtest is for tests that judge a pass from the simulator's world: the real cycle over the real SDK, with the simulator as the
// SDK's transport. It must not judge from what peerd reports of itself. Start reading at Rig.
package simtest

import (
	"bytes"
	"context"
	_ "embed" // for World
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/spec"
)

// World is a world file: two accounts in two regions that are lived in, and a partner's.
//
//go:embed world.yaml
var World []byte

// Lagging are delays that make every passing state and every lag of a view be seen.
var Lagging = world.Delays{Initiating: time.Second, Visible: 2 * time.Second, VisibleRequester: time.Second, Provisioning: 3 * time.Second,
	Options: time.Second, References: 4 * time.Second, Routes: time.Second}

// Rig is a simulated AWS with a spec for it.
type Rig struct {
	T      *testing.T
	Sim    *ec2sim.Sim
	Spec   *spec.Set
	Via    http.RoundTripper      // what calls go through, such as one that spoils replies; nil: Sim itself
	AWS    []func(*awsnet.Config) // changes of how AWS is called
	Log    *slog.Logger           // nil: none
	Paused func() bool            // what stops all writes of a pass; nil: nothing
}

// New makes a rig: World unless cfg has a world of its own, and a spec as text.
func New(t *testing.T, cfg ec2sim.Config, text string) *Rig {
	t.Helper()
	if cfg.World == nil {
		cfg.World = World
	}
	sim, err := ec2sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &Rig{T: t, Sim: sim, Spec: LoadSpec(t, text)}
}

// LoadSpec loads a spec from text, with pairs of old and new strings replaced in it; each must be there.
func LoadSpec(t *testing.T, text string, replace ...string) *spec.Set {
	t.Helper()
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("the spec has no %q to be replaced", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	s, err := spec.Load(fstest.MapFS{"spec.yaml": {Data: []byte(text)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Target is the real SDK over the simulator as its transport, with ambient credentials of the account 111111111111.
func Target(sim http.RoundTripper, change ...func(*awsnet.Config)) *awsnet.Target {
	client := &http.Client{Transport: sim}
	id, secret := ec2sim.AccessKey("111111111111")
	cfg := awsnet.Config{HTTPClient: client, Share: 1, Source: func(context.Context, netstate.Access) (aws.Config, error) {
		return aws.Config{Region: "eu-west-1", HTTPClient: client, Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")}, nil
	}}
	for _, c := range change {
		c(&cfg)
	}
	return awsnet.New(cfg)
}

// Plan makes a dry run; Apply makes a pass as a fresh process would. Both return the report and the calls that changed something.
func (r *Rig) Plan() (*reconcile.Report, []ec2sim.Call) {
	r.T.Helper()
	return r.Run(reconcile.Input{DryRun: true})
}

// Apply makes a pass as a fresh process would, without pruning.
func (r *Rig) Apply() (*reconcile.Report, []ec2sim.Call) {
	r.T.Helper()
	return r.Run(reconcile.Input{})
}

// Prune makes a pass that may remove things of at most so many peerings.
func (r *Rig) Prune(most int) (*reconcile.Report, []ec2sim.Call) {
	r.T.Helper()
	return r.Run(reconcile.Input{Prune: true, Limits: plan.Limits{Number: most}})
}

// Run makes one cycle with a Reconciler of its own.
func (r *Rig) Run(in reconcile.Input) (*reconcile.Report, []ec2sim.Call) {
	r.T.Helper()
	before := len(r.Sim.Calls())
	in.Spec = r.Spec
	via := r.Via
	if via == nil {
		via = r.Sim
	}
	target := Target(via, r.AWS...)
	report := reconcile.New(reconcile.Config{Target: target, Log: r.Log, Paused: r.Paused}).Cycle(r.T.Context(), in)
	return report, Mutating(r.Sim.Calls()[before:])
}

// Mutating are the calls that change something, whether EC2 agreed or not.
func Mutating(calls []ec2sim.Call) []ec2sim.Call {
	return slices.DeleteFunc(slices.Clone(calls), func(c ec2sim.Call) bool { return !c.Mutating })
}

// MustExit fails the test with the whole report unless it has that exit code.
func MustExit(t *testing.T, what string, r *reconcile.Report, want int) {
	t.Helper()
	if got := r.Exit(); got != want {
		t.Errorf("%s: exit %d, want %d\n%s", what, got, want, Text(r))
	}
}

// Text is a report as people read it.
func Text(r *reconcile.Report) string {
	var b bytes.Buffer
	_ = render.ReportText(&b, r)
	return b.String()
}

// Lines are the facts of a dumped world.
func Lines(dump string) []string { return strings.Split(strings.TrimSuffix(dump, "\n"), "\n") }

// Without returns the lines of a that b does not have.
func Without(a, b []string) []string {
	have := map[string]bool{}
	for _, l := range b {
		have[l] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(l string) bool { return have[l] })
}
