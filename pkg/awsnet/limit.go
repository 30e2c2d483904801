package awsnet

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"golang.org/x/time/rate"

	"github.com/peerd/peerd/pkg/netstate"
)

// size is what a token bucket of EC2's holds, and how much flows into it each second.
type size struct{ burst, perSecond float64 }

// The default sizes per account, region and action (EC2 Developer Guide, "Request throttling"). Resource-intensive actions have those of
// other writes.
var (
	reading = size{100, 20}
	writing = size{50, 5}
	tagging = size{100, 10}
)

// sizeOf returns the size of an action's bucket; actions that are not known are writes.
func sizeOf(operation string) size {
	switch {
	case operation == "CreateTags":
		return tagging
	case strings.HasPrefix(operation, "Describe"), strings.HasPrefix(operation, "Get"):
		return reading
	}
	return writing
}

// margin is a token that stays in EC2's bucket, since calls may arrive closer together than they were sent.
const margin = 1

// limits are what one account and region is asked at most: a bucket for each action, as EC2 keeps them, and a brake for all that are alike.
type limits struct {
	share float64

	mu       sync.Mutex // guards what follows
	byAction map[string]*rate.Limiter
	brakes   map[size]*brake
}

func newLimits(share float64) *limits {
	return &limits{share: share, byAction: map[string]*rate.Limiter{}, brakes: map[size]*brake{}}
}

// of returns an action's bucket and brake.
func (l *limits) of(operation string) (*rate.Limiter, *brake) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := sizeOf(operation)
	full, burst := rate.Limit(s.perSecond*l.share), int(math.Max(1, s.burst*l.share-margin))
	if l.byAction[operation] == nil {
		l.byAction[operation] = rate.NewLimiter(full, burst)
	}
	if l.brakes[s] == nil {
		l.brakes[s] = &brake{full: full, limiter: rate.NewLimiter(rate.Inf, burst)}
	}
	return l.byAction[operation], l.brakes[s]
}

// wait waits for a token.
func (l *limits) wait(ctx context.Context, operation string) error {
	bucket, brake := l.of(operation)
	for _, from := range []func(context.Context) error{brake.wait, bucket.Wait} {
		if err := from(ctx); err != nil {
			return &outOfTokens{err}
		}
	}
	return nil
}

// settle learns whether a call was throttled.
func (l *limits) settle(operation string, throttled bool) {
	_, brake := l.of(operation)
	before := brake.limiter.Limit()
	brake.settle(throttled)
	if before != rate.Inf && brake.limiter.Limit() == rate.Inf {
		l.empty(sizeOf(operation))
	}
}

// empty takes what flowed into the buckets of a size while the brake was on, and was not used: sent at once as soon as it lets go, it would be
// throttled again.
func (l *limits) empty(s size) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for operation, bucket := range l.byAction {
		if sizeOf(operation) == s {
			bucket.ReserveN(time.Now(), max(0, int(bucket.Tokens())))
		}
	}
}

// brake slows down actions that are alike once one of them is throttled: the account's other users share EC2's buckets, so the right rate is
// not known beforehand. A throttled call halves what all of them may do together, beginning at what one may, down to a sixteenth, and begins it
// with nothing; every call that was not throttled gives back a twentieth, until each has its own bucket alone again.
type brake struct {
	full    rate.Limit
	limiter *rate.Limiter // without a limit where nothing is throttled
	mu      sync.Mutex    // makes each change of the rate one step
}

// foreseen is how far ahead a token of the brake is taken: the rate may come back before those further away are due, and what is taken keeps
// the time at which it was due by the old one.
const foreseen = 5 * time.Second

// wait waits for a token. A listing, whose time is limited, fails at once if there will be none in it.
func (b *brake) wait(ctx context.Context) error {
	if _, limited := ctx.Deadline(); limited {
		return b.limiter.Wait(ctx)
	}
	for {
		soon, cancel := context.WithTimeout(ctx, foreseen)
		err := b.limiter.Wait(soon)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *brake) settle(throttled bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := min(b.limiter.Limit(), b.full)
	switch {
	case throttled:
		b.limiter.SetLimit(max(now/2, b.full/16))
		b.limiter.ReserveN(time.Now(), max(0, int(b.limiter.Tokens())))
	case now+b.full/20 < b.full:
		b.limiter.SetLimit(now + b.full/20)
	default:
		b.limiter.SetLimit(rate.Inf)
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

// GetAttemptToken waits for a token of the operation's bucket. The returned function learns how the attempt ended.
func (p *pacer) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	operation := awsmiddleware.GetOperationName(ctx)
	if ctx.Value(paidKey{}) == nil {
		if err := p.limits.wait(ctx, operation); err != nil {
			return nil, err
		}
	}
	return func(err error) error {
		p.limits.settle(operation, throttled(codeOf(err)))
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
