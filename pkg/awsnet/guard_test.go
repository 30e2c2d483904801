package awsnet

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

func TestCheckReply(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`<DescribeVpcsResponse xmlns="x"><vpcSet/></DescribeVpcsResponse>`:                                  "",
		"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- a --><DescribeVpcsResponse></DescribeVpcsResponse>\r\n ": "",
		``:                     "empty body",
		`   `:                  "empty body",
		`<?xml`:                "empty body",
		`not XML`:              "no XML",
		`{"Vpcs": []}`:         "no XML",
		`<`:                    "no XML",
		`<!DOCTYPE html>`:      `root element "!DOCTYPE"`,
		`<html><body/></html>`: `root element "html"`,
		`<DescribeSubnetsResponse></DescribeSubnetsResponse>`:                         `root element "DescribeSubnetsResponse"`,
		`<Response><Errors/></Response>`:                                              `root element "Response"`,
		`<DescribeVpcsResponse>`:                                                      "does not end",
		`<DescribeVpcsResponse/>`:                                                     "does not end",
		`<DescribeVpcsResponse><vpcSet><item>`:                                        "does not end",
		`<DescribeVpcsResponse></DescribeVpcsResponse`:                                "does not end",
		`<DescribeVpcsResponse></DescribeVpcsResponse><a></DescribeVpcsResponse>`:     "does not end",
		`<DescribeVpcsResponse><!-- a --><a><![CDATA[1]]></a></DescribeVpcsResponse>`: "",
		`<DescribeVpcsResponse/><vpcSet/></DescribeVpcsResponse>`:                     "does not end",
		`<DescribeVpcsResponse a=">"/></DescribeVpcsResponse>`:                        "does not end",
		`<DescribeVpcsResponse a="/>"></DescribeVpcsResponse>`:                        "",
		`<DescribeVpcsResponse><!A <vpcSet/>></DescribeVpcsResponse>`:                 "a markup declaration",
		`<DescribeVpcsResponseX></DescribeVpcsResponseX>`:                             `root element "DescribeVpcsResponseX"`,
		`<` + strings.Repeat("a", 1000) + `>`:                                         "root element",
	} {
		err := checkReply("DescribeVpcs", []byte(body))
		switch {
		case want == "" && err != nil:
			t.Errorf("%.80q: %v", body, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%.80q: got %v, want %q", body, err, want)
		}
	}
}

func BenchmarkCheckReply(b *testing.B) {
	item := "<item><vpcId>vpc-0000000000000a001</vpcId><cidrBlock>10.0.0.0/16</cidrBlock><tagSet><item><key>Name</key><value>hub</value></item></tagSet></item>"
	body := []byte(`<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><vpcSet>` + strings.Repeat(item, 1000) + `</vpcSet></DescribeVpcsResponse>`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := checkReply("DescribeVpcs", body); err != nil {
			b.Fatal(err)
		}
	}
}

// None of these is evidence that nothing exists.
func TestF28VoidReplies(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.HTML, fault.Empty, fault.OtherAction, fault.Truncated} {
		for way, over := range map[string]func(*bench) func(*Config){"in process": nil, "over TCP": func(b *bench) func(*Config) { return overHTTP(t, b.sim) }} {
			t.Run(string(kind)+" "+way, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, ec2sim.Config{})
				if over != nil {
					cfg := b.cfg
					over(b)(&cfg)
					b.Target = New(cfg)
				}
				b.sim.Inject(fault.Rule{Service: "ec2", Kind: kind})
				o := b.observe(t, lookAt(hub))
				for _, l := range []netstate.Listing{netstate.ListConnections, netstate.ListVPCs, netstate.ListTables, netstate.ListSubnets, netstate.ListRules} {
					wantKind(t, o.Missing(west, l), netstate.Void)
				}
				failures.Shown(t, 28, b.sim.Fired()[kind] == 5, "five replies that are none, and nobody asked twice")
			})
		}
	}
}

