package ec2sim

import (
	"net/http"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// early lets the faults fire that come before the effect: they replace it, or change which world the call sees.
func (q *request) early() (reply, bool) {
	rule, hit := q.sim.faults.Fire(q.faultCall(), func(r fault.Rule) bool {
		switch r.Kind {
		case fault.Stale:
			return !services[q.call.Service][q.call.Action].mutating && q.call.Service == "ec2"
		case fault.NotFound:
			_, fresh := q.mentions(q.sim.younger(r.Delay, q.call.Time))
			return fresh
		case fault.RepeatToken, fault.DropItem:
			return false
		}
		return r.Instead()
	})
	if !hit {
		return reply{}, false
	}
	q.call.Fault = string(rule.Kind)
	switch rule.Kind {
	case fault.Stale:
		q.world, q.at.Now = q.sim.asOf(q.call.Time.Add(-rule.Delay))
		return reply{}, false
	case fault.NotFound:
		id, _ := q.mentions(q.sim.younger(rule.Delay, q.call.Time))
		return q.refuse(q.sim.world.Gone(id)), true
	}
	return q.apply(rule, q.success(nil)), true
}

// spoil lets the faults fire that come after the effect: the client gets something else than the reply.
func (q *request) spoil(r reply) reply {
	if q.call.Fault != "" {
		return r // one fault per call
	}
	rule, hit := q.sim.faults.Fire(q.faultCall(), func(f fault.Rule) bool {
		switch f.Kind {
		case fault.Stale, fault.NotFound, fault.RepeatToken, fault.DropItem:
			return false
		}
		return !f.Instead()
	})
	if !hit {
		return r
	}
	q.call.Fault = string(rule.Kind)
	return q.apply(rule, r)
}

// apply turns a good reply into what the rule says.
func (q *request) apply(rule fault.Rule, good reply) reply {
	switch rule.Kind {
	case fault.Error:
		message := rule.Message
		if message == "" {
			message = "Injected fault."
		}
		r := q.refuse(&world.Error{Code: rule.Code, Message: message})
		if rule.Status != 0 {
			r.status = rule.Status
		}
		return r
	case fault.ServerError:
		r := q.refuse(&world.Error{Code: "InternalError", Message: "An internal error has occurred"})
		r.status = http.StatusInternalServerError
		return r
	case fault.Reset:
		return reply{cut: true}
	case fault.Hang:
		return reply{hang: true, wait: orElse(rule.Delay, 10*time.Minute)}
	case fault.Late:
		good.wait = rule.Delay
	case fault.Slow:
		good.pace = orElse(rule.Delay, time.Minute)
	case fault.HTML:
		return q.html()
	case fault.Empty:
		good.status, good.body = http.StatusOK, nil
	case fault.OtherAction:
		good.status, good.body = http.StatusOK, wire.EC2("DescribeKeyPairs", q.id, []wire.Node{wire.Group("keySet")})
	case fault.Truncated:
		good.status, good.body = http.StatusOK, good.body[:len(good.body)/2]
	case fault.Huge:
		good.status, good.huge = http.StatusOK, rule.Size
		if good.huge == 0 {
			good.huge = 1 << 30
		}
		good.body = good.body[:len(good.body)/2] // the padding goes on where an element could
	}
	return good
}

func (q *request) html() reply {
	r := q.body(http.StatusOK, []byte("<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>"))
	r.header.Set("Content-Type", "text/html")
	return r
}

func orElse(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// moment is the world as it was.
type moment struct {
	time  time.Time
	world *world.World
}

// remember keeps the present world while a stale read may ask for it.
func (s *Sim) remember() {
	if s.faults.Has(fault.Stale) {
		s.past = append(s.past, moment{s.now(), s.world.Clone()})
	}
}

// asOf is the world at an earlier time, and that time; the oldest one kept where it goes back further.
func (s *Sim) asOf(t time.Time) (*world.World, time.Time) {
	found := s.past[0]
	for _, m := range s.past[1:] {
		if m.time.After(t) {
			break
		}
		found = m
	}
	if t.Before(found.time) {
		t = found.time
	}
	return found.world, t
}

// younger says of an id whether a call made it less than d ago.
func (s *Sim) younger(d time.Duration, now time.Time) func(id string) bool {
	return func(id string) bool {
		born, ok := s.born[id]
		return ok && now.Sub(born) < d
	}
}
