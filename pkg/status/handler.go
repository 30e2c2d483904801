package status

import (
	"html"
	"io"
	"net/http"

	"github.com/prometheus/exporter-toolkit/web"

	"github.com/peerd/peerd/pkg/render"
)

// Handler serves /metrics, /api/v1/status and a landing page.
func (s *State) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics)
	mux.HandleFunc("GET /api/v1/status", s.api)
	mux.Handle("GET /{$}", landing(s.cfg.Build.Version))
	return mux
}

// landing is a page for people who open the address in a browser.
func landing(version string) http.Handler {
	page, err := web.NewLandingPage(web.LandingConfig{
		Name: "peerd", Description: "GitOps for AWS VPC peering", Version: html.EscapeString(render.Plain(version)), Profiling: "false",
		Links: []web.LandingLinks{{Address: "/metrics", Text: "Metrics"}, {Address: "/api/v1/status", Text: "Status", Description: "the latest report, as JSON"}},
	})
	if err != nil {
		panic(err) // the page's template is the library's, and everything in it is fixed
	}
	return page
}

// api answers with the latest report; deploy/schema/report.schema.json is its shape.
func (s *State) api(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	written := s.written
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if written == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error":"no pass has been made yet"}`+"\n")
		return
	}
	_, _ = w.Write(written())
}

// Probes serves /healthz, which answers 200 as long as the loop is alive, and /readyz, which does so once there is a report.
func (s *State) Probes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", probe(s.Alive))
	mux.Handle("GET /readyz", probe(s.Ready))
	return mux
}

// probe answers 200, or 503 with what is in the way.
func probe(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := check(); err != nil {
			http.Error(w, render.Plain(err.Error()), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	}
}
