package gitwatch_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
)

// Kinds of objects in a pack.
const (
	packCommit   = 1
	packTree     = 2
	packBlob     = 3
	packRefDelta = 7
)

// forged is a pack that no git program would write.
type forged struct {
	bytes.Buffer
	count uint32
}

// add writes an object; size is what its header says, base the object a difference is from.
func (f *forged) add(kind int, size int, base string, content []byte) {
	f.count++
	b := byte(kind<<4 | size&15)
	for size >>= 4; size > 0; size >>= 7 {
		f.WriteByte(b | 0x80)
		b = byte(size & 0x7f)
	}
	f.WriteByte(b)
	if base != "" {
		raw, err := hex.DecodeString(base)
		if err != nil {
			panic(err)
		}
		f.Write(raw)
	}
	z := zlib.NewWriter(f)
	_, _ = z.Write(content)
	_ = z.Close()
}

// whole returns the pack; count is the number of objects that its header says.
func (f *forged) whole(count uint32) []byte {
	head := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), count)
	out := append(head, f.Bytes()...)
	sum := sha1.Sum(out)
	return append(out, sum[:]...)
}

// delta makes content of so many copies of its base.
func delta(base, copies int) []byte {
	out := binary.AppendUvarint(nil, uint64(base))
	out = binary.AppendUvarint(out, uint64(base*copies))
	for range copies {
		out = append(out, 0x80|0x70, byte(base), byte(base>>8), byte(base>>16)) // copy so many bytes from the start
	}
	return out
}

// hashOf is an object's.
func hashOf(kind string, content []byte) string {
	h := sha1.New()
	fmt.Fprintf(h, "%s %d\x00", kind, len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

// answering is a server that has one branch, at a commit, and sends a pack whatever it is asked.
func answering(head string, pack []byte) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		if r.Method == http.MethodGet {
			fmt.Fprint(w, packet("# service=git-upload-pack\n")+"0000"+packet(head+" refs/heads/main\x00shallow thin-pack\n")+"0000")
			return true
		}
		fmt.Fprint(w, packet("shallow "+head)+"0000"+packet("NAK\n"))
		_, _ = w.Write(pack)
		return true
	}
}
