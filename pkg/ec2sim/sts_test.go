package ec2sim_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

const peerdRole = "arn:aws:iam::" + alice + ":role/peerd"

// STS API reference, AssumeRole and GetCallerIdentity: the session belongs to the role's account, until it expires.
func TestAssumeRole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	out := must(f.sts(bob, west).AssumeRole(ctx(), &sts.AssumeRoleInput{
		RoleArn: aws.String(peerdRole), RoleSessionName: aws.String("peerd-1"), ExternalId: aws.String("acme-7f3"), DurationSeconds: aws.Int32(900),
	}))(t)
	equal(t, *out.AssumedRoleUser.Arn, "arn:aws:sts::"+alice+":assumed-role/peerd/peerd-1")
	equal(t, *out.Credentials.Expiration, f.Now().Add(15*time.Minute))
	o := options(f.Sim, bob, east)
	c := out.Credentials
	o.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	session := ec2.New(o)
	equal(t, len(must(session.DescribeVpcs(ctx(), nil))(t).Vpcs), 2)
	who := f.raw(*c.AccessKeyId, *c.SessionToken, "sts", east, "GetCallerIdentity")
	equal(t, who.one("GetCallerIdentityResult/Account"), alice)
	f.advance(15*time.Minute - time.Second)
	must(session.DescribeVpcs(ctx(), nil))(t)
	f.advance(time.Second)
	_, err := session.DescribeVpcs(ctx(), nil)
	wantCode(t, err, "RequestExpired")
	expired := f.raw(*c.AccessKeyId, *c.SessionToken, "sts", east, "GetCallerIdentity")
	equal(t, [2]any{expired.Code, expired.Status}, [2]any{"ExpiredToken", 403})
}

// IAM User Guide, "Troubleshoot IAM roles" and "Role chaining"; STS API reference, AssumeRole.
func TestAssumeRoleRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	user, _ := ec2sim.AccessKey(bob)
	role := f.raw(user, "", "sts", east, "AssumeRole", "RoleArn", "arn:aws:iam::"+bob+":role/any/path/x", "RoleSessionName", "s1").
		items("AssumeRoleResult/Credentials")[0]
	for name, c := range map[string]struct {
		code    string
		status  int
		chained bool
		params  []string
	}{
		"unknown role":        {"AccessDenied", 403, false, []string{"RoleArn", "arn:aws:iam::" + alice + ":role/other", "RoleSessionName", "s1", "ExternalId", "acme-7f3"}},
		"wrong external id":   {"AccessDenied", 403, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "wrong"}},
		"no external id":      {"AccessDenied", 403, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1"}},
		"unknown account":     {"AccessDenied", 403, false, []string{"RoleArn", "arn:aws:iam::999999999999:role/peerd", "RoleSessionName", "s1"}},
		"other partition":     {"AccessDenied", 403, false, []string{"RoleArn", "arn:aws-cn:iam::" + bob + ":role/peerd", "RoleSessionName", "s1"}},
		"no arn":              {"ValidationError", 400, false, []string{"RoleArn", "peerd", "RoleSessionName", "s1"}},
		"bad session name":    {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "a b"}},
		"too short":           {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "DurationSeconds", "899"}},
		"too long":            {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "DurationSeconds", "43201"}},
		"chained beyond 1 h":  {"ValidationError", 400, true, []string{"RoleArn", "arn:aws:iam::" + bob + ":role/peerd", "RoleSessionName", "s1", "DurationSeconds", "3601"}},
		"chained 1 h":         {"", 200, true, []string{"RoleArn", "arn:aws:iam::" + bob + ":role/peerd", "RoleSessionName", "s1", "DurationSeconds", "3600"}},
		"unchained beyond it": {"", 200, false, []string{"RoleArn", "arn:aws:iam::" + bob + ":role/peerd", "RoleSessionName", "s1", "DurationSeconds", "43200"}},
	} {
		t.Run(name, func(t *testing.T) {
			key, token := user, ""
			if c.chained {
				key, token = role.one("AccessKeyId"), role.one("SessionToken")
			}
			a := f.raw(key, token, "sts", east, "AssumeRole", c.params...)
			equal(t, [2]any{a.Code, a.Status}, [2]any{c.code, c.status})
		})
	}
	denied := f.raw(role.one("AccessKeyId"), role.one("SessionToken"), "sts", east, "GetSessionToken")
	equal(t, denied.Code, "AccessDenied")
	equal(t, f.raw(user, "", "sts", east, "GetSessionToken", "DurationSeconds", "899").Code, "ValidationError")
	mine := f.raw(user, "", "sts", east, "GetSessionToken", "DurationSeconds", "900").items("GetSessionTokenResult/Credentials")[0]
	equal(t, f.raw(mine.one("AccessKeyId"), mine.one("SessionToken"), "ec2", west, "DescribeVpcs").all("vpcSet/item/vpcId"), []string{far})
}

// EC2 Developer Guide, "Error codes": who calls is known by key and token, where and what by the scope.
func TestSignature(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	user, _ := ec2sim.AccessKey(alice)
	for name, c := range map[string]struct {
		key, token, service, region string
		code                        string
		status                      int
	}{
		"account number as key":  {alice, "", "ec2", east, "", 200},
		"unknown account":        {"AKIA999999999999PEER", "", "ec2", east, "AuthFailure", 401},
		"unknown account at sts": {"AKIA999999999999PEER", "", "sts", east, "InvalidClientTokenId", 403},
		"unknown session":        {"ASIA0000000000000000", "x", "ec2", east, "AuthFailure", 401},
		"user key with a token":  {user, "x", "ec2", east, "AuthFailure", 401},
		"not a region":           {user, "", "ec2", "moon", "AuthFailure", 401},
		"unknown service":        {user, "", "s3", east, "AuthFailure", 401},
	} {
		t.Run(name, func(t *testing.T) {
			action := map[string]string{"ec2": "DescribeVpcs", "sts": "GetCallerIdentity"}[c.service]
			a := f.raw(c.key, c.token, c.service, c.region, action)
			equal(t, [2]any{a.Code, a.Status}, [2]any{c.code, c.status})
		})
	}
}

// EC2 Developer Guide, "Error codes", RequestExpired: a signature is good for fifteen minutes.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	f := newFixture(t, with(world.Switches{CheckClock: true}))
	for skew, want := range map[time.Duration]int{0: 200, 14 * time.Minute: 200, -14 * time.Minute: 200, 16 * time.Minute: 400, -time.Hour: 400} {
		resp, err := f.RoundTrip(signed(f.Now().Add(skew), alice, "", "ec2", east, "DescribeVpcs"))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, resp.StatusCode, want)
	}
}
