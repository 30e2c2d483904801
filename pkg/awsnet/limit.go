package awsnet

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"golang.org/x/time/rate"

	"github.com/peerd/peerd/pkg/netstate"
)

// class is a group of calls that EC2 throttles alike (EC2 Developer Guide, "Request throttling").
type class int

const (
	reading class = iota
	mutating
	intensive
	tagging
	classes
)

// bucketSizes are EC2's default token buckets per account and region: how many at once, and how many more a second. EC2 keeps one bucket
// per action; ours is one per class, so peerd stays below its share of each.
var bucketSizes = [classes]struct{ burst, perSecond float64 }{
	reading: {100, 20}, mutating: {50, 5}, intensive: {50, 5}, tagging: {100, 10},
}

// classOf says which class a call belongs to; one that is not here is mutating.
var classOf = map[string]class{
	"DescribeVpcPeeringConnections": reading, "DescribeVpcs": reading, "DescribeVpcAttribute": reading, "DescribeSubnets": reading,
	"DescribeRouteTables": reading, "DescribeSecurityGroups": reading, "DescribeSecurityGroupRules": reading,
	"DescribeNetworkAcls": reading, "DescribeNetworkInterfaces": reading, "DescribeManagedPrefixLists": reading, "GetManagedPrefixListEntries": reading,

	"CreateVpcPeeringConnection": intensive, "AcceptVpcPeeringConnection": intensive, "DeleteVpcPeeringConnection": intensive,
	"AuthorizeSecurityGroupIngress": intensive, "RevokeSecurityGroupIngress": intensive,

	"CreateTags": tagging,
}

// limits are the buckets of one account and region.
type limits [classes]*bucket

func newLimits(share float64) *limits {
	var l limits
	for c, size := range bucketSizes {
		full := rate.Limit(size.perSecond * share)
		l[c] = &bucket{full: full, limiter: rate.NewLimiter(full, int(math.Max(1, size.burst*share)))}
	}
	return &l
}

func (l *limits) of(operation string) *bucket {
	if c, ok := classOf[operation]; ok {
		return l[c]
	}
	return l[mutating]
}

// bucket is a token bucket that slows down by itself: a throttled call halves its rate and empties it, down to a sixteenth; every call
// that was not throttled gives back a twentieth of the full rate. The account's other users share EC2's bucket, so the right rate is
// not known beforehand.
type bucket struct {
	limiter *rate.Limiter
	full    rate.Limit
	mu      sync.Mutex // makes each change of the rate one step
}

func (b *bucket) wait(ctx context.Context) error {
	if err := b.limiter.Wait(ctx); err != nil {
		return &outOfTokens{err}
	}
	return nil
}

func (b *bucket) settle(slow bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.limiter.Limit()
	switch {
	case slow:
		b.limiter.SetLimit(max(now/2, b.full/16))
		b.limiter.ReserveN(time.Now(), max(0, int(b.limiter.Tokens())))
	case now < b.full:
		b.limiter.SetLimit(min(now+b.full/20, b.full))
	}
}

// outOfTokens says that the call was not sent, for the sake of the account's other users.
type outOfTokens struct{ err error }

func (e *outOfTokens) Error() string {
	return "not sent: our share of the account's request rate is used up"
}
func (e *outOfTokens) Unwrap() error { return e.err }

// pacer is the retryer of a client: the SDK asks it for a token before every attempt, and for how long to wait after one. It says which
// failures may be repeated: for reads what the SDK's standard says, for writes only what was refused before anything was done.
type pacer struct {
	*retry.Standard
	limits *limits
	writes bool
}

func newPacer(l *limits, writes bool, cfg *Config) *pacer {
	return &pacer{cfg.standard(), l, writes}
}

// standard is the SDK's retryer, with the backoff that is configured.
func (c *Config) standard() *retry.Standard {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		if c.Backoff != nil {
			o.Backoff = c.Backoff
		}
	})
}

type paidKey struct{}

// paid marks a context whose token has been taken already, so that the next attempt goes out at once.
func paid(ctx context.Context) context.Context { return context.WithValue(ctx, paidKey{}, true) }

// GetAttemptToken waits for a token of the operation's class. The returned function learns how the attempt ended.
func (p *pacer) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	b := p.limits.of(awsmiddleware.GetOperationName(ctx))
	if ctx.Value(paidKey{}) == nil {
		if err := b.wait(ctx); err != nil {
			return nil, err
		}
	}
	return func(err error) error {
		b.settle(throttled(codeOf(err)))
		return nil
	}, nil
}

// IsErrorRetryable reports whether the same call may be sent again.
func (p *pacer) IsErrorRetryable(err error) bool {
	if !p.writes {
		return p.Standard.IsErrorRetryable(err)
	}
	return throttled(codeOf(err)) || skewed(err)
}

// skewed reports whether the SDK found the clock wrong: it signs the next attempt with the service's time. The signature was refused,
// so nothing was done.
func skewed(err error) bool {
	var r interface{ RetryableError() bool }
	kind := errorKinds[codeOf(err)]
	return errors.As(err, &r) && r.RetryableError() && kind == netstate.Denied
}

// codeOf returns the code that the service answered with, empty when it did not answer.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

var _ aws.RetryerV2 = (*pacer)(nil)
