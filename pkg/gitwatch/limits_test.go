package gitwatch_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
)

// A commit that is too much, in any way, is not handed out, wherever it lies; one that is not, is, with the same limits.
func TestF14TooMuch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits gitwatch.Limits
		files  func() map[string]string
		said   string
		remote bool // it does not matter how much a repository on this machine holds beside the path
	}{
		"bytes": {gitwatch.Limits{Bytes: 100_000}, func() map[string]string {
			return map[string]string{"noise": noise(200_000)}
		}, "the server sends more than 100000 bytes", true},
		"objects": {gitwatch.Limits{Objects: 50}, func() map[string]string { return many("other/%d.txt", 60) },
			"objects, more than 50", true},
		"an object": {gitwatch.Limits{ObjectBytes: 1 << 20}, func() map[string]string {
			return map[string]string{"zeros": strings.Repeat("\x00", 8<<20)}
		}, "an object of 8388608 bytes, more than 1048576", true},
		"all of it, unpacked": {gitwatch.Limits{Unpacked: 1 << 20}, func() map[string]string {
			files := many("other/%d.txt", 20)
			for name := range files {
				files[name] += strings.Repeat("\x00", 100_000)
			}
			return files
		}, "more than 1048576 bytes, unpacked", true},
		"a spec file": {gitwatch.Limits{FileBytes: 10_000}, func() map[string]string {
			return map[string]string{"specs/deep/big.yaml": strings.Repeat("# a comment\n", 1000)}
		}, `"specs/deep/big.yaml": blob `, false},
		"spec files": {gitwatch.Limits{Files: 50}, func() map[string]string { return many("specs/%d.yaml", 60) },
			"more than 50 spec files are below the path", false},
		"all spec files": {gitwatch.Limits{AllBytes: 10_000}, func() map[string]string {
			return map[string]string{"specs/1.yaml": strings.Repeat("#1\n", 3000), "specs/2.yaml": strings.Repeat("#2\n", 3000)}
		}, "the spec files have more than 10000 bytes together", false},
		"files that are no specs": {gitwatch.Limits{Objects: 50}, func() map[string]string { return many("specs/%d.txt", 60) },
			"more than 50", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hereAndThere(t, func(t *testing.T, o *gittest.Origin, cfg gitwatch.Config) {
				if c.remote && cfg.Repo == o.Bare {
					t.Skip("its own disk holds what it holds")
				}
				o.InBare("config", "uploadpack.allowFilter", "true") // as those of GitHub and GitLab: else the huge one is in the way
				cfg.Limits, cfg.Path = c.limits, "specs"
				first := o.Commit("first", spec(1))
				w := watch(t, cfg)
				mustFetch(t, w, "", first)
				files := c.files()
				files["specs/core.yaml"] = "a: 2\n"
				huge := o.Commit("huge", files)
				failures.Shown(t, 14, len(o.Git("ls-tree", "-r", "-l", huge)) > 0, "a commit that is too much: "+name)
				mustRefuse(t, w, first, c.said)
				mustRefuse(t, watch(t, cfg), "", c.said)
				mustFetch(t, w, first, o.Commit("without what was too much", spec(2)))
			})
		})
	}
}

func many(pattern string, n int) map[string]string {
	out := map[string]string{}
	for i := range n {
		out[fmt.Sprintf(pattern, i)] = fmt.Sprintf("# %d\n", i)
	}
	return out
}

// A few small trees that show each other make a billion directories.
func TestF14TreesInTrees(t *testing.T) {
	t.Parallel()
	hereAndThere(t, func(t *testing.T, o *gittest.Origin, c gitwatch.Config) {
		tree := o.Put("tree", gittest.Entry("100644", "a.yaml", o.Put("blob", "a: 1\n")))
		for range 9 {
			var lines []string
			for i := range 10 {
				lines = append(lines, gittest.Entry("40000", fmt.Sprintf("d%d", i), tree))
			}
			tree = o.Put("tree", strings.Join(lines, ""))
		}
		o.PlantTree(tree)
		failures.Shown(t, 14, strings.Count(o.InBare("ls-tree", "main:d0/d1/d2/d3/d4/d5/d6/d7"), "tree") == 10, "trees nine deep")
		c.Limits.Files = 1000
		mustRefuse(t, watch(t, c), "", "more than 1000 spec files")
		c.Limits.Objects = 999
		mustRefuse(t, watch(t, c), "", "more than 999 files and directories")
	})
}

