package ec2sim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// describe makes one read in process, and gives back status, body and error.
func (f *fixture) describe(c context.Context) (int, string, error) {
	resp, err := f.RoundTrip(signed(f.Now(), alice, "", "ec2", east, "DescribeVpcs").WithContext(c))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// Each kind of fault that spoils a reply, seen by the client, counted, and in the log.
func TestSpoiltReplies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule   fault.Rule
		status int
		check  func(body string, err error) bool
	}{
		"error":        {fault.Rule{Kind: fault.Error, Code: "RequestLimitExceeded"}, 503, contains("<Code>RequestLimitExceeded</Code><Message>Injected fault.</Message>")},
		"own message":  {fault.Rule{Kind: fault.Error, Code: "X", Message: "as you like"}, 400, contains("<Code>X</Code><Message>as you like</Message>")},
		"own status":   {fault.Rule{Kind: fault.Error, Code: "X", Status: 418}, 418, contains("<Code>X</Code>")},
		"server error": {fault.Rule{Kind: fault.ServerError}, 500, contains("<Code>InternalError</Code>")},
		"html":         {fault.Rule{Kind: fault.HTML}, 200, contains("<html>")},
		"empty":        {fault.Rule{Kind: fault.Empty}, 200, func(body string, err error) bool { return body == "" && err == nil }},
		"other action": {fault.Rule{Kind: fault.OtherAction}, 200, contains("<DescribeKeyPairsResponse")},
		"truncated": {fault.Rule{Kind: fault.Truncated}, 200, func(body string, err error) bool {
			return strings.Contains(body, "<DescribeVpcsResponse") && !strings.Contains(body, "</DescribeVpcsResponse>")
		}},
		"huge":  {fault.Rule{Kind: fault.Huge, Size: 1 << 20}, 200, func(body string, err error) bool { return len(body) > 1<<20 }},
		"reset": {fault.Rule{Kind: fault.Reset}, 0, func(_ string, err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.Inject(c.rule)
			status, body, err := f.describe(ctx())
			if status != c.status || !c.check(body, err) {
				t.Fatalf("got %d %.200q %v", status, body, err)
			}
			equal(t, f.Fired(), map[fault.Kind]int{c.rule.Kind: 1})
			equal(t, f.Calls()[0].Fault, string(c.rule.Kind))
			f.ClearFaults()
			status, _, _ = f.describe(ctx())
			equal(t, status, 200)
			equal(t, f.Fired(), map[fault.Kind]int{c.rule.Kind: 1})
		})
	}
}

func contains(part string) func(string, error) bool {
	return func(body string, err error) bool { return err == nil && strings.Contains(body, part) }
}

// Waiting faults end with the client's patience, in fake time.
func TestHangingReplies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule     fault.Rule
		patience time.Duration
		took     time.Duration
		err      error
	}{
		"hang until the client leaves": {fault.Rule{Kind: fault.Hang}, 30 * time.Second, 30 * time.Second, context.DeadlineExceeded},
		"hang ends by itself":          {fault.Rule{Kind: fault.Hang, Delay: time.Minute}, time.Hour, time.Minute, syscall.ECONNRESET},
		"late":                         {fault.Rule{Kind: fault.Late, Delay: 20 * time.Second}, time.Hour, 20 * time.Second, nil},
		"a byte a minute":              {fault.Rule{Kind: fault.Slow}, time.Hour, time.Hour, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				f.Inject(c.rule)
				patient, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				start := time.Now()
				_, _, err := f.describe(patient)
				if !errors.Is(err, c.err) || time.Since(start) != c.took {
					t.Fatalf("got %v after %v, want %v after %v", err, time.Since(start), c.err, c.took)
				}
			})
		})
	}
}

// A fault before the effect leaves the world alone; after it, only the client does not know.
func TestBeforeAndAfterTheEffect(t *testing.T) {
	t.Parallel()
	for before, made := range map[bool]int{true: 0, false: 1} {
		f := newFixture(t)
		f.Inject(fault.Rule{Operation: "CreateVpcPeeringConnection", Kind: fault.Reset, Before: before, Count: 1})
		_, err := f.in(alice, east).CreateVpcPeeringConnection(ctx(), &ec2.CreateVpcPeeringConnectionInput{
			VpcId: aws.String(hub), PeerVpcId: aws.String(spoke), PeerOwnerId: aws.String(bob),
		})
		if err == nil {
			t.Fatal("a reset connection is no error")
		}
		equal(t, len(f.facts("view=requester")), made)
		last := f.Calls()[0]
		equal(t, [3]any{last.Applied, last.HTTPStatus, last.Mutating}, [3]any{!before, 0, true})
	}
}

