package control_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/control"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
)

const account, region = "111111111111", "us-east-1"

// bench is a Sim and its control behind one address, as `peerd sim` serves them, and an EC2 client of one account.
type bench struct {
	t   *testing.T
	url string
	ec2 *ec2.Client
}

func newBench(t *testing.T) *bench {
	t.Helper()
	sim, err := ec2sim.New(ec2sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", sim)
	mux.Handle(control.Prefix, control.New(sim))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	id, secret := ec2sim.AccessKey(account)
	return &bench{t, srv.URL, ec2.New(ec2.Options{
		Region: region, HTTPClient: srv.Client(), Retryer: aws.NopRetryer{}, BaseEndpoint: aws.String(srv.URL),
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	})}
}

// ask sends one request to the control and reads its answer.
func (b *bench) ask(method, path, body string, into any) int {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+control.Prefix+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		b.t.Fatalf("%s %s: %v\n%s", method, path, err, text)
	}
	return resp.StatusCode
}

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}

type answer struct {
	Error  string
	Faults []struct {
		Kind       fault.Kind
		Delay      string
		Met, Fired int
	}
	Fired  map[fault.Kind]int
	Counts []struct {
		Account, Region, Action string
		Calls, Errors, Faults   int
	}
	Calls []struct {
		Seq        int
		Action     string
		Params     map[string]string
		Mutating   bool
		Code       string
		HTTPStatus int
		Fault      string
		Applied    bool
	}
	Facts       []string
	Time, Ahead string
}

// Every kind of fault can be put in over HTTP, meets a call, and stands in the count and in the log.
func TestEveryKindOfFault(t *testing.T) {
	t.Parallel()
	list := func(b *bench) { _, _ = b.ec2.DescribeVpcs(b.t.Context(), nil) }
	pages := func(b *bench) {
		for range 2 {
			_, _ = b.ec2.CreateVpc(b.t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
		}
		vpcs, err := b.ec2.DescribeVpcs(b.t.Context(), nil)
		if err != nil {
			b.t.Fatal(err)
		}
		for range 8 {
			_, _ = b.ec2.CreateRouteTable(b.t.Context(), &ec2.CreateRouteTableInput{VpcId: vpcs.Vpcs[0].VpcId})
		}
		p := ec2.NewDescribeRouteTablesPaginator(b.ec2, &ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(5)})
		for range 2 {
			_, _ = p.NextPage(b.t.Context())
		}
	}
	fresh := func(b *bench) {
		v, err := b.ec2.CreateVpc(b.t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
		if err != nil {
			b.t.Fatal(err)
		}
		_, _ = b.ec2.CreateRouteTable(b.t.Context(), &ec2.CreateRouteTableInput{VpcId: v.Vpc.VpcId})
	}
	calls := map[fault.Kind]struct {
		rest string
		call func(*bench)
	}{
		fault.Error: {`, "code": "Unavailable", "message": "so", "status": 503`, list}, fault.ServerError: {`, "before": true`, list}, fault.Reset: {"", list},
		fault.Hang: {`, "delay": "1ms"`, list}, fault.Late: {`, "delay": "1ms"`, list}, fault.Slow: {`, "delay": "1us"`, list}, fault.HTML: {"", list},
		fault.Empty: {"", list}, fault.OtherAction: {"", list}, fault.Truncated: {"", list}, fault.Huge: {`, "size": 1000`, list},
		fault.RepeatToken: {"", pages}, fault.DropItem: {"", pages}, fault.Stale: {`, "delay": "1h"`, list}, fault.NotFound: {`, "delay": "1h"`, fresh},
	}
	for _, kind := range fault.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c, ok := calls[kind]
			if !ok {
				t.Fatal("nothing shows this kind")
			}
			var a answer
			if status := b.ask("POST", "faults", `{"kind": "`+string(kind)+`", "count": 1`+c.rest+`}`, &a); status != http.StatusOK {
				t.Fatalf("%d %s", status, a.Error)
			}
			c.call(b)
			var after, log answer
			b.ask("GET", "faults", "", &after)
			equal(t, after.Fired, map[fault.Kind]int{kind: 1})
			equal(t, after.Faults[0].Fired, 1)
			b.ask("GET", "calls", "", &log)
			met := ""
			for _, c := range log.Calls {
				met += c.Fault
			}
			equal(t, met, string(kind))
		})
	}
}

