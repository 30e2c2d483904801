package status

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/net/netutil"
)

// Bounds of what one listener spends on clients, whatever they do.
const (
	connections   = 256              // at the same time; others wait in the kernel
	headerTimeout = 5 * time.Second  // of a request's head, also of the first of a connection
	readTimeout   = 10 * time.Second // of a whole request
	writeTimeout  = 30 * time.Second // of an answer
	idleTimeout   = 30 * time.Second // between two requests
	headerBytes   = 8 << 10
	farewell      = 5 * time.Second // for requests in flight once it ends
)

// ServeConfig is how a listener is served; its zero value is plain HTTP without a log.
type ServeConfig struct {
	WebConfig string       // file of TLS and basic auth, as Prometheus' exporters take it (web.config.file); empty: neither
	Log       *slog.Logger // nil: no log
}

// Serve answers requests until ctx ends, and then returns nil once those in flight are answered or five seconds are over. It closes the
// listener. An error says why it could not serve.
func Serve(ctx context.Context, l net.Listener, h http.Handler, cfg ServeConfig) error {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	address := l.Addr()
	defer l.Close()
	server := &http.Server{Handler: harmless(h), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)} // what clients do wrong is no news
	done := make(chan error, 1)
	go func() {
		done <- web.Serve(netutil.LimitListener(l, connections), server, &web.FlagConfig{WebConfigFile: &cfg.WebConfig}, log)
	}()
	select {
	case err := <-done:
		return fmt.Errorf("serve %s: %w", address, err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if server.Shutdown(end) != nil {
		_ = server.Close() // its error is of listeners, which are closed by now
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", address, err)
	}
	return nil
}

// CheckWebConfig says what is wrong with a file of TLS and basic auth, so that it is found at the start.
func CheckWebConfig(path string) error {
	if err := web.Validate(path); err != nil {
		return fmt.Errorf("web config %s: %w", path, err)
	}
	return nil
}

// harmless tells browsers to take answers for what they are said to be, and to run and embed nothing.
func harmless(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		h.ServeHTTP(w, r)
	})
}