// Every kind of fault leaves the world alone before the effect, and alone the client in the dark after it; what is late or slow is the right
// reply, and so comes after.
func TestEffectUnderEveryKind(t *testing.T) {
	t.Parallel()
	for _, kind := range fault.Kinds {
		switch kind {
		case fault.RepeatToken, fault.DropItem, fault.Stale, fault.NotFound: // of reads, or of ids
			continue
		}
		for _, before := range []bool{true, false} {
			f := newFixture(t)
			f.Inject(fault.Rule{Kind: kind, Before: before, Code: "Unavailable", Delay: time.Microsecond, Size: 1000})
			resp, err := f.RoundTrip(signed(f.Now(), alice, "", "ec2", east, "CreateTags", "ResourceId.1", hub, "Tag.1.Key", "k", "Tag.1.Value", "fresh"))
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
			}
			right := kind == fault.Late || kind == fault.Slow
			call := f.Calls()[0]
			equal(t, [3]any{kind, len(f.facts("fresh")) == 1, call.Applied}, [3]any{kind, !before || right, !before || right})
			equal(t, call.Fault, string(kind))
			if right && call.HTTPStatus != http.StatusOK {
				t.Errorf("%s: status %d", kind, call.HTTPStatus)
			}
		}
	}
}

// A rate meets its part of the calls, the same for the same seed.
func TestFaultsByRate(t *testing.T) {
	t.Parallel()
	met := func(seed uint64) (out []int) {
		f := newFixture(t)
		f.Inject(fault.Rule{Operation: "DescribeVpcs", Kind: fault.Error, Code: "Unavailable", Rate: 0.2, Seed: seed})
		for n := range 200 {
			if f.do(alice, east, "DescribeVpcs").Code != "" {
				out = append(out, n)
			}
			f.ok(alice, east, "DescribeSubnets")
		}
		equal(t, f.Faults(), []fault.State{{Rule: fault.Rule{Operation: "DescribeVpcs", Kind: fault.Error, Code: "Unavailable", Rate: 0.2, Seed: seed}, Met: 200, Fired: len(out)}})
		return out
	}
	first := met(1)
	equal(t, met(1), first)
	if n := len(first); n < 20 || n > 60 || slices.Equal(met(2), first) {
		t.Errorf("%d of 200 calls were met, want about 40, and others for another seed", n)
	}
}

// Rules choose calls by name, place and number.
func TestWhichCallsFail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(fault.Rule{Operation: "DescribeVpcs", Account: bob, Region: east, From: 2, Count: 2, Kind: fault.Error, Code: "Unavailable"})
	var got []string
	for range 4 {
		f.ok(alice, east, "DescribeVpcs")
		f.ok(bob, west, "DescribeVpcs")
		f.ok(bob, east, "DescribeSubnets")
		got = append(got, f.do(bob, east, "DescribeVpcs").Code)
	}
	equal(t, got, []string{"", "Unavailable", "Unavailable", ""})
}

// A token that repeats, and an item that is on no page.
func TestSpoiltPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 14 {
		f.ok(alice, east, "CreateRouteTable", "VpcId", near)
	}
	page := func(token string) (int, string) {
		params := []string{"MaxResults", "5"}
		if token != "" {
			params = append(params, "NextToken", token)
		}
		a := f.ok(alice, east, "DescribeRouteTables", params...)
		return len(a.all("routeTableSet/item/routeTableId")), a.one("nextToken")
	}
	f.Inject(fault.Rule{Kind: fault.RepeatToken})
	_, first := page("")
	_, second := page(first)
	equal(t, second, first)
	f.ClearFaults()
	_, second = page(first)
	_, last := page(second)
	f.Inject(fault.Rule{Kind: fault.RepeatToken})
	_, again := page(last) // also where the listing would have ended
	equal(t, again, last)
	f.ClearFaults()
	f.Inject(fault.Rule{Kind: fault.DropItem, Count: 1})
	total, token := page("")
	for token != "" {
		n, next := page(token)
		total, token = total+n, next
	}
	equal(t, total, 16)
	equal(t, f.Fired(), map[fault.Kind]int{fault.RepeatToken: 2, fault.DropItem: 1})
}

// Faults of pages meet only the pages that they are about: neither the last one, nor an empty one, nor one that another fault has met.
func TestPagesThatAreNotSpoilt(t *testing.T) {
	t.Parallel()
	f := newFixture(t, with(world.Switches{Pages: "short"}))
	list := func(params ...string) answered { return f.ok(alice, east, "DescribeRouteTables", params...) }
	f.Inject(fault.Rule{Kind: fault.DropItem})
	equal(t, len(list().items("routeTableSet/item")), 3) // all on one page
	empty := list("MaxResults", "6")
	equal(t, len(empty.items("routeTableSet/item")), 0)
	equal(t, f.Fired(), map[fault.Kind]int{})
	f.ClearFaults()
	f.Inject(fault.Rule{Kind: fault.Stale, Delay: time.Hour})
	f.Inject(fault.Rule{Kind: fault.RepeatToken})
	a := list("MaxResults", "6", "NextToken", empty.one("nextToken"))
	equal(t, a.one("nextToken"), "")
	equal(t, f.Fired(), map[fault.Kind]int{fault.Stale: 1})
	f.ClearFaults()
	f.Inject(fault.Rule{Kind: fault.Late, Delay: time.Microsecond})
	equal(t, list("MaxResults", "6", "NextToken", empty.one("nextToken")).one("nextToken"), "")
}

