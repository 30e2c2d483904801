package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
)

// options are the flags that several sub-commands share.
type options struct {
	spec      string
	specDir   string // in whose terms the spec's files are named
	interval  time.Duration
	owner     string
	once      bool
	dryRun    bool
	output    string
	sandbox   bool
	timeout   time.Duration
	settle    time.Duration
	awsShare  float64
	stsRegion string
	logLevel  string
	logFormat string
	targets   []string
	explain   string // a label
	prune     bool
	maxDelete string
	pauseFile string
	color     string

	repo            gitwatch.Config
	stateFile       string
	listen          listenOptions
	metricsTextfile string
	leader          leaderOptions
}

// app is one invocation: its flags and where its output goes.
type app struct {
	options
	given          []string // flags that are on the command line, not in the environment
	env            func(string) (string, bool)
	stdout, stderr io.Writer
}

// exitError ends the program with a code; err is printed unless everything was said already.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

// run is the whole program; it returns the exit code. SIGINT and SIGTERM end the pass in order: no new call is begun.
func run(ctx context.Context, args []string, env func(string) (string, bool), stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	a := &app{env: env, stdout: stdout, stderr: stderr}
	root := a.command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return reconcile.ExitInSync
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintf(stderr, "peerd: %v\n", exit.err)
		}
		return exit.code
	}
	fmt.Fprintf(stderr, "peerd: %v\nRun 'peerd --help' for usage.\n", err) // cobra's own complaints: unknown flags and commands
	return reconcile.ExitSpec
}

func (a *app) command() *cobra.Command {
	daemonOnly := a.daemonFlags()
	root := &cobra.Command{
		Use:   "peerd",
		Short: "GitOps for AWS VPC peering: make peerings, routes and security-group rules match a spec",
		Long: `peerd makes AWS VPC peerings, their routes and security-group rules match a spec.

Every flag can be set in the environment too, --aws-share as PEERD_AWS_SHARE; a flag on the command line wins.`,
		Example: `  peerd --once --sandbox --spec peerings.example.yaml   try it on a simulated AWS, without credentials
  peerd plan specs/                                     what would be changed
  peerd --once --spec specs/                            one pass
  peerd --spec specs/ --prune                           the daemon: a pass every minute, on files that are here
  peerd --repo https://git.example.com/net/specs.git --git-token-file token --path specs   the daemon, on a git repository
  peerd --once --spec specs/ --target hub-payments      one peering only
  peerd validate specs/                                 check the files, offline`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			cmd.Flags().Visit(func(f *pflag.Flag) { a.given = append(a.given, f.Name) })
			if err := fromEnvironment(cmd.Flags(), a.env); err != nil {
				return err
			}
			return a.checkColor()
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !a.once {
				if !cmd.Flags().Changed("log.level") {
					a.logLevel = "info" // nobody sees a daemon's progress but in its log
				}
				return a.daemon(cmd.Context(), cmd.Flags())
			}
			if err := a.checkOnce(cmd.Flags(), daemonOnly); err != nil {
				return err
			}
			return a.pass(cmd.Context(), a.spec)
		},
	}
	root.SetFlagErrorFunc(flagError)
	a.passFlags(root)
	root.Flags().BoolVar(&a.once, "once", false, "one pass, then exit")
	root.Flags().AddFlagSet(daemonOnly)
	root.Flags().StringVar(&a.metricsTextfile, "metrics-textfile", "", "`FILE` for the metrics of a single pass, for the node exporter's textfile collector")
	root.Flags().BoolVar(&a.dryRun, "dry-run", false, "plan only: no call that changes anything")
	root.PersistentFlags().StringVar(&a.color, "color", "auto", "auto, always or never; auto colours on a terminal unless NO_COLOR is set")
	root.PersistentFlags().StringVar(&a.logLevel, "log.level", "warn", "debug, info, warn or error; of the daemon info where nothing is said")
	root.PersistentFlags().StringVar(&a.logFormat, "log.format", "text", "text or json")
	root.AddCommand(a.planCommand(), a.importCommand(), a.traceCommand(), a.validateCommand(), a.schemaCommand(), a.iamPolicyCommand(), a.simCommand(), a.demoCommand(), a.versionCommand())
	return root
}

