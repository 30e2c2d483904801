package adopt

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// A VPC with a main table, two private ones of which one serves the databases, and one for a gateway, which no selector means.
func someTables() *netstate.Observed {
	at := netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	o := netstate.NewObserved(time.Time{})
	o.VPCs[netstate.VPC{Scope: at, ID: "vpc-1"}] = netstate.Facts{}
	for id, t := range map[netstate.TableID]netstate.Table{
		"main":     {Main: true, Tags: netstate.Tags{"Name": "x", "aws:stack": "net"}},
		"private":  {Tags: netstate.Tags{"Name": "x", "tier": "private", "zone": "a"}, Subnets: []netstate.SubnetID{"s-app"}},
		"database": {Tags: netstate.Tags{"Name": "y", "tier": "private", "zone": "b"}, Subnets: []netstate.SubnetID{"s-db"}},
		"lab":      {Tags: netstate.Tags{"Name": "z", "tier": "lab", "zone": "b"}},
		"bare":     {Subnets: []netstate.SubnetID{"s-bare"}},
		"edge":     {Gateway: true},
	} {
		t.VPC = "vpc-1"
		o.Tables[netstate.TableKey{Scope: at, ID: id}] = t
	}
	for id, tags := range map[netstate.SubnetID]netstate.Tags{"s-app": {"use": "app"}, "s-db": {"use": "db"}, "s-bare": {"use": "bare", "also": "app"}, "s-main": {"also": "app"}} {
		o.Subnets[netstate.SubnetKey{Scope: at, ID: id}] = netstate.Subnet{VPC: "vpc-1", Tags: tags}
	}
	return o
}

// The first form that means exactly these tables.
func TestTables(t *testing.T) {
	t.Parallel()
	o := someTables()
	b := &builder{o: o, selector: plan.NewSelector(o)}
	for want, said := range map[string]string{
		"":                               "none",
		"bare database lab main private": "all",
		"main":                           "main",
		"database private":               `tags tier="private"`,
		"lab":                            `tags tier="lab"`,
		"private":                        `tags zone="a"`,
		"database lab":                   `tags zone="b"`,
		"database":                       `tags Name="y"`, // no tag beside its name says it alone
		"bare":                           `subnets use="bare"`,
		"bare main":                      `subnets also="app"`, // one associated, and one by default
		"bare database lab private":      "all but main",
		"bare lab main":                  `all but tags tier="private"`,
		"bare database main":             "ids bare database main",
	} {
		tables := map[netstate.TableID]bool{}
		for _, id := range strings.Fields(want) {
			tables[netstate.TableID(id)] = true
		}
		for v := range o.VPCs {
			sel, but := b.tables(v, tables)
			got := formText(sel)
			if but.Kind != spec.SelectNone {
				got += " but " + formText(but)
			}
			if got != said {
				t.Errorf("%s: %s, want %s", want, got, said)
			}
		}
	}
}

func formText(t spec.Tables) string {
	switch t.Kind {
	case spec.SelectNone:
		return "none"
	case spec.SelectAll:
		return "all"
	case spec.SelectMain:
		return "main"
	case spec.SelectTags:
		return "tags " + t.Tags.String()
	case spec.SelectSubnets:
		return "subnets " + t.SubnetTags.String()
	}
	ids := make([]string, len(t.IDs))
	for i, id := range t.IDs {
		ids[i] = string(id)
	}
	slices.Sort(ids)
	return fmt.Sprint("ids ", strings.Join(ids, " "))
}

// A name of the spec is made of what people call a VPC.
func TestPlainName(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"hub": "hub", "Payments Prod": "payments-prod", "data lake (old)": "data-lake-old", "a--b": "a-b", "-x-": "x", "ßøå": "", "": "", "10.net_1": "10.net_1",
		strings.Repeat("a", 80): strings.Repeat("a", 45), "a\nb: {c}": "a-b-c",
	} {
		if got := plainName(tag); got != want {
			t.Errorf("%q: %q, want %q", tag, got, want)
		}
	}
}

// What a plan would refuse for its public addresses is not stated: 172.0.0.0/8 has them beside private ones. Everything can be, but not by a prefix list.
func TestPublicAddressesAreNotStated(t *testing.T) {
	t.Parallel()
	of := func(cidrs ...string) *end {
		v := &spec.VPC{}
		for _, c := range cidrs {
			v.CIDRs = append(v.CIDRs, netip.MustParsePrefix(c))
		}
		return &end{Side: &spec.Side{VPC: v}}
	}
	e, peer := of("52.0.0.0/16"), of("10.0.0.0/16", "52.1.0.0/16")
	for cidr, want := range map[string]string{
		"10.0.0.0/8": "", "172.16.0.0/12": "", "52.1.4.0/24": "", "52.0.0.0/15": "", "0.0.0.0/0": "", "2000::/3": "",
		"8.8.8.0/24":  "is public address space that the peer does not have",
		"172.0.0.0/8": "holds public addresses that the peer does not have, 172.0.0.0/12 among them",
		"52.0.0.0/14": "holds public addresses that the peer does not have, 52.2.0.0/15 among them",
	} {
		c := netip.MustParsePrefix(cidr)
		if got := (&builder{}).forbidden(netstate.Scope{}, e, peer, netstate.Dest{Prefix: c}); got != want {
			t.Errorf("%s: %q, want %q", cidr, got, want)
		}
	}
	if got := public(netstate.Dest{List: "pl-1"}, netip.MustParsePrefix("0.0.0.0/0"), e, peer); !strings.Contains(got, "holds public addresses") {
		t.Errorf("everything in a prefix list: %q", got)
	}
}
