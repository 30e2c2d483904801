package tooltest

import (
	"bytes"
	"sync"
)

// Buffer is written by a process, or by many goroutines, and read by its test meanwhile.
type Buffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

// Write takes what is printed.
func (l *Buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns what was printed so far.
func (l *Buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