// passFlags are the flags of whatever makes a pass.
func (a *app) passFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	a.specFlags(f)
	a.awsFlags(f)
	a.repoFlags(f)
	f.StringArrayVar(&a.targets, "target", nil, "plan and apply only the peering with this `LABEL`; may be repeated; PEERD_TARGET takes several with commas between them")
	f.BoolVar(&a.prune, "prune", false, "remove what is ours and no longer in the spec")
	f.StringVar(&a.maxDelete, "max-deletes", "10%", "`N|P%`: of how many peerings one pass may remove something; over it nothing is removed")
	f.StringVar(&a.pauseFile, "pause-file", "", "while this `FILE` exists nothing is changed; drift is still measured")
	_ = cmd.RegisterFlagCompletionFunc("target", a.completeLabels) // fails only for a flag that does not exist
	f.StringVarP(&a.output, "output", "o", "text", "text, json or markdown")
	f.BoolVar(&a.sandbox, "sandbox", false, "use an embedded simulated AWS made from the spec; no credentials are needed or used")
	f.DurationVar(&a.timeout, "timeout", 10*time.Minute, "how long one pass waits for connections to become active")
	f.DurationVar(&a.settle, "settle", time.Minute, "how long one pass waits for AWS to show what was done")
}

// specFlags say which spec, and whose.
func (a *app) specFlags(f *pflag.FlagSet) {
	f.StringVar(&a.spec, "spec", "", "spec `PATH`: a file, or a directory of *.yaml files")
	f.StringVar(&a.owner, "owner", "", "the owner tag's value; needed here or in the spec, and both must agree")
}

// awsFlags are how AWS is asked.
func (a *app) awsFlags(f *pflag.FlagSet) {
	f.Float64Var(&a.awsShare, "aws-share", 0.5, "the part of EC2's request rates to use, up to 1")
	f.StringVar(&a.stsRegion, "sts-region", "", "region whose STS is asked for roles; default: the SDK's own choice")
}

// fromEnvironment sets flags that were not given from PEERD_… variables: --aws-share from PEERD_AWS_SHARE. An empty variable is none, as
// it is for the AWS SDK.
func fromEnvironment(flags *pflag.FlagSet, env func(string) (string, bool)) error {
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "PEERD_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(f.Name))
		value, _ := env(name)
		if value == "" || f.Changed || err != nil {
			return
		}
		if e := setFlag(flags, f, value); e != nil {
			err = usageError("%s: %v", name, e)
		}
	})
	return err
}

// setFlag sets a flag from text. One that may be repeated takes several values with commas between them: no label has one.
func setFlag(flags *pflag.FlagSet, f *pflag.Flag, text string) error {
	if _, many := f.Value.(pflag.SliceValue); !many {
		return flags.Set(f.Name, text)
	}
	for value := range strings.SplitSeq(text, ",") {
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		if err := flags.Set(f.Name, value); err != nil {
			return err
		}
	}
	return nil
}

// flagError explains why there are no flags for secrets: a command line is seen by every process and kept by shells.
func flagError(_ *cobra.Command, err error) error {
	name := strings.ToLower(err.Error())
	for _, word := range []string{"secret", "token", "password", "access-key", "private-key"} {
		if strings.Contains(name, word) {
			return usageError("%v: secrets are never taken on the command line; AWS credentials come from the SDK's own chain, other secrets from files", err)
		}
	}
	return err
}

func usageError(format string, args ...any) error {
	return exitError{reconcile.ExitSpec, fmt.Errorf(format, args...)}
}

// logger writes to stderr; results go to stdout.
func (a *app) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return nil, usageError("--log.level %q: say debug, info, warn or error", a.logLevel)
	}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: plainAttr}
	switch a.logFormat {
	case "json":
		return slog.New(slog.NewJSONHandler(a.stderr, opts)), nil
	case "text":
		return slog.New(slog.NewTextHandler(a.stderr, opts)), nil
	}
	return nil, usageError("--log.format %q: say text or json", a.logFormat)
}

// plainAttr makes what is logged harmless to whoever prints it: names, tags and messages come from strangers, and JSON lets characters
// through that turn the direction of writing or move a terminal's cursor.
func plainAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(plainLines(v))
	case error:
		a.Value = slog.StringValue(plainLines(v.Error()))
	}
	return a
}

// plainLines keeps the ends of lines, which the handlers escape themselves.
func plainLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = render.Plain(l)
	}
	return strings.Join(lines, "\n")
}