// The history is long: only so many commits are looked at.
func TestF14History(t *testing.T) {
	t.Parallel()
	o := gittest.NewOrigin(t)
	applied := o.Commit("applied", spec(1))
	o.Git("checkout", "-q", "--orphan", "other")
	o.Commit("other", spec(2))
	o.History(59)
	head := o.Push()
	failures.Shown(t, 14, o.Git("rev-list", "--count", head) == "60", "a history of 60 commits")
	mustRefuse(t, watch(t, gitwatch.Config{Repo: o.Bare, Limits: gitwatch.Limits{Objects: 50}}), applied, "more than 50 commits would have to be looked at")
	mustRefuse(t, watch(t, gitwatch.Config{Repo: o.Bare}), applied, "does not descend")
}

// A server that never ends, in every phase and manner: by bytes or by time, the fetch does.
func TestF14EndlessServer(t *testing.T) {
	t.Parallel()
	const head = "0123456789012345678901234567890123456789"
	small := gitwatch.Limits{Bytes: 1 << 20, Time: 20 * time.Second}
	brief := gitwatch.Limits{Time: 300 * time.Millisecond}
	endless := func(w http.ResponseWriter, r *http.Request, text string, pause time.Duration) {
		for i := 0; r.Context().Err() == nil; i++ {
			if _, err := fmt.Fprint(w, packet(fmt.Sprintf(text, i))); err != nil {
				return
			}
			if pause > 0 {
				_ = http.NewResponseController(w).Flush()
				time.Sleep(pause)
			}
		}
	}
	for name, c := range map[string]struct {
		method string
		limits gitwatch.Limits
		answer func(w http.ResponseWriter, r *http.Request)
		said   string
	}{
		"refs without end": {http.MethodGet, small, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, packet(head+" refs/heads/main\x00shallow\n"))
			endless(w, r, head+" refs/heads/%d\n", 0)
		}, "the server sends more than 1048576 bytes"},
		"a pack without end": {http.MethodPost, small, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, packet("NAK\n"))
			endless(w, r, "\x01%d", 0)
		}, "the server sends more than 1048576 bytes"},
		"progress without end": {http.MethodPost, small, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, packet("NAK\n"))
			endless(w, r, "\x02%d\n", 0)
		}, "the server sends more than 1048576 bytes"},
		"nothing at all":     {http.MethodGet, brief, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "it took longer than 300ms"},
		"nothing after refs": {http.MethodPost, brief, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "it took longer than 300ms"},
		"little at a time": {http.MethodGet, brief, func(w http.ResponseWriter, r *http.Request) {
			endless(w, r, head+" refs/heads/%d\x00\n", 20*time.Millisecond)
		}, "it took longer than 300ms"},
		"a pack in small bits": {http.MethodPost, brief, func(w http.ResponseWriter, r *http.Request) { endless(w, r, "\x01%d", 20*time.Millisecond) }, "it took longer than 300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := gittest.NewOrigin(t)
			o.Commit("first", spec(1))
			s := gittest.Serve(t, o)
			fired := false
			s.Instead = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != c.method {
					return false
				}
				s.Set(func() { fired = true })
				w.Header().Set("Content-Type", r.Header.Get("Accept"))
				_ = http.NewResponseController(w).Flush()
				c.answer(w, r)
				return true
			}
			cfg := s.Config()
			cfg.Limits = c.limits
			begun := time.Now()
			mustRefuse(t, watch(t, cfg), "", c.said)
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			s.Set(func() { failures.Shown(t, 14, fired, "a server that does not come to an end") })
		})
	}
}

