package ec2sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

var stsActions = map[string]action{
	"AssumeRole":        {decode: assumeRole, noDryRun: true},
	"GetCallerIdentity": {decode: getCallerIdentity, noDryRun: true},
	"GetSessionToken":   {decode: getSessionToken, noDryRun: true},
}

var (
	roleForm     = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):iam::(\d{12}):role/(?:[\w+=,.@/-]*/)?([\w+=,.@-]{1,64})$`)
	sessionForm  = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalForm = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
)

// assumption is what AssumeRole is asked for.
type assumption struct {
	arn, session, external, source string
	duration                       *int
	tags                           []sessionTag
}

// sessionTag is checked and then forgotten: policies, which could ask for one, are not modelled.
type sessionTag struct{ key, value string }

func assumeRole(f wire.Form) effect {
	in := assumption{
		arn: f.Str("RoleArn"), session: f.Str("RoleSessionName"), external: f.Str("ExternalId"), source: f.Str("SourceIdentity"),
		duration: f.Int("DurationSeconds"),
	}
	for _, t := range f.Subs("Tags.member") {
		in.tags = append(in.tags, sessionTag{t.Required("Key"), t.Str("Value")})
	}
	f.List("TransitiveTagKeys.member")
	return func(q *request) ([]wire.Node, *world.Error) { return q.assume(in) }
}

// assume issues a session. A role that does not exist, and a wrong external id, are both AccessDenied (IAM User Guide,
// "Troubleshoot IAM roles").
func (q *request) assume(in assumption) ([]wire.Node, *world.Error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	m := roleForm.FindStringSubmatch(in.arn)
	partition, id, name := m[1], m[2], m[3]
	denied := &world.Error{Code: "AccessDenied", Message: fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s",
		q.caller.arn(world.Partition(q.call.Region)), in.arn)}
	if partition != world.Partition(q.call.Region) || !q.sim.exists(id) {
		return nil, denied
	}
	longest := 12 * time.Hour
	if acct := q.sim.accounts[id]; acct != nil && acct.roles != nil {
		r, ok := acct.roles[name]
		if !ok || !r.trusts(q.caller) || r.externalID != "" && r.externalID != in.external {
			return nil, denied
		}
		longest = r.longest
	}
	lasts := time.Hour
	if in.duration != nil {
		lasts = time.Duration(*in.duration) * time.Second
	}
	if q.caller.role != "" && lasts > time.Hour { // IAM User Guide, "Role chaining"
		return nil, &world.Error{Code: "ValidationError", Message: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"}
	}
	if lasts > longest {
		return nil, &world.Error{Code: "ValidationError", Message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	}
	who := caller{account: id, role: name, session: in.session, principal: strings.TrimPrefix(in.arn, "arn:"+partition+":")}
	return []wire.Node{
		q.issue(who, lasts),
		wire.Group("AssumedRoleUser", wire.Text("AssumedRoleId", who.userID()), wire.Text("Arn", who.arn(partition))),
		wire.Opt("SourceIdentity", in.source),
	}, nil
}

func (in assumption) check() *world.Error {
	complaint := ""
	switch {
	case !roleForm.MatchString(in.arn):
		complaint = in.arn + " is invalid"
	case !sessionForm.MatchString(in.session):
		complaint = "Value '" + in.session + "' at 'roleSessionName' failed to satisfy constraint"
	case in.external != "" && (len(in.external) > 1224 || !externalForm.MatchString(in.external)):
		complaint = "Value at 'externalId' failed to satisfy constraint"
	case in.source != "" && !sessionForm.MatchString(in.source):
		complaint = "Value at 'sourceIdentity' failed to satisfy constraint"
	case len(in.tags) > 50 || slices.ContainsFunc(in.tags, sessionTag.tooLong):
		complaint = "Value at 'tags' failed to satisfy constraint: at most 50 tags with keys of 128 and values of 256 characters"
	case in.duration != nil && (*in.duration < 900 || *in.duration > 43200):
		complaint = "Value '" + strconv.Itoa(*in.duration) + "' at 'durationSeconds' failed to satisfy constraint: between 900 and 43200"
	default:
		return nil
	}
	return &world.Error{Code: "ValidationError", Message: complaint}
}

func (t sessionTag) tooLong() bool {
	return utf8.RuneCountInString(t.key) > 128 || utf8.RuneCountInString(t.value) > 256
}

// issue makes temporary credentials and remembers whose they are.
func (q *request) issue(who caller, lasts time.Duration) wire.Node {
	n := strconv.Itoa(len(q.sim.sessions) + 1)
	sum := sha256.Sum256([]byte("session " + n + " " + who.arn("")))
	text := strings.ToUpper(hex.EncodeToString(sum[:]))
	key, ses := "ASIA"+text[:16], session{caller: who, token: "token-" + n + "-" + text[16:48], expires: q.call.Time.Add(lasts)}
	q.sim.sessions[key] = ses
	return wire.Group("Credentials",
		wire.Text("AccessKeyId", key), wire.Text("SecretAccessKey", "secret-of-"+key), wire.Text("SessionToken", ses.token),
		wire.Text("Expiration", ses.expires.UTC().Format("2006-01-02T15:04:05Z")))
}

func getCallerIdentity(wire.Form) effect {
	return func(q *request) ([]wire.Node, *world.Error) {
		return []wire.Node{
			wire.Text("Arn", q.caller.arn(world.Partition(q.call.Region))),
			wire.Text("UserId", q.caller.userID()),
			wire.Text("Account", q.caller.account),
		}, nil
	}
}

// getSessionToken is for users with their own keys; neither a role's session nor what this call gave can have it (STS API reference,
// GetSessionToken).
func getSessionToken(f wire.Form) effect {
	seconds := f.Int("DurationSeconds")
	f.Str("SerialNumber") // any MFA device and code will do: policies are not modelled
	f.Str("TokenCode")
	return func(q *request) ([]wire.Node, *world.Error) {
		lasts := 12 * time.Hour
		if seconds != nil {
			lasts = time.Duration(*seconds) * time.Second
		}
		if q.caller.role != "" || q.caller.temporary {
			return nil, &world.Error{Code: "AccessDenied", Message: "Cannot call GetSessionToken with session credentials"}
		}
		if lasts < 15*time.Minute || lasts > 36*time.Hour {
			return nil, &world.Error{Code: "ValidationError", Message: "Value at 'durationSeconds' failed to satisfy constraint: between 900 and 129600"}
		}
		return []wire.Node{q.issue(caller{account: q.caller.account, principal: q.caller.principal, temporary: true}, lasts)}, nil
	}
}

func roleID(account, name string) string {
	sum := sha256.Sum256([]byte(account + "/" + name))
	return "AROA" + strings.ToUpper(hex.EncodeToString(sum[:]))[:17]
}