// Faults come one by one or as a list, all of it or nothing, and go again; what they did stays counted.
func TestFaultsComeAndGo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var a answer
	b.ask("POST", "faults", `{"kind": "error", "code": "Unavailable", "operation": "DescribeVpcs", "account": "111111111111", "region": "us-east-1", "from": 2, "count": 1}`, &a)
	b.ask("POST", "faults", ` [{"kind": "late", "delay": "1m30s", "region": "eu-west-1"}, {"kind": "reset", "operation": "AssumeRole", "service": "sts", "rate": 0.5, "seed": 7}]`, &a)
	equal(t, len(a.Faults), 3)
	equal(t, a.Faults[1].Delay, "1m30s")
	var errs []bool
	for range 3 {
		_, err := b.ec2.DescribeVpcs(t.Context(), nil)
		errs = append(errs, err != nil)
	}
	equal(t, errs, []bool{false, true, false})
	var gone answer
	b.ask("DELETE", "faults", "", &gone)
	equal(t, len(gone.Faults), 0)
	equal(t, gone.Fired, map[fault.Kind]int{fault.Error: 1})
	for body, want := range map[string]string{
		`{"kind": "resett"}`:                                   `kind "resett" is none of`,
		`{"kind": "reset", "operatoin": "X"}`:                  `unknown field "operatoin"`,
		`{"kind": "reset", "operation": "RunInstances"}`:       `operation "RunInstances" is none that is simulated`,
		`{"kind": "late", "delay": "soon"}`:                    `delay "soon" is no duration`,
		`[{"kind": "reset"}, {"kind": "error"}]`:               "a fault of kind error needs a code",
		`{"kind": "reset"} {"kind": "reset"}`:                  "is not what is expected here",
		`[{"kind": "reset"}] []`:                               "something follows",
		``:                                                     "",
		`{"kind": "reset", "rate": 2}`:                         "rate 2 is not between 0 and 1",
		`{"kind": "error", "code": "Unavailable", "from": -1}`: "are not negative",
	} {
		var bad answer
		if status := b.ask("POST", "faults", body, &bad); (status != http.StatusBadRequest) != (want == "") || !strings.Contains(bad.Error, want) {
			t.Errorf("%s: got %d %q, want %q", body, status, bad.Error, want)
		}
	}
	b.ask("GET", "faults", "", &gone)
	equal(t, len(gone.Faults), 0) // nothing of a refused list is in force
}

// The log has every call with what it said and what became of it; since and action choose among them.
func TestCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, _ = b.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	_, _ = b.ec2.DeleteVpc(t.Context(), &ec2.DeleteVpcInput{VpcId: aws.String("vpc-00000000")})
	_, _ = b.ec2.DescribeVpcs(t.Context(), nil)
	_, _ = b.ec2.DescribeVpcs(t.Context(), nil)
	var all, some, last, none answer
	b.ask("GET", "calls", "", &all)
	equal(t, len(all.Calls), 4)
	first, second := all.Calls[0], all.Calls[1]
	equal(t, first.Params, map[string]string{"CidrBlock": "10.0.0.0/16"})
	equal(t, [4]any{first.Seq, first.Mutating, first.Applied, first.HTTPStatus}, [4]any{1, true, true, 200})
	equal(t, [3]any{second.Code, second.Applied, second.HTTPStatus}, [3]any{"InvalidVpcID.NotFound", false, 400})
	var counts []string
	for _, c := range all.Counts {
		counts = append(counts, c.Account+" "+c.Region+" "+c.Action+strings.Repeat(" call", c.Calls)+strings.Repeat(" error", c.Errors))
	}
	equal(t, counts, []string{"111111111111 us-east-1 CreateVpc call", "111111111111 us-east-1 DeleteVpc call error", "111111111111 us-east-1 DescribeVpcs call call"})
	b.ask("GET", "calls?since=3", "", &last)
	equal(t, [2]int{len(last.Calls), last.Calls[0].Seq}, [2]int{1, 4})
	b.ask("GET", "calls?action=DescribeVpcs&since=1", "", &some)
	equal(t, [2]int{len(some.Calls), len(some.Counts)}, [2]int{2, 1})
	for _, path := range []string{"calls?since=x", "calls?since=-1", "calls?Action=DescribeVpcs"} {
		equal(t, b.ask("GET", path, "", &none), http.StatusBadRequest)
	}
}

// The world is there fact by fact, and its time goes by at once.
func TestDumpAndClock(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var empty, full, clock, bad answer
	b.ask("GET", "dump", "", &empty)
	equal(t, empty.Facts, []string{})
	v, err := b.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	request := &ec2.CreateVpcPeeringConnectionInput{VpcId: v.Vpc.VpcId, PeerVpcId: v.Vpc.VpcId, PeerOwnerId: aws.String("222222222222")}
	if _, err := b.ec2.CreateVpcPeeringConnection(t.Context(), request); err != nil { // fails a moment later: there is no such peer
		t.Fatal(err)
	}
	status := func() string {
		b.ask("GET", "dump", "", &full)
		for _, f := range full.Facts {
			if _, rest, ok := strings.Cut(f, " status="); ok {
				return strings.Fields(rest)[0]
			}
		}
		return ""
	}
	equal(t, status(), "failed")
	var some answer
	b.ask("GET", "dump?containing=%20connection%20", "", &some)
	equal(t, len(some.Facts), 2) // one a side
	equal(t, b.ask("GET", "dump?contains=x", "", &bad), http.StatusBadRequest)
	b.ask("POST", "clock", `{"advance": "1h59m"}`, &clock)
	equal(t, status(), "failed")
	b.ask("POST", "clock", `{"advance": "1m"}`, &clock)
	equal(t, clock.Ahead, "2h0m0s")
	equal(t, status(), "")
	b.ask("GET", "clock", "", &clock)
	equal(t, clock.Ahead, "2h0m0s")
	for _, body := range []string{`{"advance": "-1h"}`, `{"advance": 5}`, `{"back": "1h"}`, `{}`, ``} {
		equal(t, b.ask("POST", "clock", body, &bad), http.StatusBadRequest)
	}
}

// What is not there is said, with what is.
func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, request := range [][2]string{{"GET", ""}, {"GET", "fault"}, {"DELETE", "calls"}, {"PUT", "faults"}} {
		var a answer
		equal(t, b.ask(request[0], request[1], "", &a), http.StatusNotFound)
		equal(t, a.Error, "what there is: DELETE faults, GET calls, GET clock, GET dump, GET faults, POST clock, POST faults")
	}
}
