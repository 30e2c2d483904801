package status

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// WriteTextfile writes the metrics for the textfile collector of Prometheus' node exporter. The file is replaced in one step, so that a
// reader sees the old ones or the new ones, whole.
func (s *State) WriteTextfile(path string) error {
	if err := prometheus.WriteToTextfile(path, s.cfg.Registry); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}