// A listing is whole or void.
func TestF27FaultsBetweenPages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule fault.Rule
		kind netstate.Kind
	}{
		"error on the second page": {fault.Rule{Operation: "DescribeVpcs", From: 2, Kind: fault.Error, Code: "UnauthorizedOperation", Before: true}, netstate.Denied},
		"repeated token":           {fault.Rule{Operation: "DescribeVpcs", Kind: fault.RepeatToken}, netstate.Void},
		"token that is not known":  {fault.Rule{Operation: "DescribeVpcs", From: 2, Kind: fault.Error, Code: "InvalidNextToken", Before: true}, netstate.Void},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, ec2sim.Config{World: manyVPCs(12)}, func(c *Config) { c.PageSize = 5 })
			b.sim.Inject(c.rule)
			l := lookAt()
			l.Scopes[west] = netstate.ScopeLook{VPCs: []netstate.VPCSelector{{Tags: netstate.Tags{"all": "yes"}}}}
			o := b.observe(t, l)
			wantKind(t, o.Missing(west, netstate.ListVPCs), c.kind)
			diff(t, len(o.VPCs), 0)
			failures.Shown(t, 27, b.sim.Fired()[c.rule.Kind] == 1, name)
		})
	}
}

// A listing without an end is given up, even if every page has something new to say and names a new next one.
func TestF27PagesAreCapped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			asked++
			fmt.Fprintf(w, "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-%d</vpcId></item></vpcSet><nextToken>%[1]d</nextToken></DescribeVpcsResponse>", asked)
		})
		found, err := c.describeVPCs(t.Context())
		wantKind(t, err, netstate.Void)
		diff(t, err.Message, "more than 1000 pages")
		diff(t, len(found), 0)
		failures.Shown(t, 27, asked == 1000, "pages without end")
	})
}

func manyVPCs(n int) []byte {
	var s strings.Builder
	s.WriteString("quotas: {vpcs: 5000}\naccounts:\n  - id: '999999999999'\n  - id: '111111111111'\n    regions:\n      eu-west-1:\n        vpcs:\n")
	for i := range n {
		fmt.Fprintf(&s, "          - {id: vpc-%017x, cidrs: [10.%d.%d.0/28], tags: {all: 'yes'}}\n", i+1, i/256, i%256)
	}
	return []byte(s.String())
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, ignore := range map[string]bool{"five a page": false, "all at once": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, ec2sim.Config{World: manyVPCs(12)}, func(c *Config) { c.PageSize = 5 })
			want := 3
			if ignore {
				b = newBench(t, ec2sim.Config{World: append([]byte("switches: {ignorePageSize: true, ignoreFilters: true}\n"), manyVPCs(12)...)}, func(c *Config) { c.PageSize = 5 })
				want = 1
			}
			l := lookAt()
			l.Scopes[west] = netstate.ScopeLook{VPCs: []netstate.VPCSelector{{Tags: netstate.Tags{"all": "yes"}}}, Tables: true}
			o := b.see(t, l)
			diff(t, len(o.VPCs), 12)
			diff(t, len(o.Tables), 12)
			diff(t, b.count("DescribeVpcs"), want)
			diff(t, b.count("DescribeRouteTables"), want)
		})
	}
}

// More ids than a filter takes are asked for in parts.
func TestFilterValuesAreChunked(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{World: manyVPCs(250)})
	l := lookAt()
	var w netstate.ScopeLook
	for i := range 250 {
		w.VPCs = append(w.VPCs, netstate.VPCSelector{ID: netstate.VPCID(fmt.Sprintf("vpc-%017x", i+1))})
	}
	l.Scopes[west] = w
	diff(t, len(b.see(t, l).VPCs), 250)
	diff(t, b.count("DescribeVpcs"), 2)
}

