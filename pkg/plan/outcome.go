package plan

import "github.com/peerd/peerd/pkg/netstate"

// Outcome is what became of one action.
type Outcome struct {
	Action Action
	Err    *netstate.Error // nil: it worked
	Got    string          // the id that AWS answered with, where it makes one
}
