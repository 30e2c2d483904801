package awsnet

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/peerd/peerd/pkg/netstate"
)

// ambient is the SDK's own chain of credentials and settings: environment, profiles, web identity, containers, instance metadata. It is loaded
// once for each profile: hundreds of accounts are reached with the same credentials, which are fetched once, over the same connections. Only
// the credentials are loaded again, where they are refused.
func ambient(now func() time.Time) func(context.Context, netstate.Access) (aws.Config, error) {
	var mu sync.Mutex // guards loaded
	loaded := map[string]aws.Config{}
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, idleConns })
	return func(ctx context.Context, a netstate.Access) (aws.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		if cfg, ok := loaded[a.Profile]; ok {
			return cfg, nil
		}
		load := func(ctx context.Context) (aws.Config, error) {
			return config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(a.Profile), config.WithHTTPClient(client))
		}
		cfg, err := load(ctx)
		if err == nil {
			cfg.Credentials = newSource(cfg.Credentials, load, now)
			loaded[a.Profile] = cfg
		}
		return cfg, err
	}
}

// idleConns is how many connections to an endpoint are kept for the next calls: EC2 speaks HTTP/1.1, so each call in flight has its own.
const idleConns = 256

// source is the credentials of a profile. Those that stand in a file do not say when they end, and the SDK reads a file only when it loads the
// profile. So once they are refused the profile is loaded again: whoever renews them writes them there.
type source struct {
	load func(context.Context) (aws.Config, error)
	now  func() time.Time

	mu      sync.Mutex // guards what follows
	current aws.CredentialsProvider
	at      time.Time // when it was loaded
	refused bool      // since then
}

func newSource(c aws.CredentialsProvider, load func(context.Context) (aws.Config, error), now func() time.Time) *source {
	return &source{load: load, now: now, current: c, at: now()}
}

// reloadPause is how long a profile is not loaded again: hundreds of accounts are reached with it, and all are refused at once.
const reloadPause = 5 * time.Second

// Invalidate says that the credentials were refused as expired.
func (s *source) Invalidate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = s.refused || s.now().Sub(s.at) >= reloadPause
}

// Retrieve returns the credentials, from the profile as it is by now if they were refused.
func (s *source) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := s.fresh(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	return c.Retrieve(ctx)
}

// errElsewhere is met while a file is being written: the SDK's chain finds none in it, and goes on to whatever comes after it.
var errElsewhere = errors.New("the credentials have expired, and are not where they were found before: if they were moved, restart peerd")

func (s *source) fresh(ctx context.Context) (aws.CredentialsProvider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.refused {
		return s.current, nil
	}
	cfg, err := s.load(ctx)
	switch {
	case err != nil:
		return nil, err
	case !slices.Equal(kindsOf(cfg.Credentials), kindsOf(s.current)):
		return nil, errElsewhere
	}
	s.current, s.at, s.refused = cfg.Credentials, s.now(), false
	return s.current, nil
}

// kindsOf says where the SDK found credentials: in the environment, a file, the instance's metadata and so on.
func kindsOf(c aws.CredentialsProvider) []aws.CredentialSource {
	if p, ok := c.(aws.CredentialProviderSource); ok {
		return p.ProviderSources()
	}
	return nil
}
