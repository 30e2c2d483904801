package ec2sim_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
)

// node is any XML element, so that a test can look at a reply without a model of it.
type node struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
	Kids    []node `xml:",any"`
}

// all is the texts at a path of element names, in order.
func (n node) all(path string) []string {
	name, rest, deeper := strings.Cut(path, "/")
	var out []string
	for _, k := range n.Kids {
		switch {
		case k.XMLName.Local != name:
		case deeper:
			out = append(out, k.all(rest)...)
		default:
			out = append(out, strings.TrimSpace(k.Text))
		}
	}
	return out
}

// one is the first text at a path; empty if there is none.
func (n node) one(path string) string {
	if got := n.all(path); len(got) > 0 {
		return got[0]
	}
	return ""
}

// answered is a reply with its error code, empty for success.
type answered struct {
	node
	Code   string
	Status int
}

// recorded is a call and its reply, as they are judged elsewhere.
type recorded struct {
	Service string            `json:"service"`
	Action  string            `json:"action"`
	Params  map[string]string `json:"params"`
	Status  int               `json:"status"`
	Body    string            `json:"body"`
}

func pairs(params []string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(params); i += 2 {
		out[params[i]] = params[i+1]
	}
	return out
}

// do makes a call with nothing between the test and the wire: name, value, name, value.
func (f *fixture) do(account, region, action string, params ...string) answered {
	f.t.Helper()
	id, _ := ec2sim.AccessKey(account)
	return f.raw(id, "", "ec2", region, action, params...)
}

func (f *fixture) raw(key, token, service, region, action string, params ...string) answered {
	f.t.Helper()
	resp, err := f.RoundTrip(signed(f.Now(), key, token, service, region, action, params...))
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	if f.record != nil {
		f.record(recorded{service, action, pairs(params), resp.StatusCode, string(body)})
	}
	out := answered{Status: resp.StatusCode}
	if err := xml.Unmarshal(body, &out.node); err != nil {
		f.t.Fatalf("%s: %v\n%s", action, err, body)
	}
	out.Code = out.one("Errors/Error/Code") + out.one("Error/Code")
	return out
}

// signed is a request whose signature has the right form and no meaning.
func signed(now time.Time, key, token, service, region, action string, params ...string) *http.Request {
	v := url.Values{"Action": {action}, "Version": {map[string]string{"ec2": "2016-11-15", "sts": "2011-06-15"}[service]}}
	for i := 0; i < len(params); i += 2 {
		v.Set(params[i], params[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, "https://example.invalid/", strings.NewReader(v.Encode()))
	if err != nil {
		panic(err)
	}
	r.Header.Set("X-Amz-Date", now.UTC().Format("20060102T150405Z"))
	headers := "host;x-amz-date"
	if token != "" {
		r.Header.Set("X-Amz-Security-Token", token)
		headers += ";x-amz-security-token"
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/"+now.UTC().Format("20060102")+"/"+region+"/"+service+
		"/aws4_request, SignedHeaders="+headers+", Signature="+strings.Repeat("ab", 32))
	return r
}

// ok makes a call that must succeed.
func (f *fixture) ok(account, region, action string, params ...string) answered {
	f.t.Helper()
	a := f.do(account, region, action, params...)
	if a.Code != "" {
		f.t.Fatalf("%s %v: %s %s", action, params, a.Code, a.one("Errors/Error/Message"))
	}
	return a
}

// no makes a call that must be refused, and gives the message.
func (f *fixture) no(code, account, region, action string, params ...string) string {
	f.t.Helper()
	a := f.do(account, region, action, params...)
	if a.Code != code {
		f.t.Fatalf("%s %v: got code %q (%s), want %q", action, params, a.Code, a.one("Errors/Error/Message"), code)
	}
	return a.one("Errors/Error/Message")
}

// unchanged fails the test if f changes a single fact.
func (f *fixture) unchanged(do func()) {
	f.t.Helper()
	before := f.Dump()
	do()
	equal(f.t, f.Dump(), before)
}
