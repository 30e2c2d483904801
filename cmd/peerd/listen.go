package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/spf13/pflag"

	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/status"
)

// listenOptions are where the daemon is asked for something.
type listenOptions struct {
	main, probes, webhook string // addresses; empty: not served
	webConfig             string
	secretFile            string // of the webhook
}

func (o *listenOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.main, "listen", ":9797", "`ADDR` of /metrics, /api/v1/status and a page for people; \"\": none")
	f.StringVar(&o.webConfig, "web.config.file", "", "`FILE` with TLS and basic auth for --listen, as Prometheus' exporters take it")
	f.StringVar(&o.probes, "probe-listen", ":9799", "`ADDR` of /healthz and /readyz, always in plain; \"\": none")
	f.StringVar(&o.webhook, "webhook-listen", ":9798", "`ADDR` of /webhook, served where there is a --webhook-secret-file")
	f.StringVar(&o.secretFile, "webhook-secret-file", "", "`FILE` with the secret of the git server's webhook; two lines while one is being replaced")
}

func (o *listenOptions) check(f *pflag.FlagSet) error {
	if o.secretFile == "" && f.Changed("webhook-listen") {
		return usageError("--webhook-listen without --webhook-secret-file: anybody could make peerd fetch")
	}
	if err := status.CheckWebConfig(o.webConfig); err != nil {
		return usageError("--web.config.file: %v", err)
	}
	return nil
}

// listener is one address that is served.
type listener struct {
	net.Listener
	handler http.Handler
	cfg     status.ServeConfig
}

// open opens every address, so that one that is taken is found before anything is done. A value is put into wake when a fetch is asked for.
func (o *listenOptions) open(ctx context.Context, state *status.State, wake chan<- struct{}, log *slog.Logger) (out []listener, err error) {
	defer func() {
		if err != nil {
			closeAll(out)
		}
	}()
	add := func(flag, address string, h http.Handler, webConfig string) error {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			return exitError{reconcile.ExitFailed, fmt.Errorf("--%s: %w", flag, err)}
		}
		log.Info("listening", "for", flag, "address", l.Addr().String())
		out = append(out, listener{l, h, status.ServeConfig{WebConfig: webConfig, Log: log}})
		return nil
	}
	if o.main != "" {
		if err := add("listen", o.main, state.Handler(), o.webConfig); err != nil {
			return out, err
		}
	}
	if o.probes != "" {
		if err := add("probe-listen", o.probes, state.Probes(), ""); err != nil {
			return out, err
		}
	}
	if o.secretFile == "" || o.webhook == "" {
		return out, nil
	}
	hook, err := status.NewWebhook(status.WebhookConfig{SecretFile: o.secretFile, Wake: wake, OnRequest: state.OnWebhook, Log: log})
	if err != nil {
		return out, usageError("--webhook-secret-file: %v", err)
	}
	return out, add("webhook-listen", o.webhook, hook, "")
}

func closeAll(all []listener) {
	for _, l := range all {
		_ = l.Close() // nobody was served yet
	}
}
