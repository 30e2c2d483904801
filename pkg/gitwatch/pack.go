package gitwatch

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/memory"
)

// measure adds up what a pack would unpack to, and keeps nothing of it: a megabyte can unpack to a terabyte.
func measure(ctx context.Context, pack []byte, l Limits) error {
	s := packfile.NewScanner(stoppable{ctx, bytes.NewReader(pack)})
	_, count, err := s.Header()
	if err != nil {
		return err
	}
	if int64(count) > int64(l.Objects) {
		return fmt.Errorf("the server sends %d objects, more than %d", count, l.Objects)
	}
	var sum int64
	for range count {
		size, err := measureObject(s)
		switch {
		case err != nil:
			return err
		case size > l.ObjectBytes:
			return fmt.Errorf("the server sends an object of %d bytes, more than %d", size, l.ObjectBytes)
		}
		if sum += size; sum > l.Unpacked {
			return fmt.Errorf("what the server sends has more than %d bytes, unpacked", l.Unpacked)
		}
	}
	return nil
}

// measureObject returns the size of the next object, or of what it makes of another.
func measureObject(s *packfile.Scanner) (int64, error) {
	header, err := s.NextObjectHeader()
	if err != nil {
		return 0, err
	}
	var start prefix
	if _, _, err := s.NextObject(&start); err != nil {
		return 0, err
	}
	if header.Type != plumbing.OFSDeltaObject && header.Type != plumbing.REFDeltaObject {
		return header.Length, nil
	}
	_, n := binary.Uvarint(start) // the size of what it is made of
	if n <= 0 {
		return 0, packfile.ErrInvalidDelta
	}
	size, n := binary.Uvarint(start[n:])
	if n <= 0 || size > 1<<62 {
		return 0, packfile.ErrInvalidDelta
	}
	return max(header.Length, int64(size)), nil
}

// unpack reads a pack, once it was measured, into a store.
func unpack(ctx context.Context, pack []byte, store *memory.Storage) error {
	p, err := packfile.NewParserWithStorage(packfile.NewScanner(stoppable{ctx, bytes.NewReader(pack)}), store)
	if err != nil {
		return err
	}
	_, err = p.Parse()
	return err
}

// prefix keeps the first bytes of what is written to it: enough for two numbers.
type prefix []byte

func (p *prefix) Write(b []byte) (int, error) {
	*p = append(*p, b[:min(len(b), 2*binary.MaxVarintLen64-len(*p))]...)
	return len(b), nil
}

// stoppable ends reading when its context ends.
type stoppable struct {
	ctx context.Context
	io.ReadSeeker
}

func (s stoppable) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.ReadSeeker.Read(b)
}
