package reconcile

import "time"

// The waits between looks grow from the first to the last, and start anew when something was done.
const (
	firstWait = 200 * time.Millisecond
	lastWait  = 5 * time.Second
	leastWait = 100 * time.Millisecond // whatever was done
	soon      = 25 * time.Millisecond  // after the last of what was done, the least wait permitting: others may get on at the same time
	busyWait  = 30 * time.Second       // while as many peerings are worked on as may be
)

// pace says when the states that a pass waits for are looked at again. Its timer fires when a look is due.
type pace struct {
	*time.Timer
	began, looked, next time.Time
	wait                time.Duration // before the look after the next one
}

func newPace() *pace {
	now := time.Now()
	return &pace{time.NewTimer(firstWait), now, now, now.Add(firstWait), firstWait}
}

// apart is the least time between two looks: the longer a pass has worked, the further apart, so that they lengthen it by little and stay few
// beside its writes.
func (p *pace) apart() time.Duration {
	return min(max(leastWait, time.Since(p.began)/16), lastWait)
}

// progressed brings the next look forward, since what was done may show soon.
func (p *pace) progressed() {
	p.wait = max(firstWait, p.apart())
	early := max(soon, time.Until(p.looked.Add(p.apart())))
	if time.Now().Add(early).Before(p.next) {
		p.Reset(early)
	}
}

// due reports whether to look now that the timer fired. A pass that is full has enough to do without.
func (p *pace) due(full bool) bool { return !full || time.Since(p.looked) >= busyWait }

// again sets the timer for the next look.
func (p *pace) again() {
	p.next = time.Now().Add(p.wait)
	p.Reset(p.wait)
	p.wait = min(p.wait*3/2, lastWait)
}