// A reply of 1 GiB is read up to the limit and no further, whether or not it says beforehand how long it is.
func TestF29HugeReply(t *testing.T) {
	t.Parallel()
	for name, announced := range map[string]bool{"announced": true, "not announced": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const limit = 1 << 20
			m := &meter{announced: announced}
			b := newBench(t, ec2sim.Config{}, func(c *Config) {
				m.RoundTripper, c.HTTPClient, c.MaxBody = c.HTTPClient.(*http.Client).Transport, &http.Client{Transport: m}, limit
			})
			b.sim.Inject(fault.Rule{Operation: "DescribeVpcs", Kind: fault.Huge})
			o := b.observe(t, lookAt(hub))
			wantKind(t, o.Missing(west, netstate.ListVPCs), netstate.Void)
			diff(t, o.Missing(west, netstate.ListVPCs).Message, "reply is longer than 1048576 bytes")
			diff(t, len(o.Unread[west]), 1)
			if n := m.longest.Load(); n > limit+1 {
				t.Errorf("%d bytes of it were read", n)
			}
			failures.Shown(t, 29, b.sim.Fired()[fault.Huge] == 1, "a reply of 1 GiB, asked for once")
		})
	}
}

// Without a limit of its own a target has one of 64 MiB.
func TestF29DefaultLimit(t *testing.T) {
	t.Parallel()
	m := &meter{announced: true}
	b := newBench(t, ec2sim.Config{}, func(c *Config) {
		m.RoundTripper, c.HTTPClient = c.HTTPClient.(*http.Client).Transport, &http.Client{Transport: m}
	})
	b.sim.Inject(fault.Rule{Service: "ec2", Kind: fault.Huge})
	id := b.apply(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags}) // a write, of which nobody knows what became
	wantKind(t, id[0].Err, netstate.Ambiguous)
	wantKind(t, b.observe(t, lookAt(hub)).Missing(west, netstate.ListVPCs), netstate.Void)
	diff(t, b.count("CreateVpcPeeringConnection"), 1)
	failures.Shown(t, 29, b.sim.Fired()[fault.Huge] > 1 && m.longest.Load() == 0, "replies that announce 1 GiB, of which nothing is read")
}

// meter counts how much of the longest reply was read, and may announce lengths that the simulator leaves open.
type meter struct {
	http.RoundTripper
	announced bool
	longest   atomic.Int64
}

func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := m.RoundTripper.RoundTrip(r)
	if err != nil || resp.ContentLength >= 0 {
		return resp, err
	}
	if m.announced {
		resp.ContentLength = 1 << 30
	}
	resp.Body = &metered{ReadCloser: resp.Body, m: m}
	return resp, nil
}

type metered struct {
	io.ReadCloser
	m    *meter
	read int64
}

func (b *metered) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.m.longest.Store(max(b.m.longest.Load(), b.read))
	return n, err
}

// Every attempt has a deadline that covers its body, and every scope its budget.
func TestF30Deadlines(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.Hang, fault.Slow} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, ec2sim.Config{})
				b.sim.Inject(fault.Rule{Operation: "DescribeVpcs", Account: string(bob), Kind: kind, Count: 1})
				start := time.Now()
				b.see(t, lookAt(hub, near)) // one attempt is lost, the next is answered
				if d := time.Since(start); d < 30*time.Second || d > 35*time.Second {
					t.Errorf("it took %s", d)
				}
				b.sim.Inject(fault.Rule{Operation: "DescribeVpcs", Account: string(bob), Kind: kind})
				start = time.Now()
				o := b.observe(t, lookAt(hub, near))
				diff(t, time.Since(start), 45*time.Second)
				wantKind(t, o.Missing(bobWest, netstate.ListVPCs), netstate.Retry)
				diff(t, o.Missing(bobWest, netstate.ListVPCs).Message, errBudget.Error())
				diff(t, len(o.Unread[bobWest]), 1)
				diff(t, len(o.Unread[west]), 0)
				failures.Shown(t, 30, b.sim.Fired()[kind] > 1, "calls without an answer")
			})
		})
	}
}