// Packs that are small and become huge, or say one thing and hold another: measured before anything is unpacked.
func TestF14ForgedPacks(t *testing.T) {
	t.Parallel()
	blob := bytes.Repeat([]byte("x"), 60_000)
	base := hashOf("blob", blob)
	for name, c := range map[string]struct {
		pack func(f *forged) []byte
		said string
	}{
		"a difference that makes 180 MB": {func(f *forged) []byte {
			f.add(packBlob, len(blob), "", blob)
			d := delta(len(blob), 3000)
			f.add(packRefDelta, len(d), base, d)
			return f.whole(f.count)
		}, "an object of 180000000 bytes, more than"},
		"forty differences of 12 MB": {func(f *forged) []byte {
			f.add(packBlob, len(blob), "", blob)
			for i := range 40 {
				d := delta(len(blob), 200+i)
				f.add(packRefDelta, len(d), base, d)
			}
			return f.whole(f.count)
		}, "more than 268435456 bytes, unpacked"},
		"a header that says little": {func(f *forged) []byte {
			f.add(packBlob, 10, "", bytes.Repeat([]byte{0}, 64<<20))
			return f.whole(f.count)
		}, "exceeds declared size"},
		"a header that says much": {func(f *forged) []byte {
			f.add(packBlob, 1<<40, "", blob)
			return f.whole(f.count)
		}, "an object of 1099511627776 bytes, more than"},
		"four billion objects": {func(f *forged) []byte {
			f.add(packBlob, len(blob), "", blob)
			return f.whole(1<<32 - 1)
		}, "4294967295 objects, more than 200000"},
		"more objects than there are": {func(f *forged) []byte {
			f.add(packBlob, len(blob), "", blob)
			return f.whole(1000)
		}, "unpack commit"},
		"a difference from nothing": {func(f *forged) []byte {
			d := delta(len(blob), 2)
			f.add(packRefDelta, len(d), base, d)
			return f.whole(f.count)
		}, "unpack commit"},
		"a difference of a byte": {func(f *forged) []byte {
			f.add(packRefDelta, 1, base, []byte{0x80})
			return f.whole(f.count)
		}, "unpack commit"},
		"another commit": {func(f *forged) []byte {
			f.add(packCommit, 4, "", []byte("tree"))
			return f.whole(f.count)
		}, "is missing"},
		"nothing": {func(f *forged) []byte { return f.whole(0) }, "is missing"},
		"no pack": {func(*forged) []byte { return []byte("<html>") }, "unpack commit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := gittest.NewOrigin(t)
			s := gittest.Serve(t, o)
			pack := c.pack(&forged{})
			s.Instead = answering("0123456789012345678901234567890123456789", pack)
			mustRefuse(t, watch(t, s.Config()), "", c.said)
			failures.Shown(t, 14, posts(s.Log()) == 1 && len(pack) < 1<<20, "a small pack that is not what it seems")
		})
	}
}

// What a commit's objects are called by is what they are: a file put under the hash of another is not read.
func TestDamagedObject(t *testing.T) {
	t.Parallel()
	o := gittest.NewOrigin(t)
	o.Commit("first", spec(1))
	object := func(hash string) string { return filepath.Join(o.Bare, "objects", hash[:2], hash[2:]) }
	data, err := os.ReadFile(object(o.Put("blob", "a: 666\n")))
	if err != nil {
		t.Fatal(err)
	}
	blob := object(o.Git("rev-parse", "HEAD:specs/core.yaml"))
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	write(t, blob, string(data))
	if text := o.InBare("cat-file", "blob", "main:specs/core.yaml"); text != "a: 666" {
		t.Fatalf("git reads %q: nothing is damaged", text)
	}
	mustRefuse(t, watch(t, gitwatch.Config{Repo: o.Bare}), "", `"specs/core.yaml": blob`, "is damaged")
}
