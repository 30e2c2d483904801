package awsnet

import (
	"cmp"
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"golang.org/x/sync/singleflight"

	"github.com/peerd/peerd/pkg/netstate"
)

// Config is what a Target is made of; the zero value of every field is useful.
type Config struct {
	HTTPClient  aws.HTTPClient                                                   // nil: the SDK's own
	Source      func(ctx context.Context, a netstate.Access) (aws.Config, error) // source credentials and settings for an account; nil: the SDK's own chain
	Now         func() time.Time                                                 // nil: time.Now
	CallTimeout time.Duration                                                    // of one HTTP attempt with its body; zero: 30 s
	ScopeBudget time.Duration                                                    // of reading one scope in one pass; zero: 45 s
	MaxBody     int64                                                            // bytes per reply; zero: 64 MiB
	Share       float64                                                          // of EC2's default token buckets; zero: 0.5
	PageSize    int32                                                            // items per page; zero: the documented maxima
	Backoff     retry.BackoffDelayer                                             // between the attempts of a call; nil: the SDK's, which grows at random
	Reads       int                                                              // in flight per account and region; zero: 8
	Verify      bool                                                             // ask whose the credentials are before reading, as always before writing
	OnCall      func(Call)                                                       // told of every HTTP attempt, from many goroutines at once; may be nil
}

func (c Config) withDefaults() Config {
	c.CallTimeout = cmp.Or(c.CallTimeout, 30*time.Second)
	c.ScopeBudget = cmp.Or(c.ScopeBudget, 45*time.Second)
	c.MaxBody = cmp.Or(c.MaxBody, 64<<20)
	c.Share = cmp.Or(c.Share, 0.5)
	c.Reads = cmp.Or(c.Reads, readsPerScope)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Source == nil {
		c.Source = ambient(c.Now)
	}
	return c
}

// page returns the page size to ask for, given the documented maximum.
func (c *Config) page(most int32) *int32 {
	if c.PageSize > 0 {
		most = min(most, c.PageSize)
	}
	return &most
}

// Target is AWS as peerd sees it: it can be looked at and acted upon. It may be used by many goroutines at once.
type Target struct {
	cfg    Config
	flight singleflight.Group // sessions being made

	mu       sync.Mutex // guards what follows; but for dns every map only grows, and by scopes and accounts, not by peerings
	sessions map[netstate.Access]*session
	access   map[netstate.AccountID]netstate.Access // of the latest look: the rights with which actions are applied
	near     map[netstate.AccountID]netstate.Region // the first region, by name, of the first look at the account
	limits   map[netstate.Scope]*limits
	regions  map[netstate.Region]slots // reads in flight
	dns      map[dnsKey]time.Time      // attributes that were on, and when that was read; one that has to be read again is taken out
}

// How many reads may be in flight. A call that gets no answer keeps its place until its deadline, while the others' time for reading runs. It is
// endpoints that hang, and each region has its own: so each region has its own places, and one that hangs takes none of the others'.
const (
	readsPerScope  = 8
	readsPerRegion = 64
)

// New returns a target. It makes no call: sessions are opened when they are first needed.
func New(cfg Config) *Target {
	return &Target{
		cfg:      cfg.withDefaults(),
		sessions: map[netstate.Access]*session{}, access: map[netstate.AccountID]netstate.Access{}, near: map[netstate.AccountID]netstate.Region{},
		limits: map[netstate.Scope]*limits{}, regions: map[netstate.Region]slots{}, dns: map[dnsKey]time.Time{},
	}
}

// client is one EC2 endpoint with one account's rights.
type client struct {
	scope  netstate.Scope
	cfg    *Config
	keys   *keys
	limits *limits
	read   ec2API   // repeats what the SDK's standard repeats
	write  ec2API   // repeats only what was refused before anything was done
	slots  [2]slots // of the scope, and of its region
}

// client returns the client of a scope with the rights of an access.
func (t *Target) client(ctx context.Context, scope netstate.Scope, a netstate.Access) (*client, error) {
	s, err := t.session(ctx, a)
	if err != nil {
		return nil, err
	}
	return s.client(scope), nil
}

// scoped returns what all clients of a scope share, whatever their rights, and what all those of its region do.
func (t *Target) scoped(scope netstate.Scope) (*limits, slots) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limits[scope] == nil {
		t.limits[scope] = newLimits(t.cfg.Share)
	}
	if t.regions[scope.Region] == nil {
		t.regions[scope.Region] = newSlots(readsPerRegion)
	}
	return t.limits[scope], t.regions[scope.Region]
}

// look makes one call that changes nothing.
func (c *client) look(ctx context.Context, what string, call func(context.Context) error) *netstate.Error {
	release, err := enter(ctx, c.slots[:])
	if err != nil {
		return c.failure(what, context.Cause(ctx), false)
	}
	defer release()
	if err = c.renewing(ctx, call); err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return c.failure(what, err, false)
}

// renewing makes the call, and once more with fresh credentials if those it had are said to be expired. That is safe for a write too:
// EC2 checks credentials before it acts.
func (c *client) renewing(ctx context.Context, call func(context.Context) error) error {
	err := call(ctx)
	if expiredCodes[codeOf(err)] {
		c.keys.renew()
		err = call(ctx)
	}
	return err
}

// caught is deferred by what reads in a goroutine of its own: a panic there is the failure of that reading, and ends nothing else.
func (c *client) caught(what string, err **netstate.Error) {
	if p := recover(); p != nil {
		*err = netstate.Panicked(what, c.scope, p, debug.Stack())
	}
}

// slots bound how many do something at once.
type slots chan struct{}

func newSlots(n int) slots { return make(slots, n) }

// enter takes one slot of each, in order, or none.
func enter(ctx context.Context, all []slots) (release func(), err error) {
	taken := 0
	release = func() {
		for _, s := range all[:taken] {
			<-s
		}
	}
	for _, s := range all {
		select {
		case s <- struct{}{}:
			taken++
		case <-ctx.Done():
			release()
			return nil, ctx.Err()
		}
	}
	return release, nil
}
