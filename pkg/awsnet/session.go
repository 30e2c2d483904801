package awsnet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/peerd/peerd/pkg/netstate"
)

// session is one account's credentials. One session serves all regions.
type session struct {
	t      *Target
	access netstate.Access
	source aws.Config
	region string // where STS is called
	http   aws.HTTPClient
	keys   *keys

	asking chan struct{} // of capacity one: who holds it asks STS whose credentials these are
	mu     sync.Mutex    // guards what follows
	who    *identity     // nil until it was found to be right; of credentials that may be others by now
	byArea map[netstate.Region]*client
}

// identity is whose credentials they are.
type identity struct {
	key       string // the credentials' own id
	account   netstate.AccountID
	partition string
}

// session returns the session of an access, made once.
func (t *Target) session(ctx context.Context, a netstate.Access) (*session, error) {
	if s := t.known(a); s != nil {
		return s, nil
	}
	made := t.flight.DoChan(fmt.Sprint(a), func() (any, error) {
		if s := t.known(a); s != nil {
			return s, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.cfg.CallTimeout) // others may be waiting for it
		defer cancel()
		return t.open(ctx, a)
	})
	select {
	case r := <-made:
		if r.Err != nil {
			return nil, &noCredentials{r.Err}
		}
		return r.Val.(*session), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (t *Target) known(a netstate.Access) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sessions[a]
}

// open makes a session: no call is made but what finding the source credentials takes.
func (t *Target) open(ctx context.Context, a netstate.Access) (*session, error) {
	source, err := t.cfg.Source(ctx, a)
	if err != nil {
		return nil, err
	}
	if source.Credentials == nil {
		return nil, errors.New("no source credentials")
	}
	s := &session{t: t, access: a, source: source, asking: make(chan struct{}, 1), byArea: map[netstate.Region]*client{}}
	t.mu.Lock()
	near := t.near[a.Account]
	t.mu.Unlock()
	s.region = cmp.Or(string(a.STSRegion), source.Region, string(near))
	s.http = t.cfg.HTTPClient
	if s.http == nil {
		s.http = source.HTTPClient
	}
	if s.http == nil {
		s.http = awshttp.NewBuildableClient()
	}
	s.keys = s.credentials(near)
	t.mu.Lock()
	t.sessions[a] = s
	t.mu.Unlock()
	return s, nil
}

// credentials are the source's, or those of the role that they may assume, kept until a minute before they end.
func (s *session) credentials(near netstate.Region) *keys {
	if s.access.Role == "" {
		if cache, ok := s.source.Credentials.(*aws.CredentialsCache); ok {
			return &keys{cache, cache}
		}
		return &keys{aws.NewCredentialsCache(s.source.Credentials), s.source.Credentials}
	}
	role := stscreds.NewAssumeRoleProvider(s.sts(s.source.Credentials), roleARN(s.access, near), func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName
		o.Duration = s.access.Session
		if s.access.ExternalID != "" {
			o.ExternalID = &s.access.ExternalID
		}
	})
	cache := aws.NewCredentialsCache(role, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = expiryWindow })
	return &keys{cache, s.source.Credentials}
}

// sessionName is that of assumed roles; the trust policies that package iampolicy prints ask for it.
const sessionName = "peerd"

// roleARN returns the role's ARN; one given by name is the account's own, in the partition of its region.
func roleARN(a netstate.Access, near netstate.Region) string {
	if strings.HasPrefix(a.Role, "arn:") {
		return a.Role
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", near.Partition(), a.Account, strings.TrimPrefix(a.Role, "/"))
}

func (s *session) sts(creds aws.CredentialsProvider) *sts.Client {
	return sts.NewFromConfig(s.source, func(o *sts.Options) {
		o.Region = s.region
		o.Credentials = creds
		o.HTTPClient = &wire{s.http, netstate.Scope{Account: s.access.Account, Region: netstate.Region(s.region)}, &s.t.cfg}
		if s.t.cfg.Backoff != nil {
			o.Retryer, o.RetryMaxAttempts = s.t.cfg.standard(), 0
		}
	})
}

// client returns the session's client of a region, made once.
func (s *session) client(scope netstate.Scope) *client {
	limits, region := s.t.scoped(scope)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.byArea[scope.Region]; c != nil {
		return c
	}
	api := func(writes bool, creds aws.CredentialsProvider) ec2API {
		return newEC2API(ec2.NewFromConfig(s.source, func(o *ec2.Options) {
			o.Region = string(scope.Region)
			o.Credentials = creds
			o.HTTPClient = &wire{s.http, scope, &s.t.cfg}
			o.Retryer, o.RetryMaxAttempts = newPacer(limits, writes, &s.t.cfg), 0
		}))
	}
	c := &client{
		scope: scope, cfg: &s.t.cfg, keys: s.keys, limits: limits, read: api(false, s.keys), write: api(true, sure{s}),
		slots: [2]slots{newSlots(s.t.cfg.Reads), region},
	}
	s.byArea[scope.Region] = c
	return c
}
