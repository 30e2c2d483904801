package soak

import (
	"math/rand/v2"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
)

// mischief is something that goes wrong in memory, at some of the calls it may meet.
type mischief struct {
	*rand.Rand
	kind    string
	rate    float64
	account netstate.AccountID // empty: any
	before  bool               // instead of the effect
	answer  netstate.Kind      // what the client is told
	late    time.Duration      // or nothing else, but late
	unread  bool               // meets listings: they are refused
	ago     time.Duration      // meets listings: they show what was
}

// answers are the kinds of failure that a write may be answered with, whether it took effect or not.
var answers = []netstate.Kind{netstate.Retry, netstate.Throttled, netstate.Stale, netstate.Exists, netstate.Ambiguous, netstate.Limit, netstate.Denied, netstate.Invalid, netstate.Gone, netstate.Void}

// refusals are the kinds of failure of a listing.
var refusals = []netstate.Kind{netstate.Retry, netstate.Throttled, netstate.Denied, netstate.Invalid, netstate.Void}

// mischiefs are the names of all there are.
var mischiefs = func() []string {
	out := []string{"late", "stale-list"}
	for _, k := range answers {
		out = append(out, "instead:"+string(k), "after:"+string(k))
	}
	for _, k := range refusals {
		out = append(out, "unread:"+string(k))
	}
	return out
}()

// spoil injects none to three faults for the next pass: writes that fail, before their effect or after it, or come late, and listings that
// are refused or show what was.
func (m *memory) spoil(e *estate) {
	m.spoilt = time.Now()
	for range e.IntN(4) {
		f := &mischief{Rand: rand.New(rand.NewPCG(e.Uint64(), 0)), rate: 0.05 + 0.3*e.Float64()}
		if e.IntN(3) == 0 {
			f.account = netstate.AccountID([]string{network, payments}[e.IntN(2)])
		}
		switch e.IntN(8) {
		case 0:
			f.kind, f.late = "late", time.Duration(1+e.IntN(20))*time.Second
		case 1:
			m.Ago = m.ago
			f.kind, f.ago = "stale-list", time.Duration(5+e.IntN(40))*time.Second
		case 2, 3:
			f.unread, f.answer = true, refusals[e.IntN(len(refusals))]
			f.kind = "unread:" + string(f.answer)
		default:
			f.before, f.answer = e.IntN(2) == 0, answers[e.IntN(len(answers))]
			f.kind = map[bool]string{true: "instead:", false: "after:"}[f.before] + string(f.answer)
		}
		m.faults = append(m.faults, f)
	}
}

func (m *memory) mend() { m.faults, m.Ago = nil, nil }

// hits reports whether a fault meets a call, by lot. Calls come in an order that the seed decides, so the lots are the same every time.
func (f *mischief) hits(s netstate.Scope) bool {
	return (f.account == "" || f.account == s.Account) && f.Float64() < f.rate
}

// strikes returns the fault that meets a write, nil when none does.
func (m *memory) strikes(s netstate.Scope) *mischief {
	for _, f := range m.faults {
		if !f.unread && f.ago == 0 && f.hits(s) {
			return f
		}
	}
	return nil
}

// refuse is asked about every listing of a look.
func (m *memory) refuse(s netstate.Scope, l netstate.Listing) *netstate.Error {
	for _, f := range m.faults {
		if f.unread && f.hits(s) {
			m.log = append(m.log, seen{at: time.Now(), scope: s.String(), action: string(l), answer: string(f.answer), fault: f.kind})
			return &netstate.Error{Op: "list", Scope: s, Kind: f.answer, Code: "Injected"}
		}
	}
	return nil
}

// ago is asked about every listing that is not refused. None shows what was before the faults came: strangers had their turn then, and what
// they changed a moment ago nobody can know.
func (m *memory) ago(s netstate.Scope, l netstate.Listing) time.Duration {
	for _, f := range m.faults {
		if f.ago > 0 && f.hits(s) {
			m.log = append(m.log, seen{at: time.Now(), scope: s.String(), action: string(l), fault: f.kind})
			return min(f.ago, time.Since(m.spoilt))
		}
	}
	return 0
}