// A write has the same deadline; nobody knows what it did, so it is not sent again here.
func TestF30DeadlineOfAWrite(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.Hang, fault.Slow} {
		for service, want := range map[string]netstate.Kind{"ec2": netstate.Ambiguous, "sts": netstate.Retry} {
			t.Run(string(kind)+" "+service, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b := newBench(t, ec2sim.Config{})
					b.sim.Inject(fault.Rule{Service: service, Kind: kind})
					start := time.Now()
					out := b.apply(t, west, plan.OpenConnection{Requester: hub, Accepter: near, Tags: ourTags})
					wantKind(t, out[0].Err, want)
					if d := time.Since(start); d < 30*time.Second || d > 2*time.Minute { // STS is asked up to three times
						t.Errorf("it took %s", d)
					}
					diff(t, b.count("CreateVpcPeeringConnection"), map[string]int{"ec2": 1}[service])
					failures.Shown(t, 30, b.sim.Fired()[kind] > 0, "a call without an answer")
				})
			})
		}
	}
}

func TestF30DeadlineOverTCP(t *testing.T) {
	t.Parallel()
	b := newBench(t, ec2sim.Config{})
	cfg := b.cfg
	overHTTP(t, b.sim)(&cfg)
	cfg.CallTimeout, cfg.ScopeBudget = time.Second, 3*time.Second // enough for the calls before it on a busy machine
	b.Target = New(cfg)
	b.sim.Inject(fault.Rule{Operation: "DescribeVpcs", Kind: fault.Slow})
	o := b.observe(t, lookAt(hub))
	wantKind(t, o.Missing(west, netstate.ListVPCs), netstate.Retry)
	failures.Shown(t, 30, b.sim.Fired()[fault.Slow] > 0, "a byte a minute")
}

// Who accepts connections and says nothing, not even a TLS handshake, is given up as well, with the SDK's own HTTP client too.
func TestF30ConnectionAccepted(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var accepted []net.Conn
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					accepted = append(accepted, c)
				}
			}()
			target := New(Config{Source: as(alice, scheme+"://"+l.Addr().String()), CallTimeout: 50 * time.Millisecond, ScopeBudget: 200 * time.Millisecond})
			look := lookAt(hub)
			look.Access = map[netstate.AccountID]netstate.Access{alice: {Account: alice}}
			start := time.Now()
			o, err := target.Observe(t.Context(), look)
			if err != nil || time.Since(start) > 10*time.Second {
				t.Fatalf("%v after %s", err, time.Since(start))
			}
			wantKind(t, o.Missing(west, netstate.ListVPCs), netstate.Retry)
			l.Close()
			<-done
			for _, c := range accepted {
				c.Close()
			}
			failures.Shown(t, 30, len(accepted) > 0, "connections on which nothing is sent")
		})
	}
}

// A refusal in which there is no error of AWS is some proxy's.
func TestRefusalsWithoutACode(t *testing.T) {
	t.Parallel()
	for status, c := range map[int]struct{ read, write netstate.Kind }{
		307: {netstate.Void, netstate.Ambiguous},
		403: {netstate.Void, netstate.Ambiguous},
		502: {netstate.Retry, netstate.Ambiguous},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cl := served(t, func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(status)
					_, _ = w.Write([]byte("<html>go away"))
				})
				_, err := cl.describeVPCs(t.Context())
				wantKind(t, err, c.read)
				diff(t, err.Message, fmt.Sprintf("HTTP status %d without an error of AWS in it", status))
				w := &writer{client: cl}
				wantKind(t, w.tag(t.Context(), ourTags, "pcx-1"), c.write)
			})
		})
	}
}

// served is alice's client of a service that answers as the handler does, with credentials that were found to be hers.
func served(t *testing.T, handler http.HandlerFunc) *client {
	t.Helper()
	b := New(Config{HTTPClient: &http.Client{Transport: roundTrip(handler)}, Source: as(alice, "")})
	s, err := b.session(t.Context(), netstate.Access{Account: alice})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := ec2sim.AccessKey(string(alice))
	s.who = &identity{key: id, account: alice, partition: "aws"}
	return s.client(west)
}

type roundTrip func(http.ResponseWriter, *http.Request)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	f(rec, r)
	return rec.Result(), nil
}
