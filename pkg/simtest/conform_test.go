package simtest_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
	"github.com/peerd/peerd/pkg/simtest"
)

// The real target over the simulator passes what the in-memory one does, so that neither drifts from the other.
func TestConformance(t *testing.T) {
	t.Parallel()
	reconciletest.Conform(t, func(t *testing.T, w *netstate.Observed) reconciletest.Subject {
		delays := world.Delays{Initiating: time.Second, Visible: time.Second, Provisioning: time.Second, Deleting: time.Second}
		return overSim(t, w, delays)
	})
}

func overSim(t *testing.T, w *netstate.Observed, delays world.Delays) reconciletest.Subject {
	t.Helper()
	sim, err := ec2sim.New(ec2sim.Config{World: worldFile(w), Delays: delays})
	if err != nil {
		t.Fatalf("%v\n%s", err, worldFile(w))
	}
	return reconciletest.Subject{Target: simtest.Target(sim), Deny: func(s netstate.Scope, l netstate.Listing) {
		sim.Inject(fault.Rule{Service: "ec2", Operation: string(l), Account: string(s.Account), Region: string(s.Region), Kind: fault.Error, Code: "UnauthorizedOperation", Before: true})
	}}
}

// worldFile writes a world down for the simulator.
func worldFile(o *netstate.Observed) []byte {
	var b strings.Builder
	scopes := map[netstate.AccountID]map[netstate.Region]bool{}
	for v := range o.VPCs {
		if scopes[v.Account] == nil {
			scopes[v.Account] = map[netstate.Region]bool{}
		}
		scopes[v.Account][v.Region] = true
	}
	b.WriteString("accounts:\n")
	for _, account := range slices.Sorted(maps.Keys(scopes)) {
		fmt.Fprintf(&b, "  - id: %q\n    regions:\n", account)
		for _, region := range slices.Sorted(maps.Keys(scopes[account])) {
			scopeText(&b, o, netstate.Scope{Account: account, Region: region})
		}
	}
	b.WriteString("connections:\n")
	for _, c := range o.Connections {
		on := func(s netstate.Side) bool { return c.Views[s].DNS == netstate.Yes }
		fmt.Fprintf(&b, "  - {id: %s, status: %s, requester: %s, accepter: %s, tags: %s, accepterTags: %s, dns: {requester: %t, accepter: %t}}\n", c.ID, c.Status, end(c.Requester), end(c.Accepter),
			tagsText(c.Views[0].Tags), tagsText(c.Views[1].Tags), on(netstate.RequesterSide), on(netstate.AccepterSide))
	}
	return []byte(b.String())
}

func end(v netstate.VPC) string {
	return fmt.Sprintf("{account: %q, region: %s, vpc: %s}", v.Account, v.Region, v.ID)
}

func tagsText(t netstate.Tags) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(t)) {
		out = append(out, fmt.Sprintf("%q: %q", k, t[k]))
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func scopeText(b *strings.Builder, o *netstate.Observed, s netstate.Scope) {
	fmt.Fprintf(b, "      %s:\n        targets: [tgw-0000000000000a001]\n        vpcs:\n", s.Region)
	for v, f := range o.VPCs {
		if v.Scope != s {
			continue
		}
		var v4, v6 []string
		for _, p := range f.CIDRs {
			if p.Addr().Is4() {
				v4 = append(v4, p.String())
			} else {
				v6 = append(v6, p.String())
			}
		}
		fmt.Fprintf(b, "          - id: %s\n            cidrs: [%s]\n            ipv6: [%s]\n            tags: %s\n            dns: {support: %t, hostnames: %t}\n",
			v.ID, strings.Join(v4, ", "), strings.Join(v6, ", "), tagsText(f.Tags), f.DNSSupport == netstate.Yes, f.DNSHostnames == netstate.Yes)
		tablesText(b, o, v)
		groupsText(b, o, v)
	}
	b.WriteString("        prefixLists:\n")
	for k, p := range o.PrefixLists {
		if k.Scope == s {
			fmt.Fprintf(b, "          - {id: %s, max: %d, entries: [%s]}\n", k.ID, p.MaxEntries, join(p.Entries, "{cidr: %s}"))
		}
	}
}

func join(all []netip.Prefix, format string) string {
	var out []string
	for _, p := range all {
		out = append(out, fmt.Sprintf(format, p))
	}
	return strings.Join(out, ", ")
}

func tablesText(b *strings.Builder, o *netstate.Observed, v netstate.VPC) {
	b.WriteString("            tables:\n")
	uses := map[netstate.SubnetID]netstate.TableID{}
	for k, t := range o.Tables {
		if k.Scope != v.Scope || t.VPC != v.ID {
			continue
		}
		fmt.Fprintf(b, "              - id: %s\n                main: %t\n                gateway: %t\n                tags: %s\n                routes:\n", k.ID, t.Main, t.Gateway, tagsText(t.Tags))
		for at, r := range o.Routes {
			if at.Scope == k.Scope && at.Table == k.ID {
				fmt.Fprintf(b, "                  - {to: %q, via: %s, origin: %s}\n", at.Dest, r.Target.ID, r.Origin)
			}
		}
		for _, s := range t.Subnets {
			uses[s] = k.ID
		}
	}
	b.WriteString("            subnets:\n")
	for k, s := range o.Subnets {
		if k.Scope == v.Scope && s.VPC == v.ID {
			cidr := netip.PrefixFrom(o.VPCs[v].CIDRs[0].Addr(), 24)
			fmt.Fprintf(b, "              - {id: %s, cidr: %s, table: %q, tags: %s}\n", k.ID, cidr, uses[k.ID], tagsText(s.Tags))
		}
	}
}

func groupsText(b *strings.Builder, o *netstate.Observed, v netstate.VPC) {
	b.WriteString("            groups:\n")
	for k, g := range o.Groups {
		if k.Scope != v.Scope || g.VPC != v.ID {
			continue
		}
		fmt.Fprintf(b, "              - id: %s\n                name: %s\n                tags: %s\n                rules:\n", k.ID, g.Name, tagsText(g.Tags))
		for at, r := range o.Rules {
			if at.Group != k.ID {
				continue
			}
			where, ports := "from", ""
			if at.Dir == netstate.Egress {
				where = "to"
			}
			if at.Ports != netstate.AllPorts {
				ports = fmt.Sprintf("%d-%d", at.Ports.From, at.Ports.To)
			}
			fmt.Fprintf(b, "                  - {id: %s, direction: %s, protocol: %q, ports: %q, %s: %q, description: %q, tags: %s}\n", r.ID, at.Dir, cmp.Or(string(at.Proto), "-1"), ports, where, at.Peer,
				r.Description, tagsText(r.Tags))
		}
	}
}

// Whatever is done to them, the in-memory target and the real one over the simulator answer and show the same.
func TestTargetsAreAlike(t *testing.T) {
	t.Parallel()
	seeds := uint64(5)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := reconciletest.World()
				reconciletest.Alike(t, seed, reconciletest.Subject{Target: reconciletest.New(w)}, overSim(t, w, world.Delays{}))
			})
		})
	}
}
