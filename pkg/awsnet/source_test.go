package awsnet

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// fileBench is a target whose credentials stand in a file, that somebody else writes.
type fileBench struct {
	*bench
	path string
}

func newFileBench(t *testing.T, path string) *fileBench {
	return &fileBench{newBench(t, ec2sim.Config{}, func(c *Config) { c.Source = nil }), path}
}

// inFile runs a test in a bubble, with the SDK's environment saying that credentials stand in a file.
func inFile(t *testing.T, test func(t *testing.T, path string)) {
	path := filepath.Join(t.TempDir(), "credentials")
	for name, value := range map[string]string{
		"AWS_SHARED_CREDENTIALS_FILE": path, "AWS_CONFIG_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
	synctest.Test(t, func(t *testing.T) { test(t, path) })
}

// login writes credentials of an account that last for an hour, as an agent beside peerd does before the old ones end.
func (b *fileBench) login(t *testing.T, account netstate.AccountID) {
	t.Helper()
	id, secret := ec2sim.AccessKey(string(account))
	out, err := sts.New(sts.Options{
		Region: "eu-west-1", HTTPClient: &http.Client{Transport: b.sim}, Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	}).GetSessionToken(t.Context(), &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(3600)})
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n",
		*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken))
}

func (b *fileBench) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(b.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// refused counts the calls that were refused because their credentials had expired.
func (b *bench) refused() (n int) {
	for _, c := range b.sim.Calls() {
		if expiredCodes[c.Code] {
			n++
		}
	}
	return n
}

// Credentials that are renewed in a file are found there once the old ones are refused, by reads and by writes.
func TestF24RenewedInAFile(t *testing.T) {
	for name, c := range map[string]struct {
		account netstate.AccountID
		access  netstate.Access
	}{
		"the account's own":       {alice, netstate.Access{Account: alice}},
		"those that assume roles": {ops, access()[alice]},
	} {
		t.Run(name, func(t *testing.T) {
			inFile(t, func(t *testing.T, path string) {
				b := newFileBench(t, path)
				b.login(t, c.account)
				l := lookAt(hub)
				l.Access = map[netstate.AccountID]netstate.Access{alice: c.access}
				b.see(t, l)
				time.Sleep(2 * time.Hour)
				b.login(t, c.account)
				b.see(t, l)
				id := b.must(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags})
				time.Sleep(2 * time.Hour)
				b.login(t, c.account)
				b.must(t, west, plan.TagConnection{Conn: netstate.ConnID(id), Tags: ourTags})
				failures.Shown(t, 24, b.refused() >= 2, "credentials of a file that have expired")
			})
		})
	}
}

// A key that is replaced by another, and taken away, does not expire: STS does not know it any more.
func TestF24AKeyThatWasTakenAway(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	b.sim.Inject(fault.Rule{Operation: "AssumeRole", Count: 1, Kind: fault.Error, Code: "InvalidClientTokenId", Status: 403, Before: true})
	b.see(t, lookAt(hub))
	diff(t, b.count("AssumeRole"), 2)
	failures.Shown(t, 24, b.sim.Fired()[fault.Error] == 1, "a key that STS does not know")
}

// A file that is being written is empty for a moment. What the SDK would find elsewhere then, such as an instance's role, may be anybody's.
func TestF24AFileThatIsBeingWritten(t *testing.T) {
	inFile(t, func(t *testing.T, path string) {
		b := newFileBench(t, path)
		b.login(t, ops)
		b.see(t, lookAt(hub))
		time.Sleep(2 * time.Hour)
		b.write(t, "")
		err := b.observe(t, lookAt(hub)).Missing(west, netstate.ListConnections)
		wantKind(t, err, netstate.Denied)
		if !strings.Contains(err.Message, errElsewhere.Error()) {
			t.Error(err)
		}
		b.login(t, ops)
		b.see(t, lookAt(hub))
		failures.Shown(t, 24, b.refused() > 0, "credentials of a file that have expired")
	})
}

// Renewed credentials may be another account's: nothing is written with them, though the old ones were found to be the right ones.
func TestF33AnotherAccountsCredentialsInTheFile(t *testing.T) {
	inFile(t, func(t *testing.T, path string) {
		b := newFileBench(t, path)
		b.access = map[netstate.AccountID]netstate.Access{alice: {Account: alice}}
		b.login(t, alice)
		id := b.must(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags})
		time.Sleep(2 * time.Hour)
		b.login(t, bob)
		mustNotWrite(t, b.bench, plan.TagConnection{Conn: netstate.ConnID(id), Tags: ourTags})
		failures.Shown(t, 33, b.refused() > 0, "credentials that expire, and another account's in their place")
	})
}

// mustNotWrite applies an action of alice's with credentials that are bob's by now.
func mustNotWrite(t *testing.T, b *bench, a plan.Action) {
	t.Helper()
	out := b.apply(t, west, a)
	wantKind(t, out[0].Err, netstate.Denied)
	diff(t, out[0].Err.Code, WrongAccount)
	for _, c := range b.sim.Calls() {
		if c.Account == string(bob) && c.Action != "GetCallerIdentity" && c.Action != "GetSessionToken" {
			t.Errorf("%s with the credentials of %s", c.Action, c.Account)
		}
	}
}

// So it is with those that are replaced while a write waits for its turn.
func TestF33ReplacedBeforeTheWriteIsSigned(t *testing.T) {
	t.Parallel()
	var account atomic.Value
	account.Store(string(alice))
	b := newBench(t, ec2sim.Config{}, func(c *Config) {
		c.Source = func(context.Context, netstate.Access) (aws.Config, error) {
			return aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				id, secret := ec2sim.AccessKey(account.Load().(string))
				return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, CanExpire: true, Expires: time.Now()}, nil // asked for with every call
			})}, nil
		}
	})
	b.access = map[netstate.AccountID]netstate.Access{alice: {Account: alice}}
	b.sim.After(func(c ec2sim.Call) {
		if c.Action == "GetCallerIdentity" {
			account.Store(string(bob))
		}
	})
	mustNotWrite(t, b, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags})
	failures.Shown(t, 33, b.count("GetCallerIdentity") == 2, "credentials that are replaced between the question whose they are and the write")
}

// Hundreds of accounts are reached with one profile, and are refused all at once: it is loaded again once.
func TestAProfileIsLoadedAgainOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int64
		load := func(context.Context) (aws.Config, error) {
			return aws.Config{Credentials: credentials.NewStaticCredentialsProvider(fmt.Sprint("key", loads.Add(1)), "secret", "")}, nil
		}
		first, _ := load(t.Context())
		s := newSource(first.Credentials, load, time.Now)
		for round := range 3 {
			time.Sleep(time.Minute)
			var wg sync.WaitGroup
			for range 500 {
				wg.Go(func() {
					s.Invalidate()
					c, err := s.Retrieve(t.Context())
					if want := fmt.Sprint("key", round+2); err != nil || c.AccessKeyID != want {
						t.Errorf("got %s, %v, want %s", c.AccessKeyID, err, want)
					}
				})
			}
			wg.Wait()
			diff(t, loads.Load(), int64(round+2))
		}
	})
}
