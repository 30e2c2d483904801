package failures_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/tooltest"
)

const threePeerings = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  payments: {id: "222222222222", role: peerd}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  pay: {account: payments, region: eu-west-1, id: vpc-0000000000000b001}
  data: {account: payments, region: us-east-1, id: vpc-0000000000000b101}
peerings:
  - {name: hub-pay, requester: {vpc: hub, rules: [{group: app, protocol: tcp, ports: [443, 8443]}]}, accepter: {vpc: pay}}
  - {name: hub-tools, requester: {vpc: hub}, accepter: {vpc: tools}}
  - {name: tools-data, requester: {vpc: tools}, accepter: {vpc: data}}
`

// A panic while one peering is worked on is that peering's failure alone; where it happened stands in the log and nowhere else.
func TestF05Panic(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meets  func(url.Values) bool
		after  bool // the call has taken effect
		broken string
	}{
		"while it is requested":               {called("CreateVpcPeeringConnection", "PeerVpcId", pay), false, "hub-pay"},
		"after it was requested":              {called("CreateVpcPeeringConnection", "PeerVpcId", pay), true, "hub-pay"},
		"while it is accepted":                {called("AcceptVpcPeeringConnection", "", ""), false, "hub-pay hub-tools tools-data"},
		"while a rule is added":               {called("AuthorizeSecurityGroupIngress", "", ""), false, "hub-pay"},
		"while a route is added":              {called("CreateRoute", "DestinationCidrBlock", "10.20.0.0/16"), false, "hub-pay"},
		"after a route was added":             {called("CreateRoute", "DestinationCidrBlock", "10.20.0.0/16"), true, "hub-pay"},
		"while one account's tables are read": {called("DescribeRouteTables", "Filter.1.Value.1", "vpc-0000000000000b101"), false, "tools-data"},
		"while the attributes are read":       {called("DescribeVpcAttribute", "VpcId", pay), false, "hub-pay"},
	} {
		inBubble(t, name, func(t *testing.T) {
			text := threePeerings
			if name == "while the attributes are read" {
				text = strings.Replace(text, "{vpc: pay}", "{vpc: pay, dns: true}", 1)
			}
			r := simtest.New(t, ec2sim.Config{}, text)
			faulty := &panics{RoundTripper: r.Sim, meets: c.meets, after: c.after}
			r.Via = faulty
			var log tooltest.Buffer
			r.Log = slog.New(slog.NewTextHandler(&log, nil))
			pass, _ := r.Apply()
			simtest.MustExit(t, "the pass with a panic", pass, reconcile.ExitAttention)
			for _, v := range pass.Verdicts() {
				if broken := strings.Contains(c.broken, string(v.Link)); broken != (v.Verdict != reconcile.InSync) {
					t.Errorf("%s: %v %q", v.Link, v.Verdict, v.Reasons)
				}
			}
			mustSay(t, pass, "panic: a bug in what handles ")
			if text := simtest.Text(pass); strings.Contains(text, "goroutine") || strings.Contains(text, ".go:") {
				t.Errorf("the report shows where it happened:\n%s", text)
			}
			if text := log.String(); !strings.Contains(text, "panics).RoundTrip") || !strings.Contains(text, "panic_test.go") {
				t.Errorf("the log does not show where it happened:\n%s", text)
			}
			failures.Shown(t, 5, faulty.fired.Load() > 0, "a panic")
			r.Via = nil
			applied(t, r)
			if n := len(linesWith(r.Sim.Dump(), " connection ", "status=active", "acme")); n != 5 || asks(r.Sim.Calls()) > 4 {
				t.Errorf("%d views of three connections, %d requests", n, asks(r.Sim.Calls()))
			}
		})
	}
}

// called meets calls of an action with a parameter.
func called(action, name, value string) func(url.Values) bool {
	return func(form url.Values) bool {
		return form.Get("Action") == action && (name == "" || form.Get(name) == value)
	}
}

// panics is a bug in what handles some calls.
type panics struct {
	http.RoundTripper
	meets func(url.Values) bool
	after bool
	fired atomic.Int64
}

func (p *panics) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil || !p.meets(form) {
		return p.RoundTripper.RoundTrip(r)
	}
	p.fired.Add(1)
	if p.after {
		if _, err := p.RoundTripper.RoundTrip(r); err != nil {
			return nil, err
		}
	}
	panic("a bug in what handles " + form.Get("Action"))
}
