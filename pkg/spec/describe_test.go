package spec_test

import (
	"fmt"
	"strings"

	"github.com/peerd/peerd/pkg/spec"
)

// describe writes a set down without positions, one fact per line, so that a golden shows what a spec means.
func describe(s *spec.Set) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("owner %q", s.Owner)
	for _, p := range s.Protected {
		line("protected %s", p)
	}
	for _, a := range s.Accounts {
		line("account %s %s managed=%t role=%q read=%q external=%q profile=%q session=%s sts=%q regions=%v quotas=%v",
			a.Name, a.ID, a.Managed, a.Role, a.ReadRole, a.ExternalID, a.Profile, a.SessionDuration, a.STSRegion, a.Regions, a.Quotas)
	}
	for _, v := range s.VPCs {
		line("vpc %s in %s (%s) id=%q tags=%v cidrs=%v", v.Name, v.Scope(), v.Account.Name, v.Select.ID, v.Select.Tags, v.CIDRs)
	}
	for _, p := range s.Peerings {
		line("peering %s from=%q adopt=%t tags=%v", p.Name, p.From, p.Adopt, p.Tags)
		if p.Suspend != nil {
			line("  suspend %q until %s", p.Suspend.Reason, p.Suspend.Until)
		}
		for i, side := range p.Sides {
			describeSide(line, [...]string{"requester", "accepter"}[i], side)
		}
	}
	return b.String()
}

func describeSide(line func(string, ...any), role string, s spec.Side) {
	line("  %s %s dns=%s tables=%s exclude=%s replace=%t", role, s.VPC.Name, s.DNS, tables(s.Routes.Tables), tables(s.Routes.Exclude), s.Routes.Replace)
	for _, d := range s.Routes.To {
		line("    to %s wider=%t", d.Dest, d.Wider)
	}
	for _, r := range s.Rules {
		line("    %s %s %v with %s in %s of %s: %q", r.Direction, r.Proto, r.Ports, peer(r.Peer), r.Group, r.Account.Name, r.Description)
	}
}

func tables(t spec.Tables) string {
	names := [...]string{"none", "all", "main", "ids", "tags", "subnets"}
	return fmt.Sprintf("%s%v%v%v", names[t.Kind], t.IDs, t.Tags, t.SubnetTags)
}

func peer(p spec.RulePeer) string {
	if p.Group != nil {
		return "group " + p.Group.String()
	}
	var words []string
	for _, d := range p.CIDRs {
		words = append(words, fmt.Sprintf("%s wider=%t", d.Dest, d.Wider))
	}
	return "[" + strings.Join(words, ", ") + "]"
}
