package ec2sim_test

import (
	"bytes"
	"fmt"
	"strings"
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
	equal(t, who.one("GetCallerIdentityResult/UserId"), *out.AssumedRoleUser.AssumedRoleId)
	if id := *out.AssumedRoleUser.AssumedRoleId; !strings.HasPrefix(id, "AROA") || !strings.HasSuffix(id, ":peerd-1") {
		t.Errorf("the id of a session is %s", id)
	}
	user, _ := ec2sim.AccessKey(bob)
	equal(t, f.raw(user, "", "sts", east, "GetCallerIdentity").one("GetCallerIdentityResult/UserId"), "AIDA"+bob+"PEER")
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
		"long session name":   {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", strings.Repeat("s", 65), "ExternalId", "acme-7f3"}},
		"short session name":  {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s", "ExternalId", "acme-7f3"}},
		"longest name":        {"", 200, false, []string{"RoleArn", peerdRole, "RoleSessionName", strings.Repeat("s", 64), "ExternalId", "acme-7f3"}},
		"short external id":   {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "a"}},
		"long external id":    {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", strings.Repeat("a", 1225)}},
		"bad external id":     {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme 7f3"}},
		"bad source identity": {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme-7f3", "SourceIdentity", "a b"}},
		"long tag":            {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme-7f3", "Tags.member.1.Key", strings.Repeat("k", 129), "Tags.member.1.Value", ""}},
		"long tag value":      {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme-7f3", "Tags.member.1.Key", "k", "Tags.member.1.Value", strings.Repeat("v", 257)}},
		"tags":                {"", 200, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme-7f3", "Tags.member.1.Key", strings.Repeat("ü", 128), "Tags.member.1.Value", strings.Repeat("ß", 256)}},
		"too many tags":       {"ValidationError", 400, false, append([]string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme-7f3"}, sessionTags(51)...)},
		"many tags":           {"", 200, false, append([]string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme-7f3"}, sessionTags(50)...)},
		"id nobody asks for":  {"", 200, false, []string{"RoleArn", "arn:aws:iam::" + bob + ":role/any", "RoleSessionName", "s1", "ExternalId", "acme-7f3"}},
		"session policy":      {"UnknownParameter", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme-7f3", "Policy", "{}"}},
		"bad session name":    {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "a b"}},
		"too short":           {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "DurationSeconds", "899"}},
		"too long":            {"ValidationError", 400, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "DurationSeconds", "43201"}},
		"chained beyond 1 h":  {"ValidationError", 400, true, []string{"RoleArn", "arn:aws:iam::" + bob + ":role/peerd", "RoleSessionName", "s1", "DurationSeconds", "3601"}},
		"shortest":            {"", 200, false, []string{"RoleArn", peerdRole, "RoleSessionName", "s1", "ExternalId", "acme-7f3", "DurationSeconds", "900"}},
		"chained by default":  {"", 200, true, []string{"RoleArn", "arn:aws:iam::" + bob + ":role/peerd", "RoleSessionName", "s1"}},
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

func sessionTags(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprint("k", i), fmt.Sprintf("Tags.member.%d.Value", i+1), "v")
	}
	return out
}

// IAM User Guide, "AWS JSON policy elements: Principal" and "View the maximum session duration setting for a role": a role is assumed by
// whom it trusts, for no longer than it allows.
func TestTrustAndLongestSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *ec2sim.Config) {
		c.World = bytes.Replace(c.World, []byte("roles: [{name: peerd, externalId: acme-7f3}]"), []byte(`roles:
      - {name: hub, trust: ["222222222222"], maxSession: 2h}
      - {name: root, trust: ["arn:aws:iam::222222222222:root"]}
      - {name: user, trust: ["arn:aws:iam::222222222222:user/peerd"]}
      - {name: chained, trust: ["arn:aws:iam::222222222222:role/net/peerd-hub"]}
      - {name: other, trust: ["333333333333", "arn:aws:iam::222222222222:role/other"]}`), 1)
	})
	user, _ := ec2sim.AccessKey(bob)
	assume := func(key, token, arn string, params ...string) answered {
		return f.raw(key, token, "sts", east, "AssumeRole", append([]string{"RoleArn", arn, "RoleSessionName", "peerd-1"}, params...)...)
	}
	hubRole := assume(user, "", "arn:aws:iam::"+bob+":role/net/peerd-hub").items("AssumeRoleResult/Credentials")[0]
	alicesUser, _ := ec2sim.AccessKey(alice)
	for _, c := range []struct {
		key, token, role, want string
	}{
		{user, "", "hub", ""}, {user, "", "root", ""}, {user, "", "user", ""}, {user, "", "chained", "AccessDenied"}, {user, "", "other", "AccessDenied"},
		{hubRole.one("AccessKeyId"), hubRole.one("SessionToken"), "hub", ""}, {hubRole.one("AccessKeyId"), hubRole.one("SessionToken"), "chained", ""},
		{hubRole.one("AccessKeyId"), hubRole.one("SessionToken"), "user", "AccessDenied"}, {alicesUser, "", "hub", "AccessDenied"},
	} {
		if a := assume(c.key, c.token, "arn:aws:iam::"+alice+":role/"+c.role); a.Code != c.want {
			t.Errorf("%s assumes %s: got %q, want %q", c.key, c.role, a.Code, c.want)
		}
	}
	equal(t, assume(user, "", "arn:aws:iam::"+alice+":role/hub", "DurationSeconds", "7200").Code, "")
	equal(t, assume(user, "", "arn:aws:iam::"+alice+":role/hub", "DurationSeconds", "7201").Code, "ValidationError")
	denied := assume(user, "", "arn:aws:iam::"+alice+":role/other")
	equal(t, denied.one("Error/Message"), "User: arn:aws:iam::"+bob+":user/peerd is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::"+alice+":role/other")
}

// STS API reference, GetSessionToken: its credentials call no other operation of STS than AssumeRole and GetCallerIdentity; nor do they chain.
func TestGetSessionToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	user, _ := ec2sim.AccessKey(bob)
	c := f.raw(user, "", "sts", east, "GetSessionToken").items("GetSessionTokenResult/Credentials")[0]
	equal(t, c.one("Expiration"), "2026-01-02T15:04:05Z") // twelve hours
	key, token := c.one("AccessKeyId"), c.one("SessionToken")
	equal(t, f.raw(key, token, "sts", east, "GetCallerIdentity").one("GetCallerIdentityResult/Arn"), "arn:aws:iam::"+bob+":user/peerd")
	equal(t, f.raw(key, token, "sts", east, "GetSessionToken").Code, "AccessDenied")
	role := []string{"RoleArn", "arn:aws:iam::" + bob + ":role/x", "RoleSessionName", "s1", "DurationSeconds", "43200"}
	equal(t, f.raw(key, token, "sts", east, "AssumeRole", role...).Code, "")
	equal(t, f.raw(user, "", "sts", east, "GetSessionToken", "DurationSeconds", "129600").Code, "")
	equal(t, f.raw(user, "", "sts", east, "GetSessionToken", "DurationSeconds", "129601").Code, "ValidationError")
}

// AWS General Reference, "Signing AWS API requests": temporary credentials are a key with its own token; neither is good alone.
func TestTemporaryKeysNeedTheirToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	user, _ := ec2sim.AccessKey(bob)
	assume := func(session string) node {
		return f.raw(user, "", "sts", east, "AssumeRole", "RoleArn", "arn:aws:iam::"+bob+":role/x", "RoleSessionName", session).items("AssumeRoleResult/Credentials")[0]
	}
	a, b := assume("s1"), assume("s2")
	for _, token := range []string{"", "x", b.one("SessionToken")} {
		ec2, sts := f.raw(a.one("AccessKeyId"), token, "ec2", east, "DescribeVpcs"), f.raw(a.one("AccessKeyId"), token, "sts", east, "GetCallerIdentity")
		equal(t, [2]any{ec2.Code, ec2.Status}, [2]any{"AuthFailure", 401})
		equal(t, [2]any{sts.Code, sts.Status}, [2]any{"InvalidClientTokenId", 403})
	}
	equal(t, f.raw(a.one("AccessKeyId"), a.one("SessionToken"), "ec2", east, "DescribeVpcs").Code, "")
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
		"not a region at sts":    {user, "", "sts", "moon", "SignatureDoesNotMatch", 403},
		"unknown service":        {user, "", "s3", east, "AuthFailure", 401},
	} {
		t.Run(name, func(t *testing.T) {
			action := map[string]string{"ec2": "DescribeVpcs", "sts": "GetCallerIdentity"}[c.service]
			a := f.raw(c.key, c.token, c.service, c.region, action)
			equal(t, [2]any{a.Code, a.Status}, [2]any{c.code, c.status})
		})
	}
	anywhere := newFixture(t, func(c *ec2sim.Config) { c.World = nil }) // every account exists, but not every text is one
	equal(t, anywhere.raw("333333333333", "", "ec2", east, "DescribeVpcs").Code, "")
	equal(t, anywhere.raw("33333333333", "", "ec2", east, "DescribeVpcs").Code, "AuthFailure")
	equal(t, anywhere.raw("AKIAIOSFODNN7EXAMPLE", "", "ec2", east, "DescribeVpcs").Code, "AuthFailure")
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
		resp, err = f.RoundTrip(signed(f.Now().Add(skew), alice, "", "sts", east, "GetCallerIdentity"))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, resp.StatusCode, map[int]int{200: 200, 400: 403}[want])
	}
	for _, c := range f.Calls() {
		if c.HTTPStatus != 200 {
			equal(t, c.Code, map[string]string{"ec2": "RequestExpired", "sts": "SignatureDoesNotMatch"}[c.Service])
		}
	}
}
