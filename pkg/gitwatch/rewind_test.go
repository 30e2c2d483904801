package gitwatch_test

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
)

// descends asks git itself.
func (o *origin) descends(head, from string) bool {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), "git", "merge-base", "--is-ancestor", from, head)
	cmd.Dir, cmd.Env = o.work, o.env
	return cmd.Run() == nil
}

func spec(n int) map[string]string {
	return map[string]string{"specs/core.yaml": fmt.Sprintf("a: %d\n", n)}
}

// The branch was rewound or replaced by force: it is held, and said with both hashes, until it descends again from what was applied, or
// rewinds are allowed.
func TestF11Rewind(t *testing.T) {
	t.Parallel()
	for name, rewind := range map[string]func(o *origin, applied string){
		"to an older commit": func(o *origin, _ string) { o.git("reset", "-q", "--hard", "HEAD~2") },
		"to another commit":  func(o *origin, _ string) { o.git("commit", "-q", "--amend", "-m", "amended") },
		"to another line": func(o *origin, _ string) {
			o.git("reset", "-q", "--hard", "HEAD~1")
			o.commit("other", spec(9))
			o.commit("other", spec(8))
		},
		"to another beginning": func(o *origin, _ string) { o.git("checkout", "-q", "--orphan", "new"); o.commit("new", spec(7)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hereAndThere(t, func(t *testing.T, o *origin, c gitwatch.Config) {
				for i := range 3 {
					o.commit("so far", spec(i))
				}
				applied := o.commit("applied", spec(3))
				w := watch(t, c)
				mustFetch(t, w, "", applied)
				rewind(o, applied)
				head := o.push()
				failures.Shown(t, 11, !o.descends(head, applied), "a head that does not descend from the applied commit")
				for range 2 { // held again, and again
					mustRefuse(t, w, applied, head, applied, "rewound", "--allow-rewind")
				}
				restarted := watch(t, c)
				mustRefuse(t, restarted, applied, head, applied, "rewound")

				allowed := c
				allowed.AllowRewind = true
				mustFetch(t, watch(t, allowed), applied, head)

				o.git("checkout", "-q", "--detach", applied)
				mustFetch(t, w, applied, o.commit("again from there", spec(4)))
			})
		})
	}
}

// What descends is not held: many commits at once, a merge that brings the applied commit in from the side, the applied commit itself.
func TestDescent(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, o *origin, c gitwatch.Config) {
		o.in(o.bare, nil, "config", "uploadpack.allowFilter", "true")
		applied := o.commit("first", spec(0))
		w := watch(t, c)
		mustFetch(t, w, "", applied)
		mustFetch(t, w, applied, applied)
		o.history(80)
		many := o.push()
		mustFetch(t, w, applied, many)
		mustFetch(t, watch(t, c), applied, many) // that process remembers nothing

		o.git("checkout", "-q", "--orphan", "side")
		o.commit("another line", spec(5))
		o.git("merge", "-q", "--allow-unrelated-histories", "-s", "ours", "-m", "merge", many)
		merged := o.push()
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
		end  func(o *origin)
		said string
	}{
		"deleted": {func(o *origin) {
			o.in(o.bare, nil, "branch", "-q", "other", "main")
			o.in(o.bare, nil, "update-ref", "-d", "refs/heads/main")
		}, `no branch "main"`},
		"renamed": {func(o *origin) { o.in(o.bare, nil, "branch", "-q", "-m", "main", "trunk") }, `no branch "main"`},
		"a tag of that name": {func(o *origin) {
			o.in(o.bare, nil, "tag", "main")
			o.in(o.bare, nil, "branch", "-q", "-m", "main", "trunk")
		}, `no branch "main"`},
		"the repository is new": {func(o *origin) { o.in(o.bare, nil, "update-ref", "-d", "refs/heads/main") }, "repository is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyWay(t, func(t *testing.T, o *origin, cfg gitwatch.Config) {
				applied := o.commit("first", spec(0))
				w := watch(t, cfg)
				mustFetch(t, w, "", applied)
				c.end(o)
				branches := o.in(o.bare, nil, "for-each-ref", "refs/heads/main")
				failures.Shown(t, 12, branches == "", "a repository without the branch")
				mustRefuse(t, w, applied, c.said)
				mustRefuse(t, watch(t, cfg), "", c.said)
				o.push()
				mustFetch(t, w, applied, applied)
			})
		})
	}
}

// A, B, and A again in three quick commits: only the newest is handed out.
func TestF22ThereAndBack(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, o *origin, c gitwatch.Config) {
		first := o.commit("A", spec(1))
		w := watch(t, c)
		got := mustFetch(t, w, "", first)
		o.commit("B", spec(2))
		last := o.commit("A again", spec(1))
		failures.Shown(t, 22, o.git("rev-parse", first+"^{tree}") == o.git("rev-parse", last+"^{tree}") &&
			o.git("rev-list", "--count", first+".."+last) == "2", "three commits, the last like the first")
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
