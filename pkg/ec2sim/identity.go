package ec2sim

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// account is what a world file says of one; no roles means any.
type account struct{ roles map[string]role }

// role may be assumed by whom it trusts, if they know its external id.
type role struct {
	externalID string
	trust      []string // accounts, or ARNs of their users and roles; none: everybody
	longest    time.Duration
}

// trusts says whether the trust policy names a caller, or the caller's whole account (IAM User Guide, "AWS JSON policy elements:
// Principal").
func (r role) trusts(c caller) bool {
	return len(r.trust) == 0 || slices.ContainsFunc(r.trust, func(p string) bool {
		return p == c.account || strings.HasSuffix(p, ":iam::"+c.account+":root") || strings.HasSuffix(p, ":"+c.principal)
	})
}

// caller is who signed a request.
type caller struct {
	account   string
	role      string // empty: the account's own user
	session   string
	principal string // the user or role as a trust policy names it, from iam:: on
	temporary bool   // with credentials of GetSessionToken
}

// session is a set of temporary credentials that this Sim has issued.
type session struct {
	caller
	token   string
	expires time.Time
}

var (
	accountForm = regexp.MustCompile(`^\d{12}$`)
	userKeyForm = regexp.MustCompile(`^AKIA(\d{12})[0-9A-Z]{4}$`)
)

// who finds the owner of an access key, and refuses as the called service would.
func (s *Sim) who(sig wire.Signature, now time.Time) (caller, *world.Error) {
	if ses, ok := s.sessions[sig.AccessKey]; ok {
		switch {
		case sig.Token != ses.token:
			return caller{}, badKey(sig.Service)
		case !now.Before(ses.expires) && sig.Service == "sts":
			return caller{}, &world.Error{Code: "ExpiredToken", Message: "The security token included in the request is expired"}
		case !now.Before(ses.expires):
			return caller{}, &world.Error{Code: "RequestExpired", Message: "Request has expired."}
		}
		return ses.caller, nil
	}
	id := sig.AccessKey
	if m := userKeyForm.FindStringSubmatch(id); m != nil {
		id = m[1]
	}
	if !accountForm.MatchString(id) || sig.Token != "" || !s.exists(id) {
		return caller{}, badKey(sig.Service)
	}
	return caller{account: id, principal: "iam::" + id + ":user/peerd"}, nil
}

func (s *Sim) exists(id string) bool { return s.accounts == nil || s.accounts[id] != nil }

func badKey(service string) *world.Error {
	if service == "sts" {
		return &world.Error{Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid."}
	}
	return &world.Error{Code: "AuthFailure", Message: "AWS was not able to validate the provided access credentials"}
}

// arn is how STS names the caller.
func (c caller) arn(partition string) string {
	if c.role == "" {
		return "arn:" + partition + ":iam::" + c.account + ":user/peerd"
	}
	return "arn:" + partition + ":sts::" + c.account + ":assumed-role/" + c.role + "/" + c.session
}

// userID is the opaque id of the caller.
func (c caller) userID() string {
	if c.role == "" {
		return "AIDA" + c.account + "PEER"
	}
	return roleID(c.account, c.role) + ":" + c.session
}
