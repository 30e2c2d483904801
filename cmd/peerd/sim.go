package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/control"
	"github.com/peerd/peerd/pkg/reconcile"
)

func (a *app) simCommand() *cobra.Command {
	var listen, world string
	var latency time.Duration
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Serve the simulated EC2 and STS",
		Long: "Serve the simulated EC2 and STS on one address for every account and region. An access key of 12 digits belongs to that account; " +
			"without a world file every account exists, empty, and any role can be assumed. Below " + control.Prefix + " it takes faults to inject and " +
			"tells the calls, the world and its clock, as JSON (docs/simulator.md).",
		Example: `  peerd sim --listen 127.0.0.1:4566 &
  AWS_ACCESS_KEY_ID=111111111111 AWS_SECRET_ACCESS_KEY=x AWS_ENDPOINT_URL=http://127.0.0.1:4566 peerd --once --spec specs/`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg := ec2sim.Config{Latency: latency}
			if world != "" {
				data, err := os.ReadFile(world)
				if err != nil {
					return usageError("read the world file: %v", err)
				}
				cfg.World = data
			}
			return a.serve(cmd.Context(), listen, cfg)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:4566", "`ADDR` to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&world, "world", "", "world `FILE`: what exists at the start")
	cmd.Flags().DurationVar(&latency, "latency", 0, "added to every call")
	return cmd
}

// serve runs the simulator until the context ends.
func (a *app) serve(ctx context.Context, listen string, cfg ec2sim.Config) error {
	sim, err := ec2sim.New(cfg)
	if err != nil {
		return usageError("the world file: %v", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	fmt.Fprintf(a.stdout, "simulated AWS on http://%s\n", l.Addr())
	mux := http.NewServeMux()
	mux.Handle("/", sim)
	mux.Handle(control.Prefix, control.New(sim))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return exitError{reconcile.ExitFailed, err}
	}
	return nil
}
