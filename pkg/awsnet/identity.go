package awsnet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/peerd/peerd/pkg/netstate"
)

// WrongAccount is the code of the refusal to write with credentials that are not the account's; it is ours, not AWS's.
const WrongAccount = "WrongAccount"

// expiryWindow is how long before their end credentials are renewed.
const expiryWindow = time.Minute

// verify makes sure, once for the credentials that the session has by now, that they belong to the scope's account and partition.
// GetCallerIdentity needs no permission (AWS Security Token Service API Reference).
func (s *session) verify(ctx context.Context, c *client) *netstate.Error {
	const what = "check whose credentials these are"
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		return c.failure(what, context.Cause(ctx), false)
	}
	var who *identity
	err := c.renewing(ctx, func(ctx context.Context) error {
		creds, err := s.keys.Retrieve(ctx)
		if who = s.verified(creds); err == nil && who == nil {
			who, err = s.ask(ctx, creds)
		}
		return err
	})
	if err != nil {
		return c.failure(what, err, false)
	}
	if complaint := who.not(c.scope); complaint != "" {
		return &netstate.Error{Op: what, Scope: c.scope, Kind: netstate.Denied, Code: WrongAccount, Message: complaint}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.who = who
	return nil
}

// verify does so for a scope that is to be read.
func (t *Target) verify(ctx context.Context, c *client, a netstate.Access) *netstate.Error {
	s, err := t.session(ctx, a)
	if err != nil {
		return c.failure("open a session", err, false)
	}
	return s.verify(ctx, c)
}

// verified returns whose these credentials were found to be, nil if nobody asked. Those of a role are its account's however often they are
// renewed; others may be anybody's once they were.
func (s *session) verified(c aws.Credentials) *identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.who != nil && s.access.Role == "" && s.who.key != c.AccessKeyID {
		return nil
	}
	return s.who
}

// ask asks STS whose these very credentials are.
func (s *session) ask(ctx context.Context, c aws.Credentials) (*identity, error) {
	out, err := s.sts(credentials.StaticCredentialsProvider{Value: c}).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, err
	}
	a, err := arn.Parse(aws.ToString(out.Arn))
	if err != nil {
		return nil, &notReply{fmt.Sprintf("not an ARN: %.80q", aws.ToString(out.Arn))}
	}
	return &identity{c.AccessKeyID, netstate.AccountID(aws.ToString(out.Account)), a.Partition}, nil
}

// not says how the identity is not the scope's, empty when it is.
func (i *identity) not(s netstate.Scope) string {
	switch {
	case i.account != s.Account:
		return fmt.Sprintf("the credentials belong to account %s, not to %s", i.account, s.Account)
	case i.partition != s.Region.Partition():
		return fmt.Sprintf("the credentials belong to partition %s, but %s is in %s", i.partition, s.Region, s.Region.Partition())
	}
	return ""
}

// keys are the credentials of a session; what goes wrong in getting them is told from what goes wrong in using them.
type keys struct {
	cache  *aws.CredentialsCache
	source aws.CredentialsProvider // those that the role is assumed with, or these themselves
}

// Retrieve returns the credentials, renewed where they are about to end.
func (k *keys) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := k.cache.Retrieve(ctx)
	if err != nil {
		return c, &noCredentials{err}
	}
	return c, nil
}

// renew forgets the credentials, so that the next call gets fresh ones. A refusal does not say whether they or their source have expired.
func (k *keys) renew() {
	if source, ok := k.source.(interface{ Invalidate() }); ok {
		source.Invalidate()
	}
	k.cache.Invalidate()
}

// sure are the credentials that sign a session's writes: only such as were found to be the account's. They are looked at when a write is
// signed, since it may have waited long for its turn, and they may have been renewed meanwhile.
type sure struct{ *session }

// Retrieve returns the credentials.
func (s sure) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := s.keys.Retrieve(ctx)
	if err == nil && s.verified(c) == nil {
		return aws.Credentials{}, errUnsure
	}
	return c, err
}

// errUnsure says that a write was not sent.
var errUnsure = errors.New("not sent: the credentials were replaced, and nobody knows whose the new ones are")

// noCredentials says that nothing was sent because there were no credentials to sign it with.
type noCredentials struct{ err error }

func (e *noCredentials) Error() string { return "no credentials: " + e.err.Error() }
func (e *noCredentials) Unwrap() error { return e.err }

// RetryableError keeps the SDK from asking for them again with every attempt of the call that needs them: STS was asked often enough.
func (e *noCredentials) RetryableError() bool { return false }
