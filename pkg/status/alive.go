package status

import (
	"fmt"
	"time"
)

// patience is how long nothing may be heard of a loop that has something to do. Every call to AWS is a sign of life; what takes longest between
// two of them is a fetch, which ends after two minutes. The rest is for slow machines: a needless restart is worse than a late one.
const patience = 10 * time.Minute

// OnWake is told that the loop has something to do: LoopConfig.OnWake.
func (s *State) OnWake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = time.Now()
}

// Alive says that the loop hangs, and so that only a restart would help; nil as long as it does not. Whether its passes come to anything is
// no matter of this: the metrics say that, and a restart would not mend it.
func (s *State) Alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if silent := time.Since(s.heard); silent > patience {
		return fmt.Errorf("nothing was heard of the reconcile loop for %s", silent.Round(time.Second))
	}
	return nil
}
