package ec2sim

import (
	"strings"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// bucketKey: EC2 throttles per account and region, and per action (EC2 Developer Guide, "Request throttling").
type bucketKey struct {
	world.Scope
	action string
}

// bucket holds tokens as they were at a time; what has flowed in since is worked out when somebody asks.
type bucket struct {
	tokens float64
	at     time.Time
}

// rate is the size of a bucket and what flows into it each second.
type rate struct{ size, refill float64 }

// rateOf is the published table; resource-intensive actions have the numbers of other writes, but buckets of their own. As
// every action has one anyway, the class decides only the numbers.
func rateOf(q *request) rate {
	action := q.call.Action
	switch action {
	case "CreateTags", "DeleteTags":
		return rate{100, 10}
	case "DescribeStaleSecurityGroups", "DescribeSecurityGroupReferences":
		return rate{20, 5}
	case "DescribeSecurityGroups", "DescribeNetworkInterfaces":
		if !q.narrowed() {
			return rate{50, 10}
		}
	}
	if q.call.Mutating {
		return rate{50, 5}
	}
	return rate{100, 20}
}

// narrowed says whether a listing is filtered, paged or by id.
func (q *request) narrowed() bool {
	for key := range q.call.Params {
		if key == "MaxResults" || strings.HasPrefix(key, "Filter.") || strings.HasPrefix(key, "GroupId.") || strings.HasPrefix(key, "NetworkInterfaceId.") {
			return true
		}
	}
	return false
}

// throttled takes one token, or refuses.
func (s *Sim) throttled(q *request) *world.Error {
	if !s.world.Switches.Throttle || q.call.Service != "ec2" {
		return nil
	}
	r, key := rateOf(q), bucketKey{q.at.Scope, q.call.Action}
	if r.size == 50 && !q.call.Mutating {
		key.action += " unfiltered"
	}
	b, used := s.buckets[key]
	if !used {
		b = bucket{r.size, q.call.Time}
	}
	b.tokens = min(r.size, b.tokens+r.refill*q.call.Time.Sub(b.at).Seconds())
	b.at = q.call.Time
	if b.tokens < 1 {
		s.buckets[key] = b
		return &world.Error{Code: "RequestLimitExceeded", Message: "Request limit exceeded."}
	}
	b.tokens--
	s.buckets[key] = b
	return nil
}
