package ec2sim

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// request is one call on its way through the Sim.
type request struct {
	sim    *Sim
	call   Call
	header http.Header
	form   wire.Form
	at     world.At
	world  *world.World // the present one, or an earlier one where a fault says so
	caller caller
	id     string
}

// answer lets one call in, serves it, and writes it down.
func (s *Sim) answer(h http.Header, values url.Values) (reply, Call, func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq := len(s.calls) + 1
	q := &request{
		sim: s, header: h, form: wire.NewForm(values), world: s.world, id: fmt.Sprintf("00000000-0000-4000-8000-%012d", seq),
		call: Call{Seq: seq, Time: s.now(), Params: maps.Clone(values), Action: values.Get("Action")},
	}
	r := q.serve()
	for _, id := range s.world.Fresh() {
		s.born[id] = q.call.Time
	}
	if q.call.Applied && q.call.Mutating {
		s.remember()
	}
	q.call.HTTPStatus = r.status
	s.calls = append(s.calls, q.call)
	return r, q.call, s.after
}

// serve is the order in which EC2 looks at a call: who, how often, what, with which parameters, and only then the effect.
func (q *request) serve() reply {
	if err := q.identify(); err != nil {
		return q.refuse(err)
	}
	q.call.Mutating = services[q.call.Service][q.call.Action].mutating
	if r, hit := q.early(); hit {
		return r
	}
	if err := q.sim.throttled(q); err != nil {
		return q.refuse(err)
	}
	members, err := q.perform()
	if err != nil {
		return q.spoil(q.refuse(err))
	}
	return q.spoil(q.success(members))
}

// perform decodes the parameters, all of them, and lets the call take effect.
func (q *request) perform() ([]wire.Node, *world.Error) {
	a, known := services[q.call.Service][q.call.Action]
	if !known {
		return nil, &world.Error{Code: "InvalidAction", Message: fmt.Sprintf("The action %s is not valid for this web service.", q.call.Action)}
	}
	if v := q.form.Str("Version"); v != versions[q.call.Service] {
		return nil, &world.Error{Code: "NoSuchVersion", Message: fmt.Sprintf("The requested version (%s) of service %s does not exist", v, q.call.Service)}
	}
	q.form.Str("Action")
	q.call.DryRun = !a.noDryRun && q.form.True("DryRun")
	effect := a.decode(q.form)
	if err := q.form.Check(); err != nil {
		return nil, (*world.Error)(err)
	}
	if q.call.DryRun {
		return nil, &world.Error{Code: "DryRunOperation", Message: "Request would have succeeded, but DryRun flag is set."}
	}
	members, err := effect(q)
	q.call.Applied = err == nil
	return members, err
}

var versions = map[string]string{"ec2": wire.EC2Version, "sts": wire.STSVersion}

func (q *request) success(members []wire.Node) reply {
	if q.call.Service == "sts" {
		return q.body(http.StatusOK, wire.STS(q.call.Action, q.id, members))
	}
	return q.body(http.StatusOK, wire.EC2(q.call.Action, q.id, members))
}

func (q *request) refuse(err *world.Error) reply {
	q.call.Code = err.Code
	service := q.call.Service
	return q.body(wire.Status(service, err.Code), wire.Failure(service, (*wire.Error)(err), q.id))
}

func (q *request) body(status int, b []byte) reply {
	return reply{status: status, header: http.Header{
		"Content-Type":     {"text/xml;charset=UTF-8"},
		"Date":             {q.call.Time.UTC().Format(http.TimeFormat)},
		"X-Amzn-Requestid": {q.id},
	}, body: b}
}

// faultCall is the call as rules of package fault see it.
func (q *request) faultCall() fault.Call {
	return fault.Call{Service: q.call.Service, Operation: q.call.Action, Account: q.call.Account, Region: q.call.Region, Text: q.call.Params.Encode()}
}

// identify finds out from the signature who calls which service where.
func (q *request) identify() *world.Error {
	sig, err := wire.ParseSignature(q.header)
	q.call.Service, q.call.Region = sig.Service, sig.Region
	if err == nil && services[sig.Service] == nil {
		err = &wire.Error{Code: "SignatureDoesNotMatch", Message: "Credential should be scoped to correct service: 'ec2' or 'sts'."}
	}
	if err != nil {
		if sig.Service != "sts" { // EC2 has one code for all of these
			err = &wire.Error{Code: "AuthFailure", Message: "AWS was not able to validate the provided access credentials: " + err.Message}
		}
		return (*world.Error)(err)
	}
	who, werr := q.sim.who(sig, q.call.Time)
	if werr != nil {
		return werr
	}
	q.caller = who
	q.call.Account = who.account
	q.at = world.At{Scope: world.Scope{Account: who.account, Region: sig.Region}, Now: q.call.Time}
	if skew := q.call.Time.Sub(sig.Signed).Abs(); q.sim.world.Switches.CheckClock && skew > 15*time.Minute {
		if sig.Service == "sts" {
			return &world.Error{Code: "SignatureDoesNotMatch", Message: "Signature expired or not yet valid"}
		}
		return &world.Error{Code: "RequestExpired", Message: "Request has expired."}
	}
	return nil
}

// mentions says whether a call names an id as a parameter. A filter's value is no name: filters never fail.
func (q *request) mentions(wanted func(id string) bool) (string, bool) {
	for key, vs := range q.call.Params {
		if !strings.HasPrefix(key, "Filter.") && wanted(vs[0]) {
			return vs[0], true
		}
	}
	return "", false
}
