package ec2sim

import (
	"slices"

	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// sparse reports whether to leave out what some emulators do not show, though EC2 always does.
func (q *request) sparse() bool { return q.world.Switches.Sparse }

// connection leaves out the owner and the region of a side that are the caller's own.
func (q *request) connection(c world.ConnectionView) world.ConnectionView {
	for i, s := range c.Sides {
		if q.sparse() && s.Scope == q.at.Scope {
			c.Sides[i].Scope = world.Scope{}
		}
	}
	return c
}

// table leaves out the origin of routes to connections.
func (q *request) table(t world.TableView) world.TableView {
	t.Shown = slices.Clone(t.Shown)
	for i, r := range t.Shown {
		if q.sparse() && r.Target.Kind == world.ToPeering {
			t.Shown[i].Origin = ""
		}
	}
	return t
}
