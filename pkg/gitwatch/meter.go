package gitwatch

import (
	"fmt"
	"io"
	"sync"
)

// meter counts what one fetch receives, and remembers why it was cut off: libraries in between say only that something ended early.
type meter struct {
	limit int64
	count int64

	mu  sync.Mutex
	why error // guarded by mu: a library may find the reason in a goroutine of its own
}

// stop remembers the first reason to stop, and returns it.
func (m *meter) stop(why error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.why == nil {
		m.why = why
	}
	return m.why
}

// reason is why to stop, if there is a reason.
func (m *meter) reason() error { return m.stop(nil) }

// metered is a reader whose bytes are counted.
type metered struct {
	*meter
	io.ReadCloser
}

func (m metered) Read(b []byte) (int, error) {
	n, err := m.ReadCloser.Read(b)
	if m.count += int64(n); m.count > m.limit {
		return n, m.stop(fmt.Errorf("the server sends more than %d bytes", m.limit))
	}
	return n, err
}