// EC2 Developer Guide, "Eventual consistency": old lists, and ids that are not known yet.
func TestEventualConsistency(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(fault.Rule{Operation: "DescribeVpcPeeringConnections", Kind: fault.Stale, Delay: 10 * time.Second})
	f.Inject(fault.Rule{Operation: "AcceptVpcPeeringConnection", Kind: fault.NotFound, Delay: 5 * time.Second})
	id := f.request(spoke, bob, east)
	equal(t, f.status(alice, east, id), "")
	wantCode(t, f.accept(bob, east, id), "InvalidVpcPeeringConnectionID.NotFound")
	f.Inject(fault.Rule{Operation: "DescribeTags", Kind: fault.NotFound, Delay: time.Hour})
	f.ok(alice, east, "DescribeTags", "Filter.1.Name", "resource-id", "Filter.1.Value.1", id) // filters never fail
	f.advance(5 * time.Second)
	wantCode(t, f.accept(bob, east, id), "")
	equal(t, f.status(alice, east, id), "")
	f.advance(5 * time.Second)
	equal(t, f.status(alice, east, id), "pending-acceptance")
	f.advance(5 * time.Second)
	equal(t, f.status(alice, east, id), "active")
	f.Inject(fault.Rule{Operation: "DeleteRouteTable", Kind: fault.NotFound, Delay: time.Hour})
	fresh := f.ok(alice, east, "CreateRouteTable", "VpcId", hub).one("routeTable/routeTableId")
	f.no("InvalidRouteTableID.NotFound", alice, east, "DeleteRouteTable", "RouteTableId", fresh)
	f.no("DependencyViolation", alice, east, "DeleteRouteTable", "RouteTableId", hubMain) // which is not new
	equal(t, f.Fired(), map[fault.Kind]int{fault.NotFound: 2, fault.Stale: 4})
}

// A stale read is one of EC2's reads: it goes back no further than to when the fault was put in, and no write ever goes into the past.
func TestStaleReads(t *testing.T) {
	t.Parallel()
	f := newFixture(t, delayed(world.Delays{Initiating: time.Second}))
	id := f.request(spoke, bob, east)
	f.advance(10 * time.Second)
	f.Inject(fault.Rule{Kind: fault.Stale, Delay: time.Hour})
	f.Inject(fault.Rule{Kind: fault.HTML}) // one fault per call: only what is not stale is met
	f.advance(10 * time.Second)
	equal(t, f.status(alice, east, id), "pending-acceptance")
	resp, err := f.RoundTrip(signed(f.Now(), alice, "", "ec2", east, "CreateTags", "ResourceId.1", hub, "Tag.1.Key", "k", "Tag.1.Value", "fresh"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, resp.Header.Get("Content-Type"), "text/html")
	equal(t, len(f.facts("fresh")), 1)
	equal(t, f.ok(alice, east, "DescribeTags", "Filter.1.Name", "value", "Filter.1.Value.1", "fresh").items("tagSet/item"), nil)
	resp, err = f.RoundTrip(signed(f.Now(), alice, "", "sts", east, "GetCallerIdentity"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, resp.Header.Get("Content-Type"), "text/html")
	equal(t, f.Fired(), map[fault.Kind]int{fault.Stale: 2, fault.HTML: 2})
}

// An endless body is of a gigabyte where nothing else is said.
func TestHugeReply(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(fault.Rule{Kind: fault.Huge})
	resp, err := f.RoundTrip(signed(f.Now(), alice, "", "ec2", east, "DescribeVpcs"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || n < 1<<30 || n > 1<<30+10000 {
		t.Fatalf("got %d bytes and %v", n, err)
	}
}

// Over a real connection a reset is a reset, and a slow reply trickles.
func TestFaultsOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	srv := httptest.NewServer(f.Sim)
	defer srv.Close()
	get := func() (string, error) {
		r := signed(f.Now(), alice, "", "ec2", east, "DescribeVpcs")
		r.URL.Host, r.URL.Scheme = strings.TrimPrefix(srv.URL, "http://"), "http"
		resp, err := srv.Client().Do(r)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	f.Inject(fault.Rule{Kind: fault.Reset, Count: 1})
	if _, err := get(); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("got %v, want a reset", err)
	}
	f.Inject(fault.Rule{Kind: fault.Slow, Delay: time.Microsecond, Count: 1})
	if body, err := get(); err != nil || !strings.HasSuffix(body, "</DescribeVpcsResponse>") {
		t.Fatalf("got %.100q %v, want the whole reply", body, err)
	}
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	equal(t, resp.StatusCode, http.StatusBadRequest)
}

// Latency is added to every call, and ends with the client's patience.
func TestLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *ec2sim.Config) { c.Latency = 3 * time.Second })
		start := time.Now()
		if _, _, err := f.describe(t.Context()); err != nil || time.Since(start) != 3*time.Second {
			t.Fatalf("got %v after %v, want an answer after 3s", err, time.Since(start))
		}
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := f.describe(hasty); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want the deadline", err)
		}
		equal(t, len(f.Calls()), 1) // the second never arrived
	})
}
