package failures_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// off is a simulated AWS whose clock is off from ours, and which refuses signatures of another time.
func off(by time.Duration) ec2sim.Config {
	return ec2sim.Config{Switches: world.Switches{CheckClock: true}, Now: func() time.Time { return time.Now().Add(by) }}
}

// refusedForItsTime counts the signatures that were refused for their time.
func refusedForItsTime(calls []ec2sim.Call) (n int) {
	for _, c := range calls {
		if c.Service == "ec2" && c.Code == "RequestExpired" || c.Service == "sts" && c.Code == "SignatureDoesNotMatch" {
			n++
		}
	}
	return n
}

// A clock that is wrong by an hour is found out from the first refusal, and signatures bear AWS's time from then on.
func TestF08ClockIsWrong(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"our clock is slow": time.Hour, "our clock is fast": -time.Hour} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, off(by), twoAccounts)
			applied(t, r)
			calls := r.Sim.Calls()
			refused := refusedForItsTime(calls)
			t.Logf("%d of %d calls were refused for their time", refused, len(calls))
			for _, c := range calls {
				if c.Code != "" && c.Code != "RequestExpired" && c.Code != "SignatureDoesNotMatch" {
					t.Errorf("%s: %s", c.Action, c.Code)
				}
			}
			failures.Shown(t, 8, refused > 0, "a clock that is wrong by an hour")
			time.Sleep(20 * time.Minute) // the sessions of the first pass end meanwhile
			mustRest(t, r)
		})
	}
}

// The clock is set in the middle of a pass, between two writes: the one that is refused for its time was not done, and is signed anew.
func TestF08ClockIsSetInTheMiddle(t *testing.T) {
	t.Parallel()
	inBubble(t, "RequestExpired", func(t *testing.T) {
		var by, refused atomic.Int64
		cfg := off(0)
		cfg.Now = func() time.Time { return time.Now().Add(time.Duration(by.Load())) }
		r := simtest.New(t, cfg, manyRoutes())
		r.Sim.After(func(c ec2sim.Call) {
			if c.Action == "CreateRoute" {
				by.Store(int64(time.Hour))
				if c.Code == "RequestExpired" {
					refused.Add(1)
				}
			}
		})
		applied(t, r)
		failures.Shown(t, 8, refused.Load() > 0, "writes that are refused for their time")
		r.Sim.After(nil)
		mustRest(t, r)
	})
	inBubble(t, "AuthFailure", func(t *testing.T) { // EC2's other word for it, told from a wrong key by the time of the reply
		r := simtest.New(t, ec2sim.Config{}, manyRoutes())
		r.Sim.Inject(fault.Rule{Operation: "CreateRoute", Kind: fault.Error, Code: "AuthFailure", Status: http.StatusUnauthorized, Before: true, Count: 1})
		r.Via = anHourOn{r.Sim}
		applied(t, r)
		failures.Shown(t, 8, r.Sim.Fired()[fault.Error] == 1, "a write that is refused for its time")
		r.Via = nil
		mustRest(t, r)
	})
}

// anHourOn refuses as a service does whose clock is an hour ahead.
type anHourOn struct{ http.RoundTripper }

func (a anHourOn) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.RoundTripper.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		resp.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	}
	return resp, err
}

// Where AWS does not say what time it is, the clock cannot be corrected: the accounts are held, and nothing is asked again and again.
func TestF08ClockCannotBeCorrected(t *testing.T) {
	t.Parallel()
	inBubble(t, "no Date in the replies", func(t *testing.T) {
		r := simtest.New(t, off(time.Hour), twoAccounts)
		r.Via = dateless{r.Sim}
		before := r.Sim.Dump()
		pass, calls := r.Apply()
		simtest.MustExit(t, "the pass", pass, reconcile.ExitFailed) // nothing could be read at all
		mustSay(t, pass, "Signature expired or not yet valid")
		simtest.WantActions(t, nil, calls)
		wantNone(t, "changed", gained(r, before))
		if n := len(r.Sim.Calls()); n > 4 {
			t.Errorf("%d calls", n)
		}
		failures.Shown(t, 8, refusedForItsTime(r.Sim.Calls()) > 0, "a clock that is wrong by an hour")
		r.Via = nil
		applied(t, r)
	})
}

// dateless takes the Date out of replies.
type dateless struct{ http.RoundTripper }

func (d dateless) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Header.Del("Date")
	}
	return resp, err
}
