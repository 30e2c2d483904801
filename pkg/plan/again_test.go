package plan_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

const twoVPCs = `apiVersion: peerd/v1
owner: acme
accounts:
  one: {id: "111111111111", role: peerd}
  two: {id: "222222222222", ACCESS}
vpcs:
  a: {account: one, region: eu-west-1, id: vpc-0000000000000000a}
  b: {account: two, region: eu-west-1, id: vpc-0000000000000000b, cidrs: [10.2.0.0/16]}
peerings:
  - {name: a-b, requester: {vpc: a}, accepter: {vpc: b}}
`

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	vpcA = netstate.VPC{Scope: netstate.Scope{Account: "111111111111", Region: "eu-west-1"}, ID: "vpc-0000000000000000a"}
	vpcB = netstate.VPC{Scope: netstate.Scope{Account: "222222222222", Region: "eu-west-1"}, ID: "vpc-0000000000000000b"}
)

func twoVPCsSpec(t *testing.T, access string) *spec.Set {
	t.Helper()
	s, err := spec.Load(map1("spec.yaml", strings.Replace(twoVPCs, "ACCESS", access, 1)), "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pairWith is a look at the two VPCs, with a connection of ours in some state.
func pairWith(status netstate.Status, tags netstate.Tags) *netstate.Observed {
	o := netstate.NewObserved(noon)
	for v, cidr := range map[netstate.VPC]string{vpcA: "10.1.0.0/16", vpcB: "10.2.0.0/16"} {
		o.VPCs[v] = netstate.Facts{CIDRs: []netip.Prefix{netip.MustParsePrefix(cidr)}}
		o.Tables[netstate.TableKey{Scope: v.Scope, ID: netstate.TableID("rtb-" + v.ID[4:])}] = netstate.Table{VPC: v.ID, Main: true}
	}
	view := netstate.View{Seen: true, Tags: netstate.Tags{netstate.TagOwner: "acme", netstate.TagLink: "a-b"}.With(tags)}
	o.Connections["pcx-1"] = netstate.Connection{ID: "pcx-1", Requester: vpcA, Accepter: vpcB, Status: status, Message: "a message of EC2", Views: [2]netstate.View{view}}
	return o
}

// The table of again.go, row by row, and the neighbours of its times and counts.
func TestAskedAgain(t *testing.T) {
	t.Parallel()
	managed, partner := "role: peerd", "managed: false"
	same, other := "same", "0123456789ab"
	ago := func(d time.Duration) string { return noon.Add(-d).Format(time.RFC3339) }
	for name, c := range map[string]struct {
		status netstate.Status
		access string
		entry  string
		try    string
		want   string // the try of the request; empty: none
		code   string // of the problem that says why not, or why again
	}{
		"deleted by hand":                       {netstate.Deleted, managed, same, "1 " + ago(time.Hour), "1", ""},
		"deleted, one side unmanaged":           {netstate.Deleted, partner, same, "1 " + ago(time.Hour), "", plan.CodeDeleted},
		"deleted, unmanaged, entry changed":     {netstate.Deleted, partner, other, "1 " + ago(time.Hour), "1", ""},
		"deleted, unmanaged, by a removal":      {netstate.Deleted, partner, netstate.Leaving, "1 " + ago(time.Hour), "1", ""},
		"rejected":                              {netstate.Rejected, managed, same, "1 " + ago(time.Hour), "", plan.CodeRejected},
		"rejected by a partner":                 {netstate.Rejected, partner, same, "1 " + ago(time.Hour), "", plan.CodeRejected},
		"rejected, entry changed":               {netstate.Rejected, managed, other, "1 " + ago(time.Hour), "1", ""},
		"expired":                               {netstate.Expired, managed, same, "7 " + ago(168*time.Hour), "8", ""},
		"expired at a partner's, twice":         {netstate.Expired, partner, same, "2 " + ago(168*time.Hour), "3", ""},
		"expired at a partner's, three times":   {netstate.Expired, partner, same, "3 " + ago(168*time.Hour), "", plan.CodeExpired},
		"expired three times, entry changed":    {netstate.Expired, partner, other, "3 " + ago(168*time.Hour), "1", ""},
		"failed a minute ago":                   {netstate.Failed, managed, same, "1 " + ago(time.Minute), "2", plan.CodeConnFailed},
		"failed less than a minute ago":         {netstate.Failed, managed, same, "1 " + ago(59*time.Second), "", plan.CodeConnFailed},
		"failed twice, two minutes ago":         {netstate.Failed, managed, same, "2 " + ago(2*time.Minute), "3", plan.CodeConnFailed},
		"failed twice, a second less":           {netstate.Failed, managed, same, "2 " + ago(2*time.Minute-time.Second), "", plan.CodeConnFailed},
		"failed seven times, an hour ago":       {netstate.Failed, managed, same, "7 " + ago(time.Hour), "8", plan.CodeConnFailed},
		"failed a hundred times, a second less": {netstate.Failed, managed, same, "100 " + ago(time.Hour-time.Second), "", plan.CodeConnFailed},
		"failed just now, entry changed":        {netstate.Failed, managed, other, "5 " + ago(0), "1", ""},
		"failed, asked for by an older peerd":   {netstate.Failed, managed, "", "", "2", plan.CodeConnFailed},
		"failed, the tag is somebody's text":    {netstate.Failed, managed, same, "soon, perhaps", "2", plan.CodeConnFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := twoVPCsSpec(t, c.access)
			entry := c.entry
			if entry == same {
				entry = s.Peerings[0].Digest()
			}
			p := plan.Make(s, pairWith(c.status, netstate.Tags{netstate.TagEntry: entry, netstate.TagTry: c.try}), plan.Options{})
			got := ""
			for _, a := range p.Actions {
				if open, ok := a.(plan.OpenConnection); ok && a.Ready() {
					got, _, _ = strings.Cut(open.Tags[netstate.TagTry], " ")
					if want := got + " " + noon.Format(time.RFC3339); open.Tags[netstate.TagTry] != want {
						t.Errorf("try %q, want %q", open.Tags[netstate.TagTry], want)
					}
				}
			}
			code := ""
			for _, x := range p.Problems {
				code = x.Code
			}
			if got != c.want || code != c.code {
				t.Errorf("asked again %q with problem %q, want %q and %q", got, code, c.want, c.code)
			}
			if c.want == "" && len(p.Actions) > 0 {
				t.Errorf("held, and yet: %v", p.Actions)
			}
		})
	}
}

// Of several connections that came to nothing, the one that was asked for last counts.
func TestTheLastRequestCounts(t *testing.T) {
	t.Parallel()
	s := twoVPCsSpec(t, "managed: false")
	o := pairWith(netstate.Rejected, netstate.Tags{netstate.TagEntry: s.Peerings[0].Digest(), netstate.TagTry: "1 " + noon.Add(-time.Hour).Format(time.RFC3339)})
	older := o.Connections["pcx-1"]
	older.ID, older.Status = "pcx-2", netstate.Expired
	older.Views[0].Tags = older.Views[0].Tags.With(netstate.Tags{netstate.TagTry: "1 " + noon.Add(-48*time.Hour).Format(time.RFC3339)})
	o.Connections["pcx-2"] = older
	p := plan.Make(s, o, plan.Options{})
	if len(p.Problems) != 1 || p.Problems[0].Code != plan.CodeRejected || !strings.Contains(p.Problems[0].Message, "pcx-1") {
		t.Errorf("problems: %v", p.Problems)
	}
}

// While a connection of the pair is being deleted no other is asked for, but it stands in the plan.
func TestNotAskedWhileDeleting(t *testing.T) {
	t.Parallel()
	s := twoVPCsSpec(t, "role: peerd")
	p := plan.Make(s, pairWith(netstate.Deleting, nil), plan.Options{})
	if !p.Links[0].Passing() || p.Links[0].Ending != "pcx-1" {
		t.Errorf("link: %+v", p.Links[0])
	}
	for _, a := range p.Actions {
		if a.Ready() {
			t.Errorf("ready: %s", a)
		}
	}
	if len(p.Actions) == 0 || p.Actions[0].Step() != plan.StepOpen {
		t.Errorf("the request is not announced: %v", p.Actions)
	}
}
