package iamtest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/wire"
)

// Asked is one call with what IAM was asked about it.
type Asked struct {
	Role      string // the role's ARN; of AssumeRole the one that is to be assumed
	Action    string
	Principal string // of AssumeRole: who wants to
	Questions []Question
	Keys      map[string][]string // of AssumeRole
	Refused   bool
}

// Allowed reports whether roles with these policies may make the call.
func (a Asked) Allowed(roles map[string]Role) bool {
	role := roles[a.Role]
	if a.Principal != "" {
		return role.Trust.trusts(a.Principal, a.Keys)
	}
	return !slices.ContainsFunc(a.Questions, func(q Question) bool { return !q.Allowed(role.Identity) })
}

// String names the call and its first question that is refused.
func (a Asked) String() string { return fmt.Sprintf("%s as %s %v", a.Action, a.Role, a.Questions) }

// Enforcer is the way to a simulator on which the policies of roles decide: a call that they do not allow is answered as EC2 and STS do, and
// never gets there. Credentials of no role may only assume one, and be asked whose they are.
type Enforcer struct {
	Sim   *ec2sim.Sim
	Roles func() map[string]Role // as they are at this moment, by ARN

	mu       sync.Mutex        // guards what follows
	sessions map[string]string // access key → the role's ARN
	asked    []Asked
}

// Asked lists the calls so far, in order.
func (e *Enforcer) Asked() []Asked {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.asked)
}

// Refused are those that were refused.
func (e *Enforcer) Refused() []Asked {
	return slices.DeleteFunc(e.Asked(), func(a Asked) bool { return !a.Refused })
}

// RoundTrip lets a call through if it is allowed.
func (e *Enforcer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	params, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	sig, bad := wire.ParseSignature(r.Header)
	if bad != nil {
		return nil, bad
	}
	if sig.Service == "sts" && params.Get("Action") != "AssumeRole" {
		return e.Sim.RoundTrip(r)
	}
	a := e.ask(sig, params)
	a.Refused = !a.Allowed(e.Roles())
	e.mu.Lock()
	e.asked = append(e.asked, a)
	e.mu.Unlock()
	switch {
	case a.Refused:
		return refusal(r, sig.Service, a.Action), nil
	case a.Principal != "":
		return e.assume(r, a.Role)
	}
	return e.Sim.RoundTrip(r)
}

func (e *Enforcer) ask(sig wire.Signature, params url.Values) Asked {
	a := Asked{Action: params.Get("Action")}
	if sig.Service == "sts" {
		a.Role, a.Principal = params.Get("RoleArn"), "arn:aws:iam::"+sig.AccessKey[4:16]+":user/peerd"
		a.Keys = map[string][]string{"sts:RoleSessionName": params["RoleSessionName"], "sts:ExternalId": params["ExternalId"]}
		return a
	}
	e.mu.Lock()
	a.Role = e.sessions[sig.AccessKey]
	e.mu.Unlock()
	if a.Role == "" {
		a.Questions = []Question{{Action: "ec2:" + a.Action, Resource: "*"}} // of nobody
		return a
	}
	return Ask(e.Sim, a.Role, sig.Region, params)
}

// Ask returns what IAM would be asked if a role made an EC2 call now; nothing is sent.
func Ask(sim *ec2sim.Sim, role, region string, params url.Values) Asked {
	now, _ := sim.Time()
	return Asked{Role: role, Action: params.Get("Action"), Questions: questions(accountOf(role), region, now, sim.World(), params)}
}

func accountOf(arn string) string { return string(bytes.Split([]byte(arn), []byte(":"))[4]) }

// assume remembers whose the credentials in the answer are.
func (e *Enforcer) assume(r *http.Request, role string) (*http.Response, error) {
	resp, err := e.Sim.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var reply struct {
		Key string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	}
	if err := xml.Unmarshal(body, &reply); err == nil && reply.Key != "" {
		e.mu.Lock()
		if e.sessions == nil {
			e.sessions = map[string]string{}
		}
		e.sessions[reply.Key] = role
		e.mu.Unlock()
	}
	return resp, nil
}

func refusal(r *http.Request, service, action string) *http.Response {
	err := &wire.Error{Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation: " + action}
	if service == "sts" {
		err.Code = "AccessDenied"
	}
	body := wire.Failure(service, err, "00000000-0000-4000-8000-000000000000")
	return &http.Response{StatusCode: wire.Status(service, err.Code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"text/xml;charset=UTF-8"}}, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body))}
}
