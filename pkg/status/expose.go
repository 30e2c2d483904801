package status

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// idleShare bounds what scrapes cost, however many there are: the metrics are made again after this many times as long as making them took.
// A new report is shown at once.
const idleShare = 20

// exposition serves the metrics, in the format that is asked for. There are few formats, so what is kept of them is bounded.
type exposition struct {
	gather prometheus.Gatherer
	news   atomic.Int64 // counts what must be shown at once

	mu   sync.Mutex // held while metrics are made, so that those who ask meanwhile get the same; guards made
	made map[string]page
}

// page is the metrics in one format.
type page struct {
	body  []byte
	news  int64
	until time.Time
}

// outdated says that there is something new to be shown.
func (e *exposition) outdated() { e.news.Add(1) }

func (e *exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	zipped := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	body, err := e.page(format, zipped)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", string(format))
	h.Set("Vary", "Accept, Accept-Encoding")
	if zipped {
		h.Set("Content-Encoding", "gzip")
	}
	_, _ = w.Write(body) // whoever asked is gone
}

func (e *exposition) page(format expfmt.Format, zipped bool) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := fmt.Sprint(format, zipped)
	news, begin := e.news.Load(), time.Now()
	if p := e.made[key]; p.body != nil && p.news == news && begin.Before(p.until) {
		return p.body, nil
	}
	body, err := e.write(format, zipped)
	if err != nil {
		return nil, err
	}
	e.made[key] = page{body, news, begin.Add(idleShare * time.Since(begin))}
	return body, nil
}

func (e *exposition) write(format expfmt.Format, zipped bool) ([]byte, error) {
	families, err := e.gather.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather metrics: %w", err)
	}
	var b bytes.Buffer
	var w io.Writer = &b
	z := gzip.NewWriter(&b)
	if zipped {
		w = z
	}
	if err := encode(w, format, families); err != nil {
		return nil, fmt.Errorf("write metrics: %w", err)
	}
	if zipped {
		if err := z.Close(); err != nil {
			return nil, fmt.Errorf("write metrics: %w", err)
		}
	}
	return b.Bytes(), nil
}

func encode(w io.Writer, format expfmt.Format, families []*dto.MetricFamily) error {
	enc := expfmt.NewEncoder(w, format)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	if c, ok := enc.(expfmt.Closer); ok { // some formats have an end
		return c.Close()
	}
	return nil
}
