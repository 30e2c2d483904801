package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/awsnet"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/spec"
	"github.com/peerd/peerd/pkg/trace"
)

// The exit codes of a trace.
const (
	exitReachable   = 0
	exitUnreachable = 2
	exitNotKnowable = 4
)

func (a *app) traceCommand() *cobra.Command {
	var q trace.Question
	cmd := &cobra.Command{
		Use:   "trace FROM TO [PROTO/PORT]",
		Short: "Say whether FROM reaches TO, and if not, which hop says no",
		Long: `Walk a packet from FROM to TO and back: subnet, route table, connection, the other side's route back, security groups, network ACLs.
FROM and TO are names of VPCs of the spec, ids of subnets, instances or network interfaces, addresses or CIDRs; ADDRESS@NAME where an
address lies in several VPCs. The traffic is tcp/PORT, udp/PORT, icmp (a ping), icmpv6 or the number of another protocol; without it only routes are judged. Security groups
are judged of instances and interfaces, and where --from-group and --to-group say which ones the ends have. AWS is read, with each account's readRole where there is one, and
nothing is changed. With --sandbox the spec is applied to a simulated AWS first: does the spec let FROM reach TO?
Exit 0: reachable; 2: not; 4: it cannot be known, since something could not be read; 3: the question means nothing.`,
		Example: `  peerd trace hub payments tcp/443 --spec specs/                    from the one VPC to the other
  peerd trace 10.10.8.4 10.30.0.9 tcp/5432 --to-group db --spec specs/
  peerd trace hub data icmp --sandbox --spec specs/                 what the spec will do, without AWS`,
		Args: traceArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.From, q.To = args[0], args[1]
			var err error
			if len(args) == 3 {
				if q.Traffic, err = trace.ParseTraffic(args[2]); err != nil {
					return usageError("%v", err)
				}
			}
			if err := a.checkSource(cmd.Flags(), a.spec); err != nil {
				return err
			}
			return a.trace(cmd.Context(), q)
		},
	}
	f := cmd.Flags()
	a.specFlags(f)
	a.awsFlags(f)
	a.repoFlags(f)
	f.StringArrayVar(&q.FromGroups, "from-group", nil, "a security group that FROM has, by `NAME` or id; may be repeated")
	f.StringArrayVar(&q.ToGroups, "to-group", nil, "a security group that TO has, by `NAME` or id; may be repeated")
	f.StringVarP(&a.output, "output", "o", "text", "text or json")
	f.BoolVar(&a.sandbox, "sandbox", false, "apply the spec to an embedded simulated AWS and trace there; no credentials are needed or used")
	f.DurationVar(&a.timeout, "timeout", 10*time.Minute, "how long the sandbox waits for connections to become active")
	f.DurationVar(&a.settle, "settle", time.Minute, "how long the sandbox waits to show what was done")
	_ = f.MarkHidden("timeout")
	_ = f.MarkHidden("settle")
	return cmd
}

func traceArgs(_ *cobra.Command, args []string) error {
	if len(args) < 2 || len(args) > 3 {
		return usageError("say peerd trace FROM TO, or peerd trace FROM TO tcp/443")
	}
	return nil
}

// trace reads what the question needs, and answers it.
func (a *app) trace(ctx context.Context, q trace.Question) error {
	if a.output != "text" && a.output != "json" {
		return usageError("-o %q: say text or json", a.output)
	}
	if err := a.checkBounds(); err != nil {
		return err
	}
	in := reconcile.Input{DryRun: true} // nothing is applied, and so nothing remembered
	if err := a.read(ctx, a.spec, &reconcile.Turn{}, &in); err != nil {
		return err
	}
	target, err := a.traced(ctx, in.Spec)
	if err != nil {
		return err
	}
	r, err := ask(ctx, target, in.Spec, q)
	var wrong *trace.ArgumentError
	switch {
	case errors.As(err, &wrong):
		return usageError("%v", wrong)
	case err != nil:
		return exitError{reconcile.ExitFailed, err}
	}
	return a.answer(q, r)
}

// traced is AWS, or a sandbox that a pass has made like the spec.
func (a *app) traced(ctx context.Context, set *spec.Set) (*awsnet.Target, error) {
	target, err := a.target(set, a.newState(0))
	if err == nil && a.sandbox {
		err = a.applyToSandbox(ctx, target, set)
	}
	return target, err
}

// ask looks at what the question needs, where it names instances or interfaces first at those, and answers it.
func ask(ctx context.Context, target *awsnet.Target, set *spec.Set, q trace.Question) (*trace.Result, error) {
	look := netstate.Look{Access: plan.Look(set, plan.Ask{ReadOnly: true}).Access, Scopes: trace.Hosts(set, q)}
	if len(look.Scopes) > 0 {
		o, err := target.Observe(ctx, look)
		if err != nil {
			return nil, err
		}
		located, lost, err := trace.Locate(set, o, q)
		if err != nil || lost != nil {
			return lost, err
		}
		q = located
	}
	look.Scopes = trace.Scopes(set, q)
	o, err := target.Observe(ctx, look)
	if err != nil {
		return nil, err
	}
	return trace.Ask(set, o, q)
}

// applyToSandbox makes a pass. What it could not do is said: a trace shows its effect, not its cause.
func (a *app) applyToSandbox(ctx context.Context, target *awsnet.Target, set *spec.Set) error {
	log, err := a.logger()
	if err != nil {
		return err
	}
	cfg := reconcile.Config{Target: target, Log: log, Timeout: a.timeout, Settle: a.settle}
	if code := reconcile.New(cfg).Cycle(ctx, reconcile.Input{Spec: set}).Exit(); code != reconcile.ExitInSync {
		fmt.Fprintf(a.stderr, "the sandbox could not be made all that the spec says; peerd --once --sandbox shows why (exit %d)\n", code)
	}
	return nil
}
