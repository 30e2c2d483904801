package preflight

import (
	"cmp"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// The names of quotas, where their use is told.
const (
	QuotaPeerings = "peerings_per_vpc"
	QuotaRequests = "outstanding_requests" // of the VPC's account and region
	QuotaRoutes   = "routes_per_table"
	QuotaRules    = "rules_per_group"
)

func perVPC(q spec.Quotas) int      { return q.PeeringsPerVPC }
func outstanding(q spec.Quotas) int { return q.OutstandingRequests }
func perTable(q spec.Quotas) int    { return q.RoutesPerTable }
func perGroup(q spec.Quotas) int    { return q.RulesPerGroup }

// vpcsOf are the managed VPCs that peerings of the spec have, by name, as far as they were seen.
func vpcsOf(want *plan.Desired, o *netstate.Observed) map[string]netstate.VPC {
	out := map[string]netstate.VPC{}
	for _, l := range want.Links {
		for _, e := range l.Ends {
			if _, seen := o.VPCs[e.VPC]; seen && e.Managed {
				out[e.Name] = e.VPC
			}
		}
	}
	return out
}

// unseen is how much is used where nothing shows it.
const unseen = -1

// seen is the count of a VPC, or unseen if it has none.
func seen(counts map[netstate.VPC]int, v netstate.VPC) int {
	if n, ok := counts[v]; ok {
		return n
	}
	return unseen
}

// most is the fuller of the two families.
func (l load) most() int { return max(l[0], l[1]) }

// use notes how much of a quota each VPC uses. What rests on a listing that could not be read is unknown, which is not zero.
func (c *checker) use(quota string, of func(spec.Quotas) int, assumed int, needs netstate.Listing, used func(netstate.VPC) int) {
	for name, v := range c.vpcs {
		n := used(v)
		if n == unseen || c.o.Missing(v.Scope, needs) != nil {
			continue
		}
		l := c.limit(v.Account, of, assumed)
		c.uses = append(c.uses, plan.QuotaUse{VPC: name, Quota: quota, Used: n, Limit: l.n, Stated: l.stated})
	}
}

func (c *checker) sortedUses() []plan.QuotaUse {
	slices.SortFunc(c.uses, func(a, b plan.QuotaUse) int { return cmp.Or(cmp.Compare(a.VPC, b.VPC), cmp.Compare(a.Quota, b.Quota)) })
	return c.uses
}
