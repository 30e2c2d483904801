package gitwatch_test

import (
	"fmt"
	"testing"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
)

func spec(n int) map[string]string {
	return map[string]string{"specs/core.yaml": fmt.Sprintf("a: %d\n", n)}
}

// The branch was rewound or replaced by force: it is held, and said with both hashes, until it descends again from what was applied, or
// rewinds are allowed.
func TestF11Rewind(t *testing.T) {
	t.Parallel()
	for name, rewind := range map[string]func(o *gittest.Origin, applied string){
		"to an older commit": func(o *gittest.Origin, _ string) { o.Git("reset", "-q", "--hard", "HEAD~2") },
		"to another commit":  func(o *gittest.Origin, _ string) { o.Git("commit", "-q", "--amend", "-m", "amended") },
		"to another line": func(o *gittest.Origin, _ string) {
			o.Git("reset", "-q", "--hard", "HEAD~1")
			o.Commit("other", spec(9))
			o.Commit("other", spec(8))
		},
		"to another beginning": func(o *gittest.Origin, _ string) {
			o.Git("checkout", "-q", "--orphan", "new")
			o.Commit("new", spec(7))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hereAndThere(t, func(t *testing.T, o *gittest.Origin, c gitwatch.Config) {
				for i := range 3 {
					o.Commit("so far", spec(i))
				}
				applied := o.Commit("applied", spec(3))
				w := watch(t, c)
				mustFetch(t, w, "", applied)
				rewind(o, applied)
				head := o.Push()
				failures.Shown(t, 11, !o.Ask("merge-base", "--is-ancestor", applied, head), "a head that does not descend from the applied commit")
				for range 2 { // held again, and again
					mustRefuse(t, w, applied, head, applied, "rewound", "--allow-rewind")
				}
				restarted := watch(t, c)
				mustRefuse(t, restarted, applied, head, applied, "rewound")

				allowed := c
				allowed.AllowRewind = true
				mustFetch(t, watch(t, allowed), applied, head)

				o.Git("checkout", "-q", "--detach", applied)
				mustFetch(t, w, applied, o.Commit("again from there", spec(4)))
			})
		})
	}
}

// What descends is not held: many commits at once, a merge that brings the applied commit in from the side, the applied commit itself.
func TestDescent(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, o *gittest.Origin, c gitwatch.Config) {
		o.InBare("config", "uploadpack.allowFilter", "true")
		applied := o.Commit("first", spec(0))
		w := watch(t, c)
		mustFetch(t, w, "", applied)
		mustFetch(t, w, applied, applied)
		o.History(80)
		many := o.Push()
		mustFetch(t, w, applied, many)
		mustFetch(t, watch(t, c), applied, many) // that process remembers nothing

		o.Git("checkout", "-q", "--orphan", "side")
		o.Commit("another line", spec(5))
		o.Git("merge", "-q", "--allow-unrelated-histories", "-s", "ours", "-m", "merge", many)
		merged := o.Push()
		mustFetch(t, w, many, merged)
		mustFetch(t, watch(t, c), many, merged)
		mustRefuse(t, w, "0123456789012345678901234567890123456789", "rewound", merged)
		mustRefuse(t, w, "v1.0\n", `"v1.0\n", which was applied last, is not the hash of a commit`)
	})
}

// The branch is gone, or there was never one: held, and not taken for an empty spec.
func TestF12BranchGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(o *gittest.Origin)
		said string
	}{
		"deleted": {func(o *gittest.Origin) {
			o.InBare("branch", "-q", "other", "main")
			o.InBare("update-ref", "-d", "refs/heads/main")
		}, `no branch "main"`},
		"renamed": {func(o *gittest.Origin) { o.InBare("branch", "-q", "-m", "main", "trunk") }, `no branch "main"`},
		"a tag of that name": {func(o *gittest.Origin) {
			o.InBare("tag", "main")
			o.InBare("branch", "-q", "-m", "main", "trunk")
		}, `no branch "main"`},
		"the repository is new": {func(o *gittest.Origin) { o.InBare("update-ref", "-d", "refs/heads/main") }, "repository is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyWay(t, func(t *testing.T, o *gittest.Origin, cfg gitwatch.Config) {
				applied := o.Commit("first", spec(0))
				w := watch(t, cfg)
				mustFetch(t, w, "", applied)
				c.end(o)
				branches := o.InBare("for-each-ref", "refs/heads/main")
				failures.Shown(t, 12, branches == "", "a repository without the branch")
				mustRefuse(t, w, applied, c.said)
				mustRefuse(t, watch(t, cfg), "", c.said)
				o.Push()
				mustFetch(t, w, applied, applied)
			})
		})
	}
}

// A, B, and A again in three quick commits: only the newest is handed out.
func TestF22ThereAndBack(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, o *gittest.Origin, c gitwatch.Config) {
		first := o.Commit("A", spec(1))
		w := watch(t, c)
		got := mustFetch(t, w, "", first)
		o.Commit("B", spec(2))
		last := o.Commit("A again", spec(1))
		failures.Shown(t, 22, o.Git("rev-parse", first+"^{tree}") == o.Git("rev-parse", last+"^{tree}") &&
			o.Git("rev-list", "--count", first+".."+last) == "2", "three commits, the last like the first")
		got = mustFetch(t, w, first, last)
		if text := read(t, got.Files, "specs/core.yaml"); text != "a: 1\n" || got.Subject != "A again" {
			t.Errorf("got %q of %q", text, got.Subject)
		}
		again := mustFetch(t, w, last, last)
		if again.Hash != last {
			t.Errorf("got %s once more", again.Hash)
		}
	})
}
