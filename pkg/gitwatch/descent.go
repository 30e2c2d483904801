package gitwatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// depths is how far down the history is looked at, a step at a time: the parent, mostly, is enough.
var depths = [...]int{1, 64, 4096}

// checkDescent holds a head that does not descend from what was applied last: somebody rewound the branch, by force or by mistake, and
// what was taken back with it would be taken back in AWS too.
func (w *Watcher) checkDescent(ctx context.Context, r repository, head plumbing.Hash, applied string) error {
	if applied == "" || w.cfg.AllowRewind {
		return nil
	}
	if !plumbing.IsHash(applied) {
		return fmt.Errorf("%q, which was applied last, is not the hash of a commit", applied)
	}
	for _, depth := range depths {
		if err := r.deepen(ctx, head, depth); err != nil {
			return err
		}
		found, whole, err := r.objects().descends(ctx, head, plumbing.NewHash(applied), w.cfg.Limits.Objects)
		switch {
		case err != nil:
			return err
		case found:
			return nil
		case whole:
			return fmt.Errorf("the branch was rewound: its head %s does not descend from %s, which was applied last; "+
				"nothing is applied from it unless --allow-rewind is set", head, applied)
		}
	}
	return fmt.Errorf("the branch was rewound, or has a shortened history: none of the last %d commits of its head %s is %s, which was "+
		"applied last; nothing is applied from it unless --allow-rewind is set", depths[len(depths)-1], head, applied)
}

// descends looks for a commit among the ancestors of another. whole says that all of them were seen: what is not found is none.
func (o objects) descends(ctx context.Context, head, ancestor plumbing.Hash, limit int) (found, whole bool, err error) {
	seen := map[plumbing.Hash]bool{head: true}
	whole = true
	for queue := []plumbing.Hash{head}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == ancestor {
			return true, whole, nil
		}
		if err := ctx.Err(); err != nil {
			return false, false, err
		}
		c, err := o.commit(queue[0])
		switch {
		case errors.Is(err, errMissing):
			whole = false
		case err != nil:
			return false, false, err
		}
		for _, p := range c.parents {
			if !seen[p] {
				seen[p] = true
				queue = append(queue, p)
			}
		}
		if len(seen) > limit {
			return false, false, fmt.Errorf("more than %d commits would have to be looked at", limit)
		}
	}
	return false, whole, nil
}
