package wire_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim/wire"
)

// Lists are flattened, counted from one, and ordered by number; what nobody read is refused.
func TestForm(t *testing.T) {
	t.Parallel()
	v, err := url.ParseQuery("A=1&Filter.2.Name=b&Filter.10.Name=c&Filter.1.Name=a&Filter.1.Value.2=y&Filter.1.Value.1=x&Deep.In.Side=z&Empty=")
	if err != nil {
		t.Fatal(err)
	}
	f := wire.NewForm(v)
	var got []string
	for _, sub := range f.Subs("Filter") {
		got = append(got, sub.Str("Name")+strings.Join(sub.List("Value"), ""))
	}
	if d := cmp.Diff([]string{"axy", "b", "c"}, got); d != "" {
		t.Error(d)
	}
	if _, sent := f.Get("Empty"); !sent {
		t.Error("an empty value was taken for none")
	}
	if _, sent := f.Get("Absent"); sent {
		t.Error("an absent value was taken for an empty one")
	}
	if deep, sent := f.Sub("Deep"); !sent || deep.Str("In.Side") != "z" {
		t.Error("a nested structure was not found")
	}
	if err := f.Check(); err == nil || err.Message != "The parameter A is not recognized" {
		t.Errorf("got %v, want a complaint about A", err)
	}
	if n := f.Int("A"); n == nil || *n != 1 {
		t.Error("a number was not read")
	}
	if err := f.Check(); err != nil {
		t.Errorf("got %v, although all was read", err)
	}
	f.Required("Missing")
	f.Bool("Deep.In.Side")
	if err := f.Check(); err == nil || err.Code != "MissingParameter" {
		t.Errorf("got %v, want the first of two complaints", err)
	}
}

// EC2 Developer Guide, "Query requests": success and error spell the request id differently, STS wraps its result.
func TestBodies(t *testing.T) {
	t.Parallel()
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	members := []wire.Node{
		wire.Text("a", "<&>"), wire.Opt("b", ""), wire.Bool("c", true), wire.Int("d", -1),
		wire.Time("e", time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)), wire.Time("f", time.Time{}),
		wire.Set("g", []string{"x"}, func(s string) []wire.Node { return []wire.Node{wire.Text("h", s)} }), wire.Set[string]("i", nil, nil),
	}
	const written = "<a>&lt;&amp;&gt;</a><c>true</c><d>-1</d><e>2026-01-02T03:04:05.006Z</e><g><item><h>x</h></item></g><i></i>"
	bad := &wire.Error{Code: "C", Message: "m"}
	for _, c := range []struct{ got, want string }{
		{string(wire.EC2("Do", "r", members)), `<DoResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>` + written + `</DoResponse>`},
		{string(wire.STS("Do", "r", members)), `<DoResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><DoResult>` + written +
			`</DoResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DoResponse>`},
		{string(wire.Failure("ec2", bad, "r")), `<Response><Errors><Error><Code>C</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>`},
		{string(wire.Failure("sts", bad, "r")), `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>C</Code>` +
			`<Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>`},
	} {
		if d := cmp.Diff(head+c.want, c.got); d != "" {
			t.Error(d)
		}
	}
}

// EC2 Developer Guide, "Error codes": nearly everything is 400.
func TestStatus(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{
		"RouteAlreadyExists": 400, "AuthFailure": 401, "UnauthorizedOperation": 403, "DryRunOperation": 412,
		"RequestLimitExceeded": 503, "Unavailable": 503, "InternalError": 500, "ExpiredToken": 400,
	} {
		if got := wire.Status("ec2", code); got != want {
			t.Errorf("%s: got %d, want %d", code, got, want)
		}
	}
	for code, want := range map[string]int{"AccessDenied": 403, "ExpiredToken": 403, "InvalidClientTokenId": 403, "ValidationError": 400} {
		if got := wire.Status("sts", code); got != want {
			t.Errorf("sts %s: got %d, want %d", code, got, want)
		}
	}
}

// AWS General Reference, "Signature Version 4": the structure of an Authorization header.
func TestParseSignature(t *testing.T) {
	t.Parallel()
	sig := strings.Repeat("0a", 32)
	good := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + sig
	header := func(auth, date, token string) http.Header {
		h := http.Header{}
		h.Set("Authorization", auth)
		h.Set("X-Amz-Date", date)
		if token != "" {
			h.Set("X-Amz-Security-Token", token)
		}
		return h
	}
	got, err := wire.ParseSignature(header(good, "20260102T030405Z", ""))
	if err != nil {
		t.Fatal(err)
	}
	want := wire.Signature{AccessKey: "AKIDEXAMPLE", Region: "eu-west-1", Service: "ec2", Signed: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for name, c := range map[string]struct {
		header http.Header
		code   string
	}{
		"nothing":        {http.Header{}, "MissingAuthenticationToken"},
		"other scheme":   {header(strings.Replace(good, "AWS4", "AWS3", 1), "20260102T030405Z", ""), "IncompleteSignature"},
		"short scope":    {header(strings.Replace(good, "/ec2/", "/", 1), "20260102T030405Z", ""), "IncompleteSignature"},
		"no signature":   {header(strings.Replace(good, sig, "x", 1), "20260102T030405Z", ""), "IncompleteSignature"},
		"other day":      {header(good, "20260103T030405Z", ""), "IncompleteSignature"},
		"host unsigned":  {header(strings.Replace(good, "host;", "", 1), "20260102T030405Z", ""), "SignatureDoesNotMatch"},
		"token unsigned": {header(good, "20260102T030405Z", "t"), "SignatureDoesNotMatch"},
		"no region":      {header(strings.Replace(good, "eu-west-1", "west", 1), "20260102T030405Z", ""), "SignatureDoesNotMatch"},
	} {
		if _, err := wire.ParseSignature(c.header); err == nil || err.Code != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
}
